use super::*;
use crate::fixtures::{HOUR, emergency, scope, statement};

fn agreed() -> Statement {
    statement(Measure::M5, ServiceClass::S, Ground::Emergency, HOUR * 48)
}

#[test]
fn terms_commit_to_their_statement() {
    assert!(emergency().check_statement(&agreed()).is_ok());
    let other = Statement { title: "Provisional blocks".to_owned(), ..agreed() };
    assert_eq!(emergency().check_statement(&other).expect_err("one letter").name(), "statement-changed");
}

#[test]
fn a_statement_may_not_tell_the_public_something_else() {
    let own = agreed();
    for (statement, field) in [
        (Statement { decision: DecisionId::from_bytes([6; 16]), ..own.clone() }, "decision"),
        (Statement { ground: Ground::Order, ..own.clone() }, "ground"),
        (Statement { measure: Measure::M3, ..own.clone() }, "measure"),
        (Statement { class: ServiceClass::H, ..own.clone() }, "class"),
        (Statement { not_before: own.expires, ..own.clone() }, "not_before"),
        (Statement { expires: own.not_before, ..own.clone() }, "expires"),
        (Statement { profile: Profile::Full, ..own.clone() }, "profile"),
        (Statement { floor: Digest::of(b""), ..own.clone() }, "floor"),
    ] {
        let terms = Terms { statement: statement.digest(), ..emergency() };
        let refusal = terms.check_statement(&statement).expect_err(field);
        assert!(matches!(refusal, Refusal::StatementContradicts { field: other } if other == field));
    }
}

#[test]
fn statements_are_bounded() {
    let long = Statement { summary: "x".repeat(STATEMENT_MAX), ..agreed() };
    let terms = Terms { statement: long.digest(), ..emergency() };
    assert_eq!(terms.check_statement(&long).expect_err("long").name(), "statement-too-long");
}

#[test]
fn documents_are_read_back_from_their_one_encoding() {
    let statement = agreed();
    assert_eq!(Statement::parse(&statement.to_bytes()).expect("its own bytes"), statement);
    for terms in [
        emergency(),
        Terms {
            demand: Some(Demand {
                authority: "A court".into(),
                law: "A law".into(),
                url: "https://x.test/".into(),
            }),
            ..emergency()
        },
    ] {
        let bytes = canonical::to_bytes(&terms).expect("canonical");
        assert_eq!(canonical::parse::<Terms>(&bytes).expect("its own bytes"), terms);
    }
    let text = String::from_utf8(canonical::to_bytes(&emergency()).expect("canonical")).expect("JSON");
    for other in [
        text.replace("\"class\"", "\"demand\":null,\"class\""),
        text.replace("\"M5\"", "\"M8\""),
        text.replace("{\"class\"", "{\"aside\":1,\"class\""),
    ] {
        assert!(other != text && canonical::parse::<Terms>(other.as_bytes()).is_err(), "{other}");
    }
}

#[test]
fn the_count_of_sites_is_part_of_the_commitment() {
    assert!(emergency().check_scope(&scope()).is_ok());
    let mut terms = emergency();
    terms.scope.sites = 1;
    assert!(terms.check_scope(&scope()).is_err());
}
