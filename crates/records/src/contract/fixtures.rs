//! Values for the clauses; the same number gives the same value.

use crate::{Account, RevisionNote};
use casework::{
    Appearance, Case, Decision, DecisionState, Finding, Officer, PostedAt, Ratings, Source, gate,
};
use policy::{
    AuthoritiesAsked, Ground, Language, Measure, PolicyReference, Profile, Role, Salt, Scope, ScopeReference,
    ScopeSite, ServiceClass, Statement, StatementFormat, Terms,
};
use snapshot::{CacheMode, Origin, Scheme, Service, Site};
use vocabulary::{
    AccountId, CaseId, DecisionId, Digest, EvidenceId, FindingId, Hostname, SeededRandom, SiteId, Timestamp,
};

/// A Saturday's minutes.
pub fn at(minute: i64) -> Timestamp {
    Timestamp::from_secs(1_795_305_600 + 60 * minute)
}

/// A note on a revision.
pub fn note(minute: i64, actor: &str) -> RevisionNote {
    RevisionNote { at: at(minute), actor: actor.to_owned() }
}

/// An account.
pub fn account(number: u8) -> Account {
    Account { id: AccountId::from_bytes([number; 16]), name: format!("account {number}"), mail: None }
}

/// A site of an account.
pub fn site(number: u8, owner: u8, hosts: &[&str]) -> Site {
    Site {
        id: SiteId::from_bytes([number; 16]),
        account: account(owner).id,
        hosts: hosts.iter().map(|host| host.parse().expect("a pattern")).collect(),
        origins: vec![Origin::new(Scheme::Http, Hostname::parse("origin.test").expect("a name"), 80)],
        services: [Service::Cache, Service::Errors].into(),
        cache: CacheMode::Guarded,
        origin_policy: snapshot::OriginPolicy::default(),
        cache_rules: caching::Rules::default(),
        certificate: None,
        error_page: None,
        front: snapshot::Front::default(),
        pages: Default::default(),
        shield: Default::default(),
    }
}

/// A signed note of a checkpoint, as far as a store looks into it: `signers` are one or more words.
pub fn checkpoint(size: u64, root: &str, signers: &str) -> String {
    let signatures: String =
        signers.split(' ').map(|signer| format!("\u{2014} {signer} c2lnbmF0dXJl\n")).collect();
    format!("wardmote.test/log\n{size}\n{root}\n\n{signatures}")
}

/// A case's id.
pub fn case_id(number: u8) -> CaseId {
    CaseId::from_bytes([number; 16])
}

/// One line of text.
pub fn text(text: &str) -> casework::Text {
    text.parse().expect("a text")
}

/// A case just opened.
pub fn case(number: u8, allegation: &str) -> Case {
    Case::open(case_id(number), account(1).id, allegation.parse().expect("a text"), officer(), at(0))
}

/// A case over the bound of what is kept.
pub fn oversized_case(number: u8) -> Case {
    let mut case = case(number, "too much");
    let captures = crate::bounds::CASE_BYTES_MAX / 30;
    case.findings.push(Finding {
        id: FindingId::from_bytes([1; 16]),
        evidence: vec![EvidenceId::from_bytes([1; 16]); captures],
        sha256: Vec::new(),
        source: Source::B,
        captured_at: at(0),
        filed_by: officer(),
        item: "an item".parse().expect("a text"),
        author: None,
        appearance: Appearance::Posted,
        posted_at: PostedAt::Unknown,
        ratings: Ratings::default(),
    });
    case
}

/// A decision's id.
pub fn decision_id(number: u8) -> DecisionId {
    DecisionId::from_bytes([number; 16])
}

/// A decision of a case: just proposed, or already being approved.
pub fn decision(number: u8, of_case: u8, approving: bool) -> Decision {
    let case = case(of_case, "something");
    let scope = scope();
    let statement = statement(number);
    let terms = Terms {
        decision: decision_id(number),
        class: ServiceClass::S,
        measure: Measure::M5,
        ground: Ground::Emergency,
        not_before: at(0),
        expires: at(60),
        renewal: 0,
        scope: ScopeReference { sites: 1, sha256: scope.digest() },
        statement: Digest::of(b"statement"),
        roster: Digest::of(b"roster"),
        floor: Digest::of(b"floor"),
        profile: Profile::Trial,
        demand: None,
        territories: std::collections::BTreeSet::new(),
    };
    Decision {
        id: decision_id(number),
        case: case.id,
        proposed_by: officer(),
        terms,
        scope,
        statement,
        body: "{}".to_owned(),
        verdict: gate(&case, Measure::M5, at(0)),
        state: if approving {
            DecisionState::Approving { approvals: vec![] }
        } else {
            DecisionState::Proposed
        },
        former: Vec::new(),
        order: None,
        pending: None,
    }
}

pub fn officer() -> Officer {
    Officer { role: Role::Intake, pseudonym: "intake-1".parse().expect("a pseudonym") }
}

fn scope() -> Scope {
    let site = site(1, 1, &["one.test"]);
    let listed = ScopeSite {
        site: site.id,
        account: site.account,
        hosts: site.hosts,
        except: std::collections::BTreeSet::new(),
        urls: std::collections::BTreeSet::new(),
        features: std::collections::BTreeSet::new(),
        reason: "a test".to_owned(),
    };
    Scope::new(Salt::random(&SeededRandom::new(1)), vec![listed]).expect("a scope")
}

fn statement(number: u8) -> Statement {
    Statement {
        format: StatementFormat,
        decision: decision_id(number),
        title: "A test".to_owned(),
        summary: "A test of what is kept.".to_owned(),
        facts: vec![],
        ground: Ground::Emergency,
        ground_text: "emergency".to_owned(),
        measure: Measure::M5,
        class: ServiceClass::S,
        not_before: at(0),
        expires: at(60),
        profile: Profile::Trial,
        policy: PolicyReference { version: 1, sha256: Digest::of(b"policy") },
        floor: Digest::of(b"floor"),
        authorities_asked: AuthoritiesAsked::Formally,
        meaning: "Nothing.".to_owned(),
        redress: "None is needed.".to_owned(),
        contact: "nobody".to_owned(),
        url: "https://record.test/record/decisions/1".to_owned(),
        language: Language::En,
    }
}
