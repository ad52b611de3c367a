//! From bytes to the head of an origin's answer, or the finding that it is none (RFC 9112 §§4–6).
//!
//! Pure. As strict as the reading of requests: an answer that two readers could frame differently is
//! refused, because a cache or a visitor behind this edge may be the other reader.

use super::repeats::Repeats;
use super::section::{Field, Section};
use crate::http1::scan::Scan;
use crate::reasons::Reason;
use crate::request::Length;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// The largest head of an answer, in bytes.
pub(crate) const ORIGIN_HEAD_BYTES_MAX: usize = 64 * 1024;

/// What of a request decides how its answer is framed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// HEAD is answered without content (RFC 9112 §6.3, 1).
    pub(crate) is_head: bool,
    /// Whether a switch of protocols was asked for.
    pub(crate) upgrade: bool,
}

/// The head of an answer, and what it says about its connection.
#[derive(Debug)]
pub(crate) struct AnswerHead {
    /// The status.
    pub(crate) status: StatusCode,
    /// Its fields as received, but for those of the connection that it came by.
    pub(crate) fields: HeaderMap,
    /// How its content is delimited.
    pub(crate) framing: Framing,
    /// Whether the connection may carry another exchange after this one (RFC 9112 §9.3).
    pub(crate) keep_alive: bool,
}

/// How content is delimited (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// An answer that has none: to HEAD, 204 or 304. For HEAD, the length it would have.
    Bodiless(Length),
    /// So many bytes.
    Sized(u64),
    /// By the chunked coding.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// An interim answer (1xx but not 101): another head follows.
    Interim,
    /// From here on the connection speaks another protocol.
    Tunnel,
}

impl AnswerHead {
    /// Takes one whole head off the front of `buffer`, or `None` while more bytes are needed. `scan` keeps
    /// the place in a head that is not whole, `repeats` what earlier heads of this connection said.
    pub(crate) fn read(
        buffer: &mut BytesMut,
        scan: &mut Scan,
        repeats: &mut Repeats,
        asked: Asked,
    ) -> Result<Option<Self>, Reason> {
        let end = match scan.section_end(buffer).map_err(|_| Reason::OriginMalformed)? {
            None if buffer.len() < ORIGIN_HEAD_BYTES_MAX => return Ok(None),
            Some(end) if end <= ORIGIN_HEAD_BYTES_MAX => end,
            _ => return Err(Reason::OriginMalformed),
        };
        *scan = Scan::default();
        let head = buffer.split_to(end).freeze();
        parse(&head, repeats, asked).ok_or(Reason::OriginMalformed).map(Some)
    }
}

/// Reads a head in one pass. `head` ends with an empty line, and each of its lines in CR LF; what a name and a value may
/// be made of is for their types to say, so nothing looks at the same bytes twice.
fn parse(head: &Bytes, repeats: &mut Repeats, asked: Asked) -> Option<AnswerHead> {
    let mut rest: &[u8] = head;
    let (http_11, status) = status_line(take_line(&mut rest)?.strip_suffix(b"\r\n")?)?;
    let mut section = Section::new(http_11);
    while rest != b"\r\n" {
        let field = take_field(section.count(), &mut rest, head, repeats)?;
        section.take(field)?;
    }
    let framing = section.framing(status, asked)?;
    let keep_alive = section.keeps_alive(status) && framing != Framing::UntilClose;
    Some(AnswerHead { status, fields: section.into_fields(), framing, keep_alive })
}

/// Takes a line, with its end, off the front of `rest`.
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (line, behind) = rest.split_at(memchr::memchr(b'\n', rest)? + 1);
    *rest = behind;
    Some(line)
}

/// Takes the field at `place` off the front of `rest`, a part of `head`: as remembered, or read and remembered.
fn take_field(place: usize, rest: &mut &[u8], head: &Bytes, repeats: &mut Repeats) -> Option<Field> {
    if let Some((length, field)) = repeats.known(place, rest) {
        *rest = &rest[length..];
        return Some(field);
    }
    let line = take_line(rest)?;
    // A name ends at its colon and begins its line: with white space on either side it is none (RFC 9112 §5.1, §5.2).
    let (name, value) = line.strip_suffix(b"\r\n")?.split_at(memchr::memchr(b':', line)?);
    let name = HeaderName::from_bytes(name).ok()?;
    let value = HeaderValue::from_maybe_shared(head.slice_ref(trim_blanks(&value[1..]))).ok()?;
    let field = Field::new(name, value);
    repeats.keep(place, line, &field);
    Some(field)
}

/// Whether it is HTTP/1.1, and the status (RFC 9112 §4). The reason phrase means nothing, but what it may hold is
/// bounded: a reader that ends lines elsewhere would find another head in it.
fn status_line(line: &[u8]) -> Option<(bool, StatusCode)> {
    let (version, rest) = line.split_at_checked(b"HTTP/1.1 ".len())?;
    let http_11 = match version {
        b"HTTP/1.1 " => true,
        b"HTTP/1.0 " => false,
        _ => return None,
    };
    let (status, reason) = rest.split_at_checked(3)?;
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    let is_apart = reason.first().is_none_or(|byte| *byte == b' ');
    (is_apart && reason.iter().all(is_text)).then_some(())?;
    Some((http_11, StatusCode::from_bytes(status).ok()?))
}

/// Without the blanks and tabs around a value (RFC 9112 §5).
fn trim_blanks(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::section::ORIGIN_FIELDS_MAX;
    use super::*;

    const PLAIN: Asked = Asked { is_head: false, upgrade: false };
    const HEAD: Asked = Asked { is_head: true, upgrade: false };
    const UPGRADE: Asked = Asked { is_head: false, upgrade: true };

    fn read(text: &str, asked: Asked) -> Result<Option<AnswerHead>, Reason> {
        let mut repeats = Repeats::default();
        let first = AnswerHead::read(&mut BytesMut::from(text), &mut Scan::default(), &mut repeats, asked);
        // Whoever says it again is told the same.
        let again = AnswerHead::read(&mut BytesMut::from(text), &mut Scan::default(), &mut repeats, asked);
        assert_eq!(format!("{first:?}"), format!("{again:?}"), "{text:?}");
        again
    }

    fn read_once(buffer: &mut BytesMut, scan: &mut Scan) -> Result<Option<AnswerHead>, Reason> {
        AnswerHead::read(buffer, scan, &mut Repeats::default(), PLAIN)
    }

    #[test]
    fn content_is_delimited_as_rfc_9112_says() {
        use Framing::{Bodiless, Chunked, Interim, Sized, Tunnel, UntilClose};
        for (lines, asked, framing, keep_alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", PLAIN, Sized(5), true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", PLAIN, Sized(0), true),
            ("HTTP/1.1 200\r\nContent-Length: 5\r\n", PLAIN, Sized(5), true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n", PLAIN, Chunked, true),
            ("HTTP/1.1 200 OK\r\n", PLAIN, UntilClose, false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", PLAIN, Sized(5), false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", PLAIN, Sized(5), true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n", PLAIN, Sized(5), false),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nConnection: keep-alive\r\n",
                PLAIN,
                Sized(5),
                false,
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", HEAD, Bodiless(Length::Known(5)), true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", HEAD, Bodiless(Length::Unknown), true),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", PLAIN, Bodiless(Length::None), true),
            ("HTTP/1.1 204 No Content\r\n", PLAIN, Bodiless(Length::None), true),
            ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", PLAIN, Bodiless(Length::None), false),
            ("HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n", PLAIN, Bodiless(Length::None), false),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", PLAIN, Interim, true),
            ("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n", UPGRADE, Tunnel, true),
        ] {
            let head = read(&format!("{lines}\r\n"), asked).expect("well-formed").expect("whole");
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{lines:?}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_no_answer() {
        for lines in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: \r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n",
            "HTTP/1.1 200 OK\r\nX : y\r\n",
            "HTTP/1.1 200 OK\r\nX\t: y\r\n",
            "HTTP/1.1 200 OK\r\n X: y\r\n",
            "HTTP/1.1 200 OK\r\n: y\r\n",
            "HTTP/1.1 200 OK\r\nX\r\n",
            "HTTP/1.1 200 OK\r\nX(: y\r\n",
            "HTTP/1.1 200 OK\r\nX\u{e9}: y\r\n",
            "HTTP/1.1 200 OK\r\nX: y\u{7f}z\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x\rContent-Length: 0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: \u{7f}\r\n",
            "HTTP/1.1 200 O\rK\r\nX: y\r\n",
            "HTTP/1.1 200 O\0K\r\nX: y\r\n",
            "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n",
            "HTTP/1.1 200 OK\r\nX: y\0z\r\n",
            "HTTP/1.1 200 OK\r\nX: y\rz\r\n",
            "HTTP/1.1 200 OK\nX: y\r\n",
            "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n",
            "HTTP/1.1 099 Odd\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1  200 OK\r\n",
            "HTTP/1.1\t200 OK\r\n",
            "HTTP/1.1 200\tOK\r\n",
            "HTTP/1.1 +20 OK\r\n",
            "http/1.1 200 OK\r\n",
            "HTTP/1.1\r\n",
            "HTTP/2.0 200 OK\r\n",
            "HTTP/0.9 200 OK\r\n",
            "ICY 200 OK\r\n",
            "\r\nHTTP/1.1 200 OK\r\n",
        ] {
            assert!(read(&format!("{lines}\r\n"), PLAIN).is_err(), "{lines:?}");
        }
    }

    #[test]
    fn a_name_is_made_of_the_bytes_of_rfc_9110_and_no_others() {
        for byte in 0..=u8::MAX {
            let is_of_names = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let text = [b"HTTP/1.1 200 OK\r\na".as_slice(), &[byte], b"b: 1\r\n\r\n"].concat();
            let found = read_once(&mut BytesMut::from(&text[..]), &mut Scan::default());
            // The colon ends the name; what is left of it is one, and the rest is its value.
            let is_well = is_of_names || byte == b':';
            assert_eq!(matches!(found, Ok(Some(_))), is_well, "byte {byte}");
        }
    }

    #[test]
    fn values_are_taken_without_the_blanks_around_them() {
        for (line, value) in
            [("X:y", "y"), ("X: \t y z \t", "y z"), ("X:", ""), ("X: \t ", ""), ("X: a:b", "a:b")]
        {
            let head = read(&format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n"), PLAIN)
                .expect("well-formed")
                .expect("whole");
            assert_eq!(head.fields["x"], value, "{line:?}");
        }
    }

    #[test]
    fn fields_of_the_connection_and_those_it_names_stay_behind() {
        let text = "HTTP/1.1 200 OK\r\nConnection: close, X-Mine\r\nConnection: bad name, keep-alive\r\n\
                    Keep-Alive: timeout=5\r\nX-Mine: 1\r\nUpgrade: h2c\r\nProxy-Authenticate: Basic\r\n\
                    Transfer-Encoding: chunked\r\nX-Kept: 2\r\n\r\n";
        let head = read(text, PLAIN).expect("well-formed").expect("whole");
        assert_eq!(head.fields.keys().collect::<Vec<_>>(), ["x-kept"]);
    }

    #[test]
    fn a_head_is_found_wherever_the_bytes_are_cut_and_what_follows_is_left() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        for cut in 0..text.len() - 2 {
            let (mut buffer, mut scan) = (BytesMut::from(&text[..cut]), Scan::default());
            assert!(read_once(&mut buffer, &mut scan).expect("good so far").is_none());
            buffer.extend_from_slice(&text[cut..]);
            let head = read_once(&mut buffer, &mut scan).expect("good").expect("whole");
            assert_eq!((head.framing, &buffer[..]), (Framing::Sized(2), &b"hi"[..]), "cut at {cut}");
        }
    }

    #[test]
    fn a_head_is_bounded_in_bytes_and_fields() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(ORIGIN_HEAD_BYTES_MAX));
        assert!(read(&long, PLAIN).is_err());
        let many = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert!(read(&many(ORIGIN_FIELDS_MAX), PLAIN).is_ok());
        assert!(read(&many(ORIGIN_FIELDS_MAX + 1), PLAIN).is_err());
    }
}
