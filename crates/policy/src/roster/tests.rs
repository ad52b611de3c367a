use super::*;
use crate::fixtures::{founding, name, now, stranger};

/// One member for each seat, in the order of the seats.
fn members() -> Vec<Member> {
    let Founding { roster, keys, .. } = founding();
    keys.iter().map(|key| roster.member(&key.public()).expect("a seat").clone()).collect()
}

fn roster(members: Vec<Member>) -> Result<Roster, RosterError> {
    Roster::new(Profile::Trial, 1, now(), Thresholds::TRIAL, members)
}

#[test]
fn a_trial_has_seven_pseudonyms_each_one_person() {
    let Founding { roster, keys, .. } = founding();
    let roles: Vec<_> = members().iter().map(|member| member.role).collect();
    assert_eq!(
        roles,
        [
            Role::Intake,
            Role::Assessor,
            Role::Assessor,
            Role::Legal,
            Role::DutyOfficer,
            Role::AuthorityLiaison,
            Role::Reviewer
        ]
    );
    let people: BTreeSet<_> = roster.members().iter().map(|member| member.person).collect();
    assert_eq!(people.len(), 7);
    for (member, key) in members().iter().zip(&keys) {
        assert_eq!((member.key, &member.pseudonym, member.role), (key.public(), key.pseudonym(), key.role()));
        assert_eq!(roster.member(&key.public()), Some(member));
        let named = roster.named(key.pseudonym()).expect("a member");
        assert_eq!((named.person, named.role), (member.person, member.role));
    }
    assert_eq!((roster.profile(), roster.serial(), roster.not_before()), (Profile::Trial, 1, now()));
}

#[test]
fn a_roster_is_read_back_from_its_one_encoding() {
    let roster = founding().roster;
    let bytes = roster.to_bytes();
    let read = Roster::parse(&bytes).expect("its own bytes");
    assert_eq!((read.hash(), &read), (Digest::of(&bytes), &roster));
    let text = String::from_utf8(bytes).expect("JSON");
    for other in [
        text.replace("wardmote-roster/1", "wardmote-roster/2"),
        text.replace("\"approvals\":2", "\"approvals\":1"),
        text.replace("\"serial\":1", "\"serial\": 1"),
        text.replace("\"serial\":1", "\"serial\":1,\"spare\":2"),
        text.replace("\"role\":\"intake\"", "\"role\":\"king\""),
        text.replace("\"pseudonym\":\"intake-1\"", "\"pseudonym\":\"../intake\""),
    ] {
        assert!(other != text && Roster::parse(other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn one_person_fills_one_role_under_one_name() {
    let again = |role, pseudonym: &str| {
        let mut members = members();
        let mut more = members[1].clone();
        more.key = stranger(role).public();
        more.role = role;
        more.pseudonym = name(pseudonym);
        members.push(more);
        roster(members)
    };
    assert!(again(Role::Assessor, "assessor-1").is_ok(), "a second key of the same officer");
    assert!(matches!(again(Role::Legal, "assessor-1"), Err(RosterError::TwoRoles(_))));
    assert!(matches!(again(Role::Assessor, "assessor-3"), Err(RosterError::TwoPseudonyms(_))));
}

#[test]
fn keys_and_names_are_not_shared() {
    let mut twice = members();
    twice[1].key = twice[0].key;
    assert!(matches!(roster(twice), Err(RosterError::KeyTwice(_))));
    let mut named = members();
    named[1].pseudonym = named[0].pseudonym.clone();
    assert!(matches!(roster(named), Err(RosterError::PseudonymTwice(_))));
}

#[test]
fn thresholds_are_neither_too_low_nor_out_of_reach() {
    let with = |approvals, roles, organisations| {
        let thresholds = Thresholds { approvals, roles, organisations };
        Roster::new(Profile::Trial, 1, now(), thresholds, members())
    };
    for (approvals, roles, organisations) in [(1, 2, 1), (2, 1, 1), (2, 2, 0)] {
        assert!(matches!(with(approvals, roles, organisations), Err(RosterError::Thresholds { .. })));
    }
    for (approvals, roles, organisations) in [(5, 2, 1), (2, 4, 1), (2, 2, 2), (u32::MAX, 2, 1)] {
        assert!(matches!(with(approvals, roles, organisations), Err(RosterError::Unreachable)));
    }
    assert!(with(4, 3, 1).is_ok());
}

#[test]
fn rosters_are_bounded() {
    let many = vec![members()[0].clone(); MEMBERS_MAX + 1];
    assert!(matches!(roster(many), Err(RosterError::TooMany { .. })));
    let mut long = members();
    long[0].organisation = "x".repeat(101);
    assert!(matches!(roster(long), Err(RosterError::TooMany { .. })));
    let beyond = Roster::new(Profile::Trial, u64::MAX, now(), Thresholds::TRIAL, members());
    assert!(matches!(beyond, Err(RosterError::Encoding(_))));
}
