//! The ways into a site, as its owner has set them: HTTPS, HSTS, maintenance, bypass, traces.

use crate::support::{HOST, Stage, get};
use crate::tls::connect;
use snapshot::{Hsts, Maintenance};
use std::time::Duration;
use testkit::{Head, Peer};

const HSTS: Hsts = Hsts { max_age_seconds: 31_536_000, include_subdomains: true, preload: false };

fn maintenance(allow: &[&str]) -> Maintenance {
    let allow = allow.iter().map(|network| network.parse().expect("a network")).collect();
    Maintenance { retry_after_seconds: 120, allow }
}

fn all<'a>(head: &'a Head, name: &str) -> Vec<&'a str> {
    head.all(name)
}

#[tokio::test]
async fn who_comes_without_tls_is_sent_to_it_with_the_method_kept() {
    let stage = Stage::set_with(|_| {}, |site| site.front.redirect_https = true).await;
    let port = stage.edge.https()[0].port();
    for (method, status) in [("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308)] {
        let request = format!("{method} /a?b=c HTTP/1.1\r\nHost: {HOST}:8080\r\nContent-Length: 0\r\n\r\n");
        let (head, _) = stage.ask(&request).await;
        assert_eq!(head.status(), status, "{method}");
        assert_eq!(all(&head, "location"), [format!("https://{HOST}:{port}/a?b=c")], "{method}");
        assert_eq!(all(&head, "cache-control"), ["no-store"]);
    }
    assert_eq!(stage.edge.figures().origin_connects, 0);
    // A certificate's authority is let through to the origin.
    let mut visitor = stage.visit().await;
    visitor.send(get("/.well-known/acme-challenge/token")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn transport_security_is_said_over_tls_alone_and_once() {
    let stage = Stage::set_with(|_| {}, |site| site.front.hsts = Some(HSTS)).await;
    let expected = "max-age=31536000; includeSubDomains";
    for (path, own, said) in [
        ("/plain", "", vec![expected]),
        ("/own", "Strict-Transport-Security: max-age=5\r\n", vec!["max-age=5"]),
    ] {
        // Straight from the origin, then from the cache.
        for from_cache in [false, true] {
            let mut visitor = Peer::over(connect(&stage, HOST, "http/1.1").await.expect("a handshake"));
            visitor.send(get(path)).await;
            if !from_cache {
                let mut origin = stage.origin.accept().await;
                origin.head().await;
                let head = format!("HTTP/1.1 200 OK\r\n{own}Cache-Control: max-age=60\r\n");
                origin.send(format!("{head}Content-Length: 2\r\nConnection: close\r\n\r\nok")).await;
            }
            let head = visitor.head().await;
            assert_eq!(all(&head, "strict-transport-security"), said, "{path} {from_cache}");
            visitor.text("ok").await;
        }
    }
    // HTTP/2 writes its fields by itself.
    let stream = connect(&stage, HOST, "h2").await.expect("a handshake");
    let (mut sender, connection) = h2::client::handshake(stream).await.expect("a greeting");
    tokio::spawn(connection);
    for (path, value) in [("/plain", expected), ("/own", "max-age=5")] {
        let request = http::Request::get(format!("https://{HOST}{path}")).body(()).expect("a request");
        let (answer, _) = sender.send_request(request, true).expect("sent");
        let head = answer.await.expect("an answer");
        let values: Vec<_> = head.headers().get_all("strict-transport-security").iter().collect();
        assert_eq!(values, [value], "{path}");
    }
    // Not over plain HTTP, and not on a site that did not ask for it.
    let mut visitor = stage.visit().await;
    visitor.send(get("/plain")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok").await;
    assert!(all(&visitor.head().await, "strict-transport-security").is_empty());
}

#[tokio::test]
async fn a_site_under_maintenance_answers_503_to_all_but_those_its_owner_lets_in() {
    let mut stage = Stage::set_with(
        |_| {},
        |site| {
            site.front.maintenance = Some(maintenance(&["192.0.2.0/24"]));
            site.error_page = Some("<h1>Back soon</h1>{ray} {reason}".to_owned());
        },
    )
    .await;
    let (head, body) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 503);
    assert_eq!((all(&head, "retry-after"), all(&head, "cache-control")), (vec!["120"], vec!["no-store"]));
    let body = String::from_utf8(body).expect("text");
    assert!(body.starts_with("<h1>Back soon</h1>") && body.ends_with(" maintenance"), "{body}");
    stage.sites[0].error_page = None;
    stage.publish().await;
    let (_, body) = stage.ask(&get("/")).await;
    let body = String::from_utf8(body).expect("text");
    assert!(body.contains("Closed by the site’s owner"), "{body}");
    assert_eq!(stage.edge.figures().origin_connects, 0);

    stage.sites[0].front.maintenance = Some(maintenance(&["127.0.0.1"]));
    stage.publish().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn a_measure_in_force_comes_before_whatever_the_owner_has_set() {
    let mut stage = Stage::set_with(
        |_| {},
        |site| {
            site.front.redirect_https = true;
            site.front.maintenance = Some(maintenance(&[]));
            site.front.bypass = true;
        },
    )
    .await;
    stage.block(0, Duration::from_secs(3600)).await;
    let (head, _) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 403);
    assert_eq!(all(&head, "wardmote-decision").len(), 1);
}

#[tokio::test]
async fn a_bypassed_site_is_neither_answered_from_the_cache_nor_stored() {
    let mut stage = Stage::set().await;
    let answer =
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
    for (bypass, body, asked) in
        [(false, "ol", true), (true, "ne", true), (true, "ne", true), (false, "ol", false)]
    {
        stage.sites[0].front.bypass = bypass;
        stage.publish().await;
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        if asked {
            let mut origin = stage.origin.accept().await;
            origin.head().await;
            origin.send([answer, body].concat()).await;
        }
        visitor.head().await;
        visitor.text(body).await;
    }
}

#[tokio::test]
async fn a_trace_goes_on_through_the_edge_where_its_owner_wants_that() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut stage = Stage::set().await;
    for joins in [false, true] {
        stage.sites[0].front.trace = joins;
        stage.publish().await;
        // Once for the cache and once straight to the origin.
        for method in ["GET", "POST"] {
            let sent = format!("00-{trace}-1111111111111111-01");
            let mut visitor = stage.visit().await;
            let lines =
                format!("Host: {HOST}\r\nTraceparent: {sent}\r\nTracestate: a=1, b=2\r\nContent-Length: 0");
            visitor.send(format!("{method} /{joins} HTTP/1.1\r\n{lines}\r\n\r\n")).await;
            let mut origin = stage.origin.accept().await;
            let heard = origin.head().await;
            origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            let answered = visitor.head().await;
            let ray = all(&answered, "wardmote-ray")[0].to_owned();
            let (parent, state) = match joins {
                false => (sent, "a=1, b=2"),
                true => (format!("00-{trace}-{ray}-01"), "a=1,b=2"),
            };
            assert_eq!(all(&heard, "traceparent"), [parent], "{method} {joins}");
            assert_eq!(all(&heard, "tracestate"), [state], "{method} {joins}");
        }
    }
}
