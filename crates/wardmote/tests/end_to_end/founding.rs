//! A roster of people: keys made apart, put together, and the start that asks for witnesses of others.

use crate::harness::{Setup, binary, run};
use std::path::PathBuf;

/// A key of its own for each of these, in a folder; the members' files.
fn keys(setup: &Setup, people: &[(&str, &str, &str)]) -> Vec<PathBuf> {
    let key = |(name, role, organisation): &(&str, &str, &str)| {
        let out = setup.path().join(format!("{name}.key"));
        let mut command = binary();
        command.args([
            "roster",
            "key",
            "--pseudonym",
            name,
            "--role",
            role,
            "--organisation",
            organisation,
            "--out",
        ]);
        run(command.arg(&out)).ok();
        assert_ne!(run(command.arg(&out)).code, Some(0), "a key is never written over");
        setup.path().join(format!("{name}.key.member"))
    };
    people.iter().map(key).collect()
}

#[test]
fn a_ward_is_founded_from_keys_that_were_made_apart_and_starts_only_with_witnesses_of_others() {
    let setup = Setup::new();
    let people = [
        ("duty-officer-1", "duty-officer", "operator"),
        ("assessor-1", "assessor", "operator"),
        ("legal-1", "legal", "operator"),
        ("assessor-2", "assessor", "ngo"),
        ("legal-2", "legal", "ngo"),
        ("assessor-3", "assessor", "university"),
        ("reviewer-1", "reviewer", "university"),
    ];
    let members = keys(&setup, &people);
    let found = |profile: &str, members: &[PathBuf], more: &[&str]| {
        let mut command = binary();
        command.args(["roster", "found", "--profile", profile]).args(more);
        run(command.arg("--config").arg(setup.config()).args(members))
    };
    assert_eq!(found("ward", &members[..2], &[]).code, Some(2), "two people are no ward");
    assert_eq!(found("trial", &members, &[]).code, Some(2), "a trial founds itself");
    let shown = found("ward", &members, &["--dry-run"]).ok();
    assert!(
        shown.stdout.contains("profile ward") && shown.stdout.contains("ratify it by an order"),
        "{}",
        shown.stdout
    );
    let roster = setup.data().join("roster.json");
    assert!(!roster.exists(), "a dry run writes nothing");
    found("ward", &members, &[]).ok();
    let text = std::fs::read_to_string(&roster).unwrap();
    assert!(text.contains("\"profile\":\"ward\"") && text.contains("reviewer-1"), "{text}");
    assert_eq!(found("ward", &members, &[]).code, Some(1), "a roster is never written over");
    let alone = setup.command(&["up"]);
    assert_ne!(alone.code, Some(0));
    assert!(alone.stderr.contains("control.witnesses"), "{}{}", alone.stdout, alone.stderr);
}
