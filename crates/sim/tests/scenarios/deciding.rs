//! Rows about proposing, approving and ratifying.

use super::people::approval;
use casework::fixtures::*;
use casework::{
    Addressee, Against, Answer, Appeal, AppealOutcome, Appellant, Basis, Case, Concerned, Continuation,
    Decision, Earlier, EdgeReceipt, Logged, MissedClock, Officer, Placement, PostedAt, ProposalRefusal,
    Published, Ratification, Request, Review, Setting, assess, gate, propose, ratify,
};
use ledger::{Body, EntryFormat, Kind};
use policy::{
    Feature, Footprint, Ground, Matrix, Measure, OfficerKey, Profile, Role, Roster, Salt, Scope, ScopeSite,
    ServiceClass, default_policy_text, floor,
};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{AccountId, AppealId, DecisionId, Digest, OrderId, SeededRandom, SiteId, Timestamp};

pub(crate) fn site(number: u16, host: &str) -> ScopeSite {
    let mut id = [0; 16];
    id[14..].copy_from_slice(&number.to_be_bytes());
    ScopeSite {
        site: SiteId::from_bytes(id),
        account: AccountId::from_bytes([1; 16]),
        hosts: vec![host.parse().expect("a pattern")],
        except: BTreeSet::new(),
        urls: BTreeSet::new(),
        features: BTreeSet::new(),
        reason: "carries the items".to_owned(),
    }
}

pub(crate) fn scope(sites: Vec<ScopeSite>) -> Scope {
    Scope::new(Salt::from_bytes([3; 32]), sites).expect("a scope")
}

pub(crate) fn request(sites: Vec<ScopeSite>) -> Request {
    Request {
        decision: DecisionId::from_bytes([7; 16]),
        measure: Measure::M5,
        class: ServiceClass::S,
        ground: Ground::Emergency,
        lease: HOUR * 48,
        demand: None,
        territories: BTreeSet::new(),
        scope: scope(sites),
        title: text("Provisional block of a message board"),
        summary: paragraphs("Calls to kill were posted and left up."),
        facts: Vec::new(),
    }
}

pub(crate) fn board() -> Vec<ScopeSite> {
    vec![site(1, "board.test"), site(2, "*.board.test")]
}

pub(crate) fn try_propose(
    case: &Case,
    request: Request,
    matrix: &Matrix,
    earlier: &Earlier,
    at: Timestamp,
) -> Result<Decision, ProposalRefusal> {
    let trial = Trial::new();
    let setting = Setting { matrix, ..trial.setting() };
    let verdict = assess(case, request.measure, request.ground, at);
    let proposal = propose(case, &verdict, request, duty(), &setting, earlier, at)?;
    let body = Body {
        format: EntryFormat::V1,
        kind: Kind::DecisionMade,
        time: at,
        actors: vec![proposal.by().to_string()],
        subject: proposal.terms().decision.to_string(),
        sequence: 1,
        previous: None,
        policy: Some(matrix.hash()),
        commitments: None,
        public: serde_json::to_value(proposal.terms()).expect("JSON"),
    };
    let bytes = body.to_bytes().expect("bytes");
    Ok(proposal.into_decision(String::from_utf8(bytes).expect("text")))
}

fn refused(request: Request) -> &'static str {
    let trial = Trial::new();
    try_propose(&open_case(), request, &trial.matrix, &no_earlier(), now()).expect_err("refused").name()
}

pub(crate) fn decision(case: &Case) -> Decision {
    try_propose(case, request(board()), &Trial::new().matrix, &no_earlier(), now()).expect("a proposal")
}

/// Approved by the duty officer and an assessor, logged, published and in force.
pub(crate) fn in_force() -> Decision {
    let mut decision = decision(&open_case());
    for pseudonym in ["assessor-1", "duty-officer-1"] {
        let signature = approval(pseudonym, &decision.body);
        let roster = Trial::new().founding.roster;
        decision =
            decision.approve(signature, &open_case(), &roster, &no_earlier(), now()).expect("approved");
    }
    let logged = Logged { index: 4, leaf: Digest::of(b"leaf"), at: now() };
    let published = Published { bundle: Digest::of(b"bundle"), at: now() };
    let receipt = EdgeReceipt { edge: "edge-1".to_owned(), at: now() };
    let decision = decision.log_found(logged).and_then(|decision| decision.publish(published));
    decision.and_then(|decision| decision.enforce(receipt)).expect("in force")
}

fn ratified(case: &Case, people: &[Officer], basis: Basis) -> Option<String> {
    let ratification = Ratification { people: people.to_vec(), basis };
    let roster = Trial::new().founding.roster;
    ratify(&in_force(), case, &roster, &ratification, now()).err().map(|refusal| refusal.to_string())
}

fn reviewer() -> Basis {
    Basis::Reviewer(officer(Role::Reviewer, "reviewer-1"))
}

pub(crate) fn lone_non_objection_never_ratifies() {
    let mut case = open_case();
    case.referrals[0] = answered(1, Addressee::Jurisdiction(jurisdiction("AA")), Answer::NonObjection);
    let others = [assessor(2), legal()];
    // Alone it is nobody's order, and there is no other way to bring it in.
    let why = ratified(&case, &others, Basis::Order(OrderId::from_bytes([1; 16]))).expect("refused");
    assert!(why.contains("names the order"), "{why}");
}

pub(crate) fn t16() {
    for measure in [Measure::M1, Measure::M2, Measure::M3, Measure::M5] {
        assert!(floor::never(measure, ServiceClass::C), "{measure}");
    }
    let asked = Request { class: ServiceClass::C, ..request(board()) };
    assert_eq!(refused(asked), "never-on-class");
}

pub(crate) fn t20() {
    let case = open_case();
    for (people, fine) in
        [([assessor(2), legal()], true), ([duty(), legal()], false), ([assessor(1), legal()], false)]
    {
        let why = ratified(&case, &people, reviewer());
        assert_eq!(why.is_none(), fine, "{why:?}");
        assert!(fine || why.is_some_and(|why| why.contains("may not ratify")));
    }
}

pub(crate) fn t26() {
    let sites = |count: u16| (1..=count).map(|number| site(number, "board.test")).collect::<Vec<_>>();
    assert!(Scope::new(Salt::from_bytes([3; 32]), sites(5_001)).is_err());
    assert!(Scope::new(Salt::from_bytes([3; 32]), sites(5_000)).is_ok());
    assert_eq!(Footprint { sites: 1_000_000 }.limit(1_000_000), 5_000);
    assert_eq!(Footprint { sites: 40 }.limit(7), 7, "at least one account's");
}

pub(crate) fn t27() {
    let text = format!("{}never-block \"emergency services\" *.board.test\n", default_policy_text());
    let matrix = Matrix::parse(&text).expect("a policy");
    let refused = |sites| {
        let outcome = try_propose(&open_case(), request(sites), &matrix, &no_earlier(), now());
        outcome.err().map(|refusal| refusal.name())
    };
    assert_eq!(refused(vec![site(1, "www.board.test")]), Some("never-block-category"));
    assert_eq!(refused(vec![site(1, "*.www.board.test")]), Some("never-block-category"));
    assert_eq!(refused(vec![site(1, "board.test")]), None);
    for wrong in ["never-block emergency a.test", "never-block \"x\"", "never-block \"x\" *.", "H policy 1h"]
    {
        assert!(Matrix::parse(&format!("{text}{wrong}\n")).is_err(), "{wrong}");
    }
}

pub(crate) fn t54() {
    let with = |code: &str, referred: usize| {
        let mut case = open_case();
        let at_risk = Placement::In(vec![jurisdiction(code)]);
        let recorded = case.facts.concerned.as_mut().expect("recorded");
        recorded.fact = Concerned { person_at_risk: at_risk, ..concerned() };
        case.referrals[referred] = answered(2, Addressee::Jurisdiction(jurisdiction(code)), Answer::Request);
        decision(&case)
    };
    let (one, other) = (with("BB", 1), with("CC", 1));
    assert_eq!((one.body, one.statement.to_bytes()), (other.body, other.statement.to_bytes()));
}

pub(crate) fn t60() {
    let trial = Trial::new();
    let roster = &trial.founding.roster;
    let first = in_force();
    let lapsed_at = first.terms.expires;
    let lapse = Logged { index: 9, leaf: Digest::of(b"lapse"), at: lapsed_at };
    let ask = |earlier: &[Decision], case: &Case, asked: Request| {
        let earlier = Earlier::of(case.account, earlier, roster);
        try_propose(case, asked, &trial.matrix, &earlier, now()).map_err(|refusal| refusal.name()).err()
    };
    let other = |sites| Request { decision: DecisionId::from_bytes([8; 16]), ..request(sites) };
    // Split scope: the second half while the first runs.
    let halves = [first.clone()];
    assert_eq!(
        ask(&halves, &open_case(), other(vec![site(3, "mirror.test")])),
        Some("provisional-block-open")
    );
    // The same evidence after the lapse: a block that ran until now.
    let mut over = first.lapse(lapse, lapsed_at).expect("lapsed");
    (over.terms.not_before, over.terms.expires) = (ago(HOUR * 30), ago(HOUR));
    assert_eq!(ask(std::slice::from_ref(&over), &open_case(), other(board())), Some("findings-not-new"));
    // Leases chained on ever new findings: 96 hours in 90 days and no more.
    let mut case = open_case();
    for finding in &mut case.findings {
        finding.posted_at = PostedAt::Instant(ago(MINUTE * 30));
    }
    let chain: Vec<Decision> = (1..=3u8)
        .map(|number| Decision {
            id: DecisionId::from_bytes([20 + number; 16]),
            terms: policy::Terms {
                not_before: ago(HOUR * (24 * 5 * u32::from(number))),
                expires: ago(HOUR * (24 * 5 * u32::from(number))).plus(HOUR * 20),
                ..over.terms.clone()
            },
            ..over.clone()
        })
        .collect();
    let long = |hours| Request { lease: Duration::from_secs(3_600) * hours, ..other(board()) };
    let spent = ask(&chain, &case, long(37));
    assert_eq!(spent, Some("provisional-hours-spent"));
}

pub(crate) fn t62() {
    assert_eq!(refused(request(vec![site(1, "board.example.org")])), "trial-on-real-name");
}

fn heard(against: Against, by: &Officer) -> Result<Case, &'static str> {
    let (decided, trial, mut case) = (in_force(), Trial::new(), open_case());
    let id = AppealId::from_bytes([1; 16]);
    let grounds = paragraphs("It was not us.");
    let appeal = Appeal::file(id, (Appellant::Reporter, against), grounds, &[&decided], now());
    case.add_appeal(appeal).expect("taken in");
    case.step_appeal(id, |appeal| appeal.admit(duty(), now())).expect("admitted");
    let around = (&[&decided][..], &trial.founding.roster);
    case.review_appeal(id, (by, Review::Hear), around, now()).map_err(|refusal| refusal.name())?;
    let rule = Review::Rule { outcome: AppealOutcome::Overturned, reasons: paragraphs("So it is.") };
    case.review_appeal(id, (by, rule), around, now()).map_err(|refusal| refusal.name())?;
    Ok(case)
}

fn the_reviewer() -> Officer {
    officer(Role::Reviewer, "reviewer-1")
}

pub(crate) fn t34() {
    let against = Against::Decision(in_force().id);
    for by in [duty(), assessor(1), legal()] {
        assert_eq!(heard(against, &by).err(), Some("not-reviewer"), "{by}");
    }
    assert!(heard(against, &the_reviewer()).is_ok());
}

pub(crate) fn t61() {
    let mut trial = Trial::new();
    let mut members = trial.founding.roster.members().to_vec();
    for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "assessor-1") {
        member.organisation = "a peer".to_owned();
    }
    let (profile, from) = (Profile::Solo, trial.founding.roster.not_before());
    trial.founding.roster = Roster::new(profile, 1, from, profile.thresholds(), members).expect("a roster");
    let case = open_case();
    let verdict = gate(&case, Measure::M5, now());
    let outcome = propose(&case, &verdict, request(board()), duty(), &trial.setting(), &no_earlier(), now());
    let refusal = outcome.expect_err("refused");
    assert_eq!(refusal.name(), "beyond-profile");
    let ProposalRefusal::Inadmissible(why) = refusal else { panic!("inadmissible") };
    assert!(why.to_string().contains("carry out orders"), "{why}");
    // One person with two keys is one person.
    let second = OfficerKey::generate(&SeededRandom::new(9), "legal-1".parse().expect("name"), Role::Legal);
    let mut members = Trial::new().founding.roster.members().to_vec();
    let mut again = members.iter().find(|member| member.role == Role::Legal).expect("legal").clone();
    again.key = second.public();
    members.push(again);
    let roster = Roster::new(Profile::Trial, 1, from, Profile::Trial.thresholds(), members).expect("roster");
    let terms = policy::Terms { roster: roster.hash(), ..in_force().terms };
    let both = [approval("legal-1", "a body"), second.approve(b"a body")];
    let refused = policy::approve(b"a body", &both, &roster, &terms).expect_err("refused");
    assert_eq!(refused.name(), "same-person-twice");
}

pub(crate) fn t64() {
    for against in [Against::Inaction, Against::MissedClock(MissedClock::Triage)] {
        let case = heard(against, &the_reviewer()).expect("heard");
        assert_eq!(case.appeals[0].ruling().map(|(_, outcome)| outcome), Some(AppealOutcome::Overturned));
    }
}

pub(crate) fn t65() {
    let trial = Trial::new();
    let asked = || Continuation { lease: HOUR * 24 * 14, demand: None, territories: BTreeSet::new() };
    let setting = trial.setting();
    let ratify = |at: Timestamp| {
        let basis = Basis::Reviewer(the_reviewer());
        in_force().ratification(&open_case(), (basis, asked()), &assessor(2), &setting, at)
    };
    assert!(ratify(now()).is_ok());
    let late = now().plus(HOUR * 47);
    assert_eq!(ratify(late).map_err(|refusal| refusal.name()).err(), Some("gate-closed"));
    // Closed under a measure in force: two officers lift it.
    assert!(in_force().lift(policy::EndReason::GateClosed, late).is_ok());
}

pub(crate) fn t41() {
    let mut case = open_case();
    // Nobody is in danger, and nobody has to say so.
    case.facts.danger = None;
    case.facts.safety = None;
    case.referrals.clear();
    let feature = |ground| {
        let mut site = site(1, "board.test");
        site.features = [Feature::ErrorPages].into();
        Request {
            measure: Measure::M2,
            class: ServiceClass::H,
            ground,
            lease: HOUR * 24 * 14,
            ..request(vec![site])
        }
    };
    let trial = Trial::new();
    let proposed = |request| try_propose(&case, request, &trial.matrix, &no_earlier(), now());
    let decision = proposed(feature(Ground::Policy)).expect("a proposal");
    assert_eq!((decision.terms.measure, decision.terms.class), (Measure::M2, ServiceClass::H));
    let statement = &decision.statement;
    assert!(statement.ground_text.ends_with("No emergency is claimed."), "{}", statement.ground_text);
    assert_eq!(statement.authorities_asked, policy::AuthoritiesAsked::No);
    let claimed =
        |words: &[String]| words.iter().any(|word| word.contains("threaten") || word.contains("referred"));
    assert!(!claimed(&statement.facts) && statement.meaning.contains("protected against attacks"));
    // As an emergency it is refused, and a block on the same facts is closed.
    let name = |request| proposed(request).expect_err("refused").name();
    let emergency = Request { lease: HOUR * 48, ..feature(Ground::Emergency) };
    assert_eq!(name(emergency), "ground-not-admitted");
    assert_eq!(name(request(board())), "gate-closed");
    // Whoever put an end to it in time keeps the feature.
    let mut cured = case.clone();
    for item in &mut cured.facts.site_conduct.as_mut().expect("recorded").fact.items {
        item.outcome = casework::ItemOutcome::Removed { at: ago(HOUR) };
    }
    let refused = try_propose(&cured, feature(Ground::Policy), &trial.matrix, &no_earlier(), now());
    assert_eq!(refused.expect_err("cured").name(), "gate-closed");
}
