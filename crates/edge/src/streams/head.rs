//! From the fields of HTTP/2 and HTTP/3 to the one form of a request that the exchange knows (RFC 9113 §8, RFC 9114 §4).
//!
//! What either protocol calls malformed is refused by whoever reads its fields. Refused here: everything that an
//! HTTP/1 origin could read otherwise than this edge.

use crate::authority::{Authority, Scheme};
use crate::http1::framing::{FIELDS_MAX, METHOD_BYTES_MAX};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Version, header};

/// The one protocol that a stream may switch to (RFC 8441, RFC 9220).
const WEBSOCKET: &str = "websocket";

/// A request's head, taken apart. Each pseudo-header field has come at most once.
pub(crate) struct Section<'a> {
    pub(crate) version: Version,
    pub(crate) method: Method,
    pub(crate) scheme: Option<&'a str>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) path: Option<PathAndQuery>,
    pub(crate) protocol: Option<&'a str>,
    pub(crate) fields: HeaderMap,
    /// Whether the head is all of the request.
    pub(crate) ended: bool,
}

/// One host, one target, one length; or a reason to refuse.
pub(crate) fn parse(section: Section<'_>) -> Result<Request, Reason> {
    let Section { version, method, scheme, authority, path, protocol, mut fields, ended } = section;
    // Crumbs are joined before anything is counted.
    join_cookies(&mut fields);
    if fields.len() > FIELDS_MAX {
        return Err(Reason::TooManyFields);
    }
    if method.as_str().len() > METHOD_BYTES_MAX {
        return Err(Reason::MethodTooLong);
    }
    // RFC 9113 §8.2.1, RFC 9114 §4.2: the next reader would take the value without its edges.
    if fields.values().any(|value| value.as_bytes().trim_ascii().len() < value.len()) {
        return Err(Reason::FieldMalformed);
    }
    let upgrade = switches(&method, protocol)?;
    if scheme.is_some_and(|scheme| scheme != Scheme::Https.as_str()) {
        return Err(Reason::TargetMismatch);
    }
    let authority = self::authority(authority, &mut fields)?;
    let length = if upgrade { no_length(&fields)? } else { length(&mut fields, ended)? };
    let expects_continue = expects_continue(&fields)? && length != Length::None;
    let target = target(path, &method)?;
    // For everyone behind, it is the request that asks an HTTP/1.1 origin for the same (RFC 8441 §5).
    let method = if upgrade { Method::GET } else { method };
    if upgrade {
        fields.insert(header::UPGRADE, HeaderValue::from_static(WEBSOCKET));
    }
    Ok(Request {
        method,
        scheme: Scheme::Https,
        authority,
        target,
        fields,
        version,
        length,
        expects_continue,
        upgrade,
        client_certificate: None,
        fingerprints: None,
        child: None,
        ruled: None,
    })
}

/// Whether the request asks for another protocol on its stream: an extended CONNECT (RFC 8441 §4).
fn switches(method: &Method, protocol: Option<&str>) -> Result<bool, Reason> {
    match (method, protocol) {
        (&Method::CONNECT, Some(WEBSOCKET)) => Ok(true),
        (&Method::CONNECT, Some(_)) => Err(Reason::ProtocolUnknown),
        (&Method::CONNECT | &Method::TRACE, None) => Err(Reason::MethodRefused),
        (_, Some(_)) => Err(Reason::FieldsMalformed),
        (_, None) => Ok(false),
    }
}

/// What comes behind a request to switch is the other protocol's.
fn no_length(fields: &HeaderMap) -> Result<Length, Reason> {
    match fields.contains_key(header::CONTENT_LENGTH) {
        true => Err(Reason::LengthMalformed),
        false => Ok(Length::None),
    }
}

/// RFC 9113 §8.2.3, RFC 9114 §4.2.1: cookie crumbs are one field for everyone behind.
fn join_cookies(fields: &mut HeaderMap) {
    let mut crumbs = fields.get_all(header::COOKIE).iter();
    if crumbs.nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Valid values joined by valid bytes are valid.
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(b"; ".as_slice())) {
        fields.insert(header::COOKIE, joined);
    }
}

/// `:authority`, which a Host field must repeat if there is one (RFC 9113 §8.3.1, RFC 9114 §4.3.1).
fn authority(named: Option<&str>, fields: &mut HeaderMap) -> Result<Authority, Reason> {
    let mut hosts = fields.get_all(header::HOST).iter();
    let (host, more) = (hosts.next(), hosts.next().is_some());
    if more {
        return Err(Reason::HostRepeated);
    }
    let host = host.map(|host| Authority::parse(host.as_bytes(), Scheme::Https)).transpose()?;
    let named = named.map(|named| Authority::parse(named.as_bytes(), Scheme::Https)).transpose()?;
    fields.remove(header::HOST);
    match (named, host) {
        (Some(named), Some(host)) if named != host => Err(Reason::TargetMismatch),
        (Some(authority), _) | (None, Some(authority)) => Ok(authority),
        (None, None) => Err(Reason::HostMissing),
    }
}

/// The frames delimit the content; a Content-Length is only believed where it is one plain number, and the
/// visitor is held to it as the content comes in.
fn length(fields: &mut HeaderMap, ended: bool) -> Result<Length, Reason> {
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let (first, more) = (lengths.next(), lengths.next().is_some());
    if more {
        return Err(Reason::LengthRepeated);
    }
    let known = match first.map(HeaderValue::as_bytes) {
        None => None,
        Some(digits) if (1..=18).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) => {
            Some(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
        }
        Some(_) => return Err(Reason::LengthMalformed),
    };
    fields.remove(header::CONTENT_LENGTH);
    match (ended, known) {
        (true, None | Some(0)) | (false, Some(0)) => Ok(Length::None),
        (true, Some(_)) => Err(Reason::LengthMalformed),
        (false, Some(length)) => Ok(Length::Known(length)),
        (false, None) => Ok(Length::Unknown),
    }
}

fn expects_continue(fields: &HeaderMap) -> Result<bool, Reason> {
    let mut expected = fields.get_all(header::EXPECT).iter().peekable();
    let any = expected.peek().is_some();
    let known = expected.all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if known { Ok(any) } else { Err(Reason::ExpectationUnknown) }
}

fn target(path: Option<PathAndQuery>, method: &Method) -> Result<PathAndQuery, Reason> {
    let path = path.ok_or(Reason::TargetMalformed)?;
    let text = path.as_str();
    let rooted = text.starts_with('/') || (text == "*" && *method == Method::OPTIONS);
    // Bytes beyond ASCII are read differently by origins.
    let plain = text.bytes().all(|byte| byte < 0x7f);
    if rooted && plain { Ok(path) } else { Err(Reason::TargetMalformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GET of this address.
    fn read(uri: &str, fields: &[(&'static str, &'static str)], ended: bool) -> Result<Request, Reason> {
        let uri: http::Uri = uri.parse().expect("an address");
        parse(section(&uri, fields, ended))
    }

    fn section<'a>(uri: &'a http::Uri, lines: &[(&'static str, &'static str)], ended: bool) -> Section<'a> {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
        }
        Section {
            version: Version::HTTP_2,
            method: Method::GET,
            scheme: uri.scheme_str(),
            authority: uri.authority().map(|authority| authority.as_str()),
            path: uri.path_and_query().cloned(),
            protocol: None,
            fields,
            ended,
        }
    }

    #[test]
    fn a_plain_request_comes_out_as_it_went_in() {
        let fields = [("cookie", "a=1"), ("cookie", "b=2"), ("host", "a.test")];
        let request = read("https://A.test:443/x?y=1", &fields, true).expect("accepted");
        assert_eq!(request.authority.as_str(), "a.test");
        assert_eq!(request.target.as_str(), "/x?y=1");
        assert_eq!(request.length, Length::None);
        assert_eq!(request.fields.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
        assert!(!request.fields.contains_key("host"));
    }

    #[test]
    fn what_an_origin_could_read_otherwise_is_refused() {
        let target = "https://a.test/";
        for (uri, fields, ended, reason) in [
            (target, vec![("host", "b.test")], true, Reason::TargetMismatch),
            (target, vec![("host", "a.test"), ("host", "a.test")], true, Reason::HostRepeated),
            ("/", vec![], true, Reason::HostMissing),
            ("http://a.test/", vec![], true, Reason::TargetMismatch),
            (target, vec![("content-length", "1"), ("content-length", "1")], false, Reason::LengthRepeated),
            (target, vec![("content-length", "+1")], false, Reason::LengthMalformed),
            (target, vec![("content-length", "5")], true, Reason::LengthMalformed),
            (target, vec![("expect", "more")], false, Reason::ExpectationUnknown),
        ] {
            let got = read(uri, &fields, ended).map(|request| request.length);
            assert_eq!(got, Err(reason), "{uri} {fields:?}");
        }
    }

    #[test]
    fn a_method_name_is_bounded() {
        for (length, refused) in [(METHOD_BYTES_MAX, false), (METHOD_BYTES_MAX + 1, true)] {
            let uri = http::Uri::from_static("https://a.test/");
            let method = Method::from_bytes(&vec![b'M'; length]).expect("a token");
            let refusal = parse(Section { method, ..section(&uri, &[], true) }).err();
            assert_eq!(refusal, refused.then_some(Reason::MethodTooLong), "{length}");
        }
    }

    #[test]
    fn fields_are_bounded_and_crumbs_of_a_cookie_are_one_of_them() {
        let uri = http::Uri::from_static("https://a.test/");
        for (count, refused) in [(FIELDS_MAX, false), (FIELDS_MAX + 1, true)] {
            let mut section = section(&uri, &[("cookie", "a=1"), ("cookie", "b=2")], true);
            for place in 1..count {
                section.fields.append("x-odd", HeaderValue::from(place));
            }
            assert_eq!(parse(section).err(), refused.then_some(Reason::TooManyFields), "{count}");
        }
    }

    #[test]
    fn a_body_is_as_long_as_its_field_says_or_as_long_as_it_lasts() {
        for (fields, length) in [
            (vec![], Length::Unknown),
            (vec![("content-length", "12")], Length::Known(12)),
            (vec![("content-length", "0")], Length::None),
        ] {
            let request = read("https://a.test/", &fields, false).expect("accepted");
            assert_eq!(request.length, length);
            assert!(!request.fields.contains_key("content-length"));
        }
    }

    /// RFC 8441 §4 and §5.
    #[test]
    fn an_extended_connect_asks_for_websocket_and_nothing_else_does() {
        let uri = http::Uri::from_static("https://a.test/chat");
        for (method, protocol, fields, outcome) in [
            (Method::CONNECT, Some("websocket"), vec![], Ok(true)),
            (Method::CONNECT, Some("websocket"), vec![("content-length", "0")], Err(Reason::LengthMalformed)),
            (Method::CONNECT, Some("connect-udp"), vec![], Err(Reason::ProtocolUnknown)),
            (Method::CONNECT, Some("WebSocket"), vec![], Err(Reason::ProtocolUnknown)),
            (Method::CONNECT, None, vec![], Err(Reason::MethodRefused)),
            (Method::TRACE, None, vec![], Err(Reason::MethodRefused)),
            (Method::GET, Some("websocket"), vec![], Err(Reason::FieldsMalformed)),
            (Method::GET, None, vec![], Ok(false)),
        ] {
            let request = parse(Section { method, protocol, ..section(&uri, &fields, false) });
            let seen = request.map(|request| (request.upgrade, request.method));
            assert_eq!(seen, outcome.map(|upgrade| (upgrade, Method::GET)), "{protocol:?} {fields:?}");
        }
    }
}
