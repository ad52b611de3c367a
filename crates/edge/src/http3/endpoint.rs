//! Endpoints: sockets, the bounds of QUIC, and who is let in.
//!
//! All run on one thread with a runtime of its own, beside the workers: a flood of handshakes or of spoofed first
//! packets then competes with visitors over TCP for the processor, as the system shares it out, and not for their turn
//! on a worker. One endpoint per address does for now; a connection's id says whose it is, so that more can follow.

use super::codes::Code;
use super::connection;
use super::connection_ids::{ConnectionIds, Owner};
use super::control::UNI_STREAMS_MAX;
use super::listen::{Before, Socket};
use super::names::{self, NamingConfig};
use super::rate::Initials;
use super::socket::{Elsewhere, SortingSocket, Source};
use crate::doorway::Handshaken;
use crate::figures::add;
use crate::http1::connection::IDLE_TIME_MAX;
use crate::options::StartError;
use crate::presence::BATCH;
use crate::streams::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, STREAMS_MAX};
use crate::turnstile::Turnstile;
use crate::visitor::{HANDSHAKE_TIME_MAX, HANDSHAKES_MAX, Tls, Visitor};
use crate::worker::{Shared, Worker};
use futures_util::FutureExt as _;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, Incoming, Runtime, ServerConfig, TokioRuntime, TransportConfig,
    VarInt,
};
use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use shield::budgets::{Prefix, PrefixCounts, Scarcity};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vocabulary::Random;

/// Connections of one process; those beyond are refused.
pub(crate) const CONNECTIONS_MAX: usize = 16_384;
/// First packets that wait to be looked at.
pub(crate) const INCOMING_MAX: usize = 1024;
/// What is kept of what comes behind each of them, and behind all, in bytes.
pub(crate) const INCOMING_BYTES_MAX: u64 = 16 * 1024;
pub(crate) const INCOMING_BYTES_TOTAL_MAX: u64 = 4 << 20;
/// How often a silent visitor is asked for a sign of life.
const ALIVE_EVERY: Duration = Duration::from_secs(30);
/// What a visitor has been sent and has not acknowledged, all streams together, in bytes.
pub(crate) const UNACKNOWLEDGED_BYTES_MAX: u64 = 1024 * 1024;

/// What all endpoints of a process share.
pub(crate) struct Quic {
    pub(crate) worker: Arc<Worker>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) stopping: CancellationToken,
    /// How long visitors may go on once it stops.
    pub(crate) drain: Duration,
    pub(crate) owner: Owner,
    /// Connections at a time.
    pub(crate) limit: usize,
    /// Held while visitors are served.
    pub(crate) _at_work: mpsc::Sender<Infallible>,
}

impl Quic {
    /// Serves until the process stops.
    pub(crate) async fn run(self, sockets: Vec<Socket>) {
        let (endpoints, connections) = (TaskTracker::new(), TaskTracker::new());
        let handshakes = Arc::new(Turnstile::new(HANDSHAKES_MAX));
        let networks = Arc::new(Mutex::new(PrefixCounts::new(&*self.random)));
        let this = Arc::new(self);
        for Socket { socket, source, before } in sockets {
            let door = Door {
                worker: Arc::clone(&this.worker),
                tls: Arc::clone(&this.tls),
                stopping: this.stopping.clone(),
                connections: connections.clone(),
                handshakes: Arc::clone(&handshakes),
                networks: Arc::clone(&networks),
                limit: this.limit,
                source,
            };
            let this = Arc::clone(&this);
            endpoints.spawn(async move {
                if let Some(Before { has_made_way, .. }) = &before
                    && this.stopping.run_until_cancelled(has_made_way.cancelled()).await.is_none()
                {
                    return;
                }
                let source = Arc::clone(&door.source);
                let elder = before.map(|before| Arc::new(before.passage) as Arc<dyn Elsewhere>);
                match this.endpoint(socket, source, elder.clone()) {
                    Ok(endpoint) => door.stand(endpoint, elder).await,
                    Err(error) => tracing::error!(%error, "HTTP/3 is not served on one of its addresses"),
                }
            });
        }
        endpoints.close();
        let this = &*this;
        this.worker.tidy_until(this.stopping.cancelled()).await;
        connections.close();
        this.worker.fills.close();
        let all = async { tokio::join!(connections.wait(), endpoints.wait(), this.worker.fills.wait()) };
        if timeout(this.drain, all).await.is_err() {
            // They are dropped with the runtime.
            let counters = &this.worker.counters;
            add(&counters.connections_cut, connections.len() as u64);
            add(&counters.tunnels_cut, counters.open_tunnels());
        }
    }

    fn endpoint(
        &self,
        socket: UdpSocket,
        source: Arc<Source>,
        elsewhere: Option<Arc<dyn Elsewhere>>,
    ) -> io::Result<Endpoint> {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
        let inner = runtime.wrap_udp_socket(socket)?;
        let generation = self.owner.generation;
        let socket = Arc::new(SortingSocket { inner, source, generation, elsewhere });
        let (owner, random) = (self.owner, Arc::clone(&self.random));
        let mut config = EndpointConfig::default();
        config.cid_generator(move || Box::new(ConnectionIds { owner, random: Arc::clone(&random) }));
        let shared = Arc::clone(&self.worker.shared);
        let server = server_config(&self.tls, shared).map_err(io::Error::other)?;
        Endpoint::new_with_abstract_socket(config, Some(server), socket, runtime)
    }
}

/// Whether endpoints can be made of these settings.
pub(crate) fn check(tls: &Tls) -> Result<(), StartError> {
    settings(&tls.config).map(drop).map_err(|error| StartError::Worker(io::Error::other(error)))
}

/// The same settings of TLS for QUIC.
pub(crate) fn settings(tls: &rustls::ServerConfig) -> Result<QuicServerConfig, NoInitialCipherSuite> {
    let mut settings = tls.clone();
    settings.alpn_protocols = vec![b"h3".to_vec()];
    // Early data can be replayed (RFC 8446 §8).
    settings.max_early_data_size = 0;
    QuicServerConfig::try_from(settings)
}

fn server_config(tls: &Arc<Tls>, shared: Arc<Shared>) -> Result<ServerConfig, NoInitialCipherSuite> {
    let usual = Arc::new(settings(&tls.config)?);
    let crypto = NamingConfig { usual, tls: Arc::clone(tls), shared };
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport()))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_MAX)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL_MAX);
    Ok(config)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = u32::try_from(IDLE_TIME_MAX.as_millis()).unwrap_or(u32::MAX);
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW_BYTES))
        .send_window(UNACKNOWLEDGED_BYTES_MAX)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle))))
        // An answer, or a WebSocket, may rightly be silent for longer than a connection whose visitor has vanished.
        .keep_alive_interval(Some(ALIVE_EVERY))
        // No datagrams beside streams are spoken.
        .datagram_receive_buffer_size(None);
    transport
}

/// How often a process that has nobody left looks whether the one before it has.
const LOOK_FOR_ELDER: Duration = Duration::from_millis(100);

/// Where visitors come in.
struct Door {
    worker: Arc<Worker>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    connections: TaskTracker,
    handshakes: Arc<Turnstile>,
    networks: Arc<Mutex<PrefixCounts>>,
    limit: usize,
    source: Arc<Source>,
}

impl Door {
    /// Lets visitors in until the process stops; then lets those finish who are inside.
    async fn stand(self, endpoint: Endpoint, elder: Option<Arc<dyn Elsewhere>>) {
        let mut initials = Initials::new(Instant::now());
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => break,
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) => self.receive(incoming, &mut initials),
                    None => return,
                },
            }
        }
        self.let_the_last_in(&endpoint, &mut initials).await;
        // From here on newcomers are turned away; the endpoint carries the connections to their end.
        endpoint.set_server_config(None);
        self.connections.wait().await;
        endpoint.wait_idle().await;
        // The process before this one has visitors yet whose datagrams come by way of this one. Left alone, it would
        // read the socket beside the process after.
        while self.source.is_aside() && elder.as_ref().is_some_and(|elder| elder.is_there()) {
            sleep(LOOK_FOR_ELDER).await;
        }
    }

    /// Who has come before the end is a visitor too. Where another process reads the socket, whoever still comes here was
    /// asked by this one to prove its address, and is waited for until the last connection has ended.
    async fn let_the_last_in(&self, endpoint: &Endpoint, initials: &mut Initials) {
        while let Some(Some(incoming)) = endpoint.accept().now_or_never() {
            self.receive(incoming, initials);
        }
        while self.source.is_aside() {
            tokio::select! {
                biased;
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) if incoming.remote_address_validated() => self.receive(incoming, initials),
                    // By an id of its own making it has come past the process that serves newcomers, and would hold this
                    // one up.
                    Some(incoming) => {
                        add(&self.worker.counters.connections_refused, 1);
                        incoming.refuse();
                    }
                    None => return,
                },
                () = self.connections.wait() => return,
            }
        }
    }

    /// Lets a visitor in, has it prove its address first, or sends it away.
    fn receive(&self, incoming: Incoming, initials: &mut Initials) {
        let counters = &self.worker.counters;
        let proved = incoming.remote_address_validated();
        let (under_way, waiting) = self.handshakes.counts();
        let scarce = under_way > HANDSHAKES_MAX / 2;
        let many = !proved && (initials.count(Instant::now()) || scarce);
        // Whoever has not sent from its address takes no memory while many do (RFC 9000 §8.1.2).
        if many && incoming.may_retry() {
            add(&counters.quic_retries, 1);
            // What cannot be sent is not waited for: the visitor asks again.
            let _ = incoming.retry();
            return;
        }
        let seat = self.has_room().then(|| self.sit(incoming.remote_address())).flatten();
        // A first packet that waits is held by the endpoint, which has a bound of its own for them.
        let Some(seat) = seat.filter(|_| waiting < INCOMING_MAX / 2) else {
            add(&counters.connections_refused, 1);
            incoming.refuse();
            return;
        };
        let visitor = Visitor::new(Arc::clone(&self.worker), incoming.remote_address());
        let (tls, stopping) = (Arc::clone(&self.tls), self.stopping.clone());
        let handshakes = Arc::clone(&self.handshakes);
        self.connections.spawn(async move {
            let serving = visit(visitor, incoming, &tls, &handshakes, stopping);
            Box::pin(serving).await;
            drop(seat);
        });
    }

    /// Whether one more connection may be let in, now or once one has left that is idle.
    fn has_room(&self) -> bool {
        let present = self.connections.len();
        present < self.limit || self.worker.visitors.make_room() && present < self.limit + 2 * BATCH
    }

    /// A place for a visitor; none where room is short and its network has its share of it.
    fn sit(&self, address: SocketAddr) -> Option<Seat> {
        let prefix = Prefix::of(address.ip());
        let used = u32::try_from(self.connections.len()).unwrap_or(u32::MAX);
        let whole = self.limit + 2 * BATCH;
        let scarcity = Scarcity::of(used, u32::try_from(whole).unwrap_or(u32::MAX));
        let networks = Arc::clone(&self.networks);
        counts(&networks).open(prefix, scarcity).then(|| Seat { networks: Arc::clone(&networks), prefix })
    }
}

/// One of a network's connections.
struct Seat {
    networks: Arc<Mutex<PrefixCounts>>,
    prefix: Prefix,
}

impl Drop for Seat {
    fn drop(&mut self) {
        counts(&self.networks).close(self.prefix);
    }
}

/// A table of counts is whole at each step, so a poisoned one is still good.
fn counts(networks: &Mutex<PrefixCounts>) -> MutexGuard<'_, PrefixCounts> {
    networks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Shakes hands, once it is the visitor's turn, and serves. The visitor is known by the address that it has shaken hands
/// from: a packet from another may change the path before that is proved, and nobody should be taken for somebody else in
/// the meantime.
async fn visit(
    mut visitor: Visitor,
    incoming: Incoming,
    tls: &Tls,
    handshakes: &Arc<Turnstile>,
    stopping: CancellationToken,
) {
    let shaking = async {
        let _turn = handshakes.turn(visitor.peer).await?;
        incoming.accept().ok()?.await.ok()
    };
    let shaken = visitor.unless_left(timeout(HANDSHAKE_TIME_MAX, shaking)).await;
    let Some(Ok(Some(connection))) = shaken else {
        add(&visitor.worker.counters.handshakes_failed, 1);
        return;
    };
    let Some((handshaken, fingerprint)) = came_to(&connection, tls) else {
        super::codes::close(&connection, Code::NoError);
        return;
    };
    visitor.has_shaken(handshaken, fingerprint);
    connection::serve(&connection, &visitor, stopping.cancelled()).await;
}

/// What the handshake came to; none where it was for a name that nobody has any more.
fn came_to(connection: &quinn::Connection, tls: &Tls) -> Option<(Handshaken, Option<String>)> {
    let asked = *names::asked(connection)?;
    let names = tls.resolver.names(asked.name.as_deref())?;
    let doorway = asked.doorway.as_deref();
    let shown = connection.peer_identity().and_then(|shown| shown.downcast::<Vec<CertificateDer<'_>>>().ok());
    let shown = shown.as_ref().and_then(|shown| shown.first());
    // QUIC knows no other (RFC 9001 §4.2).
    let handshaken = Handshaken::new(names, Some(ProtocolVersion::TLSv1_3), doorway, shown)?;
    Some((handshaken, asked.fingerprint))
}
