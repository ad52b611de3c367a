//! Rows about authorities' orders.

use super::deciding::{in_force, request, site};
use casework::fixtures::*;
use casework::{
    Basis, Continuation, Order, OrderRefusal, OrderState, RefusedBecause, Request, Served, assess, propose,
};
use policy::{Ground, Measure};
use vocabulary::SitePattern;

pub(crate) fn t13() {
    let served: Vec<SitePattern> = vec!["board.test".parse().expect("a pattern")];
    let examined = |demanded: &casework::Demanded| demanded.examine(&court(), Served(&served), now());
    let right = demanded(Measure::M4, &["https://board.test/thread/9"]);
    assert!(examined(&right).is_empty());
    let valid = authentic(&right).accept(&examined(&right), legal(), now()).expect("valid");
    assert_eq!(valid.state.name(), "valid");

    // One letter is missing: the same court, the same key, the same call.
    let wrong = demanded(Measure::M4, &["https://bord.test/thread/9"]);
    let faults = examined(&wrong);
    assert_eq!(faults[0].because, RefusedBecause::ManifestError);
    let accepted = authentic(&wrong).accept(&faults, legal(), now());
    assert_eq!(accepted, Err(OrderRefusal::Faulty(faults[0].clone())));
    let words = text("bord.test is not served here; which address is meant?");
    let refused = authentic(&wrong).refuse(faults[0].because, words, legal(), now()).expect("refused");
    assert!(matches!(refused.state, OrderState::Refused { because: RefusedBecause::ManifestError, .. }));
}

/// An order of AA's court carries a block in AA, and in no other country; nothing once it is taken back.
pub(crate) fn carries_its_territory_alone() {
    let case = open_case();
    let order = valid(&demanded(Measure::M4, &["board.test"]));
    let proposed = |order: &Order, territories: &[&str]| {
        let request = Request {
            measure: Measure::M4,
            ground: Ground::Order,
            lease: HOUR * 24 * 90,
            demand: Some(demand()),
            territories: territories.iter().map(|code| code.parse().expect("a territory")).collect(),
            ..request(vec![site(1, "board.test")])
        };
        let (footing, trial) = ((&case, Some(order)), Trial::new());
        let verdict = assess(footing, Measure::M4, Ground::Order, now());
        let made = propose(footing, &verdict, request, duty(), &trial.setting(), &no_earlier(), now());
        made.map(drop).map_err(|refusal| refusal.name())
    };
    assert_eq!(proposed(&order, &["AA"]), Ok(()));
    for beyond in [&[][..], &["BB"], &["AA", "BB"]] {
        assert!(proposed(&order, beyond).is_err(), "{beyond:?}");
    }
    assert_eq!(proposed(&order, &["BB"]), Err("beyond-ordered-territories"));
    let withdrawn = order.withdraw(legal(), now()).expect("withdrawn");
    assert_eq!(proposed(&withdrawn, &["AA"]), Err("gate-closed"));
}

/// An order ratifies an emergency in its own territory alone.
pub(crate) fn ratifies_its_territory_alone() {
    let case = open_case();
    let decision = in_force();
    let hosts: Vec<String> = decision.scope.hosts().map(ToString::to_string).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let order = valid(&demanded(Measure::M6, &hosts));
    let ratified = |territories: &[&str]| {
        let territories = territories.iter().map(|code| code.parse().expect("a territory")).collect();
        let asked = Continuation { lease: HOUR * 24 * 14, demand: Some(demand()), territories };
        let (footing, basis) = ((&case, Some(&order)), Basis::Order(order.id));
        let made =
            decision.ratification(footing, (basis, asked), &assessor(2), &Trial::new().setting(), now());
        made.map(drop).map_err(|refusal| refusal.name())
    };
    assert_eq!(ratified(&["AA"]), Ok(()));
    assert_eq!(ratified(&[]), Err("beyond-ordered-territories"));
    assert_eq!(ratified(&["AA", "BB"]), Err("beyond-ordered-territories"));
}
