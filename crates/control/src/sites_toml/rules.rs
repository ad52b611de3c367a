//! `[account.site.cache_rules]`: what a site's owner sets beyond the origin's fields.

use super::reader::{Fields, Place, short};
use caching::{QueryRule, Rules, StatusRange, TtlRule};
use toml::de::DeValue;

const KEYS: [&str; 5] = ["ttl", "bypass_cookies", "languages", "query", "agree_content_type"];
const TTL_KEYS: [&str; 3] = ["path", "status", "seconds"];
const QUERY_KEYS: [&str; 2] = ["ignore", "sort"];
/// Most items of each list.
const ITEMS_MAX: usize = 64;
/// Longest path, cookie or parameter, in bytes.
const ITEM_BYTES_MAX: usize = 256;
/// Longest language tag: enough for all registered ones (RFC 5646 §4.4.1).
const LANGUAGE_BYTES_MAX: usize = 35;
/// Longest lifetime: a year.
const SECONDS_MAX: u32 = 365 * 24 * 3600;

pub(super) fn read(fields: &mut Fields<'_, '_, '_, '_>) -> Rules {
    let Some((table, place)) = fields.table("cache_rules", "[account.site.cache_rules]") else {
        return Rules::default();
    };
    let mut fields = Fields::new(table, place, &KEYS, fields.complaints());
    Rules {
        ttl: ttl(&mut fields),
        bypass_cookies: words(
            &mut fields,
            "bypass_cookies",
            is_cookie,
            "a cookie's name, with * for any characters",
        ),
        languages: words(&mut fields, "languages", is_language, "a language, such as en or pt-BR"),
        query: query(&mut fields),
        agree_content_type: fields.truth("agree_content_type"),
    }
}

fn ttl(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<TtlRule> {
    let tables = fields.tables("ttl");
    if let Some((_, place)) = tables.get(ITEMS_MAX) {
        fields.complain(
            place.clone(),
            format!("\"ttl\" has {} items; at most {ITEMS_MAX} are allowed", tables.len()),
        );
    }
    let rules = tables.iter().filter_map(|(table, place)| {
        let mut fields = Fields::new(table, place.clone(), &TTL_KEYS, fields.complaints());
        let path = fields.required_text("path");
        let seconds = seconds(&mut fields);
        let status = status(&mut fields);
        let (path, place) = path?;
        if !is_path(&path) {
            fields.complain(
                place,
                format!("path {:?} begins with / or has a *, such as /assets/ or *.css", short(&path)),
            );
        }
        Some(TtlRule { path, status, ttl_seconds: seconds? })
    });
    rules.collect()
}

fn seconds(fields: &mut Fields<'_, '_, '_, '_>) -> Option<u32> {
    fields.complain_if_missing("seconds", "; write seconds = 3600");
    let (seconds, place) = fields.number("seconds")?;
    let fits = u32::try_from(seconds).ok().filter(|seconds| *seconds <= SECONDS_MAX);
    if fits.is_none() {
        fields.complain(place, format!("seconds is a number from 0 to {SECONDS_MAX}, a year"));
    }
    fits
}

/// `404` or `"400-499"`.
fn status(fields: &mut Fields<'_, '_, '_, '_>) -> Option<StatusRange> {
    let value = fields.get("status")?;
    let range = match value.get_ref() {
        DeValue::Integer(_) => fields.number("status").and_then(|(number, _)| range(number, number)),
        DeValue::String(text) => {
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            from.trim().parse().ok().zip(to.trim().parse().ok()).and_then(|(from, to)| range(from, to))
        }
        _ => None,
    };
    if range.is_none() {
        fields.complain(
            value.span(),
            "status is a number from 200 to 599, or two of them: \"400-499\"".to_owned(),
        );
    }
    range
}

fn range(from: i64, to: i64) -> Option<StatusRange> {
    let known = 200..=599;
    let fits = from <= to && known.contains(&from) && known.contains(&to);
    let narrow = |status: i64| u16::try_from(status).ok();
    Some(StatusRange { from: narrow(from)?, to: narrow(to)? }).filter(|_| fits)
}

fn query(fields: &mut Fields<'_, '_, '_, '_>) -> QueryRule {
    let Some((table, place)) = fields.table("query", "query = { ignore = [\"utm_*\"], sort = true }") else {
        return QueryRule::default();
    };
    let mut fields = Fields::new(table, place, &QUERY_KEYS, fields.complaints());
    QueryRule {
        ignore: words(&mut fields, "ignore", is_parameter, "a parameter's name, with * for any characters"),
        sort: fields.truth("sort").unwrap_or_default(),
    }
}

/// A list of short words, each of which fits.
fn words(
    fields: &mut Fields<'_, '_, '_, '_>,
    key: &str,
    fits: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<String> {
    let Some((texts, place)) = fields.texts(key) else { return Vec::new() };
    if texts.len() > ITEMS_MAX {
        fields.complain(place, format!("{key:?} has {} items; at most {ITEMS_MAX} are allowed", texts.len()));
    }
    let mut check = |(text, place): (String, Place)| {
        if !fits(&text) {
            fields.complain(place, format!("{:?} is not {what}", short(&text)));
        }
        text
    };
    texts.into_iter().map(&mut check).collect()
}

fn is_path(text: &str) -> bool {
    let visible = text.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && !matches!(byte, b'?' | b'#'));
    text.len() <= ITEM_BYTES_MAX && visible && (text.starts_with('/') || text.contains('*'))
}

/// RFC 6265 §4.1.1: a token; `*` is one of its characters.
fn is_cookie(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=ITEM_BYTES_MAX).contains(&text.len()) && text.bytes().all(letter)
}

/// RFC 5646 §2.1 without its registry: letters and digits in short parts.
fn is_language(text: &str) -> bool {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= LANGUAGE_BYTES_MAX && text.split('-').all(part)
}

fn is_parameter(text: &str) -> bool {
    let letter = |byte: u8| (b'!'..=b'~').contains(&byte) && !matches!(byte, b'&' | b'=' | b'#');
    (1..=ITEM_BYTES_MAX).contains(&text.len()) && text.bytes().all(letter)
}
