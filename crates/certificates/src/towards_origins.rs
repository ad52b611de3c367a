//! TLS towards origins: whom the edge trusts there, and how it shows who it is.

use crate::error::CertificateError;
use crate::files::{self, SecretKey};
use crate::tls::WallTime;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{self, sign::any_supported_type};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError as Refused, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vocabulary::{Clock, Digest};

/// Where systems keep the certificates of public authorities.
const ROOT_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Which certificates of an origin are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginTrust {
    /// Those that the system's authorities have signed for the name.
    System,
    /// Those that the authorities in this PEM file have signed for the name.
    Authorities(PathBuf),
    /// Exactly these, by the SHA-256 of their DER form, whatever name, date and signature they have.
    Pinned(Vec<Digest>),
    /// Any: somebody on the way may read and change everything.
    Unverified,
}

/// TLS towards an origin cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OriginTlsError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] CertificateError),
    /// The system has no list of public authorities.
    #[error("the system has no list of trusted authorities; install ca-certificates")]
    NoRoots,
    /// Chain and key are of different certificates.
    #[error("{key} is not the key of the certificate in {chain}", key = key.display(), chain = chain.display())]
    KeyMismatch {
        /// The certificate's file.
        chain: PathBuf,
        /// The key's.
        key: PathBuf,
    },
    /// The library refuses.
    #[error("TLS towards origins cannot be set up: {0}")]
    Tls(#[source] Error),
}

/// The settings for connections to an origin: TLS 1.3 and 1.2, the certificate verified as `trust` says.
/// `client` are chain and key (PEM files) that the edge shows where it is asked to.
pub fn client_config(
    trust: &OriginTrust,
    client: Option<(&Path, &Path)>,
    clock: Arc<dyn Clock>,
) -> Result<ClientConfig, OriginTlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(WallTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(OriginTlsError::Tls)?;
    let builder = match trust {
        OriginTrust::System => builder.with_root_certificates(system_roots()?),
        OriginTrust::Authorities(path) => builder.with_root_certificates(roots_in(path)?),
        OriginTrust::Pinned(pins) => {
            let known = Known { pins: Some(pins.clone()), provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(known))
        }
        OriginTrust::Unverified => {
            let known = Known { pins: None, provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(known))
        }
    };
    Ok(match client {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown(chain, key)?)))
        }
    })
}

fn system_roots() -> Result<RootCertStore, OriginTlsError> {
    let mut roots = RootCertStore::empty();
    for file in ROOT_FILES {
        let Ok(certificates) = CertificateDer::pem_file_iter(file) else { continue };
        // Systems hold a few that no library takes; the others count.
        roots.add_parsable_certificates(certificates.flatten());
        break;
    }
    if roots.is_empty() { Err(OriginTlsError::NoRoots) } else { Ok(roots) }
}

fn roots_in(path: &Path) -> Result<RootCertStore, OriginTlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(OriginTlsError::Tls)?;
    }
    Ok(roots)
}

fn shown(chain: &Path, key: &Path) -> Result<CertifiedKey, OriginTlsError> {
    let certificates = certificates(chain)?;
    let pem = files::read(key)?;
    let secret = SecretKey::from_pem(&pem).ok_or_else(|| CertificateError::NoKey { path: key.to_owned() })?;
    let signing = any_supported_type(&secret.as_der())
        .map_err(|_| CertificateError::UnusableKey { path: key.to_owned() })?;
    let shown = CertifiedKey::new(certificates, signing);
    shown
        .keys_match()
        .map_err(|_| OriginTlsError::KeyMismatch { chain: chain.to_owned(), key: key.to_owned() })?;
    Ok(shown)
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let pem = files::read(path)?;
    files::certificates(&pem).ok_or_else(|| CertificateError::NoCertificate { path: path.to_owned() })
}

/// Takes certificates that it knows, or any. Whoever shows one must hold its key in any case.
#[derive(Debug)]
struct Known {
    /// None: any.
    pins: Option<Vec<Digest>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Digest::of(certificate);
        match &self.pins {
            Some(pins) if !pins.contains(&shown) => {
                Err(Error::InvalidCertificate(Refused::ApplicationVerificationFailure))
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn where_certificates_are_pinned_no_other_is_believed() {
        let shown = [1, 2].map(|byte| CertificateDer::from(vec![byte; 40]));
        let name = ServerName::try_from("a.test").expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::ZERO);
        for (pins, believed) in [
            (Some(vec![Digest::of(&shown[0])]), [true, false]),
            (Some(shown.iter().map(|one| Digest::of(one)).collect()), [true, true]),
            (None, [true, true]),
        ] {
            let known = Known { pins, provider: Arc::new(aws_lc_rs::default_provider()) };
            let verdicts = shown.each_ref().map(|one| known.verify_server_cert(one, &[], &name, &[], now));
            assert_eq!(verdicts.map(|verdict| verdict.is_ok()), believed);
        }
    }
}
