//! Host names in their one stored form.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A DNS host name as lower-case A-labels without a trailing dot or port, at most 253 bytes
/// (RFC 1123 §2.1, RFC 5890); or an IP literal in its shortest form, without brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hostname(Box<str>);

/// Why a text is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostnameError {
    /// Nothing there.
    #[error("a host name cannot be empty")]
    Empty,
    /// Longer than DNS allows.
    #[error("a host name has at most 253 characters and each label at most 63")]
    TooLong,
    /// A letter, label or form that DNS host names do not have.
    #[error("not a host name: {0:?}; letters, digits, hyphens and dots are allowed")]
    Malformed(String),
}

impl Hostname {
    /// Parses text from people: Unicode is converted to A-labels (UTS 46), case folded, one trailing
    /// dot dropped.
    pub fn parse(text: &str) -> Result<Self, HostnameError> {
        if let Some(literal) = ip_literal(text) {
            return Ok(literal);
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_ascii() {
            return Self::from_ascii(text);
        }
        let ascii = idna::domain_to_ascii(text).map_err(|_| malformed(text))?;
        Self::from_ascii(&ascii)
    }

    fn from_ascii(text: &str) -> Result<Self, HostnameError> {
        let lower = text.to_ascii_lowercase();
        check_labels(&lower)?;
        Ok(Self(lower.into_boxed_str()))
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when this is an IP literal.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// The name one label up: `b.test` of `a.b.test`.
    pub fn parent(&self) -> Option<&str> {
        self.0.split_once('.').map(|(_, parent)| parent).filter(|_| self.ip().is_none())
    }

    /// Loopback or a name reserved for tests and documentation (RFC 6761; RFC 2606 for the second
    /// level names): what a trial may act on.
    pub fn is_reserved(&self) -> bool {
        if let Some(ip) = self.ip() {
            return ip.is_loopback();
        }
        const TOP: [&str; 4] = ["test", "example", "localhost", "invalid"];
        let last = self.0.rsplit('.').next().unwrap_or_default();
        TOP.contains(&last)
    }
}

fn malformed(text: &str) -> HostnameError {
    HostnameError::Malformed(text.chars().take(80).collect())
}

fn ip_literal(text: &str) -> Option<Hostname> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip: IpAddr = match bare {
        Some(inner) => IpAddr::V6(inner.parse().ok()?),
        None => text.parse().ok()?,
    };
    Some(Hostname(ip.to_string().into_boxed_str()))
}

fn check_labels(text: &str) -> Result<(), HostnameError> {
    if text.is_empty() {
        return Err(HostnameError::Empty);
    }
    if text.len() > 253 {
        return Err(HostnameError::TooLong);
    }
    for label in text.split('.') {
        if label.len() > 63 {
            return Err(HostnameError::TooLong);
        }
        let letters =
            label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        if label.is_empty() || !letters || label.starts_with('-') || label.ends_with('-') {
            return Err(malformed(text));
        }
    }
    // A last label of digits only would be read as an IPv4 address by some parsers (WHATWG URL).
    let last = text.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) { Err(malformed(text)) } else { Ok(()) }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Borrow<str> for Hostname {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hostname {
    type Err = HostnameError;

    fn from_str(text: &str) -> Result<Self, HostnameError> {
        Self::parse(text)
    }
}

impl Serialize for Hostname {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hostname {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_one_stored_form() {
        for (text, stored) in [
            ("Example.TEST", "example.test"),
            ("example.test.", "example.test"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("_acme.example.test", "_acme.example.test"),
        ] {
            assert_eq!(Hostname::parse(text).map(|name| name.to_string()), Ok(stored.to_owned()));
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        let long = format!("{}.test", "a".repeat(64));
        for text in [
            "",
            ".",
            "a..b",
            "-a.test",
            "a-.test",
            "a b.test",
            "a.test:80",
            "1.2.3.999",
            "a/b",
            "[::1",
            &long,
        ] {
            assert!(Hostname::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reserved_names_are_told_from_real_ones() {
        for name in ["a.test", "localhost", "x.localhost", "a.example", "127.0.0.5", "::1", "q.invalid"] {
            assert!(Hostname::parse(name).is_ok_and(|host| host.is_reserved()), "{name}");
        }
        for name in ["example.org", "test.org", "192.0.2.1", "mytest"] {
            assert!(Hostname::parse(name).is_ok_and(|host| !host.is_reserved()), "{name}");
        }
    }
}
