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

/// Waits until a record of the suspension is in the log, and none waits for signatures.
async fn until_logged(running: &Running, confirmed: bool) -> Value {
    let logged = |shown: &Value| shown["suspended"]["confirmed"] == confirmed && shown["pending"].is_null();
    until_suspension(running, logged).await
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
    until_logged(&running, false).await;
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
    until_logged(&running, true).await;
    running.edge.until("that it stays", |seen| !blocked(seen, now.plus(MINUTE * 120))).await;
    assert_eq!(put_up(&running, false).await.is(409).reason(), "suspended-lately");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_begin_another_do_not_undo_what_three_confirmed() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    in_force(&rig, &running).await;
    rig.clock.advance(MINUTE);
    put_up(&running, false).await.is(201);
    for by in ["legal-1", "assessor-1"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_logged(&running, false).await;
    put_up(&running, true).await.is(201);
    for by in ["legal-1", "assessor-1", "assessor-2"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_logged(&running, true).await;
    rig.clock.advance(MINUTE * 60 * 24 + MINUTE);
    put_up(&running, false).await.is(201);
    for by in ["legal-1", "assessor-1"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    let both = until_logged(&running, false).await;
    assert_eq!(both["beside"]["confirmed"], true, "{both}");
    let now = rig.clock.now();
    running.edge.until("the newer one", |seen| seen.suspensions == 2).await;
    running.edge.state(|seen| assert!(!blocked(seen, now.plus(MINUTE * 61)), "it stays aside"));
    rig.clock.advance(MINUTE * 61);
    let left = until_suspension(&running, |shown| shown["beside"].is_null()).await;
    assert_eq!(left["suspended"]["confirmed"], true, "{left}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proposed_before_a_suspension_takes_no_signature_and_what_is_proposed_after_it_acts() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let before = propose(&running, &case, 3600).await;
    sign(&rig, &running, &before, "assessor-1").await.is(200);
    rig.clock.advance(MINUTE);
    put_up(&running, false).await.is(201);
    for by in ["legal-1", "assessor-1"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_logged(&running, false).await;
    assert_eq!(sign(&rig, &running, &before, "duty-officer-1").await.is(409).reason(), "suspended-since");
    let after = propose(&running, &case, 3600).await;
    for by in ["assessor-1", "duty-officer-1"] {
        sign(&rig, &running, &after, by).await.is(200);
    }
    running.until_state(&after, "in-force").await;
    let now = rig.clock.now();
    running.edge.state(|seen| {
        assert!(blocked(seen, now), "those who signed it knew");
        assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    });
    running.stop().await;
}

/// Waits until an alarm stands, or does not.
async fn until_held(running: &Running, stands: bool) {
    for _ in 0..400 {
        if alarms(running).await.contains("record-held") == stands {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{stands}: {}", alarms(running).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_forced_signature_raises_the_alarm_which_outlives_the_record_by_a_day() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3600).await;
    sign(&rig, &running, &decision, "assessor-1-2").await.is(200);
    until_held(&running, true).await;
    // Whoever takes the record away does not take the alarm away.
    rig.clock.advance(MINUTE * 120);
    running.until_state(&decision, "expired").await;
    assert!(alarms(&running).await.contains("record-held"));
    rig.clock.advance(MINUTE * 60 * 23);
    until_held(&running, false).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_that_is_held_bars_no_other_and_a_confirmation_can_be_signed_anew() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, _) = in_force(&rig, &running).await;
    rig.clock.advance(MINUTE);
    put_up(&running, false).await.is(201);
    sign_suspension(&rig, &running, "legal-1").await.is(200);
    sign_suspension(&rig, &running, "assessor-1-2").await.is(200);
    until_held(&running, true).await;
    // Another one takes its place at once.
    rig.clock.advance(MINUTE);
    put_up(&running, false).await.is(201);
    for by in ["legal-1", "assessor-1"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_logged(&running, false).await;
    // The same for a confirmation: held, withdrawn, put up again, and signed by three who are free.
    put_up(&running, true).await.is(201);
    for by in ["legal-1", "assessor-1", "duty-officer-1-2"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    running.call("DELETE", "/api/v1/suspension", &Value::Null).await.is(200);
    rig.clock.advance(MINUTE);
    put_up(&running, true).await.is(201);
    for by in ["legal-1", "assessor-1", "assessor-2"] {
        sign_suspension(&rig, &running, by).await.is(200);
    }
    until_logged(&running, true).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_list_of_duress_keys_or_with_another_is_refused() {
    let mut rig = Rig::new();
    rig.start().await.stop().await;
    let path = rig.data_dir().join("duress-keys");
    let list = std::fs::read_to_string(&path).expect("a list");
    std::fs::remove_file(&path).expect("removed");
    assert!(rig.refused_start().await.contains("duress-keys is missing"));
    let shorter: Vec<&str> = list.lines().skip(1).collect();
    std::fs::write(&path, shorter.join("\n")).expect("written");
    assert!(rig.refused_start().await.contains("duress-keys is missing, or not the list"));
    std::fs::write(&path, list).expect("put back");
    rig.start().await.stop().await;
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
    until_held(&running, true).await;
    let held = running.get("/api/v1/suspension").await.is(200).json();
    assert!(held["suspended"].is_null() && !held["pending"].is_null(), "{held}");
    rig.clock.advance(MINUTE * 60);
    let over = until_suspension(&running, |shown| shown["pending"].is_null()).await;
    assert!(over["suspended"].is_null(), "{over}");
    running.stop().await;
}
