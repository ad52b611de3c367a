//! What a site demands of its visitors' TLS, and what one connection has met of that.
//!
//! A connection is made for one name and may carry requests for others. So what its handshake came to is held against
//! the demands of each request's own site, as they are now: a visitor that has met other demands is sent to make another
//! connection (RFC 9110 §7.4).

use crate::visitor::Tls;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certificates::{Authorities, Clients, DemandError, Demands, Names, demanding_config};
use http::HeaderValue;
use quinn::crypto::rustls::QuicServerConfig;
use rustls::ProtocolVersion;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use snapshot::{ClientCertificates, Site, TlsMin};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::SiteId;

/// How soon what could not be made is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// The largest certificate of a visitor, in its DER form: origins take heads of 8 KiB and more.
pub(crate) const CLIENT_CERTIFICATE_BYTES_MAX: usize = 4096;

/// The sites that demand more than the usual; in most places none.
pub(crate) type DoorwayTable = HashMap<SiteId, Arc<Doorway>>;

/// What one site demands.
pub(crate) struct Doorway {
    min: TlsMin,
    clients: Option<ClientCertificates>,
    /// Made with the first handshake.
    settings: OnceLock<Settings>,
    /// When they could not be made last.
    failed_at: Mutex<Option<Instant>>,
}

/// TLS as the site demands it.
#[derive(Clone)]
struct Settings {
    tcp: Arc<ServerConfig>,
    quic: Arc<QuicServerConfig>,
}

impl Doorway {
    /// The demands of a site, if it has any. What was set up before for the same is kept.
    pub(crate) fn of(site: &Site, before: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let (min, clients) = (site.front.tls_min, site.front.client_certificates.clone());
        if min.is_default() && clients.is_none() {
            return None;
        }
        let same = before.filter(|before| before.min == min && before.clients == clients);
        Some(same.cloned().unwrap_or_else(|| Arc::new(Self::new(min, clients))))
    }

    /// The settings of a handshake over TCP. None: they cannot be made, and nobody is let in.
    pub(crate) fn tcp(&self, tls: &Tls) -> Option<Arc<ServerConfig>> {
        self.settings(tls).map(|settings| settings.tcp)
    }

    /// The same over QUIC.
    pub(crate) fn quic(&self, tls: &Tls) -> Option<Arc<QuicServerConfig>> {
        self.settings(tls).map(|settings| settings.quic)
    }

    fn new(min: TlsMin, clients: Option<ClientCertificates>) -> Self {
        Self { min, clients, settings: OnceLock::new(), failed_at: Mutex::default() }
    }

    /// What could not be made, for want of a file or of descriptors, is tried again after a pause.
    fn settings(&self, tls: &Tls) -> Option<Settings> {
        if let Some(settings) = self.settings.get() {
            return Some(settings.clone());
        }
        let mut failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        if failed_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
            return None;
        }
        match self.make(tls) {
            Ok(settings) => Some(self.settings.get_or_init(|| settings).clone()),
            Err(error) => {
                tracing::error!(error, "a site's visitors are turned away");
                *failed_at = Some(Instant::now());
                None
            }
        }
    }

    fn make(&self, tls: &Tls) -> Result<Settings, String> {
        let clients = self.clients.as_ref().map(|clients| Clients {
            authorities: match &clients.authorities {
                snapshot::Authorities::File(path) => Authorities::File(path.clone()),
                snapshot::Authorities::Pem(pem) => Authorities::Pem(pem.as_str().to_owned()),
            },
            required: clients.required,
        });
        let demands = Demands { tls13_alone: self.min == TlsMin::Tls13, clients };
        let made = demanding_config(Arc::clone(&tls.resolver), Arc::clone(&tls.clock), &demands);
        let tcp = made.map_err(|error: DemandError| error.to_string())?;
        let quic = crate::http3::settings(&tcp).map_err(|error| error.to_string())?;
        Ok(Settings { tcp: Arc::new(tcp), quic: Arc::new(quic) })
    }
}

/// What a handshake came to.
pub(crate) struct Handshaken {
    /// What the certificate is good for that the visitor was shown.
    names: Arc<Names>,
    version: TlsMin,
    /// Whose certificates were asked for.
    clients: Option<ClientCertificates>,
    /// The visitor's, verified, as RFC 9440 §2.2 writes it.
    certificate: Option<HeaderValue>,
}

impl Handshaken {
    /// None: the visitor's certificate is too large to be told to anybody.
    pub(crate) fn new(
        names: Arc<Names>,
        version: Option<ProtocolVersion>,
        doorway: Option<&Doorway>,
        shown: Option<&CertificateDer<'_>>,
    ) -> Option<Self> {
        let version = if version == Some(ProtocolVersion::TLSv1_3) { TlsMin::Tls13 } else { TlsMin::Tls12 };
        let clients = doorway.and_then(|doorway| doorway.clients.clone());
        // Who was not asked was not verified.
        let certificate = match shown.filter(|_| clients.is_some()) {
            Some(shown) => Some(field(shown)?),
            None => None,
        };
        Some(Self { names, version, clients, certificate })
    }

    /// Whether a connection made so may carry requests for a host whose site demands this.
    pub(crate) fn suits(&self, host: &vocabulary::Hostname, doorway: Option<&Doorway>) -> bool {
        let (min, clients) = match doorway {
            Some(doorway) => (doorway.min, doorway.clients.as_ref()),
            None => (TlsMin::default(), None),
        };
        self.names.cover(host) && self.version >= min && self.clients.as_ref() == clients
    }

    /// The visitor's certificate as origins hear of it.
    pub(crate) fn certificate(&self) -> Option<&HeaderValue> {
        self.certificate.as_ref()
    }
}

fn field(certificate: &CertificateDer<'_>) -> Option<HeaderValue> {
    let fits = certificate.len() <= CLIENT_CERTIFICATE_BYTES_MAX;
    let text = fits.then(|| format!(":{}:", STANDARD.encode(certificate)))?;
    HeaderValue::try_from(text).ok()
}
