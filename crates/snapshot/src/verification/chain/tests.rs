use crate::fixture::{Decided, Draft, Mote};
use crate::{Alarm, Applied, Enforcement, Facts, LogAudit, LogKeys, Site, Trust, Verdict};
use ledger::{DecisionEnded, Kind};
use policy::{EndReason, Ground, LIFT_WAIT};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Hostname, Timestamp};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

struct Stage {
    mote: Mote,
    edge: Enforcement,
    sites: Vec<Site>,
    draft: Draft,
    made: Decided,
    revision: u64,
}

/// A block of 48 hours on one site, in force.
fn stage() -> Stage {
    let mut mote = Mote::found(1, now().minus(24 * HOUR));
    let sites = vec![mote.site(&["a.test"], 1)];
    let edge = Enforcement::new(mote.roots(), Trust::default());
    let draft = mote.draft(&sites, now(), 48 * HOUR);
    let made = mote.decide(&draft, now());
    let mut stage = Stage { mote, edge, sites, draft, made: made.clone(), revision: 0 };
    let applied = stage.show(&made, now());
    assert!(blocked(&applied, now()));
    stage
}

impl Stage {
    fn show(&mut self, decided: &Decided, at: Timestamp) -> Applied {
        let bytes: Arc<[u8]> = self.mote.bundle(decided, at).to_bytes().expect("bytes").into();
        self.apply(&[bytes], at)
    }

    fn apply(&mut self, bundles: &[Arc<[u8]>], at: Timestamp) -> Applied {
        self.revision += 1;
        let parcel = self.mote.parcel(self.revision, self.sites.clone(), bundles.to_vec());
        self.edge.apply(&parcel, at)
    }

    fn confirmed(&mut self, ground: Ground, change: impl FnOnce(&mut Draft), at: Timestamp) -> Decided {
        let mut draft = self.mote.confirmation(&self.draft, ground, at, 14 * 24 * HOUR);
        change(&mut draft);
        self.mote.succeed(&self.made, (Kind::DecisionRatified, &draft), "legal-1", at)
    }

    fn ended(&mut self, kind: Kind, because: EndReason, by: &[&str], wait: Duration) -> Decided {
        let (made, at) = (self.made.clone(), now().plus(HOUR));
        let said = DecisionEnded { decision: self.draft.terms.decision, effective: at.plus(wait), because };
        self.mote.end(&made, kind, &said, by, at)
    }
}

fn blocked(applied: &Applied, at: Timestamp) -> bool {
    let host = Hostname::parse("a.test").expect("host");
    matches!(applied.snapshot.evaluate(&Facts::of(&host), at), Verdict::Blocked(_))
}

fn name(applied: &Applied) -> &'static str {
    applied.refused.first().map_or("", |(_, refusal)| refusal.name())
}

#[test]
fn a_ratified_block_goes_on_under_the_same_id_and_its_old_record_does_not_return() {
    for ground in [Ground::Order, Ground::RatifiedEmergency] {
        let mut stage = stage();
        let late = now().plus(48 * HOUR - 60 * SECOND);
        let ratified = stage.confirmed(ground, |_| (), late);
        let applied = stage.show(&ratified, late);
        assert_eq!((name(&applied), applied.applied.len(), applied.alarms.len()), ("", 1, 0));
        assert_eq!(applied.applied[0], stage.draft.terms.decision);
        let measure = applied.snapshot.measures()[0].clone();
        assert_eq!(measure.demand().is_some(), ground == Ground::Order);
        for (at, expected) in [(48 * HOUR, true), (15 * 24 * HOUR, true), (16 * 24 * HOUR, false)] {
            assert_eq!(blocked(&applied, now().plus(at)), expected, "{at:?}");
        }
        let older = stage.made.clone();
        let applied = stage.show(&older, late);
        assert_eq!(name(&applied), "older-record");
        assert!(blocked(&applied, now().plus(49 * HOUR)));
    }
}

#[test]
fn a_ratification_without_the_right_people_or_terms_changes_nothing() {
    let late = now().plus(40 * HOUR);
    type Change = fn(&mut Draft);
    let cases: [(&str, Ground, Change); 7] = [
        ("reviewer-missing", Ground::RatifiedEmergency, |draft| draft.approvers.truncate(2)),
        ("took-part", Ground::Order, |draft| draft.approvers[0] = "assessor-1".into()),
        ("too-few-approvals", Ground::Order, |draft| draft.approvers.truncate(1)),
        ("lease-over-floor", Ground::Order, |draft| {
            draft.terms.expires = draft.terms.not_before.plus(15 * 24 * HOUR);
        }),
        ("demand-mismatch", Ground::Order, |draft| draft.terms.demand = None),
        ("not-a-ratification", Ground::Order, |draft| draft.terms.measure = policy::Measure::M5),
        ("does-not-continue", Ground::Order, |draft| draft.terms.scope.sites = 2),
    ];
    for (expected, ground, change) in cases {
        let mut stage = stage();
        let ratified = stage.confirmed(ground, change, late);
        let applied = stage.show(&ratified, late);
        assert_eq!(name(&applied), expected);
        assert!(blocked(&applied, now().plus(47 * HOUR)) && !blocked(&applied, now().plus(48 * HOUR)));
    }
}

#[test]
fn a_reviewers_ratification_is_renewed_once() {
    let mut stage = stage();
    let at = now().plus(40 * HOUR);
    let mut last = stage.confirmed(Ground::RatifiedEmergency, |_| (), at);
    stage.show(&last, at);
    let ends = at.plus(14 * 24 * HOUR);
    for (number, expected) in [(1, ""), (2, "renewed-too-often")] {
        let begins = ends.plus(14 * 24 * HOUR * (number - 1)).minus(HOUR * number);
        let mut draft =
            stage.mote.confirmation(&stage.draft, Ground::RatifiedEmergency, begins, 14 * 24 * HOUR);
        draft.terms.renewal = number;
        draft.bind();
        draft.approvers.truncate(2);
        last = stage.mote.succeed(&last, (Kind::DecisionRenewed, &draft), "legal-1", begins);
        let applied = stage.show(&last, begins);
        assert_eq!(name(&applied), expected, "{number}");
        assert!(blocked(&applied, begins));
    }
}

#[test]
fn two_officers_lift_after_the_wait_and_the_measure_never_returns() {
    let mut stage = stage();
    let two = ["legal-1", "assessor-2"];
    let lifted = stage.ended(Kind::DecisionLifted, EndReason::Cured, &two, LIFT_WAIT);
    let at = now().plus(HOUR);
    let applied = stage.show(&lifted, at);
    assert_eq!((name(&applied), applied.alarms.len()), ("", 0));
    assert!(blocked(&applied, at.plus(LIFT_WAIT - SECOND)), "it waits half an hour");
    assert!(!blocked(&applied, at.plus(LIFT_WAIT)), "and ends with nobody doing anything");
    // Neither an older bundle nor a restart brings it back.
    let bare = stage.made.clone();
    let later = at.plus(LIFT_WAIT);
    let applied = stage.show(&bare, later);
    assert_eq!((name(&applied), applied.alarms.len()), ("ended", 0));
    let stored = stage.edge.trust().to_bytes().expect("bytes");
    stage.edge = Enforcement::new(stage.mote.roots(), Trust::parse(&stored).expect("trust"));
    let applied = stage.show(&bare, later.plus(HOUR));
    assert!(!blocked(&applied, later.plus(HOUR)) && applied.alarms.is_empty(), "{:?}", applied.alarms);
}

#[test]
fn an_end_that_is_not_signed_as_it_must_be_ends_nothing() {
    use {EndReason as E, Kind as K};
    let two = ["legal-1", "assessor-2"];
    for (kind, because, by, wait, expected) in [
        (K::DecisionLifted, E::Cured, &two[..1], LIFT_WAIT, "too-few-approvals"),
        (K::DecisionLifted, E::Cured, &["legal-1", "intake-1"], LIFT_WAIT, "role-may-not-decide"),
        (K::DecisionLifted, E::Cured, &two, LIFT_WAIT - SECOND, "ending-refused"),
        (K::DecisionLifted, E::Overturned, &two, LIFT_WAIT, "ending-refused"),
        (K::DecisionReversed, E::Cured, &["reviewer-1"], Duration::ZERO, "ending-refused"),
        (K::DecisionReversed, E::Overturned, &two, Duration::ZERO, "reviewer-missing"),
    ] {
        let mut stage = stage();
        let ended = stage.ended(kind, because, by, wait);
        let at = now().plus(HOUR);
        let applied = stage.show(&ended, at);
        assert_eq!(name(&applied), expected);
        assert!(blocked(&applied, at.plus(HOUR)));
    }
}

#[test]
fn the_reviewers_ruling_acts_at_once_even_where_the_log_is_frozen() {
    for frozen in [false, true] {
        let mut stage = stage();
        let at = now().plus(HOUR);
        if frozen {
            let mut fork = Mote::found(1, now().minus(23 * HOUR));
            let draft = fork.draft(&stage.sites, now(), HOUR);
            let other = fork.decide(&draft, now());
            let split: Arc<[u8]> = fork.bundle(&other, now()).to_bytes().expect("bytes").into();
            let kept: Arc<[u8]> =
                stage.mote.bundle(&stage.made.clone(), now()).to_bytes().expect("bytes").into();
            let applied = stage.apply(&[kept, split], now());
            assert!(applied.alarms.contains(&Alarm::SplitView));
        }
        let reversed =
            stage.ended(Kind::DecisionReversed, EndReason::Overturned, &["reviewer-1"], Duration::ZERO);
        let applied = stage.show(&reversed, at);
        assert!(!blocked(&applied, at) && applied.applied.is_empty(), "{frozen}");
        assert!(!blocked(&stage.apply(&[], at.plus(HOUR)), at.plus(HOUR)));
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_records_is_refused() {
    let mut stage = stage();
    let at = now().plus(HOUR);
    let ratified = stage.confirmed(Ground::RatifiedEmergency, |_| (), at);
    let said = DecisionEnded {
        decision: stage.draft.terms.decision,
        effective: at.plus(LIFT_WAIT),
        because: EndReason::Mistaken,
    };
    let ended = stage.mote.end(&ratified, Kind::DecisionLifted, &said, &["assessor-1", "legal-1"], at);
    let bytes = stage.mote.bundle(&ended, at).to_bytes().expect("bytes");
    let around =
        crate::Surroundings { now: at, footprint: policy::Footprint { sites: 40 }, consistency: &[] };
    let roots = stage.mote.roots();
    assert!(crate::verify(&bytes, &roots, &Trust::default(), &around).is_ok());
    for place in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(crate::verify(&changed, &roots, &Trust::default(), &around).is_err(), "byte {place}");
    }
}

#[test]
fn the_auditor_follows_ratification_and_end() {
    let audited = |by: &[&str], ratifiers: &[&str]| {
        let mut stage = stage();
        let at = now().plus(HOUR);
        let own = ratifiers.iter().map(|&name| name.to_owned()).collect();
        let ratified = stage.confirmed(Ground::RatifiedEmergency, |draft| draft.approvers = own, at);
        let decision = stage.draft.terms.decision;
        let said = DecisionEnded { decision, effective: at.plus(LIFT_WAIT), because: EndReason::Mistaken };
        stage.mote.end(&ratified, Kind::DecisionLifted, &said, by, at);
        let late = now().plus(30 * 24 * HOUR);
        let note = stage.mote.checkpoint(late);
        let keys = LogKeys {
            tlog_policy: Some(stage.mote.tlog_policy().clone()),
            rosters: vec![stage.mote.roster().clone()],
        };
        let mut audit = LogAudit::begin(note, keys, late).expect("checkpoint");
        stage.mote.entries().iter().for_each(|entry| audit.entry(&entry.to_bytes().expect("bytes")));
        let report = audit.finish();
        let failed = |check: &&crate::Check| matches!(check.outcome, crate::Outcome::Failed(_));
        report.checks.iter().filter(failed).map(|check| check.name).collect::<Vec<_>>()
    };
    let (two, fresh) = (["assessor-1", "legal-1"], ["assessor-2", "legal-1", "reviewer-1"]);
    assert_eq!(audited(&two, &fresh), [""; 0]);
    assert_eq!(audited(&two[..1], &fresh), ["approvals"]);
    assert_eq!(audited(&two, &["assessor-1", "legal-1", "reviewer-1"]), ["approvals"]);
}
