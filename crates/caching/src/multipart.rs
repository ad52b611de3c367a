//! The body of an answer to several ranges (RFC 9110 §14.6, RFC 2046 §5.1.1).

use crate::range::{ByteRange, ContentRange};

/// The parts of one `multipart/byteranges` answer, with all that stands between the bytes of the ranges.
///
/// An answer is, for each range: [`Multipart::before`], then its bytes; and at the end
/// [`Multipart::end`].
#[derive(Debug, Clone)]
pub struct Multipart {
    boundary: String,
    content_type: Vec<u8>,
    length: u64,
}

impl Multipart {
    /// For a body of `length` bytes with this Content-Type, if it has one. `seed` makes the boundary: 128
    /// random bits do not occur in any body.
    pub fn new(seed: u128, content_type: Option<&[u8]>, length: u64) -> Self {
        let content_type = content_type.unwrap_or_default().to_vec();
        Self { boundary: format!("{seed:032x}"), content_type, length }
    }

    /// The Content-Type of the whole answer.
    pub fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// What stands before the bytes of a range.
    pub fn before(&self, range: ByteRange) -> Vec<u8> {
        let mut out = format!("\r\n--{}\r\n", self.boundary).into_bytes();
        if !self.content_type.is_empty() {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(&self.content_type);
            out.extend_from_slice(b"\r\n");
        }
        let place = ContentRange { range: Some(range), length: Some(self.length) };
        out.extend_from_slice(format!("Content-Range: {place}\r\n\r\n").as_bytes());
        out
    }

    /// What stands behind the last range.
    pub fn end(&self) -> Vec<u8> {
        format!("\r\n--{}--\r\n", self.boundary).into_bytes()
    }

    /// The Content-Length of the whole answer.
    pub fn content_length(&self, ranges: &[ByteRange]) -> u64 {
        let each = ranges.iter().map(|range| (self.before(*range).len() as u64) + range.byte_count());
        each.sum::<u64>() + self.end().len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 §14.6.
    #[test]
    fn parts_carry_type_and_place_and_the_length_is_right() {
        let body = b"0123456789";
        let ranges = [ByteRange { first: 0, last: 1 }, ByteRange { first: 9, last: 9 }];
        let parts = Multipart::new(7, Some(b"text/plain"), 10);
        let mut out = Vec::new();
        for range in ranges {
            out.extend(parts.before(range));
            out.extend_from_slice(&body[range.first as usize..=range.last as usize]);
        }
        out.extend(parts.end());
        let boundary = "00000000000000000000000000000007";
        assert_eq!(parts.content_type(), format!("multipart/byteranges; boundary={boundary}"));
        let expected = format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\
             \r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n9\
             \r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(out).expect("utf-8"), expected);
        assert_eq!(parts.content_length(&ranges), expected.len() as u64);
        assert!(
            !String::from_utf8(Multipart::new(7, None, 10).before(ranges[0]))
                .expect("utf-8")
                .contains("Type")
        );
    }
}
