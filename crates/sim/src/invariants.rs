//! What must hold after every step, whatever happened: the invariants of due process, by their numbers.
//!
//! Those that a type already makes impossible to break (I7, I23) and those about parts that do not exist
//! here (I13, I16, I19, I20, I24, I25) are not asked.

use crate::operator::{Broken, Operator, broken};
use casework::{Attention, Case, Decision, Order, gate};
use ledger::Kind;
use policy::{Ground, Measure, Role, Terms, floor};
use snapshot::{Facts, ProvedMeasure, Snapshot, Verdict};
use std::collections::BTreeSet;
use vocabulary::{Hostname, OrderId, Timestamp};

/// The world that is looked at.
#[derive(Debug)]
pub(crate) struct World<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) cases: &'a [Case],
    pub(crate) decisions: &'a [Decision],
    /// Every order that was ever accepted.
    pub(crate) orders: &'a [Order],
    /// What the edge serves from.
    pub(crate) snapshot: &'a Snapshot,
}

/// Asks every invariant; the first one broken is the error.
pub(crate) fn check(world: &World<'_>) -> Result<(), Broken> {
    let running = |measure: &&std::sync::Arc<ProvedMeasure>| measure.in_force_at(world.operator.now);
    for measure in world.snapshot.measures().iter().filter(running) {
        logged_and_stated(world, measure)?;
        within_the_floor(measure)?;
        ended_as_decided(world, measure)?;
    }
    for decision in world.decisions {
        referred_before(world, decision)?;
        nobody_twice(world, decision)?;
        within_the_order(world, decision)?;
    }
    for case in world.cases {
        attention_moves_nothing(case, world.operator.now)?;
    }
    nothing_else_is_blocked(world)
}

/// I1: no effect without a logged record whose id the block page shows, and its statement.
fn logged_and_stated(world: &World<'_>, measure: &ProvedMeasure) -> Result<(), Broken> {
    let id = measure.id().to_string();
    let about = |kind| {
        world.operator.entries().iter().any(|entry| entry.body.subject == id && entry.body.kind == kind)
    };
    if about(Kind::DecisionMade) && about(Kind::StatementPublished) {
        Ok(())
    } else {
        Err(broken(format!("I1: {id} acts without a logged decision and statement")))
    }
}

/// I3, I4, I5: every measure has an end, within the floor.
fn within_the_floor(measure: &ProvedMeasure) -> Result<(), Broken> {
    let terms = measure.terms();
    let lasts = terms.expires.since(terms.not_before);
    match floor::lease_max(terms.measure, terms.ground) {
        Some(max) if lasts <= max && measure.ends() <= terms.expires => Ok(()),
        _ => Err(broken(format!("I5: {} outlasts the floor", terms.decision))),
    }
}

/// I4, I17, I18: what acts at the edge is one of the decision's records, and ends when that says, or before.
fn ended_as_decided(world: &World<'_>, measure: &ProvedMeasure) -> Result<(), Broken> {
    let decision = world.decisions.iter().find(|decision| decision.id == measure.id());
    let decision = decision.ok_or_else(|| broken("I1: the edge enforces what nobody decided"))?;
    let mut records = decision.former.iter().map(|former| &former.terms).chain([&decision.terms]);
    if records.any(|terms| terms == measure.terms()) {
        Ok(())
    } else {
        Err(broken(format!("I4: {} acts on terms that no record of it has", decision.id)))
    }
}

/// I9: a referral was delivered before the decision was made.
fn referred_before(world: &World<'_>, decision: &Decision) -> Result<(), Broken> {
    let terms = decision.first_terms();
    let case = world.cases.iter().find(|case| case.id == decision.case);
    let (Some(case), Some(_), Ground::Emergency) = (case, decision.state.logged(), terms.ground) else {
        return Ok(());
    };
    let first = case.referrals.iter().filter_map(|referral| referral.state.traffic()?.first_delivery()).min();
    match first {
        Some(delivered) if delivered <= terms.not_before => Ok(()),
        _ => Err(broken(format!("I9: {} was made before any authority was told", decision.id))),
    }
}

/// I2, I10: distinct people decided; who decided neither ratified nor ruled.
fn nobody_twice(world: &World<'_>, decision: &Decision) -> Result<(), Broken> {
    if decision.state.logged().is_none() {
        return Ok(());
    }
    let roster = &world.operator.founding.roster;
    let standing = decision.standing(roster).map_err(|why| broken(format!("I2: {}: {why}", decision.id)))?;
    let mut people = BTreeSet::new();
    for approval in decision.state.approvals() {
        let member = roster.member(&approval.key).ok_or_else(|| broken("I2: a stranger signed"))?;
        if !people.insert(member.person) {
            return Err(broken(format!("I2: one person signed {} twice", decision.id)));
        }
    }
    let decided = people.len() >= 2 && standing.terms() == &decision.terms;
    if !decided {
        return Err(broken(format!("I2: fewer than two people signed {}", decision.id)));
    }
    let Some(ending) = decision.state.ending() else { return Ok(()) };
    let reviewers = ending.approvals.iter().filter(|approval| approval.role == Role::Reviewer);
    for member in reviewers.filter_map(|approval| roster.member(&approval.key)) {
        if standing.took_part(&member.person) {
            return Err(broken(format!("I10: {} ruled on its own decision", member.pseudonym)));
        }
    }
    Ok(())
}

/// I15: what was logged on the ground order lies within an order that was accepted: territories and end.
fn within_the_order(world: &World<'_>, decision: &Decision) -> Result<(), Broken> {
    if decision.state.logged().is_none() {
        return Ok(());
    }
    let records = decision.former.iter().map(|former| (former.order, &former.terms));
    for (order, terms) in records.chain([(decision.order, &decision.terms)]) {
        if terms.ground == Ground::Order && !reaches(world, order, terms)? {
            return Err(broken(format!("I15: {} reaches beyond its order", decision.id)));
        }
    }
    Ok(())
}

fn reaches(world: &World<'_>, id: Option<OrderId>, terms: &Terms) -> Result<bool, Broken> {
    let Some(order) = world.orders.iter().find(|order| Some(order.id) == id) else { return Ok(false) };
    let demanded = order.demanded().map_err(broken)?;
    let named: BTreeSet<String> = demanded.territories.iter().map(ToString::to_string).collect();
    let within = terms.territories.iter().all(|territory| named.contains(&territory.to_string()));
    Ok(within && !terms.territories.is_empty() && terms.expires <= demanded.until)
}

/// I6: reports and campaigns are no input of the gate.
fn attention_moves_nothing(case: &Case, now: Timestamp) -> Result<(), Broken> {
    let mut loud = case.clone();
    loud.attention = Attention { reports: u64::MAX, campaign_signals: case.attention.reports };
    if gate(case, Measure::M5, now) == gate(&loud, Measure::M5, now) {
        Ok(())
    } else {
        Err(broken("I6: attention moved the gate"))
    }
}

/// I12: nothing outside a scope changes.
fn nothing_else_is_blocked(world: &World<'_>) -> Result<(), Broken> {
    for site in &world.operator.sites {
        for pattern in &site.hosts {
            let host: &Hostname = pattern.base();
            let Verdict::Blocked(measure) = world.snapshot.evaluate(&Facts::of(host), world.operator.now)
            else {
                continue;
            };
            let decision = world.decisions.iter().find(|decision| decision.id == measure.id());
            let listed =
                decision.is_some_and(|decision| decision.scope.hosts().any(|pattern| pattern.matches(host)));
            if !listed {
                return Err(broken(format!("I12: {host} is blocked and stands in no scope")));
            }
        }
    }
    Ok(())
}
