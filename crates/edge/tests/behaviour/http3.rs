//! The same exchanges over QUIC, with a client of another library.

use crate::quic::{ask, client, connect, get, patient, read, request, visit};
use crate::support::{HOST, Stage, get as plain_get};
use crate::tls;
use bytes::{Buf, Bytes};
use http::Request;
use quinn::ConnectionError;
use std::time::Duration;
use testkit::Peer;

const STORED: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn content_interims_and_trailers_go_both_ways() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut stream = sender.send_request(request("POST", "/p?q")).await.expect("sent");
    stream.send_data(Bytes::from_static(b"hello")).await.expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!(asked.line(), "POST /p?q HTTP/1.1");
    assert_eq!((asked.field("host"), asked.field("transfer-encoding")), (HOST, "chunked"));
    assert_eq!((asked.field("via"), asked.field("x-forwarded-proto")), ("3 wardmote", "https"));
    origin.text("5\r\nhello\r\n").await;
    stream.send_data(Bytes::from_static(b"!")).await.expect("sent");
    let mut sums = http::HeaderMap::new();
    sums.insert("x-sum", "6".parse().expect("a value"));
    sums.insert("x-real-ip", "6.6.6.6".parse().expect("a value"));
    stream.send_trailers(sums).await.expect("sent");
    stream.finish().await.expect("sent");
    origin.text("1\r\n!\r\n0\r\nx-sum: 6\r\n\r\n").await;
    origin.send("HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n").await;
    let hints = patient(stream.recv_response()).await.expect("an interim answer");
    assert_eq!(
        (hints.status().as_u16(), hints.headers()["link"].as_bytes()),
        (103, &b"</s.css>; rel=preload"[..])
    );
    origin
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-End: 1\r\n\r\n")
        .await;
    let (head, body, trailers) = read(&mut stream).await;
    assert_eq!((head.status().as_u16(), body.as_slice()), (200, b"hi".as_slice()));
    assert_eq!(head.headers()["via"], "3 wardmote");
    assert!(!head.headers().contains_key("transfer-encoding"));
    assert_eq!(trailers.expect("trailers")["x-end"], "1");
}

#[tokio::test]
async fn who_expects_100_gets_it_from_the_edge() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut expecting = request("POST", "/");
    for (name, value) in [("expect", "100-continue"), ("content-length", "3")] {
        expecting.headers_mut().insert(name, value.parse().expect("a value"));
    }
    let mut stream = sender.send_request(expecting).await.expect("sent");
    assert_eq!(patient(stream.recv_response()).await.expect("an interim answer").status().as_u16(), 100);
    stream.send_data(Bytes::from_static(b"abc")).await.expect("sent");
    stream.finish().await.expect("sent");
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    assert_eq!((asked.field("expect"), asked.field("content-length")), ("", "3"));
    origin.text("abc").await;
    origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(read(&mut stream).await.0.status().as_u16(), 204);
}

#[tokio::test]
async fn streams_share_a_connection_and_the_cache_with_every_other_protocol() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut first = ask(&mut sender, request("GET", "/x")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(STORED).await;
    assert_eq!(read(&mut first).await.1, b"hello");
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(ask(&mut sender, request("GET", "/x")).await);
    }
    for mut stream in asked {
        let (head, body, _) = read(&mut stream).await;
        let status = head.headers()["cache-status"].as_bytes();
        assert_eq!((status, body.as_slice()), (b"wardmote; hit; ttl=60".as_slice(), b"hello".as_slice()));
        assert!(!head.headers().contains_key("alt-svc"), "who is here need not be led here");
    }
    let (head, body, _) = read(&mut ask(&mut sender, request("HEAD", "/x")).await).await;
    assert_eq!((head.headers()["content-length"].as_bytes(), body.len()), (b"5".as_slice(), 0));
    let mut over_tcp = Peer::over(tls::connect(&stage, HOST, "http/1.1").await.expect("a handshake"));
    over_tcp.send(plain_get("/x")).await;
    assert_eq!(over_tcp.head().await.field("cache-status"), "wardmote; hit; ttl=60");
    let figures = stage.edge.figures();
    assert_eq!((figures.protocols, figures.hits), ([0, 1, 0, 22], 22));
}

#[tokio::test]
async fn a_name_without_a_certificate_ends_the_handshake_with_unrecognized_name() {
    let stage = Stage::set().await;
    match connect(&stage, "c.test").await.expect_err("no certificate") {
        // CRYPTO_ERROR and the alert (RFC 9001 §4.8).
        ConnectionError::ConnectionClosed(close) => assert_eq!(u64::from(close.error_code), 0x170),
        other => panic!("{other:?}"),
    }
    let counted = async {
        while stage.edge.figures().handshakes_failed == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    patient(counted).await;
}

#[tokio::test]
async fn a_host_outside_the_certificate_of_its_connection_is_misdirected() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let other = Request::get("https://b.test/").body(()).expect("a request");
    let (head, page, _) = read(&mut ask(&mut sender, other).await).await;
    assert_eq!(head.status().as_u16(), 421);
    assert!(String::from_utf8_lossy(&page).contains("misdirected-request"));
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_visitor_that_stops_a_stream_is_no_longer_fetched_for() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut stream = sender.send_request(request("POST", "/slow")).await.expect("sent");
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    stream.stop_stream(h3::error::Code::H3_REQUEST_CANCELLED);
    stream.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    let seen = origin.rest().await;
    assert!(!seen.ends_with(b"0\r\n\r\n"), "the origin sees a break");
    // The same for one that has asked and does not wait.
    let mut alone = request("GET", "/slow");
    alone.headers_mut().insert("cache-control", "no-store".parse().expect("a value"));
    let mut stream = ask(&mut sender, alone).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    stream.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    origin.closed().await;
}

#[tokio::test]
async fn a_block_answers_and_cuts_streams() {
    let mut stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut streaming = ask(&mut sender, request("GET", "/stream")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    patient(streaming.recv_response()).await.expect("an answer");
    let piece = patient(streaming.recv_data()).await.expect("content").map(|piece| piece.remaining());
    assert_eq!(piece, Some(1));
    stage.block(0, Duration::from_secs(60)).await;
    assert!(patient(streaming.recv_data()).await.is_err(), "cut, and seen to be cut");
    let (head, page) = get(&mut sender, "/").await;
    assert_eq!(head.status().as_u16(), 403);
    assert!(String::from_utf8_lossy(&page).contains("Provisional block"));
    origin.closed().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_be_cut() {
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    for framing in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut stream = ask(&mut sender, request("GET", "/")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
        patient(stream.recv_response()).await.expect("an answer");
        drop(origin);
        let mut outcome = Ok(());
        while outcome.is_ok() {
            match patient(stream.recv_data()).await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("taken for whole"),
                Err(error) => outcome = Err(error),
            }
        }
    }
}

#[tokio::test]
async fn megabytes_go_both_ways_at_once() {
    const LENGTH: usize = 6 << 20;
    let stage = Stage::set().await;
    let (mut sender, _connection) = visit(&stage).await;
    let mut upload = request("PUT", "/");
    upload.headers_mut().insert("content-length", LENGTH.into());
    let (mut up, mut down) = sender.send_request(upload).await.expect("sent").split();
    let uploading = async {
        for _ in 0..LENGTH / 65_536 {
            up.send_data(Bytes::from(vec![b'u'; 65_536])).await.expect("sent");
        }
        up.finish().await.expect("sent");
    };
    let at_origin = async {
        let mut origin = stage.origin.accept().await;
        assert_eq!(origin.head().await.field("content-length"), LENGTH.to_string());
        origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
        for _ in 0..LENGTH / 65_536 {
            assert!(origin.bytes(65_536).await.iter().all(|byte| *byte == b'u'));
            origin.send(vec![b'd'; 65_536]).await;
        }
        origin
    };
    let downloading = async {
        patient(down.recv_response()).await.expect("an answer");
        let mut length = 0;
        while let Some(mut piece) = patient(down.recv_data()).await.expect("content") {
            length += piece.remaining();
            assert!(piece.copy_to_bytes(piece.remaining()).iter().all(|byte| *byte == b'd'));
        }
        length
    };
    let ((), _origin, length) = tokio::join!(uploading, at_origin, downloading);
    assert_eq!(length, LENGTH);
}

#[tokio::test]
async fn whoever_comes_by_tls_over_tcp_is_told_of_http_3_and_nobody_else() {
    const OTHER: &str =
        "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":9999\"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
    for (http3, alternatives) in [(true, 1), (false, 0)] {
        let stage = Stage::set_with(|options| options.http3 = http3, |_| {}).await;
        let port = stage.edge.https()[0].port();
        let expected = vec![format!("h3=\":{port}\"; ma=86400"); alternatives];
        let serve = async {
            for _ in 0..3 {
                let mut origin = stage.origin.accept().await;
                origin.head().await;
                origin.send(OTHER).await;
            }
        };
        let visitors = async {
            let mut first = Peer::over(tls::connect(&stage, HOST, "http/1.1").await.expect("a handshake"));
            first.send(plain_get("/1")).await;
            let lines = first.head().await.text.to_lowercase();
            let told = lines.lines().filter_map(|line| line.strip_prefix("alt-svc: "));
            assert_eq!(told.collect::<Vec<_>>(), expected, "HTTP/1.1");
            let mut second = tls::h2(&stage).await;
            let asked = Request::get(format!("https://{HOST}/2")).body(()).expect("a request");
            let answer = second.send_request(asked, true).expect("sent").0.await.expect("an answer");
            let told = answer.headers().get_all("alt-svc").iter().filter_map(|value| value.to_str().ok());
            assert_eq!(told.collect::<Vec<_>>(), expected, "HTTP/2");
            let mut plain = stage.visit().await;
            plain.send(plain_get("/3")).await;
            assert_eq!(plain.head().await.field("alt-svc"), "", "plain HTTP");
        };
        tokio::join!(serve, visitors);
        if !http3 {
            // Nobody listens there.
            let quick = client(&stage).connect(stage.edge.https()[0], HOST).expect("settings");
            assert!(tokio::time::timeout(Duration::from_millis(500), quick).await.is_err());
        }
    }
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way_and_begins_nothing_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let stage = Stage::set_with(|options| options.access_log = Some(path.clone()), |_| {}).await;
    let (mut sender, connection) = visit(&stage).await;
    let mut busy = ask(&mut sender, request("GET", "/slow")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    stage.stop();
    // What is asked before the visitor has heard of it is served; then its library asks for nothing more.
    while let Ok(mut late) = sender.send_request(request("GET", "/more")).await {
        let _ = late.finish().await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(read(&mut late).await.0.status().as_u16(), 204);
    }
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let (head, body, _) = read(&mut busy).await;
    assert_eq!((head.status().as_u16(), body), (200, b"ok".to_vec()));
    match patient(connection.closed()).await {
        ConnectionError::ApplicationClosed(close) => assert_eq!(close.error_code.into_inner(), 0x100),
        other => panic!("{other:?}"),
    }
    let line = async {
        loop {
            let text = std::fs::read_to_string(&path).expect("the log");
            if let Some(line) = text.lines().next() {
                return serde_json::from_str::<serde_json::Value>(line).expect("JSON");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let line = patient(line).await;
    assert_eq!((line["version"].as_str(), line["reason"].as_str()), (Some("3"), Some("passed")));
    assert_eq!(line["client"].as_str(), Some("127.0.0.1"));
}
