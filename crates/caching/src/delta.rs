//! Spans in whole seconds as HTTP fields write them.

/// A number of seconds from 0 to 2³¹; anything larger is 2³¹ (RFC 9111 §1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct DeltaSeconds(u32);

const MAX: u32 = 1 << 31;

impl DeltaSeconds {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From a number, capped.
    pub fn new(seconds: u64) -> Self {
        Self(u32::try_from(seconds).unwrap_or(MAX).min(MAX))
    }

    /// Reads `1*DIGIT` (RFC 9111 §1.2.2); anything else is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut seconds = 0u64;
        for digit in text {
            seconds = (seconds * 10 + u64::from(digit - b'0')).min(u64::from(MAX));
        }
        Some(Self::new(seconds))
    }

    /// The number of seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }

    /// The span in milliseconds.
    pub(crate) fn as_millis(self) -> i64 {
        i64::from(self.0) * 1000
    }
}

impl std::fmt::Display for DeltaSeconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_seconds_and_large_numbers_are_capped() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("003600", Some(3600)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", Some(MAX)),
            ("99999999999999999999999999999999", Some(MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("1a", None),
            (" 1", None),
            ("'1'", None),
        ] {
            assert_eq!(DeltaSeconds::parse(text.as_bytes()).map(DeltaSeconds::as_secs), seconds, "{text:?}");
        }
    }
}
