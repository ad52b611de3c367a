//! One site behind an edge, without a control plane: for measurements (docs/decisions/0002-worker-model.md).
//!
//! `serve HTTP HTTPS ORIGIN_PORT [workers N] [stealing] [log FILE] [admin ADDRESS]`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a tool for measuring")]

use certificates::{CertificateStore, LocalAuthority, Resolver};
use edge::{Inputs, Options, WorkerModel};
use shield::challenge::ChallengeSecret;
use snapshot::{CacheMode, Enforcement, Service, Trust, fixture::Mote};
use std::error::Error;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, SeededRandom, Timestamp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "serve HTTP HTTPS ORIGIN_PORT [workers N] [stealing] [log FILE] [admin ADDRESS]";

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 counts as 1970.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or(USAGE);
    let (http, https, origin) = (next()?, next()?, next()?);
    let mut options = Options {
        http: vec![http.parse()?],
        https: vec![https.parse()?],
        workers: 1,
        cache_memory: 1 << 30,
        ..Options::default()
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "workers" => options.workers = value()?.parse()?,
            "stealing" => options.model = WorkerModel::WorkStealing,
            "log" => options.access_log = Some(value()?.into()),
            "admin" => options.admin = Some(value()?.parse()?),
            other => return Err(format!("unknown argument {other}: {USAGE}").into()),
        }
    }
    let clock = Arc::new(SystemClock);
    let mote = Mote::found(1, clock.now());
    let mut site = mote.site(&["bench.test"], origin.parse()?);
    site.services = [Service::Cache, Service::Errors].into();
    site.cache = CacheMode::Origin;
    let (publisher, feed) = feed::in_process();
    publisher.publish(Arc::new(mote.parcel(1, vec![site], vec![]))).await?;
    let folder = tempfile::tempdir()?;
    let authority = LocalAuthority::open(folder.path(), clock.now())?;
    let inputs = Inputs {
        clock,
        random: Arc::new(SeededRandom::new(7)),
        feed,
        enforcement: Enforcement::new(mote.roots(), Trust::default()),
        replica: None,
        certificates: Arc::new(CertificateStore::new(authority, Arc::new(Resolver::new()))),
        places: geo::Places::none(),
        challenges: ChallengeSecret::new([9; 32]).into(),
    };
    let stopping = CancellationToken::new();
    let edge = edge::start(options, inputs, stopping.clone())?;
    println!("{:?} {:?}", edge.http(), edge.https());
    tokio::signal::ctrl_c().await?;
    stopping.cancel();
    println!("{}", edge.prometheus());
    edge.join();
    Ok(())
}
