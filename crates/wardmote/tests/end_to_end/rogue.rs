//! Rows of the table of scenarios before the built verifier: records that an operator, or who stole its keys, made up.
//! It judges offline, by the same code as an edge. Each row changes one thing in a record that holds.

use crate::harness::{Finished, binary, run};
use crate::monitor;
use crate::mote::now;
use ledger::commitment::Sealed;
use ledger::{Entry, Kind, SealOpened};
use policy::Roster;
use serde_json::{Value, json};
use snapshot::fixture::{Decided, Draft, Mote};
use snapshot::{Bundle, Transparency};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use vocabulary::Digest;

const HOUR: Duration = Duration::from_secs(3_600);
const NONE: [&str; 0] = [];

/// A record, and somebody who has its keys from elsewhere.
struct Reader {
    mote: Mote,
    folder: TempDir,
}

impl Reader {
    fn new() -> Self {
        let reader =
            Self { mote: Mote::found(1, now().minus(24 * HOUR)), folder: tempfile::tempdir().unwrap() };
        fs::write(reader.path("tlog-policy"), reader.mote.tlog_policy().to_string()).unwrap();
        reader.trust(reader.mote.roster());
        reader
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trust(&self, roster: &Roster) {
        fs::write(self.path("roster.json"), roster.to_bytes()).unwrap();
    }

    fn draft(&self) -> Draft {
        self.mote.draft(&[self.mote.site(&["board.test"], 1)], now(), HOUR)
    }

    fn decided(&mut self, change: impl FnOnce(&mut Draft)) -> Decided {
        let mut draft = self.draft();
        change(&mut draft);
        self.mote.decide(&draft, now())
    }

    fn bundle(&mut self, change: impl FnOnce(&mut Draft)) -> Vec<u8> {
        let decided = self.decided(change);
        self.mote.bundle(&decided, now()).to_bytes().unwrap()
    }

    fn judge(&self, verb: &[&str], place: PathBuf) -> Finished {
        let mut command = binary();
        command.arg("--json").args(verb).arg(place).arg("--policy").arg(self.path("tlog-policy"));
        run(command.arg("--roster").arg(self.path("roster.json")))
    }

    /// Why `wardmote verify` refuses a bundle; nothing where it holds.
    fn refusals(&self, bundle: &[u8]) -> Vec<String> {
        let place = self.path("decision.json");
        fs::write(&place, bundle).unwrap();
        failed(&self.judge(&["verify"], place), "reason")
    }

    /// Which checks of `wardmote log verify` the log fails, with this beside it as its report.
    fn faults(&mut self, report: Option<&[u8]>) -> Vec<String> {
        let record = self.path("record");
        let _ = fs::remove_dir_all(&record);
        monitor::write(&mut self.mote, &record.join("log"));
        if let Some(report) = report {
            fs::write(record.join("transparency.json"), report).unwrap();
        }
        failed(&self.judge(&["log", "verify"], record), "name")
    }
}

/// A member of each check that failed; exit code and checks agree.
fn failed(told: &Finished, member: &str) -> Vec<String> {
    let said: Value =
        serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{}{}", told.stdout, told.stderr));
    let checks = said["checks"].as_array().expect("checks").iter();
    let failed = checks.filter(|check| check["outcome"] == "failed");
    let names: Vec<String> = failed.map(|check| check[member].as_str().unwrap().to_owned()).collect();
    assert_eq!(told.code, Some(i32::from(!names.is_empty())), "{said}");
    names
}

fn changed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let whole = String::from_utf8(bytes.to_vec()).unwrap();
    let other = whole.replacen(from, to, 1);
    assert_ne!(whole, other);
    other.into_bytes()
}

#[test]
fn t21_a_stolen_key_alone_or_a_log_without_its_witness_proves_nothing() {
    let mut reader = Reader::new();
    let bundle = reader.bundle(|_| {});
    assert_eq!(reader.refusals(&bundle), NONE);
    let alone = reader.bundle(|draft| draft.approvers.truncate(1));
    assert_eq!(reader.refusals(&alone), ["too-few-approvals"]);
    let mut unwitnessed = Bundle::parse(&bundle).unwrap();
    for proof in [&mut unwitnessed.proof, &mut unwitnessed.policy.proof, &mut unwitnessed.roster.proof] {
        *proof = proof.split_inclusive('\n').filter(|line| !line.contains("/witness")).collect();
    }
    assert_eq!(reader.refusals(&unwitnessed.to_bytes().unwrap()), ["too-few-witnesses"]);
    // A log of somebody else's keys under the same name.
    let mut rogue =
        Reader { mote: Mote::found(2, now().minus(24 * HOUR)), folder: tempfile::tempdir().unwrap() };
    let foreign = rogue.bundle(|_| {});
    assert!(!reader.refusals(&foreign).is_empty());
}

#[test]
fn t24_t44_t51_t62_what_is_changed_looser_added_or_out_of_reach_is_refused() {
    let mut reader = Reader::new();
    let bundle = reader.bundle(|_| {});
    let other = changed(&bundle, "the counted items", "the counted itemz");
    assert_eq!(reader.refusals(&other), ["scope-changed"]);

    let real = [reader.mote.site(&["board.example.org"], 1)];
    let draft = reader.mote.draft(&real, now(), HOUR);
    let decided = reader.mote.decide(&draft, now());
    let bundle = reader.mote.bundle(&decided, now()).to_bytes().unwrap();
    assert_eq!(reader.refusals(&bundle), ["trial-on-real-name"]);

    let ours = reader.mote.roster().clone();
    reader.trust(Mote::found(5, now().minus(24 * HOUR)).roster());
    let added = reader.bundle(|_| {});
    assert!(reader.refusals(&added).contains(&"roster-not-pinned".to_owned()));
    reader.trust(&ours);

    let looser = policy::default_policy_text().replace("H  emergency        48h", "H  emergency        49h");
    reader.mote.publish_policy(&looser, now().minus(23 * HOUR));
    let bundle = reader.bundle(|_| {});
    assert_eq!(reader.refusals(&bundle), ["policy-looser-than-floor"]);
}

#[test]
fn t47_what_a_drill_wrote_enforces_nothing() {
    let reader = Reader::new();
    let drill = reader.path("drill");
    run(binary().args(["drill", "timeline", "--seed", "9", "--out"]).arg(&drill)).ok();
    let mut files: Vec<_> =
        fs::read_dir(drill.join("decisions")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    assert!(!files.is_empty());
    for file in files {
        assert!(!reader.refusals(&fs::read(&file).unwrap()).is_empty(), "{}", file.display());
    }
}

#[test]
fn t48_a_transparency_report_is_what_the_entries_give_byte_for_byte() {
    let mut reader = Reader::new();
    reader.decided(|_| {});
    let mut fold = Transparency::default();
    reader.mote.entries().iter().for_each(|entry| fold.count(entry));
    let report = fold.report(snapshot::fixture::ORIGIN, reader.mote.tree().root()).to_json();
    assert_eq!(reader.faults(Some(&report)), NONE);
    for (from, to) in [("\"count\":1", "\"count\":2"), ("decision.made", "decision.mode")] {
        assert_eq!(reader.faults(Some(&changed(&report, from, to))), ["transparency"], "{from}");
    }
}

/// An entry with sealed fields, and what it seals.
fn sealed(mote: &mut Mote, public: &Value) -> (Sealed, Digest) {
    let fields = [("person", "somebody"), ("country", "somewhere"), ("law", "a law")];
    let sealed =
        Sealed::new(mote.random(), fields.map(|(name, value)| (name.to_owned(), json!(value)))).unwrap();
    let mut entry: Entry = mote.entry(Kind::OrderReceived, "order-1", public, now().minus(23 * HOUR));
    entry.body.commitments = Some(sealed.root().unwrap());
    let leaf = entry.leaf_hash().unwrap();
    mote.log(entry);
    (sealed, leaf)
}

#[test]
fn t31_an_erased_entry_leaves_the_whole_log_valid_and_one_officer_erases_nothing() {
    for (by, fails) in [(&["legal-1", "assessor-1"][..], &[][..]), (&["legal-1"], &["approvals"])] {
        let mut reader = Reader::new();
        let (_, leaf) = sealed(&mut reader.mote, &json!({}));
        let tombstone = reader.mote.tombstone(leaf, by, now());
        let entry = reader.mote.entry(Kind::Tombstone, "order-1", &tombstone, now());
        reader.mote.log(entry);
        assert_eq!(reader.faults(None), fails, "{by:?}");
    }
}

#[test]
fn t33_what_is_sealed_until_a_date_opens_then_in_full_as_it_was_sealed() {
    let mut reader = Reader::new();
    let (fields, leaf) = sealed(&mut reader.mote, &json!({"sealed_until": now().minus(2 * HOUR)}));
    let text = String::from_utf8(reader.mote.entries().last().unwrap().to_bytes().unwrap()).unwrap();
    assert!(!text.contains("somewhere"));
    assert_eq!(reader.faults(None), ["seals"], "it is overdue");
    let disclosure = fields.disclose(&["person", "country", "law"]).unwrap();
    let entry =
        reader.mote.entry(Kind::SealOpened, "order-1", &SealOpened { entry: leaf, disclosure }, now());
    reader.mote.log(entry);
    assert_eq!(reader.faults(None), NONE);
}
