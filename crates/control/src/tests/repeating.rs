//! Requests that come twice, or too late.

use super::rig::*;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_with_a_key_changes_nothing_and_gets_the_first_answer() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let asked = json!({"account": "board", "allegation": "calls for violence", "by": "intake-1"});
    let key = [("Idempotency-Key", "k-1")];
    let first = running.call_with("POST", "/api/v1/cases", &key, &asked).await.is(201);
    let second = running.call_with("POST", "/api/v1/cases", &key, &asked).await.is(201);
    assert_eq!(first.json(), second.json());
    assert_eq!(second.field("idempotency-replayed"), "true");
    let listed = running.get("/api/v1/cases").await.json();
    assert_eq!(listed["items"].as_array().expect("items").len(), 1);

    let mut other = asked.clone();
    other["allegation"] = json!("something else");
    let reused = running.call_with("POST", "/api/v1/cases", &key, &other).await.is(422);
    assert_eq!(reused.reason(), "idempotency-key-reused");
    // A refused request gives its key back, to be mended and sent again.
    let mut wrong = asked.clone();
    wrong["by"] = json!("nobody-1");
    let key = [("Idempotency-Key", "k-2")];
    running.call_with("POST", "/api/v1/cases", &key, &wrong).await.is(409);
    running.call_with("POST", "/api/v1/cases", &key, &asked).await.is(201);
    let empty = running.call_with("POST", "/api/v1/cases", &[("Idempotency-Key", "")], &asked).await;
    assert_eq!(empty.is(400).reason(), "malformed");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_token_is_not_kept_to_be_answered_again() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let key = [("Idempotency-Key", "k-1")];
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let link = running.call_with("POST", "/api/v1/setup-links", &key, &json!(null)).await.is(201);
        assert_eq!(link.field("idempotency-replayed"), "");
        tokens.push(link.json()["token"].as_str().expect("token").to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_older_version_is_refused() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let asked = json!({"account": "board", "allegation": "calls for violence", "by": "intake-1"});
    let opened = running.post("/api/v1/cases", asked).await.is(201);
    let tag = opened.field("etag").to_owned();
    let path = format!("/api/v1/cases/{}/facts", opened.json()["case"].as_str().expect("id"));
    let fact = json!({"by": "legal-1", "fact": {"declaration": {"conflict": null}}});
    let changed = running.call_with("PUT", &path, &[("If-Match", &tag)], &fact).await.is(200);
    assert_ne!(changed.field("etag"), tag);
    let late = running.call_with("PUT", &path, &[("If-Match", &tag)], &fact).await.is(412);
    assert_eq!(late.reason(), "version-changed");
    running.call("PUT", &path, &fact).await.is(200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_and_typed() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let text = running.upload("/api/v1/cases", "text/plain", b"{}").await.is(415);
    assert_eq!(text.reason(), "not-json");
    let broken = running.upload("/api/v1/cases", "application/json", b"{\"account\":").await.is(400);
    assert_eq!(broken.reason(), "malformed");
    let large = vec![b' '; crate::rim::body::JSON_BYTES_MAX + 1];
    assert_eq!(
        running.upload("/api/v1/cases", "application/json", &large).await.is(413).reason(),
        "body-too-large"
    );
    let unknown = json!({"account": "board", "allegation": "x", "by": "intake-1", "extra": 1});
    assert_eq!(running.post("/api/v1/cases", unknown).await.is(400).reason(), "malformed");
    for hidden in ["pay\u{202e}lap", "x\u{200b}", "one\ntwo"] {
        let hidden = json!({"account": "board", "allegation": format!("{hidden}."), "by": "intake-1"});
        assert_eq!(running.post("/api/v1/cases", hidden).await.is(400).reason(), "malformed");
    }
    let asked = json!({"sites": SITES.replace("3001", "9999"), "customer_request": "move \u{2066}us"});
    assert_eq!(running.post("/api/v1/apply", asked).await.is(400).reason(), "malformed");
    let asked = json!({"account": "board", "allegation": "x", "by": "intake-1"});
    let case = running.post("/api/v1/cases", asked).await.is(201).json();
    let path = format!("/api/v1/cases/{}/evidence", case["case"].as_str().expect("id"));
    let file = vec![7; records::bounds::EVIDENCE_BYTES_MAX + 1];
    assert_eq!(running.upload(&path, "image/png", &file).await.is(413).reason(), "body-too-large");
    running.upload(&path, "image/png", &file[1..]).await.is(201);
    assert_eq!(running.upload(&path, "image/png", b"").await.is(400).reason(), "malformed");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    for number in 0..5 {
        let asked = json!({"account": "board", "allegation": format!("case {number}"), "by": "intake-1"});
        running.post("/api/v1/cases", asked).await.is(201);
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/cases?limit=2".to_owned();
    loop {
        let page = running.get(&path).await.is(200).json();
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["allegation"].as_str().expect("text").to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/cases?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["case 4", "case 3", "case 2", "case 1", "case 0"]);
    let unknown = running.get("/api/v1/decisions?state=nonsense").await.is(400);
    assert_eq!(unknown.reason(), "malformed");
    assert!(unknown.text().contains("in-force"), "{}", unknown.text());
    running.get("/api/v1/decisions?state=in-force").await.is(200);
    assert_eq!(running.get("/api/v1/cases?limit=0").await.is(400).reason(), "malformed");
    assert_eq!(running.get("/api/v1/cases?after=x").await.is(400).reason(), "malformed");
    running.stop().await;
}
