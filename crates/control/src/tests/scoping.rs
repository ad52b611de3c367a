//! What a scope would hit, measures that are less than a block, and what the edge then keeps to.

use super::rig::*;
use serde_json::{Value, json};
use snapshot::{Facts, Verdict};
use vocabulary::{Clock, Hostname, Timestamp};

const NEAR: &str = r#"
[[account]]
name = "board"
[[account.site]]
hosts = ["board.test", "*.board.test"]
origins = ["http://127.0.0.1:3001"]
[[account.site]]
hosts = ["shop.board.test"]
origins = ["http://127.0.0.1:3002"]

[[account]]
name = "wiki"
[[account.site]]
hosts = ["wiki.test"]
origins = ["http://127.0.0.1:3001"]
"#;

fn refused(seen: &Seen, host: &str, target: &str, now: Timestamp) -> bool {
    let host = Hostname::parse(host).expect("host");
    let facts = Facts { target, ..Facts::of(&host) };
    matches!(seen.snapshot.as_ref().expect("a snapshot").evaluate(&facts, now), Verdict::Blocked(_))
}

fn asked(measure: &str, site: Value) -> Value {
    let mut asked = proposal(3_600);
    asked["measure"] = json!(measure);
    asked["sites"] = json!([site]);
    asked
}

async fn in_force(rig: &Rig, running: &Running, case: &str, asked: Value) -> String {
    let proposed = running.post(&format!("/api/v1/cases/{case}/proposals"), asked).await.is(201).json();
    let decision = proposed["decision"].as_str().expect("id").to_owned();
    for officer in ["assessor-1", "duty-officer-1"] {
        sign(rig, running, &decision, officer).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    decision
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_is_previewed_excepted_and_left_alone_by_the_edge() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(NEAR, "").await.is(200);
    running.edge.until("three sites", |seen| seen.sites == 3).await;
    let case = open_case(&rig, &running).await;
    let scope = json!({"sites": [{"site": "board.test", "reason": "both items stand here"}]});
    let path = format!("/api/v1/cases/{case}/scope-preview");
    let seen = running.post(&path, scope).await.is(200).json();
    assert_eq!(seen["hits"][0]["except"], json!(["shop.board.test"]), "{seen}");
    let shares = |place: usize| seen["neighbours"][place]["shares"].clone();
    assert_eq!((shares(0), shares(1)), (json!(["wildcard", "customer"]), json!(["origin"])), "{seen}");
    assert_eq!(seen["other_customers"], 1);
    let unknown = json!({"sites": [{"site": "nowhere.test", "reason": "x"}]});
    assert_eq!(running.post(&path, unknown).await.is(422).reason(), "scope-unknown");
    let page = running.get("/sites/board.test/reach").await.is(200).text();
    assert!(page.contains("shop.board.test") && page.contains("made an exception"), "{page}");

    let decision =
        in_force(&rig, &running, &case, asked("M5", json!({"site": "board.test", "reason": "x"}))).await;
    let now = rig.clock.now();
    running.edge.state(|seen| {
        for (host, expected) in [("board.test", true), ("x.board.test", true), ("shop.board.test", false)] {
            assert_eq!(refused(seen, host, "/", now), expected, "{host}");
        }
    });
    let kept = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    assert_eq!(kept["scope"]["sites"][0]["except"], json!(["shop.board.test"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_disabled_from_the_proposal_to_the_edge_and_the_statement_says_so() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(NEAR, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let path = format!("/api/v1/cases/{case}/proposals");
    let site = |urls: Value| json!({"site": "board.test", "reason": "the item", "urls": urls});
    for (urls, reason) in [(json!([]), "scope-of-other-measure"), (json!(["board"]), "scope-malformed")] {
        assert_eq!(running.post(&path, asked("M3", site(urls))).await.is(409).reason(), reason);
    }
    let decision = in_force(&rig, &running, &case, asked("M3", site(json!(["/Thread/7?page=1"])))).await;
    let now = rig.clock.now();
    running.edge.state(|seen| {
        for (target, expected) in
            [("/thread/7?page=1", true), ("/thread/./7?x&page=%31", true), ("/thread/7", false), ("/", false)]
        {
            assert_eq!(refused(seen, "board.test", target, now), expected, "{target}");
        }
    });
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("Addresses of these are disabled") && !page.contains("thread/7"), "{page}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_an_order_or_the_policy_is_asked_for_that_and_no_more() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(NEAR, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let path = format!("/api/v1/cases/{case}/proposals");
    let mut order = asked("M4", json!({"site": "board.test", "reason": "as ordered"}));
    order["ground"] = json!("order");
    assert_eq!(running.post(&path, order.clone()).await.is(409).reason(), "demand-mismatch");
    order["demand"] = json!({"authority": "A court", "law": "A law", "url": "https://court.test/1"});
    assert_eq!(running.post(&path, order.clone()).await.is(409).reason(), "scope-of-other-measure");
    order["territories"] = json!(["AA"]);
    let refused = running.post(&path, order).await.is(409);
    assert_eq!(
        (refused.reason().as_str(), &refused.json()["reasons"][0]["condition"]),
        ("gate-closed", &json!("E4"))
    );
    let gate =
        running.get(&format!("/api/v1/cases/{case}/gate?measure=M4&ground=order")).await.is(200).json();
    assert_eq!((&gate["open"], &gate["reasons"][0]["reason"]), (&json!(false), &json!("no-order")));

    let mut feature =
        asked("M2", json!({"site": "board.test", "reason": "a breach", "features": ["error-pages"]}));
    (feature["class"], feature["ground"]) = (json!("H"), json!("policy"));
    let decision = in_force(&rig, &running, &case, feature).await;
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    assert!(
        shown["statement"]["ground_text"]
            .as_str()
            .is_some_and(|text| text.ends_with("No emergency is claimed."))
    );
    let host = Hostname::parse("board.test").expect("host");
    running.edge.state(|seen| {
        let snapshot = seen.snapshot.as_ref().expect("a snapshot");
        let now = rig.clock.now();
        assert!(snapshot.withdraws(&Facts::of(&host), policy::Feature::ErrorPages, now));
        assert!(matches!(snapshot.evaluate(&Facts::of(&host), now), Verdict::Serve(_)));
    });
    // What rests on the policy is not held against the emergency's conditions while it runs.
    let status = running.get("/api/v1/status").await.json();
    let alarms = status["alarms"].as_array().expect("a list").iter().map(|alarm| alarm["name"].clone());
    assert!(!alarms.collect::<Vec<_>>().contains(&json!("gate-closed-in-force")), "{status}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matter_is_forwarded_in_words_made_of_findings() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(NEAR, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).json();
    let finding = shown["case"]["findings"][0].clone();
    let path = format!("/api/v1/cases/{case}/forward");
    let asked = |findings: Value| json!({"by": "duty-officer-1", "class": "S", "findings": findings});
    let message = running.post(&path, asked(json!([finding["id"]]))).await.is(200).json();
    let body = message["body"].as_str().expect("a text");
    assert!(body.contains(finding["item"].as_str().expect("an item")) && body.contains(&case), "{body}");
    assert!(!body.contains("calls for violence"), "{body}");
    assert_eq!(running.post(&path, asked(json!([]))).await.is(409).reason(), "forward-count");
    running.stop().await;
}
