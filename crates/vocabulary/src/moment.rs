//! Instants and spans in words, for people who do not read RFC 3339.

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

/// `Tuesday 24 November 2026, 03:26 UTC`; seconds are cut.
pub fn date_and_time(instant: Timestamp) -> String {
    let text = instant.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month: usize = part(5..7).parse().unwrap_or(1);
    // 1970-01-01 was a Thursday; a Timestamp is never before it.
    let weekday = usize::try_from(instant.as_secs() / 86_400 % 7).unwrap_or(0);
    format!(
        "{} {} {} {}, {} UTC",
        WEEKDAYS.get(weekday).copied().unwrap_or_default(),
        part(8..10).trim_start_matches('0'),
        MONTHS.get(month.saturating_sub(1)).copied().unwrap_or_default(),
        part(0..4),
        part(11..16),
    )
}

/// A span in words, rounded to the unit that people would use: `about 31 hours`, `3 minutes`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0..=99 => return count_of(seconds.max(1), "second"),
        100..=5_399 => (seconds.div_ceil(60), "minute"),
        5_400..=259_199 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    format!("about {}", count_of(count, unit))
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
