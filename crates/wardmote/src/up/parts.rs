//! The parts of one process and their order: records, control plane, sites, edge; back again at the end.
//!
//! Invariant: whatever was started is joined here, also when a later part fails to start.

mod agreed;
mod challenges;
mod defence;
mod edge_inputs;
mod questions;
mod telemetry;

use super::handover::{self, Way};
use super::plan::{Plan, Sites};
use super::report::Report;
use super::sites;
use crate::ambient::{SystemClock, SystemRandom};
use crate::client::{Client, Running};
use crate::config::Config;
use crate::demo;
use crate::exit::Failure;
use agreed::Agreed;
use certificates::CertificateStore;
use control::{Control, Sockets, StartError};
use edge::{Cut, Edge, Handover, Inherited};
use feed::{Publisher, Subscription};
use names::Resolvers;
use records_sql::SqliteRecords;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use telemetry::Beside;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the parts may take to end once they were asked to, besides what the edge grants its visitors.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long the first snapshot may take before the edge starts without it.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(10);

/// Everything that runs in this process.
pub(super) struct Parts {
    records: Arc<SqliteRecords>,
    /// Feeds the edge; a control plane that is started again goes on with it.
    publisher: Publisher,
    subscription: Subscription,
    /// Copies of the control plane's sockets, so that they outlive it where it is started again or handed over.
    sockets: Option<Sockets>,
    /// Those of the sites, for the edge and, where it takes new ones in, the control plane.
    certificates: Option<Arc<CertificateStore>>,
    /// Stops the control plane alone.
    stop_control: CancellationToken,
    running: Option<Running>,
    /// Ends by itself only when something broke.
    control: Option<JoinHandle<Result<(), StartError>>>,
    edge: Option<Edge>,
    demo: Option<JoinHandle<()>>,
    /// Ends the demonstration site, which visitors need until the edge has ended.
    stop_demo: CancellationToken,
    /// Orders certificates.
    keeper: Option<JoinHandle<()>>,
    /// Takes up new versions of the files that say where addresses are.
    geography: Option<JoinHandle<()>>,
    telemetry: Arc<Beside>,
    /// Tells the process before of the feed's news, and hears the next one's.
    news: Vec<JoinHandle<()>>,
    stop: CancellationToken,
    drain: Duration,
}

/// What people and commands need to know of a start that went well.
pub(super) struct Started {
    /// Where everything listens, as bound.
    pub(super) running: Running,
    /// A one-time link to the console.
    pub(super) setup_link: String,
    /// The file to import to trust the certificates made here.
    pub(super) authority: PathBuf,
    /// Whether the demonstration site runs.
    pub(super) is_demonstration: bool,
}

impl Parts {
    /// Starts everything; on a failure what was started before is ended again.
    pub(super) async fn start(
        plan: &Plan,
        inherited: Inherited,
        stop: &CancellationToken,
        report: Report,
    ) -> Result<(Self, Started), Failure> {
        let records = open_records(&plan.config.data_dir).await?;
        let (publisher, subscription) = feed::in_process();
        let mut parts = Self {
            records,
            publisher,
            subscription,
            sockets: None,
            certificates: None,
            stop_control: stop.child_token(),
            running: None,
            control: None,
            edge: None,
            demo: None,
            stop_demo: CancellationToken::new(),
            keeper: None,
            geography: None,
            telemetry: Arc::new(Beside::default()),
            news: Vec::new(),
            stop: stop.clone(),
            drain: plan.config.edge.drain,
        };
        match parts.start_rest(plan, inherited, report).await {
            Ok(started) => Ok((parts, started)),
            Err(failure) => {
                stop.cancel();
                // The first failure is the one to tell; what ends badly after it follows from it.
                let _ = parts.join().await;
                Err(failure)
            }
        }
    }

    async fn start_rest(
        &mut self,
        plan: &Plan,
        inherited: Inherited,
        report: Report,
    ) -> Result<Started, Failure> {
        let config = &plan.config;
        self.sockets = Some(sockets(&config.control, &inherited)?);
        let certificates = edge_inputs::certificates(config)?;
        self.certificates = Some(Arc::clone(&certificates));
        let control = self.start_control(config).await?;
        let (listen, public) = (control.listen(), control.public());
        let setup_link = control.setup_link().await.map_err(Failure::failed);
        // From here on it is watched, so that its breaking down does not go unseen.
        self.control = Some(tokio::spawn(control.join()));
        let subscription = self.subscription.clone();
        let client = Client::at(listen, &config.data_dir)?;
        let revision = self.put_sites(plan, &client, report).await?;
        await_snapshot(subscription.clone(), revision).await;
        let authority = certificates.authority().certificate_path().to_owned();
        let (places, watch) = edge_inputs::places(config, report);
        self.geography = Some(tokio::spawn(watch.run(self.stop.clone())));
        let inputs = edge_inputs::gather(&config.data_dir, subscription, certificates, places, report)?;
        let options = edge_inputs::options(config, inherited);
        let edge = edge::start(options, inputs, self.stop.clone()).map_err(Failure::failed)?;
        self.telemetry.attach(&edge);
        let running = Running {
            pid: std::process::id(),
            control: listen,
            public,
            public_url: config.control.public_url.to_string(),
            http: edge.http().to_vec(),
            https: edge.https().to_vec(),
        };
        self.edge = Some(edge);
        // Once proofs are answered.
        self.start_keeper(config)?;
        running.write(&config.data_dir).map_err(Failure::failed)?;
        self.running = Some(running.clone());
        Ok(Started { running, setup_link: setup_link?, authority, is_demonstration: self.demo.is_some() })
    }

    async fn start_control(&self, config: &Config) -> Result<Control, Failure> {
        let options = control::Options {
            listen: config.control.listen,
            public: config.control.public,
            public_url: config.control.public_url.clone(),
            data_dir: config.data_dir.clone(),
            witnesses: config.control.witnesses.clone(),
        };
        let resolvers = Arc::new(match config.control.resolvers.as_slice() {
            [] => Resolvers::of_the_system(),
            servers => Resolvers::of_servers(servers),
        });
        let inputs = control::Inputs {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            records: Arc::clone(&self.records) as Arc<dyn records::Records>,
            publisher: self.publisher.clone(),
            telemetry: Arc::clone(&self.telemetry) as Arc<dyn control::Telemetry>,
            certificates: self.certificates.clone(),
            web: Arc::new(outbound::PublicWeb::new()),
            proof_web: Arc::new(outbound::PublicWeb::with(Box::new(Agreed(Arc::clone(&resolvers))))),
            resolvers,
            carrier: edge_inputs::carrier(config)?,
        };
        let sockets = self.sockets.as_ref().map(copies).transpose().map_err(Failure::failed)?;
        let sockets = sockets.ok_or_else(|| Failure::failed("the process is to end"))?;
        control::start_on(sockets, options, inputs, self.stop_control.clone()).await.map_err(Failure::failed)
    }

    /// Orders certificates, where that is wanted, as long as the control plane runs.
    fn start_keeper(&mut self, config: &Config) -> Result<(), Failure> {
        let Some(store) = &self.certificates else { return Ok(()) };
        let keeper = edge_inputs::keeper(config, store)?;
        self.keeper = keeper.map(|keeper| tokio::spawn(keeper.run(self.stop_control.clone())));
        Ok(())
    }

    async fn put_sites(&mut self, plan: &Plan, client: &Client, report: Report) -> Result<u64, Failure> {
        match &plan.sites {
            Sites::Given { request, document } => {
                super::origins::check(document, report).await;
                sites::apply(client, request, report).await
            }
            Sites::AsKept if sites::is_only_demonstration(client).await? => {
                let listener = sites::bind_demonstration().await?;
                let port = listener.local_addr().map_err(Failure::failed)?.port();
                self.demo = Some(self.serve_demonstration(listener));
                sites::apply(client, &sites::demonstration(port), report).await
            }
            Sites::AsKept => sites::revision(client).await,
        }
    }

    fn serve_demonstration(&self, listener: TcpListener) -> JoinHandle<()> {
        tokio::spawn(demo::serve(listener, self.stop_demo.clone()))
    }
}

impl Parts {
    /// Waits until a part ends that was not asked to.
    pub(super) async fn broken(&mut self) -> Failure {
        let Some(control) = self.control.as_mut() else { return std::future::pending().await };
        let ended = control.await;
        self.control = None;
        match ended {
            Ok(Ok(())) => Failure::failed("the control plane ended without being asked to"),
            Ok(Err(error)) => Failure::failed(error),
            Err(error) => Failure::failed(format!("the control plane broke down: {error}")),
        }
    }

    /// Waits for every part to end, all together at most [`FAREWELL`] longer than visitors have. Says what was cut.
    /// Call it once the token is cancelled.
    pub(super) async fn join(mut self) -> Result<Cut, Failure> {
        // Nobody answers on them any more.
        self.sockets = None;
        let mut end = Ending { at: Instant::now() + self.drain + FAREWELL, problems: Vec::new() };
        let mut cut = Cut::default();
        if let Some(edge) = self.edge {
            // Its threads are joined on a thread that may block.
            let joined = tokio::task::spawn_blocking(move || edge.join());
            cut = end.wait("the edge", joined).await.unwrap_or_default();
        }
        if let Some(geography) = self.geography {
            end.wait("the files that say where addresses are", geography).await;
        }
        if let Some(keeper) = self.keeper {
            end.wait("the ordering of certificates", keeper).await;
        }
        if let Some(control) = self.control {
            end.wait("the control plane", flat(control)).await;
        }
        self.news.iter().for_each(JoinHandle::abort);
        self.stop_demo.cancel();
        if let Some(demo) = self.demo {
            end.wait("the demonstration site", demo).await;
        }
        let closed = async {
            self.records.close().await;
            Ok::<_, Infallible>(())
        };
        end.wait("the records", closed).await;
        if end.problems.is_empty() { Ok(cut) } else { Err(Failure::failed(end.problems.join("; "))) }
    }
}

impl Parts {
    /// Tells the process before of measures and purges, until it has ended.
    pub(super) fn tell(&mut self, way: Way) {
        self.news.push(tokio::spawn(handover::tell(way, self.subscription.clone())));
    }

    /// Hears of them from the next process, until this one's visitors have finished; a process before this one, which is
    /// still there, hears them from here.
    pub(super) fn hear(&mut self, way: Way) {
        self.news.push(tokio::spawn(handover::hear(way, self.publisher.clone())));
    }

    /// Copies of all sockets of this process.
    pub(super) fn handover(&self) -> io::Result<Handover> {
        let edge = self.edge.as_ref().ok_or_else(|| io::Error::other("the edge has ended"))?;
        let mut all = edge.handover()?;
        if let Some(sockets) = &self.sockets {
            let Sockets { listen, public } = copies(sockets)?;
            all.listeners.extend([listen, public]);
        }
        Ok(all)
    }

    /// Lets go of what is kept on disk: the control plane ends, the records are closed, the edge serves from memory.
    pub(super) async fn let_go(&mut self) -> Result<(), Failure> {
        self.stop_control.cancel();
        let control = self.control.take();
        let edge = self.edge.as_ref().map(Edge::insight);
        let ended = match control {
            Some(control) => flat(control).await.map_err(Failure::failed),
            None => Ok(()),
        };
        if let Some(keeper) = self.keeper.take() {
            // It breaks down on its own at worst, and has been told then.
            let _ = keeper.await;
        }
        self.records.close().await;
        if let Some(edge) = edge {
            edge.let_go().await;
        }
        ended
    }

    /// Takes it up again, after the process that was to take over has failed.
    pub(super) async fn go_on(&mut self, config: &Config) -> Result<(), Failure> {
        if let Some(edge) = &self.edge {
            edge.insight().go_on();
        }
        self.records = open_records(&config.data_dir).await?;
        self.stop_control = self.stop.child_token();
        let control = self.start_control(config).await?;
        self.control = Some(tokio::spawn(control.join()));
        self.start_keeper(config)?;
        match &self.running {
            Some(running) => running.write(&config.data_dir).map_err(Failure::failed),
            None => Ok(()),
        }
    }
}

/// The control plane's sockets: those that are there, else new ones.
fn sockets(config: &crate::config::Control, inherited: &Inherited) -> Result<Sockets, Failure> {
    let one = |address: SocketAddr| {
        let bound = match inherited.of(address) {
            Ok(mut there) if !there.is_empty() => Ok(there.swap_remove(0)),
            Ok(_) => std::net::TcpListener::bind(address),
            Err(error) => Err(error),
        };
        let ready = bound.and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
        ready.map_err(|error| Failure::failed(format!("cannot listen on {address}: {error}")))
    };
    Ok(Sockets { listen: one(config.listen)?, public: one(config.public)? })
}

fn copies(sockets: &Sockets) -> io::Result<Sockets> {
    Ok(Sockets { listen: sockets.listen.try_clone()?, public: sockets.public.try_clone()? })
}

/// The end that all parts share, and what went wrong on the way there.
struct Ending {
    at: Instant,
    problems: Vec<String>,
}

impl Ending {
    async fn wait<T, E: Display>(
        &mut self,
        name: &str,
        part: impl Future<Output = Result<T, E>>,
    ) -> Option<T> {
        match timeout_at(self.at, part).await {
            Ok(Ok(ended)) => return Some(ended),
            Ok(Err(error)) => self.problems.push(format!("{name}: {error}")),
            Err(_) => self.problems.push(format!("{name} did not end in time")),
        }
        None
    }
}

/// Until the feed has the sites just applied, so that the edge takes them with its first look and no
/// visitor comes too early. Too late is no failure: the edge then starts with what its replica holds.
async fn await_snapshot(mut feed: Subscription, revision: u64) {
    let arrived = async { while feed.changed().await.is_ok_and(|parcel| parcel.revision < revision) {} };
    let _ = timeout(FIRST_SNAPSHOT, arrived).await;
}

async fn flat(task: JoinHandle<Result<(), StartError>>) -> Result<(), String> {
    match task.await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

async fn open_records(data_dir: &Path) -> Result<Arc<SqliteRecords>, Failure> {
    let opened = SqliteRecords::open(&data_dir.join(super::RECORDS_FILE)).await;
    opened.map(Arc::new).map_err(Failure::failed)
}
