//! TLS towards the visitors of sites that demand more than the usual.

use crate::error::CertificateError;
use crate::files;
use crate::resolver::Resolver;
use crate::tls::{TlsError, config};
use crate::towards_origins::certificates;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use std::path::PathBuf;
use std::sync::Arc;
use vocabulary::Clock;

/// What a site demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    /// Whether TLS 1.2 is too old.
    pub tls13_alone: bool,
    /// Whether visitors are asked for certificates; none: they are not.
    pub clients: Option<Clients>,
}

/// Certificates of visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// Who is believed.
    pub authorities: Authorities,
    /// Whether who shows none is turned away.
    pub required: bool,
}

/// Who must have signed visitors' certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// Those in a PEM file.
    File(PathBuf),
    /// Those in a PEM text.
    Pem(String),
}

/// What a site demands cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemandError {
    /// The authorities cannot be read.
    #[error(transparent)]
    File(#[from] CertificateError),
    /// The text holds none.
    #[error("the authorities' certificates cannot be read; paste whole BEGIN CERTIFICATE blocks")]
    Text,
    /// One of the authorities cannot be used.
    #[error("{place} holds a certificate that cannot be an authority: {source}")]
    Authority {
        /// The file, or what stands for the text.
        place: String,
        /// What the library says.
        source: rustls::Error,
    },
    /// The library refuses.
    #[error("certificates of visitors cannot be verified: {0}")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
    /// TLS cannot be set up at all.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The settings for visitors of a site that demands this: those of [`server_config`](crate::server_config) otherwise.
///
/// Who may be asked for a certificate shows it in every handshake. A ticket would let in whom the authorities of an
/// earlier day had signed, so there are none.
pub fn demanding_config(
    resolver: Arc<Resolver>,
    clock: Arc<dyn Clock>,
    demands: &Demands,
) -> Result<ServerConfig, DemandError> {
    let versions: &[_] =
        if demands.tls13_alone { &[&version::TLS13] } else { &[&version::TLS13, &version::TLS12] };
    let Some(clients) = &demands.clients else {
        let mut config = config(resolver, clock, versions, WebPkiClientVerifier::no_client_auth())?;
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError)?;
        return Ok(config);
    };
    let mut config = config(resolver, clock, versions, verifier(clients)?)?;
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Whether these authorities can be used.
pub fn check_authorities(authorities: Authorities) -> Result<(), DemandError> {
    verifier(&Clients { authorities, required: true }).map(drop)
}

fn verifier(clients: &Clients) -> Result<Arc<dyn ClientCertVerifier>, DemandError> {
    let (found, place) = match &clients.authorities {
        Authorities::File(path) => (certificates(path)?, path.display().to_string()),
        Authorities::Pem(text) => {
            let found = files::certificates(text.as_bytes()).ok_or(DemandError::Text)?;
            (found, "the text of authorities".to_owned())
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in found {
        let refused = |source| DemandError::Authority { place: place.clone(), source };
        roots.add(certificate).map_err(refused)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(DemandError::Verifier)
}
