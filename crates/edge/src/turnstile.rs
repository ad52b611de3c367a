//! Turns at handshakes: so many at once, and where more wait, networks take turns ([`shield::budgets::Handshakes`]).

use shield::budgets::{Handshakes, Prefix, Turn};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Where handshakes wait for their turn.
pub(crate) struct Turnstile(Mutex<Queue>);

struct Queue {
    handshakes: Handshakes,
    /// Of every ticket that has a place.
    places: HashMap<u64, Place>,
    next: u64,
}

enum Place {
    /// In the queue. Lost with its sender.
    Waiting(oneshot::Sender<()>),
    UnderWay,
}

/// A turn, until it is dropped; or the wait for one, which ends with it.
#[derive(Debug)]
pub(crate) struct Ticket {
    turnstile: Arc<Turnstile>,
    prefix: Prefix,
    number: u64,
}

impl std::fmt::Debug for Turnstile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Turnstile").field(&self.counts()).finish()
    }
}

impl Turnstile {
    /// So many at once.
    pub(crate) fn new(places: usize) -> Self {
        Self(Mutex::new(Queue { handshakes: Handshakes::new(places), places: HashMap::new(), next: 0 }))
    }

    /// How many are under way, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.queue().handshakes.counts()
    }

    /// Waits for a turn; none where so many wait that this one has no place among them.
    pub(crate) async fn turn(self: &Arc<Self>, address: IpAddr) -> Option<Ticket> {
        let prefix = Prefix::of(address);
        let (ticket, turn) = self.ask(prefix)?;
        match turn {
            Some(turn) => turn.await.ok().map(|()| ticket),
            None => Some(ticket),
        }
    }

    fn ask(self: &Arc<Self>, prefix: Prefix) -> Option<(Ticket, Option<oneshot::Receiver<()>>)> {
        let mut queue = self.queue();
        let number = queue.next;
        queue.next += 1;
        let receiver = match queue.handshakes.ask(number, prefix) {
            Turn::Refused => return None,
            Turn::Now => {
                queue.places.insert(number, Place::UnderWay);
                None
            }
            Turn::Wait { dropped } => {
                dropped.and_then(|dropped| queue.places.remove(&dropped));
                let (sender, receiver) = oneshot::channel();
                queue.places.insert(number, Place::Waiting(sender));
                Some(receiver)
            }
        };
        let turnstile = Arc::clone(self);
        Some((Ticket { turnstile, prefix, number }, receiver))
    }

    /// It is whole at each step, so a poisoned one is still good.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn give_up(&mut self, number: u64, prefix: Prefix) {
        match self.places.remove(&number) {
            None => {}
            Some(Place::Waiting(_)) => self.handshakes.leave(number),
            Some(Place::UnderWay) => {
                let next = self.handshakes.done(prefix);
                let waiting = next.and_then(|next| self.places.insert(next, Place::UnderWay));
                if let Some(Place::Waiting(sender)) = waiting {
                    // One that waits no longer gives its turn up by itself.
                    let _ = sender.send(());
                }
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.turnstile.queue().give_up(self.number, self.prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use shield::budgets::WAITING_MAX;

    fn address(network: u8) -> IpAddr {
        [192, 0, network, 1].into()
    }

    #[tokio::test]
    async fn a_stranger_goes_before_a_crowd_and_those_who_leave_hold_no_place() {
        let turnstile = Arc::new(Turnstile::new(2));
        let first = turnstile.turn(address(1)).await.expect("a place");
        let second = turnstile.turn(address(1)).await.expect("a place");
        let mut crowd: Vec<_> = (0..5).map(|_| Box::pin(turnstile.turn(address(1)))).collect();
        for waiting in &mut crowd {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        let mut stranger = Box::pin(turnstile.turn(address(2)));
        assert!(stranger.as_mut().now_or_never().is_none());
        drop(first);
        let stranger = stranger.now_or_never().flatten().expect("its turn");
        drop(crowd.remove(0));
        assert_eq!(turnstile.counts(), (2, 4));
        drop((second, stranger));
        // Two of the crowd have their turn; one gives it up without having heard of it.
        drop(crowd.remove(0));
        assert_eq!(turnstile.counts(), (2, 1));
        drop(crowd);
        assert_eq!(turnstile.counts(), (0, 0));
    }

    #[tokio::test]
    async fn who_has_no_place_in_the_queue_is_told_at_once() {
        let turnstile = Arc::new(Turnstile::new(1));
        let _first = turnstile.turn(address(1)).await.expect("a place");
        let mut crowd: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(turnstile.turn(address(1)))).collect();
        assert!(crowd.iter_mut().all(|waiting| waiting.as_mut().now_or_never().is_none()));
        assert!(turnstile.turn(address(1)).now_or_never().expect("an answer").is_none());
        let mut stranger = Box::pin(turnstile.turn(address(2)));
        assert!(stranger.as_mut().now_or_never().is_none(), "it waits");
        let newest = crowd.pop().expect("one");
        assert!(newest.now_or_never().expect("an answer").is_none(), "it gave its place up");
        assert_eq!(turnstile.counts(), (1, WAITING_MAX));
    }
}
