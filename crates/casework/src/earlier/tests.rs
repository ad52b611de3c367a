use super::*;
use crate::decision::tests::{approving, decision, logged, place, request};
use crate::fixtures::*;
use crate::{DecisionRefusal, Finding, Notice, PostedAt, ProposalRefusal, Request, Source, propose};

fn number(number: u8) -> DecisionId {
    DecisionId::from_bytes([number; 16])
}

/// A logged block of the open case's customer over a span, under an id of its own.
fn block(id: u8, not_before: Timestamp, lease: Duration) -> Decision {
    let mut block = logged();
    (block.id, block.terms.decision) = (number(id), number(id));
    (block.terms.not_before, block.terms.expires) = (not_before, not_before.plus(lease));
    block
}

fn lapsed(id: u8, not_before: Timestamp, lease: Duration) -> Decision {
    let block = block(id, not_before, lease);
    let end = block.terms.expires;
    block.lapse(place(9), end).expect("lapsed")
}

fn earlier(decisions: &[Decision]) -> Earlier {
    Earlier::of(open_case().account, decisions, &Trial::new().founding.roster)
}

fn asked(case: &Case, lease: Duration, decisions: &[Decision]) -> Result<(), ProposalRefusal> {
    let trial = Trial::new();
    let verdict = gate(case, Measure::M5, now());
    let request = Request { lease, ..request() };
    propose(case, &verdict, request, duty(), &trial.setting(), &earlier(decisions), now()).map(|_| ())
}

fn refusal(case: &Case, lease: Duration, decisions: &[Decision]) -> &'static str {
    asked(case, lease, decisions).expect_err("refused").name()
}

/// The findings of the open case with other instants of posting.
fn posted(first: Timestamp, second: Timestamp) -> Case {
    let mut case = open_case();
    case.findings[0].posted_at = PostedAt::Instant(first);
    case.findings[1].posted_at = PostedAt::Instant(second);
    case
}

#[test]
fn while_a_block_is_in_force_no_other_extends_it() {
    let runs = block(2, ago(HOUR * 47), HOUR * 48);
    assert_eq!(refusal(&open_case(), HOUR * 12, &[runs]), "provisional-block-open");
    let other_case = Case { id: vocabulary::CaseId::from_bytes([8; 16]), ..open_case() };
    let runs = block(2, ago(HOUR), HOUR * 12);
    assert_eq!(
        refusal(&other_case, HOUR, &[runs]),
        "provisional-block-open",
        "a second case is no way round"
    );
}

#[test]
fn a_block_that_is_signed_and_about_to_act_counts_as_open() {
    let mut signed = approving();
    signed.id = number(2);
    assert_eq!(refusal(&open_case(), HOUR, &[signed.clone()]), "provisional-block-open");
    signed.state = decision().state;
    assert!(asked(&open_case(), HOUR, &[signed]).is_ok(), "an unsigned proposal holds nothing up");
}

#[test]
fn after_a_lapse_the_same_findings_carry_nothing() {
    let over = [lapsed(2, ago(HOUR * 5), HOUR)];
    assert_eq!(refusal(&open_case(), HOUR, &over), "findings-not-new", "both were posted before");
    let one_new = posted(ago(HOUR * 6), ago(HOUR * 3));
    assert_eq!(refusal(&one_new, HOUR, &over), "findings-not-new");
    assert_eq!(refusal(&posted(ago(HOUR * 4), ago(HOUR * 3)), HOUR, &over), "findings-not-new");
    assert!(asked(&posted(ago(HOUR * 3), ago(HOUR * 3)), HOUR, &over).is_ok());
    // A lease that ended counts as lapsed before anybody wrote it down.
    let ended = [block(2, ago(HOUR * 5), HOUR)];
    assert_eq!(refusal(&open_case(), HOUR, &ended), "findings-not-new");
}

#[test]
fn new_findings_are_two_independent_ones_that_the_customer_was_told_of() {
    let over = [lapsed(2, ago(HOUR * 5), HOUR)];
    let mut case = posted(ago(HOUR * 6), ago(HOUR * 3));
    let again = Finding {
        id: finding_id(3),
        item: case.findings[1].item.clone(),
        posted_at: PostedAt::Instant(ago(HOUR * 2)),
        ..finding(3, Source::A)
    };
    case.findings.push(again);
    let conduct = &mut case.facts.site_conduct.as_mut().expect("recorded").fact;
    let items = [1, 2, 3].map(finding_id).to_vec();
    conduct.items.push(crate::ItemConduct { finding: finding_id(3), outcome: crate::ItemOutcome::StillUp });
    conduct.notice = Some(Notice::Given { at: ago(HOUR * 2), items, reply: None });
    assert_eq!(refusal(&case, HOUR, &over), "findings-not-new", "one item captured twice");
    case.findings[2].item = text("https://board.test/post/3");
    assert!(asked(&case, HOUR, &over).is_ok());
}

#[test]
fn at_most_96_provisional_hours_lie_in_90_days() {
    let day = HOUR * 24;
    let past = [lapsed(2, ago(day * 60), HOUR * 48), lapsed(3, ago(day * 30), HOUR * 36)];
    assert!(asked(&open_case(), HOUR * 12, &past).is_ok());
    assert_eq!(refusal(&open_case(), HOUR * 12 + MINUTE, &past), "provisional-hours-spent");
    let forgotten = [lapsed(2, ago(day * 93), HOUR * 48), lapsed(3, ago(day * 30), HOUR * 36)];
    assert!(asked(&open_case(), HOUR * 48, &forgotten).is_ok());
    let never_acted = Decision { state: decision().state, ..lapsed(4, ago(day * 10), HOUR * 48) };
    assert!(asked(&open_case(), HOUR * 12, &[&past[..], &[never_acted]].concat()).is_ok());
}

#[test]
fn other_customers_and_other_measures_hold_nothing_up() {
    let stranger = AccountId::from_bytes([5; 16]);
    let roster = Trial::new().founding.roster;
    let runs = block(2, ago(HOUR), HOUR * 48);
    let theirs = Earlier::of(stranger, [&runs], &roster);
    assert!(theirs.blocks.is_empty());
    let own = (number(1), Measure::M5, HOUR);
    assert_eq!(theirs.admit(&open_case(), own, now()), Err(EarlierRefusal::OtherCustomer));
    let lesser = (number(1), Measure::M3, HOUR);
    assert_eq!(earlier(&[runs]).admit(&open_case(), lesser, now()), Ok(()));
}

#[test]
fn signing_and_logging_look_at_the_other_decisions_again() {
    let (case, trial) = (open_case(), Trial::new());
    let roster = &trial.founding.roster;
    let overtaken = earlier(&[approving(), block(2, now(), HOUR * 2)]);
    let approval = trial.key("legal-1").approve(decision().body.as_bytes());
    let name = |refusal: DecisionRefusal| refusal.name();
    let signed = decision().approve(approval, &case, roster, &overtaken, now());
    assert_eq!(signed.map_err(name).expect_err("overtaken"), "provisional-block-open");
    let ready = |earlier: &Earlier| approving().ready(&case, roster, earlier, now()).map_err(name).err();
    assert_eq!(ready(&overtaken), Some("provisional-block-open"));
    assert_eq!(ready(&earlier(&[approving()])), None, "a decision does not stand in its own way");
    // Two signed in the same instant: neither goes on, and both expire.
    let twin = Decision { id: number(2), ..approving() };
    assert_eq!(ready(&earlier(&[approving(), twin])), Some("provisional-block-open"));
}
