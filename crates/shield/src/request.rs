//! What rules and mitigations may know of one request: borrowed, never copied.
//!
//! Owns the view of a request that the whole crate speaks of. Must not know where it came from; the
//! edge fills it from its own head. An absent fact is `None` or empty, never a guess.

use http::HeaderMap;
use std::net::IpAddr;
use vocabulary::Timestamp;

/// The fields of a message, in their order.
pub trait Fields: Sync {
    /// Shows each line's name (lower case) and value until `seen` answers false.
    fn each<'a>(&'a self, seen: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool);

    /// Shows each value of one name (lower case) until `seen` answers false.
    fn each_of<'a>(&'a self, name: &str, seen: &mut dyn FnMut(&'a [u8]) -> bool) {
        self.each(&mut |own, value| own != name.as_bytes() || seen(value));
    }

    /// The first value of one name (lower case).
    fn first(&self, name: &str) -> Option<&[u8]> {
        let mut found = None;
        self.each_of(name, &mut |value| {
            found = Some(value);
            false
        });
        found
    }
}

impl Fields for HeaderMap {
    fn each<'a>(&'a self, seen: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {
        for (name, value) in self {
            if !seen(name.as_str().as_bytes(), value.as_bytes()) {
                return;
            }
        }
    }

    fn each_of<'a>(&'a self, name: &str, seen: &mut dyn FnMut(&'a [u8]) -> bool) {
        for value in self.get_all(name) {
            if !seen(value.as_bytes()) {
                return;
            }
        }
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// A message without fields.
#[derive(Debug, Clone, Copy)]
pub struct NoFields;

impl Fields for NoFields {
    fn each<'a>(&'a self, _seen: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {}
}

/// Where a request comes from, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The client's address, canonical (no IPv4 in IPv6).
    pub address: IpAddr,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<[u8; 2]>,
    /// `AF AN AS EU NA OC SA`.
    pub continent: Option<[u8; 2]>,
    /// The number of the autonomous system that announces the address.
    pub asn: Option<u32>,
}

impl Source {
    /// A source of which only the address is known.
    pub fn at(address: IpAddr) -> Self {
        Self { address: address.to_canonical(), country: None, continent: None, asn: None }
    }
}

/// What kind of program speaks, as far as it was established.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BotClass {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A browser that has passed a challenge.
    Browser,
    /// A crawler whose address was verified.
    Verified,
    /// A program that says it is one: a feed reader, a monitor, a library.
    Declared,
    /// A program that pretends to be a browser.
    Impostor,
}

impl BotClass {
    /// Every class.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Browser, Self::Verified, Self::Declared, Self::Impostor];

    /// The name in rules and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Browser => "browser",
            Self::Verified => "verified",
            Self::Declared => "declared",
            Self::Impostor => "impostor",
        }
    }
}

/// What a counting expression may know besides: the answer.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The answer's fields.
    pub fields: &'a dyn Fields,
}

/// One request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// The host asked for, lower case, without port.
    pub host: &'a str,
    /// Path and query as sent (origin form), or `*`.
    pub target: &'a str,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`, `HTTP/3`.
    pub version: &'static str,
    /// The request's fields.
    pub fields: &'a dyn Fields,
    /// Where it comes from.
    pub source: Source,
    /// The fingerprint of the TLS greeting (JA4), where there was one.
    pub tls_fingerprint: Option<&'a str>,
    /// The fingerprint of the HTTP/2 settings and order, where there is one.
    pub http2_fingerprint: Option<&'a str>,
    /// What kind of program it is.
    pub bot: BotClass,
    /// When its head was complete.
    pub at: Timestamp,
    /// The answer, while counting.
    pub response: Option<Response<'a>>,
}

impl<'a> Request<'a> {
    /// The path, without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The query without its question mark; empty when there is none.
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The last path segment's ending, without the dot.
    pub fn extension(&self) -> Option<&'a str> {
        let path = self.path();
        let last = path.rsplit_once('/').map_or(path, |(_, last)| last);
        last.rsplit_once('.').map(|(_, ending)| ending)
    }
}
