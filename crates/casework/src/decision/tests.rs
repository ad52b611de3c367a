use super::*;
use crate::fixtures::*;
use crate::{Case, Declaration, Fact, ProposalRefusal, Request, gate, propose};
use policy::{Condition, Ground, Matrix, Measure, Profile, Role, Salt, Scope, ScopeSite, ServiceClass};
use policy::{default_policy_text, floor};
use std::collections::BTreeSet;
use vocabulary::{AccountId, Digest, SiteId, canonical};

fn site(number: u8, account: u8, host: &str) -> ScopeSite {
    ScopeSite {
        site: SiteId::from_bytes([number; 16]),
        account: AccountId::from_bytes([account; 16]),
        hosts: vec![host.parse().expect("a pattern")],
        except: BTreeSet::new(),
        urls: BTreeSet::new(),
        features: BTreeSet::new(),
        reason: "carries the items".to_owned(),
    }
}

fn scope(sites: Vec<ScopeSite>) -> Scope {
    Scope::new(Salt::from_bytes([3; 32]), sites).expect("a scope")
}

pub(crate) fn request() -> Request {
    Request {
        decision: DecisionId::from_bytes([7; 16]),
        measure: Measure::M5,
        class: ServiceClass::S,
        ground: Ground::Emergency,
        lease: HOUR * 48,
        demand: None,
        territories: BTreeSet::new(),
        scope: scope(vec![site(1, 1, "board.test"), site(2, 1, "*.board.test")]),
        title: text("Provisional block of a message board"),
        summary: paragraphs("Calls to kill were posted and left up."),
        facts: vec![text("The items named a time.")],
    }
}

fn try_propose(case: &Case, request: Request, at: Timestamp) -> Result<Proposal, ProposalRefusal> {
    let trial = Trial::new();
    let verdict = assess(case, request.measure, request.ground, at);
    propose(case, &verdict, request, duty(), &trial.setting(), &no_earlier(), at)
}

fn refused(case: &Case, request: Request) -> &'static str {
    try_propose(case, request, now()).expect_err("refused").name()
}

/// The decision of the open case, its record's bytes made from the terms alone.
pub(crate) fn decision() -> Decision {
    let proposal = try_propose(&open_case(), request(), now()).expect("a proposal");
    let body = canonical::to_bytes(proposal.terms()).expect("canonical");
    proposal.into_decision(String::from_utf8(body).expect("JSON"))
}

fn approval(pseudonym: &str) -> Approval {
    Trial::new().key(pseudonym).approve(decision().body.as_bytes())
}

fn try_approve(decision: Decision, pseudonym: &str) -> Result<Decision, DecisionRefusal> {
    decision.approve(approval(pseudonym), &open_case(), &Trial::new().founding.roster, &no_earlier(), now())
}

pub(crate) fn approving() -> Decision {
    let once = try_approve(decision(), "assessor-1").expect("the first approval");
    try_approve(once, "legal-1").expect("the second approval")
}

pub(crate) fn place(index: u64) -> Logged {
    Logged { index, leaf: Digest::of(b"leaf"), at: now() }
}

pub(crate) fn logged() -> Decision {
    approving().log_found(place(4)).expect("logged")
}

fn expired() -> Decision {
    approving().expire(now().plus(HOUR * 48)).expect("expired")
}

fn published() -> Decision {
    logged().publish(Published { bundle: Digest::of(b"bundle"), at: now() }).expect("published")
}

pub(crate) fn in_force() -> Decision {
    published().enforce(EdgeReceipt { edge: "edge-1".to_owned(), at: now() }).expect("in force")
}

#[test]
fn an_open_gate_gives_a_proposal_whose_parts_commit_to_each_other() {
    let decision = decision();
    let terms = &decision.terms;
    assert_eq!((terms.not_before, terms.expires), (now(), now().plus(HOUR * 48)));
    assert_eq!((terms.floor, terms.roster), (floor::hash(), Trial::new().founding.roster.hash()));
    assert!(terms.check_scope(&decision.scope).is_ok());
    assert!(terms.check_statement(&decision.statement).is_ok());
    assert_eq!(decision.state, DecisionState::Proposed);
    assert_eq!(decision.proposed_by, duty());
    let statement = &decision.statement;
    assert!(statement.summary.starts_with("TRIAL, self-witnessed"));
    assert_eq!(statement.url, format!("http://localhost:9091/record/decisions/{}", decision.id));
    assert!(statement.facts.last().is_some_and(|fact| fact == "The items named a time."));
    assert!(statement.redress.contains("desk@operator.test"));
}

#[test]
fn nothing_in_terms_or_statement_tells_jurisdictions_apart() {
    let other = {
        let mut case = open_case();
        let fact = &mut case.facts.concerned.as_mut().expect("recorded").fact;
        fact.person_at_risk = crate::Placement::In(vec![jurisdiction("CC"), jurisdiction("DD")]);
        for (number, code) in [(8, "CC"), (9, "DD")] {
            let to = crate::Addressee::Jurisdiction(jurisdiction(code));
            case.referrals.push(answered(number, to, crate::Answer::NonObjection));
        }
        try_propose(&case, request(), now()).expect("a proposal")
    };
    let own = try_propose(&open_case(), request(), now()).expect("a proposal");
    assert_eq!((other.statement, other.terms), (own.statement, own.terms));
}

#[test]
fn a_closed_gate_refuses_with_its_reasons() {
    let mut case = open_case();
    case.findings.pop();
    let refusal = try_propose(&case, request(), now()).expect_err("closed");
    assert_eq!(refusal.name(), "gate-closed");
    assert!(refusal.to_string().contains("E1"), "{refusal}");
    let ProposalRefusal::GateClosed(verdict) = refusal else { panic!("the verdict comes along") };
    assert!(verdict.reasons().count() > 0);
}

#[test]
fn a_verdict_holds_sixty_minutes_for_the_same_facts() {
    let (case, trial) = (open_case(), Trial::new());
    let verdict = gate(&case, Measure::M5, now());
    let at = |case: &Case, verdict: &GateVerdict, at| {
        propose(case, verdict, request(), duty(), &trial.setting(), &no_earlier(), at)
            .map_err(|refusal| refusal.name())
    };
    assert!(at(&case, &verdict, now().plus(MINUTE * 59)).is_ok());
    assert_eq!(at(&case, &verdict, now().plus(MINUTE * 60)).err(), Some("verdict-expired"));
    assert_eq!(at(&case, &verdict, now().minus(MINUTE)).err(), Some("verdict-expired"));
    let mut moved = case.clone();
    moved.record(Fact::Danger(danger()), duty(), now()).expect("recorded");
    assert_eq!(at(&moved, &verdict, now()).err(), Some("verdict-outdated"));
    let mut louder = case.clone();
    louder.attention.reports = 10_000;
    assert!(at(&louder, &verdict, now()).is_ok());
    let forged = GateVerdict { lease_max_secs: 10_000_000, ..verdict.clone() };
    assert_eq!(at(&case, &forged, now()).err(), Some("verdict-outdated"));
    let other = GateVerdict { case: CaseId::from_bytes([9; 16]), ..verdict };
    assert_eq!(at(&case, &other, now()).err(), Some("other-verdict"));
}

#[test]
fn inadmissible_requests_are_refused_before_the_gate_is_asked() {
    let case = open_case();
    for (request, expected) in [
        (Request { class: ServiceClass::C, ..request() }, "never-on-class"),
        (Request { lease: HOUR * 49, ..request() }, "lease-over-floor"),
        (Request { lease: MINUTE / 60, ..request() }, "lease-too-short"),
        (Request { ground: Ground::Policy, ..request() }, "ground-not-admitted"),
        (Request { measure: Measure::M3, ..request() }, "scope-of-other-measure"),
        (Request { measure: Measure::M6, ground: Ground::Order, ..request() }, "demand-mismatch"),
        (
            Request { measure: Measure::M6, class: ServiceClass::H, ground: Ground::Policy, ..request() },
            "gate-closed",
        ),
        (Request { scope: scope(vec![site(1, 1, "board.net")]), ..request() }, "trial-on-real-name"),
        (Request { scope: scope(vec![site(1, 2, "critic.test")]), ..request() }, "site-outside-case"),
        (Request { facts: vec![text("x"); 21], ..request() }, "too-many-facts"),
    ] {
        assert_eq!(refused(&case, request), expected);
    }
    let closed = open_case().close(duty(), now(), text("done")).expect("closed");
    assert_eq!(refused(&closed, request()), "case-closed");
}

#[test]
fn profile_solo_is_refused_an_emergency_with_what_it_can_do() {
    let (case, mut trial) = (open_case(), Trial::new());
    let mut members = trial.founding.roster.members().to_vec();
    for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "assessor-1") {
        member.organisation = "a peer".to_owned();
    }
    let asked = Profile::Solo.thresholds();
    trial.founding.roster = Roster::new(Profile::Solo, 2, now(), asked, members).expect("a roster");
    let verdict = gate(&case, Measure::M5, now());
    let refusal = propose(&case, &verdict, request(), duty(), &trial.setting(), &no_earlier(), now())
        .expect_err("solo");
    assert_eq!(refusal.name(), "beyond-profile");
}

#[test]
fn a_short_horizon_shortens_the_lease() {
    let mut case = open_case();
    case.facts.danger.as_mut().expect("recorded").fact.horizon = crate::Horizon::Ongoing;
    let to = crate::Addressee::Jurisdiction(jurisdiction("AA"));
    let call = crate::Delivery {
        channel: crate::Channel::DutyLine,
        at: ago(MINUTE),
        proof: crate::DeliveryProof::DutyLineCall { line_verified_at: ago(HOUR), log: evidence_id(9) },
    };
    case.referrals[0] = delivered(1, to)
        .send(crate::Channel::DutyLine, ago(MINUTE))
        .and_then(|referral| referral.deliver(call))
        .expect("delivered twice");
    // The second channel was tried only a minute ago, so the authority is not silent.
    assert_eq!(refused(&case, request()), "lease-over-gate");
    assert!(try_propose(&case, Request { lease: HOUR * 12, ..request() }, now()).is_ok());
}

#[test]
fn facts_that_no_longer_carry_the_whole_lease_refuse_signing_and_logging() {
    let roster = Trial::new().founding.roster;
    let mut hurried = open_case();
    hurried.facts.danger.as_mut().expect("recorded").fact.horizon = crate::Horizon::Ongoing;
    let call = crate::Delivery {
        channel: crate::Channel::DutyLine,
        at: ago(MINUTE),
        proof: crate::DeliveryProof::DutyLineCall { line_verified_at: ago(HOUR), log: evidence_id(9) },
    };
    hurried.referrals[0] = delivered(1, crate::Addressee::Jurisdiction(jurisdiction("AA")))
        .send(crate::Channel::DutyLine, ago(MINUTE))
        .and_then(|referral| referral.deliver(call))
        .expect("delivered twice");
    let signed = decision().approve(approval("legal-1"), &hurried, &roster, &no_earlier(), now());
    assert_eq!(signed.expect_err("48 h of 12").name(), "lease-over-gate");
    assert_eq!(
        approving().ready(&hurried, &roster, &no_earlier(), now()).expect_err("48 h of 12").name(),
        "lease-over-gate"
    );
}

#[test]
fn conditions_of_a_stricter_policy_are_looked_up_in_the_record() {
    let stricter = |after: &str| {
        let line = format!("  S  emergency        48h  after {after}\n");
        let text = default_policy_text().replacen("  S  emergency        48h\n", &line, 1);
        let mut trial = Trial::new();
        trial.matrix = Matrix::parse(&text).expect("a stricter policy");
        let case = open_case();
        let verdict = gate(&case, Measure::M5, now());
        propose(&case, &verdict, request(), duty(), &trial.setting(), &no_earlier(), now())
    };
    assert!(stricter("notice").is_ok());
    for condition in [Condition::FailedM3, Condition::Appeal] {
        let refusal = stricter(condition.as_str()).expect_err("unmet");
        assert_eq!(refusal.name(), "condition-unmet", "{refusal}");
    }
}

#[test]
fn two_approvals_make_a_decision_ready_and_one_does_not() {
    let (case, roster) = (open_case(), Trial::new().founding.roster);
    assert_eq!(
        decision().ready(&case, &roster, &no_earlier(), now()).expect_err("none").name(),
        "decision-in-wrong-state"
    );
    let once = try_approve(decision(), "assessor-1").expect("the first approval");
    assert_eq!(
        once.ready(&case, &roster, &no_earlier(), now()).expect_err("one").name(),
        "too-few-approvals"
    );
    let peers = try_approve(once, "assessor-2").expect("a second assessor");
    assert_eq!(
        peers.ready(&case, &roster, &no_earlier(), now()).expect_err("one role").name(),
        "too-few-roles"
    );
    let ready = approving().ready(&case, &roster, &no_earlier(), now()).expect("ready");
    assert_eq!(ready.approvals().len(), 2);
    assert_eq!(ready.approved().roles(), [Role::Assessor, Role::Legal]);
}

#[test]
fn bad_approvals_are_refused_one_by_one() {
    let name = |refused: Result<Decision, DecisionRefusal>| refused.expect_err("refused").name();
    let once = || try_approve(decision(), "assessor-1").expect("the first approval");
    assert_eq!(name(try_approve(once(), "assessor-1")), "same-key-twice");
    assert_eq!(name(try_approve(decision(), "intake-1")), "role-may-not-decide");
    assert_eq!(name(try_approve(decision(), "reviewer-1")), "role-may-not-decide");
    let trial = Trial::new();
    let elsewhere = trial.key("legal-1").approve(b"other bytes");
    let checked = once().approve(elsewhere, &open_case(), &trial.founding.roster, &no_earlier(), now());
    assert_eq!(name(checked), "signature-wrong");
    let stranger = Roster::found_trial(&vocabulary::SeededRandom::new(9), now());
    let outside = stranger.keys[3].approve(decision().body.as_bytes());
    let checked = once().approve(outside, &open_case(), &trial.founding.roster, &no_earlier(), now());
    assert_eq!(name(checked), "outsider");
    let changed = Decision { body: format!("{} ", decision().body), ..decision() };
    assert_eq!(name(try_approve(changed, "legal-1")), "signature-wrong");
}

#[test]
fn signers_have_declared_their_interests() {
    let roster = Trial::new().founding.roster;
    let sign = |case: &Case| {
        let signed = decision().approve(approval("assessor-2"), case, &roster, &no_earlier(), now());
        signed.map_err(|refusal| refusal.name()).err()
    };
    assert_eq!(sign(&open_case()), None);
    let mut silent = open_case();
    silent.facts.declarations.retain(|declaration| declaration.by != assessor(2));
    assert_eq!(sign(&silent), Some("not-declared"));
    let mut conflicted = open_case();
    let conflict = Fact::Declaration(Declaration { conflict: Some(text("a neighbour")) });
    conflicted.record(conflict, assessor(2), now()).expect("recorded");
    assert_eq!(sign(&conflicted), Some("conflicted"));
}

#[test]
fn signing_and_logging_run_the_gate_again() {
    let roster = Trial::new().founding.roster;
    let mut cured = open_case();
    cured.findings.pop();
    let signed = decision().approve(approval("legal-1"), &cured, &roster, &no_earlier(), now());
    assert_eq!(signed.expect_err("closed").name(), "gate-closed");
    assert_eq!(
        approving().ready(&cured, &roster, &no_earlier(), now()).expect_err("closed").name(),
        "gate-closed"
    );
    // The danger's horizon is a day away; after it the facts no longer carry the decision.
    let stale = now().plus(HOUR * 25);
    assert_eq!(
        approving().ready(&open_case(), &roster, &no_earlier(), stale).expect_err("stale").name(),
        "gate-closed"
    );
    let over = now().plus(HOUR * 48);
    assert_eq!(
        approving().ready(&open_case(), &roster, &no_earlier(), over).expect_err("over").name(),
        "lease-over"
    );
    let closed = open_case().close(duty(), now(), text("done")).expect("closed");
    assert_eq!(
        approving().ready(&closed, &roster, &no_earlier(), now()).expect_err("closed").name(),
        "case-closed"
    );
    let other = Case { id: CaseId::from_bytes([9; 16]), ..open_case() };
    assert_eq!(
        approving().ready(&other, &roster, &no_earlier(), now()).expect_err("other").name(),
        "other-decision"
    );
}

#[test]
fn a_decision_lives_from_proposal_to_lapse() {
    assert_eq!(logged().state.logged(), Some(&place(4)));
    assert_eq!(published().state.name(), "published");
    let twice = in_force()
        .enforce(EdgeReceipt { edge: "edge-1".to_owned(), at: now() })
        .and_then(|decision| decision.enforce(EdgeReceipt { edge: "edge-2".to_owned(), at: now() }));
    let DecisionState::InForce { receipts, .. } = twice.expect("more edges").state else {
        panic!("in force")
    };
    assert_eq!(receipts.len(), 2, "one receipt for each edge");
    let end = now().plus(HOUR * 48);
    let early = in_force().lapse(place(5), end.minus(MINUTE)).expect_err("it runs");
    assert_eq!(early.name(), "lease-runs");
    for decision in [logged(), published(), in_force()] {
        let lapsed = decision.lapse(place(5), end).expect("lapsed");
        assert_eq!((lapsed.state.name(), lapsed.state.approvals().len()), ("lapsed", 2));
    }
    for decision in [decision(), approving()] {
        assert_eq!(decision.clone().expire(now()).expect_err("it runs").name(), "lease-runs");
        assert_eq!(decision.expire(end).expect("expired").state.name(), "expired");
    }
}

#[test]
fn no_step_is_skipped_or_taken_twice() {
    let roster = Trial::new().founding.roster;
    let end = now().plus(HOUR * 48);
    let out_of_order = [
        decision().publish(Published { bundle: Digest::of(b""), at: now() }),
        logged()
            .publish(Published { bundle: Digest::of(b""), at: now() })
            .and_then(|decision| decision.publish(Published { bundle: Digest::of(b""), at: now() })),
        logged().enforce(EdgeReceipt { edge: "e".to_owned(), at: now() }),
        decision().lapse(place(1), end),
        approving().lapse(place(1), end),
        logged().expire(end),
        in_force().lapse(place(1), end).and_then(|decision| decision.lapse(place(2), end)),
        logged().approve(approval("duty-officer-1"), &open_case(), &roster, &no_earlier(), now()),
    ];
    for refused in out_of_order {
        assert_eq!(refused.expect_err("out of order").name(), "decision-in-wrong-state");
    }
    for early in [decision().log_found(place(1)), logged().log_found(place(1)), expired().log_found(place(1))]
    {
        assert_eq!(early.expect_err("not awaiting the log").name(), "decision-in-wrong-state");
    }
}

#[test]
fn what_the_log_holds_is_logged_even_after_the_gate_closed_and_the_lease_ended() {
    let end = now().plus(HOUR * 48);
    let logged = approving().log_found(place(4)).expect("no gate is asked");
    assert_eq!(logged.state.approvals().len(), 2);
    assert_eq!(logged.lapse(place(5), end).expect("lapsed").state.name(), "lapsed");
}

#[test]
fn every_state_is_among_the_names() {
    let end = now().plus(HOUR * 48);
    let lapsed = in_force().lapse(place(5), end).expect("lapsed");
    let lift = in_force().lift(policy::EndReason::Cured, now()).expect("a lift");
    let lifted = in_force().follow(lift, duty(), String::new(), now()).expect("put up");
    let ended = lifted.follow_found(place(6)).expect("ended");
    let over = ended.clone().finish(end).expect("over");
    let all = [decision(), approving(), logged(), published(), in_force(), lapsed, ended, over, expired()];
    assert_eq!(all.map(|decision| decision.state.name()), DecisionState::NAMES);
}

#[test]
fn decisions_and_cases_are_stored_as_documents() {
    let end = now().plus(HOUR * 48);
    let lapsed = in_force().lapse(place(5), end).expect("lapsed");
    for decision in [decision(), approving(), logged(), published(), in_force(), lapsed] {
        let bytes = canonical::to_bytes(&decision).expect("canonical");
        assert_eq!(canonical::parse::<Decision>(&bytes).expect("its own bytes"), decision);
    }
    let bytes = canonical::to_bytes(&open_case()).expect("canonical");
    assert_eq!(canonical::parse::<Case>(&bytes).expect("its own bytes"), open_case());
}
