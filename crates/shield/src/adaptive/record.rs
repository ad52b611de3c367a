//! The record that every site has: 64 bytes, whether it is busy or asleep.

use super::engine::Answers;
use vocabulary::Timestamp;

/// The site, or the whole edge, that a record belongs to: a number that stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteKey(pub u64);

/// No slab.
pub(super) const NO_SLAB: u16 = u16::MAX;
/// For so many seconds a site is only learnt.
pub(super) const LEARNING_SECONDS: u16 = 60;
/// How slowly the usual rate follows, in seconds.
const SLOW_SECONDS: f32 = 300.0;
/// How slowly the rate follows of which the usual peak is one, in seconds.
const STEADY_SECONDS: f32 = 60.0;
/// How slowly the usual peak is forgotten: about half in an hour.
const PEAK_DECAY: f32 = 1.0 - 1.0 / 5_200.0;

/// What is remembered of a site. All zero is a site that was never asked for.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct SiteRecord {
    /// The second that is being counted, since 1970, cut to 32 bits.
    second: u32,
    /// Requests of this second.
    count: u32,
    /// Requests of the last whole second.
    pub(super) rate: f32,
    /// The rate over about a minute: what rises more slowly than that does not make itself usual as it rises.
    steady: f32,
    /// The usual rate, learnt in calm seconds.
    pub(super) usual: f32,
    /// The highest usual rate of the last hours.
    peak: f32,
    /// Answers of the origin in this second, and how many of them failed.
    answers: u32,
    failures: u32,
    /// The time they took, in milliseconds, summed.
    answer_ms: u32,
    /// What is usual: the share of failures, and milliseconds.
    usual_failures: f32,
    usual_ms: f32,
    /// Seconds of distress in a row, cut at 255.
    pub(super) distress: u8,
    /// Seconds of a rate far above the usual in a row.
    pub(super) surge: u8,
    /// Seconds learnt so far.
    learnt: u16,
    /// The slab, or `NO_SLAB`, kept as its complement so that zero means none.
    slab: u16,
    /// Samples given to the shared reference in this second.
    pub(super) sampled: u8,
    /// Whether an attack on many sites goes on, of which this one sees too little to notice.
    is_held: bool,
    _more: [u32; 3],
}

impl Default for SiteRecord {
    fn default() -> Self {
        Self {
            second: 0,
            count: 0,
            rate: 0.0,
            steady: 0.0,
            usual: 0.0,
            peak: 0.0,
            answers: 0,
            failures: 0,
            answer_ms: 0,
            usual_failures: 0.0,
            usual_ms: 0.0,
            distress: 0,
            surge: 0,
            learnt: 0,
            slab: 0,
            sampled: 0,
            is_held: false,
            _more: [0; 3],
        }
    }
}

/// A surge that harms nobody is taken for one so long, in seconds.
const SURGE_BELIEVED: u8 = 240;
/// So much above the usual rate is believed at once, in requests a second.
const BELIEVED_MORE: f32 = 20.0;
/// The excess below which a rate is no danger to a healthy edge, in requests a second.
pub(super) const EXCESS_MIN: f32 = 100.0;

/// The rate below which nothing presses, in requests a second.
const PRESSED_MIN: f32 = 2.0;

impl SiteRecord {
    pub(super) fn slab(&self) -> Option<usize> {
        let slab = !self.slab;
        (slab != NO_SLAB).then_some(usize::from(slab))
    }

    pub(super) fn set_slab(&mut self, slab: Option<u16>) {
        self.slab = !slab.unwrap_or(NO_SLAB);
    }

    /// Whether its usual rate is known.
    pub(super) fn is_known(&self) -> bool {
        self.learnt >= LEARNING_SECONDS
    }

    /// Whether nothing unusual happens.
    pub(super) fn is_calm(&self) -> bool {
        self.distress == 0 && self.surge == 0
    }

    /// Whether nothing is to be learnt at present: an attack on many sites does not make itself usual at each.
    pub(super) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Counts requests; true for the first ones of a second.
    pub(super) fn count(&mut self, requests: u32, now: Timestamp) -> bool {
        self.turn_at(now);
        let is_first = self.count == 0;
        self.count = self.count.saturating_add(requests);
        is_first
    }

    /// Closes the second that was counted, if it is over.
    pub(super) fn turn_at(&mut self, now: Timestamp) {
        let second = now.as_secs() as u32;
        if second != self.second {
            self.turn(second);
        }
    }

    /// Counts what the origin did.
    pub(super) fn answered(&mut self, answers: Answers) {
        self.answers = self.answers.saturating_add(answers.count);
        self.failures = self.failures.saturating_add(answers.failures);
        self.answer_ms = self.answer_ms.saturating_add(answers.ms);
    }

    /// Seconds in a row in which the origin did badly.
    pub fn distress_seconds(&self) -> u8 {
        self.distress
    }

    /// Whether far more comes than usual, be it little.
    pub fn is_pressed(&self) -> bool {
        self.rate >= (4.0 * self.usual).max(PRESSED_MIN)
    }

    /// Requests of the last whole second, and how many are usual.
    pub fn rates(&self) -> (f32, f32) {
        (self.rate, self.usual)
    }

    fn turn(&mut self, second: u32) {
        if self.second == 0 {
            // The first request ever: there is no second before it to judge.
            self.second = second;
            return;
        }
        let gone = second.saturating_sub(self.second).clamp(1, 3_600);
        // A clock that stepped back, and a second that was skipped, both leave a rate of one second.
        self.rate = if gone == 1 { self.count as f32 } else { self.count as f32 / gone as f32 };
        let weight = (gone as f32 / STEADY_SECONDS.min(f32::from(self.learnt) + 1.0)).min(1.0);
        self.steady += (self.rate - self.steady) * weight;
        self.judge(gone);
        self.second = second;
        self.count = 0;
        self.answers = 0;
        self.failures = 0;
        self.answer_ms = 0;
        self.sampled = 0;
    }

    fn judge(&mut self, gone: u32) {
        self.distress = if self.in_distress() { self.distress.saturating_add(1) } else { 0 };
        let high = self.rate > (4.0 * self.usual).max(2.0 * self.peak) && self.rate - self.usual > EXCESS_MIN;
        self.surge = if high && self.is_known() { self.surge.saturating_add(1) } else { 0 };
        // What goes on for minutes, and hurts nobody, is usual from then on.
        if !self.is_held && (self.is_calm() || (self.distress == 0 && self.surge >= SURGE_BELIEVED)) {
            self.learn(gone);
        }
    }

    fn in_distress(&self) -> bool {
        if self.answers < 10 {
            return false;
        }
        let answers = self.answers as f32;
        let failures = self.failures as f32 / answers;
        let ms = self.answer_ms as f32 / answers;
        failures > (0.2f32).max(4.0 * self.usual_failures)
            || (ms > 500.0 && ms > 4.0 * self.usual_ms && self.is_known())
    }

    /// The most of a rate that is learnt at a time: what grows slowly does not make itself usual as it grows.
    fn believable(&self) -> f32 {
        let is_open = !self.is_known() || self.surge >= SURGE_BELIEVED;
        if is_open { f32::MAX } else { (self.usual * 1.5).max(self.usual + BELIEVED_MORE) }
    }

    fn learn(&mut self, gone: u32) {
        self.learnt = self.learnt.saturating_add(gone.min(60) as u16);
        // In the beginning the plain mean, later a slow one.
        let span = SLOW_SECONDS.min(f32::from(self.learnt).max(1.0));
        let weight = (gone as f32 / span).min(1.0);
        self.usual += (self.rate.min(self.believable()) - self.usual) * weight;
        self.peak = (self.peak * PEAK_DECAY.powi(gone as i32)).max(self.steady);
        if self.answers > 0 {
            let answers = self.answers as f32;
            self.usual_ms += (self.answer_ms as f32 / answers - self.usual_ms) * weight;
            self.usual_failures += (self.failures as f32 / answers - self.usual_failures) * weight;
        }
    }
}
