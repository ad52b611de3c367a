//! What edges are sent over time, and what they say about it.

use super::rig::*;
use feed::Receipt;
use serde_json::Value;
use std::time::Duration;

async fn in_force(rig: &Rig, running: &Running, case: &str, lease_seconds: u64) -> String {
    in_force_on(rig, running, (case, "board.test"), lease_seconds).await
}

async fn in_force_on(rig: &Rig, running: &Running, (case, site): (&str, &str), lease_seconds: u64) -> String {
    let decision = propose_on(running, case, &[site], lease_seconds).await;
    sign(rig, running, &decision, "assessor-1").await.is(200);
    sign(rig, running, &decision, "duty-officer-1").await.is(200);
    running.until_state(&decision, "in-force").await;
    decision
}

/// Those about edges: no customer has an address here, and that is an alarm of its own.
async fn alarms(running: &Running) -> Vec<(String, String)> {
    let status = running.get("/api/v1/status").await.is(200).json();
    let alarms = status["alarms"].as_array().expect("alarms").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let named = alarms.map(|alarm| (text(&alarm["name"]), text(&alarm["subject"])));
    named.filter(|(name, _)| name != "customer-untold").collect()
}

async fn until_alarms(running: &Running, names: &[&str]) {
    for _ in 0..200 {
        let standing = alarms(running).await;
        if standing.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("alarms: {:?}", alarms(running).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_takes_a_later_decision_because_the_log_is_shown_to_have_grown() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let mut last = 0;
    for (account, site, lease) in [("board", "board.test", 3_600), ("shop", "shop.test", 7_200)] {
        let case = open_case_about(&rig, &running, account).await;
        in_force_on(&rig, &running, (&case, site), lease).await;
        let size = running.get("/api/v1/status").await.json()["log"]["size"].as_u64().expect("size");
        assert!(size > last);
        last = size;
    }
    running.edge.until("both measures", |seen| seen.bundles == 2).await;
    assert!(running.edge.seen.lock().expect("lock").refused.is_empty());
    rig.clock.advance(Duration::from_secs(3_600));
    running.edge.until("the first one gone", |seen| seen.bundles == 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_proved_anew_for_edges_that_come_late() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = in_force(&rig, &running, &case, 4 * 3_600).await;
    let revision = running.edge.seen.lock().expect("lock").revision;
    rig.clock.advance(Duration::from_secs(2 * 3_600));
    running.edge.until("a newer parcel", |seen| seen.revision > revision && seen.bundles == 1).await;
    let mut proved = None;
    // A parcel for another reason may come first; the one with the newer proof follows.
    for _ in 0..400 {
        let parcel = running.feed.clone().current().expect("parcel");
        let around = snapshot::Surroundings {
            now: vocabulary::Clock::now(&*rig.clock),
            footprint: policy::Footprint { sites: 3 },
            consistency: &parcel.consistency,
        };
        let fresh = snapshot::verify(&parcel.bundles[0], &rig.roots(), &snapshot::Trust::default(), &around);
        proved = fresh.ok().map(|fresh| fresh.id().to_string());
        if proved.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(proved, Some(decision), "fresh enough to start");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_gaps_are_alarms_until_they_are_over() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = in_force(&rig, &running, &case, 3_600).await;
    let id = decision.parse().expect("id");
    let receipt = |applied: bool, refused: bool| Receipt {
        edge: "edge-2".to_owned(),
        revision: 99,
        purged: 0,
        applied: applied.then_some(id).into_iter().collect(),
        refused: refused.then(|| (Some(id), "the checkpoint does not hold".to_owned())).into_iter().collect(),
        alarms: Vec::new(),
    };
    running.feed.report(receipt(false, true));
    until_alarms(&running, &["edge-refused"]).await;
    running.feed.report(receipt(true, false));
    until_alarms(&running, &[]).await;
    let shown = running.until_state(&decision, "in-force").await;
    assert_eq!(shown["progress"]["edges"].as_array().expect("edges").len(), 2);
    running.feed.report(receipt(false, false));
    until_alarms(&running, &["enforcement-gap"]).await;
    running
        .feed
        .report(Receipt { alarms: vec!["the feed omits a measure".to_owned()], ..receipt(true, false) });
    until_alarms(&running, &["edge-alarm"]).await;
    running.feed.report(receipt(true, false));
    rig.clock.advance(Duration::from_secs(3_600));
    running.until_state(&decision, "lapsed").await;
    until_alarms(&running, &[]).await;
    running.stop().await;
}
