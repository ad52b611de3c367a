//! TLS over QUIC by the name that a visitor asks for: the settings of its site, and the alert where there is no
//! certificate (RFC 6066 §3).
//!
//! Over TCP the hello is looked at before a session begins. Here a session begins before anything is read; so the one
//! given to the library keeps the hello until it is whole, and only then begins the one that answers it. (rustls says
//! `access_denied` where no certificate was found, which tells nothing: that is changed on the way.)

use crate::doorway::Doorway;
use crate::visitor::Tls;
use crate::worker::Shared;
use quinn::crypto::rustls::{HandshakeData, QuicServerConfig};
use quinn::crypto::{
    ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session, UnsupportedVersion,
};
use quinn::{ConnectionId, Side, TransportErrorCode};
use quinn_proto::TransportError;
use quinn_proto::transport_parameters::TransportParameters;
use rustls::server::Acceptor;
use shield::fingerprint::{Carrier, of_hello};
use std::any::Any;
use std::sync::Arc;

/// Alerts (RFC 8446 §6).
const ACCESS_DENIED: u8 = 49;
const UNRECOGNIZED_NAME: u8 = 112;
const INTERNAL_ERROR: u8 = 80;
/// The longest hello, in bytes.
pub(crate) const HELLO_BYTES_MAX: usize = 16 * 1024;
/// The head of a handshake message: its kind and its length (RFC 8446 §4).
const MESSAGE_HEAD_BYTES: usize = 4;
/// The head of a record that holds such a message, without its length (RFC 8446 §5.1).
const RECORD_HEAD: [u8; 3] = [22, 3, 1];

/// The settings of TLS over QUIC.
pub(super) struct NamingConfig {
    /// For sites that demand nothing else.
    pub(super) usual: Arc<QuicServerConfig>,
    pub(super) tls: Arc<Tls>,
    pub(super) shared: Arc<Shared>,
}

impl ServerConfig for NamingConfig {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.usual.initial_keys(version, dst_cid)
    }

    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.usual.retry_tag(version, orig_dst_cid, packet)
    }

    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        let usual = Arc::clone(&self.usual).start_session(version, params);
        let waiting = Waiting { config: self, version, params: *params, hello: Vec::new() };
        Box::new(NamingSession { session: usual, waiting: Some(waiting), doorway: None, fingerprint: None })
    }
}

/// A session that has not read its hello.
struct Waiting {
    config: Arc<NamingConfig>,
    version: u32,
    params: TransportParameters,
    hello: Vec<u8>,
}

/// What a visitor's handshake is answered by.
struct NamingSession {
    /// The usual one, until the hello says otherwise.
    session: Box<dyn Session>,
    waiting: Option<Waiting>,
    doorway: Option<Arc<Doorway>>,
    fingerprint: Option<String>,
}

/// What a handshake was about.
pub(super) struct Asked {
    /// The name that the visitor asked for; none where it sent none.
    pub(super) name: Option<String>,
    /// What the site of that name demanded then.
    pub(super) doorway: Option<Arc<Doorway>>,
    /// The hello's.
    pub(super) fingerprint: Option<String>,
}

impl Waiting {
    /// Whether all of the hello is here.
    fn is_whole(&self) -> bool {
        match self.hello[..] {
            [_, a, b, c, ..] => {
                self.hello.len() >= MESSAGE_HEAD_BYTES + u32::from_be_bytes([0, a, b, c]) as usize
            }
            _ => false,
        }
    }

    /// What the site demands that the hello asks for. Nothing where it cannot be read: whoever answers it will say so.
    fn doorway(&self) -> Option<Arc<Doorway>> {
        let serving = self.config.shared.serving.load();
        if serving.doorways.is_empty() {
            return None;
        }
        let mut acceptor = Acceptor::default();
        let length = u16::try_from(self.hello.len()).ok()?.to_be_bytes();
        let record = [&RECORD_HEAD[..], &length, &self.hello].concat();
        acceptor.read_tls(&mut &record[..]).ok()?;
        let accepted = acceptor.accept().ok()??;
        serving.doorway_of_name(accepted.client_hello().server_name()).cloned()
    }
}

impl NamingSession {
    /// Takes a part of the hello; true once a session has begun that has read it.
    fn greet(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        let Some(waiting) = &mut self.waiting else { return self.session.read_handshake(bytes) };
        if waiting.hello.len() + bytes.len() > HELLO_BYTES_MAX {
            return Err(refusal(INTERNAL_ERROR, "the hello is too long"));
        }
        waiting.hello.extend_from_slice(bytes);
        if !waiting.is_whole() {
            return Ok(false);
        }
        self.doorway = waiting.doorway();
        if let Some(doorway) = &self.doorway {
            let settings = doorway.quic(&waiting.config.tls);
            let settings = settings.ok_or_else(|| refusal(INTERNAL_ERROR, "the site cannot be served"))?;
            self.session = settings.start_session(waiting.version, &waiting.params);
        }
        let hello = std::mem::take(&mut waiting.hello);
        self.fingerprint = of_hello(&hello, Carrier::Quic);
        self.waiting = None;
        self.session.read_handshake(&hello)
    }
}

fn refusal(alert: u8, reason: &str) -> TransportError {
    TransportError { code: TransportErrorCode::crypto(alert), frame: None, reason: reason.to_owned() }
}

impl Session for NamingSession {
    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        self.greet(buf).map_err(|mut error| {
            // rustls gives this alert where no certificate was found, and for no fault in a visitor's own.
            if error.code == TransportErrorCode::crypto(ACCESS_DENIED) {
                error.code = TransportErrorCode::crypto(UNRECOGNIZED_NAME);
            }
            error
        })
    }

    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.session.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        let data = self.session.handshake_data()?.downcast::<HandshakeData>().ok()?;
        Some(Box::new(Asked {
            name: data.server_name,
            doorway: self.doorway.clone(),
            fingerprint: self.fingerprint.clone(),
        }))
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.session.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.session.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.session.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.session.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        self.session.write_handshake(buf)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.session.next_1rtt_keys()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.session.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session.export_keying_material(output, label, context)
    }
}

/// What a connection's handshake was about.
pub(super) fn asked(connection: &quinn::Connection) -> Option<Box<Asked>> {
    connection.handshake_data()?.downcast::<Asked>().ok()
}
