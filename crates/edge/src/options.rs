//! What an edge is started with.

use crate::listen::Inherited;
use certificates::CertificateStore;
use feed::Subscription;
use geo::Places;
pub use object_cache::Disk as CacheDisk;
use replica::Replica;
use shield::challenge::ChallengeSecrets;
use shield::crawlers::Crawlers;
use snapshot::{Enforcement, Origin};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Cidr, Clock, Random};

/// The settings of one edge.
#[derive(Debug, Clone)]
pub struct Options {
    /// The edge's name in receipts.
    pub name: String,
    /// Where to listen for plain HTTP; port 0 takes any free port.
    pub http: Vec<SocketAddr>,
    /// Where to listen for TLS.
    pub https: Vec<SocketAddr>,
    /// Sockets that listen already.
    pub inherited: Inherited,
    /// Whether the addresses for TLS are listened on for HTTP/3 too, over UDP.
    pub http3: bool,
    /// How many workers; 0 is one per core.
    pub workers: usize,
    /// Visitors' connections of each worker, and those over QUIC; none: as many as descriptors allow.
    pub connections: Option<usize>,
    /// How workers share the machine.
    pub model: WorkerModel,
    /// Whose `X-Forwarded-For`, and whose word in the PROXY protocol, is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Edges that fetch through this one, whose word is believed for what their connection does not show: the visitor
    /// (`X-Forwarded-For`), its scheme and the purges they hold (`Wardmote-Tier`).
    pub children: Vec<Cidr>,
    /// Which of `http` and `https`, as given there, trusted proxies speak the PROXY protocol on. They must there;
    /// elsewhere, and from others, it is no request.
    pub proxy_protocol: Vec<SocketAddr>,
    /// How long connections may go on once the edge is to end: exchanges under way, tunnels, and idle connections,
    /// which are told to close with their next answer.
    pub drain: Duration,
    /// Where the access log goes, as JSON lines; none: no log.
    pub access_log: Option<PathBuf>,
    /// Where `/metrics`, `/healthz` and `/readyz` answer; none: nowhere.
    pub admin: Option<SocketAddr>,
    /// What else listens in this process and is for the operator alone; no site's origin is there, as little as on
    /// `http`, `https` and `admin`.
    pub beside: Vec<SocketAddr>,
    /// The edge that is asked for what may be stored, before a site's own origins; none: only these are.
    pub parent: Option<Origin>,
    /// Whom origins' names and the names of crawlers' addresses are asked for; empty: as the system is set up.
    pub name_servers: Vec<SocketAddr>,
    /// Who may say that it is a crawler, and from where.
    pub crawlers: Crawlers,
    /// The most bytes that stored responses may take in memory.
    pub cache_memory: u64,
    /// Where stored responses outlive memory and restarts; none: nowhere.
    pub cache_disk: Option<CacheDisk>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "local".to_owned(),
            http: Vec::new(),
            https: Vec::new(),
            inherited: Inherited::default(),
            http3: true,
            workers: 0,
            model: WorkerModel::default(),
            trusted_proxies: Vec::new(),
            children: Vec::new(),
            connections: None,
            proxy_protocol: Vec::new(),
            drain: Duration::from_secs(30),
            access_log: None,
            admin: None,
            beside: Vec::new(),
            parent: None,
            name_servers: Vec::new(),
            crawlers: Crawlers::default(),
            cache_memory: 256 << 20,
            cache_disk: None,
        }
    }
}

/// How workers share the machine (docs/decisions/0002-worker-model.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkerModel {
    /// Each worker is a thread with its own runtime and its own listening sockets; a connection stays
    /// where it was accepted.
    #[default]
    PerCore,
    /// One runtime of as many threads, which steal work from each other.
    WorkStealing,
}

/// What an edge works with.
pub struct Inputs {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Where parcels come from.
    pub feed: Subscription,
    /// The measures that run, with their pinned roots and rollback counters.
    pub enforcement: Enforcement,
    /// Where the edge keeps what it needs to start alone; none: nowhere.
    pub replica: Option<Replica>,
    /// Certificates for TLS listeners; refreshed as sites change.
    pub certificates: Arc<CertificateStore>,
    /// Where addresses are and whose.
    pub places: Arc<Places>,
    /// What challenges are sealed under; the same for all edges that accept each other's.
    pub challenges: ChallengeSecrets,
}

/// Why an edge did not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another program using that port?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The access log cannot be written.
    #[error("cannot open the access log {path}: {source}")]
    AccessLog {
        /// The log's path.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The cache on disk cannot be used.
    #[error("cannot open the cache on disk")]
    Cache(#[from] object_cache::OpenError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] certificates::TlsError),
    /// A thread or its runtime cannot be started.
    #[error("cannot start a worker: {0}")]
    Worker(#[source] std::io::Error),
}
