use super::*;
use crate::Ground::{
    Emergency, Malware, Order, Payment, Phishing, Policy, RatifiedEmergency, TechnicalAbuse,
};
use crate::Measure::{M0, M1, M2, M3, M4, M5, M6, M7};
use crate::ServiceClass::{C, H, S};
use crate::fixtures::matrix;
use proptest::prelude::*;

const DAY: u64 = 86_400;

/// Grounds with their longest lease in days, 0 for acts.
type Days = Vec<(Ground, u64)>;

/// Every cell of the design's matrix: the grounds it admits with their longest lease in days.
fn designed() -> Vec<(Measure, ServiceClass, Days)> {
    let abuse = |days| vec![(TechnicalAbuse, days), (Malware, days), (Phishing, days)];
    let policy = |days| [vec![(Policy, days)], abuse(days)].concat();
    vec![
        (M0, H, policy(0)),
        (M0, S, policy(0)),
        (M0, C, policy(0)),
        (M1, H, policy(14)),
        (M1, S, vec![(TechnicalAbuse, 14), (Emergency, 2), (RatifiedEmergency, 14)]),
        (M1, C, vec![]),
        (M2, H, policy(14)),
        (M2, S, policy(14)),
        (M2, C, vec![]),
        (M3, H, policy(14)),
        (M3, S, vec![(Order, 14), (Malware, 14), (Phishing, 14), (Emergency, 2), (RatifiedEmergency, 14)]),
        (M3, C, vec![]),
        (M4, H, vec![(Order, 90)]),
        (M4, S, vec![(Order, 90)]),
        (M4, C, vec![(Order, 90)]),
        (M5, H, [vec![(Emergency, 2)], abuse(2)].concat()),
        (M5, S, vec![(Emergency, 2)]),
        (M5, C, vec![]),
        (M6, H, [policy(14), vec![(Order, 14)]].concat()),
        (M6, S, vec![(Order, 14), (RatifiedEmergency, 14)]),
        (M6, C, vec![(Order, 14)]),
        (M7, H, [policy(0), vec![(Payment, 0)]].concat()),
        (M7, S, vec![(Order, 0)]),
        (M7, C, vec![(Order, 0)]),
    ]
}

#[test]
fn the_built_in_policy_is_the_designed_matrix_cell_by_cell() {
    let matrix = matrix();
    assert_eq!(matrix.version(), 1);
    for (measure, class, admitted) in designed() {
        for ground in Ground::ALL {
            let clause = matrix.clause(measure, class, ground);
            let expected = admitted.iter().find(|(of, _)| *of == ground).map(|(_, days)| *days);
            let lease = clause.map(|clause| clause.lease.map_or(0, |lease| lease.as_secs() / DAY));
            assert_eq!(lease, expected, "{measure} {class} {ground}");
        }
    }
}

#[test]
fn the_built_in_policy_keeps_the_conditions_and_renewals_of_the_design() {
    let matrix = matrix();
    let clause = |measure, class, ground| matrix.clause(measure, class, ground).expect("an admitted cell");
    let failed = [Condition::Notice, Condition::FailedM3];
    assert_eq!(clause(M5, H, TechnicalAbuse).after, failed);
    assert_eq!(clause(M5, S, Emergency).after, []);
    assert_eq!(clause(M5, S, Emergency).renewals, Renewals::Times(0));
    assert_eq!(clause(M6, S, RatifiedEmergency).renewals, Renewals::Times(1));
    assert_eq!(clause(M6, S, Order).renewals, Renewals::Unlimited);
    let quiet = [Condition::NoCaseInNinetyDays, Condition::ThirtyDaysNotice];
    assert_eq!(clause(M7, H, Payment).after, quiet);
    assert_eq!(clause(M7, H, TechnicalAbuse).after, quiet, "its own line wins over the ground policy");
    assert_eq!(clause(M7, S, Order).after, [Condition::AppealWindow, Condition::ThirtyDaysNotice]);
}

#[test]
fn a_withdrawn_feature_needs_policy_and_no_emergency() {
    let matrix = matrix();
    assert!(matrix.clause(M2, H, Policy).is_some());
    assert!(matrix.clause(M2, H, Emergency).is_none());
}

#[test]
fn an_address_without_a_call_to_violence_is_a_matter_of_policy_for_the_host_only() {
    let matrix = matrix();
    assert!(matrix.clause(M3, H, Policy).is_some());
    assert!(matrix.clause(M3, S, Policy).is_none());
    assert!(matrix.clause(M0, S, Policy).is_some());
}

/// The built-in text with one change.
fn changed(from: &str, to: &str) -> String {
    let text = default_policy_text();
    assert!(text.contains(from), "{from:?} stands in the built-in policy");
    text.replacen(from, to, 1)
}

/// The line on which a text first stands in the built-in policy.
fn line_of(from: &str) -> usize {
    let before = default_policy_text().split(from).next().expect("a first part");
    before.matches('\n').count() + 1
}

#[test]
fn a_policy_looser_than_the_floor_is_refused_with_its_place() {
    for (from, to, says) in [
        ("  S  emergency        48h\n", "  S  emergency        49h\n", "M5 on emergency lasts at most 48h"),
        ("  H  malware          48h", "  H  malware          3d", "M5 on malware lasts at most 48h"),
        ("  S  emergency        48h  renewable", "  S  emergency        14d  renewable", "at most 48h"),
        ("  H  policy           14d", "  H  policy           15d", "M1 on policy lasts at most 336h"),
        ("  H  order            90d", "  H  order            91d", "at most 2160h"),
        ("renewable 1", "renewable 2", "M1 on ratified-emergency is renewed at most 1 times"),
        ("renewable 1", "renewable", "renewed at most 1 times"),
        ("  S  emergency        48h\n", "  S  emergency        48h renewable 1\n", "at most 0 times"),
        ("  C  never", "  C  policy 1h", "M1 never acts on class C"),
    ] {
        let error = Matrix::parse(&changed(from, to)).expect_err(to);
        assert_eq!(error.name(), "policy-looser-than-floor", "{error}");
        assert_eq!(error.line(), line_of(from), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_narrower_policy_is_read_and_has_another_hash() {
    let text = changed("  S  emergency        48h\n", "  S  emergency        24h after notice\n");
    let narrow = Matrix::parse(&text).expect("narrower");
    let clause = narrow.clause(M5, S, Emergency).expect("still admitted");
    assert_eq!(clause.lease, Some(Duration::from_secs(DAY)));
    assert_eq!(clause.after, [Condition::Notice]);
    assert_ne!(narrow.hash(), matrix().hash());
    assert_eq!(narrow.hash(), Digest::of(text.as_bytes()));
    let none = Matrix::parse(&changed("  S  emergency        48h\n", "  S  never\n")).expect("narrowest");
    assert!(none.clause(M5, S, Emergency).is_none());
}

#[test]
fn mistakes_are_told_with_line_and_column() {
    for (from, to, below, column, says) in [
        ("wardmote-policy/1", "wardmote-policy/2", 0, 1, "wardmote-policy/1 must stand here"),
        ("version 1", "version 0", 0, 9, "a version number from 1"),
        ("version 1", "version 01", 0, 9, "a version number from 1"),
        ("version 1", "version", 0, 8, "is missing"),
        ("version 1", "version 1 2", 0, 11, "one word too many"),
        ("measure M0", "measure M1", 0, 9, "M0 comes here"),
        ("measure M0 \"forward", "measure M0 forward \"", 0, 12, "in double quotes"),
        ("  H  policy\n", "  S  policy\n", 0, 3, "H, then S, then C"),
        ("  H  policy\n", "  X  policy\n", 0, 3, "neither \"measure\" nor a class"),
        ("  H  policy\n", "  H  polcy\n", 0, 6, "is no ground"),
        ("  H  policy\n", "  H\n", 0, 4, "\"never\" or a ground is missing"),
        ("  H  policy\n", "  H  policy 14d\n", 0, 13, "M0 is an act"),
        ("  H  policy\n", "  H  policy\n  H  policy\n", 1, 6, "lists policy twice"),
        ("  H  policy           14d", "  H  policy           14x", 0, 23, "is no span"),
        ("  H  policy           14d", "  H  policy           0d", 0, 23, "is no span"),
        ("  H  policy           14d", "  H  policy           ", 0, 6, "needs its longest lease"),
        ("  C  never\n\nmeasure M2", "\nmeasure M2", 1, 1, "M1 has no line for class C"),
        ("  C  never\n", "  C  never\n  C  order 1h\n", 1, 3, "never already"),
        ("  C  never\n", "  C  never 1h\n", 0, 12, "one word too many"),
        ("renewable 1", "renewable x", 0, 41, "a number of renewals"),
        ("after notice and failed-M3", "after notice and", 0, 44, "a condition is missing"),
        ("after notice and failed-M3", "after notice and notise", 0, 45, "is no condition"),
        ("after notice and failed-M3", "after notice and notice", 0, 45, "listed twice"),
    ] {
        let text = changed(from, to);
        let error = Matrix::parse(&text).expect_err(to);
        assert_eq!(error.name(), "policy-unreadable", "{to:?}: {error}");
        assert!(error.to_string().contains(says), "{to:?}: {error}");
        let place = (line_of(from) + below, column);
        assert_eq!((error.line(), error.column()), place, "{to:?}: {error}");
    }
}

#[test]
fn a_file_that_ends_early_says_what_is_missing() {
    assert!(Matrix::parse("").expect_err("empty").to_string().contains("wardmote-policy/1"));
    let cut = default_policy_text().split("measure M7").next().expect("a first part");
    assert!(Matrix::parse(cut).expect_err("cut").to_string().contains("M7 is missing"));
    let cut = default_policy_text().trim_end().rsplit_once('\n').expect("lines").0;
    assert!(Matrix::parse(cut).expect_err("cut").to_string().contains("M7 has no line for class C"));
    let more = format!("{}measure M8 \"more\"\n", default_policy_text());
    assert!(Matrix::parse(&more).expect_err("more").to_string().contains("stated already"));
    let long = format!("{}#{}", default_policy_text(), "x".repeat(70_000));
    assert!(Matrix::parse(&long).expect_err("long").to_string().contains("at most"));
}

/// Everything a parsed policy holds is within the floor.
fn within_floor(matrix: &Matrix) -> bool {
    matrix.clauses.iter().all(|(measure, class, clause)| {
        let leased = match (clause.lease, floor::lease_max(*measure, clause.ground)) {
            (None, None) => true,
            // Acts have no lease of the policy's; how long a termination is told is the floor's alone.
            (None, Some(_)) => !measure.is_lease(),
            (Some(lease), Some(max)) => lease <= max,
            _ => false,
        };
        let renewed = !clause.renewals.exceeds(floor::renewals_max(*measure, clause.ground));
        !floor::never(*measure, *class) && leased && renewed
    })
}

proptest! {
    #[test]
    fn whatever_is_parsed_is_within_the_floor(
        line in 0usize..70,
        words in prop::collection::vec(
            prop::sample::select(vec![
                "H", "S", "C", "never", "policy", "order", "emergency", "ratified-emergency", "malware", "48h",
                "14d", "90d", "91d", "1s", "renewable", "1", "2", "after", "notice", "and", "measure", "M5", "\"x\"",
            ]),
            1..6,
        ),
    ) {
        let mut lines: Vec<String> = default_policy_text().lines().map(str::to_owned).collect();
        let place = line.min(lines.len() - 1);
        lines[place] = words.join(" ");
        if let Ok(matrix) = Matrix::parse(&lines.join("\n")) {
            prop_assert!(within_floor(&matrix));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = Matrix::parse(&text);
        let _ = Matrix::parse(&format!("wardmote-policy/1\nversion 1\n{text}"));
    }
}
