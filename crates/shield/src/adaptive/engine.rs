//! All of it together: the requests come in, treatments and events come out.

use super::attributes::{Attribute, Attributes};
use super::mitigation::{Mitigation, Stage, Tally, Treatment, Turned};
use super::record::{SiteKey, SiteRecord};
use super::reference::{Reference, mixed};
use super::search::{
    BLOCK_SHARE_MAX, CHALLENGE_SHARE_MAX, Found, Question, Signature, search, share_from_above,
};
use super::slab::{MITIGATIONS_MAX, Pardon, Slab};
use super::usual::knows_people;
use std::collections::HashMap;
use vocabulary::{Random, Timestamp};

/// The most sites that have a slab at once.
pub const HOT_SITES_MAX: usize = 1024;
/// From this rate on a site gets a slab while there are any, in requests a second.
const WARM_RATE: f32 = 1.0;
/// A slab that was not used for so long is given away, in seconds.
const IDLE_SECONDS: u32 = 120;
/// Samples of one site in one second that the shared reference takes.
const SHARED_EACH_SECOND: u8 = 4;
/// The part of the excess that must be covered, all signatures together, for a healthy site's rate to
/// count as concentrated.
const CONCENTRATED: f32 = 0.5;
/// The part of the excess that a signature must cover by itself where no people are known: of the browsers that people
/// come with none is so frequent.
const ALONE: f32 = 0.9;
/// How many times the usual rate is so much that what it has in common may be that it is unusual.
const VAST_FACTOR: f32 = 6.0;
/// What is looked at must weigh so many times the usual for there to be an excess at all.
const EXCESS_FACTOR_MIN: f32 = 1.2;
/// All sites together: an attack that is spread over many of them shows here alone.
pub const EVERYWHERE: SiteKey = SiteKey(u64::MAX);
/// The part of an attack on many sites that one of them may have.
const SITE_SHARE_MAX: f32 = 0.2;
/// Samples of a site in five minutes below which nothing is known of it.
const UNKNOWN_BELOW: u32 = 48;
/// An answer of the origin that took so long is looked at as costly, in milliseconds.
const COSTLY_MS: u32 = 200;

/// What came of a request at the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// How long the origin took, in milliseconds.
    pub ms: u32,
    /// Whether it failed: 5xx, timeout, no connection, or no place in its queue.
    pub failed: bool,
}

impl Outcome {
    /// Whether it is worth to be looked at among those that cost the origin much.
    pub fn is_costly(&self) -> bool {
        self.ms >= COSTLY_MS || self.failed
    }
}

/// What an origin did with several requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    /// How many.
    pub count: u32,
    /// How many of them failed.
    pub failures: u32,
    /// The time that all took together, in milliseconds.
    pub ms: u32,
}

/// Why a signature is acted upon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Whether the origin was in distress, or only the rate was high and concentrated.
    pub distress: bool,
    /// Requests a second, now and usually.
    pub rate: (f32, f32),
    /// The part of the excess that it covers.
    pub coverage: f32,
    /// The share of usual visitors that it may meet, estimated from above.
    pub usual_share: f32,
    /// How much more frequent the program is than usual.
    pub lift: f32,
}

/// Why a mitigation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// Nothing matched it for a minute.
    Forgotten,
    /// Too many of those challenged turned out to be people.
    Mistaken,
    /// The origin did well with all of it, and nobody whom it met could have shown to be people.
    Harmless,
    /// Somebody undid it.
    ByHand,
}

/// What happened, for people to read.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A signature was found and is tried.
    Began(SiteKey, Signature, Evidence),
    /// It went a step further.
    Became(SiteKey, Signature, Stage),
    /// It ended: how often it matched, how many were challenged, how many of them passed.
    Ended {
        /// Where.
        site: SiteKey,
        /// What.
        signature: Signature,
        /// Why.
        why: Undone,
        /// Requests that matched.
        matched: u64,
        /// Challenges given.
        challenged: u32,
        /// Challenges passed.
        passed: u32,
    },
}

/// The adaptive mitigation of an edge.
#[derive(Debug)]
pub struct Adaptive {
    slabs: Vec<Slab>,
    most: usize,
    reference: Reference,
    random: u64,
    /// Whether an attack on many sites goes on, which none of them is to learn from.
    is_spread: bool,
}

impl Adaptive {
    /// Nothing is known yet. `random` gives the secret by which samples are chosen.
    pub fn new(random: &dyn Random) -> Self {
        Self::with_slabs(random, HOT_SITES_MAX)
    }

    /// With fewer slabs, for small machines.
    pub fn with_slabs(random: &dyn Random, most: usize) -> Self {
        let secret = u64::from_le_bytes(random.bytes());
        Self {
            slabs: Vec::new(),
            most: most.min(HOT_SITES_MAX),
            reference: Reference::new(secret),
            random: mixed(secret),
            is_spread: false,
        }
    }

    /// Takes a request and says what is done with it. `cleared`: it has passed a challenge, or its
    /// address is that of a verified crawler.
    pub fn observe(
        &mut self,
        site: SiteKey,
        record: &mut SiteRecord,
        row: &Attributes,
        cleared: bool,
        now: Timestamp,
    ) -> Treatment {
        let second = now.as_secs() as u32;
        self.random = mixed(self.random);
        let random = self.random;
        if record.count(1, now) && self.slab_of(site, record).is_none() {
            self.try_for_slab(site, record, second);
        }
        let Some(index) = self.slab_of(site, record) else {
            self.learn_shared(site, record, row, now);
            return Treatment::Pass;
        };
        let slab = &mut self.slabs[index];
        for mitigation in &mut slab.mitigations {
            if let Some(treatment) = mitigation.treat(row, cleared, second, random >> 8) {
                if mitigation.stage == Stage::Canary {
                    slab.sample(row, 1, second, random);
                }
                return treatment;
            }
        }
        self.remember(index, (site, record), (row, 1), now);
        Treatment::Pass
    }

    /// Takes a sampled request that no mitigation has met; it stands for itself and for others of its second,
    /// of which no sample was taken.
    pub fn show(
        &mut self,
        site: SiteKey,
        record: &mut SiteRecord,
        (row, stands_for): (&Attributes, u32),
        now: Timestamp,
    ) {
        self.random = mixed(self.random);
        self.count(site, record, stands_for, now);
        match self.slab_of(site, record) {
            Some(index) => self.remember(index, (site, record), (row, stands_for), now),
            None => self.learn_shared(site, record, row, now),
        }
    }

    /// Takes the same request into account for all sites together, whose record this is.
    pub fn show_everywhere(
        &mut self,
        record: &mut SiteRecord,
        (site, row, stands_for): (SiteKey, &Attributes, u32),
        now: Timestamp,
    ) {
        self.show(EVERYWHERE, record, (&row.of_site(site), stands_for), now);
    }

    /// How far a signature that was found in all sites together may go at one of them; none: it is not acted upon there,
    /// where it may be what the site usually sees, a program, say, that asks nowhere else. `pressed`: the site is asked far
    /// more often than usual, which has to do where nothing else is known of it.
    pub fn farthest_at(
        &self,
        site: SiteKey,
        pressed: bool,
        signature: &Signature,
        now: Timestamp,
    ) -> Option<Stage> {
        let is_let_off = || !(pressed && self.reference.samples_before(site, now) < UNKNOWN_BELOW);
        let exact = signature.items().iter().filter(|(attribute, _)| !signature.is_unusual(*attribute));
        let share = |(attribute, hash): &(Attribute, u32)| {
            let (seen, all) = self.reference.seen_before(site, *attribute as usize, *hash, now);
            share_from_above(seen, all)
        };
        match exact.map(share).reduce(f32::min) {
            Some(share) if share > CHALLENGE_SHARE_MAX && is_let_off() => None,
            Some(share) if share > BLOCK_SHARE_MAX => Some(Stage::Challenge),
            _ => Some(Stage::Block),
        }
    }

    /// Counts requests of which no sample is shown.
    pub fn count(&mut self, site: SiteKey, record: &mut SiteRecord, requests: u32, now: Timestamp) {
        record.hold(self.is_spread && site != EVERYWHERE);
        if record.count(requests, now) && self.slab_of(site, record).is_none() {
            self.try_for_slab(site, record, now.as_secs() as u32);
        }
    }

    /// Takes what was done elsewhere on behalf of a mitigation into account.
    pub fn acted(
        &mut self,
        site: SiteKey,
        record: &SiteRecord,
        (signature, tally): (&Signature, Tally),
        now: Timestamp,
    ) {
        if let Some(index) = self.slab_of(site, record) {
            let all = self.slabs[index].mitigations.iter_mut();
            all.filter(|own| own.found.signature == *signature)
                .for_each(|own| own.acted(tally, now.as_secs() as u32));
        }
    }

    fn remember(
        &mut self,
        index: usize,
        (site, record): (SiteKey, &mut SiteRecord),
        (row, stands_for): (&Attributes, u32),
        now: Timestamp,
    ) {
        let (slab, second, random) = (&mut self.slabs[index], now.as_secs() as u32, self.random);
        slab.sample(row, stands_for, second, random);
        if record.is_calm() && slab.mitigations.is_empty() {
            slab.learn(row, second, random >> 16);
            self.learn_shared(site, record, row, now);
        }
    }

    /// Takes what the origin did with a request into account.
    pub fn answered(
        &mut self,
        site: SiteKey,
        record: &mut SiteRecord,
        row: &Attributes,
        outcome: Outcome,
        now: Timestamp,
    ) {
        let failures = u32::from(outcome.failed);
        self.answers(record, Answers { count: 1, failures, ms: outcome.ms.min(60_000) }, now);
        if outcome.is_costly() {
            self.costly(site, record, row, outcome, now);
        }
    }

    /// The same for several answers, whose requests are not shown.
    pub fn answers(&mut self, record: &mut SiteRecord, answers: Answers, now: Timestamp) {
        record.turn_at(now);
        record.answered(answers);
    }

    /// Takes a request that cost the origin much into account; its answer is counted by [`Self::answers`].
    pub fn costly(
        &mut self,
        site: SiteKey,
        record: &SiteRecord,
        row: &Attributes,
        outcome: Outcome,
        now: Timestamp,
    ) {
        if let Some(index) = self.slab_of(site, record) {
            self.slabs[index].costly(row, outcome.ms.clamp(1, 60_000), now.as_secs() as u32);
        }
    }

    /// Notes that a request which was challenged because of a signature has passed.
    pub fn passed(&mut self, site: SiteKey, record: &SiteRecord, signature: &Signature) {
        if let Some(index) = self.slab_of(site, record) {
            let all = &mut self.slabs[index].mitigations;
            all.iter_mut().filter(|own| own.found.signature == *signature).for_each(Mitigation::passed);
        }
    }

    /// Undoes a mitigation by hand; its signature is left alone for ten minutes.
    pub fn undo(
        &mut self,
        site: SiteKey,
        record: &SiteRecord,
        signature: &Signature,
        now: Timestamp,
    ) -> Option<Event> {
        let slab = &mut self.slabs[record.slab()?];
        let place =
            slab.mitigations.iter().position(|own| own.found.signature == *signature && slab.site == site)?;
        let mitigation = slab.mitigations.remove(place);
        slab.pardon(signature.clone(), Pardon::People, now.as_secs() as u32);
        Some(ended(site, &mitigation, Undone::ByHand))
    }

    /// What is done at a site at present.
    pub fn mitigations(
        &self,
        site: SiteKey,
        record: &SiteRecord,
    ) -> impl Iterator<Item = (Signature, Stage)> {
        let slab = self.slab_of(site, record).map(|index| &self.slabs[index]);
        slab.into_iter()
            .flat_map(|slab| slab.mitigations.iter().map(|own| (own.found.signature.clone(), own.stage)))
    }

    /// The sites that have a slab: those that [`Self::tick`] is for.
    pub fn hot(&self) -> impl Iterator<Item = SiteKey> {
        self.slabs.iter().map(|slab| slab.site)
    }

    /// To be called once in each second for each hot site, also when no request comes. `overloaded`: the
    /// edge itself, or the origin's queue, is at its end.
    pub fn tick(
        &mut self,
        site: SiteKey,
        record: &mut SiteRecord,
        overloaded: bool,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        record.turn_at(now);
        let Some(index) = self.slab_of(site, record) else { return };
        let second = now.as_secs() as u32;
        let slab = &mut self.slabs[index];
        let distress = record.distress > 0 || overloaded;
        turn(slab, second, distress, events);
        if site == EVERYWHERE {
            self.is_spread = record.surge > 0 || !slab.mitigations.is_empty();
        }
        slab.alarmed = distress || record.surge > 0 || !slab.mitigations.is_empty();
        if !(distress || record.surge > 0) {
            return;
        }
        slab.doubt();
        let mut rows = slab.recent(second);
        let mut usual = record.usual;
        let expensive = slab.expensive(second);
        if distress && record.surge == 0 && expensive.len() >= 20 {
            // No more requests than usual, but dearer ones: look at what they cost.
            usual = expensive.iter().map(|(_, weight)| weight).sum::<f32>() * 0.3;
            rows = expensive;
        }
        self.begin(index, record, (distress, usual), rows, second, events);
    }

    fn begin(
        &mut self,
        index: usize,
        record: &SiteRecord,
        (distress, usual): (bool, f32),
        mut rows: Vec<(Attributes, f32)>,
        second: u32,
        events: &mut Vec<Event>,
    ) {
        let slab = &self.slabs[index];
        // What was undone is left alone, by whatever else it could be told.
        let pardoned: Vec<Signature> = slab.pardoned(second, distress).cloned().collect();
        rows.retain(|(row, _)| !pardoned.iter().any(|own| own.matches(row)));
        // What is left beside that which is acted upon already may be no more than the usual visitors.
        if rows.iter().map(|(_, weight)| weight).sum::<f32>() < usual * EXCESS_FACTOR_MIN {
            return;
        }
        let found = self.find(index, record, (distress, usual), rows, &pardoned);
        let covered = found.iter().fold(0.0, |covered, next| covered + next.coverage * (1.0 - covered));
        // A high rate alone is no attack: without distress it must be concentrated, too.
        if !distress && covered < CONCENTRATED {
            return;
        }
        let slab = &mut self.slabs[index];
        for next in found {
            let signature = next.signature.clone();
            let evidence = Evidence {
                distress,
                rate: (record.rate, record.usual),
                coverage: next.coverage,
                usual_share: next.usual_share,
                lift: next.lift,
            };
            slab.mitigations.push(Mitigation::new(next, distress, second));
            events.push(Event::Began(slab.site, signature, evidence));
        }
    }

    /// Signatures of what is left when those before it are taken away, as far as there is room for more.
    fn find(
        &self,
        index: usize,
        record: &SiteRecord,
        (distress, usual): (bool, f32),
        mut rows: Vec<(Attributes, f32)>,
        pardoned: &[Signature],
    ) -> Vec<Found> {
        let slab = &self.slabs[index];
        let is_sure = distress || knows_people(slab.calm());
        let room = MITIGATIONS_MAX - slab.mitigations.len().min(MITIGATIONS_MAX);
        let mut found = Vec::new();
        for _ in 0..room.min(4) {
            let question = Question {
                rows: &rows,
                calm: slab.calm(),
                shared: (&self.reference, slab.site),
                usual_weight: usual,
                distress,
                is_vast: record.rate > VAST_FACTOR * record.usual,
                knows_usual: is_sure,
                is_everywhere: slab.site == EVERYWHERE,
            };
            let Some(next) = search(&question) else { break };
            let own = &next.signature;
            // What comes to one site looks after itself there.
            let is_elsewhere = slab.site == EVERYWHERE && !is_spread(&rows, own);
            let is_known = slab.mitigations.iter().any(|known| own.is_within(&known.found.signature));
            let is_pardoned = pardoned.iter().any(|known| own.is_within(known) || known.is_within(own));
            let is_doubtful = !is_sure && next.coverage < ALONE;
            rows.retain(|(row, _)| !own.matches(row));
            if !(is_elsewhere || is_known || is_pardoned || is_doubtful) {
                found.push(next);
            }
        }
        found
    }

    /// The memory of everything but the records, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.slabs.iter().map(Slab::memory_bytes).sum::<usize>() + self.reference.memory_bytes()
    }

    fn slab_of(&self, site: SiteKey, record: &SiteRecord) -> Option<usize> {
        let index = record.slab()?;
        // Another site may have got it meanwhile.
        self.slabs.get(index).is_some_and(|slab| slab.site == site).then_some(index)
    }

    /// A fresh slab, an idle one, or for a site in trouble one of a site that is calm.
    fn try_for_slab(&mut self, site: SiteKey, record: &mut SiteRecord, second: u32) {
        record.set_slab(None);
        if record.rate < WARM_RATE && record.is_calm() {
            return;
        }
        let index = if self.slabs.len() < self.most {
            self.slabs.push(Slab::new(site));
            Some(self.slabs.len() - 1)
        } else {
            let troubled = !record.is_calm();
            let free = self
                .slabs
                .iter()
                .enumerate()
                .filter(|(_, slab)| !slab.alarmed)
                .min_by_key(|(_, slab)| slab.used);
            free.filter(|(_, slab)| troubled || slab.used + IDLE_SECONDS < second).map(|(index, _)| index)
        };
        let Some(index) = index else { return };
        self.slabs[index].give(site);
        record.set_slab(u16::try_from(index).ok());
    }

    fn learn_shared(&mut self, site: SiteKey, record: &mut SiteRecord, row: &Attributes, now: Timestamp) {
        if record.sampled < SHARED_EACH_SECOND && record.is_calm() && !self.is_spread {
            record.sampled += 1;
            self.reference.learn(site, row, now);
        }
    }
}

/// Whether what a signature meets comes to many sites.
fn is_spread(rows: &[(Attributes, f32)], signature: &Signature) -> bool {
    let mut sites: HashMap<u32, f32> = HashMap::new();
    for (row, weight) in rows.iter().filter(|(row, _)| signature.matches(row)) {
        *sites.entry(row.hash(Attribute::Address)).or_default() += weight;
    }
    let most = sites.values().copied().fold(0.0, f32::max);
    most <= SITE_SHARE_MAX * sites.values().sum::<f32>()
}

/// Moves every mitigation of a site on by a second.
fn turn(slab: &mut Slab, second: u32, distress: bool, events: &mut Vec<Event>) {
    let site = slab.site;
    let mut pardoned = Vec::new();
    slab.mitigations.retain_mut(|mitigation| {
        let why = match mitigation.turn(second, distress) {
            Turned::Stays => return true,
            Turned::Became(stage) => {
                events.push(Event::Became(site, mitigation.found.signature.clone(), stage));
                return true;
            }
            Turned::Forgotten => Undone::Forgotten,
            Turned::Mistaken => {
                pardoned.push((mitigation.found.signature.clone(), Pardon::People));
                Undone::Mistaken
            }
            Turned::Harmless => {
                pardoned.push((mitigation.found.signature.clone(), Pardon::Harmless));
                Undone::Harmless
            }
        };
        events.push(ended(site, mitigation, why));
        false
    });
    for (signature, pardon) in pardoned {
        slab.pardon(signature, pardon, second);
    }
}

fn ended(site: SiteKey, mitigation: &Mitigation, why: Undone) -> Event {
    Event::Ended {
        site,
        signature: mitigation.found.signature.clone(),
        why,
        matched: mitigation.matched,
        challenged: mitigation.challenged,
        passed: mitigation.passed,
    }
}
