//! Reading field lines: lists, dates, and which fields may be kept.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vocabulary::Timestamp;

/// Field lines that can be read in the order received.
///
/// Implemented for `HeaderMap`; a server with its own head type implements it to be asked without
/// copying. `Sync`, so that a request may be held while the origin is waited for. Names may be in any case; values may carry surrounding white space.
pub trait Fields: Sync {
    /// Shows each field line once.
    fn each<'a>(&'a self, see: &mut dyn FnMut(&'a str, &'a [u8]));
}

impl Fields for HeaderMap {
    fn each<'a>(&'a self, see: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            see(name.as_str(), value.as_bytes());
        }
    }
}

impl<N: AsRef<str> + Sync, V: AsRef<[u8]> + Sync> Fields for Vec<(N, V)> {
    fn each<'a>(&'a self, see: &mut dyn FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            see(name.as_ref(), value.as_ref());
        }
    }
}

/// Drops optional white space (RFC 9110 §5.6.3) on both sides.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &value[start..end]
}

/// The elements of one line of a comma-separated list (RFC 9110 §5.6.1), quoted strings kept whole, empty
/// elements skipped.
#[derive(Clone)]
pub(crate) struct Elements<'a>(&'a [u8]);

pub(crate) fn elements(line: &[u8]) -> Elements<'_> {
    Elements(line)
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let (element, rest) = split_element(self.0);
            self.0 = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

fn split_element(line: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in line.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return (&line[..at], &line[at + 1..]),
            _ => {}
        }
    }
    (line, &[])
}

/// Whether every quoted string of a line ends.
pub(crate) fn quotes_end(line: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in line {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    !quoted
}

/// Whether a byte may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Longest date that is read: the form of RFC 850 with the longest weekday has 33 bytes.
const DATE_BYTES_MAX: usize = 40;

/// Reads an HTTP date in any of its three forms (RFC 9110 §5.6.7), in any case (RFC 9111 §4.2). The weekday
/// must be one, but need not be that of the date: the date alone tells the instant, and recipients are asked
/// to be robust.
pub fn date_of(value: &[u8]) -> Option<Timestamp> {
    let text = trim(value);
    let mut buffer = [0u8; DATE_BYTES_MAX];
    let usual = buffer.get_mut(..text.len())?;
    usual.copy_from_slice(text);
    capitalise(usual);
    let usual = std::str::from_utf8(usual).ok()?;
    let time = httpdate::parse_http_date(usual).ok().or_else(|| on_its_own_day(usual))?;
    let since_epoch = time.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(i64::try_from(since_epoch.as_secs()).ok()?))
}

/// Reads a date that names a wrong weekday, by naming it each of them in turn.
fn on_its_own_day(text: &str) -> Option<SystemTime> {
    let (named, rest) = text.split_at(text.find(|letter: char| !letter.is_ascii_alphabetic())?);
    let form = |day: &'static str| if named.len() == 3 { day.get(..3) } else { Some(day) };
    let days = WEEKDAYS.iter().filter_map(|day| form(day));
    let named_one = days.clone().any(|day| day == named);
    days.filter(|_| named_one).find_map(|day| {
        let mut buffer = [0u8; 2 * DATE_BYTES_MAX];
        let whole = buffer.get_mut(..day.len() + rest.len())?;
        let (front, back) = whole.split_at_mut(day.len());
        front.copy_from_slice(day.as_bytes());
        back.copy_from_slice(rest.as_bytes());
        httpdate::parse_http_date(std::str::from_utf8(whole).ok()?).ok()
    })
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Words with a capital letter, and GMT in capitals.
fn capitalise(text: &mut [u8]) {
    for word in text.split_mut(|byte| !byte.is_ascii_alphabetic()) {
        if word.eq_ignore_ascii_case(b"gmt") {
            word.make_ascii_uppercase();
        } else if let Some((first, rest)) = word.split_first_mut() {
            first.make_ascii_uppercase();
            rest.make_ascii_lowercase();
        }
    }
}

/// Writes an instant as an HTTP date in the preferred form (RFC 9110 §5.6.7).
pub fn http_date(instant: Timestamp) -> String {
    let since_epoch = Duration::from_secs(u64::try_from(instant.as_secs()).unwrap_or(0));
    httpdate::fmt_http_date(UNIX_EPOCH + since_epoch)
}

/// Fields that end at the next hop whatever `Connection` says (RFC 9110 §7.6.1), or that speak of
/// proxies (RFC 9111 §3.1).
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "http2-settings",
];

/// Whether a field ends at the next hop, whatever `Connection` says.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    HOP_BY_HOP.contains(&name.as_str())
}

/// The fields of a response that may be stored and sent again (RFC 9111 §3.1): all but those of the
/// connection, `Age` (counted anew) and `Content-Length` (known from the body).
pub fn end_to_end(fields: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let nominated = |name: &HeaderName| {
        fields.get_all(header::CONNECTION).iter().any(|line| {
            elements(line.as_bytes()).any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()))
        })
    };
    fields.iter().filter(move |(name, _)| {
        !HOP_BY_HOP.contains(&name.as_str())
            && *name != header::AGE
            && *name != header::CONTENT_LENGTH
            && !nominated(name)
    })
}
