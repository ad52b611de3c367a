//! Starting, watching and stopping an edge.

use crate::support::{HOST, Stage, get};
use crate::{quic, tls};
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Peer;

#[tokio::test]
async fn every_exchange_leaves_a_line_and_its_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let stage = Stage::set_with(|options| options.access_log = Some(path.clone()), |_| {}).await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/x?y=|z")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello").await;
    visitor.head().await;
    visitor.text("hello").await;
    visitor.send([get("/x?y=|z"), "BAD\r\n\r\n".to_owned()].concat()).await;
    visitor.rest().await;
    let figures = stage.edge.figures();
    assert_eq!((figures.requests, figures.hits, figures.blocked), (3, 1, 0));
    assert_eq!(figures.classes, [0, 0, 2, 0, 1, 0]);
    assert_eq!((figures.revision, figures.measures, figures.origin_connects), (Some(1), 0, 1));
    let site = figures.sites.iter().find(|site| site.site == stage.sites[0].id).expect("the site");
    assert_eq!((site.requests, site.hits, site.sent_bytes), (2, 1, 10));
    stage.stop();
    let mut lines = Vec::new();
    for _ in 0..100 {
        let text = std::fs::read_to_string(&path).expect("the log");
        lines =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")).collect();
        if lines.len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reasons: Vec<_> = lines.iter().map(|line| line["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons, ["passed", "hit", "request-line-malformed"]);
    assert_eq!((lines[0]["target"].as_str(), lines[0]["bytes"].as_u64()), (Some("/x?y=|z"), Some(5)));
    assert_eq!((lines[0]["status"].as_u64(), lines[0]["client"].as_str()), (Some(200), Some("127.0.0.1")));
    assert!(lines[2]["host"].is_null());
}

#[tokio::test]
async fn an_operator_may_ask_for_metrics_and_readiness() {
    let stage =
        Stage::set_with(|options| options.admin = Some(SocketAddr::from(([127, 0, 0, 1], 0))), |_| {}).await;
    stage.ask(&get("/").replace("a.test", "c.test")).await;
    let mut operator = Peer::connect(stage.edge.admin().expect("an admin listener")).await;
    for (path, status, part) in [
        ("/metrics", 200, "wardmote_reasons_total{reason=\"unknown-host\",outcome=\"refused\"} 1"),
        ("/healthz", 200, "alive"),
        ("/readyz", 200, "ready"),
        ("/", 404, "/metrics"),
    ] {
        operator.send(get(path)).await;
        let head = operator.head().await;
        assert_eq!(head.status(), status, "{path}");
        let body = String::from_utf8(operator.bytes(head.length()).await).expect("text");
        assert!(body.contains(part), "{path} gave {body}");
    }
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_begins_nothing_more() {
    let stage = Stage::set().await;
    let address = stage.edge.http()[0];
    let (mut idle, mut busy) = (stage.visit().await, stage.visit().await);
    idle.send(get("/").replace("a.test", "c.test")).await;
    let head = idle.head().await;
    idle.bytes(head.length()).await;
    busy.send(get("/slow")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    stage.stop();
    // Until nobody is let in any more.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    idle.send(get("/").replace("a.test", "c.test")).await;
    let head = idle.head().await;
    assert_eq!(head.field("connection"), "close");
    idle.bytes(head.length()).await;
    idle.closed().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(busy.head().await.status(), 200);
    busy.text("ok").await;
    busy.closed().await;
    assert_eq!(stage.edge.figures().connections_cut, 0);
}

#[tokio::test]
async fn what_is_still_open_at_the_deadline_is_cut_and_counted() {
    let stage = Stage::set_with(|options| options.drain = Duration::from_millis(300), |_| {}).await;
    let (mut idle, mut tunnel) = (stage.visit().await, stage.visit().await);
    idle.send(get("/").replace("a.test", "c.test")).await;
    let head = idle.head().await;
    idle.bytes(head.length()).await;
    tunnel
        .send(get("/ws").replace("\r\n\r\n", "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"))
        .await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(tunnel.head().await.status(), 101);
    assert_eq!(stage.edge.figures().open_tunnels, 1);
    stage.stop();
    idle.closed().await;
    tunnel.closed().await;
    let figures = stage.edge.figures();
    assert_eq!((figures.connections_cut, figures.tunnels_cut, figures.open_tunnels), (2, 1, 0));
}

#[tokio::test]
async fn a_port_in_use_is_said_before_anything_runs() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = taken.local_addr().expect("its address");
    let other = Stage::try_set(|options| options.http = vec![address]).await;
    let message = other.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(message.contains(&address.to_string()) && message.contains("another program"), "{message}");
}

#[tokio::test]
async fn a_sites_figures_tell_hits_misses_by_reason_and_the_addresses_behind_them() {
    let stage = Stage::set().await;
    for (path, fields) in [
        ("/stored", "Cache-Control: max-age=60\r\n"),
        ("/private", "Cache-Control: private\r\n"),
        ("/private", "Cache-Control: private\r\n"),
    ] {
        let mut visitor = stage.visit().await;
        visitor.send(get(path)).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 4\r\nConnection: close\r\n\r\nbody");
        origin.send(answer).await;
        visitor.head().await;
        visitor.text("body").await;
    }
    stage.ask(&get("/stored")).await;
    let figures = stage.edge.figures();
    let site = figures.sites.iter().find(|site| site.site == stage.sites[0].id).expect("the site");
    assert_eq!((site.requests, site.hits, site.stale, site.misses()), (4, 1, 0, 3));
    assert_eq!(site.reasons, [(caching::Reason::Absent, 1), (caching::Reason::Private, 2)]);
    assert_eq!((site.memory_bytes, site.disk_bytes, site.origin_bytes), (4, 0, 12));
    let top = &site.top_misses[0];
    assert_eq!((top.target.as_str(), top.reason, top.count), ("a.test/private", caching::Reason::Private, 2));
    assert_eq!((figures.fills.count(), site.hit_ratio()), (1, Some(250)));
    let metrics = stage.edge.prometheus();
    for line in ["wardmote_fill_seconds_count 1", "wardmote_codings_made_total 0"] {
        assert!(metrics.lines().any(|written| written == line), "{line}\n{metrics}");
    }
}

/// A stage with room for two connections.
async fn small() -> Stage {
    Stage::set_with(|options| options.connections = Some(2), |_| {}).await
}

#[tokio::test]
async fn where_room_runs_short_the_visitor_that_is_idle_for_longest_leaves_and_the_newcomer_is_served() {
    let stage = small().await;
    let mut oldest = stage.visit().await;
    let mut busy = stage.visit().await;
    busy.send(get("/slow")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let mut newcomer = stage.visit().await;
    newcomer.send(get("/").replace("a.test", "c.test")).await;
    assert_eq!(newcomer.head().await.status(), 421, "it is served");
    oldest.closed().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(busy.head().await.status(), 200);
    busy.text("hi").await;
    assert_eq!(stage.edge.figures().connections_refused, 0);
}

#[tokio::test]
async fn idle_visitors_of_http_2_and_http_3_leave_in_order_where_room_runs_short() {
    let stage = small().await;
    let stream = tls::connect(&stage, HOST, "h2").await.expect("a handshake");
    let (mut sender, connection) = h2::client::handshake(stream).await.expect("a greeting");
    let ended = tokio::spawn(connection);
    let early = http::Request::get("https://c.test/").body(()).expect("a request");
    sender.send_request(early, true).expect("sent").0.await.expect("an answer");
    let mut crowd = Vec::new();
    for path in ["/1", "/2"] {
        let mut visitor = stage.visit().await;
        visitor.send(get(path)).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        crowd.push((visitor, origin));
    }
    let ended = quic::patient(ended).await.expect("no panic");
    assert!(ended.is_ok(), "GOAWAY without an error: {ended:?}");

    let (_first, oldest) = quic::visit(&stage).await;
    let (_second, _kept) = quic::visit(&stage).await;
    let (mut newcomer, _connection) = quic::visit(&stage).await;
    newcomer.send_request(quic::request("GET", "/")).await.expect("let in");
    match quic::patient(oldest.closed()).await {
        quinn::ConnectionError::ApplicationClosed(close) => assert_eq!(close.error_code.into_inner(), 0x100),
        other => panic!("{other:?}"),
    }
}
