//! The gate: recorded facts in, verdict and reasons out.
//!
//! A pure function of a case's findings, facts and referrals, the measure sought and the time. It cannot
//! see reports, attention or who is at risk, because [`GateInput`] has no such member; what it sees is
//! sorted before it is hashed. Each condition E1 to E9 is one file or one function that returns what
//! closes it. A fact older than 48 hours, or recorded later than now, counts as missing.

mod closed;
mod danger;
mod evidence;
mod grounds;
mod measures;
mod people;
mod referrals;
#[cfg(test)]
pub(crate) mod tests;

use crate::{Case, Facts, Finding, Footing, Horizon, Officer, Ratings, Recorded, Referral, clocks};
use policy::{Ground, Measure};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::time::Duration;
use vocabulary::{CaseId, Digest, FindingId, Hasher, OrderId, Timestamp, canonical};

pub use closed::{Closed, NotCounted};
pub use grounds::assess;

/// The conditions of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GateCondition {
    /// Two independent credible findings within 48 hours.
    E1,
    /// Someone identifiable, grave harm, a near horizon.
    E2,
    /// Our service has to do with it.
    E3,
    /// Authorities concerned have it.
    E4,
    /// Nothing less would do.
    E5,
    /// Escalation, safety plan, dispatcher.
    E6,
    /// Two blind ratings agree, the law was heard.
    E7,
    /// Interests declared.
    E8,
    /// What the site did once told.
    E9,
}

/// Whether a condition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It holds.
    Held,
    /// It closes the gate.
    Closed {
        /// Why; at least one reason.
        reasons: Vec<Closed>,
    },
}

/// One condition's part of the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionVerdict {
    /// Which condition.
    pub condition: GateCondition,
    /// Whether it holds.
    pub state: Held,
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateVerdict {
    /// About which case.
    pub case: CaseId,
    /// For which measure.
    pub measure: Measure,
    /// Whether all nine conditions hold.
    pub open: bool,
    /// E1 to E9, in order.
    pub conditions: Vec<ConditionVerdict>,
    /// The findings that count in every respect, sorted.
    pub counted: Vec<FindingId>,
    /// The longest lease, in seconds.
    pub lease_max_secs: u64,
    /// Hash of everything that was read, the time aside.
    pub input_hash: Digest,
    /// When the gate ran.
    pub at: Timestamp,
    /// Until when the verdict holds.
    pub valid_until: Timestamp,
}

/// Everything the gate reads of a case.
#[derive(Serialize)]
pub(crate) struct GateInput<'a> {
    measure: Measure,
    #[serde(serialize_with = "without_sealed")]
    findings: Vec<&'a Finding>,
    facts: Facts,
    referrals: Vec<&'a Referral>,
    /// The order that is to be carried out, and how far it is; on every other ground none.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<(OrderId, &'static str)>,
}

/// The findings as they are hashed. A lone rating is left out, so that nobody can try what it says
/// against the hash.
fn without_sealed<S: Serializer>(findings: &[&Finding], out: S) -> Result<S::Ok, S::Error> {
    out.collect_seq(findings.iter().map(|finding| match finding.ratings {
        Ratings::Sealed(_) => Cow::Owned(Finding { ratings: Ratings::Awaited, ..(*finding).clone() }),
        _ => Cow::Borrowed(*finding),
    }))
}

/// What one run of the gate works on.
struct Run<'a> {
    input: &'a GateInput<'a>,
    now: Timestamp,
}

/// Runs the gate for a measure on the ground emergency.
pub fn gate(case: &Case, sought: Measure, now: Timestamp) -> GateVerdict {
    let input = GateInput::of(case, sought);
    let run = Run { input: &input, now };
    let evidence = evidence::examine(&run);
    let referrals = referrals::examine(&run);
    let conditions = [
        (GateCondition::E1, evidence.independent),
        (GateCondition::E2, danger::danger(&run)),
        (GateCondition::E3, danger::nexus(&run)),
        (GateCondition::E4, referrals.closed),
        (GateCondition::E5, measures::lesser(&run)),
        (GateCondition::E6, measures::safety(&run)),
        (GateCondition::E7, [evidence.ratings, people::legal(&run, &evidence.relied)].concat()),
        (GateCondition::E8, people::interests(&run, &evidence.relied)),
        (GateCondition::E9, [people::notice(&run, Ground::Emergency), evidence.conduct].concat()),
    ];
    let lease = if referrals.short { clocks::SHORT_LEASE_MAX } else { clocks::LEASE_MAX };
    GateVerdict {
        case: case.id,
        measure: sought,
        open: conditions.iter().all(|(_, closed)| closed.is_empty()),
        conditions: conditions.into_iter().map(ConditionVerdict::from).collect(),
        counted: evidence.counted.iter().map(|finding| finding.id).collect(),
        lease_max_secs: lease.as_secs(),
        input_hash: input.hash(),
        at: now,
        valid_until: now.plus(clocks::VERDICT_HOLDS),
    }
}

/// Hash of what the gate would read of a case for a measure: unmoved by reports and by order.
pub fn input_hash(case: &Case, sought: Measure) -> Digest {
    GateInput::of(case, sought).hash()
}

impl<'a> GateInput<'a> {
    fn of(case: &'a Case, measure: Measure) -> Self {
        let mut findings: Vec<_> = case.findings.iter().collect();
        findings.sort_by_key(|finding| finding.id);
        let mut referrals: Vec<_> = case.referrals.iter().collect();
        referrals.sort_by_key(|referral| referral.id);
        let mut facts = case.facts.clone();
        facts.declarations.sort_by(|one, other| one.by.cmp(&other.by));
        Self { measure, findings, facts, referrals, order: None }
    }

    /// The same with the order that a measure on the ground order would carry out.
    fn with_order(footing: Footing<'a>, measure: Measure) -> Self {
        let order = footing.order.map(|order| (order.id, order.state.name()));
        Self { order, ..Self::of(footing.case, measure) }
    }

    fn hash(&self) -> Digest {
        let bytes = canonical::to_bytes(self).expect("recorded facts hold only ASCII keys and no numbers");
        Hasher::domain("wardmote/gate-input/v1").part(&bytes).finish()
    }
}

impl Run<'_> {
    /// A recorded fact, if it is there and fresh; else what closes the gate.
    fn fresh<'f, T>(
        &self,
        fact: &'f Option<Recorded<T>>,
        what: &str,
    ) -> Result<&'f Recorded<T>, Vec<Closed>> {
        let fact = fact.as_ref().ok_or_else(|| vec![Closed::NotRecorded { what: what.to_owned() }])?;
        match self.age(fact.at) {
            Age::Fresh => Ok(fact),
            Age::Stale => Err(vec![Closed::Stale { what: what.to_owned(), recorded_at: fact.at }]),
            Age::Ahead => Err(vec![Closed::RecordedAhead { what: what.to_owned(), recorded_at: fact.at }]),
        }
    }

    fn age(&self, at: Timestamp) -> Age {
        if at > self.now {
            Age::Ahead
        } else if at.plus(clocks::FACT_AGE_MAX) < self.now {
            Age::Stale
        } else {
            Age::Fresh
        }
    }

    /// The end of the horizon, if a fresh fact tells it; an ongoing danger ends its horizon now.
    fn horizon(&self) -> Option<Timestamp> {
        match self.fresh(&self.input.facts.danger, "").ok()?.fact.horizon {
            Horizon::Ongoing => Some(self.now),
            Horizon::By(instant) => Some(instant),
            Horizon::Unknown => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Stale,
    Ahead,
}

impl GateVerdict {
    /// The longest lease that this verdict allows.
    pub fn lease_max(&self) -> Duration {
        Duration::from_secs(self.lease_max_secs)
    }

    /// Whether the verdict still holds at an instant.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.valid_until
    }

    /// Everything that closes the gate, with its condition.
    pub fn reasons(&self) -> impl Iterator<Item = (GateCondition, &Closed)> {
        self.conditions.iter().flat_map(|part| {
            let reasons = match &part.state {
                Held::Held => &[][..],
                Held::Closed { reasons } => reasons,
            };
            reasons.iter().map(|reason| (part.condition, reason))
        })
    }

    /// A lesser measure that would do, if that is what closes the gate.
    pub fn offer(&self) -> Option<Measure> {
        self.reasons().find_map(|(_, reason)| match reason {
            Closed::LesserWouldDo { measure } => Some(*measure),
            _ => None,
        })
    }
}

impl From<(GateCondition, Vec<Closed>)> for ConditionVerdict {
    fn from((condition, reasons): (GateCondition, Vec<Closed>)) -> Self {
        let state = if reasons.is_empty() { Held::Held } else { Held::Closed { reasons } };
        Self { condition, state }
    }
}

/// Distinct officers by pseudonym.
fn same_officer(one: &Officer, other: &Officer) -> bool {
    one.pseudonym == other.pseudonym
}
