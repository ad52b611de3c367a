//! An hour without an origin: whatever is held and may be sent stale is, and the origin's return costs one
//! request for each stored response. Lifetimes, validators, variants and sizes of every kind, most of it on
//! disk only.

use crate::support::{HOST, Stage, get};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Addresses of each kind.
const EACH: usize = 25;
const LARGE: usize = 1_500_000;

/// What an address stands for: the fields of its answers, and how it is asked for.
struct Kind {
    name: &'static str,
    fields: &'static str,
    /// Whether it may be sent stale.
    outlives: bool,
    /// A field of which several values are asked for; its answers vary by it.
    varies: &'static [&'static str],
    length: usize,
    count: usize,
}

const PLAIN: Kind = Kind {
    name: "plain",
    fields: "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n",
    outlives: true,
    varies: &[],
    length: 20_000,
    count: EACH,
};

const LAST_MODIFIED: &str = "Cache-Control: max-age=300\r\nLast-Modified: Mon, 02 Nov 2026 00:00:00 GMT\r\n";

const KINDS: [Kind; 9] = [
    PLAIN,
    Kind { name: "dated", fields: LAST_MODIFIED, ..PLAIN },
    Kind { name: "unvalidated", fields: "Cache-Control: max-age=600\r\n", ..PLAIN },
    Kind {
        name: "willing",
        fields: "Cache-Control: max-age=60, stale-while-revalidate=600, stale-if-error=7200\r\nETag: \"v1\"\r\n",
        ..PLAIN
    },
    Kind { name: "targeted", fields: "CDN-Cache-Control: max-age=1800\r\nETag: \"v1\"\r\n", ..PLAIN },
    Kind {
        name: "coded",
        fields: "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nVary: Accept-Encoding\r\n",
        varies: &["Accept-Encoding: gzip", "Accept-Encoding: identity"],
        ..PLAIN
    },
    Kind {
        name: "spoken",
        fields: "Cache-Control: max-age=60\r\nETag: \"v1\"\r\nVary: Accept-Language\r\n",
        varies: &["Accept-Language: de", "Accept-Language: en, fr;q=0.5"],
        ..PLAIN
    },
    Kind { name: "large", length: LARGE, count: 4, ..PLAIN },
    Kind {
        name: "strict",
        fields: "Cache-Control: max-age=60, must-revalidate\r\nETag: \"v1\"\r\n",
        outlives: false,
        count: 5,
        ..PLAIN
    },
];

/// One stored response: how it is asked for, and what must come.
struct Page {
    kind: &'static Kind,
    path: String,
    /// The field that selects it, or nothing.
    by: &'static str,
}

fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for kind in &KINDS {
        for n in 0..kind.count {
            for by in if kind.varies.is_empty() { &[""] } else { kind.varies } {
                pages.push(Page { kind, path: format!("/{}/{n}", kind.name), by });
            }
        }
    }
    pages
}

/// Every place tells which page it is of.
fn content(path: &str, by: &str, length: usize) -> Vec<u8> {
    format!("{path} {by}\n").into_bytes().into_iter().cycle().take(length).collect()
}

impl Page {
    /// Asks; returns the head and whether the content is the page's.
    async fn ask(&self, edge: SocketAddr, extra: &str) -> (testkit::Head, bool) {
        let mut visitor = Peer::connect(edge).await;
        let by = if self.by.is_empty() { String::new() } else { format!("{}\r\n", self.by) };
        let path = &self.path;
        visitor
            .send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{by}{extra}Connection: close\r\n\r\n"))
            .await;
        let head = visitor.head().await;
        let got = visitor.rest().await;
        let whole = content(path, self.by, self.kind.length);
        let expected = match head.field("content-range").trim_start_matches("bytes ").split_once(['-', '/']) {
            Some((first, _)) => &whole[first.parse().expect("a place")..][..head.length()],
            None => &whole[..],
        };
        (head, got == expected)
    }
}

/// An origin that knows every page and counts what it is asked; dropped, it is away.
struct Origin {
    /// By target and selecting field: requests with a condition, and without.
    asked: Asked,
    address: SocketAddr,
    _running: JoinSet<()>,
}

impl Origin {
    async fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::default();
        let mut running = JoinSet::new();
        running.spawn(listen(listener, Arc::clone(&asked)));
        Self { asked, address, _running: running }
    }
}

type Asked = Arc<Mutex<HashMap<(String, String), (usize, usize)>>>;

async fn listen(listener: TcpListener, asked: Asked) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, Arc::clone(&asked)));
    }
}

async fn answer(stream: TcpStream, asked: Asked) {
    let mut visitor = Peer::over(stream);
    let head = visitor.head().await;
    let path = head.line().split(' ').nth(1).expect("a target").to_owned();
    let kind = KINDS.iter().find(|kind| path.starts_with(&format!("/{}/", kind.name))).expect("a known page");
    let selects = |by: &&&str| by.split_once(": ").is_some_and(|(name, value)| head.field(name) == value);
    let by = kind.varies.iter().find(selects).copied().unwrap_or_default();
    let conditional = !head.field("if-none-match").is_empty() || !head.field("if-modified-since").is_empty();
    {
        let mut asked = asked.lock().expect("whole");
        let count = asked.entry((path.clone(), by.to_owned())).or_default();
        *(if conditional { &mut count.0 } else { &mut count.1 }) += 1;
    }
    let fields = kind.fields;
    if conditional {
        visitor.try_send(format!("HTTP/1.1 304 Not Modified\r\n{fields}Connection: close\r\n\r\n")).await;
        return;
    }
    let length = kind.length;
    let text = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Type: image/png\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    visitor.try_send([text.into_bytes(), content(&path, by, length)].concat()).await;
}

#[tokio::test]
async fn everything_held_outlives_an_hour_without_the_origin_and_is_asked_about_once_after_it() {
    let mut origin = Some(Origin::start(([127, 0, 0, 1], 0).into()).await);
    let address = origin.as_ref().expect("running").address;
    let folder = tempfile::tempdir().expect("a folder");
    let options = |options: &mut edge::Options| {
        // Most pages are on disk only.
        options.cache_memory = 2 << 20;
        options.cache_disk = Some(edge::CacheDisk { folder: folder.path().to_owned(), bytes: 256 << 20 });
    };
    let stage = Stage::set_with(options, |site| site.origins[0].port = address.port()).await;
    let edge = stage.edge.http()[0];
    let pages = pages();
    assert!(pages.len() >= 200);
    for page in &pages {
        let (head, whole) = page.ask(edge, "").await;
        assert!(head.status() == 200 && whole, "{}", head.text);
        assert!(head.field("cache-status").contains("; stored"), "{}", head.text);
    }
    for page in &pages {
        let (head, whole) = page.ask(edge, "Cache-Control: only-if-cached\r\n").await;
        assert!(head.status() == 200 && whole, "{} {} is held: {}", page.path, page.by, head.text);
    }
    drop(origin.take());
    for step in 1..=6 {
        stage.clock.advance(Duration::from_secs(600));
        for page in &pages {
            let (head, whole) = page.ask(edge, "").await;
            let is_stale = head.field("cache-status").contains("detail=stale-");
            let what = format!("{} {} after {step}0 minutes: {}", page.path, page.by, head.text);
            if page.kind.outlives {
                let is_fresh = page.kind.name == "targeted" && step < 3;
                assert!(head.status() == 200 && whole, "{what}");
                assert_eq!(is_stale, !is_fresh, "{what}");
            } else {
                assert_eq!(head.status(), 502, "{what}");
            }
        }
    }
    let part = pages.iter().find(|page| page.kind.name == "large").expect("one");
    let (head, whole) = part.ask(edge, "Range: bytes=1048000-1049000\r\n").await;
    assert!(head.status() == 206 && whole, "over the seam of two slices: {}", head.text);

    let origin = Origin::start(address).await;
    stage.clock.advance(Duration::from_secs(10));
    for page in &pages {
        let both = tokio::join!(page.ask(edge, ""), page.ask(edge, ""));
        for (head, whole) in [both.0, both.1] {
            assert!(head.status() == 200 && whole, "{} {}: {}", page.path, page.by, head.text);
        }
    }
    for page in &pages {
        let (head, whole) = page.ask(edge, "").await;
        assert!(head.field("cache-status").contains("; hit; ttl=") && whole, "{}", head.text);
        assert!(!head.field("cache-status").contains("stale"), "{}", head.text);
        let asked =
            origin.asked.lock().expect("whole").get(&(page.path.clone(), page.by.to_owned())).copied();
        let expected = if page.kind.name == "unvalidated" { (0, 1) } else { (1, 0) };
        assert_eq!(asked, Some(expected), "{} {}", page.path, page.by);
    }
}

#[tokio::test]
async fn one_slow_address_does_not_have_the_sites_other_stale_copies_sent_unasked() {
    let stage = Stage::set_with(|_| {}, |site| site.origin_policy.timeouts.first_byte_ms = 3000).await;
    let answer =
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=1\r\nConnection: close\r\nContent-Length: 3\r\n\r\n";
    let mut visitor = stage.visit().await;
    for path in ["/slow", "/well"] {
        visitor.send(get(path)).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send(format!("{answer}old")).await;
        visitor.head().await;
        visitor.text("old").await;
    }
    stage.clock.advance(std::time::Duration::from_secs(10));
    visitor.send(get("/slow")).await;
    let mut silent = stage.origin.accept().await;
    silent.head().await;
    assert_eq!(visitor.head().await.status(), 200, "a stale copy");
    visitor.text("old").await;
    visitor.send(get("/well")).await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET /well HTTP/1.1");
    origin.send(format!("{answer}new")).await;
    visitor.head().await;
    visitor.text("new").await;
}
