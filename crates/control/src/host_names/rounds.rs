//! When names are looked at: whatever is due, a few at a time, again and again.
//!
//! Takes no input but the claims, so a restart or a lost wake-up is mended by the next round.

use super::queue::{Key, Queue, key};
use super::{HostRefusal, look};
use crate::plane::Plane;
use ownership::{Claim, ClaimState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vocabulary::{AccountId, SiteId};

/// Longest time between two rounds.
const TICK: Duration = Duration::from_secs(1);
/// The alarm for a name in service whose proof is gone, or that another account has proved too.
const IN_DOUBT: &str = "host-in-doubt";
/// The alarm while claims cannot be kept.
const FAILING: &str = "host-names-failing";

/// Looks at names until it is stopped.
pub(crate) async fn watch(plane: Arc<Plane>, stop: CancellationToken) {
    let mut looks: JoinSet<(Key, Result<(), HostRefusal>)> = JoinSet::new();
    let mut queue = Queue::default();
    let mut swept = None;
    loop {
        note(&plane, let_time_pass(&plane, &mut swept).await);
        let now = plane.clock.now();
        let due = queue.next(plane.host_names.register().claims(), now);
        for claim in due {
            let plane = Arc::clone(&plane);
            looks.spawn(async move { (key(&claim), look_at(&plane, &claim).await) });
        }
        tokio::select! {
            () = stop.cancelled() => return looks.shutdown().await,
            () = plane.host_names.wake.notified() => {}
            Some(done) = looks.join_next() => match done {
                Ok((key, outcome)) => {
                    queue.ended(key, outcome.is_ok(), plane.clock.now());
                    note(&plane, outcome);
                }
                Err(error) => {
                    tracing::error!(%error, "a look at a name broke down");
                    queue.broke_down(plane.clock.now());
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

/// Lets go of names whose site went, those that need no proof and are never looked at among them. `swept`: the
/// revision of the sites that this was last done for.
async fn release_orphans(plane: &Plane, swept: &mut Option<u64>) -> Result<(), HostRefusal> {
    if *swept == Some(plane.records.revision().await?) {
        return Ok(());
    }
    let _turn = plane.host_names.turn().await;
    let fleet = plane.records.fleet().await?;
    let owners: BTreeMap<SiteId, AccountId> =
        fleet.sites.iter().map(|site| (site.id, site.account)).collect();
    let is_orphan = |claim: &&Claim| {
        let is_kept_away = matches!(claim.state(), ClaimState::Quarantined { .. });
        !is_kept_away && owners.get(&claim.site()) != Some(&claim.account())
    };
    let released: Result<Vec<Claim>, _> = {
        let (register, now) = (plane.host_names.register(), plane.clock.now());
        let orphans = register.claims().filter(is_orphan);
        orphans.map(|claim| register.release(claim.pattern(), claim.account(), now)).collect()
    };
    let released = released?;
    if !released.is_empty() {
        plane.host_names.keep(&*plane.records, released).await?;
        plane.wake.notify_one();
    }
    *swept = Some(fleet.revision);
    Ok(())
}

/// What time alone brings about: claims, contests and quarantines that are over, and sites that went.
async fn let_time_pass(plane: &Plane, swept: &mut Option<u64>) -> Result<(), HostRefusal> {
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
    release_orphans(plane, swept).await
}

/// The operator sees what is served and in doubt, with the time that is left.
fn tell(plane: &Plane) {
    let now = plane.clock.now();
    let mut standing = BTreeSet::new();
    for claim in plane.host_names.register().claims() {
        let text = match claim.state() {
            ClaimState::Served { failing_since: Some(since), .. } => {
                let until = since.plus(ownership::FAILING_MAX);
                format!("its proof is gone; it is taken off after {until} if it does not come back")
            }
            ClaimState::Contested { since, by, .. } => {
                let until = since.plus(ownership::CONTEST_LASTS);
                format!(
                    "{by} has proved it too; {} loses it after {until} unless it proves it in DNS",
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
