//! A single byte range of a stored response (RFC 9110 §14).

use crate::fields::trim;

/// Positions of the first and last byte, both within the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// Position of the first byte, from 0.
    pub first: u64,
    /// Position of the last byte; at least `first`.
    pub last: u64,
}

/// What a Range field asks of a body of known length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Another unit, several ranges, or not a range: the field is ignored (§14.2).
    Ignored,
    /// These bytes.
    Range(ByteRange),
    /// Begins behind the end (§15.5.17).
    Unsatisfiable,
}

impl ByteRange {
    /// How many bytes; never 0.
    pub fn byte_count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

pub(crate) fn asked(range: &[u8], length: u64) -> Asked {
    let text = trim(range);
    let Some(mark) = text.iter().position(|byte| *byte == b'=') else { return Asked::Ignored };
    // Range units are case-insensitive (§14.1).
    if !text[..mark].eq_ignore_ascii_case(b"bytes") {
        return Asked::Ignored;
    }
    let set = trim(&text[mark + 1..]);
    let Some(dash) = set.iter().position(|byte| *byte == b'-') else { return Asked::Ignored };
    let (first, last) = (&set[..dash], &set[dash + 1..]);
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Asked::Ignored,
        (true, false) => number(last).map_or(Asked::Ignored, |count| suffix(count, length)),
        (false, true) => number(first).map_or(Asked::Ignored, |first| within(first, u64::MAX, length)),
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => within(first, last, length),
            _ => Asked::Ignored,
        },
    }
}

fn suffix(count: u64, length: u64) -> Asked {
    if count == 0 || length == 0 {
        return Asked::Unsatisfiable;
    }
    Asked::Range(ByteRange { first: length.saturating_sub(count), last: length - 1 })
}

fn within(first: u64, last: u64, length: u64) -> Asked {
    if first >= length {
        return Asked::Unsatisfiable;
    }
    Asked::Range(ByteRange { first, last: last.min(length - 1) })
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

    /// RFC 9110 §14.1.2, §14.2, §15.5.17.
    #[test]
    fn ranges_are_cut_to_the_body_or_ignored() {
        let some = |first, last| Asked::Range(ByteRange { first, last });
        for (text, length, expected) in [
            ("bytes=0-0", 10, some(0, 0)),
            ("bytes=0-499", 10, some(0, 9)),
            ("BYTES=2-3", 10, some(2, 3)),
            ("bytes=9-", 10, some(9, 9)),
            ("bytes=-3", 10, some(7, 9)),
            ("bytes=-30", 10, some(0, 9)),
            ("bytes=0-99999999999999999999999", 10, some(0, 9)),
            ("bytes=10-", 10, Asked::Unsatisfiable),
            ("bytes=-0", 10, Asked::Unsatisfiable),
            ("bytes=0-0", 0, Asked::Unsatisfiable),
            ("bytes=-5", 0, Asked::Unsatisfiable),
            ("bytes=3-2", 10, Asked::Ignored),
            ("bytes=0-1,3-4", 10, Asked::Ignored),
            ("bytes=-", 10, Asked::Ignored),
            ("bytes=a-b", 10, Asked::Ignored),
            ("bytes=--1", 10, Asked::Ignored),
            ("bytes 0-1", 10, Asked::Ignored),
            ("items=0-1", 10, Asked::Ignored),
            ("", 10, Asked::Ignored),
        ] {
            assert_eq!(asked(text.as_bytes(), length), expected, "{text:?} of {length}");
        }
    }
}
