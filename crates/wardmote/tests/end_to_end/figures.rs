//! How long it takes until a decision is in the log under a quorum, and until an edge enforces it. Asked for by name, in a
//! release build:
//! `cargo test --release -p wardmote --test end_to_end -- --ignored figures:: --nocapture`. Prints, and judges no time.

use crate::harness::{Setup, eventually};
use crate::mote::{self, CaseFile};
use crate::witnesses;
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// Emergency decisions measured until an edge enforces them, with the local witness alone.
const ENFORCED: usize = 500;
/// Decisions measured with remote witnesses: enough for the slowest of a hundred to mean something.
const DECISIONS: usize = 100;

#[test]
#[ignore = "prints figures, which a busy machine would spoil"]
fn an_emergency_decision_is_logged_with_two_of_three_witnesses() {
    let setup = Setup::new();
    let witnesses = witnesses::three(&setup);
    let wardmote = setup.up(&[]);
    let keys = ["duty-officer-1", "assessor-1"].map(|officer| {
        policy::OfficerKey::parse(&fs::read_to_string(mote::key(&wardmote, officer)).unwrap()).unwrap()
    });
    let customers = (0..DECISIONS).map(|n| {
        format!("[[account]]\nname = \"c{n}\"\n[[account.site]]\nhosts = [\"c{n}.test\"]\norigins = [\"http://127.0.0.1:9\"]\n")
    });
    let sites = json!({ "sites": customers.collect::<String>() });
    wardmote.api("POST", "/api/v1/apply", Some(&sites)).status(200);
    let mut taken: Vec<Duration> = (0..DECISIONS)
        .map(|n| {
            let case = CaseFile::complete(&wardmote, &format!("c{n}"));
            let decision = case.propose(&[&format!("c{n}.test")], Duration::from_secs(3_600));
            let path = format!("/api/v1/decisions/{decision}");
            let bytes = wardmote.api("GET", &format!("{path}/bytes"), None).status(200).body;
            let mut began = Instant::now();
            for key in &keys {
                began = Instant::now();
                let approval = json!({"approval": key.approve(&bytes)});
                wardmote.api("POST", &format!("{path}/approvals"), Some(&approval)).status(200);
            }
            eventually("it is logged", Duration::from_secs(60), || {
                let state = mote::state(&wardmote, &decision);
                (!["proposed", "approving"].contains(&state.as_str())).then_some(())
            });
            began.elapsed()
        })
        .collect();
    taken.sort();
    let at = |percent: usize| taken[(DECISIONS * percent).div_ceil(100) - 1];
    println!("last signature to a cosigned entry, {DECISIONS} decisions: p50 {:?}, p99 {:?}", at(50), at(99));
    drop(witnesses);
    wardmote.stop();
}

/// From the last signature that a decision needs, as it is sent, to the first visitor that reads the block page.
#[test]
#[ignore = "prints figures, which a busy machine would spoil"]
fn an_emergency_decision_is_enforced_at_the_edge_with_the_local_witness() {
    let setup = Setup::new();
    let wardmote = setup.up(&[]);
    let keys = ["duty-officer-1", "assessor-1"].map(|officer| {
        policy::OfficerKey::parse(&fs::read_to_string(mote::key(&wardmote, officer)).unwrap()).unwrap()
    });
    let customers = (0..ENFORCED).map(|n| {
        format!("[[account]]\nname = \"c{n}\"\n[[account.site]]\nhosts = [\"c{n}.test\"]\norigins = [\"http://127.0.0.1:9\"]\n")
    });
    let sites = json!({ "sites": customers.collect::<String>() });
    wardmote.api("POST", "/api/v1/apply", Some(&sites)).status(200);
    let desks = mote::desks(&wardmote, "BB");
    let mut taken: Vec<Duration> = (0..ENFORCED)
        .map(|n| {
            let host = format!("c{n}.test");
            let case = CaseFile::complete_at(&wardmote, &format!("c{n}"), &desks);
            let decision = case.propose(&[&host], Duration::from_secs(48 * 3_600));
            let path = format!("/api/v1/decisions/{decision}");
            let bytes = wardmote.api("GET", &format!("{path}/bytes"), None).status(200).body;
            let mut began = Instant::now();
            for key in &keys {
                began = Instant::now();
                let approval = json!({"approval": key.approve(&bytes)});
                wardmote.api("POST", &format!("{path}/approvals"), Some(&approval)).status(200);
            }
            let limit = began + Duration::from_secs(60);
            while !wardmote.visit(&host, "/").text().contains(&decision) {
                assert!(Instant::now() < limit, "{decision} is enforced nowhere");
            }
            began.elapsed()
        })
        .collect();
    taken.sort();
    let at = |per_mille: usize| taken[(ENFORCED * per_mille).div_ceil(1000) - 1];
    println!(
        "last signature to the block page, {ENFORCED} emergency decisions: p50 {:?}, p90 {:?}, p99 {:?}, all {:?}",
        at(500),
        at(900),
        at(990),
        at(1000)
    );
    wardmote.stop();
}
