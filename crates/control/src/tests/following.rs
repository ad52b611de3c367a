//! What follows a decision in force: ratified, lifted, overturned on appeal.

use super::rig::*;
use serde_json::{Value, json};
use snapshot::{Facts, Verdict};
use std::time::Duration;
use vocabulary::{Clock, Hostname, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) fn blocked(seen: &Seen, now: Timestamp) -> bool {
    let host = Hostname::parse("board.test").expect("host");
    let snapshot = seen.snapshot.as_ref().expect("a snapshot");
    matches!(snapshot.evaluate(&Facts::of(&host), now), Verdict::Blocked(_))
}

/// A block in force, its statement in the log; returns case and decision. Two who took no part are left.
pub(super) async fn in_force(rig: &Rig, running: &Running) -> (String, String) {
    running.apply(SITES, "").await.is(200);
    running.edge.until("three sites", |seen| seen.sites == 3).await;
    let case = open_case(rig, running).await;
    let declaration = json!({"declaration": {"conflict": null}});
    let path = format!("/api/v1/cases/{case}/facts");
    running.call("PUT", &path, &json!({"by": "reviewer-1", "fact": declaration})).await.is(200);
    let decision = propose(running, &case, 48 * 3_600).await;
    for by in ["assessor-1", "duty-officer-1"] {
        sign(rig, running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    (case, decision)
}

/// Puts a record up for signing; the statement's entry may still be on its way into the log.
async fn follow(running: &Running, decision: &str, by: &str, follow_up: Value) -> Answer {
    let path = format!("/api/v1/decisions/{decision}/follow-up");
    for _ in 0..200 {
        let asked = json!({"by": by, "follow_up": follow_up});
        let answer = running.post(&path, asked).await;
        if answer.status == 201 || answer.reason() != "statement-not-logged" {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the statement never reached the log");
}

fn by_reviewer(days: u64) -> Value {
    json!({"ratification": {"lease_seconds": days * 86_400, "reviewer": "reviewer-1"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn two_others_and_the_reviewer_ratify_and_the_block_goes_on_past_its_lease() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, decision) = in_force(&rig, &running).await;
    let proposer = follow(&running, &decision, "duty-officer-1", by_reviewer(14)).await;
    assert_eq!(proposer.is(409).reason(), "took-part");
    let long = follow(&running, &decision, "legal-1", by_reviewer(15)).await;
    assert_eq!(long.is(409).reason(), "lease-over-floor");
    let put_up = follow(&running, &decision, "legal-1", by_reviewer(14)).await.is(201).json();
    assert_eq!(put_up["pending"]["missing"]["reason"], "too-few-approvals", "{put_up}");
    assert_eq!(sign(&rig, &running, &decision, "assessor-1").await.is(409).reason(), "took-part");
    for by in ["legal-1", "assessor-2", "reviewer-1"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    let ratified =
        until(&running, &decision, |shown| shown["former"].as_array().is_some_and(|all| all.len() == 1))
            .await;
    assert_eq!(
        (&ratified["terms"]["measure"], &ratified["terms"]["ground"]),
        (&json!("M6"), &json!("ratified-emergency"))
    );
    running.until_state(&decision, "in-force").await;
    running
        .edge
        .until("the confirmed block", |seen| {
            let snapshot = seen.snapshot.as_ref().expect("a snapshot");
            snapshot.measures().iter().any(|measure| measure.measure() == policy::Measure::M6)
        })
        .await;
    rig.clock.advance(50 * HOUR);
    running.edge.state(|seen| {
        assert!(blocked(seen, rig.clock.now()) && seen.refused.is_empty(), "{:?}", seen.refused)
    });
    let bundle = running.public(&format!("/record/decisions/{decision}.json")).await.is(200).json();
    assert_eq!(bundle["before"].as_array().map(Vec::len), Some(1));
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("Ratified: two others and the reviewer"), "{page}");
    running.stop().await;
}

async fn until(running: &Running, decision: &str, seen: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.is(200).json();
        if seen(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{}", running.get(&format!("/api/v1/decisions/{decision}")).await.text());
}

/// What was once decided is in every list, however it ended.
async fn stands_in_the_record(running: &Running, decision: &str) {
    for list in ["/record/", "/record/search?q=board", "/record/feed.atom", "/record/dsa.json"] {
        let text = running.public(list).await.is(200).text();
        assert!(text.contains(decision), "{list}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_officers_lift_with_everybody_told_and_a_restart_brings_nothing_back() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, decision) = in_force(&rig, &running).await;
    follow(&running, &decision, "legal-1", json!({"lift": {"because": "mistaken"}})).await.is(201);
    sign(&rig, &running, &decision, "legal-1").await.is(200);
    let mut alarms = String::new();
    for _ in 0..200 {
        alarms = running.get("/api/v1/status").await.json()["alarms"].to_string();
        if alarms.contains("lift-proposed") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(alarms.contains("lift-proposed"), "{alarms}");
    sign(&rig, &running, &decision, "assessor-2").await.is(200);
    // A third signature would make it another entry than the one on its way.
    let late = sign(&rig, &running, &decision, "duty-officer-1").await.is(409).reason();
    assert!(["approved-already", "wrong-state"].contains(&late.as_str()), "{late}");
    running.until_state(&decision, "ended").await;
    stands_in_the_record(&running, &decision).await;
    running
        .edge
        .until("the end", |seen| {
            let snapshot = seen.snapshot.as_ref().expect("a snapshot");
            snapshot.measures().first().is_some_and(|measure| measure.ends() < measure.expires())
        })
        .await;
    let now = rig.clock.now();
    running.edge.state(|seen| {
        assert!(blocked(seen, now.plus(HOUR / 2 - Duration::from_secs(1))));
        assert!(!blocked(seen, now.plus(HOUR / 2)));
    });
    rig.clock.advance(HOUR);
    running.stop().await;
    let running = rig.start().await;
    running.edge.until("a snapshot", |seen| seen.sites == 3).await;
    running.edge.state(|seen| assert!(!blocked(seen, rig.clock.now())));
    rig.clock.advance(48 * HOUR);
    running.until_state(&decision, "final").await;
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("Lifted: it rested on a mistake"), "{page}");
    stands_in_the_record(&running, &decision).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_heard_by_who_took_no_part_overturns_and_the_statement_says_so() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (case, decision) = in_force(&rig, &running).await;
    let appeals = format!("/api/v1/cases/{case}/appeals");
    let filed = json!({"by": "customer", "against": {"decision": decision}, "grounds": "It was not us."});
    let filed = running.post(&appeals, filed).await.is(201).json();
    let appeal = filed["appeal"].as_str().expect("id").to_owned();
    assert_eq!(filed["due"], json!(rig.clock.now().plus(24 * HOUR)), "expedited");
    let steps = format!("{appeals}/{appeal}/steps");
    let step = async |by: &str, step: Value| running.post(&steps, json!({"by": by, "step": step})).await;
    step("duty-officer-1", json!("admit")).await.is(200);
    assert_eq!(step("legal-1", json!("hear")).await.is(409).reason(), "not-reviewer");
    step("reviewer-1", json!("hear")).await.is(200);
    let reversal = json!({"reversal": {"appeal": appeal}});
    let early = follow(&running, &decision, "reviewer-1", reversal.clone()).await;
    assert_eq!(early.is(409).reason(), "not-overturned");
    let ruling = json!({"rule": {"outcome": "overturned", "reasons": "The items were planted."}});
    step("reviewer-1", ruling).await.is(200);
    follow(&running, &decision, "reviewer-1", reversal).await.is(201);
    assert_eq!(sign(&rig, &running, &decision, "legal-1").await.is(409).reason(), "role-may-not-decide");
    sign(&rig, &running, &decision, "reviewer-1").await.is(200);
    running.until_state(&decision, "ended").await;
    let now = rig.clock.now();
    running.edge.until("the site again", |seen| !blocked(seen, now)).await;
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("Overturned on appeal"), "{page}");
    step("duty-officer-1", json!("notified")).await.is(200);
    running.stop().await;
}

/// What the facts hold back must not hold the way out: a lift takes its place, signed as it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_ratification_that_the_gate_holds_back_stands_in_no_ones_way() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (case, decision) = in_force(&rig, &running).await;
    follow(&running, &decision, "legal-1", by_reviewer(14)).await.is(201);
    for by in ["legal-1", "assessor-2"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    let gone = json!({"nexus": {"reachable": false, "lowers_risk": "it is gone"}});
    let path = format!("/api/v1/cases/{case}/facts");
    running.call("PUT", &path, &json!({"by": "duty-officer-1", "fact": gone})).await.is(200);
    sign(&rig, &running, &decision, "reviewer-1").await.is(200);
    let mut alarms = String::new();
    for _ in 0..200 {
        alarms = running.get("/api/v1/status").await.json()["alarms"].to_string();
        if alarms.contains("follow-up-not-logged") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(alarms.contains("follow-up-not-logged"), "{alarms}");
    let lift = json!({"lift": {"because": "cured"}});
    let put_up = follow(&running, &decision, "legal-1", lift).await.is(201).json();
    assert_eq!(put_up["pending"]["follow_up"]["is"], "lift", "{put_up}");
    for by in ["legal-1", "assessor-2"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "ended").await;
    running.stop().await;
}

/// A customer adds a host of a reserved name, which needs no proof, to the site that answers to `beside`.
async fn add_host(running: &Running, account: &str, beside: &str, host: &str) {
    let made = running.post(&format!("/api/v1/accounts/{account}/tokens"), json!({"name": "deploy"})).await;
    let bearer = format!("Bearer {}", made.is(201).json()["token"].as_str().expect("a token"));
    let fleet = running.get("/api/v1/sites").await.is(200).json();
    let accounts = fleet["accounts"].as_array().expect("accounts").iter();
    let mut sites = accounts.flat_map(|account| account["sites"].as_array().expect("sites").iter());
    let site = sites.find(|site| site["hosts"][0] == beside).expect("the site")["id"].clone();
    let fields = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let body = json!({"host": host, "site": site}).to_string().into_bytes();
    send(running.control.listen(), "POST", "/api/v1/hosts", &fields, &body).await.is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_added_to_a_blocked_site_is_no_way_around_the_block() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, decision) = in_force(&rig, &running).await;
    let is_served = |seen: &Seen, host: &str| {
        let host = Hostname::parse(host).expect("host");
        seen.snapshot.as_ref().is_some_and(|snapshot| snapshot.site(&host).is_some())
    };
    add_host(&running, "board", "board.test", "around.test").await;
    add_host(&running, "shop", "shop.test", "new.test").await;
    running.edge.until("another customer's name", |seen| is_served(seen, "new.test")).await;
    running.edge.state(|seen| assert!(!is_served(seen, "around.test"), "while the block acts"));
    follow(&running, &decision, "legal-1", json!({"lift": {"because": "mistaken"}})).await.is(201);
    for by in ["legal-1", "assessor-2"] {
        sign(&rig, &running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "ended").await;
    running.edge.until("the name, once the block has ended", |seen| is_served(seen, "around.test")).await;
    running.stop().await;
}
