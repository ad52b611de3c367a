//! The chunked transfer coding of a request, decoded strictly (RFC 9112 §7.1).
//!
//! Pure. Sizes are hex digits alone, lines end in CR LF, what follows a chunk is exactly CR LF, extensions
//! are skipped within a bound; everything else is refused, because an origin's reader might take it
//! otherwise.

use super::scan::Scan;
use crate::reasons::Reason;
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The longest chunk-size line with its extensions, in bytes.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 256;
/// The most bytes that extensions may take in one body.
pub(crate) const EXTENSION_BYTES_MAX: usize = 16 * 1024;
/// The largest trailer section, in bytes.
pub(crate) const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// The most trailer fields.
pub(crate) const TRAILER_FIELDS_MAX: usize = 32;
/// Hex digits of a chunk size: more would not fit 60 bits.
const SIZE_DIGITS_MAX: usize = 15;

/// What the decoder found next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A piece of content, never empty.
    Content(Bytes),
    /// The end of the body, with the trailer fields that may be passed on.
    End(HeaderMap),
    /// Nothing more until more bytes arrive.
    NeedMore,
}

/// Decodes one body.
#[derive(Debug, Default)]
pub(crate) struct ChunkedDecoder {
    state: State,
    extension_bytes: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Size,
    Content(u64),
    ContentEnd,
    Trailer(Scan),
    Ended,
}

impl ChunkedDecoder {
    /// Takes the next step over what stands in the buffer.
    pub(crate) fn step(&mut self, buffer: &mut BytesMut) -> Result<Step, Reason> {
        loop {
            match &mut self.state {
                State::Size => match self.size(buffer)? {
                    None => return Ok(Step::NeedMore),
                    Some(0) => self.state = State::Trailer(Scan::default()),
                    Some(size) => self.state = State::Content(size),
                },
                State::Content(_) if buffer.is_empty() => return Ok(Step::NeedMore),
                State::Content(left) => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = State::ContentEnd;
                    }
                    return Ok(Step::Content(buffer.split_to(take).freeze()));
                }
                State::ContentEnd => match **buffer {
                    [] | [b'\r'] => return Ok(Step::NeedMore),
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        self.state = State::Size;
                    }
                    _ => return Err(Reason::ChunkMalformed),
                },
                State::Trailer(scan) => {
                    let scan = *scan;
                    return self.trailer(buffer, scan);
                }
                State::Ended => return Ok(Step::End(HeaderMap::new())),
            }
        }
    }

    fn size(&mut self, buffer: &mut BytesMut) -> Result<Option<u64>, Reason> {
        let Some(line) = size_line(&buffer[..buffer.len().min(CHUNK_LINE_BYTES_MAX)])? else {
            return Ok(None);
        };
        self.extension_bytes += line.bytes - line.digits;
        if self.extension_bytes > EXTENSION_BYTES_MAX {
            return Err(Reason::ChunkLineTooLong);
        }
        let text = std::str::from_utf8(&buffer[..line.digits]).map_err(|_| Reason::ChunkMalformed)?;
        let size = u64::from_str_radix(text, 16).map_err(|_| Reason::ChunkMalformed)?;
        buffer.advance(line.bytes + 2);
        Ok(Some(size))
    }

    fn trailer(&mut self, buffer: &mut BytesMut, mut scan: Scan) -> Result<Step, Reason> {
        let end = scan.section_end(buffer)?;
        self.state = State::Trailer(scan);
        match end {
            None if buffer.len() >= TRAILER_BYTES_MAX => Err(Reason::TrailerTooLarge),
            None => Ok(Step::NeedMore),
            Some(end) if end > TRAILER_BYTES_MAX => Err(Reason::TrailerTooLarge),
            Some(end) => {
                self.state = State::Ended;
                parse_trailer(&buffer.split_to(end).freeze()).map(Step::End)
            }
        }
    }
}

/// A line `digits[;extension]` without its CR LF.
struct SizeLine {
    digits: usize,
    bytes: usize,
}

/// Judges byte by byte from the left, so that the verdict does not depend on how the bytes arrive; `None`
/// while the line is not whole and nothing in it is wrong.
fn size_line(window: &[u8]) -> Result<Option<SizeLine>, Reason> {
    let unfinished = match window.len() {
        CHUNK_LINE_BYTES_MAX => Err(Reason::ChunkLineTooLong),
        _ => Ok(None),
    };
    let digits = window.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > SIZE_DIGITS_MAX {
        return Err(Reason::ChunkMalformed);
    }
    match window.get(digits) {
        None => return unfinished,
        Some(b';' | b'\r' | b'\n') if digits > 0 => {}
        Some(_) => return Err(Reason::ChunkMalformed),
    }
    let plain = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    let bytes = digits + window[digits..].iter().take_while(|byte| plain(byte)).count();
    match window[bytes..] {
        [] | [b'\r'] => unfinished,
        [b'\r', b'\n', ..] => Ok(Some(SizeLine { digits, bytes })),
        [b'\n', ..] => Err(Reason::BareLineFeed),
        [_, ..] => Err(Reason::ChunkMalformed),
    }
}

fn parse_trailer(section: &Bytes) -> Result<HeaderMap, Reason> {
    let mut slots = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    let mut fields = HeaderMap::new();
    if **section == *b"\r\n" {
        return Ok(fields);
    }
    let found = match httparse::parse_headers(section, &mut slots) {
        Ok(httparse::Status::Complete((length, found))) if length == section.len() => found,
        Err(httparse::Error::TooManyHeaders) => return Err(Reason::TrailerTooLarge),
        Ok(_) | Err(_) => return Err(Reason::TrailerMalformed),
    };
    for field in found {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Reason::TrailerMalformed)?;
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
        let value = value.map_err(|_| Reason::TrailerMalformed)?;
        if crate::fields::may_trail(&name) {
            fields.append(name, value);
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content, trailer and how much is left over.
    type Decoded = (Vec<u8>, HeaderMap, usize);

    /// `None` when the body is not whole.
    fn decode(text: &[u8], piece: usize) -> Option<Result<Decoded, Reason>> {
        let (mut decoder, mut buffer, mut content) = (ChunkedDecoder::default(), BytesMut::new(), Vec::new());
        let mut pieces = text.chunks(piece);
        loop {
            match decoder.step(&mut buffer) {
                Err(reason) => return Some(Err(reason)),
                Ok(Step::Content(bytes)) => content.extend_from_slice(&bytes),
                Ok(Step::End(trailer)) => {
                    let left = buffer.len() + pieces.map(<[u8]>::len).sum::<usize>();
                    return Some(Ok((content, trailer, left)));
                }
                Ok(Step::NeedMore) => buffer.extend_from_slice(pieces.next()?),
            }
        }
    }

    #[test]
    fn bodies_are_decoded_however_they_arrive() {
        let text =
            b"5\r\nhello\r\n00006;name=\"v;\"\r\n world\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\n\r\nGET";
        for piece in 1..=text.len() {
            let (content, trailer, left) = decode(text, piece).expect("whole").expect("well-formed");
            assert_eq!((content.as_slice(), left), (b"hello world".as_slice(), 3), "pieces of {piece}");
            assert_eq!(trailer.get("x-sum").map(HeaderValue::as_bytes), Some(b"9".as_slice()));
            assert_eq!(trailer.len(), 1, "a framing field in a trailer is dropped");
        }
    }

    #[test]
    fn every_trick_with_chunks_is_refused() {
        let long_extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(CHUNK_LINE_BYTES_MAX));
        let many_extensions = format!("1;{}\r\nx\r\n", "e".repeat(200)).repeat(90);
        let long_trailer = format!("0\r\nX: {}\r\n\r\n", "x".repeat(TRAILER_BYTES_MAX));
        let many_trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(TRAILER_FIELDS_MAX + 1));
        for (text, reason) in [
            ("\r\n", Reason::ChunkMalformed),
            ("g\r\n", Reason::ChunkMalformed),
            ("-1\r\nx\r\n", Reason::ChunkMalformed),
            ("+1\r\nx\r\n", Reason::ChunkMalformed),
            ("0x1\r\nx\r\n", Reason::ChunkMalformed),
            (" 1\r\nx\r\n", Reason::ChunkMalformed),
            ("1 \r\nx\r\n", Reason::ChunkMalformed),
            ("1 ;a\r\nx\r\n", Reason::ChunkMalformed),
            ("1,a\r\nx\r\n", Reason::ChunkMalformed),
            (";a\r\nx\r\n", Reason::ChunkMalformed),
            ("1;a\rb\r\nx\r\n", Reason::ChunkMalformed),
            ("1;a\u{0}\r\nx\r\n", Reason::ChunkMalformed),
            ("10000000000000000\r\n", Reason::ChunkMalformed),
            // One, in more digits than others may read.
            ("0000000000000001\r\nx\r\n0\r\n\r\n", Reason::ChunkMalformed),
            ("fffffffffffffffff\r\n", Reason::ChunkMalformed),
            ("1\nx\r\n", Reason::BareLineFeed),
            ("1;a\nx\r\n", Reason::BareLineFeed),
            ("1\r\nxy\r\n", Reason::ChunkMalformed),
            ("1\r\nx\n0\r\n\r\n", Reason::ChunkMalformed),
            ("1\r\nx\r0\r\n\r\n", Reason::ChunkMalformed),
            ("1\r\nx0\r\n\r\n", Reason::ChunkMalformed),
            ("0\r\n\n", Reason::BareLineFeed),
            ("0\r\nX: y\n\r\n", Reason::BareLineFeed),
            ("0\r\nX : y\r\n\r\n", Reason::TrailerMalformed),
            ("0\r\n X: y\r\n\r\n", Reason::TrailerMalformed),
            ("0\r\nGET / HTTP/1.1\r\n\r\n", Reason::TrailerMalformed),
            (&long_extension, Reason::ChunkLineTooLong),
            (&many_extensions, Reason::ChunkLineTooLong),
            (&long_trailer, Reason::TrailerTooLarge),
            (&many_trailers, Reason::TrailerTooLarge),
        ] {
            for piece in [1, 7, text.len()] {
                let verdict = decode(text.as_bytes(), piece).map(|verdict| verdict.map(|_| ()));
                assert_eq!(verdict, Some(Err(reason)), "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_body_that_is_not_whole_never_ends() {
        for text in [
            "",
            "5",
            "5\r",
            "5\r\nhell",
            "5\r\nhello",
            "5\r\nhello\r",
            "5\r\nhello\r\n",
            "0\r\n",
            "0\r\nX: y\r\n",
        ] {
            assert!(decode(text.as_bytes(), 1).is_none(), "{text:?}");
        }
    }
}
