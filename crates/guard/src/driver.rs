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
use crate::watch::{ALL_SITES, Acting, Posted, Watch};
use shield::adaptive::{Adaptive, EVERYWHERE, Event, Evidence, Signature, SiteKey, SiteRecord, Stage};
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
/// Signatures of all sites together that one site may have undone.
const EXEMPT_MAX: usize = 64;
/// For how long, in seconds, as its own.
const EXEMPT_SECONDS: i64 = 600;
/// A site that was asked far more often than usual in one second counts as such for so many: what is little comes unevenly.
const PRESSED_SECONDS: i64 = 10;
const DAY_SECONDS: i64 = 86_400;
const ALARMS_EACH_DAY: usize = (ALARM_SECONDS_EACH_DAY / ALARM_SECONDS) as usize;
/// How often records of sites that are gone are let go of, in seconds.
const TIDY_SECONDS: i64 = 600;

/// What is known of a site.
struct Known {
    watch: Arc<Watch>,
    record: SiteRecord,
    acting: Vec<Arc<Acting>>,
    /// Signatures of all sites together that were undone here, and until when that holds.
    exempt: Vec<(Signature, Timestamp)>,
    /// The second in which it was last judged whether those of all sites together are acted upon here.
    judged: i64,
    /// Until when it counts as asked far more often than usual.
    pressed_until: i64,
    alarm: Alarm,
}

impl Known {
    fn new(watch: Arc<Watch>) -> Self {
        let (record, alarm) = (SiteRecord::default(), Alarm::default());
        Self { watch, record, acting: Vec::new(), exempt: Vec::new(), judged: 0, pressed_until: 0, alarm }
    }
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
    /// One more minute, where those of the last 24 hours leave room for it, and the seconds that the operator has taken
    /// of the same time.
    fn extend(&mut self, now: Timestamp, switched_seconds: u32) -> bool {
        self.forget_before(now);
        let taken = switched_seconds.div_ceil(ALARM_SECONDS) as usize;
        if self.minutes.len() + taken >= ALARMS_EACH_DAY {
            return false;
        }
        self.minutes.push_back(now.as_secs());
        self.until = now.as_secs() + i64::from(ALARM_SECONDS);
        true
    }

    /// Lets go of minutes that are more than 24 hours ago; whether there were any.
    fn forget_before(&mut self, now: Timestamp) -> bool {
        let (over, had) = (now.as_secs() - DAY_SECONDS, self.minutes.len());
        while self.minutes.front().is_some_and(|began| *began <= over) {
            self.minutes.pop_front();
        }
        self.minutes.len() < had
    }

    /// How long it was in the last 24 hours, in seconds.
    fn seconds(&self) -> u32 {
        u32::try_from(self.minutes.len()).unwrap_or(u32::MAX).saturating_mul(ALARM_SECONDS)
    }
}

/// The task's own state.
pub struct Driver {
    guard: Arc<Guard>,
    adaptive: Adaptive,
    /// Every site that was asked for, and under [`EVERYWHERE`] all of them together.
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
            sites: HashMap::from([(EVERYWHERE, Known::new(Watch::new(ALL_SITES)))]),
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
                self.sites.retain(|key, known| *key == EVERYWHERE || Arc::strong_count(&known.watch) > 1);
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
        self.acted(EVERYWHERE, now);
        for watch in touched {
            let key = watch.key();
            // A site that went and came again has a new one.
            let is_new = self.sites.get(&key).is_none_or(|known| !Arc::ptr_eq(&known.watch, &watch));
            if is_new {
                let known = self.sites.entry(key).or_insert_with(|| Known::new(Arc::clone(&watch)));
                known.watch = watch;
            }
            self.judge(key, is_new, now);
            self.acted(key, now);
            let Some(known) = self.sites.get_mut(&key) else { continue };
            let (seen, met, answers) = known.watch.drain();
            self.adaptive.answers(&mut known.record, answers, now);
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

    /// Tells the search what was done on behalf of a site's signatures.
    fn acted(&mut self, key: SiteKey, now: Timestamp) {
        let Some(known) = self.sites.get(&key) else { return };
        for acting in &known.acting {
            self.adaptive.acted(key, &known.record, (&acting.signature, acting.drain()), now);
        }
    }

    /// Has a site act upon its signatures, and upon those of all sites together that are not usual at it.
    fn publish(&mut self, key: SiteKey, now: Timestamp) {
        let shared = self.sites.get(&EVERYWHERE).map(|all| all.acting.clone()).unwrap_or_default();
        let Some(known) = self.sites.get_mut(&key).filter(|_| key != EVERYWHERE) else { return };
        known.judged = now.as_secs();
        if known.record.is_pressed() {
            known.pressed_until = known.judged + PRESSED_SECONDS;
        }
        let is_pressed = known.judged < known.pressed_until;
        known.exempt.retain(|(_, until)| *until > now);
        let own = known.acting.iter().cloned().map(|acting| Posted { acting, farthest: Stage::Block });
        let shared = shared.into_iter().filter_map(|acting| {
            let signature = &acting.signature;
            // Undone here: whatever number it is found under again.
            if known.exempt.iter().any(|(exempt, _)| exempt.is_kin_of(signature)) {
                return None;
            }
            let farthest = self.adaptive.farthest_at(key, is_pressed, signature, now)?;
            Some(Posted { acting, farthest })
        });
        known.watch.act(own.chain(shared).collect());
    }

    /// Judges once a second whether a site that is asked acts upon the signatures of all sites together: what is usual at
    /// it may be known by now, and a flood may have come to it or gone.
    fn judge(&mut self, key: SiteKey, is_new: bool, now: Timestamp) {
        let is_spread = self.sites.get(&EVERYWHERE).is_some_and(|all| !all.acting.is_empty());
        let is_due = self.sites.get(&key).is_some_and(|known| known.judged != now.as_secs());
        if is_new || (is_spread && is_due) {
            self.publish(key, now);
        }
    }

    /// The same for all whom a change of a site's signatures concerns.
    fn publish_all(&mut self, of: SiteKey, now: Timestamp) {
        let concerned: Vec<_> = match of {
            EVERYWHERE => self.sites.keys().copied().collect(),
            site => vec![site],
        };
        concerned.into_iter().for_each(|key| self.publish(key, now));
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
                    if let Some(all) = self.sites.get_mut(&EVERYWHERE) {
                        let row = (sample.site, &sample.row, each);
                        self.adaptive.show_everywhere(&mut all.record, row, now);
                    }
                }
            }
        }
    }

    fn undo(&mut self, now: Timestamp) {
        for (site, number) in self.guard.undo_wanted() {
            let Some(known) = self.sites.get_mut(&site) else { continue };
            if let Some(acting) = known.acting.iter().find(|acting| acting.number == number) {
                self.events.extend(self.adaptive.undo(site, &known.record, &acting.signature, now));
            } else {
                self.exempt(site, number, now);
            }
        }
        self.tell(now);
    }

    /// A signature of all sites together is undone at one, and acted upon elsewhere.
    fn exempt(&mut self, site: SiteKey, number: u64, now: Timestamp) {
        let all = self.sites.get(&EVERYWHERE).into_iter().flat_map(|all| &all.acting);
        let shared =
            all.filter(|acting| acting.number == number).map(|acting| acting.signature.clone()).next();
        let (Some(signature), Some(known)) = (shared, self.sites.get_mut(&site)) else { return };
        if known.exempt.len() < EXEMPT_MAX {
            known.exempt.push((signature, Timestamp::from_secs(now.as_secs() + EXEMPT_SECONDS)));
            self.publish(site, now);
        }
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
                    }
                    self.publish_all(site, now);
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

    fn begin(&mut self, site: SiteKey, signature: Signature, evidence: Evidence, now: Timestamp) {
        let Some(known) = self.sites.get_mut(&site) else { return };
        let acting = Arc::new(Acting::new(self.next_number, signature, evidence, now));
        self.next_number = self.next_number.wrapping_add(2);
        known.acting.push(Arc::clone(&acting));
        self.guard.note_signature(&known.watch, &acting, SignatureTurn::Began(evidence), now);
        self.publish_all(site, now);
    }

    fn with(&self, site: SiteKey, signature: &Signature, run: impl FnOnce(&Guard, &Watch, &Acting)) {
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
    if known.alarm.forget_before(now) {
        known.watch.alarm(Timestamp::from_secs(known.alarm.until), known.alarm.seconds());
    }
    let switched = known.watch.switched_seconds(now);
    if wanted && known.alarm.until <= now.as_secs() && known.alarm.extend(now, switched) {
        known.watch.alarm(Timestamp::from_secs(known.alarm.until), known.alarm.seconds());
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
            .filter(|second| alarm.extend(Timestamp::from_secs(*second), 0))
            .collect();
        for second in (0..48 * 60).map(|minute| began + minute * 60) {
            let within = given.iter().filter(|own| (second..second + DAY_SECONDS).contains(own)).count();
            assert!(within <= ALARMS_EACH_DAY, "{within} minutes from {second} on");
        }
        assert_eq!(given.len(), 2 * ALARMS_EACH_DAY, "each day has its share");
    }

    #[test]
    fn what_is_kept_of_a_site_that_was_asked_for_is_small() {
        // A million of them are under 400 MiB, the table's own room included.
        let bytes = size_of::<Watch>() + size_of::<(SiteKey, Known)>();
        assert!(bytes <= 256, "{bytes}");
    }

    #[test]
    fn the_operator_and_the_edge_share_one_time_for_challenging_everybody() {
        let watch = Watch::new(vocabulary::SiteId::from_bytes([1; 16]));
        let (mut alarm, began) = (Alarm::default(), DAY_SECONDS * 20_000);
        let at = |minute: i64| Timestamp::from_secs(began + minute * 60);
        assert!((0..100).all(|minute| alarm.extend(at(minute), watch.switched_seconds(at(minute)))));
        watch.alarm(at(100), alarm.seconds());
        let switched = (0..300).filter(|minute| watch.may_be_switched(at(200), at(200 + minute))).count();
        assert_eq!(switched, 80);
        let taken = watch.switched_seconds(at(600));
        assert!(alarm.extend(at(600), taken), "the last minute of them");
        assert!(!alarm.extend(at(601), taken) && alarm.extend(at(601), taken - 120));
    }

    #[test]
    fn what_the_edge_has_taken_of_a_day_is_the_operators_again_a_day_later() {
        let watch = Arc::new(Watch::new(vocabulary::SiteId::from_bytes([1; 16])));
        let mut known = Known::new(Arc::clone(&watch));
        let began = DAY_SECONDS * 20_000;
        let at = |minute: i64| Timestamp::from_secs(began + minute * 60);
        assert!((0..180).all(|minute| known.alarm.extend(at(minute), 0)));
        watch.alarm(at(180), known.alarm.seconds());
        assert!(!watch.may_be_switched(at(200), at(200)));
        let random = Arc::new(vocabulary::SeededRandom::new(3));
        let guard = Guard::new(random, shield::challenge::ChallengeSecret::new([7; 32]), at(0));
        watch_alarm(&guard, &mut known, at(200 + 24 * 60));
        assert!(watch.may_be_switched(at(200 + 24 * 60), at(200 + 24 * 60)));
    }
}
