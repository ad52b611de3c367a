//! Rows about what opens and closes the gate.

use casework::fixtures::*;
use casework::{
    Addressee, Answer, Appearance, Attention, Authority, Case, Channel, Credibility, Delivery, DeliveryProof,
    Dispatcher, Harm, Inbound, ItemOutcome, Notice, Objection, Outcome, PostedAt, Precedent, Ratings,
    Received, Referral, Relation, Source, gate,
};
use policy::{Ground, Matrix, Measure, ServiceClass, default_policy_text};
use vocabulary::{DecisionId, Digest, Timestamp};

fn changed(change: impl FnOnce(&mut Case)) -> Case {
    let mut case = open_case();
    change(&mut case);
    case
}

/// What closes the gate for M5, as `E1 too-few-findings`.
fn closed_at(case: &Case, at: Timestamp) -> Vec<String> {
    let verdict = gate(case, Measure::M5, at);
    verdict.reasons().map(|(condition, reason)| format!("{condition:?} {}", reason.name())).collect()
}

fn closed(case: &Case) -> Vec<String> {
    closed_at(case, now())
}

fn closes(case: &Case, reason: &str) {
    let reasons = closed(case);
    assert!(reasons.iter().any(|found| found == reason), "{reason} in {reasons:?}");
}

pub(crate) fn t01() {
    let case = changed(|case| {
        case.findings.clear();
        case.attention = Attention { reports: 10_000, campaign_signals: 500 };
    });
    closes(&case, "E1 too-few-findings");
    let shut = case.close(duty(), now(), text("revolting, no threat")).expect("closed");
    assert!(!gate(&shut, Measure::M5, now()).open);
}

pub(crate) fn t02() {
    let with = |reports| changed(|case| case.attention = Attention { reports, campaign_signals: reports });
    assert_eq!(gate(&with(1), Measure::M5, now()), gate(&with(10_000), Measure::M5, now()));
}

pub(crate) fn t03() {
    let case = changed(|case| drop(case.findings.pop()));
    closes(&case, "E1 too-few-findings");
    let verdict = gate(&case, Measure::M5, now());
    let (_, reason) = verdict.reasons().next().expect("closed");
    assert!(reason.to_string().contains("capture another item"), "{reason}");
}

pub(crate) fn t04() {
    closes(&changed(|case| case.findings[1].item = case.findings[0].item.clone()), "E1 same-item");
}

pub(crate) fn t05() {
    let posted = |hours| changed(|case| case.findings[1].posted_at = PostedAt::Instant(ago(HOUR * hours)));
    closes(&posted(49), "E1 finding-not-counted");
    assert_eq!(closed(&posted(47)), [""; 0]);
}

pub(crate) fn t06() {
    let case = changed(|case| {
        case.facts.danger.as_mut().expect("recorded").fact.harm = Harm::Lesser;
    });
    closes(&case, "E2 harm-too-small");
    let matrix = Matrix::parse(default_policy_text()).expect("the built-in policy");
    let admits = |measure, class| matrix.clause(measure, class, Ground::Policy).is_some();
    assert!(admits(Measure::M3, ServiceClass::H) && !admits(Measure::M3, ServiceClass::S));
    assert!(admits(Measure::M0, ServiceClass::S) && !admits(Measure::M5, ServiceClass::S));
}

pub(crate) fn t07() {
    let verdict = gate(&open_case(), Measure::M5, now());
    assert!(verdict.open && verdict.counted.len() == 2);
}

pub(crate) fn t08() {
    let quoted = |by| casework::Rating {
        reason: text("a newspaper quotes it"),
        ..rating(by, Credibility::NotCredible)
    };
    let case = changed(|case| {
        case.findings[1].ratings =
            Ratings::Opened { first: quoted(assessor(1)), second: quoted(assessor(2)) };
    });
    closes(&case, "E1 finding-not-counted");
    let Ratings::Opened { first, .. } = &case.findings[1].ratings else { panic!("rated") };
    assert_eq!(first.reason, text("a newspaper quotes it"));
}

pub(crate) fn t09() {
    let case = changed(|case| {
        case.referrals.remove(0);
    });
    assert_eq!(closed(&case), ["E4 not-referred"]);
}

pub(crate) fn t10() {
    let asked = |second_channel: bool| {
        let draft = delivered(1, Addressee::Jurisdiction(jurisdiction("AA")));
        if second_channel { draft.send(Channel::Email, ago(HOUR * 5)).expect("sent") } else { draft }
    };
    // Delivered nine hours ago; the second channel five hours ago, four hours after the first.
    let silent = asked(true).fall_silent(now()).expect("silent");
    assert_eq!(silent.state.name(), "silent");
    assert!(asked(true).fall_silent(ago(HOUR + MINUTE)).is_err(), "an hour and a minute before");
    assert!(asked(false).fall_silent(now()).is_err(), "one channel is not enough");
    assert_eq!(closed(&changed(|case| case.referrals[0] = silent)), [""; 0]);
    closes(&changed(|case| case.referrals[0] = asked(false)), "E4 awaiting-answer");
}

pub(crate) fn t11() {
    let to = Addressee::Jurisdiction(jurisdiction("AA"));
    let objection =
        Answer::Objection(Objection { reasons: Some(text("an operation runs")), renewed_at: None });
    // Delivered nine hours ago, answered 59 minutes later.
    let raised = ago(HOUR * 8 + MINUTE);
    let (objected, taken) = delivered(1, to).answer(objection, raised).expect("taken");
    assert_eq!(taken, Received::Answered);
    let case = changed(|case| case.referrals[0] = objected);
    assert_eq!(closed(&case), ["E4 objection"]);
    let last = raised.plus(HOUR * 24 - MINUTE);
    assert!(closed_at(&case, last).contains(&"E4 objection".to_owned()));
    assert!(!closed_at(&case, raised.plus(HOUR * 24)).contains(&"E4 objection".to_owned()));
}

pub(crate) fn t12() {
    let stranger = Authority::unverified(text("Somebody"));
    let packet = Digest::of(b"packet");
    let (channel, proof) = (Channel::Desk, DeliveryProof::DeskRead);
    let sent = Referral::draft(referral_id(9), Addressee::Fallback, stranger, liaison(), ago(HOUR * 3))
        .seal(packet, ago(HOUR * 3))
        .and_then(|referral| referral.send(channel, ago(HOUR * 2)))
        .and_then(|referral| referral.deliver(Delivery { channel, at: ago(HOUR * 2), proof }))
        .expect("delivered");
    let (after, taken) = sent.clone().answer(Answer::Order, ago(HOUR)).expect("answered");
    assert_eq!(taken, Received::Frozen);
    let frozen = Inbound::Frozen { since: ago(HOUR) };
    assert_eq!((&after.state, &after.authority.inbound), (&sent.state, &frozen));
    let cleared = after.authority.called_back(liaison(), now());
    assert_eq!(cleared.inbound, Inbound::Open);
}

pub(crate) fn t40() {
    let before = gate(&open_case(), Measure::M5, now());
    let case = changed(|case| {
        for (number, relation) in [(1, Relation::Distinguished), (2, Relation::Overruled)] {
            let decision = DecisionId::from_bytes([number; 16]);
            let reason = text("there the items named nobody");
            case.compare(Precedent { decision, relation, reason }, legal(), now()).expect("recorded");
        }
    });
    assert_eq!(case.precedents.len(), 2);
    assert_eq!(gate(&case, Measure::M5, now()), before);
}

pub(crate) fn t42() {
    closes(&changed(|case| case.findings[1].source = Source::E), "E1 finding-not-counted");
}

pub(crate) fn t43() {
    let read = |reading| changed(|case| case.findings[1].posted_at = PostedAt::without_zone(reading));
    assert!(matches!(read(now()).findings[1].posted_at, PostedAt::Interval { .. }));
    assert_eq!(closed(&read(ago(HOUR * 34))), [""; 0]);
    closes(&read(ago(HOUR * 35)), "E1 finding-not-counted");
}

pub(crate) fn t45() {
    let case = changed(|case| {
        let considered = &mut case.facts.lesser_measures.as_mut().expect("recorded").fact.considered;
        let m3 = considered.iter_mut().find(|entry| entry.measure == Measure::M3).expect("considered");
        m3.outcome = Outcome::WouldDo;
    });
    closes(&case, "E5 lesser-would-do");
    assert_eq!(gate(&case, Measure::M5, now()).offer(), Some(Measure::M3));
    let less = gate(&case, Measure::M3, now());
    assert!(less.open, "{:?}", less.reasons().collect::<Vec<_>>());
}

pub(crate) fn t46() {
    let case = changed(|case| {
        let conduct = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
        conduct.items[1].outcome = ItemOutcome::Removed { at: ago(HOUR * 2).plus(MINUTE * 20) };
    });
    closes(&case, "E9 removed-promptly");
}

pub(crate) fn t52() {
    let case = changed(|case| {
        case.findings[1].posted_at = PostedAt::Instant(ago(HOUR * 24 * 300));
        case.findings[1].captured_at = ago(MINUTE);
    });
    closes(&case, "E1 finding-not-counted");
}

pub(crate) fn t53() {
    t46();
    let reply = paragraphs("We dispute that the second item is ours.");
    let case = changed(|case| {
        let conduct = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
        let items = vec![finding_id(1), finding_id(2)];
        conduct.notice = Some(Notice::Given { at: ago(HOUR * 2), items, reply: Some(reply.clone()) });
    });
    assert_eq!(closed(&case), [""; 0]);
    let statement = super::deciding::decision(&case).statement;
    assert!(statement.facts.iter().any(|fact| fact.contains("its answer is on the record")));
    assert!(!serde_json::to_string(&statement).expect("JSON").contains(reply.as_str()));
}

pub(crate) fn t55() {
    let from = |supplier| Source::C { supplier: text(supplier) };
    let case = changed(|case| {
        case.findings.iter_mut().for_each(|finding| finding.source = from("Duty desk"));
    });
    closes(&case, "E1 no-own-capture");
    super::deciding::lone_non_objection_never_ratifies();
}

pub(crate) fn t63() {
    let dispatcher =
        |said| changed(|case| case.facts.safety.as_mut().expect("recorded").fact.dispatcher = said);
    assert_eq!(closed(&dispatcher(None)), ["E6 dispatcher-not-warned"]);
    let warned = Dispatcher::WarnedWithConsent { at: ago(HOUR) };
    assert_eq!(closed(&dispatcher(Some(warned))), [""; 0]);
    // The call itself is a finding like any other: posted elsewhere it does not count.
    closes(&changed(|case| case.findings[1].appearance = Appearance::Elsewhere), "E1 finding-not-counted");
}
