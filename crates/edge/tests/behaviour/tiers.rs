//! Edges that fetch through a parent edge.

use crate::support::{HOST, Stage, get};
use snapshot::{Origin, Scheme};
use std::net::{Ipv4Addr, SocketAddr};
use testkit::Peer;
use vocabulary::Hostname;

const STORED: &str =
    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";

fn at(address: SocketAddr) -> Option<Origin> {
    let host = Hostname::parse(&address.ip().to_string()).expect("an address");
    Some(Origin::new(Scheme::Http, host, address.port()))
}

fn has_children(options: &mut edge::Options) {
    options.children = vec!["127.0.0.0/8".parse().expect("a network")];
}

async fn child_of(parent: &Stage) -> Stage {
    let address = parent.edge.http()[0];
    Stage::set_with(|options| options.parent = at(address), |_| {}).await
}

#[tokio::test]
async fn what_one_child_fetched_another_gets_from_the_parent() {
    let parent = Stage::set_with(has_children, |_| {}).await;
    let (first, second) = (child_of(&parent).await, child_of(&parent).await);
    let mut visitor = first.visit().await;
    visitor.send(get("/x")).await;
    let mut origin = parent.origin.accept().await;
    let asked = origin.head().await;
    let hops = asked.all("cdn-loop").join(", ");
    assert!(hops.starts_with("wardmote;node=") && hops.ends_with(", wardmote"), "{hops}");
    assert_eq!((asked.field("wardmote-tier"), asked.field("x-forwarded-proto")), ("", "http"));
    origin.send(format!("{STORED}hello")).await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.all("wardmote-ray").len()), (200, 1));
    visitor.text("hello").await;
    let mut visitor = second.visit().await;
    visitor.send(get("/x")).await;
    let head = visitor.head().await;
    assert!(head.all("cache-status")[0].starts_with("wardmote; hit"), "{}", head.text);
    visitor.text("hello").await;
    assert!(!parent.origin.is_called().await && !first.origin.is_called().await);
    assert_eq!((first.edge.figures().parent.answers, second.edge.figures().parent.answers), (1, 1));
}

#[tokio::test]
async fn where_the_parent_is_away_or_does_not_answer_for_the_site_the_origin_is_asked() {
    let nobody = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let away = nobody.local_addr().expect("an address");
    drop(nobody);
    let stranger = Stage::set_with(|_| {}, |_| {}).await;
    for (parent, refusals, failures) in [(away, 0, 1), (stranger.edge.http()[0], 1, 0)] {
        let child = Stage::set_with(|options| options.parent = at(parent), |_| {}).await;
        let mut visitor = child.visit().await;
        visitor.send(get("/x")).await;
        let mut origin = child.origin.accept().await;
        assert_eq!(origin.head().await.field("wardmote-tier"), "");
        origin.send(format!("{STORED}hello")).await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("hello").await;
        let figures = child.edge.figures().parent;
        assert_eq!((figures.refusals, figures.failures), (refusals, failures));
    }
}

#[tokio::test]
async fn a_circle_of_parents_ends_where_it_began() {
    let reserved = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let own = reserved.local_addr().expect("an address");
    drop(reserved);
    let circle = |options: &mut edge::Options| {
        has_children(options);
        options.http = vec![own];
        options.parent = at(own);
    };
    let stage = Stage::set_with(circle, |_| {}).await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{STORED}hello")).await;
    assert_eq!(visitor.head().await.status(), 200);
    visitor.text("hello").await;
}

async fn ask_as_child(stage: &Stage, tier: &str) -> Peer {
    let mut child = stage.visit().await;
    let fields = format!("CDN-Loop: wardmote;node=0000000000000001\r\nWardmote-Tier: {tier}\r\n");
    child.send(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")).await;
    child
}

#[tokio::test]
async fn a_child_is_believed_only_where_it_is_named_as_one() {
    let stage = Stage::set_with(has_children, |_| {}).await;
    let mut child = ask_as_child(&stage, "scheme=https, purged=0").await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!((asked.field("x-forwarded-proto"), asked.field("wardmote-tier")), ("https", ""));
    origin.send(format!("{STORED}hello")).await;
    assert_eq!(child.head().await.status(), 200);
    child.text("hello").await;
    // Stored for https alone.
    let mut visitor = stage.visit().await;
    visitor.send(get("/x")).await;
    assert_eq!(stage.origin.accept().await.head().await.field("x-forwarded-proto"), "http");
    // A proxy that may name visitors passes on what they write.
    let wary = Stage::set_with(
        |options| options.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")],
        |_| {},
    );
    let wary = wary.await;
    assert_eq!(ask_as_child(&wary, "scheme=https, purged=0").await.head().await.status(), 508);
    let made_up = "Wardmote-Tier: scheme=https, purged=0\r\n";
    let mut visitor = wary.visit().await;
    visitor.send(format!("GET /x HTTP/1.1\r\nHost: {HOST}\r\n{made_up}\r\n")).await;
    let asked = wary.origin.accept().await.head().await;
    assert_eq!((asked.field("x-forwarded-proto"), asked.field("wardmote-tier")), ("http", ""));
}

#[tokio::test]
async fn a_parent_that_lacks_a_purge_of_its_child_asks_the_origin_each_time() {
    let stage = Stage::set_with(has_children, |_| {}).await;
    for (tier, body) in [("scheme=http, purged=0", "first"), ("scheme=http, purged=9", "after")] {
        let mut child = ask_as_child(&stage, tier).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send(format!("{STORED}{body}")).await;
        assert_eq!(child.head().await.status(), 200);
        child.text(body).await;
    }
    let mut child = ask_as_child(&stage, "scheme=http, purged=0").await;
    child.head().await;
    child.text("first").await;
}
