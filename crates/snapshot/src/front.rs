//! What a site's owner sets for the way visitors come in: HTTPS, TLS and certificates of visitors, maintenance,
//! bypass, tracing.
//!
//! Owns the settings and their text on the wire; knows no request. They are the customer's own settings and
//! no measures: a measure in force is judged before any of them is looked at.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use vocabulary::Cidr;

/// The settings; each default leaves the site as its origin has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Front {
    /// Whether who comes without TLS is sent to HTTPS.
    pub redirect_https: bool,
    /// What is sent as `Strict-Transport-Security`, over TLS only and where the origin sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
    /// The oldest version of TLS that is spoken.
    #[serde(skip_serializing_if = "TlsMin::is_default")]
    pub tls_min: TlsMin,
    /// Whether visitors are asked for certificates of their own; none: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificates: Option<ClientCertificates>,
    /// Visitors get 503 while this stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
    /// Whether every request goes to the origin and nothing is stored; measures stay.
    pub bypass: bool,
    /// Whether the edge takes its place in the visitor's trace (W3C Trace Context), or begins one.
    pub trace: bool,
}

impl Front {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The oldest version of TLS that a site's visitors may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum TlsMin {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsMin {
    /// Whether nothing is set.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Certificates that visitors show, and who must have signed them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// PEM file with the authorities that are believed.
    pub authorities: PathBuf,
    /// Whether who shows none is turned away. A certificate that is shown must be good in any case.
    pub required: bool,
}

/// HTTP Strict Transport Security (RFC 6797). Its `Display` is the field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hsts {
    /// How long a browser uses TLS alone, in seconds; 0 makes it forget.
    pub max_age_seconds: u32,
    /// Whether that holds for every name below as well.
    #[serde(default)]
    pub include_subdomains: bool,
    /// Whether browsers' vendors may ship the name in their lists.
    #[serde(default)]
    pub preload: bool,
}

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-age={}", self.max_age_seconds)?;
        f.write_str(if self.include_subdomains { "; includeSubDomains" } else { "" })?;
        f.write_str(if self.preload { "; preload" } else { "" })
    }
}

/// A site that is being worked on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// After how many seconds visitors are asked to come back, as in `Retry-After`.
    pub retry_after_seconds: u32,
    /// Who gets through all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Cidr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_names_what_is_set_and_nothing_else() {
        for (include_subdomains, preload, text) in [
            (false, false, "max-age=60"),
            (true, false, "max-age=60; includeSubDomains"),
            (true, true, "max-age=60; includeSubDomains; preload"),
        ] {
            assert_eq!(Hsts { max_age_seconds: 60, include_subdomains, preload }.to_string(), text);
        }
    }

    #[test]
    fn a_site_stored_before_these_settings_has_none_of_them() {
        let front: Front = serde_json::from_str("{}").expect("defaults");
        assert!(front.is_default());
    }
}
