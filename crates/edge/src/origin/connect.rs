//! Making connections to origins: name, address, TCP, TLS.

use super::stream::OriginStream;
use crate::reasons::Reason;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use snapshot::{Origin, Scheme};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Where systems keep the certificates of public authorities.
const ROOT_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Makes connections; shared by a process, so that trusted certificates are read once.
#[derive(Default)]
pub(crate) struct Connector {
    tls: OnceLock<Option<Arc<ClientConfig>>>,
}

impl Connector {
    /// A connection to an origin that can carry requests, within `patience`.
    pub(crate) async fn connect(&self, origin: &Origin, patience: Duration) -> Result<OriginStream, Reason> {
        timeout(patience, self.connect_patiently(origin)).await.unwrap_or(Err(Reason::OriginConnectSlow))
    }

    async fn connect_patiently(&self, origin: &Origin) -> Result<OriginStream, Reason> {
        let mut failure = Reason::OriginName;
        for address in addresses(origin).await?.into_iter().take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Small writes must not wait for each other; a socket without the option still works.
                    let _ = stream.set_nodelay(true);
                    return self.secure(origin, stream).await;
                }
                Err(_) => failure = Reason::OriginUnreachable,
            }
        }
        Err(failure)
    }

    async fn secure(&self, origin: &Origin, stream: TcpStream) -> Result<OriginStream, Reason> {
        if origin.scheme == Scheme::Http {
            return Ok(OriginStream::Plain(stream));
        }
        let config = self.tls.get_or_init(client_config).clone().ok_or(Reason::OriginTls)?;
        let name = match origin.host.ip() {
            Some(ip) => ServerName::IpAddress(ip.into()),
            None => ServerName::try_from(origin.host.as_str().to_owned()).map_err(|_| Reason::OriginTls)?,
        };
        let secured = TlsConnector::from(config).connect(name, stream).await;
        secured.map(|stream| OriginStream::Tls(Box::new(stream))).map_err(|_| Reason::OriginTls)
    }
}

async fn addresses(origin: &Origin) -> Result<Vec<SocketAddr>, Reason> {
    if let Some(ip) = origin.host.ip() {
        return Ok(vec![SocketAddr::new(ip, origin.port)]);
    }
    let name = (origin.host.as_str(), origin.port);
    let found = tokio::net::lookup_host(name).await.map_err(|_| Reason::OriginName)?;
    let mut found: Vec<_> = found.collect();
    // IPv4 first: a machine without IPv6 would wait for each of the others.
    found.sort_by_key(|address| matches!(address.ip(), IpAddr::V6(_)));
    Ok(found)
}

/// Trusts what the system trusts. None when the system has no certificates or TLS cannot be set up.
fn client_config() -> Option<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for file in ROOT_FILES {
        let Ok(certificates) = CertificateDer::pem_file_iter(file) else { continue };
        roots.add_parsable_certificates(certificates.flatten());
        break;
    }
    if roots.is_empty() {
        tracing::error!("no trusted certificates found; install ca-certificates to reach https origins");
        return None;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Arc::new(config))
}
