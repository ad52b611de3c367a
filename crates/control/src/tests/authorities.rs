//! The directory, referrals with a packet, the desk, and orders.

use super::rig::*;
use casework::{Demanded, order_digest};
use policy::{OfficerKey, Role};
use serde_json::{Value, json};
use std::time::Duration;
use vocabulary::{Clock, SeededRandom};

pub(super) fn key(seed: u64) -> OfficerKey {
    OfficerKey::generate(&SeededRandom::new(seed), "authority".parse().expect("a name"), Role::Legal)
}

pub(super) async fn started() -> (Rig, Running, String) {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    (rig, running, case)
}

pub(super) async fn directory_step(running: &Running, authority: &str, by: &str, step: Value) -> Answer {
    running.post(&format!("/api/v1/authorities/{authority}/steps"), json!({"by": by, "step": step})).await
}

/// A court of AA in the directory: called back, with one confirmed key.
pub(super) async fn court(running: &Running) -> String {
    let asked = json!({"by": "authority-liaison-1", "name": "Court of AA", "stands_for": {"jurisdiction": "AA"},
        "mail": "desk@court.test", "duty_line": {"number": "+999 100", "source": "the state's handbook"}});
    let entered = running.post("/api/v1/authorities", asked).await.is(201).json();
    let id = entered["authority"]["id"].as_str().expect("an id").to_owned();
    let confirmed = json!({"called": {"outcome": "confirmed"}});
    directory_step(running, &id, "authority-liaison-1", confirmed).await.is(200);
    let key = key(1).public().to_string();
    directory_step(running, &id, "authority-liaison-1", json!({"enter-key": key})).await.is(200);
    let own = directory_step(running, &id, "authority-liaison-1", json!({"confirm-key": key})).await;
    assert_eq!(own.is(409).reason(), "same-officer");
    directory_step(running, &id, "duty-officer-1", json!({"confirm-key": key})).await.is(200);
    id
}

/// A referral to the court with a packet of ours and a pass; the referral's path and the code.
pub(super) async fn referred(running: &Running, case: &str, court: &str) -> (String, String) {
    let asked = json!({"by": "authority-liaison-1", "directory": court});
    let added = running.post(&format!("/api/v1/cases/{case}/referrals"), asked).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/referrals/{}", added["referral"].as_str().expect("an id"));
    let pass = json!({"by": "authority-liaison-1"});
    let pass = running.post(&format!("{path}/pass"), pass).await.is(201).json();
    (path, pass["code"].as_str().expect("a code").to_owned())
}

/// A form as a browser sends it.
pub(super) async fn post_form(running: &Running, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded: String = fields
        .iter()
        .map(|(name, value)| {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            format!("{name}={value}&")
        })
        .collect();
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    send(running.control.public(), "POST", path, &kind, encoded.as_bytes()).await
}

pub(super) async fn state_of(running: &Running, case: &str, referral: &str) -> Value {
    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).json();
    let id = referral.rsplit('/').next().expect("an id");
    let all = shown["case"]["referrals"].as_array().expect("a list").clone();
    all.into_iter().find(|held| held["id"] == id).expect("the referral")
}

pub(super) fn demanded(rig: &Rig, court: &str, address: &str) -> Demanded {
    let text = |text: &str| text.parse().expect("a text");
    Demanded {
        format: Demanded::FORMAT.to_owned(),
        authority: court.parse().expect("an id"),
        reference: text("17 Qs 3/26"),
        law: text("Act on danger, section 4"),
        offence: text("public call to kill"),
        remedy: Some(text("complaint to the court of appeal")),
        issued_at: rig.ago(1),
        measure: policy::Measure::M6,
        addresses: vec![address.to_owned()],
        territories: vec!["AA".parse().expect("a jurisdiction")],
        until: rig.clock.now().plus(Duration::from_secs(20 * 24 * 3_600)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_reads_its_packet_at_the_desk_acknowledges_and_answers() {
    let (_rig, running, case) = started().await;
    let court = court(&running).await;
    let (path, code) = referred(&running, &case, &court).await;
    let packet = running.get(&format!("{path}/packet")).await.is(200).json();
    assert_eq!(packet["items"].as_array().map(Vec::len), Some(2));
    assert!(!packet.to_string().contains("acc_"), "no customer in it: {packet}");

    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "sealed");
    let page = running.public("/desk").await.is(200);
    assert!(!page.text().contains("<script") && !page.fields.contains_key("set-cookie"));
    let page = post_form(&running, "/desk", &[("code", &code)]).await.is(200).text();
    for wanted in ["Referral to Court of AA", "https://board.test/1", "calls for violence", "SHA-256"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let read = state_of(&running, &case, &path).await;
    assert_eq!(read["state"]["is"], "delivered");
    assert_eq!(read["state"]["traffic"]["deliveries"][0]["proof"], "desk-read");
    let form = [("code", code.as_str()), ("answer", "acknowledged")];
    post_form(&running, "/desk/answer", &form).await.is(200);
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "acknowledged");
    let form = [("code", code.as_str()), ("answer", "objection")];
    post_form(&running, "/desk/answer", &form).await.is(409);
    let form = [("code", code.as_str()), ("answer", "objection"), ("reasons", "a raid at dawn")];
    post_form(&running, "/desk/answer", &form).await.is(200);
    let answered = state_of(&running, &case, &path).await;
    assert_eq!(answered["state"]["answer"]["objection"]["reasons"], "a raid at dawn");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_case_page_shows_clocks_gate_ratings_referrals_and_signatures() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let (_, code) = referred(&running, &case, &court).await;
    post_form(&running, "/desk", &[("code", &code)]).await.is(200);
    let decision = propose(&running, &case, 3_600).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    let page = running.get(&format!("/cases/{case}")).await.is(200).text();
    for wanted in [
        "calls for violence",
        "on the ground emergency: open",
        "<b>E9</b>",
        "https://board.test/1",
        "credible, names place and time",
        "Court of AA",
        "try a second channel to Court of AA",
        "1 of 2",
        &format!("/acts/sign?case={case}&#38;of={decision}"),
        "arrived at Court of AA (desk)",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    let queue = running.get("/cases").await.is(200).text();
    assert!(queue.contains(&format!("/cases/{case}")), "{queue}");
    let stranger = send(running.control.listen(), "GET", &format!("/cases/{case}"), &[], b"").await;
    assert!(!stranger.is(401).text().contains("Court of AA"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_opens_nothing_and_is_slowed_and_a_code_opens_one_matter() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let (_, code) = referred(&running, &case, &court).await;
    let wrong = "able able able able able able able able";
    for _ in 0..9 {
        post_form(&running, "/desk", &[("code", wrong)]).await.is(404);
    }
    let mut last = post_form(&running, "/desk", &[("code", wrong)]).await;
    if last.status == 404 {
        last = post_form(&running, "/desk", &[("code", wrong)]).await;
    }
    assert!(!last.is(429).field("retry-after").is_empty());
    rig.clock.advance(Duration::from_secs(3_600));
    // An authority's code rules on no appeal.
    let form = [("code", code.as_str()), ("outcome", "overturned"), ("reasons", "x")];
    post_form(&running, "/desk/ruling", &form).await.is(409);
    // After a month it opens nothing.
    rig.clock.advance(Duration::from_secs(30 * 24 * 3_600));
    post_form(&running, "/desk", &[("code", &code)]).await.is(404);
    running.stop().await;
}

pub(super) async fn until_alarm(running: &Running, name: &str, subject: &str) {
    for _ in 0..400 {
        let status = running.get("/api/v1/status").await.is(200).json();
        let alarms = status["alarms"].as_array().expect("a list").clone();
        if alarms.iter().any(|alarm| alarm["name"] == name && alarm["subject"] == subject) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no alarm {name} about {subject}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_acts_only_signed_called_back_and_without_a_fault() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let (path, code) = referred(&running, &case, &court).await;
    post_form(&running, "/desk", &[("code", &code)]).await.is(200);
    // By word alone there is no order.
    let by_word = running.post(&format!("{path}/answer"), json!({"answer": "order"})).await;
    assert_eq!(by_word.is(409).reason(), "order-needs-its-record");

    let text = demanded(&rig, &court, "https://board.test/1").to_text().expect("text");
    let forged = key(2).sign(&order_digest(&text)).signature.to_string();
    let form = [("code", code.as_str()), ("text", text.as_str()), ("signature", forged.as_str())];
    let refused = post_form(&running, "/desk/order", &form).await.is(409).text();
    assert!(refused.contains("no confirmed key"), "{refused}");
    assert_eq!(running.get("/api/v1/orders").await.is(200).json()["items"], json!([]));

    // The call that verified the court lies before the order, and says nothing about it.
    rig.clock.advance(Duration::from_secs(60));
    let signature = key(1).sign(&order_digest(&text)).signature.to_string();
    let form = [("code", code.as_str()), ("text", text.as_str()), ("signature", signature.as_str())];
    post_form(&running, "/desk/order", &form).await.is(200);
    let orders = running.get("/api/v1/orders").await.is(200).json();
    let order = orders["items"][0]["order"]["id"].as_str().expect("an id").to_owned();
    let steps = format!("/api/v1/orders/{order}/steps");
    let step = async |by: &str, step: Value| running.post(&steps, json!({"by": by, "step": step})).await;
    until_alarm(&running, "order-waits", &order).await;
    assert_eq!(step("legal-1", json!("accept")).await.is(409).reason(), "order-not-authentic");
    assert_eq!(step("duty-officer-1", json!("called-back")).await.is(409).reason(), "order-not-called-back");
    rig.clock.advance(Duration::from_secs(60));
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "confirmed"}}))
        .await
        .is(200);
    step("duty-officer-1", json!("called-back")).await.is(200);
    assert_eq!(step("duty-officer-1", json!("accept")).await.is(409).reason(), "not-legal");
    let valid = step("legal-1", json!("accept")).await.is(200).json();
    assert_eq!(valid["order"]["state"]["is"], "valid");
    assert_eq!(state_of(&running, &case, &path).await["state"]["answer"], "order");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_a_wrong_address_is_refused_with_a_reason_from_the_list() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let (path, _) = referred(&running, &case, &court).await;
    let referral = path.rsplit('/').next().expect("an id");
    let text = demanded(&rig, &court, "https://bord.test/1").to_text().expect("text");
    let signature = key(1).sign(&order_digest(&text)).signature.to_string();
    let asked = json!({"text": text, "case": case, "referral": referral, "signature": signature});
    let taken = running.post("/api/v1/orders", asked).await.is(201).json();
    assert_eq!(taken["faults"][0]["because"], "manifest-error");
    let steps = format!("/api/v1/orders/{}/steps", taken["order"]["id"].as_str().expect("an id"));
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "confirmed"}}))
        .await
        .is(200);
    running.post(&steps, json!({"by": "duty-officer-1", "step": "called-back"})).await.is(200);
    let accepted = running.post(&steps, json!({"by": "legal-1", "step": "accept"})).await;
    assert_eq!(accepted.is(409).reason(), "order-faulty");
    let refuse = json!({"refuse": {"because": "manifest-error", "words": "bord.test is not served here"}});
    let refused = running.post(&steps, json!({"by": "legal-1", "step": refuse})).await.is(200).json();
    assert_eq!(refused["order"]["state"]["because"], "manifest-error");
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "sealed");
    running.stop().await;
}
