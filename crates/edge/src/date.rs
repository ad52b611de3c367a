//! The text of the present second, for `Date` fields.

use std::sync::Mutex;
use vocabulary::Timestamp;

/// An HTTP date (RFC 9110 §5.6.7) is this long.
pub(crate) const DATE_BYTES: usize = 29;

/// Keeps the last text: it changes once a second and is asked for thousands of times.
#[derive(Default)]
pub(crate) struct DateText(Mutex<(i64, [u8; DATE_BYTES])>);

impl DateText {
    /// The text for an instant.
    pub(crate) fn at(&self, now: Timestamp) -> [u8; DATE_BYTES] {
        let second = now.as_secs();
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.0 != second || kept.1[0] == 0 {
            let text = caching::http_date(now);
            kept.0 = second;
            // From 1970 to 9999 the form has one length.
            if let Ok(bytes) = text.as_bytes().try_into() {
                kept.1 = bytes;
            }
        }
        kept.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_follows_the_second() {
        let date = DateText::default();
        for (ms, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (999, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_000, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (1_700_000_000_123, "Tue, 14 Nov 2023 22:13:20 GMT"),
        ] {
            assert_eq!(date.at(Timestamp::from_millis(ms)), *text.as_bytes());
        }
    }
}
