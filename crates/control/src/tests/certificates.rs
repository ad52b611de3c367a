//! Certificates by way of the API.

use super::rig::*;
use certificates::{CertificateStore, LocalAuthority, Resolver, Source, Wanted};
use serde_json::{Value, json};
use std::sync::Arc;
use vocabulary::{AccountId, Clock as _};

/// A self-signed chain and its key, in PEM.
fn pair(names: &[&str]) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("key");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let params = rcgen::CertificateParams::new(names).expect("names");
    (params.self_signed(&key).expect("certificate").pem(), key.serialize_pem())
}

fn store(rig: &mut Rig) -> Arc<CertificateStore> {
    let authority = LocalAuthority::open(&rig.folder.path().join("ca"), rig.clock.now()).expect("authority");
    let store = Arc::new(CertificateStore::new(authority, Arc::new(Resolver::new())));
    rig.certificates = Some(Arc::clone(&store));
    store
}

async fn shop(running: &Running) -> String {
    let sites = running.get("/api/v1/sites").await.is(200).json();
    let accounts = sites["accounts"].as_array().expect("accounts").iter();
    let mut sites = accounts.flat_map(|account| account["sites"].as_array().expect("sites"));
    let site = sites.find(|site| site["hosts"] == json!(["shop.test"])).expect("the shop");
    site["id"].as_str().expect("id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_checked_for_its_site_and_listed() {
    let mut rig = Rig::new();
    let store = store(&mut rig);
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    let site = shop(&running).await;
    let wanted = Wanted {
        site: site.parse().expect("id"),
        account: AccountId::from_bytes([1; 16]),
        hosts: vec!["shop.test".parse().expect("host")],
        source: Source::Managed,
    };
    store.refresh(&[wanted], rig.clock.now());
    let listed = running.get("/api/v1/certificates").await.is(200).json();
    assert_eq!(listed["items"], json!([{"host": "shop.test", "site": site, "from": "local"}]));

    let path = format!("/api/v1/sites/{site}/certificate");
    let ((chain, key), (_, foreign)) = (pair(&["shop.test"]), pair(&["shop.test"]));
    let (other, others_key) = pair(&["other.test"]);
    for (chain, key, part) in [
        (&chain, &foreign, "does not belong"),
        (&other, &others_key, "does not cover shop.test"),
        (&chain, &chain, "holds no private key"),
        (&key, &key, "holds no certificate"),
    ] {
        let refused = running.call("PUT", &path, &json!({"chain": chain, "key": key})).await.is(422);
        assert_eq!(refused.reason(), "certificate-unfit");
        assert!(refused.text().contains(part), "{}", refused.text());
        assert!(!refused.text().contains("PRIVATE KEY-----"), "no key comes back");
    }
    let missing = "/api/v1/sites/site_01k0000000000000000000000/certificate";
    let refused = running.call("PUT", missing, &json!({"chain": chain, "key": key})).await;
    assert!((400..=404).contains(&refused.status), "{}", refused.text());

    let taken = running.call("PUT", &path, &json!({"chain": chain, "key": key})).await.is(200).json();
    let listed: Value = running.get("/api/v1/certificates").await.is(200).json();
    assert_eq!(listed["items"][0]["from"], "uploaded");
    assert_eq!(listed["items"][0]["not_after"], taken["not_after"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_names_comes_in_pages() {
    let mut rig = Rig::new();
    let store = store(&mut rig);
    let hosts = ["c.test", "a.test", "*.b.test", "d.test"];
    let wanted = Wanted {
        site: vocabulary::SiteId::from_bytes([1; 16]),
        account: AccountId::from_bytes([1; 16]),
        hosts: hosts.map(|host| host.parse().expect("host")).into(),
        source: Source::Managed,
    };
    store.refresh(&[wanted], rig.clock.now());
    let running = rig.start().await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = running.get(&format!("/api/v1/certificates?limit=3{after}")).await.is(200).json();
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|item| item["host"].as_str().expect("host").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let mut all = hosts.map(str::to_owned);
    all.sort();
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(sorted, all);
    running.get("/api/v1/certificates?after=-").await.is(400);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_edge_there_are_no_certificates_to_see() {
    let running = Rig::new().start().await;
    assert_eq!(running.get("/api/v1/certificates").await.is(503).reason(), "edge-away");
    running.stop().await;
}
