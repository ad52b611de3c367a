//! Which fields may travel where.

use crate::ports::RAY_FIELD;
use crate::tier::TIER_FIELD;
use http::{HeaderMap, HeaderName, header};

/// The fields of one connection (RFC 9110 §7.6.1) and those that frame a message on it.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    match *name {
        header::CONNECTION | header::TE | header::TRANSFER_ENCODING | header::UPGRADE => true,
        header::PROXY_AUTHENTICATE | header::PROXY_AUTHORIZATION => true,
        // Where else the server of this connection can be found (RFC 7838 §3): whoever is on the other side of the
        // edge would be led past it.
        header::ALT_SVC => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection"),
    }
}

/// What concerns only the connection that a message came by: the fields of RFC 9110 §7.6.1, and those that
/// its Connection field names.
pub(crate) struct HopByHop {
    /// Rarely any: most connections name none but fields that are hop-by-hop anyway.
    named: Vec<HeaderName>,
}

impl HopByHop {
    /// Reads the Connection field of a message.
    pub(crate) fn of(fields: &HeaderMap) -> Self {
        let lines = fields.get_all(header::CONNECTION).iter();
        let options =
            lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        let unusual = options.filter(|option| !is_usual(option));
        // A name that is none cannot be among the fields.
        Self { named: unusual.filter_map(|option| HeaderName::from_bytes(option).ok()).collect() }
    }

    /// Whether a field ends here.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        is_hop_by_hop(name) || self.named.contains(name)
    }
}

pub(crate) fn is_usual(option: &[u8]) -> bool {
    let usual: [&[u8]; 4] = [b"close", b"keep-alive", b"upgrade", b"te"];
    option.is_empty() || usual.iter().any(|known| option.eq_ignore_ascii_case(known))
}

/// Options of one message's Connection fields that name fields other than the usual ones; more are an attempt
/// to make us work.
pub(crate) const OPTIONS_MAX: usize = 32;

/// Removes the fields that a request's Connection field names, as soon as it is read: everyone behind, the
/// cache and the origin, must see the same request. `false`: it names more than anyone needs.
pub(crate) fn remove_named(fields: &mut HeaderMap) -> bool {
    let HopByHop { named } = HopByHop::of(fields);
    for name in named.iter().take(OPTIONS_MAX) {
        fields.remove(name);
    }
    named.len() <= OPTIONS_MAX
}

/// The certificate of a visitor (RFC 9440 §2.2), and those between it and its authority, which origins are not told.
pub(crate) const CLIENT_CERT: &str = "client-cert";
const CLIENT_CERT_CHAIN: &str = "client-cert-chain";

/// Fields that an origin hears from this edge or not at all. Host and scheme are in the cache's key as the edge
/// knows them, so no proxy's word takes their place. The others are read by some origins as the visitor's
/// address or the target, and nobody vouches for them.
pub(crate) fn is_told_by_us(name: &HeaderName) -> bool {
    const OURS: [&str; 14] = [
        TIER_FIELD,
        CLIENT_CERT,
        CLIENT_CERT_CHAIN,
        "forwarded",
        "x-forwarded-for",
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
    OURS.contains(&name.as_str()) || shadow
}

fn is_forwarding_shadow(name: &str) -> bool {
    let hyphened = name.replace('_', "-");
    hyphened.starts_with("x-forwarded-")
        || matches!(hyphened.as_str(), "x-real-ip" | "true-client-ip" | "x-original-url" | "x-rewrite-url")
        || matches!(hyphened.as_str(), "cdn-loop" | RAY_FIELD | TIER_FIELD | CLIENT_CERT | CLIENT_CERT_CHAIN)
        || matches!(hyphened.as_str(), "content-length" | "transfer-encoding" | "host")
}

/// Whether a field may stand in a trailer that is passed on: none that frames, routes, controls caching,
/// authenticates or describes content (RFC 9110 §6.5.1).
pub(crate) fn may_trail(name: &HeaderName) -> bool {
    // What the edge itself tells an origin must not arrive by another door.
    let told = name.as_str().starts_with("x-forwarded-")
        || matches!(name.as_str(), "cdn-loop" | RAY_FIELD)
        || is_told_by_us(name);
    const NEVER: [HeaderName; 22] = [
        header::AGE,
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::COOKIE,
        header::DATE,
        header::EXPECT,
        header::EXPIRES,
        header::FORWARDED,
        header::HOST,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::LOCATION,
        header::RANGE,
        header::SET_COOKIE,
        header::TRAILER,
        header::VARY,
        header::VIA,
        header::WWW_AUTHENTICATE,
    ];
    !told && !is_hop_by_hop(name) && !NEVER.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn fields_of_the_connection_and_those_it_names_end_there() {
        let mut fields = HeaderMap::new();
        for value in ["close, X-Mine", "bad name, keep-alive"] {
            fields.append(header::CONNECTION, HeaderValue::from_static(value));
        }
        let ending = HopByHop::of(&fields);
        for (name, ends) in [
            ("connection", true),
            ("keep-alive", true),
            ("x-mine", true),
            ("te", true),
            ("upgrade", true),
            ("proxy-authorization", true),
            ("x-kept", false),
        ] {
            assert_eq!(ending.contains(&HeaderName::from_static(name)), ends, "{name}");
        }
    }
}
