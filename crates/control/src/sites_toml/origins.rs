//! `origins`, `[[account.site.origin]]` and what a site sets about the use of its origins.

mod towards;

pub(super) use towards::host;

use super::reader::{Fields, Place, short};
use super::site::{list, origin, unknown_word};
use snapshot::{Balance, Ejection, HealthCheck, Origin, OriginPolicy, Probe, Retries, Timeouts};
use std::path::Path;
use toml::de::DeValue;

const ORIGIN_KEYS: [&str; 4] = ["url", "weight", "server_name", "protocol"];
const HEALTH_KEYS: [&str; 8] = ["check", "path", "host", "status", "interval", "timeout", "fall", "rise"];
const EJECTION_KEYS: [&str; 5] = ["after", "base", "max", "slow_return", "panic_percent"];
const RETRY_KEYS: [&str; 3] = ["attempts", "budget_percent", "statuses"];
const TIMEOUT_KEYS: [&str; 4] = ["connect", "first_byte", "between_bytes", "total"];
const BALANCES: [&str; 6] =
    ["round-robin", "least-outstanding", "failover", "hash:address", "hash:url", "hash:cookie:NAME"];
/// Most origins of one site.
const ORIGINS_MAX: usize = balance::MEMBERS_MAX;
/// Largest weight of an origin.
const WEIGHT_MAX: i64 = 100;
/// Longest path, host or cookie of a setting, in bytes.
const TEXT_BYTES_MAX: usize = 256;
/// Longest time of any kind, in milliseconds: a day.
const TIME_MS_MAX: u32 = 24 * 3600 * 1000;
/// Shortest time between two checks, in milliseconds.
const INTERVAL_MS_MIN: u32 = 1000;
/// Statuses that are asked for again elsewhere, of one site.
const STATUSES_MAX: usize = 16;

/// The plain list, or one table for each.
pub(super) fn read(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<Origin> {
    let Some(tables) = fields.get("origin").map(|value| value.span()) else {
        return plain(fields);
    };
    if let Some(plain) = fields.get("origins") {
        let message = "write origins = […] or [[account.site.origin]], not both".to_owned();
        fields.complain(plain.span(), message);
    }
    let mut origins = Vec::new();
    for (table, place) in fields.tables("origin") {
        let mut fields = Fields::new(table, place, &ORIGIN_KEYS, fields.complaints());
        let url = fields.required_text("url");
        let weight = within(&mut fields, "weight", 1, WEIGHT_MAX).unwrap_or(1);
        let server_name = towards::server_name(&mut fields);
        let protocol = towards::protocol(&mut fields);
        let weight = u16::try_from(weight).unwrap_or(1);
        let Some((text, place)) = url else { continue };
        match origin(&text) {
            Ok(origin) => origins.push(Origin { weight, server_name, protocol, ..origin }),
            Err(why) => fields.complain(place, format!("origin {:?}: {why}", short(&text))),
        }
    }
    if origins.len() > ORIGINS_MAX {
        fields.complain(tables, format!("{} origins; at most {ORIGINS_MAX} are allowed", origins.len()));
    }
    origins
}

fn plain(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<Origin> {
    let mut origins = Vec::new();
    for (text, place) in list(fields, "origins", ORIGINS_MAX, "[\"http://127.0.0.1:3000\"]") {
        match origin(&text) {
            Ok(origin) => origins.push(origin),
            Err(why) => fields.complain(place, format!("origin {:?}: {why}", short(&text))),
        }
    }
    origins
}

/// What the site sets about their use.
pub(super) fn policy(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> OriginPolicy {
    OriginPolicy {
        balance: balance(fields),
        health: health(fields),
        ejection: ejection(fields),
        retries: retries(fields),
        timeouts: timeouts(fields),
        tls: towards::tls(fields, base),
        host: host(fields),
        secret: towards::secret(fields, base),
    }
}

fn balance(fields: &mut Fields<'_, '_, '_, '_>) -> Balance {
    let Some((text, place)) = fields.text("balance") else { return Balance::default() };
    match text.as_str() {
        "round-robin" => Balance::RoundRobin,
        "least-outstanding" => Balance::LeastOutstanding,
        "failover" => Balance::Failover,
        "hash:address" => Balance::HashAddress,
        "hash:url" => Balance::HashUrl,
        other => match other.strip_prefix("hash:cookie:") {
            Some(name) if is_token(name) => Balance::HashCookie(name.to_owned()),
            Some(_) => {
                fields.complain(place, "write the cookie's name behind hash:cookie:".to_owned());
                Balance::default()
            }
            None => {
                fields.complain(place, unknown_word("balance", other, &BALANCES));
                Balance::default()
            }
        },
    }
}

fn health(fields: &mut Fields<'_, '_, '_, '_>) -> Option<HealthCheck> {
    let (table, place) = fields.table("health", "health = { check = \"http\", path = \"/healthz\" }")?;
    let mut fields = Fields::new(table, place, &HEALTH_KEYS, fields.complaints());
    let probe = probe(&mut fields);
    let usual = HealthCheck::with(probe);
    let interval = time(&mut fields, "interval", INTERVAL_MS_MIN).unwrap_or(usual.interval_ms);
    let timeout = time(&mut fields, "timeout", 1).unwrap_or(usual.timeout_ms);
    let count = |fields: &mut Fields<'_, '_, '_, '_>, key, usual| {
        within(fields, key, 1, 100).and_then(|count| u8::try_from(count).ok()).unwrap_or(usual)
    };
    let (fall, rise) = (count(&mut fields, "fall", usual.fall), count(&mut fields, "rise", usual.rise));
    Some(HealthCheck { interval_ms: interval, timeout_ms: timeout, fall, rise, ..usual })
}

fn probe(fields: &mut Fields<'_, '_, '_, '_>) -> Probe {
    let check = fields.text("check");
    if let Some((text, place)) = &check
        && text != "http"
        && text != "tcp"
    {
        fields.complain(place.clone(), unknown_word("check", text, &["http", "tcp"]));
    }
    if check.is_some_and(|(text, _)| text == "tcp") {
        for key in ["path", "host", "status"] {
            if let Some(value) = fields.get(key) {
                fields.complain(value.span(), format!("a tcp check has no {key}"));
            }
        }
        return Probe::Tcp;
    }
    let path = fields.text("path").map_or_else(
        || "/".to_owned(),
        |(path, place)| {
            let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
            if !path.starts_with('/') || !plain || path.len() > TEXT_BYTES_MAX {
                fields.complain(place, format!("path {:?} begins with / and has no spaces", short(&path)));
            }
            path
        },
    );
    let host = fields.text("host").map(|(host, place)| {
        if !is_host_field(&host) {
            fields.complain(place, format!("{:?} is no host name, with or without a port", short(&host)));
        }
        host
    });
    let (status_min, status_max) = statuses(fields).unwrap_or((200, 399));
    Probe::Http { path, host, status_min, status_max }
}

/// `204` or `"200-299"`.
fn statuses(fields: &mut Fields<'_, '_, '_, '_>) -> Option<(u16, u16)> {
    let value = fields.get("status")?;
    let range = match value.get_ref() {
        DeValue::Integer(digits) => {
            u16::from_str_radix(digits.as_str(), digits.radix()).ok().map(|one| (one, one))
        }
        DeValue::String(text) => {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            from.trim().parse().ok().zip(to.trim().parse().ok())
        }
        _ => None,
    };
    let range = range.filter(|(from, to)| from <= to && (200..=599).contains(from) && *to <= 599);
    if range.is_none() {
        let message = "status is a number from 200 to 599, or two of them: \"200-399\"".to_owned();
        fields.complain(value.span(), message);
    }
    range
}

fn ejection(fields: &mut Fields<'_, '_, '_, '_>) -> Ejection {
    let usual = Ejection::default();
    let Some((table, place)) = fields.table("ejection", "ejection = { after = 5, base = \"10s\" }") else {
        return usual;
    };
    let mut fields = Fields::new(table, place, &EJECTION_KEYS, fields.complaints());
    let number = |fields: &mut Fields<'_, '_, '_, '_>, key, most| {
        within(fields, key, 0, most).and_then(|number| u32::try_from(number).ok())
    };
    let panic_percent = number(&mut fields, "panic_percent", 100).and_then(|part| u8::try_from(part).ok());
    Ejection {
        after: number(&mut fields, "after", 1000).unwrap_or(usual.after),
        base_ms: time(&mut fields, "base", 1).unwrap_or(usual.base_ms),
        max_ms: time(&mut fields, "max", 1).unwrap_or(usual.max_ms),
        slow_return_ms: time(&mut fields, "slow_return", 0).unwrap_or(usual.slow_return_ms),
        panic_percent: panic_percent.unwrap_or(usual.panic_percent),
    }
}

fn retries(fields: &mut Fields<'_, '_, '_, '_>) -> Retries {
    let usual = Retries::default();
    let Some((table, place)) = fields.table("retries", "retries = { attempts = 3, statuses = [503] }") else {
        return usual;
    };
    let mut fields = Fields::new(table, place, &RETRY_KEYS, fields.complaints());
    let narrow = |number: Option<i64>, usual| number.and_then(|n| u8::try_from(n).ok()).unwrap_or(usual);
    let most = i64::try_from(ORIGINS_MAX).unwrap_or(i64::MAX);
    Retries {
        attempts: narrow(within(&mut fields, "attempts", 1, most), usual.attempts),
        budget_percent: narrow(within(&mut fields, "budget_percent", 0, 100), usual.budget_percent),
        statuses: retried_statuses(&mut fields),
    }
}

fn retried_statuses(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<u16> {
    let Some(value) = fields.get("statuses") else { return Vec::new() };
    let items = match value.get_ref() {
        DeValue::Array(items) if items.len() <= STATUSES_MAX => items,
        _ => {
            let message = format!("statuses is a list of at most {STATUSES_MAX} numbers, such as [502, 503]");
            fields.complain(value.span(), message);
            return Vec::new();
        }
    };
    let mut statuses = Vec::new();
    for item in items.iter() {
        let status = match item.get_ref() {
            DeValue::Integer(digits) => u16::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        match status.filter(|status| (500..=599).contains(status)) {
            Some(status) => statuses.push(status),
            None => fields.complain(item.span(), "a status to ask again for is from 500 to 599".to_owned()),
        }
    }
    statuses
}

fn timeouts(fields: &mut Fields<'_, '_, '_, '_>) -> Timeouts {
    let usual = Timeouts::default();
    let Some((table, place)) = fields.table("timeouts", "timeouts = { connect = \"5s\" }") else {
        return usual;
    };
    let mut fields = Fields::new(table, place, &TIMEOUT_KEYS, fields.complaints());
    Timeouts {
        connect_ms: time(&mut fields, "connect", 1).unwrap_or(usual.connect_ms),
        first_byte_ms: time(&mut fields, "first_byte", 1).unwrap_or(usual.first_byte_ms),
        between_bytes_ms: time(&mut fields, "between_bytes", 1).unwrap_or(usual.between_bytes_ms),
        total_ms: time(&mut fields, "total", 1).or(usual.total_ms),
    }
}

/// A number between two.
fn within(fields: &mut Fields<'_, '_, '_, '_>, key: &str, least: i64, most: i64) -> Option<i64> {
    let (number, place) = fields.number(key)?;
    let fits = (least..=most).contains(&number);
    if !fits {
        fields.complain(place, format!("{key} is a number from {least} to {most}"));
    }
    fits.then_some(number)
}

/// `"500ms"`, `"30s"`, `"5m"`, or a number of seconds; in milliseconds.
fn time(fields: &mut Fields<'_, '_, '_, '_>, key: &str, least_ms: u32) -> Option<u32> {
    let value = fields.get(key)?;
    let place: Place = value.span();
    let time_ms = match value.get_ref() {
        DeValue::Integer(digits) => {
            u32::from_str_radix(digits.as_str(), digits.radix()).ok().and_then(|secs| secs.checked_mul(1000))
        }
        DeValue::String(text) => time_ms(text),
        _ => None,
    };
    let time_ms = time_ms.filter(|time_ms| (least_ms..=TIME_MS_MAX).contains(time_ms));
    if time_ms.is_none() {
        let least = if least_ms >= 1000 { format!(" from {}s", least_ms / 1000) } else { String::new() };
        fields
            .complain(place, format!("{key} is a time{least} up to a day: \"500ms\", \"30s\", \"5m\" or 30"));
    }
    time_ms
}

fn time_ms(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    // `parse` would take a plus sign.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<u32>().ok().filter(|_| plain)?.checked_mul(factor)
}

/// RFC 9110 §5.6.2, as far as names of cookies go.
fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= TEXT_BYTES_MAX && text.bytes().all(fits)
}

fn is_host_field(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    port_fits && vocabulary::Hostname::parse(host).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_their_units_and_nothing_else_is() {
        for (text, expected) in [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("30", None),
            ("s", None),
            ("+1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("99999999999s", None),
            ("4294967295s", None),
        ] {
            assert_eq!(time_ms(text), expected, "{text}");
        }
    }
}
