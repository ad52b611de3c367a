//! The parts of one process and their order: records, control plane, sites, edge; back again at the end.
//!
//! Invariant: whatever was started is joined here, also when a later part fails to start.

mod edge_inputs;
mod telemetry;

use super::plan::{Plan, Sites};
use super::report::Report;
use super::sites;
use crate::ambient::{SystemClock, SystemRandom};
use crate::client::{Client, Running};
use crate::config::Config;
use crate::demo;
use crate::exit::Failure;
use certificates::CertificateStore;
use control::Control;
use edge::Edge;
use records_sql::SqliteRecords;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use telemetry::Beside;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the parts may take to end once they were asked to: what the edge grants its visitors, and a
/// little for the rest.
const FAREWELL: Duration = Duration::from_secs(12);
/// How long the first snapshot may take before the edge starts without it.
const FIRST_SNAPSHOT: Duration = Duration::from_secs(10);

/// Everything that runs in this process.
pub(super) struct Parts {
    records: Arc<SqliteRecords>,
    control: Option<Control>,
    edge: Option<Edge>,
    demo: Option<JoinHandle<()>>,
    telemetry: Arc<Beside>,
    certificates: Option<Arc<CertificateStore>>,
    stop: CancellationToken,
}

impl Parts {
    /// Starts everything; on a failure what was started before is ended again.
    pub(super) async fn start(
        plan: &Plan,
        stop: &CancellationToken,
        report: Report,
    ) -> Result<Self, Failure> {
        let records = open_records(&plan.config.data_dir).await?;
        let mut parts = Self {
            records,
            control: None,
            edge: None,
            demo: None,
            telemetry: Arc::new(Beside::default()),
            certificates: None,
            stop: stop.clone(),
        };
        match parts.start_rest(plan, report).await {
            Ok(()) => Ok(parts),
            Err(failure) => {
                stop.cancel();
                parts.join().await?;
                Err(failure)
            }
        }
    }

    async fn start_rest(&mut self, plan: &Plan, report: Report) -> Result<(), Failure> {
        let config = &plan.config;
        let (publisher, subscription) = feed::in_process();
        let control = control::start(
            control::Options {
                listen: config.control.listen,
                public: config.control.public,
                public_url: config.control.public_url.clone(),
                data_dir: config.data_dir.clone(),
            },
            control::Inputs {
                clock: Arc::new(SystemClock),
                random: Arc::new(SystemRandom),
                records: Arc::clone(&self.records) as Arc<dyn records::Records>,
                publisher: publisher.clone(),
                telemetry: Arc::clone(&self.telemetry) as Arc<dyn control::Telemetry>,
            },
            self.stop.clone(),
        )
        .await
        .map_err(Failure::failed)?;
        let listen = control.listen();
        self.control = Some(control);
        let client = Client::at(listen, &config.data_dir)?;
        self.put_sites(plan, &client, report).await?;
        // The edge takes the sites just applied with its first look, so that no visitor comes too early.
        let mut first = subscription.clone();
        let _ = tokio::time::timeout(FIRST_SNAPSHOT, first.changed()).await;
        let inputs = edge_inputs::gather(&config.data_dir, subscription, report)?;
        self.certificates = Some(Arc::clone(&inputs.certificates));
        let edge =
            edge::start(edge_inputs::options(config), inputs, self.stop.clone()).map_err(Failure::failed)?;
        self.telemetry.attach(&edge);
        self.edge = Some(edge);
        self.running(config).write(&config.data_dir).map_err(Failure::failed)
    }

    async fn put_sites(&mut self, plan: &Plan, client: &Client, report: Report) -> Result<(), Failure> {
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
            Sites::AsKept => Ok(()),
        }
    }

    fn serve_demonstration(&self, listener: TcpListener) -> JoinHandle<()> {
        tokio::spawn(demo::serve(listener, self.stop.clone()))
    }
}

impl Parts {
    fn running(&self, config: &Config) -> Running {
        let listens =
            |of: fn(&Edge) -> &[SocketAddr]| self.edge.as_ref().map(of).unwrap_or_default().to_vec();
        let (control, public) =
            self.control.as_ref().map_or((config.control.listen, config.control.public), |control| {
                (control.listen(), control.public())
            });
        Running {
            pid: std::process::id(),
            control,
            public,
            public_url: config.control.public_url.to_string(),
            http: listens(Edge::http),
            https: listens(Edge::https),
        }
    }

    /// Where the parts listen, as bound.
    pub(super) fn addresses(&self, config: &Config) -> Running {
        self.running(config)
    }

    /// The file to import to trust the certificates made here.
    pub(super) fn authority(&self) -> Option<&Path> {
        self.certificates.as_deref().map(|store| store.authority().certificate_path())
    }

    /// Whether the demonstration site runs.
    pub(super) fn has_demonstration(&self) -> bool {
        self.demo.is_some()
    }

    /// A fresh one-time link to the console.
    pub(super) async fn setup_link(&self) -> Result<String, Failure> {
        match &self.control {
            Some(control) => control.setup_link().await.map_err(Failure::failed),
            None => Err(Failure::failed("there is no control plane")),
        }
    }

    /// Waits for every part to end, all together at most [`FAREWELL`]. Call it once the token is cancelled.
    pub(super) async fn join(self) -> Result<(), Failure> {
        let mut end = Ending { at: Instant::now() + FAREWELL, problems: Vec::new() };
        if let Some(edge) = self.edge {
            // Its threads are joined on a thread that may block.
            let joined = tokio::task::spawn_blocking(move || edge.join());
            end.wait("the edge", joined).await;
        }
        if let Some(control) = self.control {
            end.wait("the control plane", control.join()).await;
        }
        if let Some(demo) = self.demo {
            end.wait("the demonstration site", demo).await;
        }
        end.wait("the records", async { Ok::<_, Infallible>(self.records.close().await) }).await;
        if end.problems.is_empty() { Ok(()) } else { Err(Failure::failed(end.problems.join("; "))) }
    }
}

/// The end that all parts share, and what went wrong on the way there.
struct Ending {
    at: Instant,
    problems: Vec<String>,
}

impl Ending {
    async fn wait<E: Display>(&mut self, name: &str, part: impl Future<Output = Result<(), E>>) {
        match timeout_at(self.at, part).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.problems.push(format!("{name}: {error}")),
            Err(_) => self.problems.push(format!("{name} did not end within {} s", FAREWELL.as_secs())),
        }
    }
}

async fn open_records(data_dir: &Path) -> Result<Arc<SqliteRecords>, Failure> {
    let opened = SqliteRecords::open(&data_dir.join(super::RECORDS_FILE)).await;
    opened.map(Arc::new).map_err(Failure::failed)
}
