//! One visitor's connection, from accept to close: plain or TLS, HTTP/1, HTTP/2 or HTTP/3.

use crate::authority::Scheme;
use crate::doorway::Handshaken;
use crate::exchange;
use crate::figures::add;
use crate::fingerprints::Fingerprints;
use crate::hello;
use crate::http1::connection::{self, Service};
use crate::ports::{Answer, Content};
use crate::presence::Presence;
use crate::reasons::Reason;
use crate::request::Request;
use crate::stages::close;
use crate::stages::identify::is_trusted;
use crate::tier::{self, TIER};
use crate::turnstile::Turnstile;
use crate::worker::Worker;
use certificates::Resolver;
use http::HeaderName;
use http::header::FORWARDED;
use rustls::ServerConfig;
use shield::budgets::{Breach, Prefix};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vocabulary::Clock;

/// From the first byte of a handshake to its last.
pub(crate) const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);
/// Handshakes of one worker at a time; those beyond wait their turn within their own time, networks in turns.
pub(crate) const HANDSHAKES_MAX: usize = 256;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The TLS record of a fatal alert `unrecognized_name` (RFC 8446 §6, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// What TLS listeners share.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// For certificate authorities that look for a proof of control.
    pub(crate) proofs: Arc<ServerConfig>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) handshakes: Arc<Turnstile>,
}

/// Hands a visitor's requests to the exchange.
pub(crate) struct Visitor {
    pub(crate) worker: Arc<Worker>,
    pub(crate) peer: IpAddr,
    /// Whether the peer is a trusted proxy that does not say whose connection it passes on: what stands in its requests
    /// about their visitor is then anybody's word.
    pub(crate) is_unnamed: bool,
    presence: Presence,
    /// What its handshake came to; none where there was none.
    handshaken: Option<Handshaken>,
    /// What it gives away of its program; none before that, and over plain text.
    fingerprints: Option<Arc<Fingerprints>>,
    /// Where the visitor may go on by HTTP/3.
    pub(crate) http3_port: Option<u16>,
}

impl Service for Visitor {
    async fn serve<C: Content, A: Answer>(&self, request: &Request, content: &mut C, answer: &mut A) {
        let plain = self.is_unnamed.then(|| without_word(request));
        let request = plain.as_ref().unwrap_or(request);
        match tier::adopt(&self.worker.shared, self.peer, request) {
            // RFC 9110 §7.4. A child edge vouches for its visitors itself.
            None if self.is_misdirected(request) => {
                let misdirected = Reason::Misdirected;
                close::refuse(&self.worker, self.peer, misdirected, Some(request), answer).await;
            }
            None => match self.certified(request) {
                None => exchange::exchange(&self.worker, self.peer, request, content, answer).await,
                Some(request) => {
                    Box::pin(exchange::exchange(&self.worker, self.peer, &request, content, answer)).await;
                }
            },
            Some(request) => {
                Box::pin(exchange::exchange(&self.worker, self.peer, &request, content, answer)).await;
            }
        }
    }

    fn http3_port(&self) -> Option<u16> {
        self.http3_port
    }

    fn is_forwarder(&self) -> bool {
        is_trusted(self.peer, &self.worker.shared.forwarders)
    }

    /// A trusted proxy's connection says nothing of the visitors it speaks for.
    fn fingerprints(&self) -> Option<&Arc<Fingerprints>> {
        self.fingerprints.as_ref().filter(|_| !self.is_forwarder())
    }

    fn breached(&self, breach: Breach) {
        add(&self.worker.counters.connections_breached, 1);
        let shared = &self.worker.shared;
        shared.guard.note_breach(self.peer, breach, shared.clock.now());
    }

    async fn refuse<A: Answer>(&self, reason: Reason, answer: &mut A) {
        close::refuse(&self.worker, self.peer, reason, None, answer).await;
    }

    fn presence(&self) -> Option<&Presence> {
        Some(&self.presence)
    }

    fn winding_down(&self) -> &AtomicBool {
        &self.worker.winding_down
    }
}

impl Visitor {
    pub(crate) fn new(worker: Arc<Worker>, peer: SocketAddr) -> Self {
        add(&worker.counters.connections_opened, 1);
        let peer = peer.ip().to_canonical();
        let speaks_for_many = is_trusted(peer, &worker.shared.forwarders);
        let presence = worker.visitors.enter((!speaks_for_many).then(|| Prefix::of(peer)));
        Self {
            worker,
            presence,
            peer,
            is_unnamed: false,
            handshaken: None,
            fingerprints: None,
            http3_port: None,
        }
    }

    /// What it does before it has asked for anything; none once it is to make room for others.
    pub(crate) async fn unless_left<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        self.presence.unless_left(doing).await
    }

    /// Notes what the handshake came to, and the fingerprint of the hello.
    pub(crate) fn has_shaken(&mut self, handshaken: Handshaken, fingerprint: Option<String>) {
        self.handshaken = Some(handshaken);
        self.fingerprints = Some(Arc::new(Fingerprints::of(fingerprint)));
    }

    /// Serves a plain connection.
    pub(crate) async fn serve_plain(self, stream: TcpStream) {
        connection::serve(stream, Scheme::Http, &self, &self.worker.scratch).await;
    }

    /// Whether the request is for a host that the certificate of its connection does not name, so that the visitor has
    /// no proof that it speaks to that host; or for one whose site demands of TLS what the handshake did not meet.
    fn is_misdirected(&self, request: &Request) -> bool {
        let Some(handshaken) = &self.handshaken else { return false };
        let (serving, host) = (self.worker.shared.serving.load(), request.authority.host());
        !handshaken.suits(host, serving.doorway(host).map(|doorway| &**doorway))
    }

    /// The request with the visitor's certificate, where it has shown one.
    fn certified(&self, request: &Request) -> Option<Request> {
        let certificate = self.handshaken.as_ref()?.certificate()?.clone();
        Some(Request { client_certificate: Some(certificate), ..request.clone() })
    }

    /// Shakes hands, then serves what the visitor chose to speak.
    pub(crate) async fn serve_tls(mut self, stream: TcpStream, tls: &Tls, stopping: CancellationToken) {
        let shaking = Box::pin(handshake(stream, self.peer, tls, &self.worker));
        let Some((stream, handshaken, fingerprint)) = self.unless_left(shaking).await.flatten() else {
            add(&self.worker.counters.handshakes_failed, 1);
            return;
        };
        self.has_shaken(handshaken, fingerprint);
        let speaks_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        if speaks_h2 {
            Box::pin(crate::http2::serve(stream, &self, stopping.cancelled())).await;
        } else {
            connection::serve(stream, Scheme::Https, &self, &self.worker.scratch).await;
        }
    }
}

/// A request without anything that it says of whom it was passed on for.
fn without_word(request: &Request) -> Request {
    let mut plain = request.clone();
    for name in [FORWARDED, FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, TIER] {
        plain.fields.remove(name);
    }
    plain
}

impl Drop for Visitor {
    fn drop(&mut self) {
        add(&self.worker.counters.connections_closed, 1);
    }
}

/// A connection over TLS, and what its handshake came to. (A table replaced in the midst of a handshake may answer with
/// the next certificate of the same name.)
async fn handshake(
    stream: TcpStream,
    peer: IpAddr,
    tls: &Tls,
    worker: &Worker,
) -> Option<(Box<TlsStream<TcpStream>>, Handshaken, Option<String>)> {
    let shaking = async {
        // Until the whole hello is there it costs next to nothing: who stops in the midst of it keeps no other waiting.
        let (mut started, fingerprint) = hello::read(stream).await?;
        let _turn = tls.handshakes.turn(peer).await?;
        if certificates::asks_for_proof(&started.client_hello()) {
            // An authority looks at the certificate it is shown, or at the alert, and leaves.
            let _ = started.into_stream(Arc::clone(&tls.proofs)).await;
            return None;
        }
        let Some(names) = tls.resolver.names(started.client_hello().server_name()) else {
            // Whether the alert arrives or not, the connection ends here.
            let _ = started.io.write_all(&UNRECOGNIZED_NAME).await;
            return None;
        };
        let serving = worker.shared.serving.load_full();
        let doorway = serving.doorway_of_name(started.client_hello().server_name());
        let config = match doorway {
            Some(doorway) => doorway.tcp(tls)?,
            None => Arc::clone(&tls.config),
        };
        let stream = started.into_stream(config).await.ok()?;
        let session = stream.get_ref().1;
        let shown = session.peer_certificates().and_then(<[_]>::first);
        let version = session.protocol_version();
        let handshaken = Handshaken::new(names, version, doorway.map(|doorway| &**doorway), shown)?;
        Some((Box::new(stream), handshaken, fingerprint))
    };
    timeout(HANDSHAKE_TIME_MAX, shaking).await.ok().flatten()
}
