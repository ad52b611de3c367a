//! Asking origins how they are, for the whole process and beside the workers.
//!
//! Each origin of a site that wants it has a watch of its own: a task that asks, waits and asks again, ended
//! when the origin or the setting goes. Bounded: [`AT_ONCE_MAX`] checks at a time, the others wait their turn.

use super::answer::{Asked, Framing};
use super::connect::Connector;
use super::connection::OriginConnection;
use super::http2;
use super::stream::OriginStream;
use super::upstream::{Member, UpstreamTable};
use crate::request::Length;
use crate::worker::Shared;
use balance::{Change, Probed, Thresholds, jittered};
use bytes::BytesMut;
use snapshot::{HealthCheck, Probe};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use vocabulary::Random;

/// Checks under way at a time.
pub(crate) const AT_ONCE_MAX: usize = 64;

/// What checks origins; run it once.
pub(crate) struct Checks {
    shared: Arc<Shared>,
    asker: Arc<Asker>,
    watches: Vec<Watch>,
    running: JoinSet<()>,
}

/// An origin that is asked.
struct Watch {
    member: Arc<Member>,
    health: HealthCheck,
    task: AbortHandle,
}

/// What a watch asks with.
struct Asker {
    shared: Arc<Shared>,
    connector: Arc<Connector>,
    random: Arc<dyn Random>,
    turns: Semaphore,
}

impl Checks {
    pub(crate) fn new(shared: Arc<Shared>, connector: Arc<Connector>, random: Arc<dyn Random>) -> Self {
        let turns = Semaphore::new(AT_ONCE_MAX);
        let asker = Asker { shared: Arc::clone(&shared), connector, random, turns };
        Self { shared, asker: Arc::new(asker), watches: Vec::new(), running: JoinSet::new() }
    }

    /// Follows what is served until the edge stops.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let mut replaced = self.shared.replaced.subscribe();
        loop {
            replaced.mark_unchanged();
            let serving = self.shared.serving.load_full();
            self.follow(&serving.upstreams);
            tokio::select! {
                () = stopping.cancelled() => return self.running.shutdown().await,
                changed = replaced.changed() => if changed.is_err() { return },
            }
            while self.running.try_join_next().is_some() {}
        }
    }

    /// Begins and ends watches, so that there is one for each origin that is to be asked.
    fn follow(&mut self, table: &UpstreamTable) {
        let mut wanted = Vec::new();
        for upstream in table.values() {
            let Some(health) = &upstream.policy().health else { continue };
            wanted.extend(upstream.members().iter().map(|member| (member, health)));
        }
        let (kept, ended): (Vec<_>, Vec<_>) = self
            .watches
            .drain(..)
            .partition(|watch| wanted.iter().any(|(member, health)| watch.is_for(member, health)));
        for watch in ended {
            watch.task.abort();
            // What nobody asks is not known to be down.
            watch.member.condition.set_up(true);
        }
        wanted.retain(|(member, health)| !kept.iter().any(|watch| watch.is_for(member, health)));
        self.watches = kept;
        for (member, health) in wanted {
            let (member, health) = (Arc::clone(member), health.clone());
            let watching = watch(Arc::clone(&self.asker), Arc::clone(&member), health.clone());
            let task = self.running.spawn(watching);
            self.watches.push(Watch { member, health, task });
        }
    }
}

impl Watch {
    fn is_for(&self, member: &Arc<Member>, health: &HealthCheck) -> bool {
        Arc::ptr_eq(&self.member, member) && self.health == *health
    }
}

async fn watch(asker: Arc<Asker>, member: Arc<Member>, health: HealthCheck) {
    let thresholds = Thresholds { fall: health.fall, rise: health.rise };
    let interval = Duration::from_millis(health.interval_ms.into());
    let mut probed = Probed::default();
    loop {
        let passed = asker.passes(&member, &health).await;
        let (next, change) = probed.after(passed, thresholds);
        probed = next;
        match change {
            Some(Change::Fell) => {
                tracing::warn!(origin = %member, "the origin does not pass its checks and is taken to be down");
                member.condition.set_up(false);
            }
            Some(Change::Rose) => {
                tracing::info!(origin = %member, "the origin passes its checks again");
                member.condition.returned(asker.shared.clock.now());
            }
            None => {}
        }
        sleep(jittered(interval, u64::from_le_bytes(asker.random.bytes()))).await;
    }
}

impl Asker {
    /// One check.
    async fn passes(&self, member: &Member, health: &HealthCheck) -> bool {
        // Never closed.
        let Ok(_turn) = self.turns.acquire().await else { return false };
        let patience = Duration::from_millis(health.timeout_ms.into());
        let asking = async {
            let versions = member.versions();
            let stream = self.connector.connect(member, versions, patience).await.ok()?;
            match &health.probe {
                Probe::Tcp => Some(true),
                Probe::Http { path, host, status_min, status_max } => {
                    let asked = Probing { member, path, host: host.as_deref() };
                    let status = match stream.speaks_http2(versions) {
                        true => http2::status(stream, member.origin.scheme, |out| asked.write(out)).await?,
                        false => asked.status(stream).await?,
                    };
                    Some((*status_min..=*status_max).contains(&status))
                }
            }
        };
        timeout(patience, asking).await.ok().flatten().unwrap_or(false)
    }
}

/// The GET of a check.
struct Probing<'c> {
    member: &'c Member,
    path: &'c str,
    host: Option<&'c str>,
}

impl Probing<'_> {
    /// The request line and the fields, but for the empty line behind them.
    fn write(&self, out: &mut BytesMut) {
        let own;
        let host = match self.host {
            Some(host) => host,
            None => {
                own = self.member.to_string();
                own.split_once("://").map_or("", |(_, host)| host)
            }
        };
        for part in ["GET ", self.path, " HTTP/1.1\r\nhost: ", host, "\r\nuser-agent: wardmote-health\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"accept: */*\r\nconnection: close\r\n");
    }

    /// The status of the answer by HTTP/1.1.
    async fn status(&self, stream: OriginStream) -> Option<u16> {
        let mut connection = OriginConnection::new(stream);
        let asked = Asked { is_head: false, upgrade: false };
        connection.begin(asked, Length::None, |out| self.write(out));
        loop {
            let head = poll_fn(|cx| connection.poll_head(cx)).await.ok()?;
            if head.framing != Framing::Interim {
                return Some(head.status.as_u16());
            }
        }
    }
}
