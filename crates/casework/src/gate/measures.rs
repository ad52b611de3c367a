//! E5, whether less would do, and E6, what the measure may provoke.

use super::{Closed, Run};
use crate::{Considered, LesserMeasures, Outcome};
use policy::Measure;

/// E5: each lesser measure was considered, and none would do.
pub(super) fn lesser(run: &Run<'_>) -> Vec<Closed> {
    let sought = run.input.measure;
    if !matches!(sought, Measure::M1 | Measure::M3 | Measure::M5) {
        return vec![Closed::NoEmergencyMeasure { measure: sought }];
    }
    considered(run)
}

/// Each measure below the one sought was considered, and none would do.
pub(super) fn considered(run: &Run<'_>) -> Vec<Closed> {
    let sought = run.input.measure;
    let fact = match run.fresh(&run.input.facts.lesser_measures, "the lesser measures (E5)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return closed,
    };
    let below = Measure::ALL.into_iter().filter(|measure| *measure < sought);
    below.filter_map(|measure| verdict_on(run, fact, measure)).collect()
}

fn verdict_on(run: &Run<'_>, fact: &LesserMeasures, measure: Measure) -> Option<Closed> {
    let mut entries = fact.considered.iter().filter(|entry| entry.measure == measure).peekable();
    if entries.peek().is_none() {
        return Some(Closed::NotConsidered { measure });
    }
    entries.find_map(|Considered { outcome, .. }| match outcome {
        Outcome::WouldDo => Some(Closed::LesserWouldDo { measure }),
        Outcome::WouldNotDo { .. } => None,
        Outcome::Failed { reposted_at, .. } if *reposted_at > run.now => Some(Closed::RecordedAhead {
            what: format!("re-posting after {measure}"),
            recorded_at: *reposted_at,
        }),
        Outcome::Failed { .. } => None,
    })
}

/// E6.
pub(super) fn safety(run: &Run<'_>) -> Vec<Closed> {
    let fact = match run.fresh(&run.input.facts.safety, "escalation and safety (E6)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return closed,
    };
    let mut closed = Vec::new();
    if fact.escalation.is_none() {
        closed.push(Closed::EscalationNotRecorded);
    }
    if fact.plan.is_none() {
        closed.push(Closed::NoSafetyPlan);
    }
    if fact.dispatcher.is_none() {
        closed.push(Closed::DispatcherNotWarned);
    }
    closed
}
