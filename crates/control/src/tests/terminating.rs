//! A customer's service ends (M7): told thirty days before, by the edge's own checks, and restorable until the last day.

use super::rig::*;
use serde_json::{Value, json};
use snapshot::{Facts, Verdict};
use std::time::Duration;
use vocabulary::{Clock, Hostname, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How long visitors are told, in days.
const TOLD: u32 = 14;

#[derive(Debug, PartialEq, Eq)]
enum Sight {
    Served,
    Refused,
    Unknown,
}

fn asked(seen: &Seen, host: &str, now: Timestamp) -> Sight {
    let host = Hostname::parse(host).expect("host");
    let Some(snapshot) = &seen.snapshot else { return Sight::Unknown };
    match snapshot.evaluate(&Facts::of(&host), now) {
        Verdict::Serve(_) => Sight::Served,
        Verdict::Blocked(_) => Sight::Refused,
        Verdict::Unknown => Sight::Unknown,
    }
}

/// A case in which a breach of policy was found, and the customer told so many days ago.
async fn case(rig: &Rig, running: &Running, told_days: u32) -> String {
    let case = open_case(rig, running).await;
    let record = async |fact: Value| {
        let path = format!("/api/v1/cases/{case}/facts");
        running.call("PUT", &path, &json!({"by": "duty-officer-1", "fact": fact})).await.is(200);
    };
    let would_not =
        |measure| json!({"measure": measure, "outcome": {"would-not-do": {"reason": "it comes back"}}});
    let considered: Vec<Value> = ["M0", "M1", "M2", "M3", "M4", "M5", "M6"].map(would_not).to_vec();
    record(json!({"lesser-measures": {"considered": considered}})).await;
    let at = rig.clock.now().minus(told_days * DAY);
    let shown = running.get(&format!("/api/v1/cases/{case}")).await.is(200).json();
    let findings = shown["case"]["findings"].as_array().expect("findings").iter();
    let ids: Vec<Value> = findings.map(|finding| finding["id"].clone()).collect();
    let items: Vec<Value> = ids.iter().map(|id| json!({"finding": id, "outcome": "still-up"})).collect();
    let given = json!({"given": {"at": at, "items": ids, "reply": null}});
    record(json!({"site-conduct": {"notice": given, "items": items}})).await;
    case
}

fn termination(ground: &str) -> Value {
    json!({
        "by": "duty-officer-1", "measure": "M7", "class": "H", "ground": ground,
        "lease_seconds": TOLD * 24 * 3_600,
        "sites": [{"site": "board.test", "reason": "calls for violence, again"}],
        "title": "The service for a message board ends", "summary": "It breaks the published policy again and again.",
    })
}

async fn refused(running: &Running, case: &str, asked: Value) -> (String, String) {
    let answer = running.post(&format!("/api/v1/cases/{case}/proposals"), asked).await.is(409);
    (answer.reason(), answer.text())
}

/// Proposed and signed, published, and waiting for its day.
async fn published(rig: &Rig, running: &Running) -> String {
    running.apply(SITES, "").await.is(200);
    running.edge.until("three sites", |seen| seen.sites == 3).await;
    let case = case(rig, running, 15).await;
    let proposed = running.post(&format!("/api/v1/cases/{case}/proposals"), termination("policy")).await;
    let decision = proposed.is(201).json()["decision"].as_str().expect("id").to_owned();
    for by in ["assessor-1", "duty-officer-1"] {
        sign(rig, running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "published").await;
    decision
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_thirty_days_after_its_notice_and_its_settings_a_day_before_the_last() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let decision = published(&rig, &running).await;
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("this network no longer serves the sites in scope"), "{page}");
    assert!(page.contains("The settings of the sites are kept until"), "{page}");
    for days in [1, 28] {
        rig.clock.advance(days * DAY);
        running.edge.state(|seen| assert_eq!(asked(seen, "board.test", rig.clock.now()), Sight::Served));
    }
    rig.clock.advance(DAY);
    let now = rig.clock.now();
    running
        .edge
        .until("the end of the service", |seen| asked(seen, "board.test", now) == Sight::Refused)
        .await;
    running.edge.state(|seen| {
        assert_eq!(asked(seen, "mirror.test", now), Sight::Served, "what is not in scope");
        // The clock jumps by days, past the hour for which cosignatures are fresh; nothing else stood against it.
        assert!(seen.refused.iter().all(|why| why == "cosignatures-stale"), "{:?}", seen.refused);
    });
    running.until_state(&decision, "in-force").await;
    let export = running.get("/api/v1/accounts/board/export").await.is(200).text();
    assert!(export.contains("board.test") && !export.contains("shop.test"), "{export}");
    rig.clock.advance((TOLD - 1) * DAY);
    running.edge.until("the settings gone", |seen| seen.sites == 2).await;
    running.edge.state(|seen| assert_eq!(asked(seen, "board.test", rig.clock.now()), Sight::Refused));
    let export = running.get("/api/v1/accounts/board/export").await.is(200).text();
    assert!(!export.contains("board.test"), "{export}");
    rig.clock.advance(DAY);
    running.until_state(&decision, "lapsed").await;
    running.edge.state(|seen| assert_eq!(asked(seen, "board.test", rig.clock.now()), Sight::Unknown));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_control_plane_slept_through_the_last_day_is_not_served_again() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let decision = published(&rig, &running).await;
    rig.clock.advance(30 * DAY);
    running.until_state(&decision, "in-force").await;
    running.stop().await;
    rig.clock.advance((TOLD + 3) * DAY);
    let running = rig.start().await;
    running.until_state(&decision, "lapsed").await;
    running.edge.until("two sites", |seen| seen.sites == 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_lift_a_termination_and_everything_is_as_before() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let decision = published(&rig, &running).await;
    rig.clock.advance(30 * DAY);
    running.until_state(&decision, "in-force").await;
    let lift = json!({"by": "legal-1", "follow_up": {"lift": {"because": "cured"}}});
    let path = format!("/api/v1/decisions/{decision}/follow-up");
    running.post(&path, lift).await.is(201);
    let declared = json!({"declaration": {"conflict": null}});
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    let case = shown["case"].as_str().expect("a case").to_owned();
    for by in ["legal-1", "assessor-2"] {
        let fact = json!({"by": by, "fact": declared});
        running.call("PUT", &format!("/api/v1/cases/{case}/facts"), &fact).await.is(200);
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "ended").await;
    rig.clock.advance(DAY);
    let now = rig.clock.now();
    running.edge.until("the site again", |seen| asked(seen, "board.test", now) == Sight::Served).await;
    rig.clock.advance(TOLD * DAY);
    running.until_state(&decision, "final").await;
    running.edge.state(|seen| assert_eq!(seen.sites, 3, "nothing was deleted"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_is_refused_before_the_appeal_on_the_shield_and_for_a_debt_beside_a_case() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let soon = case(&rig, &running, 13).await;
    let why = refused(&running, &soon, termination("policy")).await;
    assert_eq!(why.0, "condition-unmet", "{why:?}");
    assert!(why.1.contains("appeal"), "{why:?}");
    let told = case(&rig, &running, 15).await;
    let mut shield = termination("policy");
    shield["class"] = json!("S");
    assert_eq!(refused(&running, &told, shield).await.0, "ground-not-admitted");
    let why = refused(&running, &told, termination("payment")).await;
    assert!(why.1.contains("no-case-90d"), "{why:?}");
    let mut short = termination("policy");
    short["lease_seconds"] = json!(13 * 24 * 3_600);
    assert_eq!(refused(&running, &told, short).await.0, "lease-too-short");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_token_takes_its_own_settings_along_and_nobody_elses() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let made = running.post("/api/v1/accounts/shop/tokens", json!({"name": "moving"})).await.is(201);
    let bearer = format!("Bearer {}", made.json()["token"].as_str().expect("a token"));
    let at = running.control.listen();
    let get = async |path: &str| send(at, "GET", path, &[("Authorization", bearer.as_str())], b"").await;
    let own = get("/api/v1/accounts/shop/export").await.is(200).text();
    assert!(own.contains("shop.test") && !own.contains("board.test"), "{own}");
    for other in ["board", "nobody"] {
        let refused = get(&format!("/api/v1/accounts/{other}/export")).await.is(403);
        assert_eq!(refused.reason(), "anothers-account", "{other}");
    }
    assert_eq!(get("/api/v1/export").await.status, 403);
    running.stop().await;
}
