//! The timeline drill through the built program: three endings, a log that verifies, and none that a changed byte leaves whole.

use crate::harness::{Finished, binary, run};
use std::path::Path;

fn drill(more: &[&str]) -> Finished {
    run(binary().args(["drill", "timeline"]).args(more)).ok()
}

fn verify(folder: &Path) -> Finished {
    run(binary().args(["log", "verify"]).arg(folder))
}

#[test]
fn each_ending_is_told_and_its_log_verifies() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, last) in
        [("order", "451 with the link"), ("non-objection", "reviewer-1: M6"), ("lapse", "restored")]
    {
        let out = folder.path().join(ending);
        let told = drill(&["--ending", ending, "--seed", "7", "--out", out.to_str().unwrap()]);
        assert!(told.stdout.contains(last) && told.stdout.contains("After-action report"), "{}", told.stdout);
        assert!(out.join("DRILL").exists(), "a drill is marked");
        let whole = verify(&out);
        assert!(whole.stdout.contains("is whole"), "{}{}", whole.stdout, whole.stderr);
        let checkpoint = out.join("checkpoint");
        let mut bytes = std::fs::read(&checkpoint).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&checkpoint, bytes).unwrap();
        assert_ne!(verify(&out).code, Some(0), "{ending}: one changed byte");
    }
}

#[test]
fn another_seed_has_other_ids_and_without_one_referral_the_story_stops_at_e4() {
    let [one, again, other] = ["7", "7", "8"].map(|seed| drill(&["--seed", seed]).stdout);
    assert_eq!(one, again);
    let decision =
        |told: &str| told.split("dec_").nth(1).map(|rest| rest.chars().take(26).collect::<String>());
    assert!(decision(&one).is_some() && decision(&one) != decision(&other));
    let stopped = drill(&["--without-referral"]).stdout;
    let last = stopped.lines().last().unwrap_or_default();
    assert!(last.contains("nothing is proposed") && last.contains("E4"), "{stopped}");
}
