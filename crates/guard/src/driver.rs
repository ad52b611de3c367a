//! The search for signatures, off the way of requests: one task fetches what requests left behind, turns each busy
//! site on by a second, and hands back what is to be acted upon.
//!
//! Owns the engine and the sites' records. Must be called by one task alone; nothing of it is ever waited for by a
//! request.
//!
//! Invariants: a record is kept only for sites that were asked for; every visitor of a site is challenged by the
//! edge's own doing for at most [`ALARM_SECONDS_EACH_DAY`] in any 24 hours.

use crate::Guard;
use crate::desk::Sample;
use crate::note::SignatureTurn;
use crate::watch::{Acting, Watch};
use shield::adaptive::{Adaptive, Event, Evidence, SiteKey, SiteRecord, Stage};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Timestamp;

/// How often what requests left behind is to be fetched.
pub const FETCH_EVERY: Duration = Duration::from_millis(100);
/// How long all visitors of a site may be challenged by the edge's own doing, in any 24 hours, in seconds.
pub const ALARM_SECONDS_EACH_DAY: u32 = 3 * 3600;
/// Seconds of distress, although signatures are acted upon, before all visitors are challenged.
const ALARM_AFTER_SECONDS: u8 = 15;
/// How long that lasts at a time, in seconds.
const ALARM_SECONDS: u32 = 60;
const DAY_SECONDS: i64 = 86_400;
const ALARMS_EACH_DAY: usize = (ALARM_SECONDS_EACH_DAY / ALARM_SECONDS) as usize;
/// How often records of sites that are gone are let go of, in seconds.
const TIDY_SECONDS: i64 = 600;

/// What is known of a site.
struct Known {
    watch: Arc<Watch>,
    record: SiteRecord,
    acting: Vec<Arc<Acting>>,
    alarm: Alarm,
}

/// When all visitors were challenged by the edge's own doing.
#[derive(Debug, Clone, Default)]
struct Alarm {
    /// Until when; 0: not at all.
    until: i64,
    /// When each minute of the last 24 hours began, the oldest first: at most 180 of them.
    minutes: VecDeque<i64>,
}

impl Alarm {
    /// One more minute, where those of the last 24 hours leave room for it.
    fn extend(&mut self, now: Timestamp) -> bool {
        let over = now.as_secs() - DAY_SECONDS;
        while self.minutes.front().is_some_and(|began| *began <= over) {
            self.minutes.pop_front();
        }
        if self.minutes.len() >= ALARMS_EACH_DAY {
            return false;
        }
        self.minutes.push_back(now.as_secs());
        self.until = now.as_secs() + i64::from(ALARM_SECONDS);
        true
    }
}

/// The task's own state.
pub struct Driver {
    guard: Arc<Guard>,
    adaptive: Adaptive,
    sites: HashMap<SiteKey, Known>,
    samples: Vec<Sample>,
    events: Vec<Event>,
    /// The last second that was turned.
    second: i64,
    next_number: u64,
}

impl Driver {
    /// Nothing is known yet.
    pub fn new(guard: Arc<Guard>) -> Self {
        let random = Arc::clone(&guard.random);
        Self {
            guard,
            adaptive: Adaptive::new(&*random),
            sites: HashMap::new(),
            samples: Vec::new(),
            events: Vec::new(),
            second: 0,
            next_number: u64::from_le_bytes(random.bytes()) | 1,
        }
    }

    /// Fetches what requests have left, and turns the second where a new one has begun. To be called every
    /// [`FETCH_EVERY`].
    pub fn turn(&mut self, now: Timestamp) {
        self.fetch(now);
        self.undo(now);
        if now.as_secs() != self.second {
            self.second = now.as_secs();
            self.tick(now);
            self.guard.roll(now);
            if self.second % TIDY_SECONDS == 0 {
                // Whose watch nobody else holds was taken off the edge.
                self.sites.retain(|_, known| Arc::strong_count(&known.watch) > 1);
            }
        }
    }

    /// The memory of the search, the records left out, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.adaptive.memory_bytes()
    }

    fn fetch(&mut self, now: Timestamp) {
        let mut samples = std::mem::take(&mut self.samples);
        let touched = self.guard.fetch(&mut samples);
        let mut shown: HashMap<SiteKey, u32> = HashMap::new();
        for sample in samples.iter().filter(|sample| sample.outcome.is_none()) {
            *shown.entry(sample.site).or_default() += 1;
        }
        let mut stands_for = HashMap::new();
        for watch in touched {
            let key = watch.key();
            let known = self.sites.entry(key).or_insert_with(|| Known {
                watch: Arc::clone(&watch),
                record: SiteRecord::default(),
                acting: Vec::new(),
                alarm: Alarm::default(),
            });
            // A site that went and came again has a new one.
            known.watch = watch;
            let (seen, answers) = known.watch.drain();
            self.adaptive.answers(&mut known.record, answers, now);
            let mut met = 0u32;
            for acting in &known.acting {
                let tally = acting.drain();
                met = met.saturating_add(tally.matched);
                self.adaptive.acted(key, &known.record, (&acting.signature, tally), now);
            }
            let shown = shown.get(&key).copied().unwrap_or_default();
            let open = seen.saturating_sub(met).max(shown);
            let each = open.checked_div(shown).unwrap_or_default();
            self.adaptive.count(key, &mut known.record, seen.saturating_sub(each * shown), now);
            stands_for.insert(key, each);
        }
        self.show(&samples, &stands_for, now);
        samples.clear();
        self.samples = samples;
    }

    fn show(&mut self, samples: &[Sample], stands_for: &HashMap<SiteKey, u32>, now: Timestamp) {
        for sample in samples {
            let Some(known) = self.sites.get_mut(&sample.site) else { continue };
            match sample.outcome {
                Some(outcome) => {
                    self.adaptive.costly(sample.site, &known.record, &sample.row, outcome, now);
                }
                None => {
                    let each = stands_for.get(&sample.site).copied().unwrap_or(1).max(1);
                    self.adaptive.show(sample.site, &mut known.record, (&sample.row, each), now);
                }
            }
        }
    }

    fn undo(&mut self, now: Timestamp) {
        for (site, number) in self.guard.undo_wanted() {
            let Some(known) = self.sites.get_mut(&site) else { continue };
            let Some(acting) = known.acting.iter().find(|acting| acting.number == number) else { continue };
            let signature = acting.signature;
            self.events.extend(self.adaptive.undo(site, &known.record, &signature, now));
        }
        self.tell(now);
    }

    fn tick(&mut self, now: Timestamp) {
        let hot: Vec<_> = self.adaptive.hot().collect();
        for key in hot {
            if let Some(known) = self.sites.get_mut(&key) {
                self.adaptive.tick(key, &mut known.record, false, now, &mut self.events);
                watch_alarm(&self.guard, known, now);
            }
        }
        self.tell(now);
    }

    /// Carries events to where requests and people see them.
    fn tell(&mut self, now: Timestamp) {
        if self.events.is_empty() {
            return;
        }
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Began(site, signature, evidence) => self.begin(site, signature, evidence, now),
                Event::Became(site, signature, stage) => {
                    self.with(site, &signature, |guard, watch, acting| {
                        acting.become_stage(stage);
                        guard.note_signature(watch, acting, SignatureTurn::Became(stage), now);
                    });
                }
                Event::Ended { site, signature, why, .. } => {
                    self.with(site, &signature, |guard, watch, acting| {
                        let _ = acting.drain();
                        guard.note_signature(watch, acting, SignatureTurn::Ended(why), now);
                    });
                    if let Some(known) = self.sites.get_mut(&site) {
                        known.acting.retain(|acting| acting.signature != signature);
                        known.watch.act(known.acting.clone());
                    }
                }
            }
        }
        let all = self.sites.values().filter(|known| !known.acting.is_empty());
        let pair = |known: &Known| {
            let watch = Arc::clone(&known.watch);
            known
                .acting
                .clone()
                .into_iter()
                .map(move |acting| (Arc::clone(&watch), acting))
                .collect::<Vec<_>>()
        };
        self.guard.set_acting(all.flat_map(pair).collect());
    }

    fn begin(
        &mut self,
        site: SiteKey,
        signature: shield::adaptive::Signature,
        evidence: Evidence,
        now: Timestamp,
    ) {
        let Some(known) = self.sites.get_mut(&site) else { return };
        let acting = Arc::new(Acting::new(self.next_number, signature, evidence, now));
        self.next_number = self.next_number.wrapping_add(2);
        known.acting.push(Arc::clone(&acting));
        known.watch.act(known.acting.clone());
        self.guard.note_signature(&known.watch, &acting, SignatureTurn::Began(evidence), now);
    }

    fn with(
        &self,
        site: SiteKey,
        signature: &shield::adaptive::Signature,
        run: impl FnOnce(&Guard, &Watch, &Acting),
    ) {
        let Some(known) = self.sites.get(&site) else { return };
        if let Some(acting) = known.acting.iter().find(|acting| acting.signature == *signature) {
            run(&self.guard, &known.watch, acting);
        }
    }
}

/// An attack is proved by a signature that is acted upon; where the origin stays in distress all the same, every
/// visitor is challenged for a while.
fn watch_alarm(guard: &Guard, known: &mut Known, now: Timestamp) {
    let proved = known.acting.iter().any(|acting| acting.stage() != Stage::Canary);
    let wanted = proved && known.record.distress_seconds() >= ALARM_AFTER_SECONDS;
    let was_on = known.alarm.until > 0;
    if wanted && known.alarm.until <= now.as_secs() && known.alarm.extend(now) {
        known.watch.alarm(Timestamp::from_secs(known.alarm.until));
        if !was_on {
            guard.note_alarm(&known.watch, true, now);
        }
    } else if was_on && known.alarm.until <= now.as_secs() {
        known.alarm.until = 0;
        guard.note_alarm(&known.watch, false, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_site_is_challenged_as_a_whole_for_more_than_three_hours_of_any_day() {
        let mut alarm = Alarm::default();
        // From 21:00 on, so that a calendar's day ends where the share does.
        let began = DAY_SECONDS * 20_000 + 21 * 3600;
        let given: Vec<i64> = (0..48 * 60)
            .map(|minute| began + minute * 60)
            .filter(|second| alarm.extend(Timestamp::from_secs(*second)))
            .collect();
        for second in (0..48 * 60).map(|minute| began + minute * 60) {
            let within = given.iter().filter(|own| (second..second + DAY_SECONDS).contains(own)).count();
            assert!(within <= ALARMS_EACH_DAY, "{within} minutes from {second} on");
        }
        assert_eq!(given.len(), 2 * ALARMS_EACH_DAY, "each day has its share");
    }
}
