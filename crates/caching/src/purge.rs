//! Purges: what an owner takes out of the cache, and the window in which edges hear of it.

use crate::rules::Rules;
use crate::tags::TAG_BYTES_MAX;
use serde::{Deserialize, Serialize};
use vocabulary::{Hostname, SiteId};

/// What a purge takes out. Hosts are in their stored form, lower-case A-labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PurgeTarget {
    /// One address, with both schemes and all variants.
    #[serde(rename_all = "kebab-case")]
    Url {
        /// The host.
        host: Hostname,
        /// The port; left out, every port.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// Path and query as visitors' requests carry them.
        path_and_query: String,
    },
    /// Every response that carries this tag.
    Tag(String),
    /// Every address of a host, on any port, whose path and query begin with these characters:
    /// `/blog` takes `/blogger` too, `/blog/` does not.
    #[serde(rename_all = "kebab-case")]
    Prefix {
        /// The host.
        host: Hostname,
        /// What the path begins with; begins with `/` itself.
        path: String,
    },
    /// Every address of a host.
    Host(Hostname),
    /// Everything of the site.
    Everything,
}

/// Why a text is no purge target. Says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurgeTargetError {
    /// An address without scheme and host.
    Address,
    /// A prefix without host or path.
    Prefix,
    /// No host name.
    Host,
    /// Empty, too long, or with characters that tags cannot have.
    Tag,
}

impl std::fmt::Display for PurgeTargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "not an address; write it whole, such as https://www.example.test/page?x=1",
            Self::Prefix => "not a prefix; write host and path, such as www.example.test/blog/",
            Self::Host => "not a host name, such as www.example.test",
            Self::Tag => "not a tag; 1 to 256 visible characters without commas and spaces",
        })
    }
}

impl std::error::Error for PurgeTargetError {}

impl PurgeTarget {
    /// An address as people write it: `https://www.example.test/page?x=1`. Either scheme hits both, an address
    /// without a port hits every port; a fragment is left out.
    pub fn url(text: &str) -> Result<Self, PurgeTargetError> {
        let error = PurgeTargetError::Address;
        let (scheme, rest) = text.split_once("://").ok_or(error)?;
        let default_port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(error),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = split_authority(rest);
        let (host, port) = host_and_port(authority).ok_or(error)?;
        if !is_visible(path) {
            return Err(error);
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path_and_query = format!("{slash}{}", as_sent(path));
        Ok(Self::Url { host, port: port.filter(|port| *port != default_port), path_and_query })
    }

    /// A prefix as people write it: `www.example.test/blog/`, with or without a scheme before it.
    pub fn prefix(text: &str) -> Result<Self, PurgeTargetError> {
        let error = PurgeTargetError::Prefix;
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (authority, path) = split_authority(rest);
        let (host, port) = host_and_port(authority).ok_or(error)?;
        if !path.starts_with('/') || !is_visible(path) || port.is_some() {
            return Err(error);
        }
        Ok(Self::Prefix { host, path: as_sent(path) })
    }

    /// The target as a site's rules have it keyed: an address with its query rewritten.
    pub fn keyed(self, rules: &Rules) -> Self {
        match self {
            Self::Url { host, port, path_and_query } => {
                let keyed = rules.rewritten(path_and_query.as_bytes());
                // Whole parameters are taken out or moved, so that it stays text.
                let path_and_query = String::from_utf8_lossy(&keyed).into_owned();
                Self::Url { host, port, path_and_query }
            }
            other => other,
        }
    }

    /// A host name.
    pub fn host(text: &str) -> Result<Self, PurgeTargetError> {
        Hostname::parse(text).map(Self::Host).map_err(|_| PurgeTargetError::Host)
    }

    /// A tag as `Cache-Tag` or `Surrogate-Key` carries it.
    pub fn tag(text: &str) -> Result<Self, PurgeTargetError> {
        let legal = (1..=TAG_BYTES_MAX).contains(&text.len()) && !text.contains(',') && is_visible(text);
        if legal { Ok(Self::Tag(text.to_owned())) } else { Err(PurgeTargetError::Tag) }
    }
}

fn split_authority(text: &str) -> (&str, &str) {
    text.find(['/', '?']).map_or((text, ""), |at| text.split_at(at))
}

fn host_and_port(authority: &str) -> Option<(Hostname, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 literal stand before its bracket.
        Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
        _ => (authority, None),
    };
    Some((Hostname::parse(host).ok()?, port))
}

/// Letters beyond ASCII as clients send them: in UTF-8, percent-encoded (RFC 3986 §2.5).
fn as_sent(text: &str) -> String {
    let each = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    each.collect()
}

fn is_visible(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// One purge as edges hear of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Its place in the order of all purges, from 1.
    pub revision: u64,
    /// The site.
    pub site: SiteId,
    /// What goes.
    pub target: PurgeTarget,
    /// Soft: what is held turns stale and is revalidated. Hard: it is never sent again.
    pub soft: bool,
}

/// The latest purges, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurgeWindow {
    /// The revision before the first purge here. An edge that holds an earlier one has missed some and
    /// treats all it holds as purged softly.
    pub after: u64,
    /// Revisions `after + 1`, `after + 2` and so on.
    pub purges: Vec<Purge>,
}

impl PurgeWindow {
    /// The revision an edge holds once it has applied this window.
    pub fn revision(&self) -> u64 {
        self.purges.last().map_or(self.after, |purge| purge.revision.max(self.after))
    }
}
