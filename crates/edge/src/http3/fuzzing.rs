//! What must hold of the readers of this module, whatever comes: for fuzzing and mutation tests only.

use super::frames::{Fault, Frame, Frames};
use super::qpack::{self, Encoder};
use crate::http1::framing::HEAD_BYTES_MAX;
use bytes::Bytes;

/// A stream means the same in whatever pieces it comes, and holds no more than its bound.
pub(crate) fn stream_holds(input: &[u8]) -> Result<(), String> {
    let Some((first, stream)) = input.split_first() else { return Ok(()) };
    let begin = || if first & 1 == 0 { Frames::of_request() } else { Frames::of_control() };
    let whole = read(begin(), stream, usize::MAX);
    for piece in [1, 2, usize::from(*first) + 1] {
        let again = read(begin(), stream, piece);
        if again != whole {
            return Err(format!("in pieces of {piece} {again:?}, whole {whole:?}"));
        }
    }
    Ok(())
}

type Read = (Vec<Frame>, Result<(), Fault>);

fn read(mut frames: Frames, stream: &[u8], piece: usize) -> Read {
    let mut all: Vec<Frame> = Vec::new();
    for piece in stream.chunks(piece.min(stream.len().max(1))) {
        let mut bytes = Bytes::copy_from_slice(piece);
        loop {
            debug_assert!(frames.held() <= 2 * HEAD_BYTES_MAX, "no more is held than may come");
            match (frames.take(&mut bytes), all.last_mut()) {
                (Ok(Some(Frame::Content(more))), Some(Frame::Content(content))) => {
                    *content = [&content[..], &more[..]].concat().into();
                }
                (Ok(Some(frame)), _) => all.push(frame),
                (Ok(None), _) => break,
                (Err(fault), _) => return (all, Err(fault)),
            }
        }
    }
    let ended = frames.end();
    (all, ended)
}

/// A section that is read is the same when it is written and read again, and weighs no more than it may.
pub(crate) fn section_holds(input: &[u8]) -> Result<(), String> {
    let Ok(lines) = qpack::decode(Bytes::copy_from_slice(input), HEAD_BYTES_MAX) else { return Ok(()) };
    let weight: usize = lines.iter().map(|line| line.name.len() + line.value.len() + 32).sum();
    let mut encoder = Encoder::new();
    for line in &lines {
        // Names that are no text are none that is ever written.
        let Ok(name) = std::str::from_utf8(&line.name) else { return Ok(()) };
        encoder.line(name, &line.value);
    }
    let again = qpack::decode(encoder.finish(), HEAD_BYTES_MAX);
    match again.as_ref() == Ok(&lines) && weight <= HEAD_BYTES_MAX {
        true => Ok(()),
        false => Err(format!("{lines:?} became {again:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    /// Streams and sections that are well-formed, with a few bytes changed.
    #[test]
    fn whatever_comes_is_read_alike_in_any_pieces() {
        let mut section = Encoder::new();
        for (name, value) in [(":method", "GET"), (":path", "/x"), ("cookie", "a=1"), ("x-odd", "value")] {
            section.line(name, value.as_bytes());
        }
        let section = section.finish();
        let coded = b"\x00\x00\x51\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\xd1".to_vec();
        let mut stream = vec![0];
        for (kind, content) in [(0x21, &b"odd"[..]), (1, &section), (0, b"content"), (0, b""), (1, &coded)] {
            stream.extend([kind, u8::try_from(content.len()).expect("short")]);
            stream.extend_from_slice(content);
        }
        let control = b"\x01\x04\x03\x06\x40\x80\x0d\x01\x07\x21\x02ab\x07\x01\x00".to_vec();
        let random = SeededRandom::new(7);
        for seed in [&stream, &control] {
            for _ in 0..20_000 {
                stream_holds(&mutated(seed, &random)).expect("holds");
            }
        }
        for seed in [&section.to_vec(), &coded] {
            for _ in 0..20_000 {
                section_holds(&mutated(seed, &random)).expect("holds");
            }
        }
    }

    fn mutated(seed: &[u8], random: &SeededRandom) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=random.next_u64() % 3 {
            let draw = random.next_u64().to_le_bytes();
            let at = usize::from(draw[0]) % bytes.len();
            match draw[1] % 4 {
                0 => bytes[at] = draw[2],
                1 => bytes[at] ^= 1 << (draw[2] % 8),
                2 if bytes.len() > 2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, draw[2]),
            }
        }
        bytes
    }
}
