//! Every check of a bundle with its result, for people who do not run the edge.
//!
//! Takes the same steps as [`crate::verify`], each by itself, so that one failure does not hide another.
//! What only an edge can know (what it saw before, how many sites it serves) is noted, not judged.

use crate::verification::steps::{self, Read};
use crate::{Refusal, Surroundings};
use ledger::RosterChanged;
use ledger::tlog_policy::{Opened, TlogPolicy};
use policy::{Footprint, Matrix, Profile, Roster};
use vocabulary::{DecisionId, Timestamp};

/// Where the keys come from.
#[derive(Debug, Clone, Copy)]
pub enum AuditKeys<'a> {
    /// Pinned by the reader.
    Pinned {
        /// Log and witness keys with their quorum.
        tlog_policy: &'a TlogPolicy,
        /// The roster, where the reader has it too.
        roster: Option<&'a Roster>,
    },
    /// Taken from the answer itself: shows that it is whole, and nothing about who made it.
    Answer,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The decision, where it can be read.
    pub decision: Option<DecisionId>,
    /// Whether the reader's own keys were used. If not, the whole proves nothing about the server.
    pub pinned: bool,
    /// Whether the reader's own roster was used. If not, the log itself says who may decide.
    pub roster_pinned: bool,
    /// The checks, in order.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable kebab-case name.
    pub name: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// For people.
    pub text: String,
}

/// How a check went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not; [`Refusal::name`] of the reason.
    Failed(&'static str),
    /// Not a matter of holding: a circumstance worth knowing, or a check that cannot be made here.
    Noted,
}

impl Audit {
    /// Whether no check failed. Together with `pinned` this is what a verifier's exit code says.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
    }

    fn held(&mut self, name: &'static str, text: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Held, text: text.into() });
    }

    fn noted(&mut self, name: &'static str, text: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Noted, text: text.into() });
    }

    fn failed(&mut self, name: &'static str, refusal: &Refusal) {
        let outcome = Outcome::Failed(refusal.name());
        self.checks.push(Check { name, outcome, text: with_sources(refusal) });
    }

    /// Records a step; hands on what it made, if it held.
    fn step<T>(&mut self, name: &'static str, result: Result<T, Refusal>, text: &str) -> Option<T> {
        match result {
            Ok(made) => {
                self.held(name, text);
                Some(made)
            }
            Err(refusal) => {
                self.failed(name, &refusal);
                None
            }
        }
    }
}

/// Runs every check that can be made outside an edge.
pub fn audit(bytes: &[u8], keys: AuditKeys<'_>, now: Timestamp) -> Audit {
    let pinned = matches!(keys, AuditKeys::Pinned { .. });
    let roster_pinned = matches!(keys, AuditKeys::Pinned { roster: Some(_), .. });
    let mut audit = Audit { decision: None, pinned, roster_pinned, checks: Vec::new() };
    let read = Read::new(bytes);
    let Some(read) =
        audit.step("bundle", read, "canonical, every member known, three proofs under one checkpoint")
    else {
        return audit;
    };
    audit.decision = Some(read.terms.decision);
    let text = "decision, policy and roster stand in the checkpoint's tree at the places their proofs name";
    audit.step("inclusion", read.check_inclusion(), text);
    let roster = check_roster(&mut audit, &read, keys);
    let profile = roster.as_ref().map_or(read.terms.profile, Roster::profile);
    check_log(&mut audit, &read, keys, profile, now);
    if let Some(roster) = &roster {
        let text =
            format!("{} approvals by roles and people of the roster", read.bundle.entry.approvals.len());
        audit.step("approvals", read.check_approvals(roster), &text);
    }
    check_decision(&mut audit, &read, profile, now);
    audit
}

/// The roster to judge approvals by: the reader's, or the bundle's where the log vouches for it.
fn check_roster(audit: &mut Audit, read: &Read, keys: AuditKeys<'_>) -> Option<Roster> {
    if let AuditKeys::Pinned { roster: Some(pinned), .. } = keys {
        let roster = read.rosters(pinned).and_then(|rosters| read.check_roster(&rosters));
        let text =
            "the roster is the pinned one, or follows it by the quorum of each before, and the log holds it";
        let failed = pinned.clone();
        return Some(audit.step("roster", roster, text).unwrap_or(failed));
    }
    let document = Roster::parse(read.bundle.roster.document.as_bytes());
    let Ok(roster) = document else {
        audit.failed("roster", &Refusal::NotPublished("roster"));
        return None;
    };
    match read.check_roster_published(&roster) {
        Ok(()) => audit.noted(
            "roster",
            "not pinned by you: approvals are judged by the roster that the log published, so whoever keeps the log \
             says who may decide; give the roster that you know",
        ),
        Err(refusal) => audit.failed("roster", &refusal),
    }
    Some(roster)
}

fn check_log(audit: &mut Audit, read: &Read, keys: AuditKeys<'_>, profile: Profile, now: Timestamp) {
    let from_answer;
    let policy = match keys {
        AuditKeys::Pinned { tlog_policy, .. } => {
            audit.held("keys", "log and witness keys were pinned by you");
            tlog_policy
        }
        AuditKeys::Answer => {
            audit.noted("keys", "keys taken from the same server: proves nothing about the server");
            let Some(policy) = named_keys(read) else {
                audit.failed("log-signature", &Refusal::NotPublished("tlog-policy"));
                return;
            };
            from_answer = policy;
            &from_answer
        }
    };
    let opened = read.open(policy);
    let Some(opened) =
        audit.step("log-signature", opened, "the log signed the checkpoint; every line verifies")
    else {
        return;
    };
    if profile == Profile::Trial {
        audit.noted("profile", "TRIAL: all keys lie on one disk, and only reserved names can be acted on");
    }
    let quorum = steps::check_quorum(policy, &opened, profile);
    audit.step("witnesses", quorum, &cosigners(policy, &opened));
    match steps::check_fresh(policy, &opened, profile, now) {
        Ok(()) => audit.held("freshness", "the quorum cosigned within the last hour"),
        Err(_) => audit.noted(
            "freshness",
            "the quorum's cosignatures are not of the last hour: an edge that already runs the measure \
             keeps it, a new edge asks for a fresh checkpoint",
        ),
    }
    audit.noted(
        "growth",
        "whether the log only grew is checked by edges and monitors, against what they saw before",
    );
}

/// The keys under which the record says it is kept.
fn named_keys(read: &Read) -> Option<TlogPolicy> {
    let public = read.bundle.roster.entry.body.public.clone();
    let said: RosterChanged = serde_json::from_value(public).ok()?;
    TlogPolicy::parse(&said.tlog_policy).ok()
}

fn cosigners(policy: &TlogPolicy, opened: &Opened) -> String {
    let each = opened.cosignatures().iter().map(|cosignature| {
        let witness = &policy.witnesses()[cosignature.witness];
        format!("{} at {}", witness.key.name(), cosignature.time)
    });
    let list = each.collect::<Vec<_>>().join(", ");
    let own =
        if policy.is_self_witnessed() { "self-witnessed: the operator runs every witness; " } else { "" };
    format!("{own}cosigned by {list}")
}

fn check_decision(audit: &mut Audit, read: &Read, profile: Profile, now: Timestamp) {
    let policy = read.check_policy();
    let text =
        "the policy is the one the decision names, was published in time, and is not looser than the floor";
    let Some(matrix) = audit.step("policy", policy, text) else { return };
    check_terms(audit, read, &matrix, profile);
    let text = "the statement is the one approved, and says what the terms say";
    audit.step("statement", read.check_statement(&matrix), text);
    let terms = &read.terms;
    match steps::check_lease(terms, now) {
        Ok(()) => audit.held("lease", format!("in force until {}", terms.expires)),
        Err(refusal) => audit.noted("lease", refusal.to_string()),
    }
}

/// Judged as an edge would at the lease's first instant, with as many sites as the bound allows.
fn check_terms(audit: &mut Audit, read: &Read, matrix: &Matrix, profile: Profile) {
    let around = Surroundings {
        now: read.terms.not_before,
        footprint: Footprint { sites: u64::MAX },
        consistency: &[],
    };
    let sites = read.bundle.scope.sites().len();
    let text = format!(
        "floor and policy admit {} on class {} on the ground {}; the scope list is the one approved, {sites} \
         {} (edges also hold it against a tenth of all their sites)",
        read.terms.measure,
        read.terms.class,
        read.terms.ground,
        if sites == 1 { "site" } else { "sites" },
    );
    audit.step("terms-and-scope", read.check_terms(matrix, profile, &around), &text);
}

/// The refusal and what lies behind it, in one line.
fn with_sources(refusal: &Refusal) -> String {
    let mut text = refusal.to_string();
    let mut source = std::error::Error::source(refusal);
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Mote;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }

    fn stage() -> (Mote, Vec<u8>) {
        let mut mote = Mote::found(1, now().minus(24 * HOUR));
        let site = mote.site(&["a.test"], 1);
        let bundle = mote.block(std::slice::from_ref(&site), now(), 2 * HOUR).to_vec();
        (mote, bundle)
    }

    fn names(audit: &Audit, wanted: fn(&Outcome) -> bool) -> Vec<&'static str> {
        audit.checks.iter().filter(|check| wanted(&check.outcome)).map(|check| check.name).collect()
    }

    fn failed(audit: &Audit) -> Vec<&'static str> {
        names(audit, |outcome| matches!(outcome, Outcome::Failed(_)))
    }

    fn text<'a>(audit: &'a Audit, name: &str) -> &'a str {
        &audit.checks.iter().find(|check| check.name == name).expect("a check of this name").text
    }

    #[test]
    fn with_pinned_keys_every_check_holds() {
        let (mote, bundle) = stage();
        let (tlog_policy, roster) = (mote.tlog_policy(), Some(mote.roster()));
        let found = audit(&bundle, AuditKeys::Pinned { tlog_policy, roster }, now());
        assert!(found.holds() && found.pinned, "{:?}", failed(&found));
        assert_eq!(names(&found, |outcome| *outcome == Outcome::Noted), ["profile", "growth"]);
        assert!(text(&found, "witnesses").starts_with("self-witnessed"));
        assert!(text(&found, "roster").contains("the pinned one"));

        let policy_only = audit(&bundle, AuditKeys::Pinned { tlog_policy, roster: None }, now());
        assert!(policy_only.holds() && policy_only.pinned);
        assert!(text(&policy_only, "roster").contains("whoever keeps the log says who may decide"));
    }

    #[test]
    fn keys_from_the_answer_hold_but_prove_nothing_about_the_server() {
        let (_, bundle) = stage();
        let found = audit(&bundle, AuditKeys::Answer, now());
        assert!(found.holds() && !found.pinned, "{:?}", failed(&found));
        assert!(text(&found, "keys").contains("proves nothing about the server"));
    }

    #[test]
    fn after_its_end_a_decision_still_verifies_and_the_lease_is_noted() {
        let (mote, bundle) = stage();
        let keys = AuditKeys::Pinned { tlog_policy: mote.tlog_policy(), roster: Some(mote.roster()) };
        let found = audit(&bundle, keys, now().plus(72 * HOUR));
        assert!(found.holds(), "{:?}", failed(&found));
        assert_eq!(
            names(&found, |outcome| *outcome == Outcome::Noted),
            ["profile", "freshness", "growth", "lease"]
        );
    }

    #[test]
    fn foreign_keys_and_changed_parts_fail_by_name() {
        let (mote, bundle) = stage();
        let other = Mote::found(2, now());
        let keys = AuditKeys::Pinned { tlog_policy: other.tlog_policy(), roster: Some(other.roster()) };
        assert_eq!(failed(&audit(&bundle, keys, now())), ["roster", "log-signature", "approvals"]);

        let keys = AuditKeys::Pinned { tlog_policy: mote.tlog_policy(), roster: Some(mote.roster()) };
        let whole = String::from_utf8(bundle).expect("text");
        for (from, to, expected) in [
            ("Provisional block", "Provisional blocK", vec!["statement"]),
            ("the counted items", "the counted itemz", vec!["terms-and-scope"]),
            ("what it does", "what it doez", vec!["policy"]),
            (
                "\"measure\":\"M5\"",
                "\"measure\":\"M6\"",
                vec!["inclusion", "approvals", "terms-and-scope", "statement"],
            ),
            ("{", "{ ", vec!["bundle"]),
        ] {
            let changed = whole.replacen(from, to, 1);
            assert_ne!(changed, whole, "{from}");
            let found = audit(changed.as_bytes(), keys, now());
            assert_eq!(failed(&found), expected, "{from}");
            assert!(found.checks.iter().all(|check| !check.text.is_empty()));
        }
    }
}
