//! Sends the window of kept purges to the edges and notes what they say.

use crate::plane::Plane;
use caching::PurgeWindow;
use records::StoreError;
use records::bounds::PURGES_KEPT_MAX;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest time between two looks at the records, even when nothing woke the reconciler.
const LOOK: Duration = Duration::from_secs(5);
/// The alarm's name, and its subject.
const ALARM: (&str, &str) = ("reconciler-failing", "purges");

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Feed(#[from] feed::PublishError),
}

/// Runs until stopped: when a purge was kept, when an edge reports, and every few seconds.
///
/// It has a task of its own, so that no purge waits for the proof of a bundle.
pub(crate) async fn spread_out(plane: Arc<Plane>, stop: CancellationToken) {
    let mut reports = 0;
    let mut window = None;
    loop {
        match reconcile(&plane, &mut window).await {
            Ok(()) => plane.alarms.clear(ALARM.0, ALARM.1),
            Err(error) => plane.alarms.raise(ALARM.0, ALARM.1, error, plane.clock.now()),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = plane.purging.wake.notified() => {}
            seen = plane.publisher.reported(reports) => reports = seen,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// `window` is what this process has published; `None` before the first.
async fn reconcile(plane: &Plane, window: &mut Option<PurgeWindow>) -> Result<(), Failed> {
    let receipts = plane.publisher.receipts();
    let mut present = plane.records.purge_revision().await?;
    let farthest = receipts.iter().map(|receipt| receipt.purged).max().unwrap_or(0);
    if farthest > present {
        // The records were put back to before purges that edges hold. Counting on from there would have
        // edges pass over new purges, so the count jumps ahead and every edge revalidates what it holds.
        tracing::warn!(
            farthest,
            present,
            "edges hold later purges than the records; all copies are distrusted"
        );
        present = plane.records.skip_purges(farthest + 1).await?;
    }
    if window.as_ref().is_none_or(|window| window.revision() < present) {
        let from = window.as_ref().map_or(0, PurgeWindow::revision);
        let later = plane.records.purges_after(from).await?;
        let whole = joined(window.take(), later);
        plane.publisher.purge(whole.clone()).await?;
        *window = Some(whole);
    }
    let now = plane.clock.now();
    if plane.purging.spread.send_if_modified(|spread| spread.note(&receipts, present, now)) {
        plane.live.purged();
    }
    Ok(())
}

/// One window of what was published and what came later, cut to the latest.
fn joined(earlier: Option<PurgeWindow>, later: PurgeWindow) -> PurgeWindow {
    let Some(mut window) = earlier.filter(|window| window.revision() == later.after) else { return later };
    window.purges.extend(later.purges);
    let surplus = window.purges.len().saturating_sub(PURGES_KEPT_MAX as usize);
    if let Some(last) = window.purges.drain(..surplus).next_back() {
        window.after = last.revision;
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;
    use caching::{Purge, PurgeTarget};
    use vocabulary::SiteId;

    fn window(after: u64, to: u64) -> PurgeWindow {
        let site = SiteId::from_bytes([1; 16]);
        let purge = |revision| Purge { revision, site, target: PurgeTarget::Everything, soft: false };
        PurgeWindow { after, purges: (after + 1..=to).map(purge).collect() }
    }

    #[test]
    fn windows_join_where_they_meet_and_stay_bounded() {
        assert_eq!(joined(None, window(3, 5)), window(3, 5));
        assert_eq!(joined(Some(window(3, 5)), window(5, 6)), window(3, 6));
        assert_eq!(joined(Some(window(3, 5)), window(9, 9)), window(9, 9), "some were skipped");
        let full = joined(Some(window(0, PURGES_KEPT_MAX)), window(PURGES_KEPT_MAX, PURGES_KEPT_MAX + 10));
        assert_eq!(full, window(10, PURGES_KEPT_MAX + 10));
    }
}
