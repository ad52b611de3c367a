//! Decisions: terms, floor, policy, roster and approvals when each was made; and that each lease has
//! its end in the log.

use super::Placed;
use super::publications::Publications;
use super::report::{LogReport, Tally};
use crate::suspension;
use crate::verification::chain;
use ledger::{Body, DecisionLapsed, Entry, Kind, StatementPublished, Tombstone};
use policy::{Roster, Signed, Standing, Terms, floor, may_erase};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::canonical;
use vocabulary::{DecisionId, Digest, Timestamp};

/// How long after its end a lease's lapse may be missing from the log.
pub const LAPSE_GRACE: Duration = Duration::from_secs(3600);

/// Every decision met so far.
#[derive(Debug)]
pub(super) struct Decisions {
    made: BTreeMap<DecisionId, Lease>,
    decisions: Tally,
    approvals: Tally,
    endings: Tally,
    /// Entries whose approvals were given under a roster that the reader did not bring.
    unjudged: u64,
    /// Lapses logged later than [`LAPSE_GRACE`] after the end.
    late: u64,
    /// The newest record of a suspension.
    suspension: Option<Entry>,
}

#[derive(Debug, Clone)]
struct Lease {
    index: u64,
    statement: Digest,
    /// None once an entry ended it.
    expires: Option<Timestamp>,
    /// The decision as its signed records leave it; none where their roster was not brought, or a
    /// signature does not hold.
    standing: Option<Standing>,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            made: BTreeMap::new(),
            decisions: Tally::new("decisions"),
            approvals: Tally::new("approvals"),
            endings: Tally::new("lapses"),
            unjudged: 0,
            late: 0,
            suspension: None,
        }
    }
}

impl Decisions {
    pub(super) fn place(&mut self, placed: Placed<'_>, published: &Publications) {
        let Placed { index, entry, .. } = placed;
        match entry.body.kind {
            Kind::DecisionMade => self.made(placed, published),
            Kind::DecisionLapsed => {
                let result = self.lapsed(&entry.body);
                self.endings.judge(index, result);
            }
            Kind::StatementPublished => {
                let result = self.stated(&entry.body);
                self.decisions.judge(index, result);
            }
            Kind::DecisionRatified | Kind::DecisionRenewed => self.succeeded(placed, published),
            Kind::DecisionLifted | Kind::DecisionReversed => self.ended(placed, published),
            Kind::SuspensionBegun | Kind::SuspensionConfirmed => self.suspended(placed, published),
            Kind::Tombstone => self.erased(placed, published),
            Kind::DecisionModified => self.judge_signers(index, entry, published),
            // A changed roster is judged where rosters are; other kinds need no signature.
            _ => {}
        }
    }

    fn made(&mut self, Placed { index, entry, .. }: Placed<'_>, published: &Publications) {
        let terms: Terms = match serde_json::from_value(entry.body.public.clone()) {
            Ok(terms) => terms,
            Err(_) => return self.decisions.fault(index, "its public fields are not terms of a decision"),
        };
        self.decisions.judge(index, check_terms(&entry.body, &terms, published));
        let roster = published.given(terms.roster);
        let standing = self.advance(index, None, entry, (&terms, roster));
        let lease = Lease { index, statement: terms.statement, expires: Some(terms.expires), standing };
        if self.made.insert(terms.decision, lease).is_some() {
            self.decisions.fault(index, "the decision was made before");
        }
    }

    /// Judges the signatures of a record by what came before it.
    fn advance(
        &mut self,
        index: u64,
        before: Option<Standing>,
        entry: &Entry,
        (terms, roster): (&Terms, Option<&Roster>),
    ) -> Option<Standing> {
        let Some(roster) = roster else {
            self.unjudged += 1;
            return None;
        };
        match chain::advance(before, entry, terms, roster) {
            Ok(standing) => {
                self.approvals.held();
                Some(standing)
            }
            Err(refusal) => {
                self.approvals.fault(index, refusal);
                None
            }
        }
    }

    /// Ratified or renewed: new terms, with an end of their own, that continue the old ones.
    fn succeeded(&mut self, Placed { index, entry, .. }: Placed<'_>, published: &Publications) {
        let Ok(terms) = chain::terms(entry) else {
            return self.decisions.fault(index, "its public fields are not terms of its decision");
        };
        self.decisions.judge(index, check_terms(&entry.body, &terms, published));
        let Some(lease) = self.made.get_mut(&terms.decision) else {
            return self.decisions.fault(index, "no such decision was made");
        };
        if lease.expires.is_none() {
            self.decisions.fault(index, "its measure had ended");
        }
        let before = lease.standing.take();
        (lease.statement, lease.expires) = (terms.statement, Some(terms.expires));
        // What came before did not hold, or was not judged: then neither can this be.
        let roster = before.as_ref().and_then(|_| published.given(terms.roster));
        let standing = self.advance(index, before, entry, (&terms, roster));
        if let Some(lease) = self.made.get_mut(&terms.decision) {
            lease.standing = standing;
        }
    }

    /// A suspension begins or is confirmed, after the record before it.
    fn suspended(&mut self, Placed { index, entry, .. }: Placed<'_>, published: &Publications) {
        let before = self.suspension.replace(entry.clone());
        let in_force = published.roster_in_force(entry.body.time);
        match in_force.and_then(|sha256| published.given(sha256)) {
            Some(roster) => {
                let judged = suspension::suspension(entry, before.as_ref(), roster).map(drop);
                self.approvals.judge(index, judged);
            }
            None => self.unjudged += 1,
        }
    }

    /// Confidential fields are erased for good only by enough officers.
    fn erased(&mut self, Placed { index, entry, .. }: Placed<'_>, published: &Publications) {
        let in_force = published.roster_in_force(entry.body.time);
        match in_force.and_then(|sha256| published.given(sha256)) {
            Some(roster) => self.approvals.judge(index, check_erasure(entry, roster)),
            None => self.unjudged += 1,
        }
    }

    /// Signatures under an entry that is no decision itself: by two members of the roster in force.
    fn judge_signers(&mut self, index: u64, entry: &Entry, published: &Publications) {
        let in_force = published.roster_in_force(entry.body.time);
        match in_force.and_then(|sha256| published.given(sha256)) {
            Some(roster) => self.approvals.judge(index, check_signers(entry, roster)),
            None => self.unjudged += 1,
        }
    }

    fn lapsed(&mut self, body: &Body) -> Result<(), String> {
        let said: DecisionLapsed =
            serde_json::from_value(body.public.clone()).map_err(|_| "its public fields cannot be read")?;
        let lease = self.known(said.decision, body)?;
        match lease.expires.take() {
            Some(expires) if expires != said.expires => {
                return Err(format!("says the lease ended {}; it ended {expires}", said.expires));
            }
            Some(expires) if body.time < expires => {
                return Err(format!("is dated before the end, {expires}"));
            }
            _ => {}
        }
        if body.time > said.expires.plus(LAPSE_GRACE) {
            self.late += 1;
        }
        Ok(())
    }

    fn stated(&mut self, body: &Body) -> Result<(), String> {
        let said: StatementPublished =
            serde_json::from_value(body.public.clone()).map_err(|_| "its public fields cannot be read")?;
        if self.known(said.decision, body)?.statement == said.statement {
            Ok(())
        } else {
            Err("the statement published is not the one approved".to_owned())
        }
    }

    /// Lifted or reversed.
    fn ended(&mut self, Placed { index, entry, .. }: Placed<'_>, published: &Publications) {
        let said = match chain::ending(entry) {
            Ok(said) => said,
            Err(refusal) => return self.endings.fault(index, refusal),
        };
        let lease = match self.known(said.decision, &entry.body) {
            Ok(lease) => lease,
            Err(why) => return self.endings.fault(index, why),
        };
        let ran = lease.expires.take().is_some();
        let standing = lease.standing.clone();
        self.endings.judge(index, ran.then_some(()).ok_or("its measure had ended"));
        let roster = standing.as_ref().and_then(|standing| published.given(standing.terms().roster));
        match standing.as_ref().zip(roster) {
            Some((standing, roster)) => {
                self.approvals.judge(index, chain::ends(entry, &said, roster, standing).map(drop));
            }
            None => self.unjudged += 1,
        }
    }

    fn known(&mut self, decision: DecisionId, body: &Body) -> Result<&mut Lease, String> {
        if body.subject != decision.to_string() {
            return Err("its subject is another decision".to_owned());
        }
        self.made.get_mut(&decision).ok_or_else(|| "no such decision was made".to_owned())
    }

    /// `as_of` is when the checkpoint was cosigned last.
    pub(super) fn report(mut self, report: &mut LogReport, as_of: Timestamp) {
        for lease in self.made.values() {
            if let Some(expires) = lease.expires.filter(|expires| expires.plus(LAPSE_GRACE) < as_of) {
                self.endings.fault(lease.index, format!("ended {expires}, and the log has no lapse of it"));
            }
        }
        report.tally(
            &self.decisions,
            "decisions and statements keep to the floor, under a policy and a roster in force",
        );
        report.tally(&self.approvals, "entries carry the approvals that their roster asks for");
        if self.unjudged > 0 {
            report.approvals_judged = false;
            let text = format!("{} entries were not judged: bring their roster", self.unjudged);
            report.noted("approvals", text);
        }
        report.tally(&self.endings, "ends of leases are logged, and none is missing");
        if self.late > 0 {
            report.noted("lapses", format!("{} were logged over an hour after the end", self.late));
        }
    }
}

/// What the terms must be whatever the scope is, which the log does not hold.
fn check_terms(body: &Body, terms: &Terms, published: &Publications) -> Result<(), String> {
    if body.subject.parse::<DecisionId>() != Ok(terms.decision) {
        return Err("its subject is another decision".to_owned());
    }
    if terms.floor != floor::hash() {
        return Err("it was made under another floor".to_owned());
    }
    if floor::never(terms.measure, terms.class) {
        return Err(format!("{} never acts on class {}", terms.measure, terms.class));
    }
    let lasts = terms.expires.since(terms.not_before);
    match floor::lease_max(terms.measure, terms.ground) {
        Some(max) if (floor::lease_min(terms.measure)..=max).contains(&lasts) => {}
        _ => return Err(format!("a lease of {} s is outside the floor", lasts.as_secs())),
    }
    terms.check_notice(body.time).map_err(|refusal| refusal.to_string())?;
    if !body.policy.is_some_and(|policy| published.policy_acts(policy, terms.proposed_at())) {
        return Err("its policy was not published, or did not act yet".to_owned());
    }
    if published.roster_in_force(terms.proposed_at()) != Some(terms.roster) {
        return Err("its roster is not the one in force".to_owned());
    }
    Ok(())
}

fn check_erasure(entry: &Entry, roster: &Roster) -> Result<(), String> {
    let said: Tombstone = serde_json::from_value(entry.body.public.clone())
        .map_err(|_| "its public fields do not say who signed what")?;
    let body = canonical::to_bytes(&said.erasure(roster.hash())).map_err(|error| error.to_string())?;
    let record = Signed { body: &body, approvals: &said.approvals, proposer: None };
    may_erase(record, roster).map_err(|refusal| refusal.to_string())
}

fn check_signers(entry: &Entry, roster: &Roster) -> Result<(), String> {
    let digest = entry.body.approval_digest().map_err(|error| error.to_string())?;
    let mut people = BTreeSet::new();
    for approval in &entry.approvals {
        let member = roster.member(&approval.key).ok_or("somebody outside the roster signed")?;
        if member.role != approval.role || !approval.key.verifies(&digest, &approval.signature) {
            return Err(format!("the signature of {} does not hold", member.pseudonym));
        }
        if !people.insert(member.person) {
            return Err("one person signed twice".to_owned());
        }
    }
    if people.len() >= 2 { Ok(()) } else { Err("fewer than two people signed".to_owned()) }
}
