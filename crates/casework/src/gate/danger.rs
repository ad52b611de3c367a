//! E2, who is in danger of what and when, and E3, what our service has to do with it.

use super::{Closed, Run};
use crate::{Harm, Horizon, clocks};

/// E2.
pub(super) fn danger(run: &Run<'_>) -> Vec<Closed> {
    let fact = match run.fresh(&run.input.facts.danger, "the danger (E2)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return closed,
    };
    let mut closed = Vec::new();
    if fact.identified.is_none() {
        closed.push(Closed::NobodyIdentifiable);
    }
    if fact.harm == Harm::Lesser {
        closed.push(Closed::HarmTooSmall);
    }
    match fact.horizon {
        Horizon::Ongoing => {}
        Horizon::Unknown => closed.push(Closed::HorizonUnknown),
        Horizon::By(by) if by < run.now => closed.push(Closed::HorizonPassed { by }),
        Horizon::By(by) if by > run.now.plus(clocks::HORIZON_MAX) => {
            closed.push(Closed::HorizonTooFar { by })
        }
        Horizon::By(_) => {}
    }
    closed
}

/// E3.
pub(super) fn nexus(run: &Run<'_>) -> Vec<Closed> {
    let fact = match run.fresh(&run.input.facts.nexus, "the nexus (E3)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return closed,
    };
    let mut closed = Vec::new();
    if !fact.reachable {
        closed.push(Closed::NotReachable);
    }
    if fact.lowers_risk.is_none() {
        closed.push(Closed::NoEffectExpected);
    }
    closed
}
