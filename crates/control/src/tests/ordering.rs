//! Orders behind decisions: how far they reach, and what their end ends.

use super::authorities::*;
use super::rig::*;
use casework::order_digest;
use serde_json::{Value, json};
use std::time::Duration;

/// The text of an order to block a host in AA, and the court's signature under it.
fn signed(rig: &Rig, court: &str, address: &str) -> (String, String) {
    let text = demanded(rig, court, address).to_text().expect("text");
    let signature = key(1).sign(&order_digest(&text)).signature.to_string();
    (text, signature)
}

async fn order_step(running: &Running, order: &str, by: &str, step: Value) -> Answer {
    running.post(&format!("/api/v1/orders/{order}/steps"), json!({"by": by, "step": step})).await
}

/// An order to block a host in AA that was signed, called back and accepted.
async fn accepted(rig: &Rig, running: &Running, case: &str, court: &str, address: &str) -> String {
    let (path, code) = referred(running, case, court).await;
    post_form(running, "/desk", &[("code", &code)]).await.is(200);
    let (text, signature) = signed(rig, court, address);
    let referral = path.rsplit('/').next().expect("an id");
    let asked = json!({"text": text, "case": case, "referral": referral, "signature": signature});
    let taken = running.post("/api/v1/orders", asked).await.is(201).json();
    let order = taken["order"]["id"].as_str().expect("an id").to_owned();
    directory_step(running, court, "duty-officer-1", json!({"called": {"outcome": "confirmed"}}))
        .await
        .is(200);
    order_step(running, &order, "duty-officer-1", json!("called-back")).await.is(200);
    order_step(running, &order, "legal-1", json!("accept")).await.is(200);
    order
}

fn by_order(order: &str) -> Value {
    let mut asked = proposal(24 * 3_600);
    asked["measure"] = json!("M6");
    asked["ground"] = json!("order");
    asked["order"] = json!(order);
    asked["territories"] = json!(["AA"]);
    asked["sites"] = json!([{"site": "board.test", "hosts": ["board.test"], "reason": "the court names it"}]);
    asked["demand"] =
        json!({"authority": "Court of AA", "law": "Act on danger, section 4", "url": "https://court.test/1"});
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_measure_by_order_reaches_no_further_than_the_order_and_goes_with_it() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let order = accepted(&rig, &running, &case, &court, "board.test").await;
    let path = format!("/api/v1/cases/{case}/proposals");
    type Change = fn(&mut Value);
    let beyond: [(Change, &str); 6] = [
        (|asked| drop(asked.as_object_mut().expect("fields").remove("order")), "gate-closed"),
        (|asked| asked["territories"] = json!([]), "beyond-ordered-territories"),
        (|asked| asked["territories"] = json!(["AA", "BB"]), "beyond-ordered-territories"),
        (
            |asked| asked["sites"][0] = json!({"site": "mirror.test", "reason": "too"}),
            "beyond-ordered-addresses",
        ),
        (|asked| asked["demand"]["authority"] = json!("Court of BB"), "demand-of-another"),
        (|asked| asked["demand"]["law"] = json!("Another act"), "order-of-other-law"),
    ];
    for (change, expected) in beyond {
        let mut asked = by_order(&order);
        change(&mut asked);
        assert_eq!(running.post(&path, asked).await.is(409).reason(), expected);
    }
    let gate = |order: &str| format!("/api/v1/cases/{case}/gate?measure=M6&ground=order&order={order}");
    assert_eq!(running.get(&gate(&order)).await.is(200).json()["open"], true);
    let proposed = running.post(&path, by_order(&order)).await.is(201).json();
    assert_eq!(proposed["order"], order);
    let decision = proposed["decision"].as_str().expect("an id").to_owned();
    for by in ["assessor-1", "legal-1"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    // Nobody has to note that it is carried out, and its end is told whoever noted what.
    until_order(&running, &order, "executed").await;
    order_step(&running, &order, "authority-liaison-1", json!("withdraw")).await.is(200);
    until_alarm(&running, "order-withdrawn", &order).await;
    let renewal = json!({"by": "legal-1", "follow_up": {"renewal": {"lease_seconds": 3_600}}});
    let path_on = format!("/api/v1/decisions/{decision}/follow-up");
    let mut refused = running.post(&path_on, renewal.clone()).await;
    while refused.reason() == "statement-not-logged" {
        tokio::time::sleep(Duration::from_millis(50)).await;
        refused = running.post(&path_on, renewal.clone()).await;
    }
    assert_eq!(refused.is(409).reason(), "order-not-accepted");
    assert_eq!(running.post(&path, by_order(&order)).await.is(409).reason(), "gate-closed");
    running.stop().await;
}

async fn until_order(running: &Running, order: &str, state: &str) {
    for _ in 0..400 {
        let shown = running.get(&format!("/api/v1/orders/{order}")).await.is(200).json();
        if shown["order"]["state"]["is"] == state {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{order} never was {state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_brought_twice_is_one_and_keeps_the_first_signature() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let (path, code) = referred(&running, &case, &court).await;
    let (text, signature) = signed(&rig, &court, "board.test");
    let referral = path.rsplit('/').next().expect("an id");
    let by_hand = |text: &str| json!({"text": text, "case": case, "referral": referral});
    // An officer types it in, the authority brings it signed, and brings it once more.
    let first = running.post("/api/v1/orders", by_hand(&text)).await.is(201).json();
    assert_eq!(first["order"]["state"]["is"], "received");
    let form = [("code", code.as_str()), ("text", text.as_str()), ("signature", signature.as_str())];
    for _ in 0..2 {
        let page = post_form(&running, "/desk/order", &form).await.is(200).text();
        assert!(page.contains(first["order"]["id"].as_str().expect("an id")), "{page}");
    }
    running.post("/api/v1/orders", by_hand(&text)).await.is(200);
    let all = running.get("/api/v1/orders").await.is(200).json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all}");
    let signed_by = &all["items"][0]["order"]["state"]["signed"];
    assert_eq!((&signed_by["signature"], &signed_by["key"]), (&json!(signature), &json!(key(1).public())));
    // Under another referral it is not another order.
    let (other, _) = referred(&running, &case, &court).await;
    let elsewhere = json!({"text": text, "case": case, "referral": other.rsplit('/').next()});
    assert_eq!(running.post("/api/v1/orders", elsewhere).await.is(409).reason(), "order-known");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_its_referral_would_not_believe_is_refused_before_anything_is_kept() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    // When the referral was drawn up, the desk had just denied that it is one.
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "denied"}}))
        .await
        .is(200);
    let asked = json!({"by": "authority-liaison-1", "directory": court});
    let added = running.post(&format!("/api/v1/cases/{case}/referrals"), asked).await.is(201).json();
    let referral = added["referral"].as_str().expect("an id");
    let path = format!("/api/v1/cases/{case}/referrals/{referral}");
    running.post(&format!("{path}/sent"), json!({"channel": "desk"})).await.is(200);
    let delivered = json!({"channel": "desk", "proof": "desk-read"});
    running.post(&format!("{path}/delivered"), delivered).await.is(200);
    let (text, signature) = signed(&rig, &court, "board.test");
    let asked = json!({"text": text, "case": case, "referral": referral, "signature": signature});
    let taken = running.post("/api/v1/orders", asked).await.is(201).json();
    let order = taken["order"]["id"].as_str().expect("an id");
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "confirmed"}}))
        .await
        .is(200);
    order_step(&running, order, "duty-officer-1", json!("called-back")).await.is(200);
    let refused = order_step(&running, order, "legal-1", json!("accept")).await;
    assert_eq!(refused.is(409).reason(), "referral-not-verified");
    let held = running.get(&format!("/api/v1/orders/{order}")).await.is(200).json();
    assert_eq!(held["order"]["state"]["is"], "authenticating");
    let referral = state_of(&running, &case, &path).await;
    assert_eq!(
        (&referral["state"]["is"], &referral["authority"]["inbound"]),
        (&json!("delivered"), &json!("open"))
    );
    // Once it is called back, the same step goes through.
    running.post(&format!("{path}/call-back"), json!({"by": "duty-officer-1"})).await.is(200);
    order_step(&running, order, "legal-1", json!("accept")).await.is(200);
    assert_eq!(state_of(&running, &case, &path).await["state"]["answer"], "order");
    running.stop().await;
}
