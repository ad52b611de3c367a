//! The few facts of an X.509 certificate that are checked here.

use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use vocabulary::{Hostname, SitePattern, Timestamp};
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, ParsedExtension};

/// What a certificate says of itself.
pub(crate) struct Facts {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) is_authority: bool,
    pub(crate) names: Names,
}

/// The names a certificate is good for.
#[derive(Debug, Default)]
pub struct Names(Vec<Name>);

/// A name of the subjectAltName extension (RFC 5280 §4.2.1.6). The subject's common name counts for
/// nothing (RFC 9525 §2).
#[derive(Debug)]
enum Name {
    /// Lower case, perhaps with `*.` in front.
    Dns(String),
    Ip(IpAddr),
}

impl Facts {
    /// Reads a certificate; none if it is not X.509 or bytes follow it.
    pub(crate) fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let validity = certificate.validity();
        rest.is_empty().then(|| Self {
            not_before: Timestamp::from_secs(validity.not_before.timestamp()),
            not_after: Timestamp::from_secs(validity.not_after.timestamp()),
            is_authority: certificate.is_ca(),
            names: Names(names(&certificate)),
        })
    }

    /// Whether the certificate is good for a host pattern. A wildcard certificate stands for one label
    /// (RFC 9525 §6.3), which is all that can be had for a wildcard site.
    pub(crate) fn covers(&self, pattern: &SitePattern) -> bool {
        self.names.cover_pattern(pattern)
    }

    /// The names for a message, the first few.
    pub(crate) fn names_text(&self) -> String {
        self.names.text()
    }
}

impl Names {
    /// Whether the certificate is good for a host (RFC 9525 §6). A wildcard stands for one label.
    pub fn cover(&self, host: &Hostname) -> bool {
        self.0.iter().any(|name| match name {
            Name::Ip(ip) => host.ip() == Some(*ip),
            Name::Dns(_) if host.ip().is_some() => false,
            Name::Dns(name) => {
                name == host.as_str()
                    || name.strip_prefix("*.").is_some_and(|base| host.parent() == Some(base))
            }
        })
    }

    /// The same for a server name as clients write it in lower case: a DNS name (RFC 6066 §3).
    pub(crate) fn cover_server_name(&self, name: &str) -> bool {
        let parent = name.split_once('.').map(|(_, parent)| parent);
        self.0.iter().any(|own| match own {
            Name::Ip(_) => false,
            Name::Dns(own) => own == name || own.strip_prefix("*.").is_some_and(|base| parent == Some(base)),
        })
    }

    fn cover_pattern(&self, pattern: &SitePattern) -> bool {
        match pattern {
            SitePattern::Exact(host) => self.cover(host),
            SitePattern::Wildcard(base) => self.0.iter().any(
                |name| matches!(name, Name::Dns(name) if name.strip_prefix("*.") == Some(base.as_str())),
            ),
        }
    }

    fn text(&self) -> String {
        let shown = self.0.iter().take(5).map(|name| match name {
            Name::Dns(name) => name.clone(),
            Name::Ip(ip) => ip.to_string(),
        });
        let shown: Vec<String> = shown.collect();
        match (shown.is_empty(), self.0.len() > shown.len()) {
            (true, _) => "no name at all".to_owned(),
            (false, false) => shown.join(", "),
            (false, true) => format!("{} and {} more", shown.join(", "), self.0.len() - shown.len()),
        }
    }
}

/// Whether `issuer` signed `issued`: by name, and by signature where the algorithm is one known here.
pub(crate) fn is_issued_by(issued: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let (Ok((_, issued)), Ok((_, issuer))) =
        (x509_parser::parse_x509_certificate(issued), x509_parser::parse_x509_certificate(issuer))
    else {
        return false;
    };
    let signature = issued.verify_signature(Some(issuer.public_key()));
    issued.issuer() == issuer.subject()
        && matches!(signature, Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm))
}

/// What names a certificate to its authority (RFC 9773 §4.1): the key identifier of who issued it
/// (RFC 5280 §4.2.1.1) and the bytes of its serial number.
pub(crate) fn authority_and_serial(der: &CertificateDer<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let authority = certificate.extensions().iter().find_map(|one| match one.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref(),
        _ => None,
    })?;
    Some((authority.0.to_vec(), certificate.raw_serial().to_vec()))
}

fn names(certificate: &X509Certificate<'_>) -> Vec<Name> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let general = extension.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    general.iter().filter_map(name).collect()
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(name) => Some(Name::Dns(name.to_ascii_lowercase())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(Name::Ip)
        }
        _ => None,
    }
}
