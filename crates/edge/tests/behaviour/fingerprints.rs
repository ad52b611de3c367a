//! How a visitor's program greets, as rules, events and clearances see it.

use crate::support::{HOST, Stage, get};
use crate::{quic, tls};
use edge::EventFilter;
use http::Request;
use shield::rules::ChallengeKind;
use snapshot::{RuleAction, Service, ShieldRule, ShieldSettings, Site};
use std::time::Duration;
use testkit::Peer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn stage(rules: &[(&str, &str, RuleAction)]) -> Stage {
    let rules = rules.iter().map(|(name, when, action)| ShieldRule {
        name: (*name).to_owned(),
        when: (*when).to_owned(),
        action: action.clone(),
    });
    let settings = ShieldSettings { rules: rules.collect(), ..ShieldSettings::default() };
    let set = |site: &mut Site| {
        site.services = [Service::Shield].into();
        site.shield = settings;
    };
    Stage::set_with(|_| {}, set).await
}

/// The status that a request gets over TLS and HTTP/1.1, or over plain text; an origin that is asked says 200.
async fn status(stage: &Stage, over_tls: bool) -> u16 {
    let mut visitor = match over_tls {
        true => Peer::over(tls::connect(stage, HOST, "http/1.1").await.expect("a handshake")),
        false => stage.visit().await,
    };
    visitor.send(get("/")).await;
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
async fn rules_see_how_a_program_greets_over_tls_http2_and_http3() {
    let stage = stage(&[
        (
            "h2",
            "starts_with(tls.fingerprint, \"t13\") and ends_with(http2.fingerprint, \"m,s,a,p\")",
            RuleAction::Block,
        ),
        (
            "h3",
            "tls.fingerprint matches r\"^q13[di][0-9]{4}h3_[0-9a-f]{12}_[0-9a-f]{12}$\"",
            RuleAction::Block,
        ),
    ])
    .await;
    let mut sender = tls::h2(&stage).await;
    let request = Request::get(format!("https://{HOST}/")).body(()).expect("a request");
    let (answer, _) = sender.send_request(request, true).expect("open");
    assert_eq!(answer.await.expect("an answer").status(), 403);
    let (mut sender, _connection) = quic::visit(&stage).await;
    assert_eq!(quic::get(&mut sender, "/").await.0.status(), 403);
    let events = stage.edge.insight().shield_events(&EventFilter::default());
    let seen: Vec<_> = events.iter().filter_map(|event| event.client.as_ref()?.tls.clone()).collect();
    assert!(seen.len() == 2 && seen[0].starts_with("q13d") && seen[1].starts_with("t13d"), "{seen:?}");
    // HTTP/1.1 has no such opening, and plain text no hello.
    assert_eq!(status(&stage, true).await, 200);
    assert_eq!(status(&stage, false).await, 200);
}

#[tokio::test]
async fn the_same_program_has_the_same_fingerprint_on_each_connection() {
    let challenge = RuleAction::Challenge(ChallengeKind::Wait);
    let stage = stage(&[("all", "ssl", challenge)]).await;
    for _ in 0..3 {
        status(&stage, true).await;
    }
    let events = stage.edge.insight().shield_events(&EventFilter::default());
    let seen: Vec<_> = events.iter().filter_map(|event| event.client.as_ref()?.tls.clone()).collect();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|own| *own == seen[0] && own.len() == 36), "{seen:?}");
}

#[tokio::test]
async fn who_stops_in_the_midst_of_a_hello_keeps_nobody_from_a_handshake() {
    let stage = stage(&[]).await;
    let mut stopped = Vec::new();
    // As many as may shake hands at once.
    for _ in 0..256 {
        let mut stream = TcpStream::connect(stage.edge.https()[0]).await.expect("a connection");
        stream.write_all(&[0x16, 3, 1, 2, 0, 1]).await.expect("sent");
        stopped.push(stream);
    }
    let shaking = tls::connect(&stage, HOST, "http/1.1");
    let shaken = tokio::time::timeout(Duration::from_secs(3), shaking).await;
    assert!(shaken.is_ok_and(|shaken| shaken.is_ok()), "it waits for those that stopped");
}
