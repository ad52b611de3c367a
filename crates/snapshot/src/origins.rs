//! How a site's origins are used: which of them a request goes to, when one is taken to be away, how long it is
//! waited for, what is tried again.
//!
//! Every setting has a default; a site that says nothing behaves as one with a single patient origin.

use crate::site::CertificateFiles;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use vocabulary::{Digest, Hostname};

/// Everything a site sets about its origins besides their addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OriginPolicy {
    /// Which origin a request goes to.
    #[serde(skip_serializing_if = "is_default")]
    pub balance: Balance,
    /// How the edge asks origins how they are; none: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// When visitors' failed requests put an origin out.
    #[serde(skip_serializing_if = "is_default")]
    pub ejection: Ejection,
    /// What is sent a second time.
    #[serde(skip_serializing_if = "is_default")]
    pub retries: Retries,
    /// How long an origin is waited for.
    #[serde(skip_serializing_if = "is_default")]
    pub timeouts: Timeouts,
    /// How TLS is spoken to origins.
    #[serde(skip_serializing_if = "is_default")]
    pub tls: OriginTls,
    /// The Host field that origins get, with a port where it needs one; none: the visitor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A field that shows origins that a request comes by way of the edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<OriginSecret>,
}

impl OriginPolicy {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Which origin a request goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// In turn, as often as their weights say.
    #[default]
    RoundRobin,
    /// To the one with the fewest requests outstanding for its weight.
    LeastOutstanding,
    /// To the first in the list that is there.
    Failover,
    /// The same visitor's address to the same origin.
    HashAddress,
    /// The same path and query to the same origin.
    HashUrl,
    /// The same value of this cookie to the same origin; without the cookie, by the visitor's address.
    HashCookie(String),
}

/// How origins are asked how they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// What is asked.
    pub probe: Probe,
    /// From one check to the next, in milliseconds; up to a quarter less, by chance.
    pub interval_ms: u32,
    /// How long one check may take, in milliseconds.
    pub timeout_ms: u32,
    /// Failed checks in a row until an origin is down.
    pub fall: u8,
    /// Passed checks in a row until it is up again.
    pub rise: u8,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Probe {
    /// Whether a connection can be made, and TLS where it is spoken.
    Tcp,
    /// Whether a GET is answered.
    Http {
        /// Path and query.
        path: String,
        /// The Host field; none: as the origin is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// The lowest status that passes.
        status_min: u16,
        /// The highest.
        status_max: u16,
    },
}

impl HealthCheck {
    /// A check with the defaults: every 10 s, within 5 s, down after three, up after two.
    pub fn with(probe: Probe) -> Self {
        Self { probe, interval_ms: 10_000, timeout_ms: 5_000, fall: 3, rise: 2 }
    }
}

/// When visitors' failed requests put an origin out, and how it returns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ejection {
    /// Failures in a row (no connection, no answer in time, an answer of class 5xx); 0: never.
    pub after: u32,
    /// How long it is out the first time, in milliseconds; longer each time it fails again.
    pub base_ms: u32,
    /// The longest, in milliseconds.
    pub max_ms: u32,
    /// From its return until it takes its full share, in milliseconds.
    pub slow_return_ms: u32,
    /// All are used as if they were well where less than this part of the weight is left.
    pub panic_percent: u8,
}

impl Default for Ejection {
    fn default() -> Self {
        Self { after: 5, base_ms: 10_000, max_ms: 300_000, slow_return_ms: 30_000, panic_percent: 0 }
    }
}

/// What is sent a second time: to another origin, before anything of an answer has gone out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retries {
    /// Origins that one request is sent to at most, the first included; 1: nothing is sent twice.
    pub attempts: u8,
    /// Retries for each hundred requests, besides a few that are saved up.
    pub budget_percent: u8,
    /// Answers with these statuses are asked for again elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 3, budget_percent: 20, statuses: Vec::new() }
    }
}

/// How long an origin is waited for, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// For a connection, its name and TLS included.
    pub connect_ms: u32,
    /// From the request to the head of its answer, while no content goes up.
    pub first_byte_ms: u32,
    /// Between two pieces of an answer.
    pub between_bytes_ms: u32,
    /// For the whole exchange; none: as long as the others allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u32>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 5_000, first_byte_ms: 60_000, between_bytes_ms: 60_000, total_ms: None }
    }
}

/// How TLS is spoken to origins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OriginTls {
    /// Which certificates are believed.
    #[serde(skip_serializing_if = "is_default")]
    pub trust: Trusted,
    /// The name that is asked for (SNI) and that the certificate must be for; none: each origin's own. An origin
    /// may have one by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<Hostname>,
    /// What the edge shows where an origin asks for a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<CertificateFiles>,
}

/// Which certificates of an origin are believed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// Those that the system's authorities have signed.
    #[default]
    System,
    /// Those that the authorities in this PEM file have signed.
    Authorities(PathBuf),
    /// Exactly these, by the SHA-256 of the whole certificate, self-signed ones included.
    Pinned(Vec<Digest>),
    /// Any.
    Unverified,
}

/// A field whose value is a secret. The value stays in its file: it is in no record, no log and no export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OriginSecret {
    /// The field's name, in lower case.
    pub name: String,
    /// The file with its value, in one line.
    pub file: PathBuf,
}
