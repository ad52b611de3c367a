use super::*;

#[test]
fn the_floor_does_not_change_unnoticed() {
    // A changed floor makes every older decision unverifiable; whoever changes it must mean it.
    let text = text();
    assert_eq!(text.lines().count(), 62, "{text}");
    assert_eq!(hash().to_string(), "c4f6ef9a40df1bfd47e6ae8d432785b6654561c7713b518cbcdae2eb4d957fd4");
}

#[test]
fn the_floor_holds_the_never_cells_and_spans_of_the_design() {
    let text = text();
    for line in [
        "M1 C never",
        "M2 C never",
        "M3 C never",
        "M5 C never",
        "M1 emergency 48h renewals unlimited",
        "M3 policy 336h renewals unlimited",
        "M4 order 2160h renewals unlimited",
        "M4 policy 336h renewals unlimited",
        "M5 emergency 48h renewals 0",
        "M5 policy 48h renewals 0",
        "M6 order 336h renewals unlimited",
        "M6 emergency 48h renewals 0",
        "M6 ratified-emergency 336h renewals 1",
        "M7 notice 720h told at least 336h",
        "M7 order 2160h renewals 0",
        "M7 payment 2160h renewals 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
    }
    assert!(!text.contains("M0"), "an act has no lease");
    assert!(!never(Measure::M4, ServiceClass::C) && !never(Measure::M6, ServiceClass::C));
}
