//! Rows of the table of scenarios through real processes: an edge, a control plane, and three witnesses of which one is
//! dead. What takes hours in them is played on the simulated clock (`crates/sim/tests/scenarios`).

use crate::harness::{Nginx, Setup, Wardmote, eventually};
use crate::mote::{self, CaseFile};
use crate::witnesses::{Witness, three};
use ledger::Entry;
use ledger::commitment::Disclosure;
use ledger::tiles::split_bundle;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_secs(6 * 3_600);

/// A message board whose site a decision blocks.
struct Blocked {
    wardmote: Wardmote,
    case: String,
    decision: String,
    _origin: Nginx,
    _witnesses: Vec<Witness>,
}

/// The person at risk is in this country.
fn blocked(at_risk: &str) -> Blocked {
    let (origin, setup) = (Nginx::start(), Setup::new());
    let witnesses = three(&setup);
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"board\"\n[[account.site]]\nhosts = [\"board.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    ));
    let wardmote = setup.up(&["--apply", sites.to_str().unwrap()]);
    let case = CaseFile::complete_about(&wardmote, "board", at_risk);
    let decision = case.propose(&["board.test"], LEASE);
    let case = case.id.clone();
    mote::sign(&wardmote, &decision);
    await_status(&wardmote, 403);
    eventually("the statement is in the log", SOON, || {
        (mote::state(&wardmote, &decision) == "in-force").then_some(())
    });
    Blocked { wardmote, case, decision, _origin: origin, _witnesses: witnesses }
}

fn await_status(wardmote: &Wardmote, status: u16) {
    eventually("the answer", SOON, || (wardmote.visit("board.test", "/").status == status).then_some(()));
}

impl Blocked {
    /// All entries that the public log holds.
    fn entries(&self) -> Vec<Vec<u8>> {
        let checkpoint = self.wardmote.public("/record/log/checkpoint").status(200).text();
        let size: u64 = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect(&checkpoint);
        let bundle = self.wardmote.public(&format!("/record/log/tile/entries/000.p/{size}")).status(200).body;
        split_bundle(&bundle).expect("entries").into_iter().map(<[u8]>::to_vec).collect()
    }
}

#[test]
fn t32_two_fields_are_told_and_hold_against_the_public_log_and_the_others_stay_hidden() {
    let blocked = blocked("BB");
    let path = format!("/api/v1/decisions/{}/disclosure", blocked.decision);
    let asked = json!({"by": "legal-1", "fields": ["case", "gate-input"]});
    let told = blocked.wardmote.api("POST", &path, Some(&asked)).status(200).json();
    let entries = blocked.entries();
    let entry = entries
        .iter()
        .filter_map(|leaf| Entry::parse(leaf).ok())
        .find(|entry| entry.leaf_hash().is_ok_and(|leaf| told["entry"] == leaf.to_string()));
    let root = entry.expect("the entry").body.commitments.expect("a root");
    let disclosure: Disclosure = serde_json::from_value(told["disclosure"].clone()).expect("a disclosure");
    let opened = disclosure.verify(&root).expect("it holds");
    assert_eq!(opened.len(), 2, "{told}");
    let text = told.to_string();
    assert!(text.contains(&blocked.case), "{text}");
    for hidden in ["counted-findings", "fnd_"] {
        assert!(!text.contains(hidden), "{hidden} is told: {text}");
    }
    // Without being told, the log tells neither.
    for leaf in &entries {
        assert!(!String::from_utf8_lossy(leaf).contains(&blocked.case));
    }
}

/// Every run of digits is one, every long token one: what is left does not depend on chance.
fn without_chance(text: &str) -> String {
    let mut plain = String::new();
    let mut token = String::new();
    let part = |c: char| c.is_ascii_alphanumeric() || "+/=_".contains(c);
    for letter in text.chars().chain(['\n']) {
        if part(letter) {
            token.push(letter);
            continue;
        }
        let by_chance = token.len() >= 16 && token.bytes().any(|byte| byte.is_ascii_digit());
        let digits = token.bytes().any(|byte| byte.is_ascii_digit());
        plain += if by_chance || digits { "#" } else { &token };
        plain.push(letter);
        token.clear();
    }
    plain
}

#[test]
fn t54_two_runs_that_differ_in_the_country_of_the_person_at_risk_look_alike_to_the_public() {
    let [one, other] = ["BB", "CC"].map(blocked);
    let kinds = |blocked: &Blocked| -> Vec<(String, usize, String)> {
        let entries = blocked.entries();
        let told = entries.iter().map(|leaf| (Entry::parse(leaf).expect("an entry"), leaf));
        let told = told.map(|(entry, leaf)| {
            let text = String::from_utf8_lossy(leaf).into_owned();
            (entry.body.kind.as_str().to_owned(), leaf.len(), without_chance(&text))
        });
        told.collect()
    };
    let all = [&one, &other]
        .map(|blocked| eventually("all entries", SOON, || Some(kinds(blocked)).filter(|all| all.len() >= 4)));
    assert_eq!(all[0], all[1]);
    let path = |blocked: &Blocked, end: &str| format!("/record/decisions/{}{end}", blocked.decision);
    for end in ["", ".dsa.json"] {
        let [one, other] = [&one, &other].map(|blocked| {
            let body = blocked.wardmote.public(&path(blocked, end)).status(200).text();
            without_chance(&body)
        });
        assert_eq!(one, other, "{end}");
        assert!(!one.contains("\"BB\"") && !one.contains(" BB "), "{end}");
    }
}

/// Moves a decision out of the records of a deployment that stands still, into a file beside them, or back.
fn move_decision(setup: &Setup, statements: &str) {
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('ATTACH ? AS aside', (sys.argv[2],))\n\
        c.executescript(sys.argv[3])\nc.commit()\n";
    let (file, aside) = (setup.data().join("records.sqlite"), setup.path().join("aside.sqlite"));
    assert!(file.is_file(), "{}", file.display());
    let done = Command::new("python3").args(["-c", script]).args([file, aside]).arg(statements).status();
    assert!(done.unwrap().success());
}

#[test]
fn t58_a_measure_that_the_records_forget_stays_in_force_and_somebody_is_told() {
    let Blocked { wardmote, decision, _origin, _witnesses, .. } = blocked("BB");
    let setup = wardmote.stop();
    let its = format!("FROM decisions WHERE id = '{decision}';");
    move_decision(&setup, &format!("CREATE TABLE aside.kept AS SELECT * {its} DELETE {its}"));
    let wardmote = setup.up(&[]);
    wardmote.public(&format!("/record/decisions/{decision}")).status(404);
    for _ in 0..20 {
        wardmote.visit("board.test", "/").status(403);
    }
    eventually("somebody is told", SOON, || {
        let status = wardmote.api("GET", "/api/v1/status", None).status(200).text();
        (status.contains("edge-alarm") && status.contains(&decision)).then_some(())
    });
    // It is still blocked after another start, from what the edge keeps.
    let setup = wardmote.kill();
    let wardmote = setup.up(&[]);
    wardmote.visit("board.test", "/").status(403);
    let setup = wardmote.stop();
    move_decision(&setup, "INSERT INTO decisions SELECT * FROM aside.kept;");
    let wardmote = setup.up(&[]);
    wardmote.public(&format!("/record/decisions/{decision}")).status(200);
    wardmote.visit("board.test", "/").status(403);
}
