//! A case on which the gate is open, and the trial that decides on it: for tests, here and (behind the
//! cargo feature `testing`) elsewhere.

use crate::{
    Addressee, Answer, Appearance, Authority, Case, Channel, Concerned, Considered, Credibility, Danger,
    Declaration, Delivery, DeliveryProof, Dispatcher, Dissent, Earlier, Fact, Finding, Harm, Horizon,
    Identified, ItemConduct, ItemOutcome, Jurisdiction, LegalConclusion, LegalReview, LesserMeasures, Nexus,
    Notice, Officer, Outcome, Paragraphs, Placement, PostedAt, Rating, Ratings, Referral, Safety, Setting,
    SiteConduct, Source, Text,
};
use policy::{Footprint, Founding, Matrix, Measure, OfficerKey, Role, Roster, default_policy_text};
use std::time::Duration;
use vocabulary::{AccountId, CaseId, Digest, EvidenceId, FindingId, ReferralId, SeededRandom, Timestamp};

mod court;

pub use court::*;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3_600);

pub fn now() -> Timestamp {
    "2026-11-22T12:00:00.000Z".parse().expect("an instant")
}

pub fn ago(span: Duration) -> Timestamp {
    now().minus(span)
}

pub fn text(text: &str) -> Text {
    text.parse().expect("a text")
}

pub fn paragraphs(text: &str) -> Paragraphs {
    text.parse().expect("paragraphs")
}

pub fn officer(role: Role, pseudonym: &str) -> Officer {
    Officer { role, pseudonym: pseudonym.parse().expect("a pseudonym") }
}

pub fn assessor(number: u8) -> Officer {
    officer(Role::Assessor, &format!("assessor-{number}"))
}

pub fn legal() -> Officer {
    officer(Role::Legal, "legal-1")
}

pub fn duty() -> Officer {
    officer(Role::DutyOfficer, "duty-officer-1")
}

pub fn liaison() -> Officer {
    officer(Role::AuthorityLiaison, "authority-liaison-1")
}

pub fn finding_id(number: u8) -> FindingId {
    FindingId::from_bytes([number; 16])
}

pub fn evidence_id(number: u8) -> EvidenceId {
    EvidenceId::from_bytes([number; 16])
}

pub fn referral_id(number: u8) -> ReferralId {
    ReferralId::from_bytes([number; 16])
}

pub fn rating(by: Officer, credibility: Credibility) -> Rating {
    Rating { by, at: ago(HOUR * 4), credibility, unsighted: true, reason: text("a threat with a time") }
}

pub fn credible() -> Ratings {
    Ratings::Opened {
        first: rating(assessor(1), Credibility::Credible),
        second: rating(assessor(2), Credibility::Credible),
    }
}

/// A finding of its own item, author and capture, posted six hours ago, rated credible by two.
pub fn finding(number: u8, source: Source) -> Finding {
    Finding {
        id: finding_id(number),
        evidence: vec![evidence_id(number)],
        sha256: vec![Digest::of(&[number])],
        source,
        captured_at: ago(HOUR * 5),
        filed_by: officer(Role::Intake, "intake-1"),
        item: text(&format!("https://board.test/post/{number}")),
        author: Some(text(&format!("author {number}"))),
        appearance: Appearance::Posted,
        posted_at: PostedAt::Instant(ago(HOUR * 6)),
        ratings: credible(),
    }
}

pub fn jurisdiction(code: &str) -> Jurisdiction {
    code.parse().expect("a code")
}

/// A referral that was hand-delivered nine hours ago to a verified authority.
pub fn delivered(number: u8, addressee: Addressee) -> Referral {
    let authority = Authority::unverified(text("Duty desk")).called_back(liaison(), ago(HOUR * 24));
    Referral::draft(referral_id(number), addressee, authority, liaison(), ago(HOUR * 10))
        .seal(Digest::of(b"packet"), ago(HOUR * 10))
        .and_then(|referral| referral.send(Channel::Desk, ago(HOUR * 9)))
        .and_then(|referral| {
            let (channel, proof) = (Channel::Desk, DeliveryProof::DeskRead);
            referral.deliver(Delivery { channel, at: ago(HOUR * 9), proof })
        })
        .expect("a delivered referral")
}

pub fn answered(number: u8, addressee: Addressee, answer: Answer) -> Referral {
    delivered(number, addressee).answer(answer, ago(HOUR)).expect("an answer").0
}

pub fn would_not_do(measure: Measure) -> Considered {
    let reason = text("it leaves the items up");
    Considered { measure, outcome: Outcome::WouldNotDo { reason } }
}

pub fn danger() -> Danger {
    let horizon = Horizon::By(now().plus(HOUR * 24));
    Danger { identified: Some(Identified::Person), harm: Harm::Death, horizon }
}

pub fn concerned() -> Concerned {
    Concerned {
        offence: Placement::In(vec![jurisdiction("AA")]),
        suspect: Placement::Unknown,
        person_at_risk: Placement::In(vec![jurisdiction("BB")]),
        endangering: Vec::new(),
    }
}

pub fn site_conduct() -> SiteConduct {
    let items = vec![finding_id(1), finding_id(2)];
    let still_up = |finding| ItemConduct { finding, outcome: ItemOutcome::StillUp };
    SiteConduct {
        notice: Some(Notice::Given { at: ago(HOUR * 2), items: items.clone(), reply: None }),
        items: items.into_iter().map(still_up).collect(),
    }
}

pub fn facts() -> Vec<(Fact, Officer)> {
    let below = [Measure::M0, Measure::M1, Measure::M2, Measure::M3, Measure::M4];
    let none = || Fact::Declaration(Declaration { conflict: None });
    vec![
        (Fact::Danger(danger()), duty()),
        (Fact::Nexus(Nexus { reachable: true, lowers_risk: Some(text("readers act on it")) }), duty()),
        (Fact::Concerned(concerned()), liaison()),
        (Fact::LesserMeasures(LesserMeasures { considered: below.map(would_not_do).to_vec() }), duty()),
        (
            Fact::Safety(Safety {
                escalation: Some(text("some may go elsewhere")),
                plan: Some(paragraphs("the person is told before")),
                dispatcher: Some(Dispatcher::WarnedWithConsent { at: ago(HOUR * 3) }),
            }),
            duty(),
        ),
        (
            Fact::LegalReview(LegalReview {
                conclusion: LegalConclusion::Lawful,
                sealed_view: Digest::of(b"view"),
                dissent: Some(Dissent::NoneVoiced),
            }),
            legal(),
        ),
        (Fact::SiteConduct(site_conduct()), duty()),
        (none(), assessor(1)),
        (none(), assessor(2)),
        (none(), legal()),
        (none(), duty()),
        (none(), liaison()),
    ]
}

/// A case on which all nine conditions hold for M5.
pub fn open_case() -> Case {
    let account = AccountId::from_bytes([1; 16]);
    let by = officer(Role::Intake, "intake-1");
    let mut case =
        Case::open(CaseId::from_bytes([1; 16]), account, text("Calls to kill"), by, ago(HOUR * 12));
    case.findings = vec![finding(1, Source::A), finding(2, Source::B)];
    let to = |code| Addressee::Jurisdiction(jurisdiction(code));
    case.referrals = vec![
        answered(1, to("AA"), Answer::NonObjection),
        answered(2, to("BB"), Answer::Request),
        answered(3, Addressee::Fallback, Answer::NoJurisdiction),
    ];
    for (fact, by) in facts() {
        case.record(fact, by, ago(HOUR * 2)).expect("recorded");
    }
    case
}

/// A customer without earlier decisions.
pub fn no_earlier() -> Earlier {
    Earlier::of(AccountId::from_bytes([1; 16]), [], &Trial::new().founding.roster)
}

/// A founded trial with the policy that it decides under.
pub struct Trial {
    pub founding: Founding,
    pub matrix: Matrix,
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

impl Trial {
    pub fn new() -> Self {
        let founding = Roster::found_trial(&SeededRandom::new(42), ago(HOUR * 24));
        Self { founding, matrix: Matrix::parse(default_policy_text()).expect("the built-in policy") }
    }

    pub fn setting(&self) -> Setting<'_> {
        Setting {
            matrix: &self.matrix,
            roster: &self.founding.roster,
            footprint: Footprint { sites: 3 },
            public_url: "http://localhost:9091/",
            contact: "desk@operator.test",
        }
    }

    pub fn key(&self, pseudonym: &str) -> &OfficerKey {
        let mut keys = self.founding.keys.iter();
        keys.find(|key| key.pseudonym().as_str() == pseudonym).expect("a seat of the trial")
    }
}
