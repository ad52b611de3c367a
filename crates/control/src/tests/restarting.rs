//! What a restart finds.

use super::rig::*;
use crate::{Inputs, Options, StartError, start};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_sites_measures_and_log() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3_600).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
    running.until_state(&decision, "in-force").await;
    let before = running.get("/api/v1/status").await.json();
    let revision = running.edge.seen.lock().expect("lock").revision;
    running.stop().await;

    let running = rig.start().await;
    running.edge.until("the measure again", |seen| seen.bundles == 1 && seen.sites == 3).await;
    {
        let seen = running.edge.seen.lock().expect("lock");
        assert!(seen.revision > revision, "a parcel with other proofs has another number");
        assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    }
    let after = running.get("/api/v1/status").await.json();
    assert_eq!(before["log"]["origin"], after["log"]["origin"]);
    assert!(after["log"]["size"].as_u64() >= before["log"]["size"].as_u64());
    running.stop().await;

    // The lease ends while nobody runs: the next start writes it down.
    rig.clock.advance(Duration::from_secs(3_600));
    let running = rig.start().await;
    running.until_state(&decision, "lapsed").await;
    running.edge.until("no measure", |seen| seen.sites == 3 && seen.bundles == 0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_about_what_happened_stands_after_a_restart_until_it_is_settled() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.control.plane().alarms.raise("mail-not-noted", "ref_1", "note it", rig.ago(0));
    running.stop().await;
    rig.clock.advance(Duration::from_secs(60));
    let running = rig.start().await;
    let status = running.get("/api/v1/status").await.is(200).json();
    let alarm = status["alarms"].as_array().and_then(|all| all.iter().find(|one| one["subject"] == "ref_1"));
    assert_eq!(alarm.expect("the alarm")["since"], rig.ago(0).minus(Duration::from_secs(60)).to_string());
    let settled =
        |name: &str| serde_json::json!({"by": "intake-1", "name": name, "subject": "ref_1", "how": "noted"});
    running.post("/api/v1/alarms/settled", settled("edge-alarm")).await.is(404);
    running.post("/api/v1/alarms/settled", settled("mail-not-noted")).await.is(204);
    running.stop().await;
    let running = rig.start().await;
    assert!(!running.get("/api/v1/status").await.is(200).text().contains("mail-not-noted"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_approved_before_the_end_goes_its_way_after_the_start() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3_600).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
    // Ended at once, wherever the reconcilers are.
    running.stop().await;
    let running = rig.start().await;
    running.until_state(&decision, "in-force").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_fail_now_and_then_only_delay_a_decision() {
    use records::memory::Fault;
    for seed in 0..8u64 {
        let mut rig = Rig::new();
        let running = rig.start().await;
        running.apply(SITES, "").await.is(200);
        let case = open_case(&rig, &running).await;
        let decision = propose(&running, &case, 3_600).await;
        sign(&rig, &running, &decision, "assessor-1").await.is(200);
        sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
        for step in 0..6 {
            let fault = if (seed + step) % 2 == 0 { Fault::WithEffect } else { Fault::WithoutEffect };
            rig.records.fail_after((seed * 7 + step * 3) as usize % 11, fault);
        }
        let path = format!("/api/v1/decisions/{decision}");
        for _ in 0..400 {
            let shown = running.get(&path).await;
            if shown.status == 200 && shown.json()["state"] == "in-force" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running.until_state(&decision, "in-force").await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_file_stops_the_start() {
    let mut rig = Rig::new();
    rig.start().await.stop().await;
    let path = rig.data_dir().join("policy.txt");
    let text = std::fs::read_to_string(&path).expect("policy");
    std::fs::write(&path, format!("{text}\n# a remark\n")).expect("changed");
    let (publisher, _subscription) = feed::in_process();
    let options = Options {
        listen: "127.0.0.1:0".parse().expect("address"),
        public: "127.0.0.1:0".parse().expect("address"),
        public_url: "http://localhost:9091".parse().expect("url"),
        data_dir: rig.data_dir(),
        witnesses: None,
    };
    let inputs = Inputs {
        clock: rig.clock.clone(),
        random: rig.random.clone(),
        records: rig.records.clone(),
        publisher,
        telemetry: Arc::new(()),
        certificates: None,
        web: Arc::new(crate::tests::web::Shop),
        resolvers: Arc::new(names::Resolvers::of_servers(&[])),
        proof_web: Arc::new(crate::tests::web::Shop),
        carrier: None,
    };
    let elsewhere = Options { listen: "0.0.0.0:0".parse().expect("address"), ..options.clone() };
    let refused = start(options, inputs.clone(), CancellationToken::new()).await;
    assert!(matches!(refused, Err(StartError::Changed { file: "policy.txt", .. })), "{refused:?}");
    let refused = start(elsewhere, inputs, CancellationToken::new()).await;
    assert!(matches!(refused, Err(StartError::NotLoopback(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_control_plane_on_the_same_records_fences_the_first() {
    let mut rig = Rig::new();
    let first = rig.start().await;
    let second = rig.start().await;
    second.apply(SITES, "").await.is(200);
    // The next thing that the first one would log ends it.
    let asked = json!({"sites": SITES.replace("3001", "9999"), "customer_request": "move us"});
    let refused = first.post("/api/v1/apply", asked).await;
    assert_eq!(refused.is(503).reason(), "log-stopped");
    let ended = tokio::time::timeout(Duration::from_secs(10), first.control.join()).await.expect("ended");
    assert!(matches!(ended, Err(StartError::Log(_))), "{ended:?}");
    second.stop().await;
}
