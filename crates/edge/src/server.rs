//! Starting and ending an edge: sockets, threads, runtimes.
//!
//! Everything that can fail at the start fails before the first thread runs. Threads: one per worker (or
//! one runtime of as many), one for enforcement and the admin listener, one for the access log.

use crate::access_log::AccessLog;
use crate::admin::Admin;
use crate::authority::Scheme;
use crate::enforce::Enforcer;
use crate::figures::{Figures, add};
use crate::http1::connection;
use crate::http1::scratch::ScratchPool;
use crate::listen::listen;
use crate::options::{Inputs, Options, StartError, WorkerModel};
use crate::origin::Connector;
use crate::ray::Rays;
use crate::reasons::Reason;
use crate::visitor::{HANDSHAKES_MAX, Tls, Visitor};
use crate::worker::{FillingBudget, Serving, Shared, Worker};
use arc_swap::ArcSwap;
use certificates::CertificateStore;
use object_cache::ObjectCache;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle as TaskHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vocabulary::{Clock, Random};

/// How long exchanges under way may go on once the edge stops.
pub(crate) const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// How often idle connections to origins are looked through.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// How long accepting rests when descriptors have run out.
const ACCEPT_REST: Duration = Duration::from_millis(20);
/// The share of the process's descriptors that visitors may take; the others are for origins and files.
const VISITORS_SHARE: (usize, usize) = (3, 4);
/// Connections where the system does not tell how many descriptors there are.
const DESCRIPTORS_ASSUMED: usize = 1024;

/// A running edge.
pub struct Edge {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    insight: Insight,
    log: Option<(Arc<AccessLog>, JoinHandle<()>)>,
    threads: Vec<JoinHandle<()>>,
}

/// Looks into a running edge. Clones look into the same.
#[derive(Clone)]
pub struct Insight {
    shared: Arc<Shared>,
    workers: Arc<[Arc<Worker>]>,
}

impl Insight {
    /// What the edge has done and holds now.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        let mut tally = vec![0; Reason::ALL.len()];
        for worker in self.workers.iter() {
            figures.add_worker(&worker.counters, &mut tally);
        }
        let occurred = Reason::ALL.iter().copied().zip(tally).filter(|(_, count)| *count > 0);
        figures.reasons = occurred.collect();
        let of = |wanted: &[Reason]| {
            figures.reasons.iter().filter(|(reason, _)| wanted.contains(reason)).map(|(_, count)| count).sum()
        };
        figures.blocked = of(&[Reason::Blocked, Reason::CutByMeasure]);
        let serving = self.shared.serving.load();
        figures.add_sites(&serving.sites);
        figures.revision = (serving.generation > 0).then(|| serving.snapshot.revision());
        let now = self.shared.clock.now();
        let running = serving.snapshot.measures().iter().filter(|measure| measure.in_force_at(now));
        figures.measures = running.count() as u64;
        figures.cache = self.shared.cache.figures();
        figures.log_lines_dropped = self.shared.log.as_ref().map_or(0, |log| log.dropped());
        figures
    }

    /// Whether a parcel was applied, so that visitors are answered.
    pub fn is_ready(&self) -> bool {
        self.shared.serving.load().generation > 0
    }
}

/// Starts an edge. Returns once its sockets listen and what the feed or the replica holds is in force.
pub fn start(options: Options, inputs: Inputs, stopping: CancellationToken) -> Result<Edge, StartError> {
    let count = worker_count(options.workers);
    let sockets = Sockets::open(&options, count)?;
    let (http, https) = (sockets.addresses(Scheme::Http), sockets.addresses(Scheme::Https));
    let log = options.access_log.as_ref().map(|path| {
        AccessLog::open(path).map_err(|source| StartError::AccessLog { path: path.clone(), source })
    });
    let log = log.transpose()?;
    let shared = Arc::new(shared(&options, &inputs, log.as_ref().map(|(log, _)| Arc::clone(log))));
    let connector = Arc::<Connector>::default();
    let new_worker = |_| Worker::new(Arc::clone(&shared), Arc::clone(&connector), &*inputs.random);
    let workers: Arc<[_]> = (0..count).map(new_worker).map(Arc::new).collect();
    let tls = tls(&inputs.certificates, Arc::clone(&inputs.clock), count)?;
    let insight = Insight { shared: Arc::clone(&shared), workers: Arc::clone(&workers) };
    let (admin, admin_listener) = match sockets.admin {
        Some(listener) => (listener.local_addr().ok(), Some(listener)),
        None => (None, None),
    };
    let random = Arc::clone(&inputs.random);
    let Inputs { feed, enforcement, replica, certificates, .. } = inputs;
    let mut enforcer = Enforcer::new(options.name, shared, feed, enforcement, replica, certificates);
    enforcer.begin();
    let side = Side { enforcer, admin: admin_listener, insight: insight.clone(), random };
    let mut threads = vec![spawn("edge-side", current_thread()?, {
        let stopping = stopping.clone();
        move || side.run(stopping)
    })?];
    let crew = Crew { workers, tls, stopping, limit: connection_limit(count) };
    threads.extend(crew.start(sockets.visitors, options.model, count)?);
    Ok(Edge { http, https, admin, insight, log, threads })
}

impl Edge {
    /// Where plain HTTP is listened for, in the order of the options.
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Where TLS is listened for, in the order of the options.
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// Where `/metrics` answers.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// A way to look into the edge while it runs.
    pub fn insight(&self) -> Insight {
        self.insight.clone()
    }

    /// What the edge has done and holds now.
    pub fn figures(&self) -> Figures {
        self.insight.figures()
    }

    /// The same as Prometheus reads it.
    pub fn prometheus(&self) -> String {
        self.figures().prometheus()
    }

    /// Waits until the edge has ended, which its cancellation token asks for: listeners close at once,
    /// exchanges under way have [`STOP_TIME_MAX`]. Blocks the calling thread.
    pub fn join(self) {
        for thread in self.threads {
            // A panic in a worker was reported on its thread; here it only means that the thread has ended.
            let _ = thread.join();
        }
        if let Some((log, thread)) = self.log {
            log.end();
            let _ = thread.join();
        }
    }
}

fn worker_count(wanted: usize) -> usize {
    match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        wanted => wanted,
    }
}

fn shared(options: &Options, inputs: &Inputs, log: Option<Arc<AccessLog>>) -> Shared {
    Shared {
        clock: Arc::clone(&inputs.clock),
        serving: ArcSwap::from_pointee(Serving::default()),
        replaced: watch::Sender::new(0),
        cache: ObjectCache::new(options.cache_memory, &*inputs.random),
        filling: FillingBudget::default(),
        log,
        trusted_proxies: options.trusted_proxies.clone(),
    }
}

fn tls(store: &CertificateStore, clock: Arc<dyn Clock>, workers: usize) -> Result<Arc<Tls>, StartError> {
    let resolver = Arc::clone(store.resolver());
    let config = certificates::server_config(Arc::clone(&resolver), clock)?;
    let handshakes = Semaphore::new(HANDSHAKES_MAX * workers);
    Ok(Arc::new(Tls { config: Arc::new(config), resolver, handshakes }))
}

/// All sockets, open before anything runs.
struct Sockets {
    /// By worker: its own socket for each address.
    visitors: Vec<Vec<(Scheme, std::net::TcpListener)>>,
    admin: Option<std::net::TcpListener>,
}

impl Sockets {
    fn open(options: &Options, workers: usize) -> Result<Self, StartError> {
        let open = |address: SocketAddr, workers: usize| {
            listen(address, workers).map_err(|source| StartError::Listen { address, source })
        };
        let mut visitors: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let plain = options.http.iter().map(|address| (Scheme::Http, *address));
        for (scheme, address) in plain.chain(options.https.iter().map(|address| (Scheme::Https, *address))) {
            for (own, listener) in visitors.iter_mut().zip(open(address, workers)?) {
                own.push((scheme, listener));
            }
        }
        let admin = options.admin.map(|address| open(address, 1)).transpose()?;
        Ok(Self { visitors, admin: admin.and_then(|mut sockets| sockets.pop()) })
    }

    fn addresses(&self, wanted: Scheme) -> Vec<SocketAddr> {
        let first = self.visitors.iter().take(1).flatten();
        first
            .filter(|(scheme, _)| *scheme == wanted)
            .filter_map(|(_, socket)| socket.local_addr().ok())
            .collect()
    }
}

/// The workers and what they all need.
struct Crew {
    workers: Arc<[Arc<Worker>]>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    limit: usize,
}

impl Crew {
    fn start(
        self,
        sockets: Vec<Vec<(Scheme, std::net::TcpListener)>>,
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

    fn shift(&self, worker: &Arc<Worker>, sockets: Vec<(Scheme, std::net::TcpListener)>) -> Shift {
        Shift {
            worker: Arc::clone(worker),
            tls: Arc::clone(&self.tls),
            // Its own child: a connection registers with its worker's token, not with everyone's.
            stopping: self.stopping.child_token(),
            sockets,
            limit: self.limit,
        }
    }
}

/// One worker at work.
struct Shift {
    worker: Arc<Worker>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    sockets: Vec<(Scheme, std::net::TcpListener)>,
    limit: usize,
}

impl Shift {
    async fn run(self) {
        let Self { worker, tls, stopping, sockets, limit } = self;
        let (connections, listeners) = (TaskTracker::new(), TaskTracker::new());
        for (scheme, socket) in sockets {
            let acceptor = AcceptLoop {
                worker: Arc::clone(&worker),
                tls: Arc::clone(&tls),
                stopping: stopping.clone(),
                connections: connections.clone(),
                scheme,
                limit,
            };
            listeners.spawn(acceptor.run(socket));
        }
        listeners.close();
        let tidy = async {
            loop {
                tokio::time::sleep(TIDY_EVERY).await;
                worker.origins.tidy();
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tidy => {}
        }
        listeners.wait().await;
        connections.close();
        // What is not over by then is dropped with the runtime.
        let _ = tokio::time::timeout(STOP_TIME_MAX, connections.wait()).await;
    }
}

/// Accepts on one socket.
struct AcceptLoop {
    worker: Arc<Worker>,
    tls: Arc<Tls>,
    stopping: CancellationToken,
    connections: TaskTracker,
    scheme: Scheme,
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
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(error) => self.rest_after(&error).await,
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        if self.connections.len() >= self.limit {
            add(&self.worker.counters.connections_refused, 1);
            return;
        }
        let visitor = Visitor::new(Arc::clone(&self.worker), peer);
        let stopping = self.stopping.clone();
        match self.scheme {
            Scheme::Http => drop(self.connections.spawn(visitor.serve_plain(stream, stopping))),
            Scheme::Https => {
                let tls = Arc::clone(&self.tls);
                let serving = async move { visitor.serve_tls(stream, &tls, stopping).await };
                drop(self.connections.spawn(serving));
            }
        }
    }

    /// A visitor that left before it was accepted costs nothing; want of descriptors costs a rest, or the
    /// loop would spin.
    async fn rest_after(&self, error: &std::io::Error) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
        if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
            add(&self.worker.counters.connections_refused, 1);
            tracing::warn!(%error, "cannot accept connections for the moment");
            tokio::time::sleep(ACCEPT_REST).await;
        }
    }
}

/// What runs beside the workers.
struct Side {
    enforcer: Enforcer,
    admin: Option<std::net::TcpListener>,
    insight: Insight,
    random: Arc<dyn Random>,
}

impl Side {
    async fn run(self, stopping: CancellationToken) {
        let Self { enforcer, admin, insight, random } = self;
        let enforcing = enforcer.run(stopping.clone());
        match admin {
            None => enforcing.await,
            Some(socket) => {
                let admin = Arc::new(Admin { insight, rays: Rays::new(&*random) });
                tokio::join!(enforcing, serve_admin(socket, admin, stopping));
            }
        }
    }
}

async fn serve_admin(socket: std::net::TcpListener, admin: Arc<Admin>, stopping: CancellationToken) {
    let Ok(listener) = tokio::net::TcpListener::from_std(socket) else { return };
    let (scratch, connections) = (Arc::<ScratchPool>::default(), TaskTracker::new());
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if connections.len() < ADMIN_CONNECTIONS_MAX => {
                let (admin, scratch, stopping) = (Arc::clone(&admin), Arc::clone(&scratch), stopping.clone());
                connections.spawn(async move {
                    connection::serve(stream, Scheme::Http, &*admin, &scratch, stopping.cancelled()).await;
                });
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

/// Connections to the admin listener.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;

fn current_thread() -> Result<Runtime, StartError> {
    Builder::new_current_thread().enable_all().build().map_err(StartError::Worker)
}

/// Runs a future on a thread and a runtime of its own.
fn spawn<F: Future<Output = ()>>(
    name: &str,
    runtime: Runtime,
    make: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let run = move || {
        runtime.block_on(make());
        // Connections that did not end in their time are dropped here.
        runtime.shutdown_timeout(Duration::from_millis(100));
    };
    thread.spawn(run).map_err(StartError::Worker)
}

/// Each worker's share of the descriptors that visitors may take.
fn connection_limit(workers: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(DESCRIPTORS_ASSUMED) * VISITORS_SHARE.0 / VISITORS_SHARE.1 / workers
}
