//! The workers at work: runtimes, accepting, and the end of both.

use crate::authority::Scheme;
use crate::figures::add;
use crate::listen::Port;
use crate::options::{StartError, WorkerModel};
use crate::presence::BATCH;
use crate::proxy_protocol::{Announced, HEADER_TIME_MAX, receive};
use crate::server::{current_thread, spawn};
use crate::visitor::{Tls, Visitor};
use crate::worker::Worker;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle as TaskHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long accepting rests when descriptors have run out.
pub(crate) const ACCEPT_REST: Duration = Duration::from_millis(20);
/// The share of the process's descriptors that visitors may take; the others are for origins and files.
const VISITORS_SHARE: (usize, usize) = (3, 4);
/// So often the others on a worker have their turn before somebody who was asked to leave has not done so.
const TURNS_TO_LEAVE: u32 = 16;
/// Connections where the system does not tell how many descriptors there are.
const DESCRIPTORS_ASSUMED: usize = 1024;

/// The workers and what they all need.
pub(crate) struct Crew {
    pub(crate) workers: Arc<[Arc<Worker>]>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) stopping: CancellationToken,
    /// Connections of one worker at a time.
    pub(crate) limit: usize,
    /// How long connections may go on once the edge is to end.
    pub(crate) drain: Duration,
    /// Held while visitors are served.
    pub(crate) at_work: mpsc::Sender<Infallible>,
}

impl Crew {
    /// Starts every worker with its own sockets.
    pub(crate) fn start(
        self,
        sockets: Vec<Vec<Port>>,
        model: WorkerModel,
        count: usize,
    ) -> Result<Vec<JoinHandle<()>>, StartError> {
        let shifts: Vec<_> =
            self.workers.iter().zip(sockets).map(|(worker, sockets)| self.shift(worker, sockets)).collect();
        match model {
            WorkerModel::PerCore => {
                let shifts = shifts
                    .into_iter()
                    .map(|shift| spawn("edge-worker", current_thread()?, move || shift.run()));
                shifts.collect()
            }
            WorkerModel::WorkStealing => {
                let mut builder = Builder::new_multi_thread();
                let runtime =
                    builder.worker_threads(count).enable_all().build().map_err(StartError::Worker)?;
                let all = async move {
                    let shifts: Vec<TaskHandle<()>> =
                        shifts.into_iter().map(|shift| tokio::spawn(shift.run())).collect();
                    for shift in shifts {
                        // A shift that panicked was reported; the others go on.
                        let _ = shift.await;
                    }
                };
                Ok(vec![spawn("edge-workers", runtime, move || all)?])
            }
        }
    }

    fn shift(&self, worker: &Arc<Worker>, sockets: Vec<Port>) -> Shift {
        Shift {
            worker: Arc::clone(worker),
            tls: Arc::clone(&self.tls),
            // Its own child: a connection registers with its worker's token, not with everyone's.
            stopping: self.stopping.child_token(),
            sockets,
            limit: self.limit,
            drain: self.drain,
            at_work: self.at_work.clone(),
        }
    }
}

/// One worker at work.
struct Shift {
    worker: Arc<Worker>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    sockets: Vec<Port>,
    limit: usize,
    drain: Duration,
    at_work: mpsc::Sender<Infallible>,
}

impl Shift {
    async fn run(self) {
        let Self { worker, tls, stopping, sockets, limit, drain, at_work: _at_work } = self;
        let (connections, listeners) = (TaskTracker::new(), TaskTracker::new());
        for Port { scheme, speaks_proxy, http3_port, socket } in sockets {
            let acceptor = AcceptLoop {
                worker: Arc::clone(&worker),
                tls: Arc::clone(&tls),
                stopping: stopping.clone(),
                connections: connections.clone(),
                scheme,
                speaks_proxy,
                http3_port,
                limit,
            };
            listeners.spawn(acceptor.run(socket));
        }
        listeners.close();
        worker.tidy_until(stopping.cancelled()).await;
        worker.winding_down.store(true, Ordering::Relaxed);
        listeners.wait().await;
        connections.close();
        worker.fills.close();
        let all = async { tokio::join!(connections.wait(), worker.fills.wait()) };
        if timeout(drain, all).await.is_err() {
            // They are dropped with the runtime.
            add(&worker.counters.connections_cut, connections.len() as u64);
            add(&worker.counters.tunnels_cut, worker.counters.open_tunnels());
        }
    }
}

/// Accepts on one socket.
struct AcceptLoop {
    worker: Arc<Worker>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    connections: TaskTracker,
    scheme: Scheme,
    speaks_proxy: bool,
    http3_port: Option<u16>,
    limit: usize,
}

impl AcceptLoop {
    async fn run(self, socket: std::net::TcpListener) {
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "a listening socket cannot be used");
                return;
            }
        };
        loop {
            let accepted = tokio::select! {
                () = self.stopping.cancelled() => return self.take_the_last(listener),
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) if self.has_room().await => self.take(stream, peer),
                Ok(_) => add(&self.worker.counters.connections_refused, 1),
                Err(error) => self.rest_after(&error).await,
            }
        }
    }

    /// Who was let in by the kernel before the end is a visitor too.
    fn take_the_last(&self, listener: tokio::net::TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
                && self.connections.len() < self.limit + 2 * BATCH
            {
                self.take(stream, peer);
            }
        }
    }

    /// Whether there is room for one more. Those who are asked to leave run on this worker: where very many come at once
    /// they have their turns first, so that a crowd makes room and nobody is refused for it.
    async fn has_room(&self) -> bool {
        for _ in 0..TURNS_TO_LEAVE {
            let present = self.connections.len();
            if present < self.limit {
                return true;
            }
            if !self.worker.visitors.make_room() {
                return false;
            }
            // Those who are on their way out take a moment, in which others may come.
            if present < self.limit + 2 * BATCH {
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        let mut visitor = Visitor::new(Arc::clone(&self.worker), peer);
        visitor.http3_port = self.http3_port;
        let is_proxied = self.speaks_proxy && self.worker.shared.trusts_proxy(visitor.peer);
        let mut stream = stream;
        match self.scheme {
            Scheme::Http => drop(self.connections.spawn(async move {
                if !is_proxied || Box::pin(announced(&mut visitor, &mut stream)).await {
                    visitor.serve_plain(stream).await;
                }
            })),
            Scheme::Https => {
                let (tls, stopping) = (Arc::clone(&self.tls), self.stopping.clone());
                drop(self.connections.spawn(async move {
                    if !is_proxied || Box::pin(announced(&mut visitor, &mut stream)).await {
                        visitor.serve_tls(stream, &tls, stopping).await;
                    }
                }));
            }
        }
    }

    /// A visitor that left before it was accepted costs nothing; want of descriptors costs a rest, or the
    /// loop would spin.
    async fn rest_after(&self, error: &std::io::Error) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
        if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
            add(&self.worker.counters.connections_refused, 1);
            self.worker.visitors.make_room();
            tracing::warn!(%error, "cannot accept connections for the moment");
            tokio::time::sleep(ACCEPT_REST).await;
        }
    }
}

/// Takes the word of a trusted proxy for who the visitor is; whether it gave one. A connection without it ends: its
/// first bytes are not guessed at.
async fn announced(visitor: &mut Visitor, stream: &mut TcpStream) -> bool {
    match timeout(HEADER_TIME_MAX, receive(stream)).await.unwrap_or_else(|late| Err(late.into())) {
        Ok(Announced::Proxy) => {
            visitor.is_unnamed = true;
            true
        }
        Ok(Announced::Visitor(address)) => {
            visitor.peer = address.ip();
            true
        }
        Err(error) => {
            tracing::debug!(proxy = %visitor.peer, %error, "a trusted proxy sent no PROXY header");
            add(&visitor.worker.counters.proxy_headers_refused, 1);
            false
        }
    }
}

/// Each worker's share of the descriptors that visitors may take.
pub(crate) fn connection_limit(workers: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(DESCRIPTORS_ASSUMED) * VISITORS_SHARE.0 / VISITORS_SHARE.1 / workers
}
