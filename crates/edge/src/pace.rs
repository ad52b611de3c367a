//! The least rate at which a visitor must give or take bytes.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Bytes a second that a visitor must give or take, counted over the time spent waiting for it.
pub(crate) const RATE_BYTES_MIN: u64 = 240;
/// The waiting that is free at first.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// The longest wait, however many bytes went before it: what a socket's buffer swallowed earns no more.
pub(crate) const STALL_MAX: Duration = Duration::from_secs(25);

/// The longest silence of a visitor in a call that has not been answered yet; in one that has.
pub(crate) const UNANSWERED_SILENCE_MAX: Duration = Duration::from_secs(60);
pub(crate) const CALL_SILENCE_MAX: Duration = Duration::from_secs(600);

/// A call (gRPC), and whether its answer has begun. Until then it is the visitor's word alone that there is one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conversation(Arc<AtomicBool>);

impl Conversation {
    /// The answer has begun.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn silence_max(&self) -> Duration {
        if self.0.load(Ordering::Relaxed) { CALL_SILENCE_MAX } else { UNANSWERED_SILENCE_MAX }
    }
}

/// The time a visitor may still be waited for. Only waiting counts: a fast visitor of a slow site owes
/// nothing.
#[derive(Debug)]
pub(crate) struct Pace {
    left: Duration,
    /// Where there is no least rate, and a longest silence instead.
    call: Option<Conversation>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { left: GRACE, call: None }
    }
}

/// The visitor has fallen below the rate.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl Pace {
    /// For a call, which may rightly be silent in between: each byte earns the whole of its longest silence. For anything
    /// else the least rate.
    pub(crate) fn of(call: Option<Conversation>) -> Self {
        let left = call.as_ref().map_or(GRACE, Conversation::silence_max);
        Self { left, call }
    }

    /// Counts bytes that moved.
    pub(crate) fn credit(&mut self, bytes: usize) {
        let earned = Duration::from_millis((bytes as u64).saturating_mul(1000) / RATE_BYTES_MIN);
        self.left = match &self.call {
            Some(call) => call.silence_max(),
            None => self.left.saturating_add(earned).min(STALL_MAX),
        };
    }

    /// Waits, but no longer than the rate allows. While the future is ready at once this costs no timer and
    /// no memory.
    pub(crate) async fn wait<F: Future + Unpin>(&mut self, mut future: F) -> Result<F::Output, TooSlow> {
        let first = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await;
        match first {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => Box::pin(self.wait_slowly(future)).await,
        }
    }

    async fn wait_slowly<F: Future>(&mut self, future: F) -> Result<F::Output, TooSlow> {
        let mut future = pin!(future);
        loop {
            let (started, silence) = (Instant::now(), self.silence_max());
            let outcome = timeout(self.left, future.as_mut()).await;
            self.left = self.left.saturating_sub(started.elapsed());
            // A call that was answered meanwhile may be silent for longer.
            let more = self.silence_max().saturating_sub(silence);
            match outcome {
                Ok(output) => return Ok(output),
                Err(_) if more.is_zero() => return Err(TooSlow),
                Err(_) => self.left += more,
            }
        }
    }

    fn silence_max(&self) -> Duration {
        self.call.as_ref().map_or(Duration::ZERO, Conversation::silence_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_visitor_that_trickles_is_too_slow_and_one_that_keeps_the_rate_is_not() {
        let second = || Box::pin(tokio::time::sleep(Duration::from_secs(1)));
        let mut trickle = Pace::default();
        let mut seconds = 0;
        while trickle.wait(second()).await.is_ok() {
            trickle.credit(1);
            seconds += 1;
        }
        assert_eq!(seconds, 5);
        let mut steady = Pace::default();
        for _ in 0..60 {
            assert!(steady.wait(second()).await.is_ok());
            steady.credit(240);
        }
        let mut stalled = Pace::default();
        stalled.credit(10 << 20);
        let started = Instant::now();
        assert!(stalled.wait(Box::pin(std::future::pending::<()>())).await.is_err());
        assert_eq!(started.elapsed().as_secs(), STALL_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_may_be_silent_for_long_once_it_is_answered() {
        let silence = |seconds| Box::pin(tokio::time::sleep(Duration::from_secs(seconds)));
        let mut unanswered = Pace::of(Some(Conversation::default()));
        for _ in 0..3 {
            assert!(unanswered.wait(silence(59)).await.is_ok());
            unanswered.credit(1);
        }
        assert!(unanswered.wait(silence(61)).await.is_err(), "anybody may say that it is a call");
        let call = Conversation::default();
        let mut answered = Pace::of(Some(call.clone()));
        let answering = async {
            tokio::time::sleep(Duration::from_secs(50)).await;
            call.begin();
        };
        let (waited, ()) = tokio::join!(answered.wait(silence(599)), answering);
        assert!(waited.is_ok());
        answered.credit(1);
        assert!(answered.wait(silence(599)).await.is_ok());
        answered.credit(1);
        assert!(answered.wait(silence(601)).await.is_err());
    }
}
