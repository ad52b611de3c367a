//! Origins with names: DNS in the background, several addresses, and addresses that lead back here.

use crate::support::{Stage, get};
use snapshot::{Origin, Site};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use testkit::{NameServer, Named, Responder};
use vocabulary::Hostname;

const WELL: &str = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nhi";

fn named(addresses: &[&str], ttl: u32) -> Named {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
    Named::Addresses(addresses.collect(), ttl)
}

/// A site whose origin is called `o.test`, at this port.
async fn stage(server: &NameServer, port: u16) -> Stage {
    let address = server.address();
    let site = |site: &mut Site| {
        site.origins = vec![Origin {
            host: Hostname::parse("o.test").expect("a name"),
            port,
            ..site.origins[0].clone()
        }];
    };
    Stage::set_with(|options| options.name_servers = vec![address], site).await
}

async fn status(stage: &Stage) -> u16 {
    stage.ask(&get("/")).await.0.status()
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_many_requests_and_again_after_its_time() {
    let (server, origin) = (NameServer::start().await, Responder::saying(WELL).await);
    server.say("o.test", named(&["127.0.0.1"], 60));
    let stage = stage(&server, origin.address().port()).await;
    for _ in 0..5 {
        assert_eq!(status(&stage).await, 200);
    }
    assert_eq!(server.questions("o.test"), 1);
}

#[tokio::test]
async fn where_the_first_address_refuses_the_next_one_is_taken_whatever_its_family() {
    let (server, origin) = (NameServer::start().await, Responder::saying(WELL).await);
    // Nobody listens at ::1, and at 127.0.0.9 neither.
    server.say("o.test", named(&["::1", "127.0.0.9", "127.0.0.1"], 60));
    let stage = stage(&server, origin.address().port()).await;
    assert_eq!(status(&stage).await, 200);
}

#[tokio::test]
async fn connections_to_an_address_that_the_name_has_no_longer_are_not_used_again() {
    let server = NameServer::start().await;
    let old = Responder::saying(WELL).await;
    let new: SocketAddr = ([127, 0, 0, 2], old.address().port()).into();
    let new = Responder::listen_at(new, WELL).await;
    server.say("o.test", named(&["127.0.0.1"], 60));
    let stage = stage(&server, old.address().port()).await;
    assert_eq!(status(&stage).await, 200);
    assert_eq!((old.count(), new.count()), (1, 0));
    server.say("o.test", named(&["127.0.0.2"], 60));
    stage.clock.advance(Duration::from_secs(61));
    for _ in 0..500 {
        assert_eq!(status(&stage).await, 200);
        if new.count() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(new.count() > 0, "the new address is in use");
    let before = old.count();
    for _ in 0..5 {
        assert_eq!(status(&stage).await, 200);
    }
    assert_eq!(old.count(), before);
}

#[tokio::test]
async fn while_dns_fails_origins_are_found_where_they_were_and_a_name_that_is_gone_is_told() {
    let server = NameServer::start().await;
    let origin = Responder::saying("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    server.say("o.test", named(&["127.0.0.1"], 60));
    let stage = stage(&server, origin.address().port()).await;
    assert_eq!(status(&stage).await, 200);
    server.say("o.test", Named::Failing);
    stage.clock.advance(Duration::from_secs(4000));
    assert_eq!(status(&stage).await, 200);
    server.say("o.test", Named::Absent);
    stage.clock.advance(Duration::from_secs(4000));
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 502);
    assert!(String::from_utf8_lossy(&page).contains("origin-name"));
    let asked = server.questions("o.test");
    for _ in 0..5 {
        assert_eq!(status(&stage).await, 502);
    }
    assert_eq!(server.questions("o.test"), asked, "the absence is remembered");
}

#[tokio::test]
async fn a_name_of_the_public_dns_leads_to_no_address_of_this_machine() {
    let (server, origin) = (NameServer::start().await, Responder::saying(WELL).await);
    let mut stage = stage(&server, origin.address().port()).await;
    stage.sites[0].origins[0].host = Hostname::parse("o.example.org").expect("a name");
    stage.publish().await;
    server.say("o.example.org", named(&["192.0.2.1", "127.0.0.1"], 60));
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 502);
    assert!(String::from_utf8_lossy(&page).contains("origin-is-inside"));
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn what_is_for_the_operator_alone_is_no_origin() {
    let operators = Responder::saying(WELL).await;
    let address = operators.address();
    let site = |site: &mut Site| {
        site.origins = vec![Origin {
            host: Hostname::parse("127.0.0.1").expect("an address"),
            port: address.port(),
            ..site.origins[0].clone()
        }];
    };
    let stage = Stage::set_with(|options| options.beside = vec![address], site).await;
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 502);
    assert!(String::from_utf8_lossy(&page).contains("origin-is-edge"));
    assert_eq!(operators.count(), 0);
}

#[tokio::test]
async fn an_origin_that_is_this_edge_itself_is_refused_before_anything_is_sent_and_counted() {
    let server = NameServer::start().await;
    server.say("o.test", named(&["127.0.0.1"], 60));
    let mut stage = stage(&server, 1).await;
    stage.sites[0].origins[0].port = stage.edge.http()[0].port();
    stage.publish().await;
    let (head, page) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 502);
    assert!(String::from_utf8_lossy(&page).contains("origin-is-edge"));
    let figures = stage.edge.figures();
    assert_eq!((figures.origin_loops, figures.requests), (1, 1), "it did not come back as a visitor");
}
