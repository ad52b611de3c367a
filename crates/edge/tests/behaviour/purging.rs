//! Purges: what they take out, and what they do to what is under way.

use crate::support::{HOST, Stage, get};
use caching::PurgeTarget;
use testkit::Peer;

const FRESH: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: \"v1\"\r\nConnection: close\r\n";

async fn asking(stage: &Stage, path: &str) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(get(path)).await;
    visitor
}

/// Has the origin's answer stored.
async fn store(stage: &Stage, path: &str, fields: &str) {
    let mut visitor = asking(stage, path).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(format!("{FRESH}{fields}Content-Length: 3\r\n\r\nold")).await;
    visitor.head().await;
    visitor.text("old").await;
}

async fn is_hit(stage: &Stage, path: &str) -> bool {
    stage.ask(&get(path).replace("\r\n\r\n", "\r\nCache-Control: only-if-cached\r\n\r\n")).await.0.status()
        == 200
}

#[tokio::test]
async fn a_purge_takes_what_it_names_and_is_told_once_it_holds() {
    let mut stage = Stage::set().await;
    let host = || HOST.parse().expect("a host");
    for (target, gone) in [
        (
            PurgeTarget::Url { host: host(), port: None, path_and_query: "/a/1".to_owned() },
            ["/a/1"].as_slice(),
        ),
        (PurgeTarget::Tag("t2".to_owned()), &["/b/2"]),
        (PurgeTarget::Prefix { host: host(), path: "/a/".to_owned() }, &["/a/1", "/a/2"]),
        (PurgeTarget::Host(host()), &["/a/1", "/a/2", "/b/2"]),
        (PurgeTarget::Everything, &["/a/1", "/a/2", "/b/2"]),
    ] {
        for (path, fields) in [("/a/1", "Cache-Tag: t1\r\n"), ("/a/2", ""), ("/b/2", "Cache-Tag: t1, t2\r\n")]
        {
            if !is_hit(&stage, path).await {
                store(&stage, path, fields).await;
            }
        }
        stage.purge(target.clone(), false).await;
        for path in ["/a/1", "/a/2", "/b/2"] {
            assert_eq!(is_hit(&stage, path).await, !gone.contains(&path), "{target:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_port_in_the_address_does_not_hide_it_from_a_purge() {
    let mut stage = Stage::set().await;
    let on_port = |fields: &str| {
        get("/x").replace(&format!("Host: {HOST}\r\n"), &format!("Host: {HOST}:8443\r\n{fields}"))
    };
    let host = || HOST.parse().expect("a host");
    let url = |port| PurgeTarget::Url { host: host(), port, path_and_query: "/x".to_owned() };
    for (target, gone) in [
        (url(Some(8444)), false),
        (url(Some(8443)), true),
        (url(None), true),
        (PurgeTarget::Host(host()), true),
        (PurgeTarget::Prefix { host: host(), path: "/".to_owned() }, true),
    ] {
        let held = stage.ask(&on_port("Cache-Control: only-if-cached\r\n")).await.0.status() == 200;
        if !held {
            let mut visitor = stage.visit().await;
            visitor.send(on_port("")).await;
            let mut origin = stage.origin.accept().await;
            assert_eq!(origin.head().await.field("host"), "a.test:8443");
            origin.send(format!("{FRESH}Content-Length: 3\r\n\r\nold")).await;
            visitor.head().await;
            visitor.text("old").await;
        }
        stage.purge(target.clone(), false).await;
        let held = stage.ask(&on_port("Cache-Control: only-if-cached\r\n")).await.0.status() == 200;
        assert_eq!(held, !gone, "{target:?}");
    }
}

#[tokio::test]
async fn what_is_purged_softly_is_asked_about_once() {
    let mut stage = Stage::set().await;
    store(&stage, "/x", "").await;
    stage.purge(PurgeTarget::Everything, true).await;
    let mut visitors = [asking(&stage, "/x").await, asking(&stage, "/x").await];
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.field("if-none-match"), "\"v1\"");
    origin.send("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n").await;
    for visitor in &mut visitors {
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("old").await;
    }
    assert!(is_hit(&stage, "/x").await);
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_flight_from_before_a_purge_is_for_nobody_who_came_after_and_is_not_stored() {
    let mut stage = Stage::set().await;
    let mut early = asking(&stage, "/x").await;
    let mut before = stage.origin.accept().await;
    before.head().await;
    before.send(format!("{FRESH}Content-Length: 3\r\n\r\no")).await;
    early.head().await;
    stage.purge(PurgeTarget::Everything, false).await;
    let mut late = asking(&stage, "/x").await;
    let mut after = stage.origin.accept().await;
    after.head().await;
    before.send("ld").await;
    early.text("old").await;
    assert!(!is_hit(&stage, "/x").await);
    after.send(format!("{FRESH}Content-Length: 3\r\n\r\nnew")).await;
    late.head().await;
    late.text("new").await;
    assert_eq!(stage.ask(&get("/x")).await.1, b"new");
}
