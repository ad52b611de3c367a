//! An allegation: reports that claim the same, as one item of the desk's queue.

use crate::{Category, Trace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{AllegationId, CaseId, Hostname, SiteId, Timestamp};

/// Most hosts and traces of one allegation.
const PLACES_MAX: usize = 50;
/// Traces kept to recognise later reports by.
const TRACES_MAX: usize = 8;
/// Most signals noted.
const SIGNALS_MAX: usize = 100;

/// What kind of attention was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// A newspaper, a broadcast.
    Press,
    /// A hashtag or a call to report.
    Campaign,
}

/// Attention seen somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Of what kind.
    pub kind: SignalKind,
    /// Where, in an officer's words.
    pub text: String,
    /// When it was noted.
    pub at: Timestamp,
}

/// One allegation. How many reports claim it is private to this type: see [`Allegation::volume`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allegation {
    /// Its id.
    pub id: AllegationId,
    /// About what.
    pub category: Category,
    /// Whether any report says that somebody is in danger.
    pub danger: bool,
    /// The hosts it is about.
    pub hosts: BTreeSet<Hostname>,
    /// Those of our sites that have these hosts.
    pub sites: BTreeSet<SiteId>,
    /// When the first report came in: the clock of triage runs from here.
    pub opened_at: Timestamp,
    /// The case that looks into it.
    pub case: Option<CaseId>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    traces: Vec<Trace>,
    reports: u64,
    latest_at: Timestamp,
    signals: Vec<Signal>,
}

/// Proof that two sealed ratings are in for every finding of the case, so that attention can bias none of them.
/// Who makes one has looked: [`RatingsSealed::of`] takes the answer for each finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatingsSealed(());

impl RatingsSealed {
    /// A proof, if there is a finding and both ratings of every one are in.
    pub fn of(complete: impl IntoIterator<Item = bool>) -> Option<Self> {
        let mut complete = complete.into_iter().peekable();
        complete.peek()?;
        complete.all(|both| both).then_some(Self(()))
    }
}

/// How urgent an open allegation is: the order of the desk's queue. How many reports claim it is no part of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody is said to be in danger, and no case looks into it.
    DangerWaits = 0,
    /// Somebody is said to be in danger; a case looks into it.
    DangerInCase = 1,
    /// No case looks into it.
    Waits = 2,
    /// A case looks into it.
    InCase = 3,
}

/// How much attention an allegation gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// How many reports claim it.
    pub reports: u64,
    /// When the latest came in.
    pub latest_at: Timestamp,
    /// Press, hashtags and calls to report.
    pub signals: Vec<Signal>,
}

/// Why a change of an allegation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllegationRefusal {
    /// It is closed.
    #[error("this allegation is closed; a new report of the same opens another")]
    Closed,
    /// A case has it.
    #[error("a case looks into this allegation already")]
    InCase,
    /// Over a bound.
    #[error("an allegation takes at most {SIGNALS_MAX} signals")]
    TooManySignals,
}

impl AllegationRefusal {
    /// The stable name, kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "allegation-closed",
            Self::InCase => "allegation-in-case",
            Self::TooManySignals => "too-many-signals",
        }
    }
}

impl Allegation {
    /// Opens one with its first report.
    pub fn open(id: AllegationId, category: Category, danger: bool, at: Timestamp) -> Self {
        Self {
            id,
            category,
            danger,
            hosts: BTreeSet::new(),
            sites: BTreeSet::new(),
            opened_at: at,
            case: None,
            closed_at: None,
            traces: Vec::new(),
            reports: 0,
            latest_at: at,
            signals: Vec::new(),
        }
    }

    /// Adds a report to it.
    pub fn join(
        &mut self,
        danger: bool,
        (hosts, sites): (&BTreeSet<Hostname>, &BTreeSet<SiteId>),
        trace: &Trace,
        at: Timestamp,
    ) -> Result<(), AllegationRefusal> {
        self.check_open()?;
        self.danger |= danger;
        self.reports += 1;
        self.latest_at = at;
        let room = PLACES_MAX.saturating_sub(self.hosts.len());
        self.hosts.extend(hosts.iter().take(room).cloned());
        self.sites.extend(sites.iter().take(PLACES_MAX.saturating_sub(self.sites.len())));
        if self.traces.len() < TRACES_MAX && !self.traces.contains(trace) {
            self.traces.push(trace.clone());
        }
        Ok(())
    }

    /// How urgent it is while it is open.
    pub fn urgency(&self) -> Urgency {
        match (self.danger, self.case) {
            (true, None) => Urgency::DangerWaits,
            (true, Some(_)) => Urgency::DangerInCase,
            (false, None) => Urgency::Waits,
            (false, Some(_)) => Urgency::InCase,
        }
    }

    /// Puts it into a case, once.
    pub fn assign(&mut self, case: CaseId) -> Result<(), AllegationRefusal> {
        self.check_open()?;
        match self.case {
            Some(present) if present == case => Ok(()),
            Some(_) => Err(AllegationRefusal::InCase),
            None => {
                self.case = Some(case);
                Ok(())
            }
        }
    }

    /// Notes attention seen somewhere else.
    pub fn note(&mut self, signal: Signal) -> Result<(), AllegationRefusal> {
        self.check_open()?;
        if self.signals.len() >= SIGNALS_MAX {
            return Err(AllegationRefusal::TooManySignals);
        }
        self.signals.push(signal);
        Ok(())
    }

    /// Ends it.
    pub fn close(&mut self, at: Timestamp) -> Result<(), AllegationRefusal> {
        self.check_open()?;
        self.closed_at = Some(at);
        Ok(())
    }

    /// How much attention it gets, for who holds the proof that no rating can be biased by it any more.
    pub fn volume(&self, _: RatingsSealed) -> Volume {
        Volume { reports: self.reports, latest_at: self.latest_at, signals: self.signals.clone() }
    }

    /// What its reports are recognised by.
    pub fn traces(&self) -> &[Trace] {
        &self.traces
    }

    fn check_open(&self) -> Result<(), AllegationRefusal> {
        if self.closed_at.is_some() { Err(AllegationRefusal::Closed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + seconds)
    }

    #[test]
    fn volume_is_shown_only_once_every_finding_has_both_ratings() {
        assert_eq!(RatingsSealed::of([]), None, "no finding, nothing rated");
        assert_eq!(RatingsSealed::of([true, false]), None);
        let sealed = RatingsSealed::of([true, true]).expect("sealed");
        let mut allegation =
            Allegation::open(AllegationId::from_bytes([1; 16]), Category::Threat, false, at(0));
        let trace = Trace { urls: BTreeSet::new(), words: None, signature: None };
        for second in 0..3 {
            allegation
                .join(second == 1, (&BTreeSet::new(), &BTreeSet::new()), &trace, at(second))
                .expect("joined");
        }
        assert!(allegation.danger);
        assert_eq!(allegation.volume(sealed), Volume { reports: 3, latest_at: at(2), signals: vec![] });
    }

    #[test]
    fn an_allegation_goes_into_one_case_and_ends_once() {
        let mut allegation =
            Allegation::open(AllegationId::from_bytes([1; 16]), Category::Threat, false, at(0));
        let (one, other) = (CaseId::from_bytes([1; 16]), CaseId::from_bytes([2; 16]));
        assert_eq!(allegation.assign(one), Ok(()));
        assert_eq!(allegation.assign(one), Ok(()), "saying it twice changes nothing");
        assert_eq!(allegation.assign(other), Err(AllegationRefusal::InCase));
        assert_eq!(allegation.close(at(1)), Ok(()));
        assert_eq!(allegation.close(at(2)), Err(AllegationRefusal::Closed));
    }
}
