//! The number of places of an origin, from how it does.
//!
//! A window of answers is closed every tenth of a second at the earliest. Its median is held against what is usual for
//! the origin when little is asked of it: while it is at most twice that, or a tenth of a second more, places are added
//! where they are wanted; above it the number shrinks in proportion (as Netflix's concurrency-limits and Envoy's
//! adaptive concurrency do), and where many fail by a third (additive increase, multiplicative decrease; Chiu and
//! Jain 1989). Failures count only where somebody waits and several networks see them: one visitor who asks for nothing
//! but what fails takes no place from the others.
//!
//! What is taken away is reckoned from the places that were in use, and only while somebody waits. So an origin that is
//! slow by itself, and does not fall behind, keeps all it had; and one that is as slow with the fewest places as before
//! was not slow because of them: that becomes the usual.

use crate::budgets::Prefix;
use std::time::Duration;

/// The fewest places of an origin.
pub const PLACES_MIN: u32 = 8;
/// The places of an origin of which nothing is known.
pub const PLACES_FIRST: u32 = 64;

const WINDOW_LEAST: Duration = Duration::from_millis(100);
/// A window with fewer answers goes on.
const WINDOW_ANSWERS: u32 = 16;
/// But not for longer than this.
const WINDOW_MOST: Duration = Duration::from_secs(2);

/// Over so many times the usual an origin is taken to have too much to do…
const TOLERATED_TIMES: f32 = 2.0;
/// …and so much over it, in microseconds: what nobody notices is no reason to hold anybody back.
const TOLERATED_MORE_US: f32 = 100_000.0;
/// Failures that count for something, and their part of a window.
const FAILURES_LEAST: u32 = 5;
const FAILURES_ONE_IN: u32 = 5;
/// The networks that must see some: what one of them asks for may fail for its own sake.
const FAILING_NETWORKS: usize = 3;
/// What is left of the places after a window in which many failed.
const LEFT_AFTER_FAILURES: f32 = 0.7;
/// What is left at least after a window that was slow.
const LEFT_LEAST: f32 = 0.5;
/// How long it takes for a slower pace to become the usual while there is no want of places.
const LEARNT_SECONDS: f32 = 120.0;
/// The part of the way that the usual goes in one window: towards a quicker pace, and towards one that fewer places do
/// not mend.
const LEARNT_AT_ONCE: f32 = 0.3;

/// Half octaves from 64 µs to two minutes.
const BUCKETS: usize = 42;
const LEAST_OCTAVE: u32 = 6;

/// The places of one origin.
#[derive(Debug)]
pub(super) struct Limit {
    places: f32,
    places_max: f32,
    /// The median when little is asked, in microseconds; none before the first window.
    usual_us: Option<f32>,
    answered_at: Duration,
    window: Window,
}

/// Answers since the last turn.
#[derive(Debug)]
struct Window {
    began: Duration,
    answers: [u16; BUCKETS],
    count: u32,
    failures: u32,
    /// Who saw them: each network once, and no more of them than are asked for.
    failing: Vec<Prefix>,
    /// The most places in use at once.
    peak: u32,
    /// Whether anybody had to wait.
    wanted: bool,
}

impl Limit {
    pub(super) fn new(places_max: u32) -> Self {
        let places_max = places_max.max(PLACES_MIN);
        let places = PLACES_FIRST.min(places_max);
        Self {
            places: places as f32,
            places_max: places_max as f32,
            usual_us: None,
            answered_at: Duration::ZERO,
            window: Window::new(),
        }
    }

    pub(super) fn places(&self) -> u32 {
        self.places as u32
    }

    /// So many places are in use.
    pub(super) fn saw(&mut self, busy: u32) {
        self.window.peak = self.window.peak.max(busy);
    }

    /// Somebody has to wait for one.
    pub(super) fn wants(&mut self) {
        self.window.wanted = true;
    }

    /// An answer came after this time.
    pub(super) fn answered(&mut self, now: Duration, took: Duration) {
        self.answered_at = now;
        let bucket = &mut self.window.answers[bucket(took)];
        *bucket = bucket.saturating_add(1);
        self.window.count += 1;
    }

    /// A request of this network failed.
    pub(super) fn failed(&mut self, network: Prefix) {
        let Window { failures, failing, .. } = &mut self.window;
        *failures += 1;
        if failing.len() < FAILING_NETWORKS && !failing.contains(&network) {
            failing.push(network);
        }
    }

    /// Follows what the window has shown, once it has shown enough.
    pub(super) fn follow(&mut self, now: Duration) {
        let length = now.saturating_sub(self.window.began);
        let told = self.window.count.max(self.window.failures);
        let is_telling = told >= WINDOW_ANSWERS || length >= WINDOW_MOST || (told == 0 && self.window.wanted);
        if length < WINDOW_LEAST || !is_telling {
            return;
        }
        let window = std::mem::replace(&mut self.window, Window { began: now, ..Window::new() });
        self.turn(&window, length, now.saturating_sub(self.answered_at));
    }

    fn turn(&mut self, window: &Window, length: Duration, silence: Duration) {
        let (peak, wanted) = (window.peak as f32, window.wanted);
        // Places that nobody used say nothing, and taking them away would help nobody.
        let used = self.places.min((2.0 * peak).max(PLACES_MIN as f32));
        let Some(median) = window.median_us() else {
            return self.set(match () {
                () if window.has_failed() => used * LEFT_AFTER_FAILURES,
                // Some origins take their time over each answer, and do well with any number of them.
                () if wanted && self.may_be_silent(silence) => self.places + self.places.sqrt(),
                () => self.places,
            });
        };
        let tolerated = self.tolerated(median, window, length);
        self.set(match () {
            () if window.has_failed() => used * LEFT_AFTER_FAILURES,
            () if median > tolerated && wanted => used * (tolerated / median).max(LEFT_LEAST) + used.sqrt(),
            // It may be slow by itself. If it falls behind, it will soon have more to do than this.
            () if median > tolerated => used,
            () if (wanted || 2.0 * peak >= self.places) && self.may_be_silent(silence) => {
                self.places + self.places.sqrt()
            }
            // Places that have not been used for long are places of which nothing is known any more.
            () if 4.0 * peak < self.places => (self.places * (63.0 / 64.0)).max(PLACES_FIRST as f32),
            () => self.places,
        });
    }

    /// How slow the origin may be, in microseconds; learns what is usual.
    fn tolerated(&mut self, median: f32, window: &Window, length: Duration) -> f32 {
        let usual = *self.usual_us.get_or_insert(median);
        let tolerated = tolerated(usual);
        let is_least = self.places() <= PLACES_MIN;
        let is_roomy = !window.wanted && 2.0 * (window.peak as f32) < self.places;
        let learnt = match () {
            () if median < usual || (median > tolerated && is_least) => LEARNT_AT_ONCE,
            // A pace that comes of its own want of places must not become the measure of it.
            () if is_roomy => (length.as_secs_f32() / LEARNT_SECONDS).min(LEARNT_AT_ONCE),
            () => 0.0,
        };
        self.usual_us = Some(usual + (median - usual) * learnt);
        tolerated
    }

    /// Whether an origin of this pace may well have said nothing for so long.
    fn may_be_silent(&self, silence: Duration) -> bool {
        self.usual_us.is_none_or(|usual| silence.as_micros() as f32 <= tolerated(usual))
    }

    fn set(&mut self, places: f32) {
        self.places = places.max(PLACES_MIN as f32).min(self.places_max);
    }
}

/// How slow an origin may be whose usual median is this, in microseconds.
fn tolerated(usual_us: f32) -> f32 {
    (usual_us * TOLERATED_TIMES).max(usual_us + TOLERATED_MORE_US)
}

impl Window {
    fn new() -> Self {
        Self {
            began: Duration::ZERO,
            answers: [0; BUCKETS],
            count: 0,
            failures: 0,
            failing: Vec::new(),
            peak: 0,
            wanted: false,
        }
    }

    fn has_failed(&self) -> bool {
        let are_many = self.failures >= FAILURES_LEAST && self.failures * FAILURES_ONE_IN > self.count;
        are_many && self.wanted && self.failing.len() >= FAILING_NETWORKS
    }

    /// The middle of the half octave in which the median lies; none without answers.
    fn median_us(&self) -> Option<f32> {
        let all: u32 = self.answers.iter().map(|count| u32::from(*count)).sum();
        let mut below = 0;
        let middle = self.answers.iter().position(|count| {
            below += u32::from(*count);
            2 * below > all
        })?;
        let exponent = LEAST_OCTAVE as f32 + (middle as f32 + 0.5) / 2.0;
        Some(exponent.exp2())
    }
}

fn bucket(took: Duration) -> usize {
    let us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1 << LEAST_OCTAVE);
    let octave = us.ilog2();
    // The upper half of an octave begins at √2, for which 181/128 is near enough.
    let upper = u64::from(us) * 128 >= (181u64 << octave);
    ((octave - LEAST_OCTAVE) as usize * 2 + usize::from(upper)).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_half_octaves() {
        let of = |us: u64| bucket(Duration::from_micros(us));
        assert_eq!((of(0), of(64), of(90), of(91), of(128), of(182)), (0, 0, 0, 1, 2, 3));
        assert_eq!(of(u64::MAX), BUCKETS - 1);
        let mut window = Window::new();
        for us in [100, 1_000, 1_000, 50_000] {
            window.answers[of(us)] += 1;
        }
        let median = window.median_us().expect("a median");
        assert!((800.0..1_250.0).contains(&median), "{median}");
    }
}
