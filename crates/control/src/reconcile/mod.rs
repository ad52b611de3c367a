//! The reconcilers: each looks at what is recorded and brings the rest of the world up to it.
//!
//! They take no input but the records, so a restart, a lost wake-up or a failed step is mended by the
//! next pass. Each is one file; this one owns when they run and what is said when one fails.
//!
//! `terminations` deletes the settings of sites whose service has ended · `lapse` ends leases · `duress` tells of signatures that were forced · `log` puts approved decisions into the log · `follow` does the same with what
//! follows them, and chases the clocks of appeals · `suspension` sets all measures aside · `statements` publishes what is
//! logged · `notify` queues letters to customers · `orders` watches what authorities wait for · `triage` watches the
//! clock of reports of danger · `policies` takes up published versions · `mechanism` counts what cases add up to · `counts` tells each day's cases and reports · `unseal` opens what was sealed until a
//! date · `erasures` erases confidential fields · subscribers are told by [`crate::subscriptions`] · `plan` sends sites and bundles to the edges · `receipts` notes what the edges say, and `gaps` where one stopped · `alarms` keeps those that stand.

mod alarms;
mod counts;
mod duress;
mod erasures;
mod follow;
mod gaps;
mod lapse;
mod log;
mod notify;
mod orders;
mod plan;
mod receipts;
mod statements;
mod suspension;
mod terminations;
mod triage;
mod unseal;

use crate::bundles::BundleError;
use crate::plane::Plane;
use crate::sequencer::{Stopped, WriterError};
use casework::{Decision, DecisionRefusal};
use records::{ApplyError, PutError, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use alarms::recall as recall_alarms;
pub(crate) use counts::CountedDays;
pub(crate) use log::has_enough;
pub(crate) use plan::Planned;
pub(crate) use unseal::SealedEntries;

/// Longest time between two looks at the leases.
const TICK: Duration = Duration::from_millis(200);
/// Longest time between two full passes, even when nothing woke them.
const FULL: Duration = Duration::from_secs(5);
/// Most rounds of one pass; each moves at least one decision on.
const ROUNDS_MAX: usize = 16;

/// Whether a reconciler changed something that others may have to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It did.
    Yes,
    /// Everything was as it should be, or waits for somebody else.
    No,
}

/// Why a reconciler could not do its work; the next pass tries again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error("{0}")]
    Store(StoreError),
    #[error("{0}")]
    Put(PutError),
    #[error("{0}")]
    Apply(ApplyError),
    #[error("{0}")]
    Log(WriterError),
    #[error("{0}")]
    Submit(Stopped),
    #[error("{0}")]
    Bundle(BundleError),
    #[error("{0}")]
    Decision(DecisionRefusal),
    #[error("{0}")]
    Feed(feed::PublishError),
    #[error("{0}")]
    Damaged(String),
}

impl From<StoreError> for ReconcileError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DecisionRefusal> for ReconcileError {
    fn from(error: DecisionRefusal) -> Self {
        Self::Decision(error)
    }
}

/// Keeps a decision's next state. A lost race is no failure: the next round sees the newer version.
async fn keep(plane: &Plane, decision: Decision, version: u64) -> Result<Moved, ReconcileError> {
    match plane.docket.put(decision, version).await {
        Ok(_) => Ok(Moved::Yes),
        Err(PutError::Conflict { .. }) => Ok(Moved::Yes),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}

/// Runs the reconcilers until stopped: when woken, when an edge reports, and several times a second for
/// the leases.
pub(crate) async fn run(plane: Arc<Plane>, mut planned: Planned, stop: CancellationToken) {
    let mut reports = 0;
    let mut full = true;
    let mut last_full = Instant::now();
    loop {
        let ended = !full && attempt(&plane, "lapse", lapse::reconcile(&plane)).await == Moved::Yes;
        if full || ended {
            last_full = Instant::now();
            pass(&plane, &mut planned).await;
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = plane.wake.notified() => full = true,
            seen = plane.publisher.reported(reports) => (reports, full) = (seen, true),
            () = tokio::time::sleep(TICK) => full = last_full.elapsed() >= FULL,
        }
    }
    attempt(&plane, "alarms", alarms::reconcile(&plane)).await;
}

/// One full pass: all reconcilers, round by round until nothing moves.
pub(crate) async fn pass(plane: &Plane, planned: &mut Planned) {
    for _ in 0..ROUNDS_MAX {
        let moved = [
            attempt(plane, "terminations", terminations::reconcile(plane)).await,
            attempt(plane, "lapse", lapse::reconcile(plane)).await,
            attempt(plane, "duress", duress::reconcile(plane)).await,
            attempt(plane, "log", log::reconcile(plane)).await,
            attempt(plane, "follow", follow::reconcile(plane)).await,
            attempt(plane, "orders", orders::reconcile(plane)).await,
            attempt(plane, "suspension", suspension::reconcile(plane)).await,
            attempt(plane, "counts", counts::reconcile(plane)).await,
            attempt(plane, "policies", policies(plane)).await,
            attempt(plane, "mechanism", crate::record::count_mechanism(plane)).await,
            attempt(plane, "unseal", unseal::reconcile(plane)).await,
            attempt(plane, "erasures", erasures::reconcile(plane)).await,
            attempt(plane, "triage", triage::reconcile(plane)).await,
            attempt(plane, "statements", statements::reconcile(plane)).await,
            attempt(plane, "notify", notify::reconcile(plane)).await,
            attempt(plane, "subscriptions", crate::subscriptions::reconcile(plane)).await,
            attempt(plane, "plan", plan::reconcile(plane, planned)).await,
            attempt(plane, "receipts", receipts::reconcile(plane)).await,
        ];
        if moved.iter().all(|moved| *moved == Moved::No) {
            break;
        }
    }
    attempt(plane, "alarms", alarms::reconcile(plane)).await;
}

/// Takes up a version of the policy whose entry was written after its publisher had stopped waiting.
async fn policies(plane: &Plane) -> Result<Moved, ReconcileError> {
    let learnt = plane.learn_policies().await;
    learnt.map(|()| Moved::No).map_err(|error| ReconcileError::Damaged(error.to_string()))
}

/// Runs one reconciler; a failure becomes an alarm that stands until it works again.
async fn attempt(
    plane: &Plane,
    name: &'static str,
    work: impl Future<Output = Result<Moved, ReconcileError>>,
) -> Moved {
    match work.await {
        Ok(moved) => {
            plane.alarms.clear("reconciler-failing", name);
            moved
        }
        Err(error) => {
            plane.alarms.raise("reconciler-failing", name, error, plane.clock.now());
            Moved::No
        }
    }
}
