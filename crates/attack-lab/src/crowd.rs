//! Many clients that ask at a rate of their own, whatever the answers.

use crate::books::{Books, Label};
use crate::bounds::RATE_MAX;
use crate::caller::Caller;
use crate::stage::Stage;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use vocabulary::SeededRandom;

/// Makes the next request of the client with this number.
pub(crate) type Script = Arc<dyn Fn(&SeededRandom, usize) -> Vec<u8> + Send + Sync>;

/// Clients of one kind.
pub(crate) struct Crowd {
    pub(crate) label: Label,
    pub(crate) addresses: Vec<Ipv4Addr>,
    /// Requests a second of all together.
    pub(crate) rate: u32,
    pub(crate) script: Script,
    /// When they ask, from the stage's beginning on.
    pub(crate) during: Range<Duration>,
    pub(crate) rhythm: Rhythm,
}

/// How a crowd's rate goes over its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// All the time.
    Even,
    /// So long they ask, and so long they pause, in turn.
    Pulses(Duration, Duration),
    /// From nothing to the whole rate in such a time.
    Grows(Duration),
}

impl Rhythm {
    /// Whether a request is made that would be due so long after the beginning.
    fn is_on(self, since: Duration, dice: &SeededRandom) -> bool {
        match self {
            Self::Even => true,
            Self::Pulses(on, off) => since.as_millis() % (on + off).as_millis().max(1) < on.as_millis(),
            Self::Grows(all) => since.as_secs_f64() > share(dice) * all.as_secs_f64(),
        }
    }
}

impl Crowd {
    /// Lets them ask. A client has one request under way at most; what it should have asked meanwhile is left out,
    /// so what was really asked stands in the books. An answer's time counts from when the request was due.
    pub(crate) fn start(
        self,
        stage: &Stage,
        target: SocketAddr,
        books: &Arc<Books>,
        seed: u64,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let count = u32::try_from(self.addresses.len()).unwrap_or(1).max(1);
        let period = Duration::from_secs(1) * count / self.rate.clamp(1, RATE_MAX);
        let dice = stage.dice(seed);
        for (number, address) in self.addresses.into_iter().enumerate() {
            books.know(address, self.label);
            let client = Client {
                caller: Caller::new(address, target),
                number,
                label: self.label,
                dice: SeededRandom::new(dice.next_u64()),
                script: Arc::clone(&self.script),
                books: Arc::clone(books),
                began: stage.began,
            };
            let first = self.during.start + period.mul_f64(share(&dice));
            tasks.spawn(client.run(first, period, self.during.clone(), self.rhythm));
        }
        tasks
    }
}

/// From 0 to 1.
#[allow(clippy::cast_precision_loss, reason = "a thousand steps")]
fn share(dice: &SeededRandom) -> f64 {
    dice.below(1000) as f64 / 1000.0
}

struct Client {
    caller: Caller,
    number: usize,
    label: Label,
    dice: SeededRandom,
    script: Script,
    books: Arc<Books>,
    began: Instant,
}

impl Client {
    async fn run(mut self, first: Duration, period: Duration, during: Range<Duration>, rhythm: Rhythm) {
        let mut due = first;
        while due < during.end {
            tokio::time::sleep_until(self.began + due).await;
            if rhythm.is_on(due.saturating_sub(during.start), &self.dice) {
                let request = (self.script)(&self.dice, self.number);
                let ending = self.caller.ask(&request).await;
                self.books.note(due, self.label, self.began.elapsed().saturating_sub(due), ending);
            }
            let behind = self.began.elapsed().saturating_sub(due);
            let periods = behind.as_micros() / period.as_micros().max(1);
            due += period * (u32::try_from(periods).unwrap_or(u32::MAX).saturating_add(1));
        }
    }
}
