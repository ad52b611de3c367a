use super::*;
use crate::fixtures::{founding, key, now, random};
use crate::{Approval, Founding, Member, Thresholds};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn next(old: &Roster, members: Vec<Member>, acts: Timestamp) -> Roster {
    Roster::new(old.profile(), old.serial() + 1, acts, old.thresholds(), members).expect("a roster")
}

fn signed<T>(founding: &Founding, by: &[&str], then: impl FnOnce(Signed<'_>) -> T) -> T {
    let approvals: Vec<Approval> = by.iter().map(|name| key(founding, name).approve(b"body")).collect();
    then(Signed { body: b"body", approvals: &approvals, proposer: None })
}

#[test]
fn a_new_roster_acts_after_seven_days_and_one_that_only_takes_keys_at_once() {
    let founding = founding();
    let old = &founding.roster;
    let other = Roster::found_trial(&vocabulary::SeededRandom::new(8), now());
    let mut more = old.members().to_vec();
    more.push(Member { role: crate::Role::Auditor, ..other.roster.members()[0].clone() });
    more.last_mut().expect("one").pseudonym = "auditor-1".parse().expect("a name");
    let fewer: Vec<Member> =
        old.members().iter().filter(|member| member.pseudonym.as_str() != "assessor-2").cloned().collect();
    let at = now().plus(30 * DAY);
    let quorum = ["assessor-1", "legal-1"];
    for (members, after, good) in [
        (more.clone(), ROSTER_NOTICE, true),
        (more.clone(), ROSTER_NOTICE - Duration::from_millis(1), false),
        (more, Duration::ZERO, false),
        (fewer, Duration::ZERO, true),
    ] {
        let new = next(old, members, at.plus(after));
        let judged = signed(&founding, &quorum, |record| new.check_follows(old, record, at));
        assert_eq!(judged.is_ok(), good, "{after:?} {judged:?}");
    }
    // Lower thresholds are no smaller change.
    let lower = Thresholds { approvals: 3, ..old.thresholds() };
    let stricter = Roster::new(old.profile(), 2, at, lower, old.members().to_vec()).expect("a roster");
    assert!(!stricter.only_takes_keys_from(old));
}

#[test]
fn a_change_is_signed_by_the_old_quorum_and_follows_the_last_one() {
    let founding = founding();
    let old = &founding.roster;
    let new = next(old, old.members().to_vec(), now());
    let judged = |by: &[&str]| {
        signed(&founding, by, |record| new.check_follows(old, record, now()))
            .map_err(|refusal| refusal.name())
    };
    assert_eq!(judged(&["legal-1"]), Err("too-few-approvals"));
    assert_eq!(judged(&["legal-1", "legal-1"]), Err("same-person-twice"));
    assert_eq!(judged(&["assessor-1", "assessor-2"]), Err("too-few-roles"));
    assert_eq!(judged(&["legal-1", "reviewer-1"]), Err("role-may-not-decide"));
    assert_eq!(judged(&["legal-1", "assessor-1"]), Ok(()));
    let skipped = Roster::new(old.profile(), 3, now(), old.thresholds(), old.members().to_vec());
    let skipped = skipped.expect("a roster");
    let refused =
        signed(&founding, &["legal-1", "assessor-1"], |record| skipped.check_follows(old, record, now()));
    assert_eq!(refused.map_err(|refusal| refusal.name()), Err("not-a-successor"));
    // Officers that the new roster alone knows do not sign it in.
    let foreign = Roster::found_trial(&*random(), now().plus(DAY));
    assert_eq!(foreign.roster.members().len(), old.members().len());
    let stranger = Roster::found_trial(&vocabulary::SeededRandom::new(9), now());
    let own = signed(&stranger, &["legal-1", "assessor-1"], |record| new.check_follows(old, record, now()));
    assert_eq!(own.map_err(|refusal| refusal.name()), Err("outsider"));
}
