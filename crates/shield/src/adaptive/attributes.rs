//! The sixteen attributes of a request by which attacks are told from visitors, each as a hash, or as the number of
//! its class where there are only a few.
//!
//! Hashes are keyed with a secret of the process, so that nobody can make two values collide.

use super::record::SiteKey;
use super::reference::mixed;
use crate::budgets::Prefix;
use crate::request::Request;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// How many attributes there are.
pub(super) const COUNT: usize = 16;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// The /24 or /48.
    Prefix,
    /// The autonomous system.
    Asn,
    /// The country.
    Country,
    /// The TLS fingerprint.
    Tls,
    /// The HTTP/2 fingerprint; the protocol version where there is none.
    Http2,
    /// The names of the header fields, in their order.
    HeaderOrder,
    /// The user agent.
    UserAgent,
    /// The path.
    Path,
    /// The path with everything that looks like a number or an id left out.
    PathTemplate,
    /// The names of the arguments, in their order.
    QueryKeys,
    /// The method.
    Method,
    /// No referrer, the same site, or another.
    Referer,
    /// No cookies, few, many.
    Cookies,
    /// The first language.
    Language,
    /// What the cache said.
    Cache,
    /// The whole address, without arguments that only say which link was followed.
    Address,
}

impl Attribute {
    /// Every attribute, in the order of their hashes.
    pub const ALL: [Self; COUNT] = [
        Self::Prefix,
        Self::Asn,
        Self::Country,
        Self::Tls,
        Self::Http2,
        Self::HeaderOrder,
        Self::UserAgent,
        Self::Path,
        Self::PathTemplate,
        Self::QueryKeys,
        Self::Method,
        Self::Referer,
        Self::Cookies,
        Self::Language,
        Self::Cache,
        Self::Address,
    ];

    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prefix => "network",
            Self::Asn => "asn",
            Self::Country => "country",
            Self::Tls => "tls",
            Self::Http2 => "http2",
            Self::HeaderOrder => "header order",
            Self::UserAgent => "user agent",
            Self::Path => "path",
            Self::PathTemplate => "path template",
            Self::QueryKeys => "query keys",
            Self::Method => "method",
            Self::Referer => "referrer",
            Self::Cookies => "cookies",
            Self::Language => "language",
            Self::Cache => "cache",
            Self::Address => "address",
        }
    }

    /// Whether it belongs to the program or its network, which a crowd of people does not share, rather
    /// than to what is asked for or where the people come from, which a crowd does.
    pub fn is_of_program(self) -> bool {
        matches!(
            self,
            Self::Prefix | Self::Asn | Self::Tls | Self::Http2 | Self::HeaderOrder | Self::UserAgent
        )
    }

    /// Whether it belongs to the network alone, which many programs share.
    pub(super) fn is_of_network(self) -> bool {
        matches!(self, Self::Prefix | Self::Asn)
    }
}

/// What the cache said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// Answered from the store.
    Hit,
    /// Fetched.
    Miss,
    /// Never stored.
    Bypass,
}

/// The hashes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes(pub(super) [u32; COUNT]);

impl Attributes {
    /// From hashes made elsewhere, in the order of [`Attribute::ALL`].
    pub fn from_hashes(hashes: [u32; COUNT]) -> Self {
        Self(hashes)
    }

    /// The same request, seen from all sites together: its address is its site.
    pub(super) fn of_site(mut self, site: SiteKey) -> Self {
        self.0[Attribute::Address as usize] = (mixed(site.0) >> 16) as u32;
        self
    }

    /// The hash of one attribute.
    pub fn hash(&self, attribute: Attribute) -> u32 {
        self.0[attribute as usize]
    }
}

/// Makes attributes of requests, under a secret of the process.
#[derive(Clone)]
pub struct Fingerprinter(pub(super) [u8; 16]);

impl Fingerprinter {
    /// With a fresh secret.
    pub fn fresh(random: &dyn vocabulary::Random) -> Self {
        Self(random.bytes())
    }

    /// The attributes of a request. Nothing is allocated.
    pub fn attributes(&self, request: &Request<'_>, cache: CacheStatus) -> Attributes {
        let field = |name| request.fields.first(name).unwrap_or_default();
        let optional = |text: Option<&str>| self.bytes(text.unwrap_or_default().as_bytes());
        Attributes([
            Prefix::of(request.source.address).hash(&self.0) as u32,
            self.number(request.source.asn.map_or(u64::MAX, u64::from)),
            self.bytes(request.source.country.as_ref().map_or(&b""[..], |code| code)),
            optional(request.tls_fingerprint),
            self.bytes(request.http2_fingerprint.unwrap_or(request.version).as_bytes()),
            self.header_order(request),
            self.bytes(field("user-agent")),
            self.bytes(request.path().as_bytes()),
            self.template(request.path()),
            self.query_keys(request.query()),
            self.bytes(request.method.as_bytes()),
            referrer_class(field("referer"), request.host),
            match field("cookie").iter().filter(|byte| **byte == b'=').count() {
                0 => NO_COOKIES,
                1..=3 => 1,
                _ => 2,
            },
            self.bytes(
                field("accept-language").split(|byte| matches!(byte, b',' | b';')).next().unwrap_or_default(),
            ),
            cache as u32,
            self.address(request.path(), request.query()),
        ])
    }

    fn hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }

    fn bytes(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.hasher();
        hasher.write(bytes);
        hasher.finish() as u32
    }

    fn number(&self, number: u64) -> u32 {
        let mut hasher = self.hasher();
        hasher.write_u64(number);
        hasher.finish() as u32
    }

    fn header_order(&self, request: &Request<'_>) -> u32 {
        let mut hasher = self.hasher();
        request.fields.each(&mut |name, _| {
            // What a browser sends only sometimes would make many orders of one program.
            if !SOMETIMES.contains(&name) {
                hasher.write(name);
                hasher.write_u8(0);
            }
            true
        });
        hasher.finish() as u32
    }

    fn template(&self, path: &str) -> u32 {
        let mut hasher = self.hasher();
        for segment in path.split('/') {
            let digits = segment.bytes().filter(u8::is_ascii_digit).count();
            hasher.write_u8(b'/');
            if digits * 2 >= segment.len().max(1) || segment.len() > 24 {
                hasher.write_u8(0);
            } else {
                hasher.write(segment.as_bytes());
            }
        }
        hasher.finish() as u32
    }

    fn address(&self, path: &str, query: &str) -> u32 {
        let mut hasher = self.hasher();
        hasher.write(path.as_bytes());
        for pair in arguments(query) {
            hasher.write_u8(b'&');
            hasher.write(pair.as_bytes());
        }
        hasher.finish() as u32
    }

    fn query_keys(&self, query: &str) -> u32 {
        let mut hasher = self.hasher();
        for pair in arguments(query) {
            hasher.write(pair.split('=').next().unwrap_or_default().as_bytes());
            hasher.write_u8(0);
        }
        hasher.finish() as u32
    }
}

/// Fields that browsers send only sometimes: with a form, on reload, for a part, after a click.
const SOMETIMES: [&[u8]; 13] = [
    b"cookie",
    b"referer",
    b"if-none-match",
    b"if-modified-since",
    b"range",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"origin",
    b"cache-control",
    b"pragma",
    b"sec-fetch-user",
    b"priority",
];

/// Arguments that networks and newsletters add to a link, another value for each click: a crowd that follows a link
/// asks for one page all the same.
const OF_LINKS: [&str; 12] = [
    "fbclid", "gclid", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "twclid", "yclid", "igshid",
    "mc_eid", "_gl",
];

/// The arguments of a query that say what is asked for.
fn arguments(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !name.starts_with("utm_") && !OF_LINKS.contains(&name)
    })
}

/// The class of a request without a referrer.
pub(super) const NO_REFERRER: u32 = 0;

/// The class of one that leads on within the site.
pub(super) const OWN_REFERRER: u32 = 2;
/// The class of a request without cookies.
pub(super) const NO_COOKIES: u32 = 0;

fn referrer_class(referrer: &[u8], host: &str) -> u32 {
    let Some(rest) = referrer.strip_prefix(b"https://").or_else(|| referrer.strip_prefix(b"http://")) else {
        return u32::from(!referrer.is_empty());
    };
    let own = rest
        .strip_prefix(host.as_bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b':' | b'?')));
    if own { OWN_REFERRER } else { 3 }
}
