//! Byte ranges of a stored response, and `Content-Range` (RFC 9110 §14).

use crate::fields::{elements, trim};

/// Positions of the first and last byte, both within the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Position of the first byte, from 0.
    pub first: u64,
    /// Position of the last byte; at least `first`.
    pub last: u64,
}

/// What a request's Range field asks of a body of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ranges {
    /// No field, another unit, not a range, or ranges out of order: the whole body answers (§14.2).
    Ignored,
    /// These bytes.
    One(ByteRange),
    /// 2 to [`RANGES_MAX`] ranges, ascending and apart from each other: `multipart/byteranges` (§14.6).
    Several(Vec<ByteRange>),
    /// All begin behind the end (§15.5.17), some overlap, or there are too many (§17.15).
    Unsatisfiable,
}

/// Most ranges of one request that are answered.
pub const RANGES_MAX: usize = 300;

impl ByteRange {
    /// How many bytes; never 0.
    pub fn byte_count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// What a Range field asks, told without gathering several ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Ignored,
    One(ByteRange),
    Several,
    Unsatisfiable,
}

/// Tells what a Range field asks of a body of `length` bytes, and shows each range in it that reaches into
/// the body; what was shown counts only if the outcome is [`Asked::Several`].
pub(crate) fn asked(field: &[u8], length: u64, see: &mut dyn FnMut(ByteRange)) -> Asked {
    let Some(set) = byte_ranges(field) else { return Asked::Ignored };
    let (mut count, mut ordered, mut overlap) = (0usize, true, false);
    let mut satisfied = 0usize;
    let mut last: Option<ByteRange> = None;
    for spec in elements(set) {
        let Some(spec) = Spec::parse(spec) else { return Asked::Ignored };
        count += 1;
        let Some(range) = spec.within(length) else { continue };
        if let Some(before) = last {
            ordered &= range.first > before.last;
            overlap |= range.first <= before.last && before.first <= range.last;
        }
        satisfied += 1;
        last = Some(range);
        see(range);
    }
    match last {
        _ if count == 0 => Asked::Ignored,
        None => Asked::Unsatisfiable,
        _ if count > RANGES_MAX || overlap => Asked::Unsatisfiable,
        _ if !ordered => Asked::Ignored,
        Some(range) if satisfied == 1 => Asked::One(range),
        Some(_) => Asked::Several,
    }
}

/// The range set of a field in bytes; units are case-insensitive (§14.1).
fn byte_ranges(field: &[u8]) -> Option<&[u8]> {
    let text = trim(field);
    let mark = text.iter().position(|byte| *byte == b'=')?;
    text[..mark].eq_ignore_ascii_case(b"bytes").then(|| trim(&text[mark + 1..]))
}

/// One range as written (§14.1.2).
enum Spec {
    FromTo(u64, u64),
    Last(u64),
}

impl Spec {
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&text[..dash], &text[dash + 1..]);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => number(last).map(Self::Last),
            (false, true) => number(first).map(|first| Self::FromTo(first, u64::MAX)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// Cut to a body of this length; `None` if it does not reach into it.
    fn within(self, length: u64) -> Option<ByteRange> {
        let end = length.checked_sub(1)?;
        match self {
            Self::Last(0) => None,
            Self::Last(count) => Some(ByteRange { first: length.saturating_sub(count), last: end }),
            Self::FromTo(first, _) if first > end => None,
            Self::FromTo(first, last) => Some(ByteRange { first, last: last.min(end) }),
        }
    }
}

/// A `Content-Range` of bytes (§14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// Which bytes the content is; `None` in a 416.
    pub range: Option<ByteRange>,
    /// Length of the whole representation, where it is known.
    pub length: Option<u64>,
}

impl ContentRange {
    /// Reads the value; one that contradicts itself is none.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = trim(value);
        let mark = text.iter().position(|byte| *byte == b' ')?;
        if !text[..mark].eq_ignore_ascii_case(b"bytes") {
            return None;
        }
        let slash = text.iter().position(|byte| *byte == b'/')?;
        let (range, length) = (text.get(mark + 1..slash)?, &text[slash + 1..]);
        let length = if length == b"*" { None } else { Some(number(length)?) };
        if range == b"*" {
            return length.map(|length| Self { range: None, length: Some(length) });
        }
        let dash = range.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (number(&range[..dash])?, number(&range[dash + 1..])?);
        let sound = first <= last && length.is_none_or(|length| last < length);
        sound.then_some(Self { range: Some(ByteRange { first, last }), length })
    }
}

impl std::fmt::Display for ContentRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes ")?;
        match self.range {
            Some(ByteRange { first, last }) => write!(f, "{first}-{last}/")?,
            None => f.write_str("*/")?,
        }
        match self.length {
            Some(length) => write!(f, "{length}"),
            None => f.write_str("*"),
        }
    }
}

/// Digits only; a number too large for 64 bits is the largest.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(text: &str, length: u64) -> (Asked, Vec<(u64, u64)>) {
        let mut seen = Vec::new();
        let outcome = asked(text.as_bytes(), length, &mut |range| seen.push((range.first, range.last)));
        (outcome, seen)
    }

    /// RFC 9110 §14.1.2, §14.2, §15.5.17.
    #[test]
    fn ranges_are_cut_to_the_body_or_ignored() {
        let some = |first, last| Asked::One(ByteRange { first, last });
        for (text, length, expected) in [
            ("bytes=0-0", 10, some(0, 0)),
            ("bytes=0-499", 10, some(0, 9)),
            ("BYTES=2-3", 10, some(2, 3)),
            ("bytes=9-", 10, some(9, 9)),
            ("bytes=-3", 10, some(7, 9)),
            ("bytes=-30", 10, some(0, 9)),
            ("bytes=0-99999999999999999999999", 10, some(0, 9)),
            ("bytes= 0-1 ,, ", 10, some(0, 1)),
            ("bytes=0-1,20-30", 10, some(0, 1)),
            ("bytes=10-", 10, Asked::Unsatisfiable),
            ("bytes=-0", 10, Asked::Unsatisfiable),
            ("bytes=0-0", 0, Asked::Unsatisfiable),
            ("bytes=-5", 0, Asked::Unsatisfiable),
            ("bytes=10-11,12-", 10, Asked::Unsatisfiable),
            ("bytes=3-2", 10, Asked::Ignored),
            ("bytes=0-1,3-2", 10, Asked::Ignored),
            ("bytes=-", 10, Asked::Ignored),
            ("bytes=", 10, Asked::Ignored),
            ("bytes=a-b", 10, Asked::Ignored),
            ("bytes=--1", 10, Asked::Ignored),
            ("bytes 0-1", 10, Asked::Ignored),
            ("items=0-1", 10, Asked::Ignored),
            ("", 10, Asked::Ignored),
        ] {
            assert_eq!(several(text, length).0, expected, "{text:?} of {length}");
        }
    }

    /// RFC 9110 §14.2, §17.15: no request gets more bytes than the body has.
    #[test]
    fn several_ranges_are_answered_if_they_ascend_and_stay_apart() {
        for (text, expected) in [
            ("bytes=0-1,4-5", Asked::Several),
            ("bytes=0-1,2-3", Asked::Several),
            ("bytes=0-1, 20-, -1", Asked::Several),
            ("bytes=0-1,1-2", Asked::Unsatisfiable),
            ("bytes=0-,0-,0-", Asked::Unsatisfiable),
            ("bytes=5-6,0-9", Asked::Unsatisfiable),
            ("bytes=5-6,0-1", Asked::Ignored),
        ] {
            assert_eq!(several(text, 10).0, expected, "{text:?}");
        }
        assert_eq!(several("bytes=0-1, 20-, -1", 10).1, [(0, 1), (9, 9)]);
        let many = |count: u64| {
            let each: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 2, n * 2)).collect();
            several(&format!("bytes={}", each.join(",")), 10_000)
        };
        assert_eq!(many(300).0, Asked::Several);
        assert_eq!(many(301).0, Asked::Unsatisfiable);
    }

    /// RFC 9110 §14.4.
    #[test]
    fn content_ranges_are_read_and_written() {
        for (text, range, length) in [
            ("bytes 0-4/10", Some((0, 4)), Some(10)),
            ("bytes 0-4/*", Some((0, 4)), None),
            ("bytes */10", None, Some(10)),
        ] {
            let read = ContentRange::parse(text.as_bytes()).expect(text);
            assert_eq!((read.range.map(|r| (r.first, r.last)), read.length), (range, length), "{text}");
            assert_eq!(read.to_string(), text);
        }
        for text in [
            "",
            "bytes",
            "bytes 0-4",
            "bytes 4-0/10",
            "bytes 0-10/10",
            "bytes */*",
            "items 0-4/10",
            "bytes=0-4/10",
            "bytes 0-4/x",
            "bytes -4/10",
            "/ bytes",
            "bytes 0-4/10/2",
            "bytes /",
        ] {
            assert_eq!(ContentRange::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
