//! Letters to customers: queued once, carried out, tried again, given up.

use super::rig::*;
use post::MailAddress;
use serde_json::{Value, json};
use smtp::Relay;
use std::sync::Arc;
use std::time::Duration;
use testkit::{MailRules, MailSink, TakenMail};

const OWNER: &str = "owner@board.test";

/// The sites, with an address of the message board's owner.
fn sites() -> String {
    SITES.replace("name = \"board\"", &format!("name = \"board\"\nmail = \"{OWNER}\""))
}

pub(super) async fn started(rules: MailRules) -> (Rig, Running, MailSink) {
    let sink = MailSink::start(rules).await;
    let mut rig = Rig::new();
    let from: MailAddress = "wardmote@edge.test".parse().expect("an address");
    let relay = Relay::new(&format!("smtp://{}", sink.address()), from, None, None).expect("a relay");
    rig.carrier = Some(Arc::new(relay));
    let running = rig.start().await;
    running.apply(&sites(), "").await.is(200);
    (rig, running, sink)
}

/// Waits until the mails are as wanted.
pub(super) async fn until(running: &Running, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..500 {
        let mails = running.get("/api/v1/mails").await.is(200).json();
        let mails = mails["items"].as_array().expect("a list").clone();
        if wanted(&mails) {
            return mails;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {what}: {}", running.get("/api/v1/mails").await.text());
}

pub(super) fn all_are(state: &'static str) -> impl Fn(&[Value]) -> bool {
    move |mails| !mails.is_empty() && mails.iter().all(|mail| mail["state"] == state)
}

pub(super) async fn alarms(running: &Running) -> Vec<String> {
    let status = running.get("/api/v1/status").await.is(200).json();
    let names = status["alarms"].as_array().expect("a list").iter().map(|alarm| alarm["name"].clone());
    names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect()
}

/// What a message says, its soft line breaks undone.
pub(super) fn text(mail: &TakenMail) -> String {
    mail.message.replace("=\r\n", "").replace("\r\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_is_told_once_with_reasons_scope_end_and_how_to_appeal() {
    let (mut rig, running, sink) = started(MailRules::default()).await;
    let decision = blocked(&rig, &running).await;
    until(&running, "sent", all_are("sent")).await;
    // Another pass, and another process, send nothing more.
    running.stop().await;
    let running = rig.start().await;
    running.apply("", "").await.is(200);
    until(&running, "sent", all_are("sent")).await;
    let taken = sink.taken();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!(taken[0].to, [OWNER]);
    let said = text(&taken[0]);
    for wanted in [
        "Your sites at this network: blocked until",
        ": the items stand here",
        "mirror.test: the items stand here",
        "Calls for violence against people at a named place.",
        "Danger to human life",
        "may ask for a review by someone who took no part",
        "abuse@localhost",
        &format!("http://localhost:9091/record/decisions/{decision}"),
    ] {
        assert!(said.contains(wanted), "{wanted:?} is not in\n{said}");
    }
    assert!(!said.contains("shop.test") && !said.contains("127.0.0.1:300"), "{said}");
    assert!(!alarms(&running).await.contains(&"customer-untold".to_owned()));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_turned_away_for_now_goes_later_and_survives_a_restart() {
    let (mut rig, running, sink) = started(MailRules { greylisted: 1, ..MailRules::default() }).await;
    blocked(&rig, &running).await;
    let mails = until(&running, "tried", |mails| mails.iter().any(|mail| mail["said"].is_string())).await;
    assert_eq!(mails[0]["tries"], 1);
    assert_eq!(mails[0]["state"], "waiting");
    assert!(mails[0]["said"].as_str().is_some_and(|said| said.contains("greylisted")), "{mails:?}");
    running.stop().await;
    assert!(sink.taken().is_empty());
    rig.clock.advance(Duration::from_secs(60));
    let running = rig.start().await;
    until(&running, "sent", all_are("sent")).await;
    assert_eq!(sink.taken().len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_nobody_takes_is_given_up_under_an_alarm_until_somebody_settles_it() {
    let unknown = vec![OWNER.to_owned()];
    let (rig, running, sink) = started(MailRules { unknown, ..MailRules::default() }).await;
    blocked(&rig, &running).await;
    let mails = until(&running, "dead", all_are("dead")).await;
    let path = format!("/api/v1/mails/{}", mails[0]["id"].as_str().expect("an id"));
    for _ in 0..200 {
        if alarms(&running).await.contains(&"mail-dead".to_owned()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(alarms(&running).await.contains(&"mail-dead".to_owned()));
    // The mailbox is there again.
    sink.behave(MailRules::default());
    running.post(&format!("{path}/again"), Value::Null).await.is(200);
    until(&running, "sent", all_are("sent")).await;
    assert_eq!(running.post(&format!("{path}/again"), Value::Null).await.is(409).reason(), "wrong-state");
    let how = json!({"by": "duty-officer-1", "how": "by telephone"});
    running.post(&format!("{path}/settled"), how).await.is(409);
    running.stop().await;
}

/// The case's findings.
async fn findings(running: &Running, case: &str) -> Vec<Value> {
    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).json();
    let findings = shown["case"]["findings"].as_array().expect("a list").iter();
    findings.map(|finding| finding["id"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_forwarded_to_the_customer_once_and_only_when_that_is_asked() {
    let (rig, running, sink) = started(MailRules::default()).await;
    let case = open_case(&rig, &running).await;
    let path = format!("/api/v1/cases/{case}/forward");
    let asked = |send: bool| json!({"by": "intake-1", "class": "S", "findings": [], "send": send});
    let mut written = asked(false);
    written["findings"] = findings(&running, &case).await.into();
    let shown = running.post(&path, written.clone()).await.is(200).json();
    assert_eq!(shown["mail"], Value::Null);
    written["send"] = json!(true);
    let first = running.post(&path, written.clone()).await.is(200).json();
    assert_eq!(
        running.post(&path, written).await.is(200).json()["mail"],
        first["mail"],
        "one message, one mail"
    );
    let mails = until(&running, "sent", all_are("sent")).await;
    assert_eq!((mails.len(), &mails[0]["purpose"]), (1, &json!("forward")));
    let taken = sink.taken();
    assert_eq!((taken.len(), &taken[0].to), (1, &vec![OWNER.to_owned()]));
    assert!(text(&taken[0]).contains("https://board.test/1"), "{}", text(&taken[0]));
    running.stop().await;
}

/// Letters to customer and authority and the packet: what a reporter wrote is in none of them, and words that repeat it are
/// refused before anything is queued.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_of_the_vault_is_in_no_letter_and_no_packet() {
    let (rig, running, sink) = started(MailRules::default()).await;
    let page = running.public("/report/danger").await.is(200).text();
    let token = page
        .split("name=\"token\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a token");
    let canary = [
        ("token", token),
        ("where", "https://board.test/1"),
        ("what", "zqcanarywhat zqcanaryvery zqcanarylong zqcanarywords"),
        ("who", "Zqcanarywho Zqcanaryname"),
        ("contact", "zqcanarymail@zqcanary.test"),
        ("forward", "yes"),
    ];
    super::authorities::post_form(&running, "/report/danger", &canary).await.is(200);
    let case = open_case(&rig, &running).await;
    let court = super::authorities::court(&running).await;
    let (path, code) = super::authorities::referred(&running, &case, &court).await;
    running.post(&format!("{path}/mailed"), Value::Null).await.is(202);
    let mut asked = json!({"by": "intake-1", "class": "S", "send": true});
    asked["findings"] = findings(&running, &case).await.into();
    running.post(&format!("/api/v1/cases/{case}/forward"), asked).await.is(200);
    let decision = propose(&running, &case, 48 * 3_600).await;
    for by in ["assessor-1", "duty-officer-1"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    until(&running, "three letters", |mails| {
        mails.len() == 3 && mails.iter().all(|mail| mail["state"] == "sent")
    })
    .await;
    let mut outgoing: Vec<String> = sink.taken().iter().map(text).collect();
    assert_eq!(outgoing.len(), 3);
    outgoing.push(running.get(&format!("{path}/packet")).await.is(200).text());
    outgoing.push(super::authorities::post_form(&running, "/desk", &[("code", &code)]).await.is(200).text());
    outgoing.push(running.get(&format!("/cases/{case}")).await.text());
    for text in outgoing {
        assert!(!text.to_lowercase().contains("zqcanary"), "{text}");
    }
    // An officer who repeats the reporter's words in a finding is told so, and nothing leaves.
    let capture = seal(&running, &case, b"one more capture").await;
    let finding = json!({"by": "intake-1", "evidence": [capture], "source": {"grade": "B"}, "author": null,
        "item": "https://board.test/zqcanarywhat zqcanaryvery zqcanarylong zqcanarywords", "appearance": "posted",
        "posted_at": {"instant": rig.ago(1)}});
    let added = running.post(&format!("/api/v1/cases/{case}/findings"), finding).await;
    let added = added.is(201).json()["finding"].clone();
    let asked = json!({"by": "intake-1", "class": "S", "send": true, "findings": [added]});
    let refused = running.post(&format!("/api/v1/cases/{case}/forward"), asked).await;
    assert_eq!(refused.is(409).reason(), "vault-text");
    assert_eq!(sink.taken().len(), 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_or_a_mail_server_somebody_is_told_to_tell_the_customer() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    blocked(&rig, &running).await;
    assert!(alarms(&running).await.contains(&"customer-untold".to_owned()));
    running.apply(&sites(), "").await.is(200);
    until(&running, "queued", all_are("waiting")).await;
    for _ in 0..200 {
        if alarms(&running).await == ["mail-not-set-up"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(alarms(&running).await, ["mail-not-set-up"]);
    running.stop().await;
}
