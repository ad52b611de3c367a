//! The types of XARF v4 with what each requires, and the spellings of its values.

use crate::Category;
use vocabulary::Timestamp;

/// Fields of every document.
pub(super) const REQUIRED: &[&str] = &[
    "xarf_version",
    "report_id",
    "timestamp",
    "reporter",
    "sender",
    "source_identifier",
    "category",
    "type",
];

/// The schema's categories.
pub(super) const CATEGORIES: &[&str] =
    &["messaging", "content", "copyright", "connection", "vulnerability", "infrastructure", "reputation"];

/// Category, type, and the fields that the type's own schema adds.
const TYPES: &[(&str, &str, &[&str])] = &[
    ("connection", "ddos", &["first_seen", "protocol"]),
    ("connection", "infected_host", &["bot_type", "first_seen", "protocol"]),
    ("connection", "login_attack", &["first_seen", "protocol"]),
    ("connection", "port_scan", &["first_seen", "protocol"]),
    ("connection", "reconnaissance", &["first_seen", "probed_resources", "protocol"]),
    ("connection", "scraping", &["first_seen", "protocol", "total_requests"]),
    ("connection", "sql_injection", &["first_seen", "protocol"]),
    ("connection", "vulnerability_scan", &["first_seen", "protocol", "scan_type"]),
    ("content", "brand_infringement", &["infringement_type", "legitimate_site", "url"]),
    ("content", "csam", &["classification", "detection_method", "url"]),
    ("content", "csem", &["detection_method", "exploitation_type", "url"]),
    ("content", "exposed_data", &["data_types", "exposure_method", "url"]),
    ("content", "fraud", &["fraud_type", "url"]),
    ("content", "malware", &["url"]),
    ("content", "phishing", &["url"]),
    ("content", "remote_compromise", &["compromise_type", "url"]),
    ("content", "suspicious_registration", &["registration_date", "suspicious_indicators", "url"]),
    ("copyright", "copyright", &["infringing_url"]),
    ("copyright", "cyberlocker", &["hosting_service", "infringing_url"]),
    ("copyright", "link_site", &["infringing_url", "site_name"]),
    ("copyright", "p2p", &["p2p_protocol", "swarm_info"]),
    ("copyright", "ugc_platform", &["infringing_url", "platform_name"]),
    ("copyright", "usenet", &["message_info", "newsgroup"]),
    ("infrastructure", "botnet", &["compromise_evidence"]),
    ("infrastructure", "compromised_server", &["compromise_method"]),
    ("messaging", "bulk_messaging", &["protocol", "recipient_count"]),
    ("messaging", "spam", &["protocol"]),
    ("reputation", "blocklist", &["threat_type"]),
    ("reputation", "threat_intelligence", &["threat_type"]),
    ("vulnerability", "cve", &["cve_id", "service", "service_port"]),
    ("vulnerability", "misconfiguration", &["service"]),
    ("vulnerability", "open_service", &["service"]),
];

/// What a type requires; `None` when the category has no such type.
pub(super) fn required(class: &str, kind: &str) -> Option<&'static [&'static str]> {
    TYPES.iter().find(|(category, name, _)| *category == class && *name == kind).map(|(_, _, fields)| *fields)
}

/// What a document is about.
pub(super) fn meaning(class: &str, kind: &str) -> Category {
    let kind = kind.to_ascii_lowercase();
    match kind.as_str() {
        "csam" | "csem" | "childabuse" | "child_abuse" => return Category::ChildAbuse,
        "phishing" | "fraud" | "suspicious_registration" | "brand_infringement" => return Category::Phishing,
        "malware" | "remote_compromise" | "botnet" | "infected_host" => return Category::Malware,
        "exposed_data" => return Category::PrivateDetails,
        "spam" | "bulk_messaging" => return Category::Spam,
        _ => {}
    }
    match class.to_ascii_lowercase().as_str() {
        "messaging" => Category::Spam,
        "copyright" => Category::Copyright,
        "connection" | "vulnerability" | "infrastructure" => Category::Attack,
        _ => Category::Other,
    }
}

/// `8-4-4-4-12` hex digits (RFC 9562 §4).
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// `namespace:value`.
pub(super) fn is_tag(text: &str) -> bool {
    let part = |part: &str| {
        let first =
            part.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        first
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_+-".contains(&byte))
    };
    text.split_once(':').is_some_and(|(namespace, value)| part(namespace) && part(value))
}

/// An instant in RFC 3339, seconds with or without a fraction, any zone; brought to UTC and milliseconds.
pub(super) fn rfc_3339(text: &str) -> Option<Timestamp> {
    let sign_at =
        |place: usize, sign: &str| text.get(place..=place).is_some_and(|c| c.eq_ignore_ascii_case(sign));
    let marks = sign_at(4, "-")
        && sign_at(7, "-")
        && (sign_at(10, "t") || sign_at(10, " "))
        && sign_at(13, ":")
        && sign_at(16, ":");
    if !marks || !text.is_ascii() {
        return None;
    }
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    if ![0..4, 5..7, 8..10, 11..13, 14..16, 17..19].into_iter().all(digits) {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let local = format!(
        "{}-{}-{}T{}.{millis:03}Z",
        text.get(..4)?,
        text.get(5..7)?,
        text.get(8..10)?,
        text.get(11..19)?
    );
    let local: Timestamp = local.parse().ok()?;
    Some(Timestamp::from_millis(local.as_millis() - zone_millis(zone)?))
}

/// The offset of a zone from UTC.
fn zone_millis(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = (0..=23).contains(&hours) && (0..=59).contains(&minutes);
    fits.then_some(sign * (hours * 60 + minutes) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_any_zone_become_one_instant() {
        for text in [
            "2025-01-11T15:15:24Z",
            "2025-01-11T15:15:24.000z",
            "2025-01-11 16:15:24+01:00",
            "2025-01-11T09:45:24-05:30",
        ] {
            assert_eq!(rfc_3339(text).expect(text).to_string(), "2025-01-11T15:15:24.000Z");
        }
        for text in [
            "",
            "2025-01-11",
            "2025-01-11T15:15:24",
            "2025-13-11T15:15:24Z",
            "yesterday",
            "2025-01-11T15:15:24+1",
        ] {
            assert_eq!(rfc_3339(text), None, "{text}");
        }
    }
}
