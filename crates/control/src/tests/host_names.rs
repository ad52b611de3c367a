//! Host names that customers add, from the claim to the edge and off it again.

use super::rig::*;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{NameServer, Named};
use vocabulary::Hostname;

const HOST: &str = "www.shop.example.com";
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A control plane that asks two resolvers, with a customer's token.
struct Stage {
    rig: Rig,
    running: Running,
    resolvers: Vec<NameServer>,
    shop: Customer,
}

struct Customer {
    token: String,
    site: String,
}

impl Stage {
    async fn set() -> Self {
        let mut rig = Rig::new();
        let mut resolvers = Vec::new();
        for _ in 0..2 {
            resolvers.push(NameServer::start().await);
        }
        rig.resolvers = resolvers.iter().map(NameServer::address).collect();
        let running = rig.start().await;
        running.apply(SITES, "").await.is(200);
        let shop = customer(&running, "shop", "shop.test").await;
        Self { rig, running, resolvers, shop }
    }

    async fn ask(&self, who: &Customer, method: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", who.token);
        let fields = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        send(self.running.control.listen(), method, path, &fields, &body).await
    }

    async fn add(&self, who: &Customer, host: &str) -> Answer {
        self.ask(who, "POST", "/api/v1/hosts", json!({"host": host, "site": who.site})).await
    }

    async fn shown(&self, who: &Customer, host: &str) -> Value {
        self.ask(who, "GET", &format!("/api/v1/hosts/{host}"), Value::Null).await.is(200).json()
    }

    /// Adds a name and gives the token that proves it.
    async fn claimed(&self, host: &str) -> String {
        let added = self.add(&self.shop, host).await.is(201).json();
        assert_eq!(added["state"], "claimed");
        added["proofs"][0]["value"].as_str().expect("a token").to_owned()
    }

    fn say(&self, servers: &[usize], host: &str, token: &str) {
        let text = Named::Texts(vec!["something else".to_owned(), token.to_owned()]);
        for server in servers {
            self.resolvers[*server].say(&format!("_wardmote-challenge.{host}"), text.clone());
        }
    }

    fn fall_silent(&self, host: &str) {
        for server in &self.resolvers {
            server.say(&format!("_wardmote-challenge.{host}"), Named::Absent);
        }
    }

    /// Waits until a claim looks so, with the clock going on by a minute at each look.
    async fn until(&self, host: &str, what: &str, seen: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let shown = self.shown(&self.shop, host).await;
            if seen(&shown) {
                return shown;
            }
            self.rig.clock.advance(Duration::from_secs(60));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{host} never was {what}: {}", self.shown(&self.shop, host).await);
    }

    async fn until_served(&self, host: &str) {
        self.until(host, "served", |shown| shown["state"] == "served").await;
        self.until_at_edge(host, true).await;
    }

    async fn until_at_edge(&self, host: &str, there: bool) {
        let name = Hostname::parse(host).expect("a host");
        self.running
            .edge
            .until("the hosts as they are", |seen| {
                let site = seen.snapshot.as_ref().map(|snapshot| snapshot.site(&name).is_some());
                site == Some(there)
            })
            .await;
    }
}

async fn customer(running: &Running, account: &str, host: &str) -> Customer {
    let made = running.post(&format!("/api/v1/accounts/{account}/tokens"), json!({"name": "deploy"})).await;
    let token = made.is(201).json()["token"].as_str().expect("a token").to_owned();
    let fleet = running.get("/api/v1/sites").await.is(200).json();
    let accounts = fleet["accounts"].as_array().expect("accounts").iter();
    let sites = accounts.flat_map(|account| account["sites"].as_array().expect("sites").iter());
    let site = sites.into_iter().find(|site| site["hosts"][0] == host).expect("the site");
    Customer { token, site: site["id"].as_str().expect("an id").to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_served_once_all_resolvers_show_its_proof_and_not_before() {
    let stage = Stage::set().await;
    let token = stage.claimed(HOST).await;
    stage.until_at_edge("shop.test", true).await;
    stage.until_at_edge(HOST, false).await;
    // One resolver alone may be lied to.
    stage.say(&[0], HOST, &token);
    let shown = stage.until(HOST, "looked at", |shown| shown["last_look"]["found"] == "unclear").await;
    assert_eq!(shown["state"], "claimed");
    stage.until_at_edge(HOST, false).await;
    stage.say(&[0, 1], HOST, &token);
    stage.until_served(HOST).await;
    let shown = stage.shown(&stage.shop, HOST).await;
    assert_eq!((&shown["proved_by"], &shown["last_look"]["found"]), (&json!("txt"), &json!("proof")));

    // What the operator reads back to itself holds its own sites alone, and changes nothing.
    let exported = stage.running.get("/api/v1/export").await.is(200).text();
    assert!(!exported.contains(HOST), "{exported}");
    assert_eq!(stage.running.apply(&exported, "?prune=true").await.is(200).json()["steps"], json!([]));
    let fleet = stage.running.get("/api/v1/sites").await.is(200).text();
    assert!(fleet.contains(HOST), "{fleet}");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proved_is_served_after_a_restart_too() {
    let mut stage = Stage::set().await;
    let token = stage.claimed(HOST).await;
    stage.say(&[0, 1], HOST, &token);
    stage.until_served(HOST).await;
    let Stage { running, .. } = stage;
    running.stop().await;
    stage.running = stage.rig.start().await;
    stage.until_at_edge(HOST, true).await;
    assert_eq!(stage.shown(&stage.shop, HOST).await["state"], "served");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_proves_its_own_name_and_no_wildcard() {
    let stage = Stage::set().await;
    let token = stage.claimed(HOST).await;
    let shown = stage.shown(&stage.shop, HOST).await;
    let by_file = shown["proofs"].as_array().expect("proofs").iter().find(|proof| proof["by"] == "http");
    let address = by_file.expect("a file")["place"].as_str().expect("an address");
    assert!(address.starts_with(&format!("http://{HOST}/.well-known/wardmote-challenge/")), "{address}");
    assert!(!address.contains(&token), "its own address proves nothing");
    stage.rig.proof_web.put(address, &format!("{token}\n"));
    stage.until_served(HOST).await;
    assert_eq!(stage.shown(&stage.shop, HOST).await["proved_by"], "http");
    let wide = stage.add(&stage.shop, "*.wide.example.com").await.is(201).json();
    let by: Vec<_> = wide["proofs"].as_array().expect("proofs").iter().map(|proof| &proof["by"]).collect();
    assert_eq!(by, ["txt"], "no file, and no delegation to an operator without a public name");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_whose_proof_is_gone_is_warned_about_and_taken_off() {
    let stage = Stage::set().await;
    let token = stage.claimed(HOST).await;
    stage.say(&[0, 1], HOST, &token);
    stage.until_served(HOST).await;
    // Every server but the resolvers says that there is no such file.
    stage.fall_silent(HOST);
    stage.rig.clock.advance(DAY);
    stage.until(HOST, "missed", |shown| shown["until"].is_string()).await;
    let status = stage.running.get("/api/v1/status").await.text();
    assert!(status.contains("host-in-doubt") && status.contains("its proof is gone"), "{status}");
    stage.until_at_edge(HOST, true).await;
    stage.rig.clock.advance(3 * DAY);
    let shown = stage.until(HOST, "taken off", |shown| shown["state"] == "quarantined").await;
    assert!(shown["text"].as_str().expect("text").contains("gone for too long"), "{shown}");
    stage.until_at_edge(HOST, false).await;
    // The same account brings it back by its proof.
    stage.say(&[0, 1], HOST, &token);
    stage.rig.clock.advance(DAY);
    stage.until_served(HOST).await;
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_let_go_of_is_kept_from_others_and_from_the_operators_slips() {
    let stage = Stage::set().await;
    let board = customer(&stage.running, "board", "board.test").await;
    let token = stage.claimed(HOST).await;
    stage.say(&[0, 1], HOST, &token);
    stage.until_served(HOST).await;
    for wanted in ["*.shop.example.com", "WWW.shop.example.com."] {
        let answer = stage.add(&board, wanted).await;
        // The same name may be claimed: proof decides. What overlaps it may not.
        assert_eq!(answer.status, if wanted.starts_with('*') { 409 } else { 201 }, "{}", answer.text());
    }
    let taking = SITES.replace("\"board.test\", ", "\"board.test\", \"www.shop.example.com\", ");
    let words = "?customer_request=Add%20it.";
    assert_eq!(stage.running.apply(&taking, words).await.is(409).reason(), "host-taken");
    stage.ask(&stage.shop, "DELETE", &format!("/api/v1/hosts/{HOST}"), Value::Null).await.is(200);
    stage.until_at_edge(HOST, false).await;
    let shown = stage.shown(&stage.shop, HOST).await;
    assert_eq!(shown["state"], "quarantined");
    let wide = stage.add(&board, "*.shop.example.com").await;
    assert_eq!(wide.is(409).reason(), "host-taken");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_token_opens_its_own_host_names_and_nothing_else() {
    let stage = Stage::set().await;
    let board = customer(&stage.running, "board", "board.test").await;
    stage.claimed(HOST).await;
    for (method, path) in [
        ("GET", "/api/v1/sites"),
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/cases"),
        ("POST", "/api/v1/apply"),
        ("POST", "/api/v1/setup-links"),
        ("POST", "/api/v1/accounts/shop/tokens"),
        ("GET", "/api/v1/accounts/board/tokens"),
        ("GET", "/"),
        ("GET", "/hosts"),
        ("GET", "/reports"),
    ] {
        let refused = stage.ask(&stage.shop, method, path, Value::Null).await;
        assert_eq!(refused.is(403).reason(), "operator-only", "{path}");
    }
    let others = stage.ask(&board, "GET", "/api/v1/hosts", Value::Null).await.is(200).json();
    assert_eq!(others["total"], 0);
    let path = format!("/api/v1/hosts/{HOST}");
    for method in ["GET", "DELETE"] {
        stage.ask(&board, method, &path, Value::Null).await.is(404);
    }
    let own = stage.shown(&stage.shop, HOST).await;
    let named = format!("{path}?account={}", own["account"].as_str().expect("an id"));
    assert_eq!(stage.ask(&board, "GET", &named, Value::Null).await.is(403).reason(), "anothers-account");
    // A site of another's, and one that is not there, are the same to it.
    let foreign = json!({"host": "a.example.com", "site": stage.shop.site});
    assert_eq!(
        stage.ask(&board, "POST", "/api/v1/hosts", foreign).await.is(422).reason(),
        "host-unclaimable"
    );
    // The operator sees all, and the token ends.
    assert_eq!(stage.running.get(&path).await.is(200).json()["host"], HOST);
    stage.running.call("DELETE", "/api/v1/accounts/shop/tokens/deploy", &Value::Null).await.is(204);
    let ended = stage.ask(&stage.shop, "GET", "/api/v1/hosts", Value::Null).await;
    assert_eq!(ended.is(401).reason(), "unauthenticated");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_takes_and_moves_no_served_name_without_the_customers_request() {
    let stage = Stage::set().await;
    let path = format!("/api/v1/hosts/{HOST}");
    // What is not served takes nothing from anybody.
    stage.claimed(HOST).await;
    stage.running.call("DELETE", &path, &Value::Null).await.is(200);
    let token = stage.claimed(HOST).await;
    stage.say(&[0, 1], HOST, &token);
    stage.until_served(HOST).await;
    let silent = stage.running.call("DELETE", &path, &Value::Null).await.is(409);
    assert_eq!(silent.reason(), "tenant-request-missing");
    assert_eq!(stage.shown(&stage.shop, HOST).await["state"], "served");
    let asked = format!("{path}?customer_request=Please%20take%20it%20off.");
    let size = || async {
        let checkpoint = stage.running.public("/record/log/checkpoint").await.is(200).text();
        checkpoint.lines().nth(1).and_then(|size| size.parse::<u64>().ok())
    };
    let before = size().await;
    let gone = stage.running.call("DELETE", &asked, &Value::Null).await.is(200).json();
    assert_eq!(gone["state"], "quarantined");
    assert!(before < size().await, "the request is logged");
    stage.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_a_site_that_went_are_let_go_of_those_that_need_no_proof_too() {
    let stage = Stage::set().await;
    stage.add(&stage.shop, "new.test").await.is(201);
    stage.claimed(HOST).await;
    stage.until_at_edge("new.test", true).await;
    let rest = &SITES[..SITES.rfind("[[account]]").expect("the shop comes last")];
    let words = "?prune=true&customer_request=Remove%20it.";
    stage.running.apply(rest, words).await.is(200);
    for _ in 0..100 {
        let all = stage.running.get("/api/v1/hosts").await.is(200).json();
        let hosts = all["hosts"].as_array().expect("hosts");
        if let [one] = hosts.as_slice()
            && one["state"] == "quarantined"
        {
            assert_eq!(one["host"], "new.test");
            stage.running.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{}", stage.running.get("/api/v1/hosts").await.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_nobodys_to_claim_are_refused_and_reserved_ones_served_at_once() {
    let stage = Stage::set().await;
    for (host, status, reason) in [
        ("*.co.uk", 422, "host-unclaimable"),
        ("*.github.io", 422, "host-unclaimable"),
        ("192.0.2.1", 422, "host-unclaimable"),
        ("localhost", 422, "host-unclaimable"),
        ("a.localhost", 422, "host-unclaimable"),
        ("not a name", 422, "host-unclaimable"),
        ("a.board.test", 409, "host-taken"),
        ("*.test", 409, "host-taken"),
        ("shop.test", 409, "host-taken"),
    ] {
        assert_eq!(stage.add(&stage.shop, host).await.is(status).reason(), reason, "{host}");
    }
    let added = stage.add(&stage.shop, "new.test").await.is(201).json();
    assert_eq!((&added["state"], &added["proofs"]), (&json!("served"), &json!([])));
    stage.until_at_edge("new.test", true).await;
    stage.running.stop().await;
}
