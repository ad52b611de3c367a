//! Who of a worker's visitors does nothing, so that one of them goes when room runs short: of a network that has very
//! many connections first, and else the one that has done nothing for longest.
//!
//! A connection is noted once, when it comes; while it waits for a request it says so with one store, and asks whether
//! it is to leave. Looking for the oldest looks at all of them, and is done for several at once.

use futures_util::task::AtomicWaker;
use shield::budgets::Prefix;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::time::Instant;

/// How many are sent away at once.
pub(crate) const BATCH: usize = 16;
/// A network with more connections than these gives its own up before others do: an office has fewer, and who has as many
/// to spare takes them from others.
pub(crate) const PLENTY: usize = 64;
/// How long those are waited for before others are asked as well: who is told to go and stays, as a visitor over HTTP/2
/// may for a while, keeps nobody else's place.
const PATIENCE_MS: u64 = 50;

/// A worker's visitors.
pub(crate) struct Visitors {
    began: Instant,
    present: Mutex<Present>,
    next: AtomicU64,
    /// Those that were asked to leave and have not gone yet.
    leaving: AtomicU64,
    /// When the last of them were asked, as in [`Seat::idle_since`].
    asked_at: AtomicU64,
}

/// Those who are there.
#[derive(Default)]
struct Present {
    seats: HashMap<u64, Arc<Seat>>,
    /// The seats hold them, too: a network that nobody else holds has left.
    networks: HashMap<Prefix, Arc<()>>,
}

/// One visitor's place.
struct Seat {
    /// Held once by every seat of its network; none for who speaks for many.
    network: Option<(Prefix, Arc<()>)>,
    /// Milliseconds from `began` to when it had nothing to do, and one; 0 while it has.
    idle_since: AtomicU64,
    is_to_leave: AtomicBool,
    waker: AtomicWaker,
}

/// A visitor's own hold on its place.
pub(crate) struct Presence {
    visitors: Arc<Visitors>,
    number: u64,
    seat: Arc<Seat>,
}

impl Default for Visitors {
    fn default() -> Self {
        let (began, present) = (Instant::now(), Mutex::default());
        Self {
            began,
            present,
            next: AtomicU64::new(0),
            leaving: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
        }
    }
}

impl Visitors {
    /// One more, of a network unless it speaks for many. It counts as idle from now on.
    pub(crate) fn enter(self: &Arc<Self>, network: Option<Prefix>) -> Presence {
        let mut present = self.present();
        let network =
            network.map(|network| (network, Arc::clone(present.networks.entry(network).or_default())));
        let seat = Arc::new(Seat {
            network,
            idle_since: AtomicU64::new(self.now()),
            is_to_leave: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        present.seats.insert(number, Arc::clone(&seat));
        drop(present);
        Presence { visitors: Arc::clone(self), number, seat }
    }

    /// Makes room: asks those to leave that have been idle for longest, unless some were asked just now. Whether room is
    /// being made.
    pub(crate) fn make_room(&self) -> bool {
        let (now, asked_at) = (self.now(), self.asked_at.load(Ordering::Relaxed));
        if self.leaving.load(Ordering::Relaxed) > 0 && now < asked_at.saturating_add(PATIENCE_MS) {
            return true;
        }
        self.asked_at.store(now, Ordering::Relaxed);
        let present = self.present();
        let mut idle: Vec<_> = present
            .seats
            .values()
            .filter_map(|seat| match seat.idle_since.load(Ordering::Relaxed) {
                0 => None,
                _ if seat.is_to_leave.load(Ordering::Relaxed) => None,
                since => Some(((Reverse(seat.plenty()), since), seat)),
            })
            .collect();
        if idle.len() > BATCH {
            idle.select_nth_unstable_by_key(BATCH - 1, |(order, _)| *order);
            idle.truncate(BATCH);
        }
        for (_, seat) in &idle {
            if !seat.is_to_leave.swap(true, Ordering::SeqCst) {
                self.leaving.fetch_add(1, Ordering::Relaxed);
                seat.waker.wake();
            }
            // It may have been asked for something just now; then it stays.
            if seat.idle_since.load(Ordering::SeqCst) == 0 {
                self.let_stay(seat);
            }
        }
        self.leaving.load(Ordering::Relaxed) > 0
    }

    fn let_stay(&self, seat: &Seat) {
        if seat.is_to_leave.load(Ordering::SeqCst) && seat.is_to_leave.swap(false, Ordering::SeqCst) {
            self.leaving.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).map_or(u64::MAX, |ms| ms.saturating_add(1))
    }

    /// The maps are whole at each step, so poisoned ones are still good.
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Connections of its network, where they are more than [`PLENTY`]; else none.
    fn plenty(&self) -> usize {
        // The table holds one as well.
        let held = self.network.as_ref().map_or(0, |(_, held)| Arc::strong_count(held) - 1);
        if held > PLENTY { held } else { 0 }
    }
}

impl Presence {
    /// The visitor has asked for something, and stays.
    pub(crate) fn is_busy(&self) {
        self.seat.idle_since.store(0, Ordering::SeqCst);
        self.visitors.let_stay(&self.seat);
    }

    /// What a visitor does that has asked for nothing yet, such as shaking hands; none once it is to leave.
    pub(crate) async fn unless_left<T>(&self, doing: impl Future<Output = T>) -> Option<T> {
        let mut doing = pin!(doing);
        poll_fn(|cx| match doing.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_leave(cx).map(|()| None),
        })
        .await
    }

    /// The visitor has nothing to do. Ready once it is to leave.
    pub(crate) fn poll_leave(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.seat.idle_since.load(Ordering::Relaxed) == 0 {
            self.seat.idle_since.store(self.visitors.now(), Ordering::Relaxed);
        }
        self.seat.waker.register(cx.waker());
        match self.seat.is_to_leave.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut present = self.visitors.present();
        present.seats.remove(&self.number);
        // This seat's own, and the table's.
        if let Some((network, held)) = &self.seat.network
            && Arc::strong_count(held) <= 2
        {
            present.networks.remove(network);
        }
        drop(present);
        self.visitors.let_stay(&self.seat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use std::time::Duration;

    fn is_to_leave(presence: &Presence) -> bool {
        presence.poll_leave(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test(start_paused = true)]
    async fn those_idle_for_longest_are_asked_to_leave_and_the_busy_never() {
        let visitors = Arc::new(Visitors::default());
        assert!(!visitors.make_room(), "nobody is there");
        let mut present = Vec::new();
        for _ in 0..3 * BATCH {
            present.push(visitors.enter(None));
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        present[0].is_busy();
        present[1].is_busy();
        assert!(!is_to_leave(&present[1]), "idle again, and the latest");
        assert!(visitors.make_room());
        let leaving: Vec<_> = (1..present.len()).filter(|n| is_to_leave(&present[*n])).collect();
        assert_eq!(leaving, (2..2 + BATCH).collect::<Vec<_>>());
        assert!(!present[0].seat.is_to_leave.load(Ordering::Relaxed));
        assert!(visitors.make_room(), "these are on their way");
        assert_eq!((1..present.len()).filter(|n| is_to_leave(&present[*n])).count(), BATCH);
        present[2].is_busy();
        assert!(!is_to_leave(&present[2]), "it was asked for something first");
        present.drain(2..2 + BATCH);
        assert!(visitors.make_room());
        assert_eq!((1..present.len()).filter(|n| is_to_leave(&present[*n])).count(), BATCH);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_told_to_go_and_stays_keeps_no_other_from_being_told() {
        let visitors = Arc::new(Visitors::default());
        let present: Vec<_> = (0..3 * BATCH).map(|_| visitors.enter(None)).collect();
        let told = || present.iter().filter(|presence| is_to_leave(presence)).count();
        for rounds in 1..=3 {
            for _ in 0..4 {
                assert!(visitors.make_room());
            }
            assert_eq!(told(), rounds * BATCH, "those that were asked are given a moment");
            tokio::time::advance(Duration::from_millis(PATIENCE_MS)).await;
        }
        assert!(visitors.make_room(), "all are on their way");
        drop(present);
        assert!(!visitors.make_room(), "and gone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_not_asked_for_anything_yet_goes_in_the_midst_of_it() {
        let visitors = Arc::new(Visitors::default());
        let presence = visitors.enter(None);
        assert_eq!(presence.unless_left(async { 1 }).await, Some(1));
        assert!(visitors.make_room());
        let told = presence.unless_left(std::future::pending::<()>());
        assert_eq!(tokio::time::timeout(Duration::from_secs(1), told).await, Ok(None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_office_gives_nothing_up_before_those_who_have_been_idle_for_longer() {
        let visitors = Arc::new(Visitors::default());
        let network = |number| Some(Prefix::of([192, 0, number, 1].into()));
        let strangers: Vec<_> = (0..16).map(|number| visitors.enter(network(number))).collect();
        tokio::time::advance(Duration::from_secs(30)).await;
        let office: Vec<_> = (0..PLENTY).map(|_| visitors.enter(network(99))).collect();
        assert!(visitors.make_room());
        let told =
            |all: &[Presence]| all.iter().filter(|one| one.seat.is_to_leave.load(Ordering::SeqCst)).count();
        assert_eq!((told(&strangers), told(&office)), (BATCH, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_holds_very_many_gives_its_own_up_before_others_do() {
        let visitors = Arc::new(Visitors::default());
        let network = |number| Some(Prefix::of([192, 0, number, 1].into()));
        let older: Vec<_> = (0..PLENTY).map(|_| visitors.enter(network(1))).collect();
        tokio::time::advance(Duration::from_secs(30)).await;
        let crowd: Vec<_> = (0..=PLENTY).map(|_| visitors.enter(network(2))).collect();
        assert!(visitors.make_room());
        let told =
            |all: &[Presence]| all.iter().filter(|one| one.seat.is_to_leave.load(Ordering::SeqCst)).count();
        assert_eq!((told(&older), told(&crowd)), (0, BATCH));
        drop(crowd);
        assert!(visitors.make_room());
        assert_eq!(told(&older), BATCH, "nobody holds very many, and they are there for longest");
        drop(older);
        assert!(visitors.present().networks.is_empty());
    }
}
