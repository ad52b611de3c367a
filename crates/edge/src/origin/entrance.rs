//! The way in to one origin: as many requests at once as it does well with, networks in turns where more wait
//! ([`shield::admission`]).
//!
//! Invariants: a place is held from before a connection is leased until the head of the answer has come, and not while
//! a visitor still sends; a visitor who leaves, waiting or not, leaves its place; nobody waits past a set instant.

use super::senders::{Sender, Senders};
use shield::admission::{Admission, Asking, Class, Entry, Occupancy, SENDING_MAX};
use shield::budgets::Prefix;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a request waits for a place before it is refused.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(3);

/// How often who waits looks whether there are more places by now.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// From so many senders on, content that may be held is taken in before the origin hears of it.
const SENDERS_MANY: u32 = SENDING_MAX / 8;

/// One origin's entrance, for all workers.
pub(super) struct Entrance {
    began: Instant,
    state: Mutex<State>,
    refused: AtomicU64,
}

struct State {
    admission: Admission,
    /// Of those that wait, and of those that have been let in and do not know it yet.
    tickets: HashMap<u64, Ticket>,
    senders: Senders,
    next: u64,
}

enum Ticket {
    /// In the queue. Lost with its sender.
    Waiting(oneshot::Sender<()>),
    LetIn,
}

/// Whoever asks to be let in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    pub(super) class: Class,
    pub(super) network: Prefix,
    /// Whether its content is still to come from its visitor.
    pub(super) sends: bool,
}

/// A place at an origin, or the wait for one; given back where it is dropped.
pub(super) struct Stay {
    entrance: Arc<Entrance>,
    asking: Asking,
    standing: Standing,
}

/// What becomes of a caller.
pub(super) enum Entering {
    Now(Stay),
    Wait(Turn),
    /// Too many of its network wait or send.
    Refused,
}

/// The wait for a place.
pub(super) struct Turn {
    stay: Stay,
    turn: oneshot::Receiver<()>,
}

enum Standing {
    Waiting,
    /// The origin is waited for, since then.
    Working(Instant),
    /// The visitor is.
    Sending(Arc<Sender>),
    Over,
}

impl Entrance {
    /// Nothing is known of the origin; it never gets more than so many requests at once.
    pub(super) fn new(places_max: u32) -> Self {
        let (admission, senders) = (Admission::new(places_max), Senders::default());
        let state = State { admission, tickets: HashMap::new(), senders, next: 0 };
        Self { began: Instant::now(), state: Mutex::new(state), refused: AtomicU64::new(0) }
    }

    /// Waits for its turn; none where it does not come in time, or others push it out.
    pub(super) async fn wait(&self, turn: Turn, until: Instant) -> Option<Stay> {
        let stay = self.next_turn(turn, until).await;
        if stay.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        stay
    }

    async fn next_turn(&self, Turn { stay, mut turn }: Turn, until: Instant) -> Option<Stay> {
        loop {
            let next = (Instant::now() + LOOK_AGAIN).min(until);
            match timeout_at(next, &mut turn).await {
                Ok(Ok(())) => return Some(stay.let_in()),
                Ok(Err(_)) => return None,
                Err(_) if next >= until => return None,
                Err(_) => {
                    let now = self.began.elapsed();
                    let mut state = self.state();
                    state.admission.turn(now);
                    state.let_in();
                }
            }
        }
    }

    /// Takes a place whether one is free or not: for sites whose shield only looks on, and for who has been let in.
    pub(super) fn enter_anyway(self: &Arc<Self>, caller: Caller) -> Stay {
        let mut state = self.state();
        let asking = state.asking(caller);
        state.admission.enter();
        drop(state);
        Stay::working(self, asking, Instant::now())
    }

    /// Whether so many send that who sends is taken in before it asks for a place.
    pub(super) fn has_many_senders(&self) -> bool {
        self.occupancy().sending >= SENDERS_MANY
    }

    /// The origin has failed a request of this network as servers do that have too much to do.
    pub(super) fn failed(&self, network: Prefix) {
        let now = self.began.elapsed();
        let mut state = self.state();
        state.admission.failed(now, network);
        state.let_in();
    }

    /// How full the origin is.
    pub(super) fn occupancy(&self) -> Occupancy {
        self.state().admission.occupancy()
    }

    /// Requests that were refused a place.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Asks for a place. While one is free this waits for nothing and allocates nothing.
    pub(super) fn enter(self: &Arc<Self>, caller: Caller, now: Instant) -> Entering {
        let mut state = self.state();
        if caller.sends && !state.may_send(caller.network) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Entering::Refused;
        }
        let asking = state.asking(caller);
        match state.admission.ask(&asking, now.saturating_duration_since(self.began)) {
            Entry::Refused => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Entering::Refused
            }
            Entry::Now => Entering::Now(Stay::working(self, asking, now)),
            Entry::Wait { dropped } => {
                dropped.and_then(|dropped| state.tickets.remove(&dropped));
                let (sender, turn) = oneshot::channel();
                state.tickets.insert(asking.ticket, Ticket::Waiting(sender));
                state.let_in();
                let stay = Stay { entrance: Arc::clone(self), asking, standing: Standing::Waiting };
                Entering::Wait(Turn { stay, turn })
            }
        }
    }

    /// It is whole at each step, so a poisoned one is still good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn asking(&mut self, Caller { class, network, sends }: Caller) -> Asking {
        self.next += 1;
        Asking { ticket: self.next, class, network, sends }
    }

    /// Whether one more of a network may send, if need be in the place of another: who gives way leaves within a turn.
    fn may_send(&self, network: Prefix) -> bool {
        let senders_of = |network| self.admission.senders_of(network);
        self.admission.may_send(network) || self.senders.make_way(senders_of(network), senders_of)
    }

    /// Lets in whoever is next, as long as there are places.
    fn let_in(&mut self) {
        while let Some(next) = self.admission.let_in_next() {
            if let Some(Ticket::Waiting(turn)) = self.tickets.insert(next, Ticket::LetIn) {
                // One that waits no longer gives its place up by itself.
                let _ = turn.send(());
            }
        }
    }

    /// One sends no longer; `whole`: since all of it has gone up.
    fn sent(&mut self, asking: &Asking, whole: bool) {
        self.senders.end(asking.ticket);
        self.admission.sent(asking.network, whole);
    }

    /// One that waited goes away.
    fn give_up(&mut self, asking: &Asking, now: Duration) {
        match self.tickets.remove(&asking.ticket) {
            // Another has taken its place in the queue.
            None => {}
            Some(Ticket::Waiting(_)) => self.admission.leave(asking),
            Some(Ticket::LetIn) => self.admission.done(now, None),
        }
    }
}

impl Stay {
    fn working(entrance: &Arc<Entrance>, asking: Asking, since: Instant) -> Self {
        Self { entrance: Arc::clone(entrance), asking, standing: Standing::Working(since) }
    }

    fn let_in(mut self) -> Self {
        self.entrance.state().tickets.remove(&self.asking.ticket);
        self.standing = Standing::Working(Instant::now());
        self
    }

    /// The request goes out now. What its visitor still sends is waited for first.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.asking.sends {
            let mut state = self.entrance.state();
            state.admission.sends(self.asking.network);
            state.let_in();
            self.standing = Standing::Sending(state.senders.begin(self.asking.ticket, self.asking.network));
        } else {
            self.standing = Standing::Working(now);
        }
    }

    /// All of the content has gone up.
    pub(super) fn sent(&mut self) {
        if let Standing::Sending(_) = self.standing {
            self.entrance.state().sent(&self.asking, true);
            self.standing = Standing::Working(Instant::now());
        }
    }

    /// Its visitor, while it sends.
    pub(super) fn sender(&self) -> Option<&Sender> {
        if let Standing::Sending(sender) = &self.standing { Some(sender) } else { None }
    }

    /// The head of the answer has come, now.
    pub(super) fn answered(&mut self, now: Instant) {
        self.end(now, true);
    }

    fn end(&mut self, at: Instant, has_answered: bool) {
        let standing = std::mem::replace(&mut self.standing, Standing::Over);
        if matches!(standing, Standing::Over) {
            return;
        }
        let now = at.saturating_duration_since(self.entrance.began);
        let mut state = self.entrance.state();
        match standing {
            Standing::Over => {}
            Standing::Waiting => state.give_up(&self.asking, now),
            Standing::Working(since) => {
                state.admission.done(now, has_answered.then(|| at.saturating_duration_since(since)))
            }
            Standing::Sending(_) => state.sent(&self.asking, false),
        }
        state.let_in();
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if !matches!(self.standing, Standing::Over) {
            self.end(Instant::now(), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use shield::admission::{PLACES_FIRST, WAITING_MAX};

    fn caller(network: u8) -> Caller {
        let network = Prefix::of([192, 0, network, 1].into());
        Caller { class: Class::Usual, network, sends: false }
    }

    async fn enter(entrance: &Arc<Entrance>, caller: Caller, until: Instant) -> Option<Stay> {
        match entrance.enter(caller, Instant::now()) {
            Entering::Now(stay) => Some(stay),
            Entering::Wait(turn) => entrance.wait(turn, until).await,
            Entering::Refused => None,
        }
    }

    fn soon() -> Instant {
        Instant::now() + WAIT_MAX
    }

    /// An origin that is known to answer at once.
    async fn known() -> Arc<Entrance> {
        let entrance = Arc::new(Entrance::new(1_000));
        for _ in 0..20 {
            tokio::time::advance(Duration::from_millis(10)).await;
            enter(&entrance, caller(9), soon()).await.expect("a place").answered(Instant::now());
        }
        entrance
    }

    /// All its places.
    async fn filled(entrance: &Arc<Entrance>) -> Vec<Stay> {
        let mut stays = Vec::new();
        for _ in 0..PLACES_FIRST {
            stays.push(enter(entrance, caller(1), soon()).await.expect("a place"));
        }
        stays
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_let_in_when_another_is_answered_and_refused_when_its_time_is_over() {
        let entrance = known().await;
        let mut stays = filled(&entrance).await;
        let mut waiting = Box::pin(enter(&entrance, caller(2), soon()));
        assert!(waiting.as_mut().now_or_never().is_none());
        stays[0].answered(Instant::now());
        let stay = waiting.now_or_never().flatten().expect("its turn");
        let begun = Instant::now();
        assert!(enter(&entrance, caller(2), soon()).await.is_none());
        assert_eq!((begun.elapsed(), entrance.refused()), (WAIT_MAX, 1));
        drop((stay, stays));
        assert_eq!(entrance.occupancy(), Occupancy { places: PLACES_FIRST, ..Occupancy::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_at_whatever_point_leaves_no_place_taken() {
        let entrance = Arc::new(Entrance::new(1_000));
        let mut stays = filled(&entrance).await;
        let mut crowd: Vec<_> =
            (0..WAITING_MAX).map(|_| Box::pin(enter(&entrance, caller(1), soon()))).collect();
        for waiting in &mut crowd {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        let mut stranger = Box::pin(enter(&entrance, caller(2), soon()));
        assert!(stranger.as_mut().now_or_never().is_none(), "it waits in the place of one of the crowd");
        drop(crowd.pop());
        // Let in without having heard of it, and gone.
        stays.pop();
        stays.pop();
        drop((stranger, crowd.remove(0)));
        drop((crowd, stays));
        assert!(entrance.state().tickets.is_empty());
        assert_eq!(entrance.occupancy(), Occupancy { places: PLACES_FIRST, ..Occupancy::default() });
    }

    #[tokio::test(start_paused = true)]
    async fn a_visitor_that_still_sends_leaves_its_place_to_others_until_it_has_sent() {
        let entrance = Arc::new(Entrance::new(1_000));
        let stays = filled(&entrance).await;
        drop(stays);
        let sender = Caller { sends: true, ..caller(3) };
        let mut sending = enter(&entrance, sender, soon()).await.expect("a place");
        sending.begin(Instant::now());
        let stays = filled(&entrance).await;
        sending.sent();
        assert_eq!(entrance.occupancy().busy, PLACES_FIRST + 1);
        sending.answered(Instant::now());
        drop((sending, stays));
        assert_eq!(entrance.occupancy(), Occupancy { places: PLACES_FIRST, ..Occupancy::default() });
    }
    #[tokio::test(start_paused = true)]
    async fn where_many_send_next_to_nothing_whoever_comes_is_let_in_for_the_one_that_sends_least() {
        let entrance = Arc::new(Entrance::new(1_000));
        let from = |number: u32| Caller {
            network: Prefix::of(std::net::Ipv4Addr::from(0x0a00_0000 + (number << 8)).into()),
            sends: true,
            ..caller(0)
        };
        let mut sending = Vec::new();
        for number in 0..SENDING_MAX {
            let mut stay = enter(&entrance, from(number), soon()).await.expect("a place");
            stay.begin(Instant::now());
            stay.sender().expect("it sends").sent(if number == 7 { 10 } else { 1_000 });
            sending.push(stay);
        }
        let stranger = from(SENDING_MAX);
        assert!(matches!(entrance.enter(stranger, Instant::now()), Entering::Refused), "all have only begun");
        tokio::time::advance(super::super::senders::SENT_LEAST).await;
        assert!(
            matches!(entrance.enter(from(3), Instant::now()), Entering::Refused),
            "its network sends as much as any"
        );
        assert!(matches!(entrance.enter(stranger, Instant::now()), Entering::Now(_)));
        let gone: Vec<_> = (0..sending.len())
            .filter(|n| sending[*n].sender().is_some_and(|own| own.gives_way(std::task::Waker::noop())))
            .collect();
        assert_eq!(gone, [7]);
        drop(sending);
        assert_eq!(entrance.occupancy().sending, 0);
        assert!(!entrance.state().senders.make_way(0, |_| 1), "nobody is left");
    }
}
