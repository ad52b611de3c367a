//! To whom referrals go: to the entry of the directory that they were drawn up for, verified now, and to nobody else.

use super::authorities::*;
use super::rig::*;
use serde_json::{Value, json};
use smtp::Relay;
use std::sync::Arc;
use std::time::Duration;
use testkit::{MailRules, MailSink};

async fn refer_to(running: &Running, case: &str, asked: Value) -> Answer {
    running.post(&format!("/api/v1/cases/{case}/referrals"), asked).await
}

/// The path of a referral to an entry of the directory.
async fn drawn_up(running: &Running, case: &str, court: &str) -> String {
    let asked = json!({"by": "authority-liaison-1", "directory": court});
    let added = refer_to(running, case, asked).await.is(201).json();
    format!("/api/v1/cases/{case}/referrals/{}", added["referral"].as_str().expect("an id"))
}

async fn pass(running: &Running, path: &str) -> Answer {
    running.post(&format!("{path}/pass"), json!({"by": "authority-liaison-1"})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_takes_who_it_is_for_from_the_directory_alone() {
    let (_rig, running, case) = started().await;
    let court = court(&running).await;
    let with = |more: Value| {
        let mut asked = json!({"by": "authority-liaison-1", "directory": court});
        asked.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        asked
    };
    for other in [json!({"addressee": "fallback"}), json!({"authority": "Police of AA"})] {
        assert_eq!(refer_to(&running, &case, with(other)).await.is(409).reason(), "authority-of-another");
    }
    refer_to(&running, &case, with(json!({"verified": true}))).await.is(400);
    let path = drawn_up(&running, &case, &court).await;
    let held = state_of(&running, &case, &path).await;
    assert_eq!(held["addressee"], json!({"jurisdiction": "AA"}));
    assert_eq!(
        (&held["authority"]["name"], &held["authority"]["directory"]),
        (&json!("Court of AA"), &json!(court))
    );
    assert!(held["authority"]["verified"].is_object(), "{held}");
    // By word alone nobody is verified, gets a pass or is called back.
    let named = json!({"by": "authority-liaison-1", "addressee": "fallback", "authority": "Somebody"});
    let added = refer_to(&running, &case, named).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/referrals/{}", added["referral"].as_str().expect("an id"));
    assert_eq!(state_of(&running, &case, &path).await["authority"]["verified"], Value::Null);
    assert_eq!(pass(&running, &path).await.is(409).reason(), "authority-not-in-directory");
    let called = running.post(&format!("{path}/call-back"), json!({"by": "duty-officer-1"})).await;
    assert_eq!(called.is(409).reason(), "authority-not-in-directory");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_goes_to_a_verified_authority_and_ends_when_somebody_ends_it_or_the_authority_is_retired() {
    let (rig, running, case) = started().await;
    let court = court(&running).await;
    let path = drawn_up(&running, &case, &court).await;
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "denied"}}))
        .await
        .is(200);
    assert_eq!(pass(&running, &path).await.is(409).reason(), "authority-not-verified");
    directory_step(&running, &court, "duty-officer-1", json!({"called": {"outcome": "confirmed"}}))
        .await
        .is(200);
    let given = pass(&running, &path).await.is(201).json();
    let second = pass(&running, &path).await.is(201).json();
    let open = async |given: &Value| {
        let code = given["code"].as_str().expect("a code").to_owned();
        post_form(&running, "/desk", &[("code", &code)]).await.status
    };
    assert_eq!((open(&given).await, open(&second).await), (200, 200));
    let end = format!("/api/v1/passes/{}?by=duty-officer-1", given["pass"].as_str().expect("a number"));
    running.call("DELETE", &end, &Value::Null).await.is(204);
    assert_eq!((open(&given).await, open(&second).await), (404, 200));
    // Whoever holds it now is not who is called there: a denied call shuts it, a confirmed one opens it again.
    for (outcome, status) in [("denied", 404), ("unanswered", 404), ("confirmed", 200)] {
        rig.clock.advance(Duration::from_secs(1));
        let called = json!({"called": {"outcome": outcome}});
        directory_step(&running, &court, "duty-officer-1", called).await.is(200);
        assert_eq!(open(&second).await, status, "{outcome}");
    }
    directory_step(&running, &court, "duty-officer-1", json!({"retire": "dissolved"})).await.is(200);
    assert_eq!(open(&second).await, 404);
    assert_eq!(pass(&running, &path).await.is(409).reason(), "authority-retired");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decided_makes_no_pass_of_a_reviewer_and_in_a_trial_another_can() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let decision = blocked(&rig, &running).await;
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    let case = shown["case"].as_str().expect("a case");
    let appeal = json!({"by": "customer", "against": "inaction", "grounds": "Nobody looked."});
    let filed = running.post(&format!("/api/v1/cases/{case}/appeals"), appeal).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/appeals/{}/pass", filed["appeal"].as_str().expect("an id"));
    let give = async |by: &str| running.post(&path, json!({"by": by, "reviewer": "reviewer-1"})).await;
    for by in ["assessor-1", "duty-officer-1"] {
        assert_eq!(give(by).await.is(409).reason(), "took-part", "{by}");
    }
    for by in ["authority-liaison-1", "reviewer-1"] {
        give(by).await.is(201);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_by_mail_is_noted_once_a_mail_server_took_the_letter() {
    let sink = MailSink::start(MailRules { greylisted: 1, ..MailRules::default() }).await;
    let mut rig = Rig::new();
    let relay = Relay::new(
        &format!("smtp://{}", sink.address()),
        "wardmote@edge.test".parse().expect("an address"),
        None,
        None,
    );
    rig.carrier = Some(Arc::new(relay.expect("a relay")));
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let court = court(&running).await;
    let path = drawn_up(&running, &case, &court).await;
    let mail = async || running.post(&format!("{path}/mailed"), Value::Null).await;
    mail().await.is(202);
    assert_eq!(mail().await.is(409).reason(), "mailed-already");
    for _ in 0..400 {
        let mails = running.get("/api/v1/mails").await.is(200).json();
        if mails["items"][0]["said"].is_string() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Turned away for now: nothing has left, and nobody counts as written to.
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "sealed");
    rig.clock.advance(Duration::from_secs(60));
    for _ in 0..400 {
        if state_of(&running, &case, &path).await["state"]["is"] == "sent" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let held = state_of(&running, &case, &path).await;
    assert_eq!(held["state"]["traffic"]["attempts"][0]["channel"], "email", "{held}");
    assert_eq!(sink.taken().len(), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_waits_stays_here_when_its_authority_is_retired_meanwhile() {
    let sink = MailSink::start(MailRules { greylisted: 1, ..MailRules::default() }).await;
    let mut rig = Rig::new();
    let from = "wardmote@edge.test".parse().expect("an address");
    let relay = Relay::new(&format!("smtp://{}", sink.address()), from, None, None);
    rig.carrier = Some(Arc::new(relay.expect("a relay")));
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let court = court(&running).await;
    let path = drawn_up(&running, &case, &court).await;
    running.post(&format!("{path}/mailed"), Value::Null).await.is(202);
    let mail = async |wanted: fn(&Value) -> bool| {
        for _ in 0..400 {
            let mails = running.get("/api/v1/mails").await.is(200).json();
            if wanted(&mails["items"][0]) {
                return mails["items"][0].clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{}", running.get("/api/v1/mails").await.text());
    };
    mail(|mail| mail["said"].is_string()).await;
    directory_step(&running, &court, "duty-officer-1", json!({"retire": "dissolved"})).await.is(200);
    rig.clock.advance(Duration::from_secs(60));
    let dead = mail(|mail| mail["state"] == "dead").await;
    assert!(dead["said"].as_str().is_some_and(|said| said.contains("retired")), "{dead}");
    assert!(sink.taken().is_empty());
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "sealed");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_or_a_verified_authority_nothing_is_queued() {
    let (_rig, running, case) = started().await;
    let court = court(&running).await;
    let path = drawn_up(&running, &case, &court).await;
    let mailed = running.post(&format!("{path}/mailed"), Value::Null).await;
    assert_eq!(mailed.is(409).reason(), "mail-not-set-up");
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "sealed");
    assert_eq!(running.get("/api/v1/mails").await.is(200).json()["items"], json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_says_so_when_an_acknowledgement_changes_nothing() {
    let (_rig, running, case) = started().await;
    let court = court(&running).await;
    let (path, code) = referred(&running, &case, &court).await;
    let say = async |answer: &str| {
        post_form(&running, "/desk/answer", &[("code", &code), ("answer", answer)]).await.is(200).text()
    };
    assert!(say("acknowledged").await.contains("Your answer is taken down"));
    assert!(say("acknowledged").await.contains("Nothing was changed"));
    assert!(say("request").await.contains("Your answer is taken down"));
    assert!(say("acknowledged").await.contains("Nothing was changed"));
    assert_eq!(state_of(&running, &case, &path).await["state"]["is"], "answered");
    running.stop().await;
}
