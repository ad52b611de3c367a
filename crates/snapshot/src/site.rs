//! A site as an edge serves it.

use crate::origins::OriginPolicy;
use crate::{Front, ShieldSettings};
use caching::Rules;
use error_pages::Pages;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use vocabulary::{AccountId, Hostname, SiteId, SitePattern};

/// One customer's site: what it answers to, where its origin is, which services it uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// Whose it is.
    pub account: AccountId,
    /// Host names it answers to; at least one.
    pub hosts: Vec<SitePattern>,
    /// Its origins; at least one.
    pub origins: Vec<Origin>,
    /// How they are used.
    #[serde(default, skip_serializing_if = "OriginPolicy::is_default")]
    pub origin_policy: OriginPolicy,
    /// The services it uses.
    pub services: BTreeSet<Service>,
    /// How its answers are cached.
    pub cache: CacheMode,
    /// What its owner sets beyond the origin's fields.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cache_rules: Rules,
    /// Its certificate; none: the local authority on loopback, or ACME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFiles>,
    /// Its own error page, HTML with tokens: the default of every class that has none in `pages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_page: Option<String>,
    /// How visitors come in.
    #[serde(default, skip_serializing_if = "Front::is_default")]
    pub front: Front,
    /// Its own pages, by digest; their bytes come in [`crate::Parcel::pages`].
    #[serde(default, skip_serializing_if = "Pages::is_default")]
    pub pages: Pages,
    /// Its defence.
    #[serde(default, skip_serializing_if = "ShieldSettings::is_default")]
    pub shield: ShieldSettings,
}

fn is_default(rules: &Rules) -> bool {
    *rules == Rules::default()
}

/// Where a site's content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// How to speak to it.
    pub scheme: Scheme,
    /// Its name or address.
    pub host: Hostname,
    /// Its port.
    pub port: u16,
    /// How much of the requests it takes, beside the others: 1 to 100.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
    /// The name that its certificate must be for; none: as the site says, or its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Hostname>,
    /// Which version of HTTP it is spoken to in.
    #[serde(default, skip_serializing_if = "OriginProtocol::is_auto")]
    pub protocol: OriginProtocol,
}

impl Origin {
    /// An origin of weight 1.
    pub fn new(scheme: Scheme, host: Hostname, port: u16) -> Self {
        Self { scheme, host, port, weight: 1, server_name: None, protocol: OriginProtocol::Auto }
    }
}

/// Which version of HTTP an origin is spoken to in. WebSockets are asked for by HTTP/1.1 whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OriginProtocol {
    /// Over TLS, HTTP/2 where the origin chooses it (ALPN, RFC 7301); else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone: over TLS it must be chosen, without TLS it is known beforehand (RFC 9113 §3.3).
    Http2,
}

impl OriginProtocol {
    /// Whether nothing is set.
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

fn one() -> u16 {
    1
}

fn is_one(weight: &u16) -> bool {
    *weight == 1
}

/// How to speak to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// What a site may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Copies of answers.
    Cache,
    /// Defence against attacks.
    Shield,
    /// Error pages of its own.
    Errors,
}

/// How a site's answers are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// What the origin's fields allow, but nothing that sets a cookie.
    #[default]
    Guarded,
    /// What the origin's fields allow.
    Origin,
}

/// Certificate files of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// PEM file with the certificate chain, the site's own first.
    pub chain: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}
