//! Watching, while an answer is under way, for a measure that comes over its request.
//!
//! Each worker knows the tasks of its answers that wait, and has them look up when what requests are served from was
//! replaced. A vigil is taken up with the first wait, and costs an answer that never waits nothing.

use crate::reasons::Reason;
use crate::request::Request;
use crate::stages::admit::blocks;
use crate::worker::Worker;
use slab::Slab;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// Lets an answer go on until it ends or a measure in force cuts it: one over the request as it was asked, or over the
/// address that rules of the site have led it to (`keyed`). `generation` is the one that gave leave.
pub(crate) async fn keep_vigil<F>(
    worker: &Worker,
    (request, keyed, client): (&Request, &str, IpAddr),
    generation: u64,
    mut answering: Pin<&mut F>,
) -> F::Output
where
    F: Future<Output = Result<Reason, Reason>>,
{
    let mut vigil = None;
    poll_fn(|cx| {
        let outcome = answering.as_mut().poll(cx);
        if outcome.is_ready() {
            return outcome;
        }
        let vigil = vigil.get_or_insert_with(|| worker.vigils.begin(generation, cx.waker()));
        let is_cut =
            vigil.has_news(cx) && blocks(&worker.shared, (request, keyed, client), worker.shared.clock.now());
        if is_cut { Poll::Ready(Err(Reason::CutByMeasure)) } else { Poll::Pending }
    })
    .await
}

/// The vigils of all workers.
#[derive(Default)]
pub(crate) struct AllVigils(Mutex<Vec<Weak<Vigils>>>);

impl AllVigils {
    /// One more worker's; they end with it.
    pub(crate) fn of_worker(&self) -> Arc<Vigils> {
        let vigils = Arc::<Vigils>::default();
        self.list().push(Arc::downgrade(&vigils));
        vigils
    }

    /// Has everybody look up: from here on requests are served from this generation.
    pub(crate) fn replaced(&self, generation: u64) {
        self.list().retain(|vigils| {
            let Some(vigils) = vigils.upgrade() else { return false };
            vigils.replaced(generation);
            true
        });
    }

    /// The list is whole at each step, so a poisoned one is still good.
    fn list(&self) -> MutexGuard<'_, Vec<Weak<Vigils>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's vigils. No other thread asks for them but the one that replaces what is served.
#[derive(Default)]
pub(crate) struct Vigils {
    /// The generation that everybody has been told of.
    generation: AtomicU64,
    waiting: Mutex<Slab<Waker>>,
}

impl Vigils {
    fn begin(&self, generation: u64, waker: &Waker) -> Vigil<'_> {
        Vigil { vigils: self, place: self.waiting().insert(waker.clone()), seen: generation }
    }

    fn replaced(&self, generation: u64) {
        // Before anybody is woken, and before who begins now looks.
        self.generation.store(generation, Ordering::SeqCst);
        for (_, waker) in self.waiting().iter() {
            waker.wake_by_ref();
        }
    }

    /// Whole at each step, as above.
    fn waiting(&self) -> MutexGuard<'_, Slab<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One answer's vigil.
struct Vigil<'v> {
    vigils: &'v Vigils,
    place: usize,
    /// The generation it has looked at.
    seen: u64,
}

impl Vigil<'_> {
    /// Whether there is something new to look at; the task is woken once there is.
    fn has_news(&mut self, cx: &Context<'_>) -> bool {
        if let Some(waker) = self.vigils.waiting().get_mut(self.place) {
            waker.clone_from(cx.waker());
        }
        let generation = self.vigils.generation.load(Ordering::SeqCst);
        let has_news = generation > self.seen;
        self.seen = self.seen.max(generation);
        has_news
    }
}

impl Drop for Vigil<'_> {
    fn drop(&mut self) {
        self.vigils.waiting().try_remove(self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::task::noop_waker;
    use std::time::Duration;
    use tokio::sync::Notify;

    #[test]
    fn news_are_told_once_to_everybody_and_who_began_late_hears_of_what_came_before() {
        let all = AllVigils::default();
        let vigils = all.of_worker();
        let waker = noop_waker();
        let cx = Context::from_waker(&waker);
        all.replaced(7);
        let (mut early, mut of_this) = (vigils.begin(6, &waker), vigils.begin(7, &waker));
        assert!(early.has_news(&cx) && !early.has_news(&cx));
        assert!(!of_this.has_news(&cx));
        all.replaced(8);
        assert!(early.has_news(&cx) && of_this.has_news(&cx));
        drop((early, of_this));
        assert!(vigils.waiting().is_empty(), "who has ended is not woken for nothing");
        drop(vigils);
        all.replaced(9);
        assert!(all.list().is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_whichever_task_it_was_moved_to() {
        let all = AllVigils::default();
        let vigils = all.of_worker();
        let (mut vigil, began) = (vigils.begin(0, &noop_waker()), Notify::new());
        let news = poll_fn(|cx| {
            let has_news = vigil.has_news(cx);
            began.notify_one();
            if has_news { Poll::Ready(()) } else { Poll::Pending }
        });
        let replace = async {
            began.notified().await;
            all.replaced(1);
        };
        let told = async { tokio::join!(news, replace) };
        tokio::time::timeout(Duration::from_secs(60), told).await.expect("woken");
    }
}
