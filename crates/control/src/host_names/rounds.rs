//! When names are looked at: whatever is due, a few at a time, again and again.
//!
//! Takes no input but the claims, so a restart or a lost wake-up is mended by the next round.

use super::{HostRefusal, look};
use crate::plane::Plane;
use ownership::{Claim, ClaimState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vocabulary::{AccountId, SitePattern};

/// Longest time between two rounds.
const TICK: Duration = Duration::from_secs(1);
/// Looks under way at once.
const LOOKS_MAX: usize = 8;
/// The alarm for a name in service whose proof is gone, or that another account has proved too.
const IN_DOUBT: &str = "host-in-doubt";
/// The alarm while claims cannot be kept.
const FAILING: &str = "host-names-failing";

type Key = (SitePattern, AccountId);

/// Looks at names until it is stopped.
pub(crate) async fn watch(plane: Arc<Plane>, stop: CancellationToken) {
    let mut looks: JoinSet<(Key, Result<(), HostRefusal>)> = JoinSet::new();
    let mut under_way: BTreeSet<Key> = BTreeSet::new();
    loop {
        note(&plane, let_time_pass(&plane).await);
        for claim in due(&plane, &under_way, LOOKS_MAX.saturating_sub(looks.len())) {
            let key = (claim.pattern().clone(), claim.account());
            under_way.insert(key.clone());
            let plane = Arc::clone(&plane);
            looks.spawn(async move { (key, look_at(&plane, &claim).await) });
        }
        tokio::select! {
            () = stop.cancelled() => return looks.shutdown().await,
            () = plane.host_names.wake.notified() => {}
            Some(done) = looks.join_next() => match done {
                Ok((key, outcome)) => {
                    under_way.remove(&key);
                    note(&plane, outcome);
                }
                Err(error) => {
                    tracing::error!(%error, "a look at a name broke down");
                    under_way.clear();
                }
            },
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

async fn look_at(plane: &Plane, claim: &Claim) -> Result<(), HostRefusal> {
    let observed = look::observe(&plane.host_names, claim).await;
    let verdict = claim.judge(plane.public_url.host(), &observed, plane.clock.now());
    plane.looked_at_host(claim, verdict).await
}

/// The claims that are due, those first that have waited longest.
fn due(plane: &Plane, under_way: &BTreeSet<Key>, room: usize) -> Vec<Claim> {
    let now = plane.clock.now();
    let register = plane.host_names.register();
    let waits = |claim: &&Claim| {
        claim.is_due(now) && !under_way.contains(&(claim.pattern().clone(), claim.account()))
    };
    let mut due: Vec<&Claim> = register.claims().filter(waits).collect();
    due.sort_by_key(|claim| claim.looked().next);
    due.into_iter().take(room).cloned().collect()
}

/// What time alone brings about: graces and quarantines that are over.
async fn let_time_pass(plane: &Plane) -> Result<(), HostRefusal> {
    let passed = plane.host_names.register().passed(plane.clock.now());
    if !passed.is_empty() {
        let _turn = plane.host_names.turn().await;
        // Planned anew: the turn may have been waited for.
        let passed = plane.host_names.register().passed(plane.clock.now());
        for claim in &passed {
            tracing::warn!(name = %claim.pattern(), account = %claim.account(), state = ?claim.state(),
                "a claim to a host name ended its time");
        }
        plane.host_names.keep(&*plane.records, passed).await?;
        plane.wake.notify_one();
    }
    tell(plane);
    Ok(())
}

/// The operator sees what is served and in doubt, with the time that is left.
fn tell(plane: &Plane) {
    let now = plane.clock.now();
    let mut standing = BTreeSet::new();
    for claim in plane.host_names.register().claims() {
        let text = match claim.state() {
            ClaimState::Served { failing_since: Some(since), .. } => {
                let until = since.plus(ownership::FAILING_MAX);
                format!("its proof is gone; it is taken off at {until} if it does not come back")
            }
            ClaimState::Contested { since, by, .. } => {
                let until = since.plus(ownership::CONTEST_LASTS);
                format!(
                    "{by} has proved it too; {} loses it at {until} unless it proves it in DNS",
                    claim.account()
                )
            }
            _ => continue,
        };
        plane.alarms.raise(IN_DOUBT, claim.pattern(), text, now);
        standing.insert(claim.pattern().to_string());
    }
    plane.alarms.clear_where(IN_DOUBT, |subject| !standing.contains(subject));
}

fn note(plane: &Plane, outcome: Result<(), HostRefusal>) {
    match outcome {
        Ok(()) => plane.alarms.clear(FAILING, "claims"),
        Err(error) => plane.alarms.raise(FAILING, "claims", error, plane.clock.now()),
    }
}
