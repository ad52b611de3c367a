//! TLS settings of the edge.

use crate::resolver::{ACME_TLS, Resolver};
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Clock;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsError(#[source] pub(crate) rustls::Error);

/// The settings for visitors' connections: TLS 1.3 and 1.2, X25519MLKEM768 before the classical groups,
/// ALPN `h2` then `http/1.1`, tickets whose keys rotate each six hours, no early data (it can be
/// replayed, RFC 8446 §8), no session kept in memory.
pub fn server_config(resolver: Arc<Resolver>, clock: Arc<dyn Clock>) -> Result<ServerConfig, TlsError> {
    let mut config =
        config(resolver, clock, &[&version::TLS13, &version::TLS12], WebPkiClientVerifier::no_client_auth())?;
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError)?;
    Ok(config)
}

/// The same for these versions and these visitors, without tickets.
pub(crate) fn config(
    resolver: Arc<Resolver>,
    clock: Arc<dyn Clock>,
    versions: &[&'static SupportedProtocolVersion],
    verifier: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups =
        vec![kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
    let builder = ServerConfig::builder_with_details(Arc::new(provider), Arc::new(WallTime(clock)))
        .with_protocol_versions(versions)
        .map_err(TlsError)?;
    let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// The settings for authorities that ask for proof of control by a handshake (RFC 8737), after which the
/// connection ends.
pub fn proof_config(resolver: Arc<Resolver>, clock: Arc<dyn Clock>) -> Result<ServerConfig, TlsError> {
    let mut config = server_config(resolver, clock)?;
    config.alpn_protocols = vec![ACME_TLS.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Our clock as rustls asks for it.
pub(crate) struct WallTime(pub(crate) Arc<dyn Clock>);

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().as_millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

impl fmt::Debug for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallTime")
    }
}
