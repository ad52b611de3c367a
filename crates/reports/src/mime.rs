//! MIME messages (RFC 5322, RFC 2045, RFC 2046), as far as reports need them, under bounds.
//!
//! A mail bomb is a small input that becomes a large output or a deep structure. Nothing here copies a part before
//! it is asked for, decoding never makes more bytes than it was given, and depth, parts and header lines are
//! counted over the whole message.

use crate::IntakeError;
use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// Largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 10 << 20;
/// Most parts of one message, over all levels.
pub const PARTS_MAX: usize = 50;
/// Deepest nesting of multiparts.
pub const DEPTH_MAX: usize = 4;
/// Most bytes of one part's header.
pub const HEADER_BYTES_MAX: usize = 64 << 10;
/// Most fields of one header.
pub const FIELDS_MAX: usize = 200;

/// One field of a header, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name in lower case.
    pub name: String,
    /// The value without the line breaks of folding.
    pub value: String,
}

/// A part of a message, or the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its fields in order.
    pub fields: Vec<Field>,
    /// Its media type in lower case, without parameters.
    pub media_type: String,
    /// The parts it holds, if it is a multipart.
    pub parts: Vec<Part<'a>>,
    body: &'a [u8],
}

/// Counts over a whole message.
struct Budget {
    parts: usize,
}

/// Reads a message.
pub fn parse(bytes: &[u8]) -> Result<Part<'_>, IntakeError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(IntakeError::TooLarge { what: "the message, in bytes", max: MESSAGE_BYTES_MAX });
    }
    part(bytes, 0, &mut Budget { parts: 0 })
}

fn part<'a>(bytes: &'a [u8], depth: usize, budget: &mut Budget) -> Result<Part<'a>, IntakeError> {
    budget.parts += 1;
    if budget.parts > PARTS_MAX {
        return Err(IntakeError::TooLarge { what: "the number of parts", max: PARTS_MAX });
    }
    let (head, body) = split_head(bytes)?;
    let fields = fields(head)?;
    let content_type = value_of(&fields, "content-type").unwrap_or("text/plain");
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut parts = Vec::new();
    if media_type.starts_with("multipart/") {
        if depth >= DEPTH_MAX {
            return Err(IntakeError::TooLarge { what: "the depth of nested parts", max: DEPTH_MAX });
        }
        let boundary = parameter(content_type, "boundary");
        let boundary = boundary.filter(|boundary| (1..=70).contains(&boundary.len()));
        let boundary = boundary.ok_or_else(|| malformed("a multipart names no boundary"))?;
        for inner in between(body, boundary.as_bytes()) {
            parts.push(part(inner, depth + 1, budget)?);
        }
    }
    Ok(Part { fields, media_type, parts, body })
}

fn malformed(why: &str) -> IntakeError {
    IntakeError::Malformed { format: "a MIME message", why: why.to_owned() }
}

/// The header and what follows the first empty line. Lines end with CRLF, or with LF as pipes deliver mail.
fn split_head(bytes: &[u8]) -> Result<(&[u8], &[u8]), IntakeError> {
    let window = bytes.get(..bytes.len().min(HEADER_BYTES_MAX)).unwrap_or(bytes);
    let mut line_start = 0;
    while let Some(length) = window[line_start..].iter().position(|byte| *byte == b'\n') {
        let line = &window[line_start..line_start + length];
        if line.is_empty() || line == b"\r" {
            return Ok((&bytes[..line_start], &bytes[line_start + length + 1..]));
        }
        line_start += length + 1;
    }
    if bytes.len() > HEADER_BYTES_MAX {
        return Err(IntakeError::TooLarge { what: "a header, in bytes", max: HEADER_BYTES_MAX });
    }
    Ok((bytes, &[]))
}

/// The fields of a header, unfolded (RFC 5322 §2.2.3).
pub fn fields(head: &[u8]) -> Result<Vec<Field>, IntakeError> {
    let text = String::from_utf8_lossy(head);
    let mut fields: Vec<Field> = Vec::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            let last = fields.last_mut().ok_or_else(|| malformed("it begins with a continued line"))?;
            last.value.push(' ');
            last.value.push_str(line.trim());
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        // The envelope line that mailbox files put first.
        if fields.is_empty() && line.starts_with("From ") {
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header line has no colon"))?;
        let token = |byte: u8| byte.is_ascii_graphic();
        if name.is_empty() || !name.trim_end().bytes().all(token) {
            return Err(malformed("the name of a header field has a space or a sign that names cannot have"));
        }
        if fields.len() >= FIELDS_MAX {
            return Err(IntakeError::TooLarge { what: "the number of header fields", max: FIELDS_MAX });
        }
        fields.push(Field { name: name.trim_end().to_ascii_lowercase(), value: value.trim().to_owned() });
    }
    Ok(fields)
}

fn value_of<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

/// A parameter of a structured value such as `Content-Type`, quoted or not.
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (key, after) = rest.split_once('=')?;
        let (text, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_text(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = next;
    }
}

/// The text up to the closing quote, escapes undone, and what follows.
fn quoted_text(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut letters = quoted.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => return (text, &quoted[place + 1..]),
            '\\' => text.extend(letters.next().map(|(_, escaped)| escaped)),
            plain => text.push(plain),
        }
    }
    (text, "")
}

/// The bytes between the boundary's lines (RFC 2046 §5.1.1); a message that breaks off keeps its last part.
fn between<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut begun: Option<usize> = None;
    let mut line_start = 0;
    while line_start < body.len() {
        let length = body[line_start..].iter().position(|byte| *byte == b'\n');
        let line_end = length.map_or(body.len(), |length| line_start + length + 1);
        let line = body[line_start..line_end].trim_ascii_end();
        let mark = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary));
        if let Some(tail) = mark.filter(|tail| tail.is_empty() || *tail == b"--") {
            if let Some(start) = begun {
                parts.push(without_last_break(&body[start..line_start]));
            }
            begun = Some(line_end);
            // One more than allowed is enough to be refused.
            if tail == b"--" || parts.len() > PARTS_MAX {
                return parts;
            }
        }
        line_start = line_end;
    }
    parts.extend(begun.map(|start| &body[start..]));
    parts
}

/// The line break before a boundary belongs to it.
fn without_last_break(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

impl<'a> Part<'a> {
    /// The first value of a field, by its lower-case name.
    pub fn field(&self, name: &str) -> Option<&str> {
        value_of(&self.fields, name)
    }

    /// A parameter of its content type.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.field("content-type")?, name)
    }

    /// The body as it stands in the message.
    pub fn raw(&self) -> &'a [u8] {
        self.body
    }

    /// The body with its transfer encoding undone (RFC 2045 §6).
    pub fn decoded(&self) -> Result<Vec<u8>, IntakeError> {
        let encoding = self.field("content-transfer-encoding").unwrap_or("7bit").trim().to_ascii_lowercase();
        match encoding.as_str() {
            "7bit" | "8bit" | "binary" => Ok(self.body.to_vec()),
            "base64" => {
                let plain: Vec<u8> =
                    self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                LENIENT.decode(plain).map_err(|_| malformed("a part's base64 is damaged"))
            }
            "quoted-printable" => Ok(quoted_printable(self.body)),
            _ => Err(malformed("a part has a transfer encoding that is not known")),
        }
    }

    /// The body as text; bytes that are no UTF-8 become replacement characters.
    pub fn text(&self) -> Result<String, IntakeError> {
        Ok(String::from_utf8_lossy(&self.decoded()?).into_owned())
    }

    /// All parts without parts of their own, in order.
    pub fn leaves(&self) -> Vec<&Part<'a>> {
        if self.parts.is_empty() {
            return vec![self];
        }
        self.parts.iter().flat_map(Part::leaves).collect()
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Quoted-printable undone (RFC 2045 §6.7); what is not well-formed stays as it is.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let next = bytes.get(place + 1..place + 3);
        let code = next
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (byte, code, next) {
            (b'=', Some(code), _) => {
                out.push(code);
                place += 3;
            }
            (b'=', None, Some(b"\r\n")) => place += 3,
            (b'=', None, _) if bytes.get(place + 1) == Some(&b'\n') => place += 2,
            (byte, ..) => {
                out.push(*byte);
                place += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_at_their_boundaries_and_decoded() {
        let message = b"From: a@a.test\r\nContent-Type: multipart/mixed;\r\n boundary=\"b \\\"1\"\r\n\r\npreamble\r\n\
            --b \"1\r\n\r\nplain\r\n--b \"1 \r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\
            aGVs\r\nbG8\r\n--b \"1\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n=C3=A4 soft=\r\n break =XY\r\n\
            --b \"1--\r\nepilogue";
        let read = parse(message).expect("message");
        let texts: Vec<String> = read.leaves().iter().map(|part| part.text().expect("text")).collect();
        assert_eq!(texts, ["plain", "hello", "ä soft break =XY"]);
        assert_eq!(read.media_type, "multipart/mixed");
        let broken_off = &message[..message.len() - 20];
        assert_eq!(parse(broken_off).expect("message").parts.len(), 3);
    }

    #[test]
    fn every_bound_refuses_what_is_over_it() {
        let nested = |depth: usize| {
            let mut body = "\r\nx\r\n".to_owned();
            for level in 0..depth {
                body = format!(
                    "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--\r\n"
                );
            }
            body
        };
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        let wide = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\n\r\nx\r\n".repeat(100_000)
        );
        let many = "X: y\r\n".repeat(FIELDS_MAX + 1);
        let long = format!("X: {}\r\n\r\n", "y".repeat(HEADER_BYTES_MAX));
        let huge = vec![b'x'; MESSAGE_BYTES_MAX + 1];
        let bombs: [&[u8]; 5] =
            [nested(DEPTH_MAX + 1).as_bytes(), wide.as_bytes(), many.as_bytes(), long.as_bytes(), &huge]
                .map(<[u8]>::to_vec)
                .map(|bytes| &*bytes.leak());
        for bomb in bombs {
            let refused = parse(bomb);
            assert!(matches!(refused, Err(IntakeError::TooLarge { .. })), "{refused:?}");
        }
    }

    #[test]
    fn malformed_headers_are_refused_with_what_is_wrong() {
        for text in [
            "no colon\r\n\r\n",
            " continued\r\n\r\n",
            "a b: c\r\n\r\n",
            "Content-Type: multipart/mixed\r\n\r\n",
        ] {
            assert!(matches!(parse(text.as_bytes()), Err(IntakeError::Malformed { .. })), "{text}");
        }
        let damaged = parse(b"Content-Transfer-Encoding: base64\r\n\r\n!!!!").expect("message");
        assert!(damaged.decoded().is_err());
        let unknown = parse(b"Content-Transfer-Encoding: x-bomb\r\n\r\nx").expect("message");
        assert!(unknown.decoded().is_err());
    }
}
