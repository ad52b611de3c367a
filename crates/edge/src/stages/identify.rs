//! Accepted → Identified: who asks, and whether the request can be looked at at all.

use crate::http1::BODY_BYTES_MAX;
use crate::ports::NAME;
use crate::reasons::Reason;
use crate::request::{Length, Request};
use http::{HeaderMap, HeaderName};
use shield::admission::Class;
use std::net::{IpAddr, SocketAddr};
use vocabulary::Cidr;

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request that may be judged, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identified {
    /// Whose connection it is.
    pub(crate) peer: IpAddr,
    /// The visitor: the peer, or whom a trusted proxy names.
    pub(crate) client: IpAddr,
    /// Whether the peer is a trusted proxy, whose forwarding fields are kept.
    pub(crate) by_trusted_proxy: bool,
    /// What the shield knows of it.
    pub(crate) class: Class,
}

/// Looks at what every request is asked, whatever its host.
pub(crate) fn identify(peer: IpAddr, trusted: &[Cidr], request: &Request) -> Result<Identified, Reason> {
    if matches!(request.length, Length::Known(length) if length > BODY_BYTES_MAX) {
        return Err(Reason::BodyTooLarge);
    }
    if request.child.is_none() && has_passed_here(&request.fields) {
        return Err(Reason::Loop);
    }
    let by_trusted_proxy = is_trusted(peer, trusted);
    let client = if by_trusted_proxy { named_client(&request.fields, trusted).unwrap_or(peer) } else { peer };
    Ok(Identified { peer, client, by_trusted_proxy, class: Class::Usual })
}

/// RFC 8586: our name among the networks that a request has passed.
fn has_passed_here(fields: &HeaderMap) -> bool {
    let passed =
        fields.get_all(CDN_LOOP).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut names = passed.filter_map(|network| network.split(|byte| *byte == b';').next());
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(NAME.as_bytes()))
}

/// The last address in `X-Forwarded-For` that is no trusted proxy's: earlier ones are the visitor's word. What
/// cannot be read ends the list: it tells nobody, and neither does what stands before it.
fn named_client(fields: &HeaderMap, trusted: &[Cidr]) -> Option<IpAddr> {
    let lines = fields.get_all(FORWARDED_FOR).iter().rev();
    let members = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    // Empty members of a list mean nothing (RFC 9110 section 5.6.1.2).
    let members = members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
    let mut named = None;
    for member in members {
        let Some(address) = address(member) else { break };
        named = Some(address);
        if !is_trusted(address, trusted) {
            break;
        }
    }
    named
}

/// An address, as proxies write it: alone, in brackets, or with a port.
fn address(member: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(member).ok()?;
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    alone.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

/// Whether an address is one of these networks'.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Scheme;
    use crate::http1::framing::{HeadMemory, HeadReader};
    use bytes::BytesMut;
    use http::HeaderValue;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a field value"));
        }
        fields
    }

    #[test]
    fn a_request_that_has_passed_here_is_told_by_its_exact_name() {
        for (value, passed) in [
            ("wardmote", true),
            ("other.test; v=1, Wardmote;x=\"y\"", true),
            ("wardmote.test", false),
            ("other", false),
            ("", false),
        ] {
            assert_eq!(has_passed_here(&fields(&[("cdn-loop", value)])), passed, "{value}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        let trusted = ["10.0.0.0/8".parse().expect("network")];
        for (lines, client) in [
            (vec![("x-forwarded-for", "192.0.2.9, 198.51.100.7")], Some("198.51.100.7")),
            (vec![("x-forwarded-for", "192.0.2.9, 10.1.1.1")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "192.0.2.9"), ("x-forwarded-for", "10.0.0.2")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "10.0.0.3, 10.0.0.2")], Some("10.0.0.3")),
            (vec![("x-forwarded-for", "192.0.2.9, ::ffff:10.1.1.1, 10.0.0.2")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "::ffff:192.0.2.9")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "192.0.2.9,, ,10.1.1.1,")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "192.0.2.9:4711")], Some("192.0.2.9")),
            (vec![("x-forwarded-for", "2001:db8::1, [2001:db8::9]:80")], Some("2001:db8::9")),
            (vec![("x-forwarded-for", "[2001:db8::9]")], Some("2001:db8::9")),
            // What the visitor sent before the proxy's own word must not hide that word, nor come through it.
            (
                vec![("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "\u{e4}, 192.0.2.9")],
                Some("192.0.2.9"),
            ),
            (vec![("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.2")], Some("10.0.0.2")),
            (vec![("x-forwarded-for", "192.0.2.1, unknown")], None),
            (vec![("x-forwarded-for", "nonsense")], None),
            (vec![], None),
        ] {
            let expected = client.map(|client| client.parse::<IpAddr>().expect("address"));
            assert_eq!(named_client(&fields(&lines), &trusted), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_its_visitor() {
        let trusted = ["10.0.0.0/8".parse().expect("network")];
        let text = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.9\r\n\r\n";
        let (mut buffer, mut memory) = (BytesMut::from(text), HeadMemory::default());
        let head = HeadReader::default().read(&mut buffer, &mut memory, Scheme::Http);
        let request = head.expect("well-formed").expect("whole").request;
        for (peer, client, by_trusted_proxy) in
            [("10.1.1.1", "192.0.2.9", true), ("198.51.100.7", "198.51.100.7", false)]
        {
            let [peer, client] = [peer, client].map(|text| text.parse::<IpAddr>().expect("address"));
            let found = identify(peer, &trusted, &request).expect("it may be judged");
            assert_eq!((found.client, found.by_trusted_proxy), (client, by_trusted_proxy));
        }
    }
}
