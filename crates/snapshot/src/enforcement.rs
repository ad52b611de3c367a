//! Which measures run: the state machine behind an edge's snapshots.
//!
//! A measure starts by proof and ends by time. Parcels come from a feed that nobody has to trust about
//! measures: an omitted or damaged bundle leaves a running measure as it is, and raises an alarm.

use crate::defence::{ShieldTable, Shields};
use crate::suspension::{SUSPENSIONS_MAX, verify_suspension};
use crate::{Bundle, Parcel, ProvedMeasure, Refusal, Roots, Site, Snapshot, Surroundings, Trust, verify};
use error_pages::Page;
use policy::Footprint;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use vocabulary::{DecisionId, Digest, SiteId, SitePattern, Timestamp};

/// Most bundles read from one parcel.
pub const BUNDLES_MAX: usize = 10_000;

/// The running measures of one edge, with its roots and counters.
#[derive(Debug)]
pub struct Enforcement {
    roots: Roots,
    trust: Trust,
    revision: u64,
    /// The sites' own error pages, as the last parcel had them.
    pages: BTreeMap<Digest, Arc<Page>>,
    shields: Shields,
    running: BTreeMap<DecisionId, Running>,
}

#[derive(Debug)]
struct Running {
    /// The bundle it was last proved by: equal bytes need no second look.
    bytes: Arc<[u8]>,
    measure: Arc<ProvedMeasure>,
}

/// What came of a parcel.
#[derive(Debug)]
pub struct Applied {
    /// What to serve from now on.
    pub snapshot: Arc<Snapshot>,
    /// What people must look at.
    pub alarms: Vec<Alarm>,
    /// Every decision that runs now.
    pub applied: Vec<DecisionId>,
    /// Those among them that this parcel started.
    pub started: Vec<DecisionId>,
    /// Bundles not applied, with the decision they claim to be about where that can be read.
    pub refused: Vec<(Option<DecisionId>, Refusal)>,
    /// When to hand in the same parcel again: a lease in it begins then.
    pub retry_at: Option<Timestamp>,
}

/// Something that must not pass in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alarm {
    /// A parcel leaves out a measure whose lease still runs.
    Omitted(DecisionId),
    /// A measure that this edge once proved and whose lease still runs is not at hand any more.
    Lost(DecisionId),
    /// A bundle was refused; `name` is the refusal's.
    Refused {
        /// Which decision it claims.
        decision: Option<DecisionId>,
        /// [`Refusal::name`].
        name: &'static str,
    },
    /// The log contradicted itself; both checkpoints are in [`Trust::contradictions`].
    SplitView,
    /// The sites' revision fell, as after a restore.
    OlderRevision {
        /// What was served before.
        served: u64,
        /// What came now.
        parcel: u64,
    },
    /// Two sites claim a host; the first in the list keeps it.
    HostTwice(SitePattern),
    /// A part of the defence does not compile; what was compiled before stays.
    Shield {
        /// Whose; none: the operator's, or a feed.
        site: Option<SiteId>,
        /// What is wrong.
        why: String,
    },
    /// More bundles than are read.
    TooManyBundles(usize),
    /// Measures that would act now are set aside.
    Suspended {
        /// How many.
        reached: usize,
        /// Until when; none: to the end of their leases.
        until: Option<Timestamp>,
    },
}

impl Enforcement {
    /// An edge with its pinned roots and what it remembers.
    pub fn new(roots: Roots, trust: Trust) -> Self {
        Self {
            roots,
            trust,
            revision: 0,
            pages: BTreeMap::new(),
            shields: Shields::default(),
            running: BTreeMap::new(),
        }
    }

    /// The roots pinned when the edge joined.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The counters, to be stored after each [`Enforcement::apply`] and before its outcome is reported.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The bundles of all running measures, as they were proved last: what a restart needs.
    pub fn bundles(&self) -> impl Iterator<Item = &Arc<[u8]>> {
        self.running.values().map(|running| &running.bytes)
    }

    /// Takes a parcel: sites as they are, measures by proof.
    pub fn apply(&mut self, parcel: &Parcel, now: Timestamp) -> Applied {
        self.running.retain(|_, running| now < running.measure.ends());
        self.trust.forget_ended(now);
        let mut outcome = Outcome::default();
        for bytes in parcel.suspensions.iter().take(SUSPENSIONS_MAX) {
            self.take_suspension(bytes, parcel, now, &mut outcome);
        }
        self.take_bundles(parcel, now, &mut outcome);
        self.set_aside(now, &mut outcome);
        let missing = self.running.keys().filter(|id| !outcome.present.contains(id));
        outcome.alarms.extend(missing.copied().map(Alarm::Omitted));
        let lost = self.trust.unended(now).filter(|id| !self.running.contains_key(id));
        outcome.alarms.extend(lost.map(Alarm::Lost));
        if parcel.revision < self.revision {
            let (served, parcel) = (self.revision, parcel.revision);
            outcome.alarms.push(Alarm::OlderRevision { served, parcel });
        }
        self.revision = parcel.revision;
        self.pages.clone_from(&parcel.pages);
        let shields = self.shields.take(parcel, &mut outcome.alarms);
        let sites = parcel.sites.iter().cloned().map(Arc::new).collect();
        self.outcome(sites, shields, outcome)
    }

    fn take_bundles(&mut self, parcel: &Parcel, now: Timestamp, outcome: &mut Outcome) {
        if parcel.bundles.len() > BUNDLES_MAX {
            outcome.alarms.push(Alarm::TooManyBundles(parcel.bundles.len()));
        }
        let around = Surroundings {
            now,
            footprint: Footprint { sites: parcel.sites.len() as u64 },
            consistency: &parcel.consistency,
        };
        let known: HashMap<_, _> =
            self.running.values().map(|running| (Arc::clone(&running.bytes), running.measure.id())).collect();
        for bytes in parcel.bundles.iter().take(BUNDLES_MAX) {
            if let Some(id) = known.get(bytes) {
                outcome.present.insert(*id);
                continue;
            }
            match verify(bytes, &self.roots, &self.trust, &around) {
                Ok(measure) => self.start(Arc::clone(bytes), measure, &around, outcome),
                Err(refusal) => self.refuse(bytes, refusal, outcome),
            }
        }
    }

    /// A suspension counts even from a log that is frozen: it only restores.
    fn take_suspension(&mut self, bytes: &[u8], parcel: &Parcel, now: Timestamp, outcome: &mut Outcome) {
        let (suspension, tree) = match verify_suspension(bytes, &self.roots, now) {
            Ok(proved) => proved,
            Err(Refusal::NotYet(begins)) => return outcome.retry(begins),
            Err(refusal) => return outcome.refuse(None, refusal),
        };
        match self.trust.check_tree(&tree, &parcel.consistency) {
            Ok(()) => self.trust.see(&tree),
            Err(Refusal::SplitView(contradiction)) => {
                self.trust.freeze(*contradiction);
                outcome.alarms.push(Alarm::SplitView);
            }
            Err(_) => {}
        }
        if let Err(refusal) = self.trust.suspend(suspension) {
            outcome.refuse(None, refusal);
        }
    }

    /// Every running measure knows of the suspensions, those that began before one came too.
    fn set_aside(&mut self, now: Timestamp, outcome: &mut Outcome) {
        let suspensions = self.trust.suspensions();
        for running in self.running.values_mut() {
            Arc::make_mut(&mut running.measure).set_aside(suspensions);
        }
        for suspension in suspensions.acting(now) {
            let reached = |running: &&Running| suspension.pauses(running.measure.terms(), now);
            let reached = self.running.values().filter(reached).count();
            if reached > 0 {
                outcome.alarms.push(Alarm::Suspended { reached, until: suspension.until() });
            }
        }
    }

    fn start(
        &mut self,
        bytes: Arc<[u8]>,
        measure: ProvedMeasure,
        around: &Surroundings<'_>,
        outcome: &mut Outcome,
    ) {
        let (id, consistency) = (measure.id(), around.consistency);
        outcome.present.insert(id);
        let stranger = |running: &Running| {
            let leaf = running.measure.leaf();
            leaf != measure.leaf() && !measure.follows(&leaf)
        };
        if self.running.get(&id).is_some_and(stranger) {
            outcome.refuse(Some(id), Refusal::DoesNotFollow);
            return;
        }
        // A running measure is not asked how its log grew, so its tree counts only if that is proved:
        // else one bundle proved anew under a forked tree would open the door to all that follow it.
        match self.trust.check_tree(measure.tree(), consistency) {
            Ok(()) => {
                self.trust.accept(measure.record(), measure.tree());
                self.trust.see_rosters(measure.newest_roster());
            }
            Err(Refusal::SplitView(contradiction)) => {
                self.trust.freeze(*contradiction);
                outcome.alarms.push(Alarm::SplitView);
            }
            Err(_) => {}
        }
        // An end counts even from a log that is frozen: it only restores.
        self.trust.end(measure.record());
        let ends = measure.ends();
        if around.now >= ends {
            self.running.remove(&id);
            outcome.refuse(Some(id), Refusal::Ended(ends));
        } else if self.running.insert(id, Running { bytes, measure: Arc::new(measure) }).is_none() {
            outcome.started.push(id);
        }
    }

    fn refuse(&mut self, bytes: &[u8], refusal: Refusal, outcome: &mut Outcome) {
        let decision = Bundle::claimed_decision(bytes);
        match &refusal {
            Refusal::NotYet(begins) => outcome.retry(*begins),
            Refusal::SplitView(contradiction) => {
                self.trust.freeze((**contradiction).clone());
                outcome.alarms.push(Alarm::SplitView);
            }
            _ => {}
        }
        outcome.refuse(decision, refusal);
    }

    fn outcome(&self, sites: Vec<Arc<Site>>, shields: ShieldTable, outcome: Outcome) -> Applied {
        let measures = self.running.values().map(|running| Arc::clone(&running.measure)).collect();
        let (snapshot, doubled) =
            Snapshot::compile(self.revision, sites, self.pages.clone(), shields, measures);
        let Outcome { mut alarms, started, refused, retry_at, .. } = outcome;
        alarms.extend(doubled.into_iter().map(Alarm::HostTwice));
        let applied = self.running.keys().copied().collect();
        Applied { snapshot: Arc::new(snapshot), alarms, applied, started, refused, retry_at }
    }
}

/// What is gathered while a parcel is taken.
#[derive(Default)]
struct Outcome {
    present: BTreeSet<DecisionId>,
    started: Vec<DecisionId>,
    alarms: Vec<Alarm>,
    refused: Vec<(Option<DecisionId>, Refusal)>,
    retry_at: Option<Timestamp>,
}

impl Outcome {
    fn retry(&mut self, at: Timestamp) {
        self.retry_at = Some(self.retry_at.map_or(at, |other| other.min(at)));
    }

    /// A lease that ended, or has not begun, is no cause for alarm.
    fn refuse(&mut self, decision: Option<DecisionId>, refusal: Refusal) {
        if !matches!(refusal, Refusal::Expired(_) | Refusal::Ended(_) | Refusal::NotYet(_)) {
            self.alarms.push(Alarm::Refused { decision, name: refusal.name() });
        }
        self.refused.push((decision, refusal));
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Omitted(id) => write!(f, "the feed omits {id}, whose lease still runs; it stays in force"),
            Self::Lost(id) => {
                write!(f, "{id} was in force here and its lease still runs, but its proof is nowhere at hand")
            }
            Self::Refused { decision: Some(id), name } => write!(f, "a bundle of {id} was refused: {name}"),
            Self::Refused { decision: None, name } => write!(f, "an unreadable bundle was refused: {name}"),
            Self::SplitView => f.write_str(
                "the log contradicted itself; no new measure is taken from it, and both checkpoints are kept",
            ),
            Self::OlderRevision { served, parcel } => {
                write!(f, "the sites went back from revision {served} to {parcel}")
            }
            Self::HostTwice(pattern) => write!(f, "two sites claim {pattern}; the first keeps it"),
            Self::Shield { site: Some(site), why } => {
                write!(f, "the defence of {site} does not compile: {why}")
            }
            Self::Shield { site: None, why } => write!(f, "a shared part of the defence is not taken: {why}"),
            Self::Suspended { reached, until: Some(until) } => {
                write!(
                    f,
                    "suspended until {until}, unless three confirm it: {reached} measures without an order"
                )
            }
            Self::Suspended { reached, until: None } => {
                write!(f, "suspended to the end of their leases: {reached} measures without an order")
            }
            Self::TooManyBundles(count) => {
                write!(f, "the feed carries {count} bundles; only {BUNDLES_MAX} are read")
            }
        }
    }
}

#[cfg(test)]
mod tests;
