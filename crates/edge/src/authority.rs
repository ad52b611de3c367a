//! Host and port as a request names them.
//!
//! Invariant: the host is a `vocabulary::Hostname` (lower case, no trailing dot, no brackets), so that sites,
//! measures and cache keys all see the same text.

use crate::reasons::Reason;
use bytes::Bytes;
use std::sync::Arc;
use vocabulary::Hostname;

/// The longest `Host` value that is looked at, in bytes.
const AUTHORITY_BYTES_MAX: usize = 261;

/// The scheme of a visitor's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme's name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that is left out.
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host and, where it is not the scheme's own, a port. Clones share their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    host: Arc<Hostname>,
    // ASCII by construction.
    text: Bytes,
    port: Option<u16>,
}

impl Authority {
    /// Parses `uri-host [ ":" port ]` (RFC 9110 §7.2) strictly: no user information, no empty host or port.
    pub(crate) fn parse(text: &[u8], scheme: Scheme) -> Result<Self, Reason> {
        const MALFORMED: Reason = Reason::HostMalformed;
        if text.len() > AUTHORITY_BYTES_MAX {
            return Err(MALFORMED);
        }
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii()).ok_or(MALFORMED)?;
        let (name, rest) = match text.find(']') {
            Some(end) if text.starts_with('[') => text.split_at(end + 1),
            _ => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits).ok_or(MALFORMED)?),
            None if rest.is_empty() => None,
            None => return Err(MALFORMED),
        };
        let port = port.filter(|port| *port != scheme.default_port());
        let host = Hostname::parse(name).map_err(|_| MALFORMED)?;
        let text = match (host.as_str(), port) {
            (address, None) if name.starts_with('[') => format!("[{address}]"),
            (address, Some(port)) if name.starts_with('[') => format!("[{address}]:{port}"),
            (name, None) => name.to_owned(),
            (name, Some(port)) => format!("{name}:{port}"),
        };
        Ok(Self { host: Arc::new(host), text: Bytes::from(text), port })
    }

    /// The host.
    pub(crate) fn host(&self) -> &Hostname {
        &self.host
    }

    /// Host, and port where it is not the scheme's own: for `Host` fields and cache keys. An IPv6 address
    /// stands in brackets.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The port, unless it is the scheme's own.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }
}

/// The last authority that was parsed: most requests name the host that the one before named.
#[derive(Debug, Default)]
pub(crate) struct LastAuthority(Option<(Scheme, Bytes, Authority)>);

impl LastAuthority {
    /// The same as [`Authority::parse`], without parsing again what was parsed last.
    pub(crate) fn parse(&mut self, text: &[u8], scheme: Scheme) -> Result<Authority, Reason> {
        match &self.0 {
            Some((known_scheme, known, authority)) if *known_scheme == scheme && known == text => {
                Ok(authority.clone())
            }
            _ => {
                let authority = Authority::parse(text, scheme)?;
                self.0 = Some((scheme, Bytes::copy_from_slice(text), authority.clone()));
                Ok(authority)
            }
        }
    }
}

fn port(digits: &str) -> Option<u16> {
    let plain = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, String, Option<u16>), Reason> {
        let parsed = Authority::parse(text.as_bytes(), Scheme::Http)?;
        Ok((parsed.host().to_string(), parsed.as_str().to_owned(), parsed.port()))
    }

    #[test]
    fn hosts_take_their_stored_form_and_default_ports_vanish() {
        for (given, host, text, port) in [
            ("a.test", "a.test", "a.test", None),
            ("A.Test:80", "a.test", "a.test", None),
            ("a.test.:8080", "a.test", "a.test:8080", Some(8080)),
            ("127.0.0.1:443", "127.0.0.1", "127.0.0.1:443", Some(443)),
            ("[::1]:81", "::1", "[::1]:81", Some(81)),
            ("[0:0::0001]:80", "::1", "[::1]", None),
            ("_x.a-b.test", "_x.a-b.test", "_x.a-b.test", None),
        ] {
            assert_eq!(parse(given), Ok((host.to_owned(), text.to_owned(), port)), "{given}");
        }
    }

    #[test]
    fn what_names_no_single_host_is_refused() {
        for text in [
            "",
            ":",
            ":80",
            "a.test:",
            "a.test:+80",
            "a.test:080000",
            "a.test:65536",
            "a..test",
            "-a.test",
            "a b.test",
            "u@a.test",
            "a.test, b.test",
            "a.test/x",
            "[::1",
            "[::1]x",
            "::1",
            "1.2.3.999",
            "bücher.test",
            "a.test:80:80",
            "[a.test]",
            "[127.0.0.1]",
            "a]b.test",
            "a\u{0}.test",
        ] {
            assert_eq!(parse(text), Err(Reason::HostMalformed), "{text}");
        }
    }

    #[test]
    fn the_last_authority_is_remembered_for_its_own_scheme_only() {
        let mut last = LastAuthority::default();
        for (text, scheme, port) in [
            ("a.test:443", Scheme::Http, Some(443)),
            ("a.test:443", Scheme::Https, None),
            ("a.test:443", Scheme::Https, None),
            ("b.test:443", Scheme::Https, None),
        ] {
            let parsed = last.parse(text.as_bytes(), scheme).expect("well-formed");
            assert_eq!((parsed.port(), parsed.host().as_str()), (port, &text[..6]));
        }
    }
}
