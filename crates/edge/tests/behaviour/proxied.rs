//! The PROXY protocol on listeners that speak it, and nowhere else.

use crate::support::{HOST, Stage, get};
use crate::tls::client_config;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use testkit::Peer;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// An edge whose listeners speak PROXY with 127.0.0.1.
async fn stage() -> Stage {
    let settings = |options: &mut edge::Options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
        options.proxy_protocol = options.http.clone();
    };
    Stage::set_with(settings, |_| {}).await
}

const LINE: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n";
const BLOCK: [u8; 28] = *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x01\xbb";
const LOCAL: [u8; 16] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Asks through an origin that answers, and says who it was told the visitor is.
async fn visitor_seen(stage: &Stage, mut visitor: Peer) -> String {
    visitor.send(get("/who")).await;
    let mut origin = stage.origin.accept().await;
    let seen = origin.head().await.field("x-forwarded-for").to_owned();
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
    assert_eq!(visitor.head().await.status(), 200);
    visitor.text("hi").await;
    seen
}

/// A connection from another address of the loopback network.
async fn from_elsewhere(to: SocketAddr) -> Peer {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.2:0".parse().expect("an address")).expect("an address of this machine");
    Peer::over(socket.connect(to).await.expect("a connection"))
}

#[tokio::test]
async fn a_trusted_proxy_names_the_visitor_however_its_header_arrives() {
    let stage = stage().await;
    for (header, seen) in [
        (LINE.as_bytes(), "192.0.2.7"),
        (&BLOCK, "192.0.2.7"),
        (&LOCAL, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        for pieces in [header.len(), 5, 1] {
            let mut visitor = stage.visit().await;
            for piece in header.chunks(pieces) {
                visitor.send(piece).await;
                tokio::task::yield_now().await;
            }
            assert_eq!(visitor_seen(&stage, visitor).await, seen, "{}", header.escape_ascii());
        }
    }
}

#[tokio::test]
async fn who_is_passed_on_without_a_name_cannot_make_one_up() {
    let also_children = |options: &mut edge::Options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
        options.children = options.trusted_proxies.clone();
        options.proxy_protocol = options.http.clone();
    };
    let stage = Stage::set_with(also_children, |_| {}).await;
    let word = "X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\nForwarded: for=192.0.2.66\r\n\
                X-Forwarded-Host: other.test\r\nWardmote-Tier: scheme=https, purged=0\r\n";
    for header in [&LOCAL[..], b"PROXY UNKNOWN\r\n"] {
        let mut visitor = stage.visit().await;
        let request = format!("GET /who HTTP/1.1\r\nHost: {HOST}\r\n{word}\r\n");
        visitor.send([header, request.as_bytes()].concat()).await;
        let mut origin = stage.origin.accept().await;
        let seen = origin.head().await;
        assert_eq!((seen.field("x-forwarded-for"), seen.field("x-forwarded-proto")), ("127.0.0.1", "http"));
        assert_eq!(seen.field("x-forwarded-host"), HOST);
        assert!(!seen.field("forwarded").contains("192.0.2.66"), "{}", seen.text);
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("hi").await;
    }
}

#[tokio::test]
async fn the_header_comes_before_the_handshake() {
    let stage = stage().await;
    let mut stream = TcpStream::connect(stage.edge.https()[0]).await.expect("a connection");
    stream.write_all(&BLOCK).await.expect("sent");
    let connector = TlsConnector::from(client_config(&stage, "http/1.1"));
    let name = ServerName::try_from(HOST).expect("a name");
    let visitor = Peer::over(connector.connect(name, stream).await.expect("a handshake"));
    assert_eq!(visitor_seen(&stage, visitor).await, "192.0.2.7");
}

#[tokio::test]
async fn a_trusted_proxy_that_says_nothing_is_not_read_as_a_visitor() {
    let stage = stage().await;
    let requests = [get("/"), LINE.replace("TCP4", "UDP4") + &get("/"), LINE.replace('\r', "") + &get("/")];
    for request in &requests {
        let mut visitor = stage.visit().await;
        visitor.send(request).await;
        assert_eq!(visitor.rest().await, b"", "{request}");
    }
    let mut truncated = stage.visit().await;
    truncated.send(&BLOCK[..20]).await;
    truncated.end().await;
    assert_eq!(truncated.rest().await, b"");
    let figures = stage.edge.figures();
    assert_eq!((figures.proxy_headers_refused, figures.requests), (requests.len() as u64 + 1, 0));
}

#[tokio::test]
async fn others_are_visitors_whose_word_is_no_header() {
    let stage = stage().await;
    let direct = from_elsewhere(stage.edge.http()[0]).await;
    assert_eq!(visitor_seen(&stage, direct).await, "127.0.0.2");
    for header in [LINE.as_bytes(), &BLOCK, &LOCAL] {
        let mut liar = from_elsewhere(stage.edge.http()[0]).await;
        liar.send([header, get("/").as_bytes()].concat()).await;
        assert_eq!(liar.head().await.status(), 400);
        liar.rest().await;
    }
    assert_eq!(stage.edge.figures().proxy_headers_refused, 0);
}

#[tokio::test]
async fn where_it_is_not_spoken_even_a_trusted_proxys_header_is_no_request() {
    let trusting = |options: &mut edge::Options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    };
    let stage = Stage::set_with(trusting, |_| {}).await;
    let mut proxy = stage.visit().await;
    proxy.send([LINE, &get("/")].concat()).await;
    assert_eq!(proxy.head().await.status(), 400);
}

#[tokio::test]
async fn a_listener_on_ipv6_knows_its_visitors_and_the_ones_it_is_told_of() {
    let settings = |options: &mut edge::Options| {
        options.http = vec!["[::1]:0".parse().expect("an address")];
        options.trusted_proxies = vec!["::1".parse().expect("a network")];
        options.proxy_protocol = options.http.clone();
    };
    let stage = match Stage::try_set(settings).await {
        Ok(stage) => stage,
        Err(error) => return println!("skipped: no IPv6 here: {error}"),
    };
    for (address, seen) in [("2001:db8::7", "2001:db8::7"), ("::ffff:192.0.2.7", "192.0.2.7")] {
        let mut visitor = stage.visit().await;
        visitor.send(format!("PROXY TCP6 {address} ::1 1 2\r\n")).await;
        assert_eq!(visitor_seen(&stage, visitor).await, seen);
    }
    let local = stage.visit().await;
    let mut local = local;
    local.send(LOCAL).await;
    assert_eq!(visitor_seen(&stage, local).await, "::1");
}
