//! The primary cache key (RFC 9111 §2), with the site in front.
//!
//! A key is the site, scheme, host, port, path and query, each with its length, so that no two targets share
//! their bytes. The method is no part of it: GET answers HEAD (RFC 9110 §9.3.2). Path and query are the
//! received bytes, and the same bytes go to the origin. The port is in it because origins write it into
//! links: left out, one visitor's invented port would end up in everybody's page.

use vocabulary::SiteId;

/// The scheme of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Cleartext.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme's name as in a URI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn tag(self) -> u8 {
        match self {
            Self::Http => b'h',
            Self::Https => b's',
        }
    }
}

/// A key that borrows its parts from a request, for looking up without copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRef<'a> {
    /// The site that answers.
    pub site: SiteId,
    /// The scheme the visitor used.
    pub scheme: Scheme,
    /// Lower-case A-label host without its port, that is `vocabulary::Hostname::as_str`.
    pub host: &'a str,
    /// The port the visitor named, unless it is the scheme's own.
    pub port: Option<u16>,
    /// The path bytes as received.
    pub path: &'a [u8],
    /// What follows `?`; an empty query is not the same as none.
    pub query: Option<&'a [u8]>,
}

/// A stored key: all parts, length-prefixed, in one allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Box<[u8]>);

const SITE_BYTES: usize = 16;
/// Longer keys are looked up through the heap.
const STACK_BYTES: usize = 256;

impl<'a> KeyRef<'a> {
    /// A key without a port; splits a request target in origin form at its first `?`.
    pub fn of_target(site: SiteId, scheme: Scheme, host: &'a str, target: &'a [u8]) -> Self {
        let mark = target.iter().position(|byte| *byte == b'?');
        let (path, query) = match mark {
            Some(at) => (&target[..at], Some(&target[at + 1..])),
            None => (target, None),
        };
        Self { site, scheme, host, port: None, path, query }
    }

    /// The same key, owning its bytes.
    pub fn to_key(&self) -> Key {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.each_part(&mut |part| bytes.extend_from_slice(part));
        Key(bytes.into_boxed_slice())
    }

    /// Shows the encoded bytes, made on the stack unless the target is very long.
    pub fn with_bytes<T>(&self, see: impl FnOnce(&[u8]) -> T) -> T {
        let mut buffer = [0u8; STACK_BYTES];
        let length = self.encoded_len();
        let Some(mut rest) = buffer.get_mut(..length) else {
            return see(self.to_key().as_bytes());
        };
        self.each_part(&mut |part| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(part.len());
            head.copy_from_slice(part);
            rest = tail;
        });
        see(&buffer[..length])
    }

    fn encoded_len(&self) -> usize {
        let query = self.query.map_or(0, |query| 4 + query.len());
        SITE_BYTES + 1 + 2 + 4 + self.host.len() + 4 + self.path.len() + 1 + query
    }

    fn each_part(&self, see: &mut impl FnMut(&[u8])) {
        see(self.site.as_bytes());
        see(&[self.scheme.tag()]);
        // Port 0 cannot be asked for, so it can stand for none.
        see(&self.port.unwrap_or(0).to_be_bytes());
        see(&length(self.host.as_bytes()));
        see(self.host.as_bytes());
        see(&length(self.path));
        see(self.path);
        match self.query {
            Some(query) => {
                see(b"?");
                see(&length(query));
                see(query);
            }
            None => see(b"-"),
        }
    }
}

/// Parts longer than 4 GiB cannot come through a request head of 32 KiB; their prefixes would saturate
/// and their bytes still differ.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

impl Key {
    /// The encoded bytes, to write to disk or to hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&KeyRef<'_>> for Key {
    fn from(key: &KeyRef<'_>) -> Self {
        key.to_key()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(scheme: Scheme, host: &'a str, target: &'a str) -> KeyRef<'a> {
        KeyRef::of_target(SiteId::from_bytes([7; 16]), scheme, host, target.as_bytes())
    }

    /// RFC 9111 §2: different targets never share a key.
    #[test]
    fn every_part_counts_and_none_runs_into_the_next() {
        let long = format!("/{}", "a".repeat(600));
        let keys = [
            key(Scheme::Http, "a.test", "/"),
            key(Scheme::Https, "a.test", "/"),
            key(Scheme::Http, "b.test", "/"),
            key(Scheme::Http, "a.test", "/?"),
            key(Scheme::Http, "a.test", "/?-"),
            key(Scheme::Http, "a.test", "/a?b=c"),
            key(Scheme::Http, "a.test", "/a%3Fb=c"),
            key(Scheme::Http, "a.test", "/a?b=c?d"),
            key(Scheme::Http, "a.test", "//"),
            key(Scheme::Http, "a.test/", "/"),
            key(Scheme::Http, "a.test", &long),
            KeyRef { site: SiteId::from_bytes([8; 16]), ..key(Scheme::Http, "a.test", "/") },
            KeyRef { port: Some(8080), ..key(Scheme::Http, "a.test", "/") },
            KeyRef { port: Some(8081), ..key(Scheme::Http, "a.test", "/") },
        ];
        for (at, one) in keys.iter().enumerate() {
            for (other_at, other) in keys.iter().enumerate() {
                assert_eq!(one.to_key() == other.to_key(), at == other_at, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn borrowed_and_owned_keys_have_the_same_bytes() {
        let long = format!("/{}?q", "a".repeat(600));
        for target in ["/", "/a/b?c=d", "/?", long.as_str()] {
            let key = key(Scheme::Https, "a.test", target);
            assert!(key.with_bytes(|bytes| bytes == key.to_key().as_bytes()), "{target}");
        }
    }
}
