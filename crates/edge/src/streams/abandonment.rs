//! How often a visitor asks and does not wait for the answer.
//!
//! Pure. A stream that is opened and reset costs its visitor two frames and the edge a request to an origin (the
//! rapid reset attack, also where it is paced so that h2's own count never fills). Visitors in good faith leave
//! answers too, of a page they turn away from: not a hundred in a minute, and not most of what they ask for.

use std::time::Duration;
use tokio::time::Instant;

/// Streams of one window that a visitor may abandon; one more ends the connection with ENHANCE_YOUR_CALM, if it
/// has abandoned more than it has waited for.
pub(crate) const ABANDONED_MAX: u32 = 100;
/// How long streams are counted before the count begins anew.
pub(crate) const ABANDONED_WINDOW: Duration = Duration::from_secs(60);

/// How a stream ended for its visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its answer had begun.
    Answered,
    /// The visitor reset it before that.
    Abandoned,
}

/// The streams of one connection that ended within one window.
#[derive(Debug)]
pub(crate) struct Abandonment {
    since: Instant,
    answered: u32,
    abandoned: u32,
}

impl Abandonment {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, answered: 0, abandoned: 0 }
    }

    /// Counts a stream; `true` where the visitor has gone too far.
    pub(crate) fn count(&mut self, ended: Ended, now: Instant) -> bool {
        if now - self.since >= ABANDONED_WINDOW {
            *self = Self::new(now);
        }
        match ended {
            Ended::Answered => self.answered = self.answered.saturating_add(1),
            Ended::Abandoned => self.abandoned = self.abandoned.saturating_add(1),
        }
        self.abandoned > ABANDONED_MAX && self.abandoned > self.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(streams: &[(Ended, u32)], pace: Duration) -> bool {
        let mut now = Instant::now();
        let mut count = Abandonment::new(now);
        let mut each = streams.iter().flat_map(|(ended, times)| (0..*times).map(move |_| *ended));
        each.any(|ended| {
            now += pace;
            count.count(ended, now)
        })
    }

    #[test]
    fn only_who_abandons_many_and_most_streams_within_a_minute_goes_too_far() {
        use Ended::{Abandoned, Answered};
        let quick = Duration::from_millis(3);
        for (streams, pace, too_far) in [
            (vec![(Abandoned, 100)], quick, false),
            (vec![(Abandoned, 101)], quick, true),
            (vec![(Answered, 101), (Abandoned, 101)], quick, false),
            (vec![(Answered, 101), (Abandoned, 102)], quick, true),
            (vec![(Abandoned, 1000)], Duration::from_millis(700), false),
            (vec![(Answered, 100_000), (Abandoned, 90_000)], Duration::from_micros(1), false),
            // What was waited for a minute ago excuses nothing.
            (vec![(Answered, 1000), (Abandoned, 101)], Duration::from_millis(60), true),
        ] {
            assert_eq!(outcome(&streams, pace), too_far, "{streams:?} at {pace:?}");
        }
    }
}
