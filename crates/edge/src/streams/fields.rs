//! The fields of an answer as HTTP/2 and HTTP/3 write them.

use crate::ports::{Fields, Head, NAME, OwnFields, RAY_FIELD};
use crate::request::Length;
use crate::streams::call;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

const RAY: HeaderName = HeaderName::from_static(RAY_FIELD);
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What of an answer's head is the protocol's and not the exchange's.
pub(crate) struct Mould {
    /// How the protocol is called in `Via`.
    pub(crate) via: &'static str,
    /// Where the visitor may go on by HTTP/3, if it does not speak it already.
    pub(crate) http3_port: Option<u16>,
}

impl Mould {
    /// Status and fields of a head.
    ///
    /// A switch of protocols is a success here, and says nothing about the origin's connection (RFC 8441 §5).
    pub(crate) fn cast(&self, head: &Head<'_>) -> (StatusCode, HeaderMap) {
        let mut fields = match head.fields {
            Fields::Map(fields) => fields.clone(),
            Fields::Stored(stored) => gathered(stored.fields().iter()),
            Fields::NotModified(stored) => gathered(stored.not_modified_fields()),
        };
        let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
        if switches {
            fields.remove(header::UPGRADE);
            fields.remove(header::SEC_WEBSOCKET_ACCEPT);
        }
        // A call that ends with its head has no content to speak of (Trailers-Only in gRPC over HTTP/2).
        let is_call = call::is_call(&fields);
        let has_length = !switches && !is_call && !matches!(head.status.as_u16(), 204 | 304);
        match head.length {
            Length::Known(length) if has_length => {
                fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            Length::None if has_length => {
                fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Length::Known(_) | Length::None | Length::Unknown => {}
        }
        if let Some(hsts) = head.hsts() {
            fields.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        self.add_own(&mut fields, &head.own);
        (if switches { StatusCode::OK } else { head.status }, fields)
    }

    fn add_own(&self, fields: &mut HeaderMap, own: &OwnFields) {
        debug_assert!(self.via.ends_with(NAME), "one name everywhere");
        if let Some(age) = own.age {
            fields.insert(header::AGE, HeaderValue::from(age));
        }
        // All these texts are plain ASCII by construction.
        if let Some(status) = own.cache.and_then(|status| HeaderValue::try_from(status.to_string()).ok()) {
            fields.append(CACHE_STATUS, status);
        }
        fields.append(header::VIA, HeaderValue::from_static(self.via));
        if let Some(service) = self.http3_port.and_then(|port| HeaderValue::try_from(alternative(port)).ok())
        {
            fields.insert(header::ALT_SVC, service);
        }
        if let Ok(ray) = HeaderValue::from_bytes(&own.ray.to_ascii()) {
            fields.insert(RAY, ray);
        }
    }
}

/// RFC 7838 §3: HTTP/3 on a port of this host, to be remembered for a day.
pub(crate) fn alternative(port: u16) -> String {
    format!("h3=\":{port}\"; ma=86400")
}

/// Whether a head is all of its answer.
pub(crate) fn is_bodiless(head: &Head<'_>, is_head: bool) -> bool {
    let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
    let none = matches!(head.length, Length::None | Length::Known(0));
    is_head || matches!(head.status.as_u16(), 204 | 304) || (none && !switches)
}

fn gathered<'a>(pairs: impl Iterator<Item = &'a (HeaderName, HeaderValue)>) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(16);
    for (name, value) in pairs {
        fields.append(name.clone(), value.clone());
    }
    fields
}
