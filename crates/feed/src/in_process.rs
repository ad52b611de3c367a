//! The feed inside one process: watched cells for parcels and purges, a locked book for receipts.

use crate::receipt::ReceiptBook;
use crate::{Ended, Inlet, Outlet, PublishError, Publisher, Receipt, Subscription};
use async_trait::async_trait;
use caching::PurgeWindow;
use snapshot::Parcel;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// A feed between a control plane and edges of the same process.
pub fn in_process() -> (Publisher, Subscription) {
    let (parcels, seen) = watch::channel(None);
    let (purges, purges_seen) = watch::channel(None);
    let receipts = Arc::new(Receipts { book: Mutex::default(), count: watch::channel(0).0 });
    let outlet = LocalOutlet { parcels, purges, receipts: Arc::clone(&receipts) };
    let inlet = LocalInlet { seen, purges_seen, receipts };
    (Publisher::new(Arc::new(outlet)), Subscription::new(Box::new(inlet)))
}

struct Receipts {
    book: Mutex<ReceiptBook>,
    count: watch::Sender<u64>,
}

impl Receipts {
    fn book(&self) -> MutexGuard<'_, ReceiptBook> {
        // Entering a receipt leaves the book whole at each step, so a poisoned one is still good.
        self.book.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

struct LocalOutlet {
    parcels: watch::Sender<Option<Arc<Parcel>>>,
    purges: watch::Sender<Option<Arc<PurgeWindow>>>,
    receipts: Arc<Receipts>,
}

#[async_trait]
impl Outlet for LocalOutlet {
    async fn publish(&self, parcel: Arc<Parcel>) -> Result<(), PublishError> {
        let offered = parcel.revision;
        let mut refusal = None;
        self.parcels.send_if_modified(|held| {
            let newest = held.as_ref().map(|held| held.revision);
            refusal = newest
                .filter(|published| *published >= offered)
                .map(|published| PublishError::NotNewer { published, offered });
            if refusal.is_none() {
                *held = Some(parcel);
            }
            refusal.is_none()
        });
        refusal.map_or(Ok(()), Err)
    }

    fn current(&self) -> Option<Arc<Parcel>> {
        self.parcels.borrow().clone()
    }

    async fn purge(&self, window: Arc<PurgeWindow>) -> Result<(), PublishError> {
        let offered = window.revision();
        let mut refusal = None;
        self.purges.send_if_modified(|held| {
            let published = held.as_ref().map(|held| held.revision());
            if let Some(published) = published.filter(|published| *published >= offered) {
                let older = published > offered;
                refusal = older.then_some(PublishError::NotNewer { published, offered });
                return false;
            }
            *held = Some(window);
            true
        });
        refusal.map_or(Ok(()), Err)
    }

    fn purges(&self) -> Option<Arc<PurgeWindow>> {
        self.purges.borrow().clone()
    }

    fn receipts(&self) -> Vec<Receipt> {
        self.receipts.book().all()
    }

    async fn reported(&self, seen: u64) -> u64 {
        let mut count = self.receipts.count.subscribe();
        let news = count.wait_for(|count| *count > seen).await.map(|count| *count);
        match news {
            Ok(count) => count,
            // Cannot happen while `self` holds the sender; waiting for ever is what the port promises.
            Err(_) => std::future::pending().await,
        }
    }
}

struct LocalInlet {
    seen: watch::Receiver<Option<Arc<Parcel>>>,
    purges_seen: watch::Receiver<Option<Arc<PurgeWindow>>>,
    receipts: Arc<Receipts>,
}

#[async_trait]
impl Inlet for LocalInlet {
    fn current(&mut self) -> Option<Arc<Parcel>> {
        self.seen.borrow_and_update().clone()
    }

    async fn changed(&mut self) -> Result<Arc<Parcel>, Ended> {
        loop {
            self.seen.changed().await.map_err(|_| Ended)?;
            if let Some(parcel) = self.current() {
                return Ok(parcel);
            }
        }
    }

    fn purges(&mut self) -> Option<Arc<PurgeWindow>> {
        self.purges_seen.borrow_and_update().clone()
    }

    async fn purges_changed(&mut self) -> Result<Arc<PurgeWindow>, Ended> {
        loop {
            self.purges_seen.changed().await.map_err(|_| Ended)?;
            if let Some(window) = self.purges() {
                return Ok(window);
            }
        }
    }

    fn report(&self, receipt: Receipt) {
        let count = {
            let mut book = self.receipts.book();
            book.enter(receipt);
            book.count()
        };
        self.receipts.count.send_if_modified(|known| {
            let news = count > *known;
            *known = count.max(*known);
            news
        });
    }

    fn fork(&self) -> Box<dyn Inlet> {
        Box::new(Self {
            seen: self.seen.clone(),
            purges_seen: self.purges_seen.clone(),
            receipts: Arc::clone(&self.receipts),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn parcel(revision: u64) -> Arc<Parcel> {
        Arc::new(Parcel { revision, ..Parcel::default() })
    }

    fn receipt(edge: &str, revision: u64) -> Receipt {
        Receipt {
            edge: edge.to_owned(),
            revision,
            purged: 0,
            applied: vec![],
            refused: vec![],
            alarms: vec![],
        }
    }

    /// Time stands still unless everything waits, so a short limit is certain.
    async fn nothing_comes<F: Future>(wait: F) -> bool {
        timeout(Duration::from_secs(1), wait).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_edge_gets_the_newest_parcel_only() {
        let (publisher, mut edge) = in_process();
        assert_eq!(edge.current(), None);
        assert!(nothing_comes(edge.changed()).await);
        for revision in [1, 2, 5] {
            publisher.publish(parcel(revision)).await.unwrap();
        }
        assert_eq!(edge.changed().await.unwrap().revision, 5);
        assert!(nothing_comes(edge.changed()).await);
        assert_eq!(edge.current().map(|parcel| parcel.revision), Some(5));
        assert_eq!(publisher.current().map(|parcel| parcel.revision), Some(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiting_edge_is_woken_by_each_publication() {
        let (publisher, mut edge) = in_process();
        let follower = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Ok(parcel) = edge.changed().await {
                seen.push(parcel.revision);
            }
            seen
        });
        for revision in 1..=3 {
            publisher.publish(parcel(revision)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(publisher);
        assert_eq!(follower.await.unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn an_older_or_equal_revision_is_refused_and_wakes_nobody() {
        let (publisher, mut edge) = in_process();
        publisher.publish(parcel(3)).await.unwrap();
        edge.current();
        for offered in [2, 3] {
            let refused = publisher.publish(parcel(offered)).await;
            assert!(matches!(refused, Err(PublishError::NotNewer { published: 3, .. })), "{refused:?}");
        }
        drop(publisher);
        assert_eq!(edge.changed().await, Err(Ended));
        assert_eq!(edge.current().map(|parcel| parcel.revision), Some(3), "what was published stays");
    }

    #[tokio::test]
    async fn what_was_not_seen_comes_before_the_end() {
        let (publisher, mut edge) = in_process();
        publisher.publish(parcel(1)).await.unwrap();
        drop(publisher);
        assert_eq!(edge.changed().await.map(|parcel| parcel.revision), Ok(1));
        assert_eq!(edge.changed().await, Err(Ended));
    }

    #[tokio::test(start_paused = true)]
    async fn clones_follow_by_themselves() {
        let (publisher, mut one) = in_process();
        let mut other = one.clone();
        publisher.publish(parcel(1)).await.unwrap();
        assert_eq!(one.changed().await.unwrap().revision, 1);
        let mut late = one.clone();
        assert_eq!(other.changed().await.unwrap().revision, 1);
        assert!(nothing_comes(late.changed()).await, "a clone stands where its original stood");
    }

    #[tokio::test(start_paused = true)]
    async fn receipts_reach_the_publisher_and_wake_it() {
        let (publisher, edge) = in_process();
        assert!(nothing_comes(publisher.reported(0)).await);
        edge.report(receipt("a", 1));
        edge.clone().report(receipt("b", 1));
        let seen = publisher.reported(0).await;
        assert_eq!(seen, 2);
        assert_eq!(publisher.receipts(), [receipt("a", 1), receipt("b", 1)]);
        assert!(nothing_comes(publisher.reported(seen)).await);
        edge.report(receipt("a", 2));
        assert_eq!(publisher.reported(seen).await, 3);
        assert_eq!(publisher.receipts(), [receipt("a", 2), receipt("b", 1)]);
    }

    fn window(after: u64, revisions: std::ops::RangeInclusive<u64>) -> PurgeWindow {
        let site = vocabulary::SiteId::from_bytes([1; 16]);
        let purge = |revision| caching::Purge {
            revision,
            site,
            target: caching::PurgeTarget::Everything,
            soft: false,
        };
        PurgeWindow { after, purges: revisions.map(purge).collect() }
    }

    #[tokio::test(start_paused = true)]
    async fn purges_go_by_a_channel_of_their_own() {
        let (publisher, mut edge) = in_process();
        assert_eq!(edge.purges(), None);
        publisher.publish(parcel(1)).await.unwrap();
        assert!(nothing_comes(edge.purges_changed()).await, "a parcel is no purge");
        publisher.purge(window(0, 1..=1)).await.unwrap();
        publisher.purge(window(0, 1..=3)).await.unwrap();
        let mut late = edge.clone();
        assert_eq!(*edge.purges_changed().await.unwrap(), window(0, 1..=3), "the latest window only");
        assert_eq!(late.purges().as_deref(), Some(&window(0, 1..=3)));
        assert_eq!(edge.changed().await.map(|parcel| parcel.revision), Ok(1), "a purge is no parcel");
        assert!(nothing_comes(edge.purges_changed()).await);
        drop(publisher);
        assert_eq!(edge.purges_changed().await, Err(Ended));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_reaches_less_far_is_refused_and_the_same_reach_wakes_nobody() {
        let (publisher, mut edge) = in_process();
        publisher.purge(window(0, 1..=3)).await.unwrap();
        edge.purges();
        let refused = publisher.purge(window(0, 1..=2)).await;
        assert!(matches!(refused, Err(PublishError::NotNewer { published: 3, offered: 2 })), "{refused:?}");
        publisher.purge(window(2, 3..=3)).await.unwrap();
        assert!(nothing_comes(edge.purges_changed()).await);
        let skipped = PurgeWindow { after: 9, purges: vec![] };
        publisher.purge(skipped.clone()).await.unwrap();
        assert_eq!(*edge.purges_changed().await.unwrap(), skipped, "a window may begin later and be empty");
        assert_eq!(publisher.purges().as_deref(), Some(&skipped));
    }
}
