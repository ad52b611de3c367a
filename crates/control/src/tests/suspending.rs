//! Suspend-all and duress keys through the API, to an edge that verifies.

use super::following::{blocked, in_force};
use super::rig::*;
use serde_json::{Value, json};
use std::time::Duration;
use vocabulary::Clock;

const MINUTE: Duration = Duration::from_secs(60);

async fn put_up(running: &Running, confirm: bool) -> Answer {
    running.post("/api/v1/suspension", json!({"by": "legal-1", "confirm": confirm})).await
}

async fn sign_suspension(rig: &Rig, running: &Running, key: &str) -> Answer {
    let bytes = running.get("/api/v1/suspension/bytes").await.is(200).body;
    let approval = rig.officer(key).approve(&bytes);
    running.post("/api/v1/suspension/approvals", json!({"approval": approval})).await
}

/// Waits until the suspension looks like this.
async fn until_suspension(running: &Running, seen: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let shown = running.get("/api/v1/suspension").await.is(200).json();
        if seen(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{}", running.get("/api/v1/suspension").await.text());
}

async fn alarms(running: &Running) -> String {
    running.get("/api/v1/status").await.is(200).json()["alarms"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_suspend_everything_for_an_hour_three_confirm_it_and_the_log_says_both() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    in_force(&rig, &running).await;
    assert_eq!(put_up(&running, true).await.is(409).reason(), "nothing-suspended");
    rig.clock.advance(MINUTE);
    put_up(&running, false).await.is(201);
    assert_eq!(put_up(&running, false).await.is(409).reason(), "suspension-waits");
    let one = sign_suspension(&rig, &running, "legal-1").await.is(200).json();
    assert_eq!(one["pending"]["missing"]["reason"], "too-few-approvals");
    assert_eq!(sign_suspension(&rig, &running, "reviewer-1").await.is(409).reason(), "role-may-not-decide");
    sign_suspension(&rig, &running, "assessor-1").await.is(200);
    until_suspension(&running, |shown| {
        shown["suspended"]["confirmed"] == false && shown["pending"].is_null()
    })
    .await;
    let now = rig.clock.now();
    running.edge.until("the site back", |seen| !blocked(seen, now)).await;
    running.edge.state(|seen| assert!(blocked(seen, now.plus(MINUTE * 60)), "it returns by itself"));
    assert!(alarms(&running).await.contains("measures-suspended"));
    let front = running.public("/record/").await.is(200).text();
    assert!(front.contains("set aside"), "{front}");

    rig.clock.advance(MINUTE);
    put_up(&running, true).await.is(201);
    for by in ["legal-1", "assessor-1", "assessor-2"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_suspension(&running, |shown| shown["suspended"]["confirmed"] == true).await;
    running.edge.until("that it stays", |seen| !blocked(seen, now.plus(MINUTE * 120))).await;
    assert_eq!(put_up(&running, false).await.is(409).reason(), "suspended-lately");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_signed_under_duress_is_answered_as_any_other_and_never_logged() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, _) = in_force(&rig, &running).await;
    put_up(&running, false).await.is(201);
    sign_suspension(&rig, &running, "legal-1").await.is(200);
    let forced = sign_suspension(&rig, &running, "assessor-1-2").await.is(200).json();
    assert!(forced["pending"]["missing"].is_null(), "nothing tells it from another: {forced}");
    for _ in 0..400 {
        if alarms(&running).await.contains("record-held") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(alarms(&running).await.contains("record-held"));
    let held = running.get("/api/v1/suspension").await.is(200).json();
    assert!(held["suspended"].is_null() && !held["pending"].is_null(), "{held}");
    rig.clock.advance(MINUTE * 60);
    let over = until_suspension(&running, |shown| shown["pending"].is_null()).await;
    assert!(over["suspended"].is_null(), "{over}");
    running.stop().await;
}
