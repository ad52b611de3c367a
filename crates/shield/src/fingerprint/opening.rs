//! The first frames of an HTTP/2 connection, in the form that is usual since the passive fingerprinting of HTTP/2
//! clients (Black Hat Europe 2017): `SETTINGS|WINDOW_UPDATE|PRIORITY|pseudo-header fields`, such as
//! `1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p`.

use super::pseudo::{PSEUDO_MAX, order};
use std::fmt::Write as _;

/// The longest fingerprint, in bytes; more is cut off.
pub const FINGERPRINT_BYTES_MAX: usize = 256;
/// The begin of each frame's content that is looked at, in bytes.
pub const OPENING_BYTES_MAX: usize = 512;
/// Frames before the first field block that are looked at.
const FRAMES_MAX: usize = 32;

const PADDED: u8 = 0x8;
const PRIORITISED: u8 = 0x20;
const ACK: u8 = 0x1;

/// Reads the frames of a connection up to its first field block.
#[derive(Debug)]
pub struct Opening {
    frames: usize,
    settings: String,
    window: u32,
    priorities: String,
    /// The frame that is read: its kind, flags and stream, and the begin of its content.
    frame: (u8, u8, u32),
    content: Vec<u8>,
}

impl Default for Opening {
    fn default() -> Self {
        let content = Vec::with_capacity(OPENING_BYTES_MAX);
        Self {
            frames: 0,
            settings: String::new(),
            window: 0,
            priorities: String::new(),
            frame: (0, 0, 0),
            content,
        }
    }
}

impl Opening {
    /// A frame begins, with this head (RFC 9113 §4.1).
    pub fn begin(&mut self, head: [u8; 9]) {
        self.frames += 1;
        self.content.clear();
        self.frame =
            (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff);
    }

    /// More of its content.
    pub fn add(&mut self, bytes: &[u8]) {
        let room = OPENING_BYTES_MAX - self.content.len();
        self.content.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// It has ended: the fingerprint, where that was the first field block; none yet otherwise.
    pub fn end(&mut self) -> Option<String> {
        let (kind, flags, stream) = self.frame;
        match kind {
            0x1 => return Some(self.text(flags)),
            0x2 => {
                // RFC 7540 §6.3.
                if let [a, b, c, d, weight, ..] = self.content[..] {
                    let depends = u32::from_be_bytes([a, b, c, d]);
                    let (exclusive, on) = (depends >> 31, depends & 0x7fff_ffff);
                    let comma = if self.priorities.is_empty() { "" } else { "," };
                    let weight = u16::from(weight) + 1;
                    let _ = write!(self.priorities, "{comma}{stream}:{exclusive}:{on}:{weight}");
                }
            }
            0x4 if flags & ACK == 0 && self.settings.is_empty() => {
                for setting in self.content.as_chunks::<6>().0 {
                    let [a, b, c, d, e, f] = *setting;
                    let (id, value) = (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]));
                    let semicolon = if self.settings.is_empty() { "" } else { ";" };
                    let _ = write!(self.settings, "{semicolon}{id}:{value}");
                }
            }
            0x8 if stream == 0 && self.window == 0 => {
                if let [a, b, c, d] = self.content[..] {
                    self.window = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
                }
            }
            _ => {}
        }
        (self.frames >= FRAMES_MAX).then(|| self.text(0))
    }

    fn text(&self, flags: u8) -> String {
        let padding = if flags & PADDED != 0 { 1 } else { 0 };
        let priority = if flags & PRIORITISED != 0 { 5 } else { 0 };
        let block = self.content.get(padding + priority..).filter(|_| self.frame.0 == 0x1).unwrap_or(&[]);
        let (initials, count): ([u8; PSEUDO_MAX], _) = order(block);
        let or_zero = |text: &str| if text.is_empty() { "0".to_owned() } else { text.to_owned() };
        let mut text = format!("{}|{:02}|{}|", self.settings, self.window, or_zero(&self.priorities));
        for (place, initial) in initials[..count].iter().enumerate() {
            text.push_str(if place > 0 { "," } else { "" });
            text.push(char::from(*initial));
        }
        // Digits and signs: every byte is a character.
        text.truncate(FINGERPRINT_BYTES_MAX);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opening: &mut Opening, (kind, flags, stream): (u8, u8, u32), content: &[u8]) -> Option<String> {
        let length = u32::try_from(content.len()).expect("short").to_be_bytes();
        let [a, b, c, d] = stream.to_be_bytes();
        opening.begin([length[1], length[2], length[3], kind, flags, a, b, c, d]);
        content.chunks(3).for_each(|piece| opening.add(piece));
        opening.end()
    }

    fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
        pairs.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect()
    }

    #[test]
    fn a_browsers_opening_is_written_as_it_is_usual() {
        let mut opening = Opening::default();
        let pairs = settings(&[(1, 65_536), (2, 0), (4, 6_291_456), (6, 262_144)]);
        assert_eq!(frame(&mut opening, (0x4, 0, 0), &pairs), None);
        assert_eq!(frame(&mut opening, (0x8, 0, 0), &15_663_105u32.to_be_bytes()), None);
        let mut block = vec![0x80, 0, 0, 0, 255];
        block.extend([0x82, 0x41, 1, b'a', 0x87, 0x84]);
        let text = frame(&mut opening, (0x1, PRIORITISED | 0x5, 1), &block);
        assert_eq!(text.as_deref(), Some("1:65536;2:0;4:6291456;6:262144|15663105|0|m,a,s,p"));
    }

    #[test]
    fn priorities_are_listed_and_a_program_that_sends_little_has_a_fingerprint_too() {
        let mut opening = Opening::default();
        assert_eq!(frame(&mut opening, (0x4, 0, 0), &[]), None);
        assert_eq!(frame(&mut opening, (0x2, 0, 3), &[0, 0, 0, 0, 200]), None);
        assert_eq!(frame(&mut opening, (0x2, 0, 5), &[0x80, 0, 0, 3, 100]), None);
        let text = frame(&mut opening, (0x1, 0x5, 15), &[0x82, 0x84, 0x87]);
        assert_eq!(text.as_deref(), Some("|00|3:0:0:201,5:1:3:101|m,p,s"));
    }

    #[test]
    fn neither_many_nor_large_frames_make_a_long_fingerprint() {
        let mut opening = Opening::default();
        let many: Vec<_> = (0..5_000).map(|id| (id, u32::MAX)).collect();
        let mut text = frame(&mut opening, (0x4, 0, 0), &settings(&many));
        while text.is_none() {
            text = frame(&mut opening, (0x2, 0, 0x7fff_ffff), &[255; 5]);
        }
        assert_eq!(text.map(|text| text.len()), Some(FINGERPRINT_BYTES_MAX));
        assert!(opening.content.capacity() < 2 * OPENING_BYTES_MAX);
    }
}
