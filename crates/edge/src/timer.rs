//! One timer for all the waits of a connection.
//!
//! A timer that is made for each wait is put into the runtime's wheel and taken out again, though almost every wait ends
//! long before it rings. One that stays is set anew only where it rings early or would ring late.

use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is made at its first wait.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl Timer {
    /// Ready from `until` on.
    pub(crate) fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        poll_deadline(sleep.as_mut(), until, cx)
    }
}

/// The same with a timer that there is already.
pub(crate) fn poll_deadline(mut sleep: Pin<&mut Sleep>, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
    if sleep.deadline() > until {
        sleep.as_mut().reset(until);
    }
    while sleep.as_mut().poll(cx).is_ready() {
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        sleep.as_mut().reset(until);
    }
    Poll::Pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    /// Each wait of one timer ends at its own time, whatever the ones before it were set to.
    #[tokio::test(start_paused = true)]
    async fn a_timer_rings_for_each_wait_at_its_own_time() {
        let mut timer = Timer::default();
        for seconds in [60, 1, 5, 5, 90, 2] {
            let until = Instant::now() + Duration::from_secs(seconds);
            // A wait that ends early leaves the timer set to what it was.
            let dropped = until + Duration::from_secs(seconds % 3 * 30);
            assert!(poll_fn(|cx| Poll::Ready(timer.poll(dropped, cx))).await.is_pending());
            poll_fn(|cx| timer.poll(until, cx)).await;
            assert_eq!(Instant::now(), until, "{seconds}");
        }
    }
}
