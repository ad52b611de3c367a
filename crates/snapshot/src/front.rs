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
    /// Who is believed.
    pub authorities: Authorities,
    /// Whether who shows none is turned away. A certificate that is shown must be good in any case.
    pub required: bool,
}

/// Who must have signed visitors' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Authorities {
    /// Their certificates, kept with the site.
    Pem(AuthoritiesPem),
    /// A PEM file with them, which each edge reads for itself.
    File(PathBuf),
}

/// PEM texts of certificates and nothing else: what is told of a site is shown to many, so no key may be among them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuthoritiesPem(String);

/// Why a text is none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// Longer than [`AuthoritiesPem::BYTES_MAX`].
    #[error("the authorities' certificates are longer than 16 KiB; put them into a file and name its path")]
    TooLong,
    /// A key, or anything else that is no certificate.
    #[error("only BEGIN CERTIFICATE blocks belong here; take everything else out, a private key above all")]
    Foreign,
    /// No whole block.
    #[error("no whole BEGIN CERTIFICATE … END CERTIFICATE block is there")]
    Missing,
}

impl AuthoritiesPem {
    /// Longest text, in bytes: eight authorities with RSA keys.
    pub const BYTES_MAX: usize = 16 << 10;
    const BEGIN: &str = "-----BEGIN ";
    const FIRST: &str = "-----BEGIN CERTIFICATE-----";
    const LAST: &str = "-----END CERTIFICATE-----";

    /// Whether a text is meant as PEM and not as a path.
    pub fn is_meant(text: &str) -> bool {
        text.trim_start().starts_with(Self::BEGIN)
    }

    /// Reads a text, leaving out what stands between the blocks. Whether the blocks hold certificates of authorities is
    /// not looked at.
    pub fn parse(text: &str) -> Result<Self, AuthoritiesError> {
        if text.len() > Self::BYTES_MAX {
            return Err(AuthoritiesError::TooLong);
        }
        if text.matches(Self::BEGIN).count() != text.matches(Self::FIRST).count() {
            return Err(AuthoritiesError::Foreign);
        }
        let mut kept = String::with_capacity(text.len());
        for block in text.split(Self::FIRST).skip(1) {
            let (block, _) = block.split_once(Self::LAST).ok_or(AuthoritiesError::Missing)?;
            let lines = block.lines().map(str::trim).filter(|line| !line.is_empty());
            for line in std::iter::once(Self::FIRST).chain(lines).chain([Self::LAST]) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        if kept.is_empty() { Err(AuthoritiesError::Missing) } else { Ok(Self(kept)) }
    }

    /// The text, each block on lines of its own.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AuthoritiesPem {
    type Error = AuthoritiesError;

    fn try_from(text: String) -> Result<Self, AuthoritiesError> {
        Self::parse(&text)
    }
}

impl From<AuthoritiesPem> for String {
    fn from(pem: AuthoritiesPem) -> Self {
        pem.0
    }
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

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    #[test]
    fn authorities_are_certificates_alone_and_a_key_beside_them_is_refused() {
        let loose = BLOCK.replace('\n', "\r\n  ");
        for (text, kept) in [
            (BLOCK.to_owned(), Ok(BLOCK.to_owned())),
            (format!("subject=CN=a\n{loose}# a note\n{loose}"), Ok(BLOCK.repeat(2))),
            (
                format!("{BLOCK}-----BEGIN EC PRIVATE KEY-----\nAA\n-----END EC PRIVATE KEY-----\n"),
                Err(AuthoritiesError::Foreign),
            ),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n".to_owned(), Err(AuthoritiesError::Missing)),
            (String::new(), Err(AuthoritiesError::Missing)),
            (BLOCK.repeat(300), Err(AuthoritiesError::TooLong)),
        ] {
            assert_eq!(AuthoritiesPem::parse(&text).map(String::from), kept, "{text:.60}");
        }
    }

    #[test]
    fn a_path_and_a_text_of_authorities_are_told_apart_when_they_are_read_again() {
        let pem = AuthoritiesPem::parse(BLOCK).expect("a block");
        for authorities in [Authorities::File("/etc/clients.pem".into()), Authorities::Pem(pem)] {
            let text = serde_json::to_string(&authorities).expect("text");
            assert_eq!(serde_json::from_str::<Authorities>(&text).expect("read"), authorities, "{text}");
        }
    }

    #[test]
    fn a_site_stored_before_these_settings_has_none_of_them() {
        let front: Front = serde_json::from_str("{}").expect("defaults");
        assert!(front.is_default());
    }
}
