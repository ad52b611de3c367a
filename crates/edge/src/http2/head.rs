//! From an HTTP/2 request head to the one form the exchange knows (RFC 9113 §8).
//!
//! The h2 crate refuses what RFC 9113 calls malformed. Refused here as well: everything that an HTTP/1
//! origin could read otherwise than this edge.

use crate::authority::{Authority, Scheme};
use crate::http1::framing::{FIELDS_MAX, METHOD_BYTES_MAX};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Version, header};

/// One host, one target, one length; or a reason to refuse. `ended`: the request's head is all of it.
pub(crate) fn parse(parts: Parts, ended: bool) -> Result<Request, Reason> {
    let Parts { method, uri, mut headers, .. } = parts;
    // Crumbs are joined before anything is counted.
    join_cookies(&mut headers);
    if headers.len() > FIELDS_MAX {
        return Err(Reason::TooManyFields);
    }
    if method.as_str().len() > METHOD_BYTES_MAX {
        return Err(Reason::MethodTooLong);
    }
    // RFC 9113 §8.2.1; h2 lets these pass, and the next reader would take the value without its edges.
    if headers.values().any(|value| value.as_bytes().trim_ascii().len() < value.len()) {
        return Err(Reason::FieldMalformed);
    }
    if matches!(method, Method::CONNECT | Method::TRACE) {
        return Err(Reason::MethodRefused);
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != Scheme::Https.as_str()) {
        return Err(Reason::TargetMismatch);
    }
    let authority = authority(uri.authority().map(|authority| authority.as_str()), &mut headers)?;
    let length = length(&mut headers, ended)?;
    let expects_continue = expects_continue(&headers)? && length != Length::None;
    let target = target(uri.path_and_query(), &method)?;
    Ok(Request {
        method,
        scheme: Scheme::Https,
        authority,
        target,
        fields: headers,
        version: Version::HTTP_2,
        length,
        expects_continue,
        upgrade: false,
        child: None,
    })
}

/// RFC 9113 §8.2.3: cookie crumbs are one field for everyone who is not HTTP/2.
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

/// `:authority`, which a Host field must repeat if there is one (RFC 9113 §8.3.1).
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

/// The frames delimit the content; a Content-Length is only believed where it is one plain number, and h2
/// holds the visitor to it.
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

fn target(path: Option<&PathAndQuery>, method: &Method) -> Result<PathAndQuery, Reason> {
    let path = path.ok_or(Reason::TargetMalformed)?;
    let text = path.as_str();
    let rooted = text.starts_with('/') || (text == "*" && *method == Method::OPTIONS);
    // Bytes beyond ASCII are read differently by origins.
    let plain = text.bytes().all(|byte| byte < 0x7f);
    if rooted && plain { Ok(path.clone()) } else { Err(Reason::TargetMalformed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method("GET").uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_plain_request_comes_out_as_it_went_in() {
        let parts =
            head("https://A.test:443/x?y=1", &[("cookie", "a=1"), ("cookie", "b=2"), ("host", "a.test")]);
        let request = parse(parts, true).expect("accepted");
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
            let got = parse(head(uri, &fields), ended).map(|request| request.length);
            assert_eq!(got, Err(reason), "{uri} {fields:?}");
        }
    }

    #[test]
    fn a_method_name_is_bounded() {
        for (length, refused) in [(METHOD_BYTES_MAX, false), (METHOD_BYTES_MAX + 1, true)] {
            let mut parts = head("https://a.test/", &[]);
            parts.method = Method::from_bytes(&vec![b'M'; length]).expect("a token");
            let refusal = parse(parts, true).err();
            assert_eq!(refusal, refused.then_some(Reason::MethodTooLong), "{length}");
        }
    }

    #[test]
    fn a_body_is_as_long_as_its_field_says_or_as_long_as_it_lasts() {
        for (fields, length) in [
            (vec![], Length::Unknown),
            (vec![("content-length", "12")], Length::Known(12)),
            (vec![("content-length", "0")], Length::None),
        ] {
            let request = parse(head("https://a.test/", &fields), false).expect("accepted");
            assert_eq!(request.length, length);
            assert!(!request.fields.contains_key("content-length"));
        }
    }
}
