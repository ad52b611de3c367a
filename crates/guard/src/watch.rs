//! What is kept of one site between its requests and the search for signatures: a few counters that requests
//! add to, and the signatures that are acted upon.
//!
//! Invariant: a request touches nothing here but atomics, and no lock.

use crate::driver::ALARM_SECONDS_EACH_DAY;
use crate::words;
use arc_swap::ArcSwapOption;
use shield::Request;
use shield::adaptive::{Answers, Attributes, Evidence, Outcome, Signature, SiteKey, Stage, Tally};
use shield::events::{ActiveSignature, SignatureItem};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

/// Samples taken of a site in one window, at most.
pub(crate) const SAMPLES_EACH_WINDOW: u32 = 256;
/// Samples wanted of a busy site in one window.
const SAMPLES_WANTED: u32 = 48;
/// Bits for networks that have passed a signature's challenges: 16,384 in 2 KiB.
const NETWORK_WORDS: usize = 256;
/// One in so many is challenged while a signature is tried.
const TRIED_ONE_IN: u32 = 100;
const DAY_SECONDS: u32 = 86_400;

/// One site, as its requests see it.
#[derive(Debug)]
pub struct Watch {
    site: SiteId,
    seen: AtomicU32,
    sampled: AtomicU32,
    /// Of those seen, how many a signature met.
    met: AtomicU32,
    /// One request in so many is sampled; 0 counts as 1.
    stride: AtomicU32,
    answers: AtomicU32,
    failures: AtomicU32,
    answer_ms: AtomicU32,
    is_acting: AtomicBool,
    acting: ArcSwapOption<Vec<Posted>>,
    /// Until when every visitor is challenged, in seconds since 1970.
    alarm_until: AtomicU32,
    /// How long every visitor was challenged by the edge's own doing in the last 24 hours, in seconds.
    alarmed_seconds: AtomicU32,
    /// Since when the operator has had every visitor challenged, and when that was found last, in seconds since 1970.
    switched_since: AtomicU32,
    switched_at: AtomicU32,
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(site: SiteId) -> Arc<Self> {
        Arc::new(Self {
            site,
            seen: AtomicU32::new(0),
            sampled: AtomicU32::new(0),
            met: AtomicU32::new(0),
            stride: AtomicU32::new(1),
            answers: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            answer_ms: AtomicU32::new(0),
            is_acting: AtomicBool::new(false),
            acting: ArcSwapOption::empty(),
            alarm_until: AtomicU32::new(0),
            alarmed_seconds: AtomicU32::new(0),
            switched_since: AtomicU32::new(0),
            switched_at: AtomicU32::new(0),
        })
    }

    /// The site.
    pub fn site(&self) -> SiteId {
        self.site
    }

    /// The site's number in the search.
    pub(crate) fn key(&self) -> SiteKey {
        key_of(self.site)
    }

    /// Counts a request: whether it is the first of its window, and whether a sample of it is wanted.
    pub(crate) fn see(&self) -> (bool, bool) {
        let before = self.seen.fetch_add(1, Ordering::Relaxed);
        let stride = self.stride.load(Ordering::Relaxed).max(1);
        let wanted = before.is_multiple_of(stride)
            && self.sampled.fetch_add(1, Ordering::Relaxed) < SAMPLES_EACH_WINDOW;
        (before == 0, wanted)
    }

    /// Counts a request that a signature met.
    pub(crate) fn meet(&self) {
        self.met.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what the origin did with a request.
    pub(crate) fn answered(&self, outcome: Outcome) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.failures.fetch_add(u32::from(outcome.failed), Ordering::Relaxed);
        self.answer_ms.fetch_add(outcome.ms.min(60_000), Ordering::Relaxed);
    }

    /// Ends a window: the requests in it, how many of them a signature met, and the answers. The next one is sampled
    /// as this one asks for.
    pub(crate) fn drain(&self) -> (u32, u32, Answers) {
        let seen = self.seen.swap(0, Ordering::Relaxed);
        self.sampled.store(0, Ordering::Relaxed);
        self.stride.store((seen / SAMPLES_WANTED).max(1), Ordering::Relaxed);
        let answers = Answers {
            count: self.answers.swap(0, Ordering::Relaxed),
            failures: self.failures.swap(0, Ordering::Relaxed),
            ms: self.answer_ms.swap(0, Ordering::Relaxed),
        };
        (seen, self.met.swap(0, Ordering::Relaxed), answers)
    }

    /// The signatures that are acted upon; none, at the cost of one look, where there are none.
    pub(crate) fn acting(&self) -> Option<Arc<Vec<Posted>>> {
        self.is_acting.load(Ordering::Acquire).then(|| self.acting.load_full()).flatten()
    }

    /// Acts upon these from now on.
    pub(crate) fn act(&self, all: Vec<Posted>) {
        let some = !all.is_empty();
        self.acting.store(some.then(|| Arc::new(all)));
        self.is_acting.store(some, Ordering::Release);
    }

    /// Notes that somebody of a network has passed a challenge which the signature of this number had asked for.
    pub(crate) fn note_passed(&self, number: u64, network: u64) {
        let acting = self.acting();
        let own = acting.iter().flat_map(|all| all.iter()).find(|posted| posted.acting.number == number);
        if let Some(posted) = own {
            posted.acting.passed(network);
        }
    }

    /// Has every visitor challenged until an instant; with that it is so many seconds in the last 24 hours.
    pub(crate) fn alarm(&self, until: Timestamp, seconds: u32) {
        self.alarm_until.store(narrow(until), Ordering::Relaxed);
        self.alarmed_seconds.store(seconds, Ordering::Relaxed);
    }

    /// Whether the operator, who has had every visitor challenged since then, still may: both kinds of it share one
    /// time. Notes that it has.
    pub(crate) fn may_be_switched(&self, since: Timestamp, now: Timestamp) -> bool {
        let alarmed = self.alarmed_seconds.load(Ordering::Relaxed);
        let left = ALARM_SECONDS_EACH_DAY.saturating_sub(alarmed);
        let may = now.since(since) < Duration::from_secs(left.into());
        if may {
            self.switched_since.store(narrow(since), Ordering::Relaxed);
            self.switched_at.store(narrow(now), Ordering::Relaxed);
        }
        may
    }

    /// How long the operator has had every visitor challenged in the last 24 hours, in seconds, the latest time that it
    /// did so.
    pub(crate) fn switched_seconds(&self, now: Timestamp) -> u32 {
        let day_ago = narrow(now).saturating_sub(DAY_SECONDS);
        let since = self.switched_since.load(Ordering::Relaxed).max(day_ago);
        self.switched_at.load(Ordering::Relaxed).saturating_sub(since)
    }

    /// Whether every visitor is challenged now, by the edge's own doing.
    pub(crate) fn is_alarmed(&self, now: Timestamp) -> bool {
        i64::from(self.alarm_until.load(Ordering::Relaxed)) > now.as_secs()
    }
}

/// Stands for all sites together, where one is named; no site has it.
pub(crate) const ALL_SITES: SiteId = SiteId::from_bytes([0xff; 16]);

fn narrow(at: Timestamp) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(u32::MAX)
}

/// A site's number in the search.
pub(crate) fn key_of(site: SiteId) -> SiteKey {
    let mut number = [0; 8];
    number.copy_from_slice(&site.as_bytes()[8..]);
    SiteKey(u64::from_be_bytes(number))
}

/// A signature, at a site that acts upon it.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) acting: Arc<Acting>,
    /// How far it may go there.
    pub(crate) farthest: Stage,
}

impl Posted {
    /// What is done with a request; none where it does not match. `tries`: first on few.
    pub(crate) fn treat(&self, row: &Attributes, cleared: bool, tries: bool) -> Option<Treated> {
        let treated = self.acting.treat(row, cleared, tries)?;
        let is_too_much = treated == Treated::Block && self.farthest != Stage::Block;
        Some(if is_too_much { Treated::Challenge } else { treated })
    }
}

/// A signature that is acted upon, as requests see it.
#[derive(Debug)]
pub(crate) struct Acting {
    pub(crate) number: u64,
    pub(crate) signature: Signature,
    pub(crate) began: Timestamp,
    evidence: Evidence,
    stage: AtomicU8,
    met: AtomicU32,
    matched: AtomicU32,
    challenged: AtomicU32,
    turned_away: AtomicU32,
    passed: AtomicU32,
    /// One bit for each network that has passed, some sharing one.
    networks: [AtomicU64; NETWORK_WORDS],
    /// Everything since it began: matched, challenged, passed.
    total: Mutex<[u64; 3]>,
    /// What it looks at, as the first request that it met had it.
    items: OnceLock<Vec<SignatureItem>>,
}

/// What a signature does with a request that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treated {
    Pass,
    Challenge,
    Block,
}

impl Acting {
    pub(crate) fn new(number: u64, signature: Signature, evidence: Evidence, began: Timestamp) -> Self {
        Self {
            number,
            signature,
            began,
            evidence,
            stage: AtomicU8::new(Stage::Canary as u8),
            met: AtomicU32::new(0),
            matched: AtomicU32::new(0),
            challenged: AtomicU32::new(0),
            turned_away: AtomicU32::new(0),
            passed: AtomicU32::new(0),
            networks: [const { AtomicU64::new(0) }; NETWORK_WORDS],
            total: Mutex::new([0; 3]),
            items: OnceLock::new(),
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        let number = self.stage.load(Ordering::Relaxed);
        [Stage::Canary, Stage::Challenge, Stage::Block]
            .into_iter()
            .find(|stage| *stage as u8 == number)
            .unwrap_or(Stage::Canary)
    }

    pub(crate) fn become_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    fn treat(&self, row: &Attributes, cleared: bool, tries: bool) -> Option<Treated> {
        if !self.signature.matches(row) {
            return None;
        }
        self.matched.fetch_add(1, Ordering::Relaxed);
        if cleared {
            return Some(Treated::Pass);
        }
        Some(match self.stage() {
            Stage::Canary
                if tries && !self.met.fetch_add(1, Ordering::Relaxed).is_multiple_of(TRIED_ONE_IN) =>
            {
                Treated::Pass
            }
            Stage::Canary | Stage::Challenge => Treated::Challenge,
            Stage::Block => Treated::Block,
        })
    }

    /// A page was handed out that can be passed. That a program which reads no pages passes nothing says nothing.
    pub(crate) fn challenged(&self) {
        self.challenged.fetch_add(1, Ordering::Relaxed);
    }

    /// A program was told to come again, which can pass nothing.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody of a network has passed. Each network counts once, so that an attack which solves challenges in one
    /// place does not look like people.
    pub(crate) fn passed(&self, network: u64) {
        let word = (network >> 6) as usize % NETWORK_WORDS;
        let bit = 1u64 << (network & 63);
        if self.networks[word].fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            self.passed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was done since it was asked last.
    pub(crate) fn drain(&self) -> Tally {
        let tally = Tally {
            matched: self.matched.swap(0, Ordering::Relaxed),
            challenged: self.challenged.swap(0, Ordering::Relaxed),
            turned_away: self.turned_away.swap(0, Ordering::Relaxed),
            passed: self.passed.swap(0, Ordering::Relaxed),
        };
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        for (sum, more) in total.iter_mut().zip([tally.matched, tally.challenged, tally.passed]) {
            *sum += u64::from(more);
        }
        tally
    }

    /// Matched, challenged and passed since it began.
    pub(crate) fn total(&self) -> [u64; 3] {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is only tried yet.
    pub(crate) fn is_tried(&self) -> bool {
        self.stage() == Stage::Canary
    }

    /// How it is named where it is undone.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}", self.number)
    }

    /// Says what it looks at in the words of a request that it meets; the first one counts.
    pub(crate) fn describe(&self, request: &Request<'_>) {
        self.items.get_or_init(|| words::items(&self.signature, request));
    }

    /// The signature in words; hashes until a request has met it.
    pub(crate) fn words(&self) -> String {
        let Some(items) = self.items.get() else { return self.signature.to_string() };
        let word = |item: &SignatureItem| {
            format!("{} {:?}", item.attribute, item.value.as_deref().unwrap_or_default())
        };
        items.iter().map(word).collect::<Vec<_>>().join(" and ")
    }

    /// What is known of it, for people.
    pub(crate) fn told(&self, site: SiteId) -> ActiveSignature {
        let hashed = |(attribute, _): &(shield::adaptive::Attribute, u32)| SignatureItem {
            attribute: attribute.name(),
            value: None,
        };
        let [matched, challenged, passed] = self.total();
        let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        ActiveSignature {
            id: self.id(),
            site,
            items: self
                .items
                .get()
                .cloned()
                .unwrap_or_else(|| self.signature.items().iter().map(hashed).collect()),
            stage: match self.stage() {
                Stage::Canary => "canary",
                Stage::Challenge => "challenge",
                Stage::Block => "block",
            },
            since: self.began,
            distress: self.evidence.distress,
            rate: self.evidence.rate,
            coverage: self.evidence.coverage,
            usual_share: self.evidence.usual_share,
            matched,
            challenged: narrow(challenged),
            passed: narrow(passed),
        }
    }
}
