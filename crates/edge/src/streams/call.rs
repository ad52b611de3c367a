//! Calls (gRPC over HTTP/2): requests and answers that are conversations.

use http::{HeaderMap, header};
use std::time::Duration;

/// Whether a message belongs to a call.
pub(crate) fn is_call(fields: &HeaderMap) -> bool {
    let kind = fields.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

/// How long the caller waits, where it says so: at most eight digits and a unit.
pub(crate) fn deadline(fields: &HeaderMap) -> Option<Duration> {
    let text = fields.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u64 = digits.parse().ok().filter(|_| plain)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_deadline_is_digits_with_a_unit_and_anything_else_is_none() {
        for (text, millis) in [
            ("100m", Some(100)),
            ("2S", Some(2000)),
            ("1M", Some(60_000)),
            ("1H", Some(3_600_000)),
            ("5000u", Some(5)),
            ("5000000n", Some(5)),
            ("99999999H", Some(99_999_999 * 3_600_000)),
            ("999999999S", None),
            ("S", None),
            ("", None),
            ("1", None),
            ("+1S", None),
            ("1s", None),
            ("\u{e4}", None),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert("grpc-timeout", HeaderValue::from_bytes(text.as_bytes()).expect("a value"));
            assert_eq!(deadline(&fields), millis.map(Duration::from_millis), "{text:?}");
        }
        assert_eq!(deadline(&HeaderMap::new()), None);
    }
}
