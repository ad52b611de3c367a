//! New versions of the policy: published, shown with what they change, applied from their day on.

use super::rig::*;
use serde_json::Value;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The next version: provisional blocks of the shield last 24 hours at most.
fn stricter(number: u32) -> String {
    let text = policy::default_policy_text().replacen("version 1", &format!("version {number}"), 1);
    text.replacen("  S  emergency        48h\n", "  S  emergency        24h\n", 1)
}

async fn publish(running: &Running, text: &str) -> Answer {
    running.upload("/api/v1/policies", "text/plain", text.as_bytes()).await
}

async fn version_of(running: &Running, decision: &str) -> Value {
    let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
    shown["statement"]["policy"]["version"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_acts_after_its_notice_and_for_cases_opened_since() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let early = open_case(&rig, &running).await;
    let published = publish(&running, &stricter(2)).await.is(201).json();
    assert_eq!(published["version"], 2);
    assert_eq!(publish(&running, &stricter(2)).await.is(201).json(), published, "once");
    let other = stricter(2).replacen("warn;", "warn,", 1);
    assert_eq!(publish(&running, &other).await.is(409).reason(), "policy-version-used");
    let looser = stricter(3).replacen("H  emergency        48h", "H  emergency        49h", 1);
    assert_eq!(publish(&running, &looser).await.is(409).reason(), "policy-refused");

    // A lease that the new version forbids is proposed before it acts, and edges take it.
    let decision = propose(&running, &early, 48 * 3_600).await;
    assert_eq!(version_of(&running, &decision).await, 1);
    running.stop().await;

    // It is there after a restart, and acts after fifteen days for what comes then.
    rig.clock.advance(16 * DAY);
    let running = rig.start().await;
    let listed = running.get("/api/v1/policies").await.is(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");
    let late = open_case_about(&rig, &running, "shop").await;
    let path = format!("/api/v1/cases/{late}/proposals");
    let mut asked = proposal(48 * 3_600);
    asked["sites"] = serde_json::json!([{"site": "shop.test", "reason": "the items stand here"}]);
    running.post(&path, asked).await.is(409);
    let decision = propose_on(&running, &late, &["shop.test"], 24 * 3_600).await;
    assert_eq!(version_of(&running, &decision).await, 2);
    for by in ["assessor-1", "duty-officer-1"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    running.edge.until("the block under the new version", |seen| seen.bundles == 1).await;
    assert!(running.edge.state(|seen| seen.refused.is_empty()));
    let statement = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(statement.contains("href=\"/record/policies/2\""), "{statement}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_shows_every_version_with_what_it_changed() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    publish(&running, &stricter(2)).await.is(201);
    let sha256 =
        running.get("/api/v1/policies").await.json()[1]["sha256"].as_str().expect("a digest").to_owned();
    let list = running.public("/record/policies").await.is(200).text();
    for wanted in ["Version 1", "Version 2", &sha256, "applied now", "/record/policies/2"] {
        assert!(list.contains(wanted), "{wanted:?} is not in\n{list}");
    }
    let page = running.public("/record/de/policies/2").await.is(200).text();
    for wanted in [
        "<del>-   S  emergency        48h</del>",
        "<ins>+   S  emergency        24h</ins>",
        "<del>- version 1</del>",
        "Verglichen mit Fassung 1",
        "Zeilen wie zuvor",
    ] {
        assert!(page.contains(wanted), "{wanted:?} is not in\n{page}");
    }
    let first = running.public("/record/policies/1").await.is(200).text();
    assert!(first.contains("This is the first version."), "{first}");
    for name in ["2", sha256.as_str()] {
        assert_eq!(running.public(&format!("/record/policy/{name}")).await.is(200).text(), stricter(2));
    }
    for path in ["/record/policies/3", "/record/policies/x", "/record/policy/3"] {
        running.public(path).await.is(404);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_that_was_edited_is_refused_at_the_start_and_publishes_nothing() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    publish(&running, &stricter(2)).await.is(201);
    running.stop().await;
    std::fs::write(rig.data_dir().join("policy.txt"), stricter(3)).expect("written");
    let why = rig.refused_start().await;
    assert!(why.contains("policy.txt is not what the log published first"), "{why}");
    std::fs::write(rig.data_dir().join("policy.txt"), policy::default_policy_text()).expect("written");
    let running = rig.start().await;
    assert_eq!(running.get("/api/v1/policies").await.is(200).json().as_array().map(Vec::len), Some(2));
    running.stop().await;
}
