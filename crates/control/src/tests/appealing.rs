//! The customer's own page: by the address in its letter it appeals, and reads what becomes of that.

use super::mailing::{all_are, started, text, until};
use super::rig::*;
use serde_json::{Value, json};
use std::net::SocketAddr;
use testkit::MailRules;
use vocabulary::Clock;

async fn posted(at: SocketAddr, path: &str, code: &str, grounds: &str) -> Answer {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("code={code}&grounds={}", grounds.replace(' ', "+").replace('\n', "%0D%0A"));
    send(at, "POST", path, &form, body.as_bytes()).await
}

/// The address in the letter about a block; returns the decision, its case and the path with its code.
async fn told(rig: &Rig, running: &Running, sink: &testkit::MailSink) -> (String, String, String) {
    let decision = blocked(rig, running).await;
    until(running, "sent", all_are("sent")).await;
    let letter = text(&sink.taken()[0]);
    let address =
        letter.split("http://localhost:9091/appeal/").nth(1).and_then(|rest| rest.split_whitespace().next());
    let code = address.expect("an address in the letter").to_owned();
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    (decision, shown["case"].as_str().expect("a case").to_owned(), code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_appeals_on_its_page_and_reads_there_how_it_ended() {
    let (mut rig, running, sink) = started(MailRules::default()).await;
    let (decision, case, code) = told(&rig, &running, &sink).await;
    let at = running.control.public();
    let path = format!("/appeal/{code}");
    let page = running.public(&path).await.is(200);
    assert_eq!((page.field("cache-control"), page.field("referrer-policy")), ("no-store", "no-referrer"));
    let page = page.text();
    for wanted in [decision.as_str(), "board.test", "within 24 hours", "took no part"] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("shop.test"), "{page}");
    // Nothing in it: refused, and nothing is filed. Something hidden in it: refused, and every word comes back.
    let refused = posted(at, "/appeal/file", &code, " ").await.is(409).text();
    assert!(refused.contains("a text is needed here"), "{refused}");
    let hidden = posted(at, "/appeal/file", &code, "we removed%E2%80%8B it").await.is(409).text();
    assert!(hidden.contains("U+200B") && hidden.contains("we removed"), "{hidden}");
    let filed =
        posted(at, "/appeal/file", &code, "We removed both items at noon.\nLook again.").await.is(200).text();
    assert!(
        filed.contains("Your appeal is filed") && filed.contains("We removed both items at noon."),
        "{filed}"
    );
    assert!(!filed.contains("action=\"/appeal/file\""), "one at a time: {filed}");
    let twice = posted(at, "/appeal/file", &code, "And again.").await.is(409).text();
    assert!(twice.contains("waits already"), "{twice}");

    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).json();
    let appeals = shown["case"]["appeals"].as_array().expect("appeals");
    assert_eq!(appeals.len(), 1);
    assert_eq!(
        (&appeals[0]["by"], &appeals[0]["against"]["decision"]),
        (&json!("customer"), &json!(decision))
    );
    let due = rig.clock.now().plus(std::time::Duration::from_secs(24 * 3_600));
    assert_eq!(appeals[0]["due"], json!(due), "expedited");
    let appeal = appeals[0]["id"].as_str().expect("id").to_owned();
    let steps = format!("/api/v1/cases/{case}/appeals/{appeal}/steps");
    let step = async |by: &str, step: Value| running.post(&steps, json!({"by": by, "step": step})).await;
    step("legal-1", json!("admit")).await.is(200);
    assert_eq!(step("assessor-1", json!("hear")).await.is(409).reason(), "not-reviewer");
    step("reviewer-1", json!("hear")).await.is(200);
    step("reviewer-1", json!({"rule": {"outcome": "overturned", "reasons": "They were gone at noon."}}))
        .await
        .is(200);
    let page = running.public(&path).await.is(200).text();
    assert!(page.contains("overturned the decision") && page.contains("They were gone at noon."), "{page}");
    assert!(!page.contains("action=\"/appeal/file\""), "there is nothing left to appeal against");
    // The same address after a restart: it is made of what outlives the process.
    running.stop().await;
    let running = rig.start().await;
    running.public(&path).await.is(200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_opens_nothing_and_many_of_them_are_slowed() {
    let (rig, running, sink) = started(MailRules::default()).await;
    let (_, _, code) = told(&rig, &running, &sink).await;
    let at = running.control.public();
    running.public("/appeal").await.is(200);
    posted(at, "/appeal", &code.replace('-', "+"), "").await.is(200);
    let first = code.split('-').next().expect("a word");
    let other = if first == "able" { "acid" } else { "able" };
    let wrong = code.replacen(first, other, 1);
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(running.public(&format!("/appeal/{wrong}")).await.status);
    }
    assert_eq!(seen[0], 404);
    assert!(seen.contains(&429), "{seen:?}");
    running.stop().await;
}
