//! The record checked from outside: by `wardmote log verify`, and by a program that shares no code.

use crate::harness::{Finished, binary, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use vocabulary::Timestamp;

const FOUNDED: i64 = 1_700_000_000;

/// A log of so many entries in a folder.
fn log_of(entries: u64) -> TempDir {
    let folder = tempfile::Builder::new().prefix("wardmote-log").tempdir().unwrap();
    snapshot::fixture::write_log(folder.path(), entries, Timestamp::from_secs(FOUNDED)).unwrap();
    folder
}

fn verify(folder: &Path, trusted: &[&str]) -> Finished {
    let mut command = binary();
    command.args(["log", "verify"]).arg(folder);
    for (flag, name) in trusted
        .iter()
        .map(|name| if *name == "tlog-policy" { ("--policy", name) } else { ("--roster", name) })
    {
        command.arg(flag).arg(folder.join(name));
    }
    run(&mut command)
}

fn check_independently(folder: &Path) -> Finished {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/independent/check_log.py");
    run(Command::new("python3").arg(script).arg(folder).arg(folder.join("tlog-policy")))
}

/// Flips a bit in the middle of a file.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn seventy_thousand_entries_are_read_by_an_independent_implementation() {
    let folder = log_of(70_000);
    let whole = check_independently(folder.path()).ok();
    assert!(whole.stdout.contains("70000 entries, 3 levels of tiles, 2 signatures"), "{}", whole.stdout);
    let ours = verify(folder.path(), &["tlog-policy", "roster.json"]).ok();
    assert!(ours.stdout.contains("70000 entries give the checkpoint's root"), "{}", ours.stdout);
    for (path, said) in
        [("tile/entries/100", "do not give the root"), ("tile/1/000", "tiles of level 1 differ")]
    {
        let path: PathBuf = folder.path().join(path);
        let before = fs::read(&path).unwrap();
        damage(&path);
        let told = check_independently(folder.path());
        assert!(told.code == Some(1) && told.stderr.contains(said), "{}", told.stderr);
        assert_eq!(verify(folder.path(), &["tlog-policy", "roster.json"]).code, Some(1));
        fs::write(path, before).unwrap();
    }
    let checkpoint = folder.path().join("checkpoint");
    let text = fs::read_to_string(&checkpoint).unwrap();
    let line = text.lines().find(|line| line.starts_with('—')).unwrap().to_owned();
    let at = line.len() - 10;
    let other =
        format!("{}{}{}", &line[..at], if &line[at..=at] == "A" { "B" } else { "A" }, &line[at + 1..]);
    fs::write(&checkpoint, text.replace(&line, &other)).unwrap();
    let told = check_independently(folder.path());
    assert!(told.code == Some(1) && told.stderr.contains("signature of"), "{}", told.stderr);
}

#[test]
fn the_audit_of_a_log_says_by_its_exit_code_what_it_proves() {
    let folder = log_of(600);
    let at = folder.path();
    let whole = verify(at, &["tlog-policy", "roster.json"]).ok();
    assert!(whole.stdout.contains("600 entries holds"), "{}", whole.stdout);
    let unjudged = verify(at, &["tlog-policy"]);
    assert!(unjudged.code == Some(3) && unjudged.stdout.contains("approvals were not judged"));
    let own_word = verify(at, &[]);
    assert!(own_word.code == Some(3) && own_word.stdout.contains("proves nothing about its keeper"));
    assert_eq!(verify(at, &["roster.json"]).code, Some(2));

    let other = tempfile::tempdir().unwrap();
    assert_eq!(verify(other.path(), &[]).code, Some(1));
    fs::remove_file(at.join("tile/0/001")).unwrap();
    let missing = verify(at, &["tlog-policy", "roster.json"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("tile/0/001"), "{}", missing.stderr);
}
