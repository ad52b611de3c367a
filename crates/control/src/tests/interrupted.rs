//! Decisions whose way was cut between the log and the records.

use super::rig::*;
use crate::sequencer::{Item, LocalWitness, WitnessFile, Witnesses, Writer};
use ::witness::Remotes;
use casework::{Case, CaseStatus, Decision, Earlier, Officer};
use ledger::tlog_policy::TlogPolicy;
use ledger::witness::Witness;
use ledger::{Body, Entry, Kind};
use records::{Cases as _, Decisions as _, Log as _, Versioned};
use std::time::Duration;
use vocabulary::Clock;

/// What the process had done when it died.
#[derive(Clone, Copy, PartialEq)]
enum Died {
    /// The second signature is kept.
    Signed,
    /// The entry is in the log as well.
    Appended,
}

/// A decision that two officers signed, left behind by a process that died; its case is closed
/// since, so that the gate is.
async fn left_behind(rig: &mut Rig, died: Died) -> String {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(rig, &running).await;
    let id = propose(&running, &case, 3_600).await;
    sign(rig, &running, &id, "assessor-1").await.is(200);
    running.stop().await;

    let (Versioned { version, value: decision }, held) = read(rig, &id).await;
    let roster = policy::Roster::parse(&std::fs::read(rig.data_dir().join("roster.json")).expect("file"));
    let roster = roster.expect("roster");
    let approval = rig.officer("duty-officer-1").approve(decision.body.as_bytes());
    let earlier = Earlier::of(held.value.account, &[], &roster);
    let decision =
        decision.approve(approval, &held.value, &roster, &earlier, rig.clock.now()).expect("signed");
    rig.records.put_decision(&decision, version).await.expect("kept");
    if died == Died::Appended {
        append(rig, &decision).await;
    }
    let by = Officer::on(&roster, &"intake-1".parse().expect("pseudonym")).expect("officer");
    let closed = held.value.close(by, rig.clock.now(), "cured".parse().expect("text")).expect("closed");
    assert_ne!(closed.status, CaseStatus::Open);
    rig.records.put_case(&closed, held.version).await.expect("kept");
    id
}

async fn read(rig: &Rig, id: &str) -> (Versioned<Decision>, Versioned<Case>) {
    let decision = rig.records.decision(id.parse().expect("id")).await.expect("read").expect("decision");
    let case = rig.records.case(decision.value.case).await.expect("read").expect("case");
    (decision, case)
}

/// What the sequencer does, without what follows it.
async fn append(rig: &Rig, decision: &Decision) {
    let url = "http://localhost:9091".parse().expect("url");
    let founded =
        crate::founding::found(&rig.data_dir(), &url, None, &*rig.clock, &*rig.random).expect("founded");
    let witness = Witness::new(founded.witness_key, vec![founded.log_key.verifier()]).expect("witness");
    let state = WitnessFile::new(founded.files.witness_state(), founded.log_key.name());
    let witness = LocalWitness::new(witness, Box::new(state));
    let policy = TlogPolicy::parse(&founded.tlog_policy).expect("policy");
    let witnesses = Witnesses::new(witness, Remotes::default(), policy, true);
    let writer = Writer::open(rig.records.clone(), founded.log_key, witnesses, rig.clock.clone()).await;
    let body = Body::parse(decision.body.as_bytes()).expect("body");
    let entry = Entry { body, approvals: decision.state.approvals().to_vec() };
    let placed = writer.expect("writer").flush(&[Item::Sealed(entry)]).await.expect("flushed");
    assert!(placed[0].is_ok(), "{placed:?}");
}

async fn kinds(rig: &Rig, id: &str) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for index in rig.records.entries_of_subject(id).await.expect("read") {
        let leaf = rig.records.leaves(index..index + 1).await.expect("read").remove(0);
        kinds.push(Entry::parse(&leaf.bytes).expect("entry").body.kind);
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_found_in_the_log_goes_its_way_though_the_gate_has_closed() {
    let mut rig = Rig::new();
    let decision = left_behind(&mut rig, Died::Appended).await;
    let running = rig.start().await;
    running.until_state(&decision, "in-force").await;
    running.public(&format!("/record/decisions/{decision}")).await.is(200);
    assert!(!running.get("/api/v1/status").await.text().contains("decision-not-logged"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_found_in_the_log_after_its_lease_has_lapsed_and_not_expired() {
    let mut rig = Rig::new();
    let decision = left_behind(&mut rig, Died::Appended).await;
    rig.clock.advance(Duration::from_secs(3_600));
    let running = rig.start().await;
    running.until_state(&decision, "lapsed").await;
    running.stop().await;
    let kinds = kinds(&rig, &decision).await;
    assert!(kinds.contains(&Kind::DecisionMade) && kinds.contains(&Kind::DecisionLapsed), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_the_gate_holds_back_is_alarmed_until_it_expires() {
    let mut rig = Rig::new();
    let decision = left_behind(&mut rig, Died::Signed).await;
    let running = rig.start().await;
    let alarmed = async |wanted: bool| {
        for _ in 0..400 {
            let status = running.get("/api/v1/status").await.is(200).text();
            if status.contains("decision-not-logged") == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the alarm never came to {wanted}");
    };
    alarmed(true).await;
    rig.clock.advance(Duration::from_secs(3_600));
    running.until_state(&decision, "expired").await;
    alarmed(false).await;
    running.stop().await;
    assert!(kinds(&rig, &decision).await.is_empty());
}
