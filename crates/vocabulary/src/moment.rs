//! Instants and spans in words, for people who do not read RFC 3339; and their parts, for other languages than English.

use crate::Timestamp;
use std::time::Duration;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// An instant as people name it, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// The year.
    pub year: u16,
    /// The month, from 0.
    pub month: usize,
    /// The day of the month, from 1.
    pub day: u8,
    /// The day of the week, from 0, which is Thursday: 1970-01-01 was one.
    pub weekday: usize,
    /// The hour.
    pub hour: u8,
    /// The minute; seconds are cut.
    pub minute: u8,
}

impl Date {
    /// The date of an instant.
    pub fn of(instant: Timestamp) -> Self {
        let text = instant.to_string();
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let small = |range| part(range).parse().unwrap_or(0_u8);
        Self {
            year: part(0..4).parse().unwrap_or(0),
            month: usize::from(small(5..7).saturating_sub(1)),
            day: small(8..10),
            // A Timestamp is never before 1970.
            weekday: usize::try_from(instant.as_secs() / 86_400 % 7).unwrap_or(0),
            hour: small(11..13),
            minute: small(14..16),
        }
    }
}

/// `Tuesday 24 November 2026, 03:26 UTC`; seconds are cut.
pub fn date_and_time(instant: Timestamp) -> String {
    let Date { year, month, day, weekday, hour, minute } = Date::of(instant);
    let weekday = WEEKDAYS.get(weekday).copied().unwrap_or_default();
    let month = MONTHS.get(month).copied().unwrap_or_default();
    format!("{weekday} {day} {month} {year:04}, {hour:02}:{minute:02} UTC")
}

/// What a span is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Exact; all others are rounded up.
    Second,
    /// Sixty seconds.
    Minute,
    /// Sixty minutes.
    Hour,
    /// Twenty-four hours.
    Day,
}

/// A span in the unit that people would use, rounded up; never 0.
pub fn rounded(span: Duration) -> (u64, Unit) {
    let seconds = span.as_secs();
    match seconds {
        0..=99 => (seconds.max(1), Unit::Second),
        100..=5_399 => (seconds.div_ceil(60), Unit::Minute),
        5_400..=259_199 => (seconds.div_ceil(3_600), Unit::Hour),
        _ => (seconds.div_ceil(86_400), Unit::Day),
    }
}

/// A span in words: `about 31 hours`, `45 seconds`.
pub fn span(span: Duration) -> String {
    let (count, unit) = rounded(span);
    match unit {
        Unit::Second => count_of(count, "second"),
        Unit::Minute => format!("about {}", count_of(count, "minute")),
        Unit::Hour => format!("about {}", count_of(count, "hour")),
        Unit::Day => format!("about {}", count_of(count, "day")),
    }
}

fn count_of(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_as_a_date_with_weekday_and_zone() {
        for (text, words) in [
            ("2026-11-24T03:26:41.123Z", "Tuesday 24 November 2026, 03:26 UTC"),
            ("1970-01-01T00:00:00.000Z", "Thursday 1 January 1970, 00:00 UTC"),
            ("2028-02-29T23:59:59.999Z", "Tuesday 29 February 2028, 23:59 UTC"),
        ] {
            assert_eq!(text.parse().map(date_and_time), Ok(words.to_owned()));
        }
    }

    #[test]
    fn a_span_reads_in_the_unit_people_would_use() {
        for (seconds, words) in [
            (0, "1 second"),
            (45, "45 seconds"),
            (100, "about 2 minutes"),
            (3_600, "about 60 minutes"),
            (111_600, "about 31 hours"),
            (172_800, "about 48 hours"),
            (1_209_600, "about 14 days"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
    }
}
