//! From a case to a proved bundle that an edge accepts, and to the lapse.

use super::rig::*;
use ledger::checkpoint::Checkpoint;
use ledger::merkle::Tree;
use ledger::note::Note;
use ledger::tiles::split_bundle;
use ledger::{Entry, Kind};
use serde_json::Value;
use snapshot::{Facts, Surroundings, Trust, Verdict};
use std::time::Duration;
use vocabulary::{Clock, Hostname};

fn blocked(seen: &Seen, host: &str, now: vocabulary::Timestamp) -> bool {
    let host = Hostname::parse(host).expect("host");
    let snapshot = seen.snapshot.as_ref().expect("a snapshot");
    matches!(snapshot.evaluate(&Facts::of(&host), now), Verdict::Blocked(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_becomes_a_block_that_proves_itself_and_ends_by_itself() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    running.edge.until("three sites", |seen| seen.sites == 3).await;

    let case = open_case(&rig, &running).await;
    let gate = running.get(&format!("/api/v1/cases/{case}/gate?measure=M5")).await.is(200).json();
    assert_eq!(gate["open"], true, "{gate}");
    let decision = propose(&running, &case, 3_600).await;
    assert_eq!(running.public(&format!("/record/decisions/{decision}")).await.status, 404);

    let first = sign(&rig, &running, &decision, "assessor-1").await.is(200).json();
    assert_eq!(first["state"], "approving");
    assert_eq!(first["missing"]["reason"], "too-few-approvals");
    sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
    running.until_state(&decision, "in-force").await;

    let now = rig.clock.now();
    {
        let seen = running.edge.seen.lock().expect("lock");
        for host in ["board.test", "www.board.test", "mirror.test"] {
            assert!(blocked(&seen, host, now), "{host}");
        }
        assert!(!blocked(&seen, "shop.test", now));
        assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    }
    the_public_can_check_it(&rig, &running, &decision).await;

    rig.clock.advance(Duration::from_secs(3_600));
    let over = running.until_state(&decision, "lapsed").await;
    assert!(over["progress"]["lapse"]["index"].is_u64(), "{over}");
    running.edge.until("no bundle", |seen| seen.bundles == 0).await;
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200).text();
    assert!(page.contains("Ended by itself"), "{page}");
    the_log_says_what_happened(&running, &decision).await;
    the_record_can_be_searched_followed_and_counted(&running, &decision).await;
    let alarms = running.get("/api/v1/status").await.json()["alarms"].clone();
    assert_eq!(alarms, Value::Array(Vec::new()));
    running.stop().await;
}

async fn the_record_can_be_searched_followed_and_counted(running: &Running, decision: &str) {
    for (sought, found) in [
        ("message+BOARD", true),
        ("board.test", true),
        (decision, true),
        ("board+nothing-of-the-kind", false),
        ("", false),
        ("%3Cscript%3Ealert(1)%3C/script%3E", false),
    ] {
        let page = running.public(&format!("/record/search?q={sought}")).await.is(200).text();
        assert_eq!(page.contains(&format!("/record/decisions/{decision}\"")), found, "{sought}");
        assert!(!page.contains("<script"), "{sought}");
    }
    let feed = running.public("/record/feed.atom").await.is(200);
    assert_eq!(feed.field("content-type"), "application/atom+xml; charset=utf-8");
    assert!(feed.text().contains(&format!("/record/decisions/{decision}</id>")), "{}", feed.text());
    let page = running.public("/record/transparency").await.is(200).text();
    assert!(page.contains("Ended by themselves</dt><dd>1</dd>"), "{page}");
    let json = running.public("/record/transparency.json").await.is(200);
    let report = snapshot::TransparencyReport::parse(&json.body).expect("canonical");
    let entries = log(running).await;
    let mut fold = snapshot::Transparency::default();
    entries.iter().take(usize::try_from(report.size).expect("few")).for_each(|entry| fold.count(entry));
    assert_eq!(fold.report(&report.origin, report.root).to_json(), json.body);
    let csv = running.public("/record/transparency.csv").await.is(200).text();
    assert!(csv.contains("decision.lapsed,M5,S,emergency,1\r\n"), "{csv}");
    assert_eq!(running.public("/record/older/..%2f").await.status, 400);
    let one = running.public(&format!("/record/decisions/{decision}.dsa.json")).await.is(200).json();
    assert_eq!(
        (one["puid"].as_str(), one["category"].as_str()),
        (Some(decision), Some("STATEMENT_CATEGORY_VIOLENCE"))
    );
    let all = running.public("/record/dsa.json").await.is(200).json();
    assert_eq!(all["statements"], Value::Array(vec![one]));
}

async fn the_public_can_check_it(rig: &Rig, running: &Running, decision: &str) {
    let page = running.public(&format!("/record/decisions/{decision}")).await.is(200);
    assert!(page.text().contains("Provisional block of a message board"));
    assert!(!page.fields.contains_key("set-cookie"));
    let bundle = running.public(&format!("/record/decisions/{decision}.json")).await.is(200);
    let around =
        Surroundings { now: rig.clock.now(), footprint: policy::Footprint { sites: 3 }, consistency: &[] };
    let proved = snapshot::verify(&bundle.body, &rig.roots(), &Trust::default(), &around).expect("proved");
    assert_eq!(proved.id().to_string(), decision);
    let tag = bundle.field("etag").to_owned();
    let path = format!("/record/decisions/{decision}.json");
    let again = send(running.control.public(), "GET", &path, &[("If-None-Match", &tag)], b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    let proof = running.public(&format!("/record/decisions/{decision}.tlog-proof")).await.is(200).text();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
    assert!(running.public("/record/").await.is(200).text().contains(decision));
    let roots = rig.roots();
    let policy =
        running.public(&format!("/record/policy/{}", proved.statement().policy.sha256)).await.is(200);
    assert_eq!(policy.text(), policy::default_policy_text());
    let roster = running.public(&format!("/record/roster/{}.json", roots.roster().hash())).await.is(200);
    assert_eq!(roster.body, roots.roster().to_bytes());
}

/// Reads the log as a foreign monitor would: checkpoint, entry bundle, hash tile.
async fn log(running: &Running) -> Vec<Entry> {
    let note = Note::parse(&running.public("/record/log/checkpoint").await.is(200).text()).expect("note");
    let head = Checkpoint::parse(note.text()).expect("checkpoint");
    let bundle = running.public(&format!("/record/log/tile/entries/000.p/{}", head.size)).await.is(200);
    assert!(bundle.field("cache-control").contains("immutable"));
    let leaves = split_bundle(&bundle.body).expect("bundle");
    let hashes: Vec<_> = leaves.iter().map(|leaf| ledger::merkle::leaf_hash(leaf)).collect();
    let tree: Tree = hashes.iter().copied().collect();
    assert_eq!(tree.root(), head.root);
    let tile = running.public(&format!("/record/log/tile/0/000.p/{}", head.size)).await.is(200);
    assert_eq!(tile.body, hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>());
    let beyond = format!("/record/log/tile/0/000.p/{}", head.size + 1);
    assert_eq!(running.public(&beyond).await.status, 404);
    leaves.iter().map(|leaf| Entry::parse(leaf).expect("entry")).collect()
}

async fn the_log_says_what_happened(running: &Running, decision: &str) {
    let mut kinds = Vec::new();
    // The statement's entry follows at the beat.
    for _ in 0..100 {
        let entries = log(running).await;
        let about = entries.iter().filter(|entry| entry.body.subject == decision);
        kinds = about.map(|entry| entry.body.kind).collect();
        if kinds.len() == 3 {
            assert_eq!(
                (entries[0].body.kind, entries[1].body.kind),
                (Kind::PolicyPublished, Kind::RosterChanged)
            );
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(kinds[0], Kind::DecisionMade);
    kinds.sort();
    assert_eq!(kinds, [Kind::DecisionMade, Kind::DecisionLapsed, Kind::StatementPublished]);
}
