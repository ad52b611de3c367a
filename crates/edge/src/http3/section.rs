//! From the lines of a field section to a request's head (RFC 9114 §4.2, §4.3).
//!
//! Pure. Whatever RFC 9114 calls malformed is refused here, before anything is made of it: a name in capitals, a byte
//! that is none of a field, a field of another protocol's connection, a pseudo-header field that comes twice, too late
//! or not at all.

use super::qpack::Line;
use crate::reasons::Reason;
use crate::request::Request;
use crate::streams::head::{self, Section};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use std::borrow::Cow;

type Text = Cow<'static, [u8]>;

/// The pseudo-header fields of a request, each at most once.
#[derive(Default)]
struct Pseudo {
    method: Option<Text>,
    scheme: Option<Text>,
    authority: Option<Text>,
    path: Option<Text>,
    protocol: Option<Text>,
}

/// Makes a request of its lines. `ended`: they are all of it.
pub(super) fn request(lines: Vec<Line>, ended: bool) -> Result<Request, Reason> {
    let (mut pseudo, mut fields) = (Pseudo::default(), HeaderMap::with_capacity(lines.len()));
    for Line { name, value } in lines {
        match name.strip_prefix(b":") {
            // They stand before all others.
            Some(_) if !fields.is_empty() => return Err(Reason::FieldsMalformed),
            Some(name) => pseudo.set(name, value)?,
            None => append(&mut fields, &name, &value)?,
        }
    }
    let Pseudo { method, scheme, authority, path, protocol } = &pseudo;
    let method = method.as_deref().ok_or(Reason::FieldsMalformed)?;
    let method = Method::from_bytes(method).map_err(|_| Reason::FieldsMalformed)?;
    // CONNECT without a protocol has neither; it is not served here whatever it has.
    let whole = scheme.is_some() && path.is_some();
    if !whole && method != Method::CONNECT {
        return Err(Reason::FieldsMalformed);
    }
    head::parse(Section {
        version: Version::HTTP_3,
        method,
        scheme: text(scheme.as_ref())?,
        authority: text(authority.as_ref())?,
        path: path.as_deref().map(path_of).transpose()?,
        protocol: text(protocol.as_ref())?,
        fields,
        ended,
    })
}

/// The fields of a trailer: ordinary ones, none of the connection.
pub(super) fn trailer(lines: Vec<Line>) -> Result<HeaderMap, Reason> {
    let mut fields = HeaderMap::new();
    for Line { name, value } in lines {
        append(&mut fields, &name, &value).map_err(|_| Reason::TrailerMalformed)?;
    }
    Ok(fields)
}

impl Pseudo {
    fn set(&mut self, name: &[u8], value: Text) -> Result<(), Reason> {
        let slot = match name {
            b"method" => &mut self.method,
            b"scheme" => &mut self.scheme,
            b"authority" => &mut self.authority,
            b"path" => &mut self.path,
            b"protocol" => &mut self.protocol,
            _ => return Err(Reason::FieldsMalformed),
        };
        if slot.replace(value).is_some() { Err(Reason::FieldsMalformed) } else { Ok(()) }
    }
}

fn append(fields: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), Reason> {
    // Names in lower case only, and none that is a pseudo-header field.
    let name = HeaderName::from_lowercase(name).map_err(|_| Reason::FieldMalformed)?;
    let value = HeaderValue::from_bytes(value).map_err(|_| Reason::FieldMalformed)?;
    if is_connections(&name, &value) {
        return Err(Reason::FieldsMalformed);
    }
    // The weight of a section has a bound, so the map has one too.
    fields.try_append(name, value).map_err(|_| Reason::TooManyFields).map(drop)
}

/// RFC 9114 §4.2: fields that speak of a connection of HTTP/1.
fn is_connections(name: &HeaderName, value: &HeaderValue) -> bool {
    match *name {
        header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE => true,
        header::TE => value.as_bytes() != b"trailers",
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection"),
    }
}

fn text(value: Option<&Text>) -> Result<Option<&str>, Reason> {
    value.map(|value| std::str::from_utf8(value).map_err(|_| Reason::FieldsMalformed)).transpose()
}

/// A path as it stands, not as far as it can be read: what follows a `#` would be left out, and a space would end it
/// for the next reader.
fn path_of(text: &[u8]) -> Result<PathAndQuery, Reason> {
    let plain = text.iter().all(|byte| matches!(byte, b'!'..=b'~') && *byte != b'#');
    let path = PathAndQuery::try_from(text).ok().filter(|path| plain && path.as_str().as_bytes() == text);
    path.ok_or(Reason::TargetMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [(&str, &str); 4] =
        [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x?y=1")];

    fn read(lines: &[(&str, &str)]) -> Result<Request, Reason> {
        let owned = |text: &str| Cow::Owned(text.as_bytes().to_vec());
        let lines = lines.iter().map(|(name, value)| Line { name: owned(name), value: owned(value) });
        request(lines.collect(), true)
    }

    /// The usual lines with one of them left out, one put in its place, or one more behind them.
    fn with(name: &'static str, value: Option<&'static str>) -> Result<Request, Reason> {
        let mut lines: Vec<_> = USUAL.into_iter().filter(|(usual, _)| *usual != name).collect();
        let place = if name.starts_with(':') { 0 } else { lines.len() };
        value.into_iter().for_each(|value| lines.insert(place, (name, value)));
        read(&lines)
    }

    #[test]
    fn a_plain_request_comes_out_as_it_went_in() {
        let request = with("cookie", Some("a=1")).expect("accepted");
        assert_eq!((request.method, request.version), (Method::GET, Version::HTTP_3));
        assert_eq!((request.authority.as_str(), request.target.as_str()), ("a.test", "/x?y=1"));
        assert_eq!(request.fields.get("cookie").expect("a field"), "a=1");
        for host in ["a.test", "A.test:443"] {
            assert!(with("host", Some(host)).is_ok(), "{host}");
        }
        assert!(with("te", Some("trailers")).is_ok());
    }

    #[test]
    fn what_the_rfc_calls_malformed_is_refused() {
        use Reason::{FieldMalformed, FieldsMalformed, HostMissing, TargetMalformed, TargetMismatch};
        for (name, value, reason) in [
            (":method", None, FieldsMalformed),
            (":scheme", None, FieldsMalformed),
            (":path", None, FieldsMalformed),
            (":authority", None, HostMissing),
            (":method", Some("GE T"), FieldsMalformed),
            (":method", Some(""), FieldsMalformed),
            (":scheme", Some("http"), TargetMismatch),
            (":path", Some(""), TargetMalformed),
            (":path", Some("/a b"), TargetMalformed),
            (":path", Some("/a#b"), TargetMalformed),
            (":path", Some("/a\r\nb"), TargetMalformed),
            (":path", Some("/\u{e9}"), TargetMalformed),
            (":path", Some("a"), TargetMalformed),
            (":path", Some("*"), TargetMalformed),
            (":path", Some("https://b.test/"), TargetMalformed),
            (":status", Some("200"), FieldsMalformed),
            (":odd", Some("1"), FieldsMalformed),
            (":", Some("1"), FieldsMalformed),
            ("host", Some("b.test"), TargetMismatch),
            ("X-Odd", Some("1"), FieldMalformed),
            ("x odd", Some("1"), FieldMalformed),
            ("", Some("1"), FieldMalformed),
            ("x-odd", Some("a\r\nb"), FieldMalformed),
            ("x-odd", Some("a\0"), FieldMalformed),
            ("x-odd", Some(" a"), FieldMalformed),
            ("connection", Some("close"), FieldsMalformed),
            ("keep-alive", Some("1"), FieldsMalformed),
            ("proxy-connection", Some("close"), FieldsMalformed),
            ("transfer-encoding", Some("chunked"), FieldsMalformed),
            ("upgrade", Some("websocket"), FieldsMalformed),
            ("te", Some("trailers, gzip"), FieldsMalformed),
        ] {
            assert_eq!(with(name, value).map(|request| request.target), Err(reason), "{name} {value:?}");
        }
    }

    #[test]
    fn a_pseudo_field_comes_once_and_before_all_others() {
        for (name, value) in USUAL {
            let twice = [&USUAL[..], &[(name, value)]].concat();
            assert_eq!(read(&twice).map(drop), Err(Reason::FieldsMalformed), "{name} twice");
            let rest = USUAL.into_iter().filter(|(usual, _)| *usual != name);
            let late: Vec<_> = rest.chain([("x-odd", "1"), (name, value)]).collect();
            assert_eq!(read(&late).map(drop), Err(Reason::FieldsMalformed), "{name} late");
        }
    }
}
