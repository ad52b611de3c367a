//! Instants in UTC with millisecond precision and one textual form.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Its one textual form is RFC 3339 in UTC with exactly three decimals, `2026-11-22T03:26:41.123Z`,
/// so that equal instants are equal bytes in signed documents.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The end of the last whole day that jiff covers in every zone, 9999-12-29T23:59:59.999Z.
const LAST_MS: i64 = 253_402_127_999_999;

impl Timestamp {
    /// From milliseconds since the epoch, clamped to the years 1970 to 9999.
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(0, LAST_MS))
    }

    /// From whole seconds since the epoch, clamped likewise.
    pub fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant plus a span, clamped to the year 9999.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// This instant less a span, clamped to 1970.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(ms))
    }

    /// The span since an earlier instant; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Construction clamps to 1970..=9999, which jiff covers.
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{instant:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an instant in the one accepted form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an instant: {0:?}; write UTC as 2026-11-22T03:26:41.123Z")]
pub struct TimestampError(String);

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || TimestampError(text.chars().take(40).collect());
        let instant: jiff::Timestamp = text.parse().map_err(|_| refuse())?;
        let ms = instant.as_millisecond();
        let parsed = Self(ms);
        if (0..=LAST_MS).contains(&ms) && parsed.to_string() == text { Ok(parsed) } else { Err(refuse()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textual_form_is_fixed_and_round_trips() {
        for ms in [0, 1, 999, 1_700_000_000_123, LAST_MS] {
            let instant = Timestamp::from_millis(ms);
            let text = instant.to_string();
            assert_eq!(text.len(), 24, "{text}");
            assert_eq!(text.parse(), Ok(instant));
        }
        assert_eq!(Timestamp::from_millis(1_700_000_000_123).to_string(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn other_spellings_of_an_instant_are_refused() {
        for text in
            ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123+00:00", "2023-11-14 22:13:20.123Z", "x", ""]
        {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
