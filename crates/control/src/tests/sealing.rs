//! What the log commits to and does not show: told field by field, opened at a date, erased; and the entries that
//! nobody signs: counts of days, gaps.

use super::following::in_force;
use super::rig::*;
use crate::sequencer::{Draft, Item};
use ledger::commitment::Disclosure;
use ledger::tiles::split_bundle;
use ledger::{CountDaily, EnforcementGap, Entry, Kind, SealRenewed};
use serde_json::{Value, json};
use std::time::Duration;
use vocabulary::{Clock, DecisionId, Digest};

const DAY: Duration = Duration::from_secs(86_400);

/// Every entry of the public log, as a stranger reads it.
async fn entries(running: &Running) -> Vec<Entry> {
    let checkpoint = running.public("/record/log/checkpoint").await.is(200).text();
    let size: u64 = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect("a size");
    assert!(size < 256, "one bundle");
    let bundle = running.public(&format!("/record/log/tile/entries/000.p/{size}")).await.is(200).body;
    let leaves = split_bundle(&bundle).expect("a bundle");
    leaves.into_iter().map(|leaf| Entry::parse(leaf).expect("an entry")).collect()
}

/// Waits until the log has so many entries of a kind; returns their public fields.
async fn until_logged(running: &Running, kind: Kind, count: usize) -> Vec<Value> {
    for _ in 0..400 {
        let all = entries(running).await;
        let found: Vec<Value> =
            all.into_iter().filter(|entry| entry.body.kind == kind).map(|entry| entry.body.public).collect();
        if found.len() >= count {
            assert_eq!(found.len(), count, "{found:?}");
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never {count} of {kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_decision_are_told_one_by_one_and_erased_with_a_tombstone() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (case, decision) = in_force(&rig, &running).await;
    let path = format!("/api/v1/decisions/{decision}");
    let asked = json!({"by": "legal-1", "fields": ["case"]});
    let told = running.post(&format!("{path}/disclosure"), asked.clone()).await.is(200).json();
    let leaf: Digest = serde_json::from_value(told["entry"].clone()).expect("a digest");
    let logged = entries(&running).await;
    let entry = logged.iter().find(|entry| entry.leaf_hash().expect("leaf") == leaf).expect("the entry");
    let disclosure: Disclosure = serde_json::from_value(told["disclosure"].clone()).expect("a disclosure");
    let fields = disclosure.verify(&entry.body.commitments.expect("a root")).expect("it holds");
    assert_eq!((fields.len(), fields[0].value()), (1, &json!(case)));
    assert!(disclosure.commitments.len() > 1, "others stay hidden");

    let index = logged.iter().position(|other| other == entry).expect("its place");
    let path_of = |part: &str| format!("/api/v1/entries/{index}/erasure{part}");
    let erasure = json!({"by": "legal-1", "reason": "asked for"});
    // Kept while it acts, and for six months after its end.
    let early = running.post(&path_of(""), erasure.clone()).await.is(409);
    assert_eq!(early.reason(), "wrong-state");
    rig.clock.advance(DAY * 2);
    running.until_state(&decision, "lapsed").await;
    rig.clock.advance(DAY * 183);
    running.post(&path_of(""), erasure.clone()).await.is(409);
    rig.clock.advance(DAY * 2);
    // An appeal has no last day.
    let appeal = json!({"by": "customer", "against": {"decision": decision}, "grounds": "late"});
    let appeal = running.post(&format!("/api/v1/cases/{case}/appeals"), appeal).await.is(201).json();
    let open = running.post(&path_of(""), erasure.clone()).await.is(409).text();
    assert!(open.contains("is not decided"), "{open}");
    let refused = json!({"by": "reviewer-1", "step": {"dismiss": "late"}});
    let step = format!("/api/v1/cases/{case}/appeals/{}/steps", appeal["appeal"].as_str().expect("an id"));
    running.post(&step, refused).await.is(200);
    running.post(&path_of(""), erasure).await.is(201);
    // One alone erases nothing.
    let bytes = running.get(&path_of("/bytes")).await.is(200).body;
    let sign = |key: &str| json!({"approval": rig.officer(key).approve(&bytes)});
    let one = running.post(&path_of("/approvals"), sign("legal-1")).await.is(200).json();
    assert_eq!(one["pending"]["missing"]["reason"], "too-few-approvals");
    running.post(&format!("{path}/disclosure"), asked.clone()).await.is(200);
    running.post(&path_of("/approvals"), sign("assessor-1")).await.is(200);
    let tombstones = until_logged(&running, Kind::Tombstone, 1).await;
    assert_eq!(tombstones[0]["entry"], told["entry"]);
    assert_eq!(
        tombstones[0]["approvals"].as_array().map(Vec::len),
        Some(2),
        "whoever reads the log sees who signed"
    );
    running.post(&format!("{path}/disclosure"), asked).await.is(404);
    // What was told before still proves itself, and the decision's own page and proof still stand.
    assert!(disclosure.verify(&entry.body.commitments.expect("a root")).is_ok());
    running.public(&format!("/record/decisions/{decision}.tlog-proof")).await.is(200);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasing_that_somebody_was_forced_to_sign_erases_nothing() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let asked = json!({"sites": SITES.replace("3001", "3009"), "customer_request": "please move us"});
    running.post("/api/v1/apply", asked).await.is(200);
    let logged = entries(&running).await;
    let index = logged.iter().position(|entry| entry.body.kind == Kind::TenantRequest).expect("a request");
    let root = logged[index].body.commitments.expect("a root");
    let plane = running.control.plane();
    let sealed = plane.sealed_fields(&root).await.expect("kept").expect("there");
    assert_eq!(
        sealed.fields().len(),
        2,
        "the customer's words and what was done, to be told or erased like any others"
    );
    rig.clock.advance(DAY * 185);
    let path_of = |part: &str| format!("/api/v1/entries/{index}/erasure{part}");
    running.post(&path_of(""), json!({"by": "legal-1", "reason": "asked for"})).await.is(201);
    let bytes = running.get(&path_of("/bytes")).await.is(200).body;
    for key in ["legal-1", "assessor-1-2"] {
        let approval = json!({"approval": rig.officer(key).approve(&bytes)});
        running.post(&path_of("/approvals"), approval).await.is(200);
    }
    until_alarms(&running, &["record-held"]).await;
    assert!(plane.sealed_fields(&root).await.expect("kept").is_some(), "held");
    // Another one, signed by two who are free.
    rig.clock.advance(Duration::from_secs(60));
    running.post(&path_of(""), json!({"by": "legal-1", "reason": "asked for"})).await.is(201);
    let bytes = running.get(&path_of("/bytes")).await.is(200).body;
    for key in ["legal-1", "assessor-1"] {
        let approval = json!({"approval": rig.officer(key).approve(&bytes)});
        running.post(&path_of("/approvals"), approval).await.is(200);
    }
    until_logged(&running, Kind::Tombstone, 1).await;
    assert!(plane.sealed_fields(&root).await.expect("kept").is_none(), "erased");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_expired_proposal_would_have_committed_to_is_forgotten() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3600).await;
    let bytes = running.get(&format!("/api/v1/decisions/{decision}/bytes")).await.is(200).body;
    let root = ledger::Body::parse(&bytes).expect("a body").commitments.expect("a root");
    let plane = running.control.plane();
    assert!(plane.sealed_fields(&root).await.expect("kept").is_some());
    rig.clock.advance(Duration::from_secs(3600));
    running.until_state(&decision, "expired").await;
    assert!(plane.sealed_fields(&root).await.expect("kept").is_none());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_until_a_date_opens_by_itself_and_not_before() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let plane = running.control.plane();
    let fields = vec![("country".to_owned(), json!("somewhere")), ("law".to_owned(), json!("a law"))];
    let root = plane.seal_fields(fields).await.expect("sealed");
    let until = rig.clock.now().plus(DAY * 30);
    let draft = Draft {
        kind: Kind::OrderReceived,
        time: rig.clock.now(),
        actors: vec!["legal/legal-1".to_owned()],
        subject: "order-1".to_owned(),
        policy: None,
        commitments: Some(root),
        public: json!({"sealed_until": until}),
    };
    plane.sequencer.append(Item::Draft(draft)).await.expect("logged");
    rig.clock.advance(DAY * 29);
    let before = until_logged(&running, Kind::CountDaily, 29).await;
    assert_eq!(before[0], json!({"day": "2026-09-21", "cases": null, "reports": null}));
    assert!(entries(&running).await.iter().all(|entry| entry.body.kind != Kind::SealOpened));
    rig.clock.advance(DAY);
    let opened = until_logged(&running, Kind::SealOpened, 1).await;
    let disclosure: Disclosure = serde_json::from_value(opened[0]["disclosure"].clone()).expect("disclosure");
    assert_eq!(disclosure.verify(&root).expect("it holds").len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_renewed_as_often_as_its_date_moves_and_once_for_each_date() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let plane = running.control.plane();
    let root = plane.seal_fields(vec![("country".to_owned(), json!("somewhere"))]).await.expect("sealed");
    let begun = rig.clock.now();
    let draft = |kind, commitments, public| {
        Item::Draft(Draft {
            kind,
            time: begun,
            actors: vec!["legal/legal-1".to_owned()],
            subject: "order-1".to_owned(),
            policy: None,
            commitments,
            public,
        })
    };
    let sealed = draft(Kind::OrderReceived, Some(root), json!({"sealed_until": begun.plus(DAY * 30)}));
    let place = plane.sequencer.append(sealed).await.expect("logged").index;
    let leaf = *plane.sequencer.tree().read().leaf(place).expect("a leaf");
    for days in [60, 90, 60] {
        let said = SealRenewed { entry: leaf, until: begun.plus(DAY * days) };
        let renewed = draft(Kind::SealRenewed, None, serde_json::to_value(said).expect("json"));
        plane.sequencer.append(renewed).await.expect("logged");
    }
    let told = until_logged(&running, Kind::SealRenewed, 2).await;
    assert_eq!(told[1]["until"], json!(begun.plus(DAY * 90)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_counted_once_and_told_when_the_log_takes_it() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    // What was counted of a day is kept until it is told: an earlier count is taken as it is.
    let first = rig.clock.now().as_secs().div_euclid(86_400);
    let days = vec![CountDaily { day: "2026-09-21".to_owned(), cases: Some(77), reports: None }];
    *running.control.plane().counted_days.0.lock().await = Some((first, first + 1, days));
    rig.clock.advance(DAY);
    let told = until_logged(&running, Kind::CountDaily, 1).await;
    assert_eq!(told[0], json!({"day": "2026-09-21", "cases": 77, "reports": null}));
    running.stop().await;
}

/// Tells as another edge what it enforces.
fn report(running: &Running, edge: &str, id: DecisionId, applied: bool) {
    running.feed.report(feed::Receipt {
        edge: edge.to_owned(),
        revision: 99,
        purged: 0,
        applied: applied.then_some(id).into_iter().collect(),
        refused: Vec::new(),
        alarms: Vec::new(),
    });
}

async fn until_alarms(running: &Running, wanted: &[&str]) {
    for _ in 0..400 {
        let status = running.get("/api/v1/status").await.text();
        if wanted.iter().all(|alarm| status.contains(alarm)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{wanted:?}: {}", running.get("/api/v1/status").await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_edge_that_stopped_enforcing_leaves_a_gap_of_its_own_in_the_log_once_it_is_over() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let (_, decision) = in_force(&rig, &running).await;
    let id: DecisionId = decision.parse().expect("id");
    for edge in ["edge-2", "edge-3"] {
        report(&running, edge, id, true);
    }
    for _ in 0..400 {
        let shown = running.get(&format!("/api/v1/decisions/{decision}")).await.json();
        if shown["progress"]["edges"].as_array().is_some_and(|edges| edges.len() == 3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let from = rig.clock.now();
    for edge in ["edge-2", "edge-3"] {
        report(&running, edge, id, false);
    }
    let alarm = |edge: &str| format!("{edge} {id}");
    until_alarms(&running, &[&alarm("edge-2"), &alarm("edge-3")]).await;
    rig.clock.advance(Duration::from_secs(600));
    report(&running, "edge-2", id, true);
    let minute = Duration::from_secs(60);
    let gaps = until_logged(&running, Kind::EnforcementGap, 1).await;
    let of = |edge, minutes: u32, enforcing| {
        let until = from.plus(minute * minutes);
        let edge = EnforcementGap::edge(id, edge);
        json!({"decision": id, "from": from, "until": until, "edge": edge, "edges": [3, enforcing]})
    };
    let counts = &gaps[0]["edges"][1];
    assert!(counts == &json!(1) || counts == &json!(2), "as many as had stopped when it was seen: {counts}");
    assert_eq!(gaps[0], of("edge-2", 10, counts.as_u64().expect("a count")));
    rig.clock.advance(minute * 170);
    report(&running, "edge-3", id, true);
    let gaps = until_logged(&running, Kind::EnforcementGap, 2).await;
    assert_eq!(
        (&gaps[1]["edge"], &gaps[1]["until"]),
        (&of("edge-3", 180, 1)["edge"], &of("edge-3", 180, 1)["until"])
    );
    assert_eq!(gaps[1]["edges"], json!([3, 1]), "two were gone when the second was seen");
    running.stop().await;
}
