//! One site behind an edge, without a control plane: for measurements (docs/decisions/0002-worker-model.md).
//!
//! `serve HTTP HTTPS ORIGIN_PORT [workers N] [stealing] [log FILE] [admin ADDRESS]`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a tool for measuring"
)]

use certificates::{CertificateStore, LocalAuthority, Resolver};
use edge::{Inputs, Options, WorkerModel};
use snapshot::{CacheMode, Enforcement, Service, Trust, fixture::Mote};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, SeededRandom, Timestamp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next =
        || arguments.next().expect("serve HTTP HTTPS ORIGIN_PORT [workers N] [stealing] [log FILE]");
    let (http, https, origin) = (next(), next(), next());
    let mut options = Options {
        http: vec![http.parse().unwrap()],
        https: vec![https.parse().unwrap()],
        workers: 1,
        cache_memory: 1 << 30,
        ..Options::default()
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "workers" => options.workers = arguments.next().unwrap().parse().unwrap(),
            "stealing" => options.model = WorkerModel::WorkStealing,
            "log" => options.access_log = Some(arguments.next().unwrap().into()),
            "admin" => options.admin = Some(arguments.next().unwrap().parse().unwrap()),
            other => unreachable!("unknown argument {other}"),
        }
    }
    let clock = Arc::new(SystemClock);
    let mote = Mote::found(1, clock.now());
    let mut site = mote.site(&["bench.test"], origin.parse().unwrap());
    site.services = [Service::Cache, Service::Errors].into();
    site.cache = CacheMode::Origin;
    let (publisher, feed) = feed::in_process();
    publisher.publish(Arc::new(mote.parcel(1, vec![site], vec![]))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let authority = LocalAuthority::open(folder.path(), clock.now()).unwrap();
    let inputs = Inputs {
        clock,
        random: Arc::new(SeededRandom::new(7)),
        feed,
        enforcement: Enforcement::new(mote.roots(), Trust::default()),
        replica: None,
        certificates: Arc::new(CertificateStore::new(authority, Arc::new(Resolver::new()))),
    };
    let stopping = CancellationToken::new();
    let edge = edge::start(options, inputs, stopping.clone()).unwrap();
    println!("{:?} {:?}", edge.http(), edge.https());
    tokio::signal::ctrl_c().await.unwrap();
    stopping.cancel();
    println!("{}", edge.prometheus());
    edge.join();
}
