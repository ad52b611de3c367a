//! Starting and ending an edge: sockets, threads, runtimes.
//!
//! Everything that can fail at the start fails before the first thread runs. Threads: one per worker (or
//! one runtime of as many), one for enforcement and the admin listener, one for the access log.

use crate::access_log::AccessLog;
use crate::admin::{Admin, serve_admin};
use crate::authority::Scheme;
use crate::compress::{EncoderPool, Encoders};
use crate::crawlers::check_crawlers;
use crate::crew::{Crew, connection_limit};
use crate::enforce::Enforcer;
use crate::figures::Figures;
use crate::http3::{self, Owner, Quic};
use crate::insight::Insight;
use crate::listen::{Copies, Handover, Sockets};
use crate::options::{Inputs, Options, StartError};
use crate::origin::{Checks, Connector, Member};
use crate::prewarm::{PrewarmShift, Prewarmer};
use crate::ray::Rays;
use crate::tier::Tier;
use crate::turnstile::Turnstile;
use crate::vigil::AllVigils;
use crate::visitor::{HANDSHAKES_MAX, Tls};
use crate::worker::{FILLING_BYTES_MAX, Serving, Shared, Worker};
use arc_swap::ArcSwap;
use caching::SLICE_BYTES;
use certificates::CertificateStore;
use guard::{Driver, FETCH_EVERY, Guard};
use names::{Dns, Lookups};
use object_cache::{ObjectCache, OpenError, Quota};
use shield::admission::Familiar;
use snapshot::OriginTls;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Random};

/// One body that is stored as it comes in may take this part of the stored responses' bytes.
const BODY_SHARE: u64 = 8;
/// Coded forms of stored responses may take this part of the stored responses' bytes, besides them.
const CODINGS_SHARE: u64 = 8;

/// A running edge.
pub struct Edge {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    admin: Option<SocketAddr>,
    insight: Insight,
    listening: Arc<Listening>,
    /// What the ids of its connections over QUIC begin with.
    generation: u8,
    log: Option<(Arc<AccessLog>, JoinHandle<()>)>,
    threads: Vec<JoinHandle<()>>,
}

/// What was still open when the time to end in order was over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Visitors' connections, idle ones and those with a tunnel included.
    pub connections: u64,
    /// Tunnels, such as WebSockets.
    pub tunnels: u64,
}

/// Copies of the sockets, until the edge is to end.
type Listening = Mutex<Copies>;

/// A list of sockets is whole at each step, so a poisoned one is still good.
fn unpoisoned(listening: &Listening) -> MutexGuard<'_, Copies> {
    listening.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts an edge. Returns once its sockets listen and what the feed or the replica holds is in force.
pub fn start(options: Options, inputs: Inputs, stopping: CancellationToken) -> Result<Edge, StartError> {
    let count = worker_count(options.workers);
    let sockets = Sockets::open(&options, count)?;
    let generation = generation(&options, &*inputs.random);
    let listening = sockets.copies().map_err(StartError::Worker)?;
    let listening = Arc::new(Mutex::new(listening));
    let (http, https) = (sockets.addresses(Scheme::Http), sockets.addresses(Scheme::Https));
    let log = options.access_log.as_ref().map(|path| {
        AccessLog::open(path).map_err(|source| StartError::AccessLog { path: path.clone(), source })
    });
    let log = log.transpose()?;
    let (encoders, encoder_pool) = Encoders::new(options.cache_memory / CODINGS_SHARE);
    let cache = open_cache(&options, &inputs)?;
    let log_ends = log.as_ref().map(|(log, _)| Arc::clone(log));
    // The one that warms the cache and the one for HTTP/3 ask origins too.
    let askers = count + 2;
    let shared = Arc::new(shared(&options, &https, &inputs, cache, (log_ends, encoders), askers));
    let own_addresses = http.iter().chain(&https).chain(&options.admin).chain(&options.beside);
    let own_addresses = own_addresses.copied().collect();
    let (names, lookups) = names::names(dns(&options.name_servers), Arc::clone(&inputs.clock));
    let connector = Arc::new(Connector::new(names, own_addresses, Arc::clone(&inputs.clock)));
    let new_worker =
        |number| Worker::new(Arc::clone(&shared), number, Arc::clone(&connector), &*inputs.random);
    let workers: Arc<[_]> = (0..count).map(new_worker).map(Arc::new).collect();
    let tls = tls(&inputs.certificates, Arc::clone(&inputs.clock), count)?;
    let warmer = Arc::new(new_worker(count));
    let (prewarmer, prewarm_shift) = Prewarmer::new(Arc::clone(&warmer));
    let quic_worker = Arc::new(new_worker(count + 1));
    let everyone = workers.iter().cloned().chain([warmer, Arc::clone(&quic_worker)]).collect();
    let insight = Insight {
        shared: Arc::clone(&shared),
        connector: Arc::clone(&connector),
        workers: everyone,
        prewarmer,
    };
    let (admin, admin_listener) = match sockets.admin {
        Some(listener) => (listener.local_addr().ok(), Some(listener)),
        None => (None, None),
    };
    let (random, quic_random) = (Arc::clone(&inputs.random), Arc::clone(&inputs.random));
    let checks = Checks::new(Arc::clone(&shared), connector, Arc::clone(&random));
    let Inputs { feed, enforcement, replica, certificates, .. } = inputs;
    let mut enforcer = Enforcer::new(options.name, shared, feed, enforcement, replica, certificates);
    enforcer.begin();
    let (at_work, work) = mpsc::channel(1);
    let side = Side {
        enforcer,
        encoder_pool,
        prewarm_shift,
        checks,
        lookups,
        crawler_dns: dns(&options.name_servers),
        admin: admin_listener,
        insight: insight.clone(),
        random,
        listening: Arc::clone(&listening),
        work,
    };
    let mut threads = vec![spawn("edge-side", current_thread()?, {
        let stopping = stopping.clone();
        move || side.run(stopping)
    })?];
    if !sockets.quic.is_empty() {
        http3::check(&tls)?;
        let quic = Quic {
            worker: quic_worker,
            tls: Arc::clone(&tls),
            random: quic_random,
            stopping: stopping.clone(),
            drain: options.drain,
            owner: Owner { generation, worker: 0 },
            limit: options.connections.unwrap_or(http3::CONNECTIONS_MAX),
            _at_work: at_work.clone(),
        };
        threads.push(spawn("edge-quic", current_thread()?, move || quic.run(sockets.quic))?);
    }
    let (limit, drain) = (options.connections.unwrap_or_else(|| connection_limit(count)), options.drain);
    let crew = Crew { workers, tls, stopping, limit, drain, at_work };
    threads.extend(crew.start(sockets.visitors, options.model, count)?);
    Ok(Edge { http, https, admin, insight, listening, generation, log, threads })
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

    /// Copies of all sockets, for a process that takes over; none once this edge is to end.
    pub fn handover(&self) -> std::io::Result<Handover> {
        unpoisoned(&self.listening).handover(self.generation)
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

    /// Waits until the edge has ended, which its cancellation token asks for: listeners close at once, connections
    /// have [`Options::drain`]. Says what was cut then. Blocks the calling thread.
    pub fn join(self) -> Cut {
        for thread in self.threads {
            // A panic in a worker was reported on its thread; here it only means that the thread has ended.
            let _ = thread.join();
        }
        let cache = &self.insight.shared.cache;
        // Without a thread nothing more is written, as after a crash.
        let _ = on_a_thread(|runtime| runtime.block_on(cache.close()));
        if let Some((log, thread)) = self.log {
            log.end();
            let _ = thread.join();
        }
        let figures = self.insight.figures();
        Cut { connections: figures.connections_cut, tunnels: figures.tunnels_cut }
    }
}

/// Names are asked for where the options say, else where the system does.
fn dns(name_servers: &[SocketAddr]) -> Dns {
    if name_servers.is_empty() { Dns::of_the_system() } else { Dns::of_servers(name_servers) }
}

fn worker_count(wanted: usize) -> usize {
    match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        wanted => wanted,
    }
}

/// Opens the cache, which may wait for its disk; where the disk is too full for it, there is none.
fn open_cache(options: &Options, inputs: &Inputs) -> Result<ObjectCache, StartError> {
    let Some(disk) = &options.cache_disk else {
        return Ok(ObjectCache::new(options.cache_memory, &*inputs.random));
    };
    let wanted = |disk| object_cache::Options { memory_bytes: options.cache_memory, disk };
    let opened = on_a_thread(|runtime| {
        runtime.block_on(ObjectCache::open(wanted(Some(disk.clone())), &*inputs.random))
    })?;
    match opened {
        Err(error @ OpenError::NoSpace { .. }) => {
            tracing::error!(%error, "stored responses are held in memory only");
            Ok(ObjectCache::new(options.cache_memory, &*inputs.random))
        }
        opened => Ok(opened?),
    }
}

/// Runs something that waits on a thread and a runtime of its own: the caller may be on a runtime itself.
fn on_a_thread<T: Send>(run: impl FnOnce(Runtime) -> T + Send) -> Result<T, StartError> {
    let runtime = current_thread()?;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("edge-cache".to_owned());
        let running = thread.spawn_scoped(scope, || run(runtime)).map_err(StartError::Worker)?;
        running.join().map_err(|_| StartError::Worker(std::io::Error::other("the thread has panicked")))
    })
}

fn shared(
    options: &Options,
    https: &[SocketAddr],
    inputs: &Inputs,
    cache: ObjectCache,
    (log, encoders): (Option<Arc<AccessLog>>, Encoders),
    workers: usize,
) -> Shared {
    let parent = options.parent.clone().map(|parent| Member::new(parent, OriginTls::default(), workers));
    let room = options.cache_disk.as_ref().map_or(options.cache_memory, |disk| disk.bytes);
    Shared {
        clock: Arc::clone(&inputs.clock),
        serving: ArcSwap::from_pointee(Serving::default()),
        replaced: watch::Sender::new(0),
        vigils: AllVigils::default(),
        board: Arc::clone(inputs.certificates.resolver().board()),
        cache,
        on_disk: options.cache_disk.is_some(),
        filling: Quota::new(FILLING_BYTES_MAX),
        body_bytes_max: (room / BODY_SHARE).max(SLICE_BYTES),
        flights: Arc::default(),
        encoders,
        log,
        trusted_proxies: options.trusted_proxies.clone(),
        children: options.children.clone(),
        forwarders: options.trusted_proxies.iter().chain(&options.children).cloned().collect(),
        https_port: https.first().map(SocketAddr::port),
        has_let_go: AtomicBool::new(false),
        tier: Tier::new(parent, &*inputs.random),
        places: Arc::clone(&inputs.places),
        guard: Arc::new(guard(options, inputs)),
        familiar: Familiar::new(&*inputs.random),
        workers,
    }
}

fn guard(options: &Options, inputs: &Inputs) -> Guard {
    let (random, challenges) = (Arc::clone(&inputs.random), inputs.challenges.clone());
    Guard::new(random, challenges, inputs.clock.now()).knowing(options.crawlers.clone())
}

/// What tells this process's connections over QUIC from those of the process before it; by chance where none is known.
fn generation(options: &Options, random: &dyn Random) -> u8 {
    let [chance] = random.bytes();
    options.inherited.generation().map_or(chance, |before| before.wrapping_add(1))
}

fn tls(store: &CertificateStore, clock: Arc<dyn Clock>, workers: usize) -> Result<Arc<Tls>, StartError> {
    let resolver = Arc::clone(store.resolver());
    let config = certificates::server_config(Arc::clone(&resolver), Arc::clone(&clock))?;
    let proofs = certificates::proof_config(Arc::clone(&resolver), Arc::clone(&clock))?;
    let handshakes = Arc::new(Turnstile::new(HANDSHAKES_MAX * workers));
    Ok(Arc::new(Tls { config: Arc::new(config), proofs: Arc::new(proofs), resolver, clock, handshakes }))
}

/// What runs beside the workers.
struct Side {
    enforcer: Enforcer,
    encoder_pool: EncoderPool,
    prewarm_shift: PrewarmShift,
    checks: Checks,
    lookups: Lookups,
    /// Whom the names of crawlers' addresses are asked for.
    crawler_dns: Dns,
    admin: Option<std::net::TcpListener>,
    insight: Insight,
    random: Arc<dyn Random>,
    listening: Arc<Listening>,
    /// Ends once nobody is at work for visitors any more.
    work: mpsc::Receiver<Infallible>,
}

impl Side {
    async fn run(self, stopping: CancellationToken) {
        let Self {
            enforcer,
            encoder_pool,
            prewarm_shift,
            checks,
            lookups,
            crawler_dns,
            admin,
            insight,
            random,
            listening,
            mut work,
        } = self;
        // What the last visitors are served by goes on until they are: measures, purges, the health of origins, names.
        let over = CancellationToken::new();
        let closing = async {
            stopping.cancelled().await;
            // A copy would keep a socket listening that nobody accepts from.
            *unpoisoned(&listening) = Copies::default();
            while work.recv().await.is_some() {}
            over.cancel();
        };
        let shared = Arc::clone(&insight.shared);
        let enforcing = async {
            let claims = check_crawlers(&shared, crawler_dns, over.clone());
            tokio::join!(enforcer.run(over.clone()), drive(&shared, over.clone()), claims)
        };
        let encoding = encoder_pool.run(stopping.clone());
        let warming = prewarm_shift.run(stopping.clone());
        // Lookups and what waits for them, in this order of ending: both hear of the end at once.
        let (checking, looking) = (checks.run(over.clone()), lookups.run(over.clone()));
        let checking = async { tokio::join!(checking, looking) };
        match admin {
            None => drop(tokio::join!(enforcing, encoding, warming, closing, checking)),
            Some(socket) => {
                let admin =
                    Arc::new(Admin { insight, rays: Rays::new(&*random), winding_down: false.into() });
                tokio::join!(
                    enforcing,
                    encoding,
                    warming,
                    closing,
                    checking,
                    serve_admin(socket, admin, stopping.clone())
                );
            }
        }
    }
}

/// Searches for the signatures of attacks, off the way of requests.
async fn drive(shared: &Shared, stopping: CancellationToken) {
    let mut driver = Driver::new(Arc::clone(&shared.guard));
    let mut interval = tokio::time::interval(FETCH_EVERY);
    // After a pause one look is enough.
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = interval.tick() => driver.turn(shared.clock.now()),
        }
    }
}

/// A runtime of one thread.
pub(crate) fn current_thread() -> Result<Runtime, StartError> {
    Builder::new_current_thread().enable_all().build().map_err(StartError::Worker)
}

/// Runs a future on a thread and a runtime of its own.
pub(crate) fn spawn<F: Future<Output = ()>>(
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
