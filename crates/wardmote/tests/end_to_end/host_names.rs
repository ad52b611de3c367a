//! A host name that a customer adds: not served, not even asked for at an authority, until DNS proves it.

use crate::harness::{Nginx, Reply, Setup, Wardmote, eventually};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{NameServer, Named};

const HOST: &str = "www.shop.example.com";
/// The first look comes at once, the next within ten seconds.
const PATIENCE: Duration = Duration::from_secs(40);

fn names_with_certificates(wardmote: &Wardmote) -> String {
    wardmote.api("GET", "/api/v1/certificates", None).status(200).text()
}

fn asked_by_a_customer(wardmote: &Wardmote, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let control = wardmote.setup.control;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {control}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    crate::harness::Connection::to(control).raw(request.as_bytes(), false)
}

#[test]
fn a_customers_host_is_unknown_until_it_is_proved_and_again_once_it_is_let_go_of() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let servers: Vec<_> = (0..2).map(|_| runtime.block_on(NameServer::start())).collect();
    let origin = Nginx::start();
    let setup = Setup::new();
    let addresses: Vec<_> =
        servers.iter().map(|server| format!("{:?}", server.address().to_string())).collect();
    setup.configure("[control]\n", &format!("[control]\nresolvers = [{}]\n", addresses.join(", ")));
    let sites = format!(
        "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{}\"]\n\
         redirect_https = true\n",
        origin.url()
    );
    let path = setup.sites(&sites);
    let wardmote = setup.up(&["--apply", path.to_str().unwrap()]);
    wardmote.visit("shop.test", "/").status(301);

    let token = wardmote.setup.command(&["token", "shop"]).ok().stdout.trim().to_owned();
    let fleet = wardmote.api("GET", "/api/v1/sites", None).status(200).json();
    let site = fleet["accounts"][0]["sites"][0]["id"].as_str().unwrap().to_owned();
    asked_by_a_customer(&wardmote, &token, "GET", "/api/v1/sites", &Value::Null).status(403);
    let wish = json!({"host": HOST, "site": site});
    let added = asked_by_a_customer(&wardmote, &token, "POST", "/api/v1/hosts", &wish).status(201).json();
    assert_eq!(added["state"], "claimed");
    wardmote.visit(HOST, "/").status(421);
    assert!(!names_with_certificates(&wardmote).contains(HOST), "nobody asks an authority for it");
    let shown = wardmote.setup.command(&["hosts", "show", HOST]).ok().stdout;
    let proof = added["proofs"][0]["value"].as_str().unwrap().to_owned();
    assert!(shown.contains("_wardmote-challenge.www.shop.example.com") && shown.contains(&proof), "{shown}");

    // Until both resolvers show it.
    let record = format!("_wardmote-challenge.{HOST}");
    for server in &servers {
        server.say(&record, Named::Texts(vec![proof.clone()]));
    }
    eventually("the name is served", PATIENCE, || (wardmote.visit(HOST, "/").status == 301).then_some(()));
    let listed = wardmote.setup.command(&["hosts", "list"]).ok().stdout;
    assert!(listed.contains("served") && listed.contains("txt"), "{listed}");
    eventually("its certificate is wanted", PATIENCE, || {
        names_with_certificates(&wardmote).contains(HOST).then_some(())
    });
    // The path of the file goes to the site itself, where everything else is sent on to TLS.
    let file = format!("/.well-known/wardmote-challenge/{proof}");
    wardmote.visit(HOST, &file).status(404);
    // The origin writes its log down after it has answered.
    eventually("the origin was asked", PATIENCE, || origin.was_asked_for(&file).then_some(()));

    wardmote.setup.command(&["hosts", "release", HOST, "--customer-request", "Take it off, please."]).ok();
    eventually("the name is taken off", PATIENCE, || (wardmote.visit(HOST, "/").status == 421).then_some(()));
    let shown = wardmote.setup.command(&["hosts", "show", HOST]).ok().stdout;
    assert!(shown.contains("quarantined"), "{shown}");
    wardmote.setup.command(&["token", "shop", "--end"]).ok();
    asked_by_a_customer(&wardmote, &token, "GET", "/api/v1/hosts", &Value::Null).status(401);
    wardmote.stop();
}
