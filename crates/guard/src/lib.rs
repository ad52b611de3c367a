//! The shield at work: one [`Guard`] for each process, asked about every request.
//!
//! Owns what is remembered between requests (rates, solutions, slow passes, signatures, events), the order of what
//! is decided, and the ways of challenges. Knows no socket, no page and no runtime: a request comes in as a view, a
//! [`Ruling`] goes out; the edge carries it out. The search for signatures is a [`Driver`]'s, which the edge calls
//! from one task.
//!
//! Invariants: all memory is taken at the start or bounded by a constant; a request waits for no lock that is held
//! while anything is searched.

mod challenge;
mod crawling;
mod desk;
mod driver;
mod events;
mod note;
mod paced;
mod program;
mod ruling;
#[cfg(test)]
mod tests;
mod warning;
mod watch;
mod words;

pub use challenge::{
    COOKIE, COOKIE_OVER_TLS, ChallengePage, Errand, Granted, Handed, PREFIX, PageKind, Stuck, as_value,
    site_path,
};
pub use desk::{Desk, SAMPLES_MAX};
pub use driver::{ALARM_SECONDS_EACH_DAY, Driver, FETCH_EVERY};
pub use events::{ALONE_MAX, CROWDED_MAX, EventFilter, STATE_MAX};
pub use paced::{PACED_MAX, PACED_SECONDS};
pub use program::is_navigation;
pub use ruling::{Asked, Judged, Passage, Refusal, Ruling};
pub use warning::{SEEN, SEEN_OVER_TLS};
pub use watch::Watch;

use desk::Sample;
use events::Events;
use paced::Paced;
use shield::Request;
use shield::adaptive::{Fingerprinter, Outcome, SiteKey};
use shield::budgets::Prefix;
use shield::challenge::{ChallengeSecrets, Keyring, SolvedOnce};
use shield::crawlers::{Checks, Crawlers};
use shield::events::{ActiveSignature, EventRecord};
use shield::rates::{RateKey, RateSecret, RateTable, TableSize};
use siphasher::sip::SipHasher24;
use snapshot::SiteShield;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use vocabulary::{Random, SiteId, Timestamp};
use watch::{ALL_SITES, Acting, key_of};

/// Undoings by hand that wait for the driver.
const UNDO_WAITING_MAX: usize = 256;

/// The shield of one process.
pub struct Guard {
    random: Arc<dyn Random>,
    keys: RwLock<Keyring>,
    used: Mutex<SolvedOnce>,
    rates: RateTable,
    secret: RateSecret,
    paced_key: [u8; 16],
    paced: Paced,
    fingerprints: Fingerprinter,
    crawlers: Crawlers,
    checks: Mutex<Checks>,
    events: Events,
    desks: Mutex<Vec<Arc<Desk>>>,
    /// Sites that were asked for since the driver has looked last.
    touched: Mutex<Vec<Arc<Watch>>>,
    /// All signatures that are acted upon.
    acting: Mutex<Vec<(Arc<Watch>, Arc<Acting>)>>,
    undo: Mutex<Vec<(SiteKey, u64)>>,
}

impl Guard {
    /// A shield that knows nothing yet; all its tables are taken here. `secrets` are the same for all edges
    /// that accept each other's challenges.
    pub fn new(random: Arc<dyn Random>, secrets: impl Into<ChallengeSecrets>, now: Timestamp) -> Self {
        Self {
            keys: RwLock::new(Keyring::new(secrets, now)),
            used: Mutex::new(SolvedOnce::since(now)),
            rates: RateTable::new(TableSize::USUAL, now),
            secret: RateSecret::fresh(&*random),
            paced_key: random.bytes(),
            paced: Paced::new(&*random),
            fingerprints: Fingerprinter::fresh(&*random),
            crawlers: Crawlers::default(),
            checks: Mutex::new(Checks::new(&*random)),
            events: Events::default(),
            desks: Mutex::default(),
            touched: Mutex::default(),
            acting: Mutex::default(),
            undo: Mutex::default(),
            random,
        }
    }

    /// A place for one more worker to judge requests at.
    pub fn desk(&self) -> Arc<Desk> {
        let desk = Arc::<Desk>::default();
        unpoisoned(&self.desks).push(Arc::clone(&desk));
        desk
    }

    /// Counts the answer to a request for the rate rules that count answers; `answered` is the request with its
    /// response, `counting` what its [`Passage`] said.
    pub fn count_answer(
        &self,
        desk: &Desk,
        settings: &SiteShield,
        answered: &Request<'_>,
        counting: &[(u16, RateKey)],
    ) {
        let mut work = unpoisoned(&desk.work);
        for (place, key) in counting {
            let Some(rate) = settings.rates().get(usize::from(*place)) else { continue };
            if rate.counts(answered, settings.lists(), &mut work.scratch) {
                self.rates.hit(*key, rate.limit(), answered.at);
            }
        }
    }

    /// Takes what an origin did with a request into account. `request` is asked for only where it cost much.
    pub fn answered<'a>(
        &self,
        desk: &Desk,
        watch: &Watch,
        outcome: Outcome,
        request: impl FnOnce() -> Request<'a>,
    ) {
        watch.answered(outcome);
        if outcome.is_costly() {
            let row = self.row(&request());
            desk.keep(Sample { site: watch.key(), row, outcome: Some(outcome) });
        }
    }

    /// The latest events that are wanted, the newest first.
    pub fn events(&self, filter: &EventFilter) -> Vec<EventRecord> {
        self.events.latest(filter)
    }

    /// The signatures that are acted upon.
    pub fn signatures(&self) -> Vec<ActiveSignature> {
        unpoisoned(&self.acting).iter().map(|(watch, acting)| acting.told(watch.site())).collect()
    }

    /// Has a signature undone at a site, by the id that [`Self::signatures`] gives; false where there is none of it.
    pub fn undo(&self, site: SiteId, id: &str) -> bool {
        let acting = unpoisoned(&self.acting);
        let is_here = |watch: &Watch| watch.site() == site || watch.site() == ALL_SITES;
        let found = acting.iter().find(|(watch, acting)| is_here(watch) && acting.id() == id);
        let Some((_, acting)) = found else { return false };
        let mut waiting = unpoisoned(&self.undo);
        let has_room = waiting.len() < UNDO_WAITING_MAX;
        if has_room {
            waiting.push((key_of(site), acting.number));
        }
        has_room
    }

    fn touch(&self, watch: &Arc<Watch>) {
        unpoisoned(&self.touched).push(Arc::clone(watch));
    }

    /// The sites that were asked for, and all samples.
    fn fetch(&self, samples: &mut Vec<Sample>) -> Vec<Arc<Watch>> {
        for desk in unpoisoned(&self.desks).iter() {
            desk.fetch(samples);
        }
        std::mem::take(&mut *unpoisoned(&self.touched))
    }

    fn undo_wanted(&self) -> Vec<(SiteKey, u64)> {
        std::mem::take(&mut *unpoisoned(&self.undo))
    }

    fn set_acting(&self, all: Vec<(Arc<Watch>, Arc<Acting>)>) {
        *unpoisoned(&self.acting) = all;
    }

    /// Moves on to the keys of an instant.
    fn roll(&self, now: Timestamp) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).roll(now);
    }

    /// A number of a network at a site, for one use.
    fn network_number(&self, site: SiteId, prefix: Prefix, what: u8) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.paced_key);
        (site, prefix, what).hash(&mut hasher);
        hasher.finish()
    }
}

/// What is behind the locks is whole after each step, so a poisoned one is still good.
fn unpoisoned<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
