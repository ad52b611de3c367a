//! The same exchanges over TLS, as HTTP/1.1 and as HTTP/2.

use crate::support::{HOST, Stage, get};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use testkit::Peer;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub fn client_config(stage: &Stage, protocol: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(stage.authority.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

pub async fn connect(stage: &Stage, name: &str, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client_config(stage, protocol);
    let stream = TcpStream::connect(stage.edge.https()[0]).await?;
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(config).connect(name, stream).await
}

pub async fn h2(stage: &Stage) -> SendRequest<Bytes> {
    let stream = connect(stage, HOST, "h2").await.expect("a handshake");
    let (sender, connection) = h2::client::handshake(stream).await.expect("a greeting");
    tokio::spawn(connection);
    sender.ready().await.expect("a connection")
}

fn request(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("https://{HOST}{path}")).body(()).expect("a request")
}

pub async fn read(response: Response<h2::RecvStream>) -> (Response<()>, Vec<u8>, Option<HeaderMap>) {
    let (head, mut body) = response.into_parts();
    let mut content = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("content");
        body.flow_control().release_capacity(piece.len()).expect("capacity");
        content.extend_from_slice(&piece);
    }
    let trailers = body.trailers().await.expect("trailers");
    (Response::from_parts(head, ()), content, trailers)
}

#[tokio::test]
async fn http_1_1_over_tls_serves_as_https() {
    let stage = Stage::set().await;
    let mut visitor = Peer::over(connect(&stage, HOST, "http/1.1").await.expect("a handshake"));
    for path in ["/1", "/2"] {
        visitor.send(get(path)).await;
        let mut origin = stage.origin.accept().await;
        assert_eq!(origin.head().await.field("x-forwarded-proto"), "https");
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
        assert_eq!(visitor.head().await.status(), 200);
        visitor.text("hi").await;
    }
}

#[tokio::test]
async fn a_name_without_a_certificate_ends_the_handshake_with_unrecognized_name() {
    let stage = Stage::set().await;
    let failure = connect(&stage, "c.test", "h2").await.expect_err("no certificate");
    assert!(format!("{failure:?}").contains("UnrecognisedName"), "{failure:?}");
}

#[tokio::test]
async fn http_2_carries_content_interims_and_trailers_both_ways() {
    let stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let (answer, mut content) = sender.send_request(request("POST", "/p?q"), false).expect("sent");
    content.send_data(Bytes::from_static(b"hello"), false).expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!(asked.line(), "POST /p?q HTTP/1.1");
    assert_eq!((asked.field("host"), asked.field("transfer-encoding")), (HOST, "chunked"));
    origin.text("5\r\nhello\r\n").await;
    content.send_data(Bytes::from_static(b"!"), true).expect("sent");
    origin.text("1\r\n!\r\n0\r\n\r\n").await;
    origin
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: 1\r\n\r\n")
        .await;
    let (head, body, trailers) = read(answer.await.expect("an answer")).await;
    assert_eq!((head.status().as_u16(), body.as_slice()), (200, b"hi".as_slice()));
    assert_eq!(head.headers()["via"], "2 wardmote");
    assert!(!head.headers().contains_key("transfer-encoding"));
    assert_eq!(trailers.expect("trailers")["x-end"], "1");
}

#[tokio::test]
async fn hints_of_an_origin_come_over_http_2_before_its_answer() {
    let stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let (mut answer, _) = sender.send_request(request("GET", "/"), true).expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n";
    origin.send(hint.repeat(2)).await;
    for _ in 0..2 {
        let hints =
            poll_fn(|cx| answer.poll_informational(cx)).await.expect("an interim answer").expect("one");
        assert_eq!(
            (hints.status().as_u16(), hints.headers()["link"].as_bytes()),
            (103, &b"</s.css>; rel=preload"[..])
        );
    }
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    let (head, body, _) = read(answer.await.expect("an answer")).await;
    assert_eq!((head.status().as_u16(), body.as_slice()), (200, b"hi".as_slice()));
    assert!(!head.headers().contains_key("link"), "hints are not the answer's fields");
}

#[tokio::test]
async fn who_expects_100_over_http_2_gets_it_from_the_edge() {
    let stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let mut expecting = request("POST", "/");
    for (name, value) in [("expect", "100-continue"), ("content-length", "3")] {
        expecting.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let (mut answer, mut content) = sender.send_request(expecting, false).expect("sent");
    let interim = poll_fn(|cx| answer.poll_informational(cx)).await.expect("an interim answer").expect("one");
    assert_eq!(interim.status().as_u16(), 100);
    content.send_data(Bytes::from_static(b"abc"), true).expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!((asked.field("expect"), asked.field("content-length")), ("", "3"));
    origin.text("abc").await;
    // An origin that says it too is not passed on: the visitor has heard it.
    origin.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
    let again = poll_fn(|cx| answer.poll_informational(cx)).await;
    assert!(again.is_none(), "{again:?}");
    assert_eq!(answer.await.expect("an answer").status().as_u16(), 204);
}

#[tokio::test]
async fn http_2_streams_share_a_connection_and_the_cache() {
    let stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let (first, _) = sender.send_request(request("GET", "/x"), true).expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(read(first.await.expect("an answer")).await.1, b"hello");
    let answers: Vec<_> =
        (0..20).map(|_| sender.send_request(request("GET", "/x"), true).expect("sent").0).collect();
    for answer in answers {
        let (head, body, _) = read(answer.await.expect("an answer")).await;
        assert_eq!(
            (head.headers()["cache-status"].as_bytes(), body.as_slice()),
            (b"wardmote; hit; ttl=60".as_slice(), b"hello".as_slice())
        );
    }
    let (head, _) = sender.send_request(request("HEAD", "/x"), true).expect("sent");
    let (head, body, _) = read(head.await.expect("an answer")).await;
    assert_eq!((head.headers()["content-length"].as_bytes(), body.len()), (b"5".as_slice(), 0));
}

#[tokio::test]
async fn an_http_2_visitor_that_resets_a_stream_is_no_longer_fetched_for() {
    let stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let (answer, mut stream) = sender.send_request(request("POST", "/slow"), false).expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(answer);
    let seen = origin.rest().await;
    assert!(!seen.ends_with(b"0\r\n\r\n"), "the origin sees a break");
}

#[tokio::test]
async fn a_block_answers_http_2_and_cuts_its_streams() {
    let mut stage = Stage::set().await;
    let mut sender = h2(&stage).await;
    let (streaming, _) = sender.send_request(request("GET", "/stream"), true).expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let mut body = streaming.await.expect("an answer").into_body();
    assert_eq!(body.data().await.expect("a piece").expect("content"), "x");
    stage.block(0, Duration::from_secs(60)).await;
    assert!(body.data().await.expect("a reset").is_err());
    let (answer, _) = sender.send_request(request("GET", "/"), true).expect("sent");
    let (head, page, _) = read(answer.await.expect("an answer")).await;
    assert_eq!(head.status().as_u16(), 403);
    assert!(String::from_utf8_lossy(&page).contains("Provisional block"));
    origin.closed().await;
}

/// Shakes hands by hand, so that the request leaves in one write with the last bytes of the handshake.
fn ask_with_the_last_flight(
    config: Arc<ClientConfig>,
    address: std::net::SocketAddr,
) -> std::io::Result<String> {
    use std::io::{Error, Read as _, Write as _};
    let name = ServerName::try_from(HOST).expect("a name");
    let mut session = rustls::ClientConnection::new(config, name).map_err(Error::other)?;
    let mut socket = std::net::TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    while session.is_handshaking() {
        if session.wants_write() {
            session.write_tls(&mut socket)?;
        }
        session.read_tls(&mut socket)?;
        session.process_new_packets().map_err(Error::other)?;
    }
    session.writer().write_all(get("/early").as_bytes())?;
    let mut flight = Vec::new();
    while session.wants_write() {
        session.write_tls(&mut flight)?;
    }
    socket.write_all(&flight)?;
    let mut answer = String::new();
    while !answer.contains("421 ") && !answer.contains("200 ") {
        session.read_tls(&mut socket)?;
        let state = session.process_new_packets().map_err(Error::other)?;
        let mut piece = vec![0; state.plaintext_bytes_to_read()];
        session.reader().read_exact(&mut piece)?;
        answer.push_str(&String::from_utf8_lossy(&piece));
    }
    Ok(answer)
}

#[tokio::test]
async fn a_request_that_comes_with_the_last_bytes_of_the_handshake_is_answered() {
    let stage = Stage::set().await;
    let (config, address) = (client_config(&stage, "http/1.1"), stage.edge.https()[0]);
    let asking = tokio::task::spawn_blocking(move || ask_with_the_last_flight(config, address));
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET /early HTTP/1.1");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let answer = asking.await.expect("no panic").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_host_outside_the_certificate_of_its_connection_is_misdirected() {
    let stage =
        Stage::set_with(|_| {}, |site| site.hosts.push("*.wild.test".parse().expect("a pattern"))).await;
    // The other host is a site of this edge too, with a certificate of its own.
    let mut visitor = Peer::over(connect(&stage, HOST, "http/1.1").await.expect("a handshake"));
    visitor.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
    let refused = visitor.head().await;
    assert_eq!(refused.status(), 421);
    let page = visitor.bytes(refused.length()).await;
    assert!(String::from_utf8_lossy(&page).contains("misdirected-request"));
    let mut sender = h2(&stage).await;
    let other = Request::get("https://b.test/").body(()).expect("a request");
    let (answer, _) = sender.send_request(other, true).expect("sent");
    assert_eq!(answer.await.expect("an answer").status().as_u16(), 421);
    assert!(!stage.origin.is_called().await);
    // Every name of the same certificate is served on the same connections.
    for host in [HOST, "x.wild.test", "A.Test:443"] {
        visitor.send(format!("GET /1 HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert_eq!(visitor.head().await.status(), 200, "{host}");
        let same = Request::get(format!("https://{host}/2")).body(()).expect("a request");
        let (answer, _) = sender.send_request(same, true).expect("sent");
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert_eq!(answer.await.expect("an answer").status().as_u16(), 200, "{host}");
    }
    // Without TLS no certificate was shown.
    let mut plain = stage.visit().await;
    plain.send("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n").await;
    stage.origin.accept().await.head().await;
}

#[tokio::test]
async fn a_proof_for_an_authority_is_answered_before_a_measure_and_only_while_it_is_wanted() {
    let mut stage = Stage::set().await;
    stage.block(0, Duration::from_secs(600)).await;
    let proof = get("/.well-known/acme-challenge/token-1");
    assert_eq!(stage.ask(&proof).await.0.status(), 403);
    let pinned = stage.board.pin_http(HOST, "token-1", "token-1.thumbprint").expect("room");
    let (head, text) = stage.ask(&proof).await;
    assert_eq!((head.status(), text.as_slice()), (200, &b"token-1.thumbprint"[..]));
    assert_eq!(head.field("cache-control"), "no-store");
    for other in [get("/.well-known/acme-challenge/token-2"), proof.replace(HOST, "b.test")] {
        let mut visitor = stage.visit().await;
        visitor.send(&other).await;
        if other.contains("b.test") {
            let mut origin = stage.origin.accept().await;
            origin.head().await;
            origin.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
            assert_eq!(visitor.head().await.status(), 404, "another site's own proof is its own");
        } else {
            assert_eq!(visitor.head().await.status(), 403);
        }
    }
    drop(pinned);
    assert_eq!(stage.ask(&proof).await.0.status(), 403);
}

#[tokio::test]
async fn who_asks_for_a_proof_by_handshake_is_never_shown_the_sites_certificate() {
    let stage = Stage::set().await;
    assert!(connect(&stage, HOST, "acme-tls/1").await.is_err());
    assert!(connect(&stage, HOST, "h2").await.is_ok());
}
