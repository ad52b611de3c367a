//! Rows about sites elsewhere that seem to be run by the same people.

use super::deciding::{request, scope, site, try_propose};
use casework::fixtures::*;
use casework::{CaseRefusal, LinkRefusal, Mark, ProposalRefusal, Voice};
use policy::ScopeSite;
use vocabulary::{AccountId, CaseId, SitePattern};

fn elsewhere() -> SitePattern {
    "board.example".parse().expect("a pattern")
}

pub(crate) fn t36() {
    let mut case = open_case();
    let marks = [Mark::Key, Mark::Favicon].into();
    case.note_link((elsewhere(), marks, Voice::As), text("it came up the same hour"), duty(), now())
        .expect("noted");
    let own = (CaseId::from_bytes([9; 16]), AccountId::from_bytes([2; 16]));
    assert!(case.confirm_link(&elsewhere(), own, duty(), now()).is_err(), "one person confirms nothing");
    // Confirmed or not, the case's own decision never reaches it.
    let linked = || ScopeSite { account: own.1, ..site(3, "board.example") };
    let matrix = Trial::new().matrix;
    let reached = |case: &casework::Case| {
        let asked = request(vec![site(1, "board.test"), linked()]);
        matches!(
            try_propose(case, asked, &matrix, &no_earlier(), now()),
            Err(ProposalRefusal::SiteOutsideCase(_))
        )
    };
    assert!(reached(&case));
    let opened = case.confirm_link(&elsewhere(), own, assessor(1), now()).expect("two people");
    assert!(reached(&case));
    assert_eq!((opened.id, opened.account), own);
    // Its own record begins with nothing but what is alleged: found, rated, referred and told anew.
    assert!(opened.findings.is_empty() && opened.referrals.is_empty() && opened.facts.site_conduct.is_none());
    assert_eq!(case.links[0].confirmed.as_ref().map(|confirmed| confirmed.case), Some(opened.id));
    assert_eq!(scope(vec![linked()]).sites().len(), 1);
}

pub(crate) fn t37() {
    let mut case = open_case();
    let refused = |case: &mut casework::Case, marks: &[Mark], voice| {
        let what = (elsewhere(), marks.iter().copied().collect(), voice);
        match case.note_link(what, text("looks the same"), duty(), now()) {
            Err(CaseRefusal::Link(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    // A mirror that a critic keeps looks the same in everything, and speaks about it.
    let alike = [Mark::Favicon, Mark::Design, Mark::Content];
    assert_eq!(refused(&mut case, &alike, Voice::As), LinkRefusal::LikenessAlone);
    assert_eq!(refused(&mut case, &Mark::ALL, Voice::About), LinkRefusal::SpeaksAbout);
    assert!(case.links.is_empty());
}
