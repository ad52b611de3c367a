//! The request as an origin sees it.
//!
//! Owns which fields travel onwards: end-to-end fields as they came, forwarding fields as this edge knows
//! them, and the target byte for byte as it was keyed.

use crate::fields::{CLIENT_CERT, HopByHop, is_told_by_us};
use crate::http1::lines::{write_field, write_number};
use crate::ports::{NAME, RAY_FIELD};
use crate::ray::Ray;
use crate::request::{Length, Request};
use crate::tier::ToParent;
use crate::trace_context;
use bytes::BytesMut;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use shield::admission::Class;
use std::io;
use std::net::IpAddr;

pub(crate) const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest text of an address.
const PEER_BYTES_MAX: usize = 48;
const RAY: HeaderName = HeaderName::from_static(RAY_FIELD);

/// On whose behalf a request is sent on.
#[derive(Debug, Clone)]
pub(crate) struct OnBehalf {
    /// The visitor's connection comes from here.
    pub(crate) peer: IpAddr,
    /// Who asks: the peer, or whom a trusted proxy names.
    pub(crate) client: IpAddr,
    /// Whether the peer's own forwarding fields are believed and kept.
    pub(crate) trusted: bool,
    /// The request's id.
    pub(crate) ray: Ray,
    /// What goes in place of the visitor's own lines, where the answer may be stored: none where it may not.
    pub(crate) normalised: Option<Vec<(HeaderName, HeaderValue)>>,
    /// The target, where the site's rules have rewritten it.
    pub(crate) target: Option<PathAndQuery>,
    /// Whether the edge takes its place in the visitor's trace.
    pub(crate) joins_trace: bool,
    /// What is known of whoever waits for the answer.
    pub(crate) class: Class,
}

impl OnBehalf {
    fn is_normalised(&self, name: &HeaderName) -> bool {
        self.normalised.as_ref().is_some_and(|instead| {
            matches!(*name, header::ACCEPT_ENCODING | header::ACCEPT_LANGUAGE)
                || instead.iter().any(|(replaced, _)| replaced == name)
        })
    }
}

impl OnBehalf {
    /// Whether the answer may be stored.
    pub(crate) fn may_be_stored(&self) -> bool {
        self.normalised.is_some()
    }
}

/// To whom a request goes.
#[derive(Clone, Copy)]
pub(crate) enum Addressee<'a> {
    /// An origin of the site, which gets this besides.
    Origin(&'a Greeting),
    /// The parent edge.
    Parent(&'a ToParent),
}

/// What a site's origins get besides the request.
#[derive(Default)]
pub(crate) struct Greeting {
    /// The Host field; none: the visitor's.
    pub(crate) host: Option<String>,
    /// The field that shows that the request comes by way of the edge.
    pub(crate) secret: Option<(HeaderName, HeaderValue)>,
}

impl Addressee<'_> {
    fn greeting(&self) -> Option<&Greeting> {
        match self {
            Self::Origin(greeting) => Some(greeting),
            Self::Parent(_) => None,
        }
    }
}

/// Writes the request line and the fields for the origin, or for the parent edge; the content is the caller's.
pub(crate) fn write_head(out: &mut BytesMut, request: &Request, behalf: &OnBehalf, to: Addressee<'_>) {
    let greeting = to.greeting();
    let host = greeting.and_then(|greeting| greeting.host.as_deref());
    let secret = greeting.and_then(|greeting| greeting.secret.as_ref());
    let target = behalf.target.as_ref().unwrap_or(&request.target).as_str();
    out.reserve(target.len() + 512);
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_field(out, "host", host.unwrap_or(request.authority.as_str()).as_bytes());
    let ending = HopByHop::of(&request.fields);
    for (name, value) in &request.fields {
        let is_secret = secret.is_some_and(|(secret, _)| secret == name);
        if !ending.contains(name) && !is_replaced(name, behalf) && !is_secret {
            write_field(out, name.as_str(), value.as_bytes());
        }
    }
    for (name, value) in behalf.normalised.iter().flatten() {
        write_field(out, name.as_str(), value.as_bytes());
    }
    if wants_trailers(&request.fields) {
        write_field(out, "te", b"trailers");
    }
    if request.upgrade {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    }
    if let Some(certificate) = &request.client_certificate {
        write_field(out, CLIENT_CERT, certificate.as_bytes());
    }
    if behalf.joins_trace {
        trace_context::write(out, &request.fields, behalf.ray);
    }
    frame(out, request);
    forward(out, request, behalf);
    if let Some((name, value)) = secret {
        write_field(out, name.as_str(), value.as_bytes());
    }
    match to {
        Addressee::Parent(to_parent) => to_parent.write(out),
        Addressee::Origin(_) => write_field(out, CDN_LOOP.as_str(), NAME.as_bytes()),
    }
}

/// Fields that the edge writes itself, or that were meant for it.
fn is_replaced(name: &HeaderName, behalf: &OnBehalf) -> bool {
    // The visitor gets its 100 from the edge, which takes the content from it.
    if matches!(*name, header::EXPECT | header::HOST) || *name == RAY {
        return true;
    }
    let traced = behalf.joins_trace && trace_context::is_field(name);
    traced || is_told_by_us(name) || behalf.is_normalised(name)
}

/// RFC 9110 §10.1.4.
fn wants_trailers(fields: &HeaderMap) -> bool {
    let mut members =
        fields.get_all(header::TE).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    members.any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Says how long the content is, once and plainly.
fn frame(out: &mut BytesMut, request: &Request) {
    match request.length {
        Length::Known(length) => write_number(out, b"content-length: ", length),
        Length::Unknown => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        // RFC 9110 §8.6: methods that give content a meaning say that there is none.
        Length::None if matches!(request.method, Method::POST | Method::PUT | Method::PATCH) => {
            out.extend_from_slice(b"content-length: 0\r\n");
        }
        Length::None => {}
    }
}

/// Who asks, as this edge knows it; lists that a trusted proxy began are gone on with, in one line: what
/// anyone else said was left out.
fn forward(out: &mut BytesMut, request: &Request, behalf: &OnBehalf) {
    let (scheme, host) = (request.scheme.as_str(), request.authority.as_str());
    let peer = behalf.peer.to_canonical();
    let mut text = io::Cursor::new([0; PEER_BYTES_MAX]);
    // Writing to a buffer with room cannot fail.
    let _ = write_address(&mut text, peer);
    let length = usize::try_from(text.position()).unwrap_or_default();
    let peer_text = &text.get_ref()[..length];
    begin_list(out, &FORWARDED_FOR, request, behalf);
    out.extend_from_slice(peer_text);
    out.extend_from_slice(b"\r\n");
    begin_list(out, &header::FORWARDED, request, behalf);
    let (open, close): (&[u8], &[u8]) = if peer.is_ipv6() { (b"\"[", b"]\"") } else { (b"", b"") };
    for part in
        [b"for=", open, peer_text, close, b";host=\"", host.as_bytes(), b"\";proto=", scheme.as_bytes()]
    {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
    write_field(out, "x-forwarded-proto", scheme.as_bytes());
    write_field(out, "x-forwarded-host", host.as_bytes());
    out.extend_from_slice(via(request.version));
    write_field(out, RAY_FIELD, &behalf.ray.to_ascii());
}

/// By which protocol the request came (RFC 9110 §7.6.3).
fn via(version: Version) -> &'static [u8] {
    match version {
        Version::HTTP_10 => b"via: 1.0 wardmote\r\n",
        Version::HTTP_2 => b"via: 2 wardmote\r\n",
        Version::HTTP_3 => b"via: 3 wardmote\r\n",
        _ => b"via: 1.1 wardmote\r\n",
    }
}

/// IPv4 without formatting, which costs more than all the rest of the head.
fn write_address(out: &mut impl io::Write, address: IpAddr) -> io::Result<()> {
    let IpAddr::V4(address) = address else { return write!(out, "{address}") };
    for (place, octet) in address.octets().into_iter().enumerate() {
        out.write_all(if place == 0 { b"" } else { b"." })?;
        out.write_all(itoa::Buffer::new().format(octet).as_bytes())?;
    }
    Ok(())
}

fn begin_list(out: &mut BytesMut, name: &HeaderName, request: &Request, behalf: &OnBehalf) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.extend_from_slice(b": ");
    for value in request.fields.get_all(name).iter().filter(|_| behalf.trusted) {
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b", ");
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
        let peer = [192, 0, 2, 7].into();
        let behalf = OnBehalf {
            peer,
            client: peer,
            trusted,
            ray,
            normalised,
            target: None,
            joins_trace: false,
            class: Class::Usual,
        };
        let mut out = BytesMut::new();
        write_head(&mut out, &request, &behalf, Addressee::Origin(&Greeting::default()));
        let text = String::from_utf8(out.to_vec()).expect("text");
        let mut lines = text.lines();
        let expected = format!("{} {} HTTP/1.1", request.method, request.target);
        assert_eq!(lines.next(), Some(expected.as_str()));
        let mut fields = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a field");
            fields.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
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
