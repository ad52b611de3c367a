//! One table of requests, asked by HTTP/1.1, HTTP/2 and HTTP/3: the answers are the same.

use crate::quic;
use crate::support::{HOST, Stage};
use crate::tls;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use testkit::Peer;

/// One row.
#[derive(Debug, Clone)]
struct Asked {
    method: &'static str,
    path: String,
    fields: Vec<(&'static str, &'static str)>,
    content: Option<Vec<u8>>,
}

/// What came of it, without what a protocol adds.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    status: u16,
    fields: Vec<(String, String)>,
    body: String,
}

/// Fields that belong to one connection or one request, or say how the answer came.
const OWN: [&str; 7] =
    ["via", "wardmote-ray", "alt-svc", "connection", "transfer-encoding", "keep-alive", "content-length"];

impl Got {
    fn new(status: u16, fields: &HeaderMap, body: &[u8]) -> Self {
        let own = |name: &str| OWN.contains(&name);
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let kept = fields.iter().filter(|(name, _)| !own(name.as_str()));
        let ray = fields.get("wardmote-ray").map(text).unwrap_or_default();
        let mut all: Vec<_> =
            kept.map(|(name, value)| (name.as_str().to_owned(), text(value).replace(&ray, "RAY"))).collect();
        all.sort();
        let body = String::from_utf8_lossy(body).replace(&ray, "RAY");
        Self { status, fields: all, body }
    }
}

/// Two hundred rows: every method on every kind of answer, conditions, ranges, encodings, pages of the edge.
fn table() -> Vec<Asked> {
    let row = |method, path: String| Asked { method, path, fields: vec![], content: None };
    let kinds =
        ["sized", "chunked", "empty", "nothing", "moved", "gone", "broken", "cookies", "stored", "varying"];
    let mut rows = Vec::new();
    for kind in kinds {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            rows.push(row(method, format!("/{kind}?{method}")));
        }
        for length in [0, 1, 63, 64, 16_384, 70_000] {
            let path = format!("/{kind}?content={length}");
            rows.push(Asked { content: Some(vec![b'c'; length]), ..row("POST", path) });
        }
        // The second time from the cache, where it may be.
        rows.push(row("GET", format!("/{kind}?GET")));
        rows.push(row("HEAD", format!("/{kind}?GET")));
    }
    for fields in [
        vec![("if-none-match", "\"v1\"")],
        vec![("if-none-match", "\"v2\"")],
        vec![("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT")],
        vec![("range", "bytes=0-9")],
        vec![("range", "bytes=5-")],
        vec![("range", "bytes=-3")],
        vec![("range", "bytes=0-1,4-5")],
        vec![("range", "bytes=9999-")],
        vec![("range", "bytes=0-9"), ("if-range", "\"v2\"")],
        vec![("cache-control", "no-store")],
        vec![("cache-control", "only-if-cached")],
        vec![("accept-encoding", "gzip")],
        vec![("accept-language", "de, en;q=0.5")],
        vec![("cookie", "a=1; b=2")],
        vec![("authorization", "Basic eDp5")],
        vec![("expect", "tea")],
        vec![("cdn-loop", "wardmote")],
        vec![("x-forwarded-for", "192.0.2.1")],
        vec![("te", "trailers")],
        vec![("user-agent", "agent")],
    ] {
        for path in ["/stored", "/varying", "/none-such"] {
            rows.push(Asked { fields: fields.clone(), ..row("GET", path.to_owned()) });
        }
    }
    for path in [
        "/a%20b",
        "/%e2%82%ac",
        "/a//b/../c",
        "/?",
        "/??&&==",
        "/~user;v=1,2",
        "/a:b@c",
        "/'(x)'*",
        "/%22%3c%3e",
        "/x%5by%5d",
    ] {
        rows.push(row("GET", path.to_owned()));
    }
    rows
}

/// Answers by the path, whatever the protocol of the visitor.
fn answer(line: &str, content: usize) -> String {
    let (method, target) = line.split_once(' ').expect("a method");
    let target = target.trim_end_matches(" HTTP/1.1");
    let body = format!("{target} has taken {content}");
    let sized = |status: &str, fields: &str| {
        let length = body.len();
        let body = if method == "HEAD" { "" } else { &body };
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
    };
    let kind = target.trim_start_matches('/').split('?').next().unwrap_or_default();
    match kind {
        "chunked" if method == "HEAD" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        "chunked" => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        "empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "nothing" => "HTTP/1.1 204 No Content\r\nX-Kind: nothing\r\n\r\n".to_owned(),
        "moved" => sized("301 Moved Permanently", "Location: /elsewhere\r\n"),
        "gone" => sized("404 Not Found", "Content-Type: text/plain\r\n"),
        "broken" => sized("500 Internal Server Error", ""),
        "cookies" => sized("200 OK", "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\n"),
        "stored" => sized("200 OK", "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n"),
        "varying" => sized("200 OK", "Cache-Control: max-age=60\r\nVary: Accept-Language\r\n"),
        _ => sized("200 OK", ""),
    }
}

/// An origin that answers for as long as it is let.
async fn serve(stage: &Stage) {
    loop {
        let mut peer = stage.origin.wait_for().await;
        tokio::spawn(async move {
            let head = peer.head().await;
            let content = match (head.field("content-length"), head.field("transfer-encoding")) {
                (length, "") => peer.bytes(length.parse().unwrap_or(0)).await.len(),
                _ => dechunked(&mut peer).await.len(),
            };
            let answer = answer(head.line(), content);
            peer.send(answer.replacen("\r\n", "\r\nConnection: close\r\n", 1)).await;
            peer.end().await;
        });
    }
}

async fn dechunked(peer: &mut Peer) -> Vec<u8> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(peer.bytes(1).await);
        }
        let size =
            std::str::from_utf8(&line).ok().and_then(|line| usize::from_str_radix(line.trim(), 16).ok());
        let size = size.expect("a size");
        content.extend(peer.bytes(size).await);
        peer.bytes(2).await;
        if size == 0 {
            return content;
        }
    }
}

async fn by_http_1(stage: &Stage, asked: &Asked) -> Got {
    let Asked { method, path, fields, content } = asked;
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n");
    for (name, value) in fields {
        let named = if *name == "te" { "Connection: te\r\n" } else { "" };
        text.push_str(&format!("{name}: {value}\r\n{named}"));
    }
    if let Some(content) = content {
        text.push_str(&format!("Content-Length: {}\r\n", content.len()));
    }
    let mut visitor = Peer::over(tls::connect(stage, HOST, "http/1.1").await.expect("a handshake"));
    visitor.send([text.as_bytes(), b"\r\n", content.as_deref().unwrap_or_default()].concat()).await;
    let head = visitor.head().await;
    let mut lines = HeaderMap::new();
    for line in head.text.lines().skip(1).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a field");
        let name: http::HeaderName = name.parse().expect("a name");
        lines.append(name, value.parse().expect("a value"));
    }
    let bodiless = *method == "HEAD" || matches!(head.status(), 204 | 304);
    let body = match head.field("transfer-encoding") {
        _ if bodiless => vec![],
        "" => visitor.bytes(head.length()).await,
        _ => dechunked(&mut visitor).await,
    };
    Got::new(head.status(), &lines, &body)
}

fn request(asked: &Asked) -> Request<()> {
    let mut request = Request::builder()
        .method(Method::from_bytes(asked.method.as_bytes()).expect("a method"))
        .uri(format!("https://{HOST}{}", asked.path));
    for (name, value) in &asked.fields {
        request = request.header(*name, *value);
    }
    if let Some(content) = &asked.content {
        request = request.header("content-length", content.len());
    }
    request.body(()).expect("a request")
}

async fn by_http_2(sender: &h2::client::SendRequest<Bytes>, asked: &Asked) -> Got {
    let mut sender = sender.clone().ready().await.expect("a connection");
    let (answer, mut up) = sender.send_request(request(asked), asked.content.is_none()).expect("sent");
    if let Some(content) = &asked.content {
        up.send_data(content.clone().into(), true).expect("sent");
    }
    let (head, body, _) = tls::read(quic::patient(answer).await.expect("an answer")).await;
    Got::new(head.status().as_u16(), head.headers(), &body)
}

async fn by_http_3(sender: &mut quic::Sender, asked: &Asked) -> Got {
    let mut stream = sender.send_request(request(asked)).await.expect("sent");
    if let Some(content) = asked.content.clone().filter(|content| !content.is_empty()) {
        stream.send_data(content.into()).await.expect("sent");
    }
    stream.finish().await.expect("sent");
    let (head, body, _) = quic::read(&mut stream).await;
    Got::new(head.status().as_u16(), head.headers(), &body)
}

/// What a client of another make is answered: all rows over one connection of aioquic's.
async fn by_aioquic(stage: &Stage, rows: &[Asked]) -> Vec<Got> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/python/bin/python");
    assert!(python.exists(), "{} is missing: script/bootstrap installs it", python.display());
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, pem(&stage.authority)).expect("written");
    let address = stage.edge.https()[0];
    let mut command = Command::new(python);
    command.arg(root.join("tests/independent/http3_client.py")).arg(HOST).arg(address.ip().to_string());
    command.arg(address.port().to_string()).arg(&authority);
    let requests: Vec<_> = rows.iter().map(Asked::to_json).collect();
    let running = tokio::task::spawn_blocking(move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let written = child.stdin.take().expect("piped").write_all(json!(requests).to_string().as_bytes());
        written.expect("taken");
        let output = child.wait_with_output().expect("ended");
        // Its folder is needed until then.
        drop(folder);
        assert!(output.status.success(), "{:?}", output.status);
        serde_json::from_slice::<Vec<Value>>(&output.stdout).expect("answers")
    });
    running.await.expect("no panic").iter().map(Got::from_json).collect()
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

impl Asked {
    fn to_json(&self) -> Value {
        let content = self.content.as_deref().map(String::from_utf8_lossy);
        json!({ "method": self.method, "path": self.path, "fields": self.fields, "content": content })
    }
}

impl Got {
    fn from_json(answer: &Value) -> Self {
        let status =
            answer["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        let mut fields = HeaderMap::new();
        for field in answer["fields"].as_array().expect("fields") {
            let text = |at: usize| field[at].as_str().expect("text");
            let name: http::HeaderName = text(0).parse().expect("a name");
            fields.append(name, text(1).parse().expect("a value"));
        }
        Self::new(status, &fields, answer["body"].as_str().expect("a body").as_bytes())
    }
}

#[tokio::test]
async fn two_hundred_requests_are_answered_alike_by_every_protocol() {
    let rows = table();
    assert!(rows.len() >= 200, "{}", rows.len());
    // What is stored by one must not be what another is answered with.
    let (one, two, three) = tokio::join!(Stage::set(), Stage::set(), Stage::set());
    let four = Stage::set().await;
    let asking = async {
        let sender = tls::h2(&two).await;
        let (mut third, _connection) = quic::visit(&three).await;
        // It takes the length of an answer to HEAD for the length of its content, and ends the connection.
        let (with_content, bare): (Vec<_>, Vec<_>) =
            rows.iter().cloned().partition(|row| row.method != "HEAD");
        assert!(with_content.len() >= 200, "{}", with_content.len());
        let mut foreign = by_aioquic(&four, &with_content).await;
        assert_eq!(foreign.len(), with_content.len());
        let mut faults = Vec::new();
        for (asked, foreign) in
            with_content.iter().zip(foreign.drain(..).map(Some)).chain(bare.iter().map(|row| (row, None)))
        {
            let expected = by_http_1(&one, asked).await;
            let two = ("HTTP/2", by_http_2(&sender, asked).await);
            let three = ("HTTP/3", by_http_3(&mut third, asked).await);
            for (protocol, got) in
                [two, three].into_iter().chain(foreign.map(|got| ("HTTP/3 of aioquic", got)))
            {
                if got != expected {
                    faults.push(format!("{asked:?}\n  HTTP/1.1 {expected:?}\n  {protocol} {got:?}"));
                }
            }
        }
        faults
    };
    let origins = async { tokio::join!(serve(&one), serve(&two), serve(&three), serve(&four)) };
    tokio::select! {
        faults = asking => assert!(faults.is_empty(), "{} differ\n{}", faults.len(), faults.join("\n")),
        _ = origins => {}
    }
}
