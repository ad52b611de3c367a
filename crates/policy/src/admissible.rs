//! Whether terms may exist at all: the floor, then the policy, then where and how widely.

use crate::{Clause, Condition, Ground, Matrix, Measure, Profile, Refusal, SITES_MAX, Scope, Terms, floor};
use std::collections::BTreeMap;
use vocabulary::SitePattern;

#[cfg(test)]
mod tests;

/// Most territories that one decision may name: there are about 250.
const TERRITORIES_MAX: usize = 300;

/// How large the operator is, for the blast-radius limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// All sites known here.
    pub sites: u64,
}

impl Footprint {
    /// The most sites one decision may touch: a tenth of all, but at least one account's, and never
    /// more than [`SITES_MAX`].
    pub fn limit(self, one_account: u64) -> u64 {
        (self.sites / 10).max(one_account).min(SITES_MAX as u64)
    }
}

/// Proof that terms keep to floor and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admissible {
    clause: Clause,
}

impl Admissible {
    /// What the policy wants to have happened before; recorded facts show whether it has.
    pub fn conditions(&self) -> &[Condition] {
        &self.clause.after
    }

    /// The clause of the policy that admits the terms.
    pub fn clause(&self) -> &Clause {
        &self.clause
    }
}

/// Checks terms and scope against the floor, then against the policy, then against the profile's
/// reach and the blast-radius limit. `profile` is the pinned roster's.
pub fn admissible(
    terms: &Terms,
    scope: &Scope,
    matrix: &Matrix,
    profile: Profile,
    footprint: Footprint,
) -> Result<Admissible, Refusal> {
    if terms.profile != profile {
        return Err(Refusal::ProfileChanged { terms: terms.profile, roster: profile });
    }
    check_floor(terms)?;
    if (terms.ground == Ground::Order) != terms.demand.is_some() {
        return Err(Refusal::DemandMismatch);
    }
    profile.admits(terms)?;
    let clause = check_policy(terms, matrix)?;
    check_reach(terms, scope)?;
    check_never_block(terms, scope, matrix)?;
    check_radius(scope, footprint)?;
    check_shape(terms, scope)?;
    Ok(Admissible { clause })
}

fn check_floor(terms: &Terms) -> Result<(), Refusal> {
    if terms.floor != floor::hash() {
        return Err(Refusal::FloorChanged(terms.floor));
    }
    if floor::never(terms.measure, terms.class) {
        return Err(Refusal::NeverOnClass { measure: terms.measure, class: terms.class });
    }
    let max = floor::lease_max(terms.measure, terms.ground).ok_or(Refusal::ActWithoutLease(terms.measure))?;
    let lasts = terms.expires.since(terms.not_before);
    let min = floor::lease_min(terms.measure);
    if lasts < min {
        return Err(Refusal::LeaseTooShort { lasts, min });
    }
    if lasts > max {
        return Err(Refusal::LeaseOverFloor { lasts, max });
    }
    floor::renewals_max(terms.measure, terms.ground).check(terms.renewal)
}

fn check_policy(terms: &Terms, matrix: &Matrix) -> Result<Clause, Refusal> {
    let (measure, class, ground) = (terms.measure, terms.class, terms.ground);
    let clause =
        matrix.clause(measure, class, ground).ok_or(Refusal::GroundNotAdmitted { measure, class, ground })?;
    // A policy gives acts no lease; of a termination the floor alone says how long it is told.
    let told = || floor::lease_max(measure, ground).filter(|_| !measure.is_lease());
    let max = clause.lease.or_else(told).ok_or(Refusal::ActWithoutLease(measure))?;
    let lasts = terms.expires.since(terms.not_before);
    if lasts > max {
        return Err(Refusal::LeaseOverPolicy { lasts, max });
    }
    clause.renewals.check(terms.renewal)?;
    Ok(clause.clone())
}

fn check_reach(terms: &Terms, scope: &Scope) -> Result<(), Refusal> {
    terms.check_scope(scope)?;
    if terms.profile != Profile::Trial {
        return Ok(());
    }
    match scope.hosts().map(SitePattern::base).find(|name| !name.is_reserved()) {
        Some(real) => Err(Refusal::TrialOnRealName(real.clone())),
        None => Ok(()),
    }
}

/// Whole sites of the policy's public categories are never blocked, on whatever ground; single URLs of
/// theirs may be.
fn check_never_block(terms: &Terms, scope: &Scope, matrix: &Matrix) -> Result<(), Refusal> {
    if !matches!(terms.measure, Measure::M4 | Measure::M5 | Measure::M6 | Measure::M7) {
        return Ok(());
    }
    for host in scope.hosts() {
        if let Some(category) = matrix.never_blocks(host) {
            return Err(Refusal::NeverBlockCategory { host: host.clone(), category: category.to_owned() });
        }
    }
    Ok(())
}

fn check_radius(scope: &Scope, footprint: Footprint) -> Result<(), Refusal> {
    let mut accounts = BTreeMap::new();
    for entry in scope.sites() {
        *accounts.entry(entry.account).or_insert(0u64) += 1;
    }
    let one_account = accounts.into_values().max().unwrap_or(0);
    let (sites, limit) = (scope.sites().len() as u64, footprint.limit(one_account));
    if sites <= limit { Ok(()) } else { Err(Refusal::BlastRadius { sites, limit }) }
}

/// The scope says exactly what the measure asks for: addresses for M3, features for M2, territories for M4, and
/// nothing else, so that no edge has to guess how wide a decision is meant. An order acts on its own territory,
/// whatever the measure.
fn check_shape(terms: &Terms, scope: &Scope) -> Result<(), Refusal> {
    let measure = terms.measure;
    let refuse = |why| Err(Refusal::ScopeOfOtherMeasure(measure, why));
    for entry in scope.sites() {
        match (measure, entry.urls.is_empty(), entry.features.is_empty()) {
            (Measure::M3, true, _) => return refuse("each site needs at least one listed address"),
            (Measure::M2, _, true) => return refuse("each site needs at least one named feature"),
            (other, false, _) if other != Measure::M3 => return refuse("only M3 lists addresses"),
            (other, _, false) if other != Measure::M2 => return refuse("only M2 names features"),
            _ => {}
        }
    }
    match (measure, terms.ground, terms.territories.len()) {
        (Measure::M4, _, 0) => refuse("at least one territory has to be named"),
        (_, Ground::Order, count) if count > TERRITORIES_MAX => refuse("too many territories are named"),
        (_, Ground::Order, _) | (_, _, 0) => Ok(()),
        _ => refuse("only an order is bound to territories"),
    }
}
