//! Purges from the API to the edges, and what is said of them.

use super::rig::*;
use caching::{PurgeTarget, PurgeWindow};
use feed::Receipt;
use records::Purges as _;
use serde_json::{Value, json};

async fn started(rig: &mut Rig) -> Running {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    running.edge.until("the sites", |seen| seen.sites == 3).await;
    running
}

async fn purge(running: &Running, asked: Value) -> Answer {
    running.post("/api/v1/purges", asked).await
}

fn targets(window: &PurgeWindow) -> Vec<PurgeTarget> {
    window.purges.iter().map(|purge| purge.target.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_is_answered_when_the_edge_holds_it() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let answer = purge(&running, json!({"site": "shop.test", "tag": "shoes"})).await.is(200).json();
    assert_eq!((&answer["revision"], &answer["purges"]), (&json!(1), &json!(1)));
    assert_eq!(answer["held"][0]["edge"], "edge-1");
    assert_eq!(answer["held"][0]["at"], json!(vocabulary::Clock::now(&*rig.clock)));
    assert_eq!(answer["missing"], json!([]));
    assert_eq!(running.edge.state(|seen| targets(&seen.purges)), [PurgeTarget::Tag("shoes".to_owned())]);

    let url = json!({"url": "https://a.board.test/x?y", "soft": true});
    assert_eq!(purge(&running, url).await.is(200).json()["revision"], 2);
    let listed = running.get("/api/v1/purges").await.is(200).json();
    let of = |name: &str| {
        listed["items"].as_array().expect("items").iter().map(|item| item[name].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("kind"), ["url", "tag"]);
    assert_eq!(of("target"), ["a.board.test/x?y", "shoes"]);
    assert_eq!(of("soft"), [true, false]);
    assert_eq!(of("actor"), ["operator:token", "operator:token"]);
    assert_eq!(listed["items"][1]["held"][0]["edge"], "edge-1");
    let of_shop = running.get("/api/v1/purges?site=shop.test").await.is(200).json();
    assert_eq!(of_shop["items"].as_array().expect("items").len(), 1);
    assert_eq!(running.get("/api/v1/purges/1").await.is(200).json()["target"], "shoes");
    assert_eq!(running.get("/api/v1/purges/3").await.is(404).reason(), "not-found");
    assert_eq!(running.get("/api/v1/purges?site=other.test").await.is(422).reason(), "site-unknown");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_that_says_too_little_or_too_much_purges_nothing() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    for (asked, status, reason) in [
        (json!({"tag": "a"}), 422, "site-missing"),
        (json!({"prefix": "shop.test/a"}), 422, "site-missing"),
        (json!({"host": "shop.test"}), 422, "site-missing"),
        (json!({"everything": true}), 422, "site-missing"),
        (json!({"site": "shop.test"}), 400, "malformed"),
        (json!({"site": "shop.test", "tag": "a", "everything": true}), 400, "malformed"),
        (json!({"site": "shop.test", "all_sites": true, "confirmed": true, "tag": "a"}), 400, "malformed"),
        (json!({"site": "shop.test", "tagg": "a"}), 400, "malformed"),
        (json!({"all_sites": true, "everything": true}), 409, "all-sites-unconfirmed"),
        (json!({"all_sites": true, "confirmed": true, "prefix": "/"}), 422, "purge-mistaken"),
        (json!({"site": "other.test", "everything": true}), 422, "site-unknown"),
        (json!({"url": "https://other.test/"}), 422, "site-unknown"),
        (json!({"site": "shop.test", "url": "https://board.test/"}), 422, "outside-site"),
        (json!({"url": "board.test/x"}), 422, "purge-mistaken"),
    ] {
        let refused = purge(&running, asked.clone()).await;
        assert_eq!((refused.status, refused.reason()), (status, reason.to_owned()), "{asked}");
    }
    assert_eq!(rig.records.purge_revision().await.expect("revision"), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sites_are_purged_only_when_that_is_confirmed() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let asked = json!({"all_sites": true, "confirmed": true, "everything": true});
    let answer = purge(&running, asked).await.is(200).json();
    assert_eq!((&answer["revision"], &answer["purges"]), (&json!(3), &json!(3)));
    let several = json!({"site": ["shop.test", "mirror.test"], "tag": "a"});
    assert_eq!(purge(&running, several).await.is(200).json()["revision"], 5);
    assert_eq!(running.edge.state(|seen| seen.purges.purges.len()), 5);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_edge_is_named_and_its_holding_is_noted_when_it_comes() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    running.edge.state(|seen| seen.puts_off = true);
    let answer = purge(&running, json!({"site": "shop.test", "everything": true})).await.is(202).json();
    assert_eq!(
        (&answer["revision"], &answer["held"], &answer["missing"]),
        (&json!(1), &json!([]), &json!(["edge-1"]))
    );
    rig.clock.advance(std::time::Duration::from_secs(60));
    let (edge, revision) = ("edge-1".to_owned(), 1);
    running.feed.report(Receipt {
        edge,
        revision,
        purged: 1,
        applied: vec![],
        refused: vec![],
        alarms: vec![],
    });
    for _ in 0..200 {
        let shown = running.get("/api/v1/purges/1").await.is(200).json();
        if shown["missing"] == json!([]) {
            assert_eq!(shown["held"][0]["at"], json!(vocabulary::Clock::now(&*rig.clock)));
            return running.stop().await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the receipt was never noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_purge_with_a_key_purges_once() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let asked = json!({"site": "shop.test", "tag": "a"});
    for replayed in ["", "true"] {
        let key = [("Idempotency-Key", "purge-1")];
        let answer = running.call_with("POST", "/api/v1/purges", &key, &asked).await.is(200);
        assert_eq!(answer.json()["revision"], 1);
        assert_eq!(answer.field("idempotency-replayed"), replayed);
    }
    assert_eq!(rig.records.purge_revision().await.expect("revision"), 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_the_edges_get_the_whole_window_again() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    for tag in ["a", "b"] {
        purge(&running, json!({"site": "shop.test", "tag": tag})).await.is(200);
    }
    running.stop().await;
    let again = rig.start().await;
    again.edge.until("the purges", |seen| seen.purges.purges.len() == 2).await;
    assert_eq!(again.edge.state(|seen| (seen.purges.after, seen.purges.revision())), (0, 2));
    assert_eq!(purge(&again, json!({"site": "shop.test", "tag": "c"})).await.is(200).json()["revision"], 3);
    assert_eq!(again.edge.state(|seen| seen.purges.purges.len()), 3);
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_put_back_to_an_earlier_state_make_every_edge_distrust_its_copies() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let (edge, revision) = ("edge-2".to_owned(), 1);
    running.feed.report(Receipt {
        edge,
        revision,
        purged: 50,
        applied: vec![],
        refused: vec![],
        alarms: vec![],
    });
    running.edge.until("the jump", |seen| seen.purges == PurgeWindow { after: 51, purges: vec![] }).await;
    let answer = purge(&running, json!({"site": "shop.test", "tag": "a"})).await.is(202).json();
    assert_eq!(answer["revision"], 52);
    assert_eq!(answer["missing"], json!(["edge-2"]));
    assert_eq!(running.edge.state(|seen| (seen.purges.after, seen.purges.revision())), (51, 52));
    running.stop().await;
}
