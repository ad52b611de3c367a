use super::*;
use crate::LEASE_MIN;
use crate::fixtures::{HOUR, demand, emergency, footprint, matrix, now, scope, site, terms};
use crate::{Feature, Ground, Salt, ScopeReference, ServiceClass, default_policy_text};
use proptest::prelude::*;
use std::time::Duration;
use vocabulary::Digest;

fn check(terms: &Terms) -> Result<Admissible, Refusal> {
    admissible(terms, &scope(), &matrix(), Profile::Trial, footprint())
}

fn reason(terms: &Terms) -> &'static str {
    check(terms).expect_err("refused").name()
}

/// The emergency terms over another scope.
fn over(scope: &Scope) -> Terms {
    let sites = u32::try_from(scope.sites().len()).expect("few");
    Terms { scope: ScopeReference { sites, sha256: scope.digest() }, ..emergency() }
}

#[test]
fn the_emergency_block_of_the_shield_is_admissible() {
    let admitted = check(&emergency()).expect("admissible");
    assert_eq!(admitted.conditions(), []);
    assert_eq!(admitted.clause().lease, Some(HOUR * 48));
}

#[test]
fn the_floor_is_asked_before_the_policy() {
    let never = terms(Measure::M5, ServiceClass::C, Ground::Emergency, HOUR);
    assert_eq!(reason(&never), "never-on-class");
    let long = terms(Measure::M5, ServiceClass::S, Ground::Emergency, HOUR * 48 + Duration::from_millis(1));
    assert_eq!(reason(&long), "lease-over-floor");
    let other = Terms { floor: Digest::of(b"another floor"), ..emergency() };
    assert_eq!(reason(&other), "floor-changed");
    let renewed = Terms { renewal: 1, ..emergency() };
    assert_eq!(reason(&renewed), "renewed-too-often");
}

#[test]
fn leases_shorter_than_two_seconds_are_refused() {
    let lease =
        |millis| terms(Measure::M5, ServiceClass::S, Ground::Emergency, Duration::from_millis(millis));
    assert!(check(&lease(2_000)).is_ok());
    assert_eq!(reason(&lease(1_999)), "lease-too-short");
    let backwards = Terms { expires: now().minus(HOUR), ..emergency() };
    assert_eq!(reason(&backwards), "lease-too-short");
}

#[test]
fn the_policy_narrows_the_floor() {
    let ground = terms(Measure::M5, ServiceClass::S, Ground::Policy, HOUR);
    assert_eq!(reason(&ground), "ground-not-admitted");
    let text =
        default_policy_text().replacen("  S  emergency        48h\n", "  S  emergency        24h\n", 1);
    let narrow = Matrix::parse(&text).expect("a policy");
    let refused = admissible(&emergency(), &scope(), &narrow, Profile::Trial, footprint());
    assert_eq!(refused.expect_err("25 h over").name(), "lease-over-policy");
}

#[test]
fn the_policy_may_allow_fewer_renewals_than_the_floor() {
    let renewed = Terms { renewal: 1, ..terms(Measure::M6, ServiceClass::S, Ground::Order, HOUR) };
    assert!(check(&renewed).is_ok());
    let text =
        default_policy_text().replacen("  S  order               14d  renewable", "  S  order  14d", 1);
    let narrow = Matrix::parse(&text).expect("a policy");
    let refused = admissible(&renewed, &scope(), &narrow, Profile::Trial, footprint());
    assert_eq!(refused.expect_err("once too often").name(), "renewed-too-often");
}

/// A scope of one site with these addresses and features.
fn shaped(urls: &[&str], features: &[Feature]) -> Scope {
    let mut one = site(1, 1, "board.test");
    one.urls = urls.iter().map(|url| url.parse().expect("an address")).collect();
    one.features = features.iter().copied().collect();
    Scope::new(Salt::from_bytes([1; 32]), vec![one]).expect("a scope")
}

#[test]
fn a_scope_says_exactly_what_its_measure_asks_for() {
    use {Ground::*, Measure::*, ServiceClass::*};
    let (hosts, urls, features) =
        (shaped(&[], &[]), shaped(&["/a"], &[]), shaped(&[], &[Feature::ErrorPages]));
    let (nowhere, there) = (&[][..], &["AA"][..]);
    for (measure, class, ground, scope, territories, admitted) in [
        (M1, S, Emergency, &hosts, nowhere, true),
        (M1, S, Emergency, &urls, nowhere, false),
        (M2, H, Policy, &features, nowhere, true),
        (M2, H, Policy, &hosts, nowhere, false),
        (M2, H, Policy, &urls, nowhere, false),
        (M3, S, Emergency, &urls, nowhere, true),
        (M3, S, Emergency, &hosts, nowhere, false),
        (M3, S, Emergency, &urls, there, false),
        (M3, S, Order, &urls, there, true),
        (M3, S, Order, &features, there, false),
        (M4, S, Order, &hosts, there, true),
        (M4, S, Order, &hosts, nowhere, false),
        (M4, S, Order, &urls, there, false),
        (M5, S, Emergency, &hosts, there, false),
        (M5, S, Emergency, &urls, nowhere, false),
        (M5, S, Emergency, &features, nowhere, false),
        (M6, S, Order, &hosts, there, true),
        (M6, S, Order, &urls, there, false),
    ] {
        let bound = over(scope).scope;
        let territories = territories.iter().map(|code| code.parse().expect("a code")).collect();
        let terms = Terms { scope: bound, territories, ..terms(measure, class, ground, HOUR) };
        let judged = admissible(&terms, scope, &matrix(), Profile::Trial, footprint());
        let name = judged.as_ref().err().map(Refusal::name);
        let what = (measure, ground, &terms.territories);
        assert_eq!(name, (!admitted).then_some("scope-of-other-measure"), "{what:?}");
    }
}

#[test]
fn acts_have_no_lease_and_confirmed_blocks_have_one() {
    let act = terms(Measure::M0, ServiceClass::H, Ground::Policy, HOUR);
    assert_eq!(reason(&act), "act-without-lease");
    let confirmed = terms(Measure::M6, ServiceClass::S, Ground::Order, HOUR * 24 * 14);
    assert!(check(&confirmed).is_ok());
}

#[test]
fn a_trial_acts_on_reserved_names_only() {
    for (host, admitted) in [
        ("board.test", true),
        ("*.example", true),
        ("localhost", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("board.example.org", false),
        ("board.net", false),
        ("203.0.113.7", false),
        ("test.board.net", false),
    ] {
        let scope = Scope::new(Salt::from_bytes([1; 32]), vec![site(1, 1, "a.test"), site(2, 1, host)]);
        let scope = scope.expect("a scope");
        let checked = admissible(&over(&scope), &scope, &matrix(), Profile::Trial, footprint());
        match checked {
            Ok(_) => assert!(admitted, "{host}"),
            Err(refusal) => assert_eq!((refusal.name(), admitted), ("trial-on-real-name", false), "{host}"),
        }
    }
}

#[test]
fn other_profiles_are_refused_with_what_can_be_done() {
    for (profile, expected) in
        [(Profile::Solo, "beyond-profile"), (Profile::Ward, "lease-over-profile"), (Profile::Full, "")]
    {
        let terms = Terms { profile, ..emergency() };
        let outcome = admissible(&terms, &scope(), &matrix(), profile, footprint());
        assert_eq!(outcome.map_or_else(|refusal| refusal.name(), |_| ""), expected);
    }
    let refusal = admissible(&emergency(), &scope(), &matrix(), Profile::Full, footprint());
    assert_eq!(refusal.expect_err("changed").name(), "profile-changed");
}

#[test]
fn an_order_names_who_demanded_and_nothing_else_does() {
    let ordered = terms(Measure::M6, ServiceClass::S, Ground::Order, HOUR);
    assert!(admissible(&ordered, &scope(), &matrix(), Profile::Trial, footprint()).is_ok());
    assert_eq!(reason(&Terms { demand: None, ..ordered }), "demand-mismatch");
    assert_eq!(reason(&Terms { demand: Some(demand()), ..emergency() }), "demand-mismatch");
}

#[test]
fn a_changed_scope_is_refused() {
    let other =
        Scope::new(Salt::from_bytes([9; 32]), vec![site(1, 1, "board.test"), site(2, 1, "*.forun.test")]);
    let refused = admissible(&emergency(), &other.expect("a scope"), &matrix(), Profile::Trial, footprint());
    assert_eq!(refused.expect_err("one letter").name(), "scope-changed");
    let miscounted = Terms { scope: ScopeReference { sites: 3, ..emergency().scope }, ..emergency() };
    assert_eq!(reason(&miscounted), "scope-changed");
}

fn sites_of(accounts: &[(u8, u16)]) -> Scope {
    let mut number = 0;
    let mut sites = Vec::new();
    for (account, count) in accounts {
        for _ in 0..*count {
            number += 1;
            sites.push(site(number, *account, &format!("s{number}.test")));
        }
    }
    Scope::new(Salt::from_bytes([1; 32]), sites).expect("a scope")
}

#[test]
fn the_blast_radius_is_a_tenth_or_one_account() {
    for (accounts, known, admitted) in [
        (&[(1, 30)][..], 0, true),
        (&[(1, 30), (2, 1)][..], 309, false),
        (&[(1, 30), (2, 1)][..], 310, true),
        (&[(1, 1), (2, 1)][..], 19, false),
        (&[(1, 1), (2, 1)][..], 20, true),
    ] {
        let scope = sites_of(accounts);
        let footprint = Footprint { sites: known };
        let checked = admissible(&over(&scope), &scope, &matrix(), Profile::Trial, footprint);
        let name = checked.as_ref().err().map(Refusal::name);
        assert_eq!(name, (!admitted).then_some("blast-radius"), "{accounts:?} of {known}");
    }
    assert_eq!(Footprint { sites: 1_000_000 }.limit(1), 5_000);
    assert_eq!(Footprint { sites: 1_000_000 }.limit(9_999), 5_000);
}

#[test]
fn five_thousand_and_one_sites_are_no_scope() {
    let sites: Vec<_> = (1..=5_001).map(|number| site(number, 1, "a.test")).collect();
    assert!(Scope::new(Salt::from_bytes([1; 32]), sites[1..].to_vec()).is_ok());
    let refused = Scope::new(Salt::from_bytes([1; 32]), sites).expect_err("one too many");
    assert!(refused.to_string().contains("5001"), "{refused}");
}

proptest! {
    #[test]
    fn nothing_admissible_breaks_the_floor(
        measure in prop::sample::select(Measure::ALL.to_vec()),
        class in prop::sample::select(ServiceClass::ALL.to_vec()),
        ground in prop::sample::select(Ground::ALL.to_vec()),
        seconds in 0u64..40_000_000,
        renewal in 0u32..4,
    ) {
        let lease = Duration::from_secs(seconds);
        let terms = Terms { renewal, ..terms(measure, class, ground, lease) };
        if check(&terms).is_ok() {
            prop_assert!(!floor::never(measure, class));
            prop_assert!(floor::lease_max(measure, ground).is_some_and(|max| lease <= max));
            prop_assert!(lease >= LEASE_MIN);
            prop_assert!(floor::renewals_max(measure, ground).check(renewal).is_ok());
        }
    }
}

#[test]
fn a_termination_is_told_for_two_weeks_at_least_and_a_quarter_of_a_year_at_most() {
    let over = |days: u32| terms(Measure::M7, ServiceClass::H, Ground::Policy, HOUR * 24 * days);
    assert_eq!(reason(&over(13)), "lease-too-short");
    assert_eq!(reason(&over(91)), "lease-over-floor");
    for days in [14, 90] {
        let admitted = check(&over(days)).expect("admissible");
        assert_eq!(admitted.conditions(), [Condition::Appeal, Condition::ThirtyDaysNotice]);
    }
    // On the shield by order alone, and never more than once.
    let shield = terms(Measure::M7, ServiceClass::S, Ground::Policy, HOUR * 24 * 30);
    assert_eq!(reason(&shield), "ground-not-admitted");
    assert_eq!(reason(&Terms { renewal: 1, ..over(30) }), "renewed-too-often");
}

#[test]
fn a_termination_was_proposed_thirty_days_before_it_acts() {
    let ends = terms(Measure::M7, ServiceClass::H, Ground::Policy, HOUR * 24 * 30);
    let proposed = ends.not_before.minus(HOUR * 24 * 30);
    assert_eq!(ends.proposed_at(), proposed);
    assert!(ends.check_notice(proposed).is_ok());
    let late = ends.check_notice(proposed.plus(Duration::from_millis(1))).expect_err("one tick late");
    assert_eq!(late.name(), "notice-too-short");
    assert!(emergency().check_notice(emergency().not_before).is_ok(), "a lease begins with its proposal");
    assert_eq!(emergency().proposed_at(), emergency().not_before);
}
