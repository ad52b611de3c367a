//! The operator's part in the defence, from the API to an edge.

use super::rig::*;
use super::session::Session;
use crate::{Defence, EventsWanted, Figures, Telemetry};
use serde_json::json;
use shield::Source;
use shield::events::{ActiveSignature, EventCause, EventKind, EventRecord, SignatureItem};
use snapshot::{Snapshot, Standing};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vocabulary::{Clock as _, SiteId, Timestamp};

/// A data plane with one event and one signature.
#[derive(Default)]
struct Attacked {
    undone: Mutex<Vec<(SiteId, String)>>,
}

/// The same as the control plane gets it.
struct Beside(Arc<Attacked>);

impl Telemetry for Beside {
    fn figures(&self) -> Figures {
        Figures::default()
    }

    fn prometheus(&self) -> String {
        String::new()
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn defence(&self) -> Option<Arc<dyn Defence>> {
        Some(self.0.clone())
    }
}

const SIGNATURE: &str = "00ff00ff00ff00ff";

impl Defence for Attacked {
    fn events(&self, wanted: &EventsWanted) -> Vec<EventRecord> {
        let record = EventRecord {
            number: 7,
            at: Timestamp::from_secs(1_790_000_000),
            site: wanted.site,
            ray: Some("0011223344556677".to_owned()),
            what: wanted.kind.unwrap_or(EventKind::Blocked),
            acted: true,
            reason: "rule-blocked",
            cause: EventCause::Rule("bad <b>".to_owned()),
            why: "A rule of the site blocks it.".to_owned(),
            evidence: String::new(),
            undo: "Change the rule.".to_owned(),
            client: Some(shield::events::EventClient {
                address: "192.0.2.7".parse().expect("an address"),
                country: Some("DE".to_owned()),
                asn: Some(64_500),
                tls: None,
            }),
            request: Some(shield::events::EventRequest {
                method: "GET".to_owned(),
                host: "shop.test".to_owned(),
                target: "/<script>?q=1".to_owned(),
                user_agent: "tool/1 \"x\"".to_owned(),
            }),
            stands_for: 10,
        };
        vec![record; wanted.limit.min(3)]
    }

    fn signatures(&self) -> Vec<ActiveSignature> {
        vec![ActiveSignature {
            id: SIGNATURE.to_owned(),
            site: SiteId::from_bytes([1; 16]),
            items: vec![SignatureItem { attribute: "user agent", value: Some("tool/1".to_owned()) }],
            stage: "challenge",
            since: Timestamp::from_secs(1_790_000_000),
            distress: true,
            rate: (900.0, 30.0),
            coverage: 0.9,
            usual_share: 0.001,
            matched: 4_000,
            challenged: 500,
            passed: 1,
        }]
    }

    fn undo(&self, site: SiteId, signature: &str) -> bool {
        self.undone.lock().expect("lock").push((site, signature.to_owned()));
        signature == SIGNATURE
    }
}

/// A data plane that is attacked, as the control plane gets it.
fn attacked() -> Arc<dyn Telemetry> {
    Arc::new(Beside(Arc::default()))
}

async fn started(rig: &mut Rig) -> (Running, SiteId) {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    running.edge.until("the sites", |seen| seen.sites == 3).await;
    let told = running.get("/api/v1/sites/shop.test/shield").await.is(200).json();
    let site = told["site"].as_str().expect("an id").parse().expect("an id");
    (running, site)
}

/// Waits for a snapshot of which something holds.
async fn until(running: &Running, what: &str, holds: impl Fn(&Snapshot) -> bool) {
    running.edge.until(what, |seen| seen.snapshot.as_ref().is_some_and(|snapshot| holds(snapshot))).await;
}

fn is_banned(snapshot: &Snapshot, address: &str, site: SiteId, now: Timestamp) -> bool {
    let source = Source::at(address.parse().expect("an address"));
    matches!(snapshot.gate().standing(&source, site, now), Standing::Banned(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_reaches_the_edge_and_is_ended_by_hand() {
    let mut rig = Rig::new();
    let (running, site) = started(&mut rig).await;
    let now = rig.clock.now();
    let ban = json!({"effect": "ban", "subject": "192.0.2.0/24", "site": "shop.test", "seconds": 3600, "reason": "a flood"});
    let entered = running.post("/api/v1/shield/entries", ban).await.is(201).json();
    assert_eq!((entered["number"].as_u64(), entered["by"].as_str()), (Some(1), Some("operator:token")));
    until(&running, "the ban", |snapshot| is_banned(snapshot, "192.0.2.7", site, now)).await;
    let book = running.get("/api/v1/shield").await.is(200).json();
    assert_eq!(book["entries"][0]["subject"]["network"], "192.0.2.0/24");
    running.call("DELETE", "/api/v1/shield/entries/1", &json!(null)).await.is(200);
    until(&running, "its end", |snapshot| !is_banned(snapshot, "192.0.2.7", site, now)).await;
    let again = running.call("DELETE", "/api/v1/shield/entries/1", &json!(null)).await.is(404);
    assert_eq!(again.reason(), "not-found");
    for (subject, reason) in [("10.0.0.0/7", "defence-mistaken"), ("half the world", "defence-mistaken")] {
        let body = json!({"effect": "ban", "subject": subject, "seconds": 60, "reason": "x"});
        assert_eq!(running.post("/api/v1/shield/entries", body).await.is(422).reason(), reason);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_for_a_site_under_attack_lasts_three_hours_in_a_day_and_says_what_is_left() {
    let mut rig = Rig::new();
    let (running, site) = started(&mut rig).await;
    let address = "/api/v1/sites/shop.test/under-attack";
    let ask = |seconds: u64| json!({"seconds": seconds, "reason": "a flood"});
    running.call("PUT", address, &ask(2 * 3_600)).await.is(200);
    let now = rig.clock.now();
    until(&running, "the switch", |snapshot| snapshot.gate().under_attack(site, now)).await;
    rig.clock.advance(Duration::from_secs(2 * 3_600));
    let refused = running.call("PUT", address, &ask(3_601)).await.is(409);
    assert_eq!(
        (refused.reason().as_str(), refused.json()["left_seconds"].as_u64()),
        ("mitigation-cap", Some(3_600))
    );
    running.call("PUT", address, &ask(3_600)).await.is(200);
    let spent = running.get("/api/v1/shield").await.is(200).json()["spent"][0].clone();
    assert_eq!((spent["spent_seconds"].as_u64(), spent["left_seconds"].as_u64()), (Some(10_800), Some(0)));
    running.call("DELETE", address, &json!(null)).await.is(204);
    let now = rig.clock.now();
    until(&running, "its end", |snapshot| !snapshot.gate().under_attack(site, now)).await;
    assert_eq!(running.call("DELETE", address, &json!(null)).await.is(409).reason(), "wrong-state");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_s_rules_are_checked_put_with_the_customers_request_and_compiled_at_the_edge() {
    let mut rig = Rig::new();
    let (running, _) = started(&mut rig).await;
    let address = "/api/v1/sites/shop.test/shield";
    let text = "[[rule]]\nname = \"bad\"\nwhen = 'http.user_agent contains \"evil\"'\naction = \"block\"\n";
    let mistaken = json!({"text": text.replace("user_agent", "user_agnet")});
    let refused = running.call("PUT", address, &mistaken).await.is(422);
    let mistake = refused.json()["mistakes"][0].clone();
    assert_eq!((mistake["line"].as_u64(), mistake["column"].as_u64()), (Some(3), Some(9)), "{mistake}");
    let silent = running.call("PUT", address, &json!({"text": text})).await.is(409);
    assert_eq!(silent.reason(), "tenant-request-missing");
    let dry = running.call("PUT", address, &json!({"text": text, "dry_run": true})).await.is(200).json();
    assert_eq!(dry["steps"][0]["lowers"].as_array().map(Vec::len), Some(1));
    let asked = json!({"text": text, "customer_request": "Please block that scraper for us."});
    running.call("PUT", address, &asked).await.is(200);
    until(&running, "the rule", |snapshot| {
        snapshot.sites().iter().any(|site| snapshot.shield(site).rules().len() == 1)
    })
    .await;
    let kept = running.get(address).await.is(200).json();
    assert_eq!(kept["settings"]["rules"][0]["name"], "bad");
    let same = running.call("PUT", address, &json!({"text": kept["text"]})).await.is(200).json();
    assert_eq!(same["steps"], json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_from_a_file_reaches_the_edge_and_a_broken_version_does_not() {
    let mut rig = Rig::new();
    let file = rig.folder.path().join("bad.txt");
    std::fs::write(&file, "192.0.2.0/24\n").expect("written");
    let (running, site) = started(&mut rig).await;
    let list = json!({"kind": "address", "feed": file, "refresh_seconds": 300, "effect": "ban", "effect_seconds": 86_400});
    running.call("PUT", "/api/v1/shield/lists/bad", &list).await.is(200);
    let now = rig.clock.now();
    until(&running, "the list", |snapshot| is_banned(snapshot, "192.0.2.7", site, now)).await;
    std::fs::write(&file, "nonsense\n").expect("written");
    rig.clock.advance(Duration::from_secs(301));
    let trouble = || async {
        let book = running.get("/api/v1/shield").await.is(200).json();
        book["feeds"][0]["trouble"].as_str().map(str::to_owned)
    };
    let mut said = None;
    for _ in 0..400 {
        said = trouble().await;
        if said.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(said.is_some_and(|said| said.contains("is no item of a list of addresses")));
    until(&running, "the former version", |snapshot| is_banned(snapshot, "192.0.2.7", site, now)).await;
    running.stop().await;

    // A restart needs the file no more.
    std::fs::remove_file(&file).expect("removed");
    let running = rig.start().await;
    let now = rig.clock.now();
    until(&running, "the remembered version", |snapshot| is_banned(snapshot, "192.0.2.7", site, now)).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_list_is_fed_from_the_deployments_own_files() {
    let mut rig = Rig::new();
    let (running, _) = started(&mut rig).await;
    let own = rig.data_dir().join("admin.token");
    assert!(own.is_file());
    let list = json!({"kind": "host", "feed": own});
    let refused = running.call("PUT", "/api/v1/shield/lists/own", &list).await.is(422);
    assert!(refused.text().contains("no file for sites"), "{}", refused.text());
    let text = format!("[list.own]\nkind = \"host\"\nfeed = {own:?}\n");
    let refused = running.call("PUT", "/api/v1/sites/shop.test/shield", &json!({"text": text})).await;
    assert!(refused.text().contains("no file for sites"), "{}", refused.text());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_rules_name_stays() {
    let mut rig = Rig::new();
    let (running, _) = started(&mut rig).await;
    let list = json!({"kind": "address", "items": ["192.0.2.0/24"]});
    running.call("PUT", "/api/v1/shield/lists/friends", &list).await.is(200);
    let text = "[[rule]]\nname = \"friends\"\nwhen = \"ip.src in $friends\"\naction = \"allow\"\n";
    running.call("PUT", "/api/v1/sites/shop.test/shield", &json!({"text": text})).await.is(200);
    let refused = running.call("DELETE", "/api/v1/shield/lists/friends", &json!(null)).await.is(409);
    assert!(refused.text().contains("shop.test"), "{}", refused.text());
    running
        .call(
            "PUT",
            "/api/v1/sites/shop.test/shield",
            &json!({"text": "", "customer_request": "We need it no more."}),
        )
        .await
        .is(200);
    running.call("DELETE", "/api/v1/shield/lists/friends", &json!(null)).await.is(204);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_signatures_are_asked_of_the_edge_and_a_signature_is_undone_there() {
    let mut rig = Rig::new();
    let edge = Arc::new(Attacked::default());
    rig.telemetry = Arc::new(Beside(edge.clone()));
    let (running, site) = started(&mut rig).await;
    let events =
        running.get("/api/v1/shield/events?site=shop.test&kind=limited&limit=2").await.is(200).json();
    assert_eq!((events.as_array().map(Vec::len), &events[0]["what"]), (Some(2), &json!("limited")));
    assert_eq!(events[0]["site"], site.to_string());
    running.get("/api/v1/shield/events?kind=nothing").await.is(400);
    running.get("/api/v1/shield/events?site=other.test").await.is(404);
    let signatures = running.get("/api/v1/shield/signatures").await.is(200).json();
    assert_eq!(signatures[0]["id"], SIGNATURE);
    let undo = |signature: &str| json!({"site": site, "signature": signature});
    running.post("/api/v1/shield/signatures/undo", undo(SIGNATURE)).await.is(204);
    running.post("/api/v1/shield/signatures/undo", undo("0")).await.is(404);
    let undone = edge.undone.lock().expect("lock").clone();
    assert_eq!(undone, [(site, SIGNATURE.to_owned()), (site, "0".to_owned())]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_edge_beside_it_nothing_is_known_of_events() {
    let mut rig = Rig::new();
    let (running, _) = started(&mut rig).await;
    assert_eq!(running.get("/api/v1/shield/events").await.is(503).reason(), "edge-away");
    running.stop().await;
}

/// A console session beside an edge that is attacked, at the page of one site.
struct Visitor {
    session: Session,
    page: String,
}

impl Visitor {
    async fn of(running: &Running, site: SiteId) -> Self {
        let page = format!("/sites/{site}/shield");
        Self { session: Session::open(running, &page).await, page }
    }

    async fn get(&self, running: &Running, query: &str) -> Answer {
        self.session.get(running, &format!("{}{query}", self.page)).await
    }

    async fn send_form(&self, running: &Running, form: &str, fields: &str) -> Answer {
        self.session.send_form(running, &format!("{}/{form}", self.page), fields).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_happens_and_makes_a_rule_of_an_event() {
    let mut rig = Rig::new();
    rig.telemetry = attacked();
    let (running, site) = started(&mut rig).await;
    let visitor = Visitor::of(&running, site).await;
    let page = visitor.get(&running, "").await.is(200).text();
    for shown in
        ["Defence of shop.test", "<svg class=\"bars\"", "AS64500", "one of 10", "Profile <b>balanced"]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert!(!page.contains("<script>?q"), "what visitors send is text");
    let from_event = visitor.get(&running, "?event=7").await.is(200).text();
    assert!(from_event.contains("value=\"from-event-7\"") && from_event.contains("ip.src eq 192.0.2.7"));
    let rule = "name=r&when=ip.src+eq+192.0.2.7&action=block&request=Please+block+it.";
    let checked = visitor.send_form(&running, "rules", rule).await.is(200).text();
    assert!(checked.contains("keeps visitors out") && checked.contains("Put it in force"), "{checked}");
    let wrong = visitor.send_form(&running, "rules", "name=r&when=ip.scr+eq+1&action=block").await.is(422);
    assert!(wrong.text().contains("character 1"), "{}", wrong.text());
    let silent = "name=r&when=ip.src+eq+192.0.2.7&action=block&go=yes";
    visitor.send_form(&running, "rules", silent).await.is(409);
    visitor.send_form(&running, "rules", &format!("{rule}&go=yes")).await.is(303);
    until(&running, "the rule", |snapshot| {
        snapshot.sites().iter().any(|own| own.id == site && snapshot.shield(own).rules().len() == 1)
    })
    .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_switches_and_undoes_for_a_session_with_its_token_alone() {
    let mut rig = Rig::new();
    let edge = Arc::new(Attacked::default());
    rig.telemetry = Arc::new(Beside(edge.clone()));
    let (running, site) = started(&mut rig).await;
    let visitor = Visitor::of(&running, site).await;
    visitor.send_form(&running, "switch", "minutes=30&reason=a+flood").await.is(303);
    let now = rig.clock.now();
    until(&running, "the switch", |snapshot| snapshot.gate().under_attack(site, now)).await;
    let page = visitor.get(&running, "?done=on").await.is(200).text();
    assert!(page.contains("Every visitor of this site is challenged") && page.contains("Stop challenging"));
    visitor.send_form(&running, "switch", "off=yes").await.is(303);
    let refused = visitor.send_form(&running, "switch", "minutes=500&reason=x").await.is(422).text();
    assert!(refused.contains("it must end"), "{refused}");
    visitor.send_form(&running, "undo", &format!("signature={SIGNATURE}")).await.is(303);
    assert_eq!(edge.undone.lock().expect("lock").len(), 1);
    let session = Session { csrf: "x".to_owned(), ..visitor.session };
    let stranger = Visitor { session, page: visitor.page };
    for (form, fields) in [("switch", "off=yes"), ("undo", "signature=0"), ("rules", "name=r")] {
        stranger.send_form(&running, form, fields).await.is(403);
    }
    running.stop().await;
}
