//! Requests that can be read in two ways. Whatever the target makes of one, the origin may see only what the target
//! knows of: each request that reaches it is answered to the visitor.

use super::scene::Scene;
use crate::books::Label;
use crate::caller::connect;
use crate::origin::MARK;
use crate::population::bots;
use crate::report::{Bar, Report};
use crate::stage::Stage;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long answers are waited for; a request left over in a connection shows within it.
const WAIT: Duration = Duration::from_millis(400);

/// What is tried, with `HOST`, the path `A`, `SECOND` for a whole second request, and `LENGTH` for its bytes.
const PROBES: &[(&str, &str)] = &[
    (
        "CL.TE",
        "POST A HTTP/1.1\r\nHost: HOST\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    ),
    (
        "TE.CL",
        "POST A HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nSECOND",
    ),
    (
        "two lengths",
        "POST A HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\nContent-Length: LENGTH\r\n\r\nSECOND",
    ),
    ("a length with a sign", "POST A HTTP/1.1\r\nHost: HOST\r\nContent-Length: +0\r\n\r\nSECOND"),
    ("a list of lengths", "POST A HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0, LENGTH\r\n\r\nSECOND"),
    (
        "TE with a space before the colon",
        "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nSECOND",
    ),
    ("TE unknown", "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nSECOND"),
    (
        "TE twice",
        "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\nSECOND",
    ),
    ("TE folded", "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nSECOND"),
    ("1.0 with TE", "POST A HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSECOND"),
    ("bare line feeds", "GET A HTTP/1.1\nHost: HOST\n\nSECOND"),
    (
        "a bare line feed in a field",
        "GET A HTTP/1.1\r\nHost: HOST\r\nX: 1\nContent-Length: LENGTH\r\n\r\nSECOND",
    ),
    (
        "a chunk extension with a line feed",
        "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\nab\r\n0\r\n\r\nSECOND",
    ),
    (
        "a chunk that ends otherwise",
        "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\nSECOND",
    ),
    (
        "a chunk size over the end",
        "POST A HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nSECOND",
    ),
    ("GET with content", "GET A HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nxxxxx"),
    ("two hosts", "GET A HTTP/1.1\r\nHost: HOST\r\nHost: other.invalid\r\n\r\n"),
    (
        "an upgrade with a request after it",
        "GET A HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\nSECOND",
    ),
    (
        "Expect with content at once",
        "POST A HTTP/1.1\r\nHost: HOST\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nxxxxx",
    ),
    ("a NUL in a field", "GET A HTTP/1.1\r\nHost: HOST\r\nX: a\0b\r\n\r\n"),
    ("a space in the target", "GET A HTTP/1.1 HTTP/1.1\r\nHost: HOST\r\n\r\n"),
    (
        "Connection names the length",
        "POST A HTTP/1.1\r\nHost: HOST\r\nConnection: content-length\r\nContent-Length: LENGTH\r\n\r\nSECOND",
    ),
];

pub(super) async fn run(stage: &Stage, row: &'static str) -> Report {
    let scene = Scene::open(stage, WAIT * u32::try_from(PROBES.len()).unwrap_or(20) * 2);
    scene.calm().await;
    let mut bars = Vec::new();
    let addresses = bots(&stage.dice(60), PROBES.len());
    for (number, ((what, probe), address)) in PROBES.iter().zip(addresses).enumerate() {
        scene.books.know(address, Label::Attacker);
        let answers = send(stage, address, &fill(probe, &stage.target().host, number)).await;
        let own = format!("/probe{number}/");
        let arrived = stage.origin.count(|arrival| arrival.path.contains(&own));
        let figure = format!(
            "{arrived} at the origin, {} answered from it; {}",
            answers.from_origin,
            answers.statuses()
        );
        bars.push(Bar::count(
            what,
            "as many at the origin as answered",
            figure,
            arrived == answers.from_origin,
        ));
    }
    scene.close(row, bars, Vec::new()).await
}

fn fill(probe: &str, host: &str, number: usize) -> String {
    let second = format!("GET /probe{number}/b HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let filled = probe.replacen(" A ", &format!(" /probe{number}/a "), 1);
    filled.replace("HOST", host).replace("LENGTH", &second.len().to_string()).replace("SECOND", &second)
}

struct Answers {
    from_origin: usize,
    text: String,
}

impl Answers {
    /// The statuses that came, in order.
    fn statuses(&self) -> String {
        let statuses =
            self.text.match_indices("HTTP/1.1 ").filter_map(|(at, _)| self.text.get(at + 9..at + 12));
        let all = statuses.collect::<Vec<_>>().join(" ");
        if all.is_empty() { "no answer".into() } else { all }
    }
}

async fn send(stage: &Stage, from: Ipv4Addr, bytes: &str) -> Answers {
    let mut text = Vec::new();
    if let Ok(mut stream) = connect(from, stage.target().http).await {
        // What comes of it is seen below.
        let _ = stream.write_all(bytes.as_bytes()).await;
        let _ = tokio::time::timeout(WAIT, stream.read_to_end(&mut text)).await;
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let from_origin = text.to_ascii_lowercase().matches(&format!("{MARK}:")).count();
    Answers { from_origin, text }
}
