//! The request as an origin sees it.
//!
//! Owns which fields travel onwards: end-to-end fields as they came, forwarding fields as this edge knows
//! them, and the target byte for byte as it was keyed.

use crate::fields::HopByHop;
use crate::ports::{NAME, RAY_FIELD};
use crate::ray::Ray;
use crate::request::{Length, Request};
use crate::tier::TIER_FIELD;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};
use std::fmt::Write as _;
use std::net::IpAddr;

pub(crate) const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const RAY: HeaderName = HeaderName::from_static(RAY_FIELD);

/// On whose behalf a request is sent on.
#[derive(Debug, Clone)]
pub(crate) struct OnBehalf {
    /// The visitor's connection comes from here.
    pub(crate) peer: IpAddr,
    /// Whether the peer's own forwarding fields are believed and kept.
    pub(crate) trusted: bool,
    /// The request's id.
    pub(crate) ray: Ray,
    /// What goes in place of the visitor's own lines, where the answer may be stored: none where it may not.
    pub(crate) normalised: Option<Vec<(HeaderName, HeaderValue)>>,
    /// The target, where the site's rules have rewritten it.
    pub(crate) target: Option<PathAndQuery>,
}

impl OnBehalf {
    fn is_normalised(&self, name: &HeaderName) -> bool {
        self.normalised.is_some() && matches!(*name, header::ACCEPT_ENCODING | header::ACCEPT_LANGUAGE)
    }
}

impl OnBehalf {
    /// Whether the answer may be stored.
    pub(crate) fn may_be_stored(&self) -> bool {
        self.normalised.is_some()
    }
}

/// Head fields and target for the origin; the content is the caller's.
pub(crate) fn head_for_origin(request: &Request, behalf: &OnBehalf) -> (Uri, HeaderMap) {
    let mut fields = HeaderMap::with_capacity(request.fields.len() + 8);
    set(&mut fields, header::HOST, request.authority.to_bytes());
    let ending = HopByHop::of(&request.fields);
    for (name, value) in &request.fields {
        if !ending.contains(name) && !is_replaced(name, behalf) {
            fields.append(name.clone(), value.clone());
        }
    }
    for (name, value) in behalf.normalised.iter().flatten() {
        fields.insert(name.clone(), value.clone());
    }
    if wants_trailers(&request.fields) {
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if request.upgrade {
        fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    frame(&mut fields, request);
    forward(&mut fields, request, behalf);
    (Uri::from(behalf.target.as_ref().unwrap_or(&request.target).clone()), fields)
}

/// Fields that the edge writes itself, or that were meant for it.
fn is_replaced(name: &HeaderName, behalf: &OnBehalf) -> bool {
    // The visitor gets its 100 from the edge, which takes the content from it.
    if matches!(*name, header::EXPECT | header::HOST) || *name == RAY {
        return true;
    }
    // Host and scheme are in the cache's key as the edge knows them, so no proxy's word takes their place.
    // The others are read by some origins as the visitor's address or the target, and nobody vouches for them.
    const OURS: [&str; 10] = [
        TIER_FIELD,
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-server",
        "x-forwarded-scheme",
        "x-real-ip",
        "true-client-ip",
        "x-original-url",
        "x-rewrite-url",
    ];
    // Some origins read an underscore as a hyphen.
    let shadow = name.as_str().contains('_') && is_forwarding_shadow(name.as_str());
    let list = matches!(name.as_str(), "x-forwarded-for" | "forwarded");
    OURS.contains(&name.as_str()) || shadow || (!behalf.trusted && list) || behalf.is_normalised(name)
}

fn is_forwarding_shadow(name: &str) -> bool {
    let hyphened = name.replace('_', "-");
    hyphened.starts_with("x-forwarded-")
        || matches!(hyphened.as_str(), "x-real-ip" | "true-client-ip" | "x-original-url" | "x-rewrite-url")
        || matches!(hyphened.as_str(), "cdn-loop" | RAY_FIELD)
}

/// RFC 9110 §10.1.4.
fn wants_trailers(fields: &HeaderMap) -> bool {
    let mut members =
        fields.get_all(header::TE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Says how long the content is, once and plainly.
fn frame(fields: &mut HeaderMap, request: &Request) {
    match request.length {
        Length::Known(length) => {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        Length::Unknown => {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        // RFC 9110 §8.6: methods that give content a meaning say that there is none.
        Length::None if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) => {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        Length::None => {}
    }
}

fn forward(fields: &mut HeaderMap, request: &Request, behalf: &OnBehalf) {
    let peer = behalf.peer.to_canonical();
    let (scheme, host) = (request.scheme.as_str(), request.authority.as_str());
    // Writing to a String cannot fail.
    let mut text = String::with_capacity(96);
    let _ = write!(text, "{peer}");
    let address = text.len();
    let _ = match peer {
        IpAddr::V4(_) => write!(text, "for={peer};host=\"{host}\";proto={scheme}"),
        IpAddr::V6(_) => write!(text, "for=\"[{peer}]\";host=\"{host}\";proto={scheme}"),
    };
    let (address, forwarded) = text.split_at(address);
    add_to(fields, FORWARDED_FOR, address);
    add_to(fields, header::FORWARDED, forwarded);
    fields.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
    set(fields, FORWARDED_HOST, request.authority.to_bytes());
    fields.append(CDN_LOOP, HeaderValue::from_static(NAME));
    fields.append(header::VIA, via(request.version));
    set(fields, RAY, Bytes::copy_from_slice(&behalf.ray.to_ascii()));
}

/// By which protocol the request came (RFC 9110 §7.6.3).
fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_10 => "1.0 wardmote",
        Version::HTTP_2 => "2 wardmote",
        _ => "1.1 wardmote",
    })
}

/// Adds to a list that a trusted proxy began; what anyone else said was left out before.
fn add_to(fields: &mut HeaderMap, name: HeaderName, text: &str) {
    let begun: Vec<_> = fields.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    let joined = match begun.is_empty() {
        true => Bytes::copy_from_slice(text.as_bytes()),
        false => [begun.join(b", ".as_slice()).as_slice(), text.as_bytes()].join(b", ".as_slice()).into(),
    };
    set(fields, name, joined);
}

fn set(fields: &mut HeaderMap, name: HeaderName, value: Bytes) {
    // Addresses, parsed hosts, hex digits and received field values are all field values.
    if let Ok(value) = HeaderValue::from_maybe_shared(value) {
        fields.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Scheme;
    use crate::http1::framing::{HeadMemory, HeadReader};
    use crate::ray::Rays;
    use bytes::BytesMut;
    use vocabulary::SeededRandom;

    fn forwarded(text: &str, trusted: bool) -> HeaderMap {
        let mut buffer = BytesMut::from(text);
        let head = HeadReader::default().read(&mut buffer, &mut HeadMemory::default(), Scheme::Http);
        let request = head.expect("well-formed").expect("whole").request;
        let ray = Rays::new(&SeededRandom::new(3)).next();
        let normalised = Some(vec![(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        let behalf = OnBehalf { peer: [192, 0, 2, 7].into(), trusted, ray, normalised, target: None };
        let (uri, fields) = head_for_origin(&request, &behalf);
        assert_eq!(uri.to_string(), request.target.as_str());
        fields
    }

    fn value<'a>(fields: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        fields.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    #[test]
    fn an_origin_hears_from_the_edge_who_asks_and_not_from_the_visitor() {
        let fields = forwarded(
            "GET /a?b HTTP/1.1\r\nHost: A.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\n\
             X-Forwarded-Proto: gopher\r\nForwarded: for=6.6.6.6\r\nWardmote-Ray: fake\r\nConnection: x-mine\r\n\
             X-Mine: 1\r\nAccept-Encoding: br;q=0.1, gzip\r\nTE: trailers\r\nKeep-Alive: 5\r\nX-Kept: 2\r\n\r\n",
            false,
        );
        for (name, expected) in [
            ("host", vec!["a.test"]),
            ("x-forwarded-for", vec!["192.0.2.7"]),
            ("x-forwarded-host", vec!["a.test"]),
            ("x-forwarded-proto", vec!["http"]),
            ("forwarded", vec!["for=192.0.2.7;host=\"a.test\";proto=http"]),
            ("cdn-loop", vec!["wardmote"]),
            ("via", vec!["1.1 wardmote"]),
            ("accept-encoding", vec!["gzip"]),
            ("te", vec!["trailers"]),
            ("x-kept", vec!["2"]),
            ("x-mine", vec![]),
            ("connection", vec![]),
            ("keep-alive", vec![]),
        ] {
            assert_eq!(value(&fields, name), expected, "{name}");
        }
        assert_eq!(value(&fields, "wardmote-ray").len(), 1);
        assert_ne!(value(&fields, "wardmote-ray"), ["fake"]);
    }

    #[test]
    fn what_a_trusted_proxy_says_is_kept_and_added_to() {
        let fields = forwarded(
            "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\
             X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\nX_Forwarded_For: 8.8.8.8\r\n\
             X-Real-IP: 8.8.8.8\r\nX-Original-URL: /admin\r\nCDN-Loop: other\r\n\r\n",
            true,
        );
        assert_eq!(value(&fields, "x-forwarded-for"), ["6.6.6.6, 7.7.7.7, 192.0.2.7"]);
        // The cache's key holds these two, so they are the edge's own.
        assert_eq!(value(&fields, "x-forwarded-proto"), ["http"]);
        assert_eq!(value(&fields, "x-forwarded-host"), ["a.test"]);
        for name in ["x_forwarded_for", "x-real-ip", "x-original-url"] {
            assert_eq!(value(&fields, name), Vec::<&str>::new(), "{name}");
        }
        assert_eq!(value(&fields, "cdn-loop"), ["other", "wardmote"]);
    }

    #[test]
    fn content_is_announced_once_and_plainly() {
        for (text, length, coding) in [
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n", vec!["7"], vec![]),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n", vec![], vec!["chunked"]),
            ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", vec!["0"], vec![]),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", vec![], vec![]),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding, content-length\r\n\r\n",
                vec![],
                vec![],
            ),
        ] {
            let fields = forwarded(text, false);
            assert_eq!(value(&fields, "content-length"), length, "{text:?}");
            assert_eq!(value(&fields, "transfer-encoding"), coding, "{text:?}");
        }
    }
}
