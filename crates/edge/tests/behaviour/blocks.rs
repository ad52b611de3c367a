//! The answer of a block, in one table: every form of request by every protocol, with and without a legal demand.

use crate::quic::{self, Exact, HEADERS, frame, patient, section};
use crate::support::{HOST, Stage};
use crate::tls;
use bytes::Bytes;
use h2::ext::Protocol;
use http::{HeaderMap, Method, Request, Response};
use policy::{Demand, Ground, Measure};
use testkit::Peer;

/// What is sent, and what it is answered with.
struct Row {
    what: &'static str,
    method: &'static str,
    fields: &'static [(&'static str, &'static str)],
    content: &'static [u8],
    kind: &'static str,
    has_body: bool,
}

const HTML: &str = "text/html; charset=utf-8";
const PROBLEM: &str = "application/problem+json";
const ROWS: [Row; 8] = [
    row("a page", "GET", &[("accept", "text/html,*/*;q=0.8")], b"", HTML),
    row("whatever there is", "GET", &[], b"", HTML),
    row("JSON", "GET", &[("accept", "application/json")], b"", PROBLEM),
    row("a picture", "GET", &[("accept", "image/avif,image/*"), ("sec-fetch-dest", "image")], b"", HTML),
    Row { has_body: false, ..row("only the head", "HEAD", &[("accept", "text/html")], b"", HTML) },
    row("a form", "POST", &[("content-type", "application/x-www-form-urlencoded")], b"a=b&c=d", HTML),
    row("a file", "PUT", &[("accept", "application/json")], &[7; 3_000], PROBLEM),
    Row {
        has_body: false,
        ..row(
            "a call",
            "POST",
            &[("content-type", "application/grpc"), ("te", "trailers")],
            b"\0\0\0\0\x01x",
            "application/grpc",
        )
    },
];

const fn row(
    what: &'static str,
    method: &'static str,
    fields: &'static [(&'static str, &'static str)],
    content: &'static [u8],
    kind: &'static str,
) -> Row {
    Row { what, method, fields, content, kind, has_body: true }
}

/// One answer, whatever it came by.
struct Answered {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
}

impl Answered {
    fn of(head: Response<()>, body: Vec<u8>) -> Self {
        Self { status: head.status().as_u16(), fields: head.headers().clone(), body }
    }

    fn field(&self, name: &str) -> String {
        let all = self.fields.get_all(name).iter();
        all.map(|value| value.to_str().expect("text")).collect::<Vec<_>>().join(", ")
    }
}

/// HTTP/1.1, by TLS or without.
async fn by_http1(stage: &Stage, row: &Row, secure: bool) -> Answered {
    let mut visitor = if secure {
        Peer::over(tls::connect(stage, HOST, "http/1.1").await.expect("a handshake"))
    } else {
        stage.visit().await
    };
    let Row { method, fields, content, .. } = row;
    let mut head = format!("{method} / HTTP/1.1\r\nHost: {HOST}\r\n");
    for (name, value) in *fields {
        head += &format!("{name}: {value}\r\n");
    }
    if !content.is_empty() {
        head += &format!("Content-Length: {}\r\n", content.len());
    }
    visitor.send([head.as_bytes(), b"\r\n", content].concat()).await;
    let head = visitor.head().await;
    let body = if row.method == "HEAD" { Vec::new() } else { visitor.bytes(head.length()).await };
    let mut fields = HeaderMap::new();
    for line in String::from_utf8_lossy(visitor.received())
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .lines()
        .skip(1)
    {
        let (name, value) = line.split_once(": ").expect("a field");
        let name: http::HeaderName = name.parse().expect("a name");
        fields.append(name, value.parse().expect("a value"));
    }
    Answered { status: head.status(), fields, body }
}

fn request(row: &Row) -> Request<()> {
    let request = Request::builder().method(row.method).uri(format!("https://{HOST}/"));
    row.fields
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(())
        .expect("a request")
}

async fn by_http2(stage: &Stage, row: &Row) -> Answered {
    let mut sender = tls::h2(stage).await;
    let ends = row.content.is_empty();
    let (answer, mut up) = sender.send_request(request(row), ends).expect("sent");
    if !ends {
        // The edge may have answered, and want no more, before all of it is sent.
        let _ = up.send_data(Bytes::from_static(row.content), true);
    }
    let (head, body, _) = tls::read(patient(answer).await.expect("an answer")).await;
    Answered::of(head, body)
}

async fn by_http3(stage: &Stage, row: &Row) -> Answered {
    let (mut sender, _connection) = quic::visit(stage).await;
    let mut stream = sender.send_request(request(row)).await.expect("sent");
    if !row.content.is_empty() {
        let _ = stream.send_data(Bytes::from_static(row.content)).await;
    }
    let _ = stream.finish().await;
    let (head, body, _) = quic::read(&mut stream).await;
    Answered::of(head, body)
}

/// The stage with a block in force, by an order or by the operator's own decision.
async fn blocked(by_order: bool) -> Stage {
    let mut stage = Stage::set().await;
    stage
        .decide(0, |draft| {
            if !by_order {
                return;
            }
            (draft.terms.measure, draft.statement.measure) = (Measure::M6, Measure::M6);
            (draft.terms.ground, draft.statement.ground) = (Ground::Order, Ground::Order);
            let (authority, law) = ("A court".to_owned(), "A law".to_owned());
            draft.terms.demand =
                Some(Demand { authority, law, url: "https://court.test/orders/1".to_owned() });
        })
        .await;
    stage
}

/// What must hold of every answer of a block.
fn check(stage: &Stage, row: &Row, by: &str, by_order: bool, answered: &Answered) {
    let at = format!("{} by {by}, order: {by_order}", row.what);
    assert_eq!(answered.status, if by_order { 451 } else { 403 }, "{at}");
    assert_eq!(answered.field("content-type"), row.kind, "{at}");
    assert_eq!(answered.field("cache-control"), "no-store", "{at}");
    assert_eq!(answered.field("x-content-type-options"), "nosniff", "{at}");
    let decision = answered.field("wardmote-decision");
    let described = format!("<http://localhost:9091/record/decisions/{decision}>; rel=\"describedby\"");
    let demanded = "<https://court.test/orders/1>; rel=\"blocked-by\"";
    let links = if by_order { format!("{described}, {demanded}") } else { described };
    assert_eq!(answered.field("link"), links, "{at}");
    assert_eq!(!answered.body.is_empty(), row.has_body, "{at}");
    let (status, message) = (answered.field("grpc-status"), answered.field("grpc-message"));
    if row.kind == "application/grpc" {
        assert!(status == "7" && message.contains(&decision), "{at}: {status} {message}");
    } else {
        assert_eq!((status, message), (String::new(), String::new()), "{at}");
    }
    let whole = format!("{:?} {}", answered.fields, String::from_utf8_lossy(&answered.body));
    let origin = stage.origin.address();
    for hidden in [&format!(":{}", origin.port()), "127.0.0.1", "the counted items", "set-cookie"] {
        assert!(!whole.contains(hidden), "{at} shows {hidden}: {whole}");
    }
}

#[tokio::test]
async fn a_block_is_right_for_every_form_protocol_and_method() {
    for by_order in [false, true] {
        let stage = blocked(by_order).await;
        for row in &ROWS {
            check(&stage, row, "HTTP/1.1", by_order, &by_http1(&stage, row, false).await);
            check(&stage, row, "HTTP/1.1 over TLS", by_order, &by_http1(&stage, row, true).await);
            check(&stage, row, "HTTP/2", by_order, &by_http2(&stage, row).await);
            check(&stage, row, "HTTP/3", by_order, &by_http3(&stage, row).await);
        }
        assert!(!stage.origin.is_called().await, "nothing of it reaches the origin");
    }
}

#[tokio::test]
async fn a_websocket_is_refused_by_a_block_whatever_it_would_come_by() {
    let stage = blocked(false).await;
    const UPGRADE: Row = row(
        "a WebSocket",
        "GET",
        &[
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
        b"",
        HTML,
    );
    check(&stage, &UPGRADE, "HTTP/1.1", false, &by_http1(&stage, &UPGRADE, false).await);
    let mut sender = tls::h2(&stage).await;
    while !sender.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let connect = Request::builder().method(Method::CONNECT).uri(format!("https://{HOST}/"));
    let connect = connect.header("sec-websocket-version", "13").extension(Protocol::from_static("websocket"));
    let (answer, _up) = sender.send_request(connect.body(()).expect("a request"), false).expect("sent");
    let (head, body, _) = tls::read(patient(answer).await.expect("an answer")).await;
    check(&stage, &UPGRADE, "HTTP/2", false, &Answered::of(head, body));
    let visitor = Exact::greet(&stage).await;
    let head = section(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":authority", HOST),
        (":path", "/"),
        ("sec-websocket-version", "13"),
    ]);
    assert_eq!(visitor.ask(&frame(HEADERS, &head)).await, quic::Answer::Status(403));
    assert!(!stage.origin.is_called().await);
}
