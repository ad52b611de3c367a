//! Accepted → Identified: who asks, and whether the request can be looked at at all.

use crate::http1::BODY_BYTES_MAX;
use crate::ports::NAME;
use crate::reasons::Reason;
use crate::request::{Length, Request};
use http::{HeaderMap, HeaderName};
use std::net::IpAddr;
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
    Ok(Identified { peer, client, by_trusted_proxy })
}

/// RFC 8586: our name among the networks that a request has passed.
fn has_passed_here(fields: &HeaderMap) -> bool {
    let passed =
        fields.get_all(CDN_LOOP).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut names = passed.filter_map(|network| network.split(|byte| *byte == b';').next());
    names.any(|name| name.trim_ascii().eq_ignore_ascii_case(NAME.as_bytes()))
}

/// The last address in `X-Forwarded-For` that is no trusted proxy's: earlier ones are the visitor's word.
fn named_client(fields: &HeaderMap, trusted: &[Cidr]) -> Option<IpAddr> {
    let lines: Vec<_> = fields.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let addresses = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut named = None;
    for address in addresses {
        let address: IpAddr = address.trim().parse().ok()?;
        named = Some(address.to_canonical());
        if !is_trusted(address, trusted) {
            break;
        }
    }
    named
}

fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_static(value));
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
            (vec![("x-forwarded-for", "nonsense")], None),
            (vec![], None),
        ] {
            let expected = client.map(|client| client.parse::<IpAddr>().expect("address"));
            assert_eq!(named_client(&fields(&lines), &trusted), expected, "{lines:?}");
        }
    }
}
