//! Signatures that do not count, and gates that are closed.

use super::rig::*;
use policy::{OfficerKey, Role};
use serde_json::json;
use std::time::Duration;
use vocabulary::{Clock, SeededRandom};

async fn ready(rig: &mut Rig) -> (Running, String, String) {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(rig, &running).await;
    let decision = propose(&running, &case, 3_600).await;
    (running, case, decision)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_signature_that_does_not_count_is_refused_with_its_reason() {
    let mut rig = Rig::new();
    let (running, _, decision) = ready(&mut rig).await;
    let path = format!("/api/v1/decisions/{decision}/approvals");
    let bytes = running.get(&format!("/api/v1/decisions/{decision}/bytes")).await.is(200).body;

    let stranger =
        OfficerKey::generate(&SeededRandom::new(99), "assessor-9".parse().expect("name"), Role::Assessor);
    let refused = running.post(&path, json!({"approval": stranger.approve(&bytes)})).await.is(409);
    assert_eq!(refused.reason(), "outsider");

    let mut changed = bytes.clone();
    let at = changed.len() / 2;
    changed[at] ^= 1;
    let wrong = rig.officer("assessor-1").approve(&changed);
    assert_eq!(running.post(&path, json!({"approval": wrong})).await.is(409).reason(), "signature-wrong");

    let mut claimed = rig.officer("assessor-1").approve(&bytes);
    claimed.role = Role::Legal;
    assert_eq!(running.post(&path, json!({"approval": claimed})).await.is(409).reason(), "wrong-role");

    let reviewer = rig.officer("reviewer-1").approve(&bytes);
    assert_eq!(
        running.post(&path, json!({"approval": reviewer})).await.is(409).reason(),
        "role-may-not-decide"
    );

    assert_eq!(running.post(&path, json!({"approval": "none"})).await.is(400).reason(), "malformed");
    assert_eq!(running.post(&path, json!({"approvals": []})).await.is(400).reason(), "malformed");

    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    assert_eq!(sign(&rig, &running, &decision, "assessor-1").await.is(409).reason(), "same-key-twice");
    // A second assessor is a second person in the same role: still not enough.
    let second = sign(&rig, &running, &decision, "assessor-2").await.is(200).json();
    assert_eq!(second["missing"]["reason"], "too-few-roles");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signature_alone_is_never_logged() {
    let mut rig = Rig::new();
    let (running, _, decision) = ready(&mut rig).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    assert_eq!(shown["state"], "approving");
    assert_eq!(running.edge.seen.lock().expect("lock").bundles, 0);
    assert_eq!(running.public(&format!("/record/decisions/{decision}.json")).await.status, 404);
    rig.clock.advance(Duration::from_secs(3_601));
    let over = running.until_state(&decision, "expired").await;
    assert_eq!(over["log"], serde_json::Value::Null);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_signs_after_the_window_or_after_enough_have() {
    let mut rig = Rig::new();
    let (running, case, decision) = ready(&mut rig).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
    let late = sign(&rig, &running, &decision, "legal-1").await.is(409).reason();
    assert!(["approved-already", "wrong-state"].contains(&late.as_str()), "{late}");
    running.until_state(&decision, "in-force").await;
    let path = format!("/api/v1/cases/{case}/proposals");
    assert_eq!(running.post(&path, proposal(7_200)).await.is(409).reason(), "provisional-block-open");
    let other = open_case_about(&rig, &running, "shop").await;
    let second = propose_on(&running, &other, &["shop.test"], 7_200).await;
    rig.clock.advance(Duration::from_secs(3_600));
    assert_eq!(sign(&rig, &running, &second, "assessor-1").await.is(409).reason(), "approval-window-over");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_runs_again_at_each_signature() {
    let mut rig = Rig::new();
    let (running, case, decision) = ready(&mut rig).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    let doubt = json!({"legal-review": {"conclusion": "doubtful", "sealed_view": vocabulary::Digest::of(b"view"),
        "dissent": "none-voiced"}});
    let path = format!("/api/v1/cases/{case}/facts");
    running.call("PUT", &path, &json!({"by": "legal-1", "fact": doubt})).await.is(200);
    let refused = sign(&rig, &running, &decision, "duty-officer-1").await.is(409);
    assert_eq!(refused.reason(), "gate-closed");
    assert_eq!(refused.json()["reasons"][0]["condition"], "E7");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_gate_refuses_the_proposal_with_every_reason() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let opened = json!({"account": "board", "allegation": "calls for violence", "by": "intake-1"});
    let case = running.post("/api/v1/cases", opened).await.is(201).json();
    let case = case["case"].as_str().expect("id");
    let refused = running.post(&format!("/api/v1/cases/{case}/proposals"), proposal(3_600)).await.is(409);
    assert_eq!(refused.reason(), "gate-closed");
    let reasons = refused.json()["reasons"].as_array().expect("reasons").clone();
    let conditions: std::collections::BTreeSet<_> =
        reasons.iter().map(|reason| reason["condition"].as_str().expect("condition").to_owned()).collect();
    for condition in ["E1", "E2", "E3", "E4", "E5", "E6", "E7", "E9"] {
        assert!(conditions.contains(condition), "{condition}: {refused:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proposals_beyond_floor_scope_or_roster_are_refused_by_name() {
    let mut rig = Rig::new();
    let (running, case, _) = ready(&mut rig).await;
    let path = format!("/api/v1/cases/{case}/proposals");
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = proposal(3_600);
        changed[name] = value;
        changed
    };
    for (asked, reason) in [
        (proposal(1), "lease-too-short"),
        (proposal(49 * 3_600), "lease-over-floor"),
        (with("class", json!("C")), "never-on-class"),
        (with("by", json!("nobody-1")), "outsider"),
        (with("sites", json!([{"site": "shop.test", "reason": "x"}])), "site-outside-case"),
        (with("sites", json!([])), "scope-malformed"),
    ] {
        assert_eq!(running.post(&path, asked.clone()).await.is(409).reason(), reason, "{asked}");
    }
    let unknown = with("sites", json!([{"site": "unknown.test", "reason": "x"}]));
    assert_eq!(running.post(&path, unknown).await.is(422).reason(), "scope-unknown");
    let future = json!({"channel": "post", "at": rig.clock.now().plus(Duration::from_secs(60))});
    let referrals = running.get(&format!("/api/v1/cases/{case}")).await.json()["case"]["referrals"].clone();
    let sent = format!("/api/v1/cases/{case}/referrals/{}/sent", referrals[0]["id"].as_str().expect("id"));
    assert_eq!(running.post(&sent, future).await.is(400).reason(), "malformed");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lone_ratings_stay_sealed_and_every_reading_of_evidence_is_kept() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let opened = json!({"account": "board", "allegation": "calls for violence", "by": "intake-1"});
    let case = running.post("/api/v1/cases", opened).await.is(201).json()["case"].clone();
    let case = case.as_str().expect("id");
    let evidence = seal(&running, case, b"capture").await;
    let finding = json!({"by": "intake-1", "evidence": [evidence], "source": {"grade": "B"}, "item": "x",
        "author": null, "appearance": "posted", "posted_at": "unknown"});
    let added = running.post(&format!("/api/v1/cases/{case}/findings"), finding.clone()).await.is(201).json();
    let rating =
        json!({"by": "assessor-1", "credibility": "credible", "unsighted": true, "reason": "secret reason"});
    let path = format!("/api/v1/cases/{case}/findings/{}/ratings", added["finding"].as_str().expect("id"));
    running.post(&path, rating.clone()).await.is(201);
    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).text();
    assert!(!shown.contains("secret reason"), "{shown}");
    assert_eq!(running.post(&path, rating).await.is(409).reason(), "same-officer-rates-twice");

    let file = running.get(&format!("/api/v1/evidence/{evidence}?by=assessor-1")).await.is(200);
    assert_eq!(file.body, b"capture");
    assert_eq!((file.field("content-type"), file.field("content-disposition")), ("image/png", "attachment"));
    assert_eq!(running.get(&format!("/api/v1/evidence/{evidence}")).await.is(400).reason(), "malformed");
    let readings = records::EvidenceVault::readings_of(&*rig.records, evidence.parse().expect("id")).await;
    assert_eq!(readings.expect("readings")[0].reader, "assessor/assessor-1");

    let mut foreign = finding;
    foreign["evidence"] = json!(["evd_00000000000000000000000000"]);
    let refused = running.post(&format!("/api/v1/cases/{case}/findings"), foreign).await.is(422);
    assert_eq!(refused.reason(), "evidence-unknown");
    running.stop().await;
}
