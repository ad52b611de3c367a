//! What an edge checks, offline, before it applies a measure.
//!
//! [`verify`] lists the checks in their fixed order and is the only maker of a [`ProvedMeasure`]; the
//! checks themselves are in `steps`, where [`crate::audit`] takes them one by one too.

pub(crate) mod chain;
pub(crate) mod steps;

use crate::trust::{Record, Tree};
use crate::{Consistency, Refusal, Roots, Suspensions, Trust};
use policy::{Demand, Footprint, Measure, Profile, Scope, ServiceClass, Statement, Terms, Territory};
use std::time::Duration;
use steps::Read;
use vocabulary::{DecisionId, Digest, SitePattern, Timestamp};

/// Oldest cosignature that may start a measure.
pub const COSIGNATURE_AGE_MAX: Duration = Duration::from_secs(3600);
/// How far a witness's clock may run ahead of ours.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);
/// How long after its publication a changed policy begins to act.
pub const POLICY_NOTICE: Duration = Duration::from_secs(15 * 24 * 3600);

/// What of the edge's present a check depends on.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The present instant.
    pub now: Timestamp,
    /// How many sites the edge serves, for the blast-radius limit.
    pub footprint: Footprint,
    /// Proofs that the log only grew, as the parcel carries them.
    pub consistency: &'a [Consistency],
}

/// A measure that a witnessed log, the pinned roster and the policy prove. Made by [`verify`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedMeasure {
    terms: Terms,
    scope: Scope,
    statement: Statement,
    record: Record,
    tree: Tree,
    /// Leaf hashes of the decision's earlier records.
    before: Vec<Digest>,
    /// When it no longer acts: the end of its lease, or before.
    ends: Timestamp,
    /// The suspensions that the edge knows of.
    suspensions: Suspensions,
    /// Until when it acts outside its territories: the end of the provisional lease that an order took up for
    /// some territories only.
    elsewhere_until: Option<Timestamp>,
    /// Number of the newest roster that its proof shows.
    newest_roster: u64,
}

/// Checks a bundle against the pinned roots and against what the edge has seen before.
///
/// A measure that `trust` already knows keeps running: then, and only then, neither the growth of the
/// log nor the age of its cosignatures is asked for again.
pub fn verify(
    bytes: &[u8],
    roots: &Roots,
    trust: &Trust,
    around: &Surroundings<'_>,
) -> Result<ProvedMeasure, Refusal> {
    let read = Read::new(bytes)?;
    read.check_inclusion()?;
    let opened = read.open(roots.tlog_policy())?;
    steps::check_quorum(roots.tlog_policy(), &opened, roots.profile())?;
    let tree = read.tree(&opened);
    let record = read.record();
    if !trust.knows(&record) {
        trust.check_tree(&tree, around.consistency)?;
        steps::check_fresh(roots.tlog_policy(), &opened, roots.profile(), around.now)?;
    }
    trust.check_record(&record)?;
    let rosters = read.rosters(roots.roster())?;
    if !trust.knows(&record) {
        trust.check_rosters(rosters.newest())?;
    }
    let roster = read.check_roster(&rosters)?;
    let standing = read.check_approvals(&roster)?;
    let ending = read.check_ending(&roster, &standing)?;
    let ends = [ending, trust.ended(record.decision)].into_iter().flatten().min();
    let record = Record { ended: ends, ..record };
    let matrix = read.check_policy()?;
    // An end must reach a measure that has become too wide meanwhile.
    let footprint = if read.has_ending() { Footprint { sites: u64::MAX } } else { around.footprint };
    read.check_terms(&matrix, roots.profile(), &Surroundings { footprint, ..*around })?;
    read.check_statement(&matrix)?;
    let before = read.leaves_before();
    let provisional = read.provisional_until();
    let newest_roster = rosters.newest();
    let (terms, scope, statement) = read.into_parts();
    let elsewhere_until = provisional.map(|until| ends.map_or(until, |ends| ends.min(until)));
    let ends = ends.map_or(terms.expires, |ends| ends.min(terms.expires));
    let suspensions = trust.suspensions();
    Ok(ProvedMeasure {
        terms,
        scope,
        statement,
        record,
        tree,
        before,
        ends,
        suspensions,
        elsewhere_until,
        newest_roster,
    })
}

impl ProvedMeasure {
    /// The decision's id; the block page shows it.
    pub fn id(&self) -> DecisionId {
        self.terms.decision
    }

    /// The terms as approved and logged.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What is done.
    pub fn measure(&self) -> Measure {
        self.terms.measure
    }

    /// On which class of service.
    pub fn class(&self) -> ServiceClass {
        self.terms.class
    }

    /// The operator's profile; trial is stamped on every page.
    pub fn profile(&self) -> Profile {
        self.terms.profile
    }

    /// The sites in scope.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The host patterns in scope.
    pub fn hosts(&self) -> impl Iterator<Item = &SitePattern> {
        self.scope.hosts()
    }

    /// First instant of the lease.
    pub fn not_before(&self) -> Timestamp {
        self.terms.not_before
    }

    /// End of the lease.
    pub fn expires(&self) -> Timestamp {
        self.terms.expires
    }

    /// When it no longer acts: the end of its lease, or before, where it was lifted or overturned.
    pub fn ends(&self) -> Timestamp {
        self.ends
    }

    /// Whether it acts at this instant, in one of its territories at least.
    pub fn in_force_at(&self, now: Timestamp) -> bool {
        (self.terms.not_before..self.ends).contains(&now) && !self.is_suspended_at(now)
    }

    /// Whether a suspension sets it aside at this instant.
    pub fn is_suspended_at(&self, now: Timestamp) -> bool {
        self.suspensions.pause(&self.terms, now)
    }

    /// The same measure under suspensions that were learnt of later.
    pub(crate) fn set_aside(&mut self, suspensions: Suspensions) {
        self.suspensions = suspensions;
    }

    /// Whether it acts at this instant on visitors from a country; of an unknown one, only where it acts everywhere.
    pub fn acts_on(&self, country: Option<Territory>, now: Timestamp) -> bool {
        self.in_force_at(now) && now < self.until(country)
    }

    /// When it no longer acts on visitors from a country; at its beginning where it never did.
    pub fn until(&self, country: Option<Territory>) -> Timestamp {
        if self.is_within(country) {
            return self.ends;
        }
        self.elsewhere_until.map_or(self.terms.not_before, |until| until.min(self.ends))
    }

    /// Whether a visitor from a country sees what is left of the provisional measure alone: an order took it up in other
    /// territories.
    pub fn is_elsewhere(&self, country: Option<Territory>) -> bool {
        self.elsewhere_until.is_some() && !self.is_within(country)
    }

    fn is_within(&self, country: Option<Territory>) -> bool {
        let named = &self.terms.territories;
        named.is_empty() || country.is_some_and(|country| named.contains(&country))
    }

    /// Whether its record builds on the one with this leaf.
    pub(crate) fn follows(&self, leaf: &Digest) -> bool {
        self.before.contains(leaf)
    }

    /// Where the statement is published.
    pub fn statement_url(&self) -> &str {
        &self.statement.url
    }

    /// The statement of reasons.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The statement's title.
    pub fn title(&self) -> &str {
        &self.statement.title
    }

    /// What the measure means for visitors.
    pub fn meaning(&self) -> &str {
        &self.statement.meaning
    }

    /// Whom to contact.
    pub fn contact(&self) -> &str {
        &self.statement.contact
    }

    /// How to have the decision reviewed.
    pub fn redress(&self) -> &str {
        &self.statement.redress
    }

    /// The legal demand behind it, where there is one.
    pub fn demand(&self) -> Option<&Demand> {
        self.terms.demand.as_ref()
    }

    /// The legal demand behind it where a visitor is: an order says nothing beyond its territory.
    pub fn demand_in(&self, country: Option<Territory>) -> Option<&Demand> {
        self.demand().filter(|_| self.is_within(country))
    }

    /// Leaf hash of the decision's entry: two bundles with the same leaf are the same measure.
    pub fn leaf(&self) -> Digest {
        self.record.leaf
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn newest_roster(&self) -> u64 {
        self.newest_roster
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }
}

#[cfg(test)]
mod tests;
