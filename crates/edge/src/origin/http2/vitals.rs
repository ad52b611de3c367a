//! What the users of an HTTP/2 connection and its driver tell each other, and when the connection is asked whether
//! it still lives.
//!
//! A connection that the network has silently dropped would swallow one request after the other, each for as long as
//! an origin may think. So the driver asks (PING, RFC 9113 §6.7) where a request has met with nothing but silence.
//! Origins that count PINGs take two without an answer in between; no more are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How long a request meets with silence before the origin is asked.
pub(super) const PING_AFTER: Duration = Duration::from_secs(10);
/// How long the connection may then stay silent.
pub(super) const PONG_TIME_MAX: Duration = Duration::from_secs(10);
/// Questions without an answer's frame in between.
pub(super) const PINGS_MAX: u32 = 2;

/// Times are in milliseconds since the connection was made.
pub(super) struct Vitals {
    made: Instant,
    /// Exchanges under way.
    streams: AtomicU32,
    /// Exchanges so far.
    begun: AtomicU64,
    /// When the last of them ended; 0: none has.
    rested: AtomicU64,
    /// When something was last heard.
    heard: AtomicU64,
    /// When something was asked for the first time since; 0: nothing was.
    asked: AtomicU64,
    /// Frames of answers so far.
    words: AtomicU64,
    greeted: AtomicBool,
    over: AtomicBool,
}

/// One exchange's place on a connection; free again once dropped.
pub(super) struct Slot {
    pub(super) vitals: Arc<Vitals>,
}

impl Vitals {
    pub(super) fn new() -> Self {
        Self {
            made: Instant::now(),
            streams: AtomicU32::new(0),
            begun: AtomicU64::new(0),
            rested: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            words: AtomicU64::new(0),
            greeted: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Something has come.
    pub(super) fn hears(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
    }

    /// A frame of an answer has come.
    pub(super) fn hears_word(&self) {
        self.words.fetch_add(1, Ordering::Relaxed);
    }

    /// The origin's settings have come, as they must first.
    pub(super) fn is_greeted(&self) -> bool {
        self.greeted.load(Ordering::Relaxed)
    }

    pub(super) fn greets(&self) {
        self.greeted.store(true, Ordering::Relaxed);
    }

    /// Nothing more can be asked.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn ends(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Acquire) as usize
    }

    /// Exchanges begun on it so far.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// How long no exchange has been under way; none while one is. What the origin says unasked keeps nothing open.
    pub(super) fn rest(&self) -> Option<Duration> {
        let rested = self.rested.load(Ordering::Relaxed);
        (self.streams() == 0).then(|| Duration::from_millis(self.now().saturating_sub(rested)))
    }

    /// A place for one exchange.
    pub(super) fn slot(self: &Arc<Self>) -> Slot {
        self.streams.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Slot { vitals: Arc::clone(self) }
    }

    /// A request goes out.
    pub(super) fn asks(&self) {
        let _ = self.asked.compare_exchange(0, self.now(), Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Before the place is free: whoever then finds none taken finds since when.
        self.vitals.rested.store(self.vitals.now(), Ordering::Relaxed);
        self.vitals.streams.fetch_sub(1, Ordering::Release);
    }
}

/// When the origin is asked whether it is there, and whether it was.
#[derive(Default)]
pub(super) struct Pulse {
    /// When the last question went out; none: it was answered.
    pinged: Option<u64>,
    /// Questions since the last frame of an answer, and which frame that was.
    pings: u32,
    words: u64,
}

/// What the driver is to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing before this long; none: nothing until something happens.
    Wait(Option<Duration>),
    /// To ask.
    Ping,
    /// To give up.
    Dead,
}

impl Pulse {
    pub(super) fn next(&mut self, vitals: &Vitals) -> Beat {
        let (now, heard) = (vitals.now(), vitals.heard.load(Ordering::Relaxed));
        let words = vitals.words.load(Ordering::Relaxed);
        if words != self.words {
            (self.words, self.pings) = (words, 0);
        }
        let due = |from: u64, after: Duration| from.saturating_add(after.as_millis() as u64);
        let left = |until: u64| Beat::Wait(Some(Duration::from_millis(until - now)));
        if let Some(pinged) = self.pinged {
            if heard < pinged {
                let until = due(pinged, PONG_TIME_MAX);
                return if now >= until { Beat::Dead } else { left(until) };
            }
            self.pinged = None;
        }
        let asked = vitals.asked.load(Ordering::Relaxed);
        if asked == 0 || vitals.streams() == 0 || self.pings >= PINGS_MAX {
            return Beat::Wait(None);
        }
        let until = due(asked, PING_AFTER);
        if now < until {
            return left(until);
        }
        (self.pinged, self.pings) = (Some(now), self.pings + 1);
        Beat::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_is_silent_to_a_request_is_asked_once_and_then_given_up() {
        let (vitals, mut pulse) = (Arc::new(Vitals::new()), Pulse::default());
        assert_eq!(pulse.next(&vitals), Beat::Wait(None), "nothing is asked");
        advance(Duration::from_secs(60)).await;
        let _slot = vitals.slot();
        vitals.asks();
        assert_eq!(pulse.next(&vitals), Beat::Wait(Some(PING_AFTER)));
        advance(PING_AFTER).await;
        assert_eq!(pulse.next(&vitals), Beat::Ping);
        assert_eq!(pulse.next(&vitals), Beat::Wait(Some(PONG_TIME_MAX)));
        advance(PONG_TIME_MAX).await;
        assert_eq!(pulse.next(&vitals), Beat::Dead);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_origin_says_unasked_is_no_use_of_its_connection() {
        let vitals = Arc::new(Vitals::new());
        let first = vitals.slot();
        advance(Duration::from_secs(30)).await;
        assert_eq!(vitals.rest(), None, "an exchange is under way");
        drop(first);
        for _ in 0..6 {
            advance(Duration::from_secs(10)).await;
            vitals.hears();
        }
        assert_eq!(vitals.rest(), Some(Duration::from_secs(60)));
        drop(vitals.slot());
        assert_eq!(vitals.rest(), Some(Duration::ZERO), "used again");
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_that_lives_is_asked_twice_at_most_until_it_answers_something() {
        let (vitals, mut pulse) = (Arc::new(Vitals::new()), Pulse::default());
        let _slot = vitals.slot();
        advance(Duration::from_secs(1)).await;
        for round in 0..4 {
            vitals.asks();
            advance(PING_AFTER).await;
            let beat = pulse.next(&vitals);
            assert_eq!(beat == Beat::Ping, round < PINGS_MAX, "{round}: {beat:?}");
            advance(Duration::from_secs(1)).await;
            // The answer to the question, and no more.
            vitals.hears();
        }
        vitals.hears_word();
        vitals.asks();
        advance(PING_AFTER).await;
        assert_eq!(pulse.next(&vitals), Beat::Ping);
    }
}
