//! What an operator says about authorities.

use super::budget::Limits;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// How certificates are ordered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Authorities in order of preference; at least one. Their terms have been accepted.
    pub directories: Vec<Directory>,
    /// `mailto:` addresses that an authority may write to.
    pub contact: Vec<String>,
    /// Roots to trust when speaking to authorities and the webhook; none: the system's.
    pub roots: Option<PathBuf>,
    /// Kinds of proof, in order of preference.
    pub proofs: Vec<Proof>,
    /// Who sets TXT records; without it there is no proof by DNS, and so no wildcard.
    pub webhook: Option<Webhook>,
    /// What each account may do.
    pub limits: Limits,
}

/// An authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its directory (RFC 8555 §7.1.1), `https://`.
    pub url: String,
    /// The account that it knows already (RFC 8555 §7.3.4).
    pub binding: Option<Binding>,
}

/// An external account.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    /// The key's id.
    pub id: String,
    /// The key of the HMAC, decoded.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A kind of proof that a name is under control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A file below `/.well-known/acme-challenge/`, over port 80 (RFC 8555 §8.3).
    Http,
    /// A handshake, over port 443 (RFC 8737).
    Tls,
    /// A TXT record (RFC 8555 §8.4). The only one for a wildcard.
    Dns,
}

/// Who sets TXT records.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Asked by POST.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Zeroizing<String>>,
    /// How long a record takes to be seen by the world.
    pub wait: Duration,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url).field("wait", &self.wait).finish_non_exhaustive()
    }
}
