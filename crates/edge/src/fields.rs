//! Which fields may travel where.

use http::{HeaderMap, HeaderName, header};

/// The fields of one connection (RFC 9110 §7.6.1) and those that frame a message on it.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(*name, header::CONNECTION | header::TE | header::TRANSFER_ENCODING | header::UPGRADE)
        || matches!(
            name.as_str(),
            "keep-alive" | "proxy-connection" | "proxy-authenticate" | "proxy-authorization"
        )
}

/// Removes what concerns only the connection a message came by: the fields of RFC 9110 §7.6.1 and those
/// that its Connection field names.
pub(crate) fn remove_hop_by_hop(fields: &mut HeaderMap) {
    while let Some(named) = fields.remove(header::CONNECTION) {
        for option in named.as_bytes().split(|byte| *byte == b',') {
            // A name that is none cannot be among the fields.
            if let Ok(name) = HeaderName::from_bytes(option.trim_ascii()) {
                fields.remove(name);
            }
        }
    }
    for name in [header::TE, header::TRANSFER_ENCODING, header::UPGRADE] {
        fields.remove(name);
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"] {
        fields.remove(name);
    }
}

/// Whether a field may stand in a trailer that is passed on: none that frames, routes, controls caching,
/// authenticates or describes content (RFC 9110 §6.5.1).
pub(crate) fn may_trail(name: &HeaderName) -> bool {
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
    !is_hop_by_hop(name) && !NEVER.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn fields_of_the_connection_and_those_it_names_are_removed() {
        let mut fields = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("connection", "bad name, keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("x-kept", "2"),
        ] {
            fields.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut fields);
        assert_eq!(fields.len(), 1);
        assert!(fields.contains_key("x-kept"));
    }
}
