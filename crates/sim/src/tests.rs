use crate::{Ending, Operator, Planted, Run, Script, Told, simulate, timeline};
use ledger::Entry;
use ledger::note::Note;
use ledger::tlog_policy::TlogPolicy;
use policy::Roster;
use snapshot::{Enforcement, LogAudit, LogKeys, Outcome, Parcel, Trust};
use std::collections::BTreeMap;

fn told(ending: Ending, seed: u64) -> Told {
    timeline(Script { ending, seed, without_referral: false }).expect("a whole story")
}

fn file<'a>(told: &'a Told, name: &str) -> &'a [u8] {
    &told.files.iter().find(|(path, _)| path == name).unwrap_or_else(|| panic!("{name}")).1
}

/// Whether the written log holds by the keys beside it.
fn holds(files: &[(String, Vec<u8>)]) -> bool {
    let named: BTreeMap<&str, &[u8]> =
        files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
    let text = |name| String::from_utf8(named[name].to_vec()).ok();
    let Some(note) = text("checkpoint").and_then(|text| Note::parse(&text).ok()) else { return false };
    let Some(policy) = text("tlog-policy").and_then(|text| TlogPolicy::parse(&text).ok()) else {
        return false;
    };
    let Ok(roster) = Roster::parse(named["roster.json"]) else { return false };
    let keys = LogKeys { tlog_policy: Some(policy), rosters: vec![roster] };
    let later = "2031-01-01T00:00:00.000Z".parse().expect("an instant");
    let Ok(mut audit) = LogAudit::begin(note, keys, later) else { return false };
    for (_, bytes) in files.iter().filter(|(path, _)| path.starts_with("tile/entries/")) {
        audit.bundle(bytes);
    }
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("tile/0/")) {
        audit.tile(path.parse().expect("a tile"), bytes);
    }
    let report = audit.finish();
    !report.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
}

#[test]
fn the_story_is_told_with_each_of_its_endings() {
    for (ending, says) in [
        (Ending::Order, "Visitors of board.test from AA get 451"),
        (Ending::NonObjection, "Ratified by assessor-2, legal-1, reviewer-1"),
        (Ending::Lapse, "The block was never ratified: restored by itself"),
    ] {
        let told = told(ending, 1);
        assert_eq!(told.stopped, None);
        let all: Vec<&str> = told.lines.iter().map(|(_, line)| line.as_str()).collect();
        assert!(
            all.iter().any(|line| line.contains(says) || line.contains("archive.test from AA get 451")),
            "{all:#?}"
        );
        assert!(all.iter().any(|line| line.contains("They are no input of the gate")));
        assert!(all.iter().any(|line| line.contains("It offers M3")));
        assert!(told.lines.is_sorted_by_key(|(at, _)| *at), "time goes forward");
        assert!(holds(&told.files));
    }
}

#[test]
fn one_changed_byte_of_the_written_log_fails() {
    let whole = told(Ending::Lapse, 3).files;
    for name in ["checkpoint", "roster.json", "tile/"] {
        let mut files = whole.clone();
        let (_, bytes) = files.iter_mut().find(|(path, _)| path.starts_with(name)).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(!holds(&files), "{name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_other_ids_and_times() {
    let (one, again, other) = (told(Ending::Order, 5), told(Ending::Order, 5), told(Ending::Order, 6));
    assert_eq!(one.files, again.files);
    assert_ne!(one.lines[0].0, other.lines[0].0);
    assert_ne!(file(&one, "checkpoint"), file(&other, "checkpoint"));
    let ids = |told: &Told| -> Vec<String> {
        told.files
            .iter()
            .filter(|(path, _)| path.starts_with("decisions/"))
            .map(|(path, _)| path.clone())
            .collect()
    };
    assert_eq!((ids(&one).len(), ids(&other).len()), (3, 3));
    assert!(ids(&one).iter().all(|id| !ids(&other).contains(id)));
}

#[test]
fn without_one_referral_the_story_stops_at_e4() {
    let script = Script { ending: Ending::Order, seed: 1, without_referral: true };
    let told = timeline(script).expect("a story");
    let why = told.stopped.expect("stopped");
    assert!(why.starts_with("E4") && why.contains("BB"), "{why}");
    assert!(!told.lines.iter().any(|(_, line)| line.contains("board.test") && line.contains("in force")));
    assert!(holds(&told.files));
}

#[test]
fn an_edge_outside_the_drill_takes_nothing_of_it() {
    let told = told(Ending::Order, 1);
    let bundles: Vec<std::sync::Arc<[u8]>> = told
        .files
        .iter()
        .filter(|(path, _)| path.starts_with("decisions/"))
        .map(|(_, bytes)| bytes.clone().into())
        .collect();
    let mote = snapshot::fixture::Mote::found(1, told.lines[0].0);
    let mut edge = Enforcement::new(mote.roots(), Trust::default());
    let parcel = Parcel { revision: 1, bundles: bundles.clone(), ..Parcel::default() };
    let applied = edge.apply(&parcel, told.lines[0].0);
    assert_eq!((applied.applied.len(), applied.refused.len()), (0, bundles.len()));
    assert!(applied.refused.iter().all(|(_, refusal)| refusal.name() == "log-unknown"));
    assert!(told.lines[0].1.starts_with("DRILL"));
    let entries = String::from_utf8_lossy(
        &told.files.iter().find(|(path, _)| path.starts_with("tile/entries")).expect("entries").1,
    )
    .into_owned();
    assert!(entries.contains("drill.run") && entries.contains("-1.test/log"));
}

/// One seed from the environment, or so many.
#[allow(clippy::disallowed_methods, reason = "a test reads its seed and whether the long form is wanted")]
fn seeds() -> Vec<u64> {
    if let Some(seed) = std::env::var("WARDMOTE_SIM_SEED").ok().and_then(|text| text.parse().ok()) {
        return vec![seed];
    }
    let many = if std::env::var_os("WARDMOTE_LONG").is_some() { 100_000 } else { 1_000 };
    (0..many).collect()
}

#[test]
fn whatever_people_and_machines_do_the_invariants_hold() {
    let mut sum = Run::default();
    for seed in seeds() {
        let run =
            simulate(seed, Planted::Nothing).unwrap_or_else(|why| panic!("WARDMOTE_SIM_SEED={seed}: {why}"));
        sum.logged += run.logged;
        sum.ratified += run.ratified;
        sum.ended += run.ended;
        sum.lapsed += run.lapsed;
        sum.refused += run.refused;
    }
    println!("{sum:?}");
    if seeds().len() > 1 {
        assert!(sum.logged > 100 && sum.ratified > 10 && sum.ended > 10 && sum.lapsed > 10, "{sum:?}");
    }
}

#[test]
fn planted_mistakes_are_found() {
    for (planted, number) in [(Planted::ApprovalTwice, "I2"), (Planted::LapseLate, "lapses")] {
        let found = (0..200).find_map(|seed| simulate(seed, planted).err().map(|why| (seed, why)));
        let (seed, why) = found.expect("found");
        println!("{planted:?}: seed {seed}: {why}");
        assert!(why.to_string().contains(number), "{why}");
    }
}

#[test]
fn a_run_is_the_same_each_time() {
    for seed in [1, 2, 3] {
        let [one, two] = [0, 1].map(|_| simulate(seed, Planted::Nothing).expect("holds"));
        assert_eq!(one, two);
    }
    let now = "2022-08-20T06:00:00.000Z".parse().expect("an instant");
    let entries = |seed| -> Vec<Entry> { Operator::found(seed, now).expect("founded").entries().to_vec() };
    assert_eq!(entries(7), entries(7));
}
