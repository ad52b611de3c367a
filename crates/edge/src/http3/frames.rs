//! Frames (RFC 9114 §7), read from whatever pieces a stream comes in.
//!
//! Pure. Knows which frames may stand on which stream and in which order, and how large each may be: a length is
//! believed only within its bound, before one byte of the frame is kept. Content is passed on as it comes and never
//! gathered.

use super::codes::Code;
use crate::http1::framing::HEAD_BYTES_MAX;
use bytes::{Buf, Bytes, BytesMut};
use std::time::Duration;
use tokio::time::Instant;

/// A request's head as it is coded. Its lines, decoded, have the same bound; a coding that makes them longer than
/// they are serves nobody.
pub(crate) const HEAD_FRAME_BYTES_MAX: usize = HEAD_BYTES_MAX;
/// A trailer as it is coded.
pub(crate) const TRAILER_FRAME_BYTES_MAX: usize = 8 * 1024;
/// A frame of the control stream whose content is read.
pub(crate) const CONTROL_FRAME_BYTES_MAX: usize = 1024;
/// Frames of one stream within [`COUNT_TIME`] without content, or of types nobody knows; one more is taken for an attack.
pub(crate) const IDLE_FRAMES_MAX: u32 = 1024;
/// What all frames of unknown types on one stream may hold, within the same time.
pub(crate) const UNKNOWN_BYTES_MAX: u64 = 64 * 1024;
/// How long both are counted before the count begins anew: a stream may live for days, and visitors may say as often as
/// they like what they would have first (RFC 9218 §7).
pub(crate) const COUNT_TIME: Duration = Duration::from_secs(60);

const DATA: u64 = 0x0;
const HEADERS: u64 = 0x1;
const CANCEL_PUSH: u64 = 0x3;
const SETTINGS: u64 = 0x4;
const PUSH_PROMISE: u64 = 0x5;
const GOAWAY: u64 = 0x7;
const MAX_PUSH_ID: u64 = 0xd;
/// Types of HTTP/2 that HTTP/3 has not: PRIORITY, PING, WINDOW_UPDATE, CONTINUATION (RFC 9114 §7.2.8).
const OF_HTTP_2: [u64; 4] = [0x2, 0x6, 0x8, 0x9];

/// A frame, or a piece of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A request's head, coded.
    Head(Bytes),
    /// A piece of content, never empty.
    Content(Bytes),
    /// A trailer, coded.
    Trailer(Bytes),
    /// A client's settings.
    Settings(Bytes),
    /// One number: what GOAWAY, CANCEL_PUSH and MAX_PUSH_ID say.
    Number(u64),
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The whole connection is in doubt.
    Connection(Code),
    /// A head or trailer larger than its bound.
    TooLarge,
    /// The stream has ended before a head had come.
    Incomplete,
}

/// What may come next on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A request stream: its head.
    Head,
    /// Content, or a trailer.
    Content,
    /// Nothing with a meaning.
    Trailed,
    /// A control stream: the settings.
    Settings,
    /// Whatever a control stream may carry after them.
    Control,
}

#[derive(Debug)]
enum State {
    /// In front of a frame: its type and length, as far as they have come.
    Front(BytesMut),
    /// Within content.
    Content(u64),
    /// Within a frame that is kept until it is whole.
    Gathering { kind: u64, length: usize, held: BytesMut },
    /// Within a frame without a meaning.
    Skipping(u64),
}

/// Reads the frames of one stream.
#[derive(Debug)]
pub(super) struct Frames {
    stage: Stage,
    state: State,
    idle_frames: u32,
    unknown_bytes: u64,
    /// Since when both are counted; from the first look at the clock on.
    counted_since: Option<Instant>,
}

impl Frames {
    pub(super) fn of_request() -> Self {
        Self::new(Stage::Head)
    }

    pub(super) fn of_control() -> Self {
        Self::new(Stage::Settings)
    }

    fn new(stage: Stage) -> Self {
        Self {
            stage,
            state: State::Front(BytesMut::new()),
            idle_frames: 0,
            unknown_bytes: 0,
            counted_since: None,
        }
    }

    /// Bytes that are held until more come.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Gathering { held, .. } => held.capacity(),
            State::Front(_) | State::Content(_) | State::Skipping(_) => 0,
        }
    }

    /// What comes next comes now.
    pub(super) fn at(&mut self, now: Instant) {
        let since = *self.counted_since.get_or_insert(now);
        if now - since >= COUNT_TIME {
            (self.idle_frames, self.unknown_bytes, self.counted_since) = (0, 0, Some(now));
        }
    }

    /// Takes from `bytes` what they hold of the next frame; none once they are empty.
    pub(super) fn take(&mut self, bytes: &mut Bytes) -> Result<Option<Frame>, Fault> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Front(front) => {
                    let Some((kind, length)) = front_of(front, bytes) else { continue };
                    self.begin(kind, length)?;
                    if let Some(frame) = self.whole()? {
                        return Ok(Some(frame));
                    }
                }
                State::Content(left) => {
                    let piece = split(bytes, left);
                    if *left == 0 {
                        self.state = State::Front(BytesMut::new());
                    }
                    return Ok(Some(Frame::Content(piece)));
                }
                State::Skipping(left) => {
                    split(bytes, left);
                    if *left == 0 {
                        self.state = State::Front(BytesMut::new());
                    }
                }
                State::Gathering { length, held, .. } => {
                    let wanted = (*length - held.len()).min(bytes.len());
                    held.extend_from_slice(&bytes.split_to(wanted));
                    if let Some(frame) = self.whole()? {
                        return Ok(Some(frame));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Says whether the stream may end here (RFC 9114 §7.1).
    pub(super) fn end(&self) -> Result<(), Fault> {
        match (&self.state, self.stage) {
            (State::Front(front), _) if !front.is_empty() => Err(Fault::Connection(Code::FrameMalformed)),
            (State::Front(_), Stage::Head) => Err(Fault::Incomplete),
            (State::Front(_), Stage::Content | Stage::Trailed) => Ok(()),
            (State::Front(_), Stage::Settings | Stage::Control) => {
                Err(Fault::Connection(Code::ClosedCriticalStream))
            }
            _ => Err(Fault::Connection(Code::FrameMalformed)),
        }
    }

    /// A frame's type and length are there.
    fn begin(&mut self, kind: u64, length: u64) -> Result<(), Fault> {
        let unexpected = Err(Fault::Connection(Code::FrameUnexpected));
        let bytes_max = match (self.stage, kind) {
            (_, kind) if OF_HTTP_2.contains(&kind) => return unexpected,
            (Stage::Head, HEADERS) => HEAD_FRAME_BYTES_MAX,
            (Stage::Content, HEADERS) => TRAILER_FRAME_BYTES_MAX,
            (Stage::Content, DATA) => return self.content(length),
            (Stage::Settings, SETTINGS) => CONTROL_FRAME_BYTES_MAX,
            // RFC 9114 §6.2.1: the settings come first.
            (Stage::Settings, _) => return Err(Fault::Connection(Code::MissingSettings)),
            (Stage::Control, GOAWAY | CANCEL_PUSH | MAX_PUSH_ID) => 8,
            (_, DATA | HEADERS | SETTINGS | PUSH_PROMISE | GOAWAY | CANCEL_PUSH | MAX_PUSH_ID) => {
                return unexpected;
            }
            _ => return self.skip(length),
        };
        let length = usize::try_from(length).ok().filter(|length| *length <= bytes_max);
        let Some(length) = length else {
            return Err(match kind {
                HEADERS => Fault::TooLarge,
                SETTINGS => Fault::Connection(Code::ExcessiveLoad),
                _ => Fault::Connection(Code::FrameMalformed),
            });
        };
        self.state = State::Gathering { kind, length, held: BytesMut::new() };
        Ok(())
    }

    fn content(&mut self, length: u64) -> Result<(), Fault> {
        if length == 0 {
            return self.count_idle();
        }
        self.state = State::Content(length);
        Ok(())
    }

    fn skip(&mut self, length: u64) -> Result<(), Fault> {
        self.unknown_bytes = self.unknown_bytes.saturating_add(length);
        if self.unknown_bytes > UNKNOWN_BYTES_MAX {
            return Err(Fault::Connection(Code::ExcessiveLoad));
        }
        if length > 0 {
            self.state = State::Skipping(length);
        }
        self.count_idle()
    }

    fn count_idle(&mut self) -> Result<(), Fault> {
        self.idle_frames += 1;
        match self.idle_frames <= IDLE_FRAMES_MAX {
            true => Ok(()),
            false => Err(Fault::Connection(Code::ExcessiveLoad)),
        }
    }

    /// The frame that is gathered, once all of it is there.
    fn whole(&mut self) -> Result<Option<Frame>, Fault> {
        let State::Gathering { kind, length, held } = &mut self.state else { return Ok(None) };
        if held.len() < *length {
            return Ok(None);
        }
        let (kind, held) = (*kind, std::mem::take(held).freeze());
        self.state = State::Front(BytesMut::new());
        let (stage, frame) = match (kind, self.stage) {
            (HEADERS, Stage::Head) => (Stage::Content, Frame::Head(held)),
            (HEADERS, _) => (Stage::Trailed, Frame::Trailer(held)),
            (SETTINGS, _) => (Stage::Control, Frame::Settings(held)),
            _ => {
                self.count_idle()?;
                let mut number = held;
                let value = varint(&mut number).filter(|_| number.is_empty());
                let value = value.ok_or(Fault::Connection(Code::FrameMalformed))?;
                (Stage::Control, Frame::Number(value))
            }
        };
        self.stage = stage;
        Ok(Some(frame))
    }
}

fn split(bytes: &mut Bytes, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
    *left -= length as u64;
    bytes.split_to(length)
}

/// Type and length of a frame; until both are there, what has come of them is kept.
fn front_of(front: &mut BytesMut, bytes: &mut Bytes) -> Option<(u64, u64)> {
    if front.is_empty() {
        let mut ahead = bytes.clone();
        if let (Some(kind), Some(length)) = (varint(&mut ahead), varint(&mut ahead)) {
            *bytes = ahead;
            return Some((kind, length));
        }
    }
    while let Ok(byte) = bytes.try_get_u8() {
        front.extend_from_slice(&[byte]);
        let mut ahead = Bytes::copy_from_slice(front);
        if let (Some(kind), Some(length)) = (varint(&mut ahead), varint(&mut ahead)) {
            front.clear();
            return Some((kind, length));
        }
    }
    None
}

/// A variable-length integer (RFC 9000 §16); none while it is not whole.
pub(super) fn varint(bytes: &mut Bytes) -> Option<u64> {
    let first = *bytes.first()?;
    let length = 1 << (first >> 6);
    if bytes.len() < length {
        return None;
    }
    let all = bytes.split_to(length);
    Some(all.iter().skip(1).fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
}

/// Writes a variable-length integer; those beyond 62 bits cannot be written and do not occur.
pub(super) fn put_varint(into: &mut BytesMut, value: u64) {
    let bytes = value.to_be_bytes();
    let (from, mark) = match value {
        0..0x40 => (7, 0x00),
        0x40..0x4000 => (6, 0x40),
        0x4000..0x4000_0000 => (4, 0x80),
        _ => (0, 0xc0),
    };
    into.extend_from_slice(&bytes[from..]);
    let at = into.len() - (8 - from);
    into[at] |= mark;
}

/// A whole HEADERS frame, in front of which the section is put.
pub(super) fn headers(section: &Bytes) -> Bytes {
    let mut frame = front(HEADERS, section.len());
    frame.extend_from_slice(section);
    frame.freeze()
}

/// What stands in front of so much content.
pub(super) fn content_front(length: usize) -> Bytes {
    front(DATA, length).freeze()
}

fn front(kind: u64, length: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(16);
    put_varint(&mut frame, kind);
    put_varint(&mut frame, length as u64);
    frame
}

/// A SETTINGS frame.
pub(super) fn settings(pairs: &[(u64, u64)]) -> Bytes {
    let mut content = BytesMut::new();
    for (id, value) in pairs {
        put_varint(&mut content, *id);
        put_varint(&mut content, *value);
    }
    let mut frame = front(SETTINGS, content.len());
    frame.extend_from_slice(&content);
    frame.freeze()
}

/// A GOAWAY frame: streams from this one on are not served.
pub(super) fn goaway(stream: u64) -> Bytes {
    let mut content = BytesMut::new();
    put_varint(&mut content, stream);
    let mut frame = front(GOAWAY, content.len());
    frame.extend_from_slice(&content);
    frame.freeze()
}

#[cfg(test)]
mod tests;
