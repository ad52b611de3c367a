//! A request as the exchange sees it, whatever protocol it came by.

use crate::authority::{Authority, Scheme};
use crate::fingerprints::Fingerprints;
use crate::tier::Child;
use caching::Rules;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Version};
use std::sync::Arc;

/// How long a message's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// There is none, by the rules of framing.
    None,
    /// Exactly so many bytes.
    Known(u64),
    /// Ends when it ends.
    Unknown,
}

impl Length {
    /// The number of bytes, where it is settled.
    pub(crate) fn known(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Known(length) => Some(length),
            Self::Unknown => None,
        }
    }
}

/// A well-framed request head: one host, one length, one target.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The method.
    pub method: Method,
    /// The scheme of the connection.
    pub scheme: Scheme,
    /// The host and port asked for.
    pub authority: Authority,
    /// Path and query exactly as they came, or `*`.
    pub target: PathAndQuery,
    /// All fields but those that framed the message on its connection.
    pub fields: HeaderMap,
    /// The protocol version it came by.
    pub version: Version,
    /// The length of its content.
    pub length: Length,
    /// Whether the visitor waits for 100 before it sends the content (RFC 9110 §10.1.1).
    pub expects_continue: bool,
    /// Whether it asks to switch to the WebSocket protocol (RFC 6455 §4.1).
    pub upgrade: bool,
    /// The certificate that the visitor has shown, verified, as RFC 9440 §2.2 writes it.
    pub client_certificate: Option<HeaderValue>,
    /// The edge that asks, where it is a child of this one.
    pub child: Option<Child>,
    /// What its connection gives away of the visitor's program.
    pub fingerprints: Option<Arc<Fingerprints>>,
    /// What rules of the site's shield have set for it.
    pub ruled: Option<Box<Ruled>>,
}

/// What rules of a site's shield set for one request, beside changing it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ruled {
    /// Whether the cache takes no part.
    pub passes_cache: bool,
    /// How the answer is cached, in place of what the site says.
    pub cache_rules: Option<Rules>,
    /// The place of the origin that is asked, and no other.
    pub origin: Option<usize>,
}
