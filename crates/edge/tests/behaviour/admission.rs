//! The places of an origin: who gets one, who waits, who is refused.

use crate::support::{HOST, Stage, get};
use edge::{EventFilter, OriginFigures};
use shield::admission::{PLACES_FIRST, SENDING_MAX};
use snapshot::{Profile, Service, Site};
use std::time::Duration;
use testkit::Peer;
use tokio::net::TcpSocket;
use tokio::time::Instant;

async fn stage(set: impl FnOnce(&mut Site)) -> Stage {
    let site = |site: &mut Site| {
        site.services = [Service::Shield].into();
        set(site);
    };
    Stage::set_with(|_| {}, site).await
}

/// A connection from another network of this machine.
async fn from_elsewhere(stage: &Stage) -> Peer {
    from(stage, [127, 9, 9, 9]).await
}

async fn from(stage: &Stage, address: [u8; 4]) -> Peer {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((address, 0).into()).expect("an address of this machine");
    Peer::over(socket.connect(stage.edge.http()[0]).await.expect("a connection"))
}

fn origin(stage: &Stage) -> OriginFigures {
    let origins = stage.edge.figures().origins;
    origins.into_iter().find(|one| one.site == stage.sites[0].id).expect("the site's origin")
}

async fn until(stage: &Stage, what: &str, holds: impl Fn(&OriginFigures) -> bool) {
    for _ in 0..1000 {
        if holds(&origin(stage)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never came: {what}; {:?}", origin(stage));
}

/// Has the edge learn that the origin answers at once.
async fn acquaint(stage: &Stage) {
    let mut visitor = stage.visit().await;
    visitor.send(get("/known")).await;
    let mut origin = stage.origin.accept().await;
    for turn in 0..20 {
        origin.head().await;
        answer(&mut origin).await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("ok").await;
        if turn == 18 {
            // A window of answers is a tenth of a second.
            tokio::time::sleep(Duration::from_millis(110)).await;
        }
        if turn < 19 {
            visitor.send(get("/known")).await;
        }
    }
    origin.end().await;
}

/// Visitors of one network, as many as the origin gets at first, whom it does not answer.
async fn crowd(stage: &Stage) -> (Vec<Peer>, Vec<Peer>) {
    acquaint(stage).await;
    let (mut visitors, mut held) = (Vec::new(), Vec::new());
    for number in 0..PLACES_FIRST {
        let mut visitor = stage.visit().await;
        visitor.send(get(&format!("/{number}"))).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        visitors.push(visitor);
        held.push(origin);
    }
    (visitors, held)
}

async fn answer(origin: &mut Peer) {
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok").await;
}

#[tokio::test]
async fn a_visitor_from_elsewhere_goes_before_a_crowd_that_came_earlier() {
    let stage = stage(|_| {}).await;
    let (mut visitors, mut held) = crowd(&stage).await;
    for number in 0..5 {
        let mut visitor = stage.visit().await;
        visitor.send(get(&format!("/crowd/{number}"))).await;
        visitors.push(visitor);
    }
    until(&stage, "five wait", |one| one.waiting == 5).await;
    let mut stranger = from_elsewhere(&stage).await;
    stranger.send(get("/stranger")).await;
    until(&stage, "six wait", |one| one.waiting == 6 && one.busy == PLACES_FIRST).await;
    let mut seen = Vec::new();
    for origin in held.iter_mut().take(2) {
        answer(origin).await;
        let next = origin.head().await;
        seen.push(next.line().to_owned());
    }
    assert!(seen.iter().any(|line| line.contains("/stranger")), "{seen:?}");
    // Who leaves the queue leaves no trace in it.
    drop(visitors);
    until(&stage, "the crowd has left", |one| one.waiting == 0).await;
}

#[tokio::test]
async fn a_network_that_was_here_in_quiet_times_goes_before_strangers() {
    let stage = stage(|_| {}).await;
    let mut visitor = from(&stage, [127, 200, 1, 1]).await;
    visitor.send(get("/quiet")).await;
    let mut quiet = stage.origin.accept().await;
    quiet.head().await;
    answer(&mut quiet).await;
    assert_eq!(visitor.head().await.status(), 200);
    quiet.end().await;
    let (_visitors, mut held) = crowd(&stage).await;
    let mut strangers = Vec::new();
    for number in 0..10 {
        let mut stranger = from(&stage, [127, 9, number, 1]).await;
        stranger.send(get(&format!("/stranger/{number}"))).await;
        strangers.push(stranger);
    }
    until(&stage, "ten wait", |one| one.waiting == 10).await;
    // Its turn by the order of networks would be the last.
    let mut again = from(&stage, [127, 200, 1, 1]).await;
    again.send(get("/again")).await;
    until(&stage, "eleven wait", |one| one.waiting == 11 && one.busy == PLACES_FIRST).await;
    let mut seen = Vec::new();
    for origin in held.iter_mut().take(2) {
        answer(origin).await;
        seen.push(origin.head().await.line().to_owned());
    }
    assert!(seen.iter().any(|line| line.contains("/again")), "{seen:?}");
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_come_again_and_the_owner_is_told_why() {
    let stage = stage(|_| {}).await;
    let (_visitors, _held) = crowd(&stage).await;
    let begun = Instant::now();
    let mut late = stage.visit().await;
    late.send(get("/late")).await;
    let head = late.head().await;
    assert_eq!((head.status(), head.field("retry-after")), (503, "5"));
    // It holds no connection until it comes again; nothing here has ended it.
    assert_eq!(head.field("connection"), "close");
    let body = late.rest().await;
    assert!(String::from_utf8(body).expect("text").contains("origin-overloaded"));
    assert!((2..10).contains(&begun.elapsed().as_secs()));
    assert_eq!(origin(&stage).overloaded, 1);
    let events = stage.edge.insight().shield_events(&EventFilter::default());
    let event = events.iter().find(|event| event.reason == "origin-overloaded").expect("an event");
    assert_eq!(event.request.as_ref().map(|request| request.target.as_str()), Some("/late"));
}

#[tokio::test]
async fn a_shield_that_only_looks_on_holds_nobody_back() {
    for profile in [Profile::Monitor, Profile::Off] {
        let stage = stage(|site| site.shield.profile = profile).await;
        let (_visitors, _held) = crowd(&stage).await;
        let mut visitor = stage.visit().await;
        visitor.send(get("/one-more")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        answer(&mut origin).await;
        assert_eq!(visitor.head().await.status(), 200);
    }
}

/// A visitor that sends half of a form.
async fn half_sent(stage: &Stage) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(format!("POST /form HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\na=b")).await;
    visitor
}

#[tokio::test]
async fn where_many_send_slowly_more_of_them_take_no_place_and_no_connection_of_the_origin() {
    let stage = stage(|_| {}).await;
    let (mut slow, mut held) = (Vec::new(), Vec::new());
    for _ in 0..SENDING_MAX / 8 {
        slow.push(half_sent(&stage).await);
        let mut origin = stage.origin.accept().await;
        assert!(origin.head().await.line().starts_with("POST /form"));
        held.push(origin);
    }
    assert_eq!(origin(&stage).busy, 0, "who sends leaves its place");
    let mut late = half_sent(&stage).await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    assert!(origin.head().await.line().starts_with("GET /"));
    answer(&mut origin).await;
    assert_eq!(visitor.head().await.status(), 200);
    assert!(!stage.origin.is_called().await);
    late.send("&c").await;
    let asked = origin.head().await;
    assert!(asked.line().starts_with("POST /form"));
    origin.text("a=b&c").await;
}

#[tokio::test]
async fn with_connections_short_and_one_origin_full_the_edge_serves_strangers() {
    let site = |site: &mut Site| site.services = [Service::Shield].into();
    let stage = Stage::set_with(|options| options.connections = Some(256), site).await;
    let (mut visitors, _held) = crowd(&stage).await;
    for number in 0..100 {
        let mut visitor = stage.visit().await;
        visitor.send(get(&format!("/crowd/{number}"))).await;
        visitors.push(visitor);
    }
    // All of them before the edge's worker has its next turn.
    let address = stage.edge.http()[0];
    let idle = tokio::task::spawn_blocking(move || {
        (0..300).map(|_| std::net::TcpStream::connect(address).expect("a connection")).collect::<Vec<_>>()
    });
    let idle = idle.await.expect("connections");
    until(&stage, "the crowd waits", |one| one.waiting == 100).await;
    let come = (visitors.len() + idle.len()) as u64;
    for _ in 0..1000 {
        let figures = stage.edge.figures();
        assert_eq!(figures.connections_refused, 0, "who comes waits for those who leave");
        if figures.connections >= come && figures.open_connections < 288 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let figures = stage.edge.figures();
    assert!(figures.connections >= come && figures.open_connections < 288);
    let mut stranger = from_elsewhere(&stage).await;
    stranger.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    answer(&mut origin).await;
    assert_eq!(stranger.head().await.status(), 200);
}
