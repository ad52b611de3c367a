//! Crawlers that say who they are, before an edge that asks DNS.

use crate::support::{HOST, Stage};
use shield::crawlers::Crawlers;
use snapshot::{Service, ShieldSettings, UnderAttack};
use std::time::Duration;
use testkit::{NameServer, Named};

/// The status that a crawler gets at an address, which a trusted proxy names; an origin that is asked says 200.
async fn status(stage: &Stage, address: &str) -> u16 {
    let mut visitor = stage.visit().await;
    let fields = format!("Host: {HOST}\r\nUser-Agent: ExampleBot/1\r\nX-Forwarded-For: {address}");
    visitor.send(format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n")).await;
    let answering = async {
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        head = visitor.head() => head.status(),
        () = answering => unreachable!("it only answers"),
    }
}

#[tokio::test]
async fn a_crawler_whose_name_leads_back_to_it_is_let_by_and_nobody_waits_for_dns() {
    let server = NameServer::start().await;
    let names = |name: &str| Named::Names(vec![name.to_owned()]);
    server.say("9.2.0.192.in-addr.arpa", names("a.crawl.test"));
    server.say("a.crawl.test", Named::Addresses(vec![[192, 0, 2, 9].into()], 60));
    // It names itself so, and the name's owner knows nothing of it.
    server.say("9.100.51.198.in-addr.arpa", names("a.crawl.test"));
    server.say("9.113.0.203.in-addr.arpa", Named::Mute);
    let options = |options: &mut edge::Options| {
        options.name_servers = vec![server.address()];
        options.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        options.crawlers = Crawlers::parse("crawler ExampleBot .crawl.test").expect("a crawler");
    };
    let settings = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
    let stage = Stage::set_with(options, |site| {
        site.services = [Service::Shield].into();
        site.shield = settings;
    })
    .await;
    // DNS says nothing of the last one, and it has its answer.
    for address in ["192.0.2.9", "198.51.100.9", "203.0.113.9"] {
        assert_eq!(status(&stage, address).await, 429, "{address}");
    }
    let mut last = 0;
    for _ in 0..600 {
        last = status(&stage, "192.0.2.9").await;
        if last == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(last, 200);
    assert_eq!(status(&stage, "198.51.100.9").await, 429);
}
