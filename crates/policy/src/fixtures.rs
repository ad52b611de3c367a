//! What several tests of this crate build on: a founded trial, a scope, terms and a statement.

use crate::{
    AuthoritiesAsked, Demand, Footprint, Founding, Ground, Language, Matrix, Measure, OfficerKey,
    PolicyReference, Profile, Pseudonym, Role, Roster, Salt, Scope, ScopeReference, ScopeSite, ServiceClass,
    Statement, StatementFormat, Terms, default_policy_text, floor,
};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{AccountId, DecisionId, Random, SeededRandom, SiteId, Timestamp};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00.000Z".parse().expect("an instant")
}

pub(crate) fn random() -> Box<dyn Random> {
    Box::new(SeededRandom::new(42))
}

pub(crate) fn founding() -> Founding {
    Roster::found_trial(&*random(), now())
}

pub(crate) fn matrix() -> Matrix {
    Matrix::parse(default_policy_text()).expect("the built-in policy")
}

pub(crate) fn footprint() -> Footprint {
    Footprint { sites: 40 }
}

pub(crate) fn name(text: &str) -> Pseudonym {
    text.parse().expect("a pseudonym")
}

/// The trial's key of a pseudonym.
pub(crate) fn key<'a>(founding: &'a Founding, pseudonym: &str) -> &'a OfficerKey {
    founding.keys.iter().find(|key| key.pseudonym().as_str() == pseudonym).expect("a seat of the trial")
}

/// A stranger's key.
pub(crate) fn stranger(role: Role) -> OfficerKey {
    OfficerKey::generate(&SeededRandom::new(7), name("stranger"), role)
}

pub(crate) fn site(number: u16, account: u8, host: &str) -> ScopeSite {
    let mut id = [0; 16];
    id[14..].copy_from_slice(&number.to_be_bytes());
    ScopeSite {
        site: SiteId::from_bytes(id),
        account: AccountId::from_bytes([account; 16]),
        hosts: vec![host.parse().expect("a pattern")],
        except: BTreeSet::new(),
        urls: BTreeSet::new(),
        features: BTreeSet::new(),
        reason: "carries the items".to_owned(),
    }
}

pub(crate) fn scope() -> Scope {
    let sites = vec![site(2, 1, "*.board.test"), site(1, 1, "board.test")];
    Scope::new(Salt::from_bytes([9; 32]), sites).expect("a scope")
}

pub(crate) fn statement(measure: Measure, class: ServiceClass, ground: Ground, lease: Duration) -> Statement {
    Statement {
        format: StatementFormat,
        decision: DecisionId::from_bytes([5; 16]),
        title: "Provisional block".to_owned(),
        summary: "TRIAL".to_owned(),
        facts: vec!["A fact.".to_owned()],
        ground,
        ground_text: "Danger to human life.".to_owned(),
        measure,
        class,
        not_before: now(),
        expires: now().plus(lease),
        profile: Profile::Trial,
        policy: PolicyReference { version: 1, sha256: matrix().hash() },
        floor: floor::hash(),
        authorities_asked: AuthoritiesAsked::Formally,
        meaning: "Visitors cannot see these sites.".to_owned(),
        redress: "Write to us.".to_owned(),
        contact: "desk@operator.test".to_owned(),
        url: "http://localhost:9091/record/decisions/x".to_owned(),
        language: Language::En,
    }
}

/// Terms over [`scope`], with the statement they commit to.
pub(crate) fn terms(measure: Measure, class: ServiceClass, ground: Ground, lease: Duration) -> Terms {
    let statement = statement(measure, class, ground, lease);
    Terms {
        decision: statement.decision,
        class,
        measure,
        ground,
        not_before: statement.not_before,
        expires: statement.expires,
        renewal: 0,
        scope: ScopeReference { sites: 2, sha256: scope().digest() },
        statement: statement.digest(),
        roster: founding().roster.hash(),
        floor: floor::hash(),
        profile: Profile::Trial,
        demand: (ground == Ground::Order).then(demand),
        territories: BTreeSet::new(),
    }
}

/// What a court demands.
pub(crate) fn demand() -> Demand {
    let url = "https://court.test/orders/1".to_owned();
    Demand { authority: "A court".to_owned(), law: "A law".to_owned(), url }
}

/// The terms of the ordinary emergency: M5 on the shield for 48 hours.
pub(crate) fn emergency() -> Terms {
    terms(Measure::M5, ServiceClass::S, Ground::Emergency, HOUR * 48)
}
