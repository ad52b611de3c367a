//! The least rate at which a visitor must give or take bytes.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Bytes a second that a visitor must give or take, counted over the time spent waiting for it.
pub(crate) const RATE_BYTES_MIN: u64 = 240;
/// The waiting that is free at first.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// The longest wait, however many bytes went before it: what a socket's buffer swallowed earns no more.
pub(crate) const STALL_MAX: Duration = Duration::from_secs(25);

/// The time a visitor may still be waited for. Only waiting counts: a fast visitor of a slow site owes
/// nothing.
#[derive(Debug)]
pub(crate) struct Pace {
    left: Duration,
    /// The longest silence, where there is no least rate.
    silence: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { left: GRACE, silence: None }
    }
}

/// The visitor has fallen below the rate.
#[derive(Debug)]
pub(crate) struct TooSlow;

impl Pace {
    /// For what may rightly be silent in between: each byte earns the whole of the longest silence.
    pub(crate) fn with_silence(longest: Duration) -> Self {
        Self { left: longest, silence: Some(longest) }
    }

    /// Counts bytes that moved.
    pub(crate) fn credit(&mut self, bytes: usize) {
        let earned = Duration::from_millis((bytes as u64).saturating_mul(1000) / RATE_BYTES_MIN);
        self.left = self.silence.unwrap_or_else(|| self.left.saturating_add(earned).min(STALL_MAX));
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
        let started = Instant::now();
        let outcome = timeout(self.left, future).await;
        self.left = self.left.saturating_sub(started.elapsed());
        outcome.map_err(|_| TooSlow)
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
        let mut call = Pace::with_silence(Duration::from_secs(600));
        for _ in 0..3 {
            assert!(call.wait(Box::pin(tokio::time::sleep(Duration::from_secs(599)))).await.is_ok());
            call.credit(1);
        }
        assert!(call.wait(Box::pin(tokio::time::sleep(Duration::from_secs(601)))).await.is_err());
        let mut stalled = Pace::default();
        stalled.credit(10 << 20);
        let started = Instant::now();
        assert!(stalled.wait(Box::pin(std::future::pending::<()>())).await.is_err());
        assert_eq!(started.elapsed().as_secs(), STALL_MAX.as_secs());
    }
}
