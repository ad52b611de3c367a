//! Fills, followers, ranges, revalidations, purges and evictions in every order that chance gives: whatever a
//! visitor gets is byte for byte one answer of the origin, and none older than a purge it came after.
//!
//! Seeded: `WARDMOTE_SEED=N` replays the choices of one run (not the scheduler's), `WARDMOTE_LONG=1` runs
//! 10,000 instead of 200.

use crate::support::{HOST, Stage};
use caching::PurgeTarget;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vocabulary::SeededRandom;

const PATHS: u64 = 4;
const VISITORS: u64 = 6;
const REQUESTS: u64 = 6;

/// What the origin has, and what each path must not be older than.
#[derive(Default)]
struct World {
    versions: [AtomicU64; PATHS as usize],
    floors: Mutex<HashMap<String, u64>>,
    seed: AtomicU64,
}

/// The only content of a path in a version; every eight bytes tell all three. Some versions in a row have one
/// length, so that it does not tell them apart.
fn content(seed: u64, path: u64, version: u64) -> Vec<u8> {
    let length = match (seed ^ path) % 16 {
        0 => 1_500_000 + (version / 3 % 3) as usize * 1000,
        n => (n as usize) * 700 + (version / 2 % 5) as usize,
    };
    let mut state = seed << 32 ^ path << 16 ^ version;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// `/s{seed}/{path}`
fn parts(target: &str) -> (u64, u64) {
    let (seed, path) = target.trim_start_matches("/s").split_once('/').expect("a target");
    (seed.parse().expect("a seed"), path.parse().expect("a path"))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

async fn origin(listener: TcpListener, world: Arc<World>) {
    for number in 0.. {
        let (stream, _) = listener.accept().await.expect("a connection");
        let seed = world.seed.load(Ordering::SeqCst) << 20 ^ number;
        // Ends with its connection.
        drop(tokio::spawn(serve(stream, Arc::clone(&world), SeededRandom::new(seed))));
    }
}

async fn serve(mut stream: TcpStream, world: Arc<World>, random: SeededRandom) {
    let mut buffer = Vec::new();
    loop {
        while !buffer.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&buffer).into_owned();
        buffer.clear();
        let target = head.split(' ').nth(1).expect("a target").to_owned();
        let (seed, path) = parts(&target);
        if random.below(4) == 0 {
            world.versions[path as usize].fetch_add(1, Ordering::SeqCst);
        }
        let version = world.versions[path as usize].load(Ordering::SeqCst);
        if !answer(&mut stream, &random, &head, (seed, path, version)).await {
            return;
        }
    }
}

/// Answers one request; `false` when the connection is over.
async fn answer(
    stream: &mut TcpStream,
    random: &SeededRandom,
    head: &str,
    (seed, path, version): (u64, u64, u64),
) -> bool {
    let (body, tag) = (content(seed, path, version), format!("\"{version}\""));
    let control = ["max-age=5", "max-age=1, stale-while-revalidate=5", "no-cache", "private", "max-age=60"]
        [((seed ^ path) % 5) as usize];
    let fields = format!("ETag: {tag}\r\nCache-Control: {control}\r\nContent-Type: text/plain\r\n");
    if random.below(20) == 0 {
        return stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").await.is_ok();
    }
    if field(head, "if-match").is_some_and(|wanted| wanted != tag) {
        let text = format!("HTTP/1.1 412 Failed\r\n{fields}Content-Length: 0\r\n\r\n");
        return stream.write_all(text.as_bytes()).await.is_ok();
    }
    if field(head, "if-none-match") == Some(tag.as_str()) {
        return stream.write_all(format!("HTTP/1.1 304 Same\r\n{fields}\r\n").as_bytes()).await.is_ok();
    }
    let range = field(head, "range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (line, part) = match range {
        Some((first, last)) if first.parse::<usize>().is_ok_and(|first| first < body.len()) => {
            let first: usize = first.parse().expect("a place");
            let last = last.parse().unwrap_or(usize::MAX).min(body.len() - 1);
            (format!("206 Part\r\nContent-Range: bytes {first}-{last}/{}", body.len()), &body[first..=last])
        }
        _ => ("200 OK".to_owned(), &body[..]),
    };
    let chunked = range.is_none() && random.below(3) == 0;
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {}", part.len()),
    };
    let cut = (random.below(12) == 0).then(|| random.below(part.len() as u64 + 1) as usize);
    let mut text = format!("HTTP/1.1 {line}\r\n{fields}{framing}\r\n\r\n").into_bytes();
    for piece in part[..cut.unwrap_or(part.len())].chunks(1 + random.below(60_000) as usize) {
        if chunked {
            text.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        }
        text.extend_from_slice(piece);
        if chunked {
            text.extend_from_slice(b"\r\n");
        }
        if stream.write_all(&text).await.is_err() {
            return false;
        }
        text.clear();
        tokio::task::yield_now().await;
    }
    if chunked && cut.is_none() {
        text.extend_from_slice(b"0\r\n\r\n");
    }
    stream.write_all(&text).await.is_ok() && cut.is_none()
}

/// Asks a few times and checks what comes.
async fn visit(edge: SocketAddr, world: &World, seed: u64, number: u64) {
    let random = SeededRandom::new(seed << 8 ^ number);
    for _ in 0..REQUESTS {
        let path = random.below(PATHS);
        let target = format!("/s{seed}/{path}");
        let floor = world.floors.lock().expect("whole").get(&target).copied().unwrap_or(0);
        // In the first slice of something large, or anywhere.
        let first = random.below(if random.below(2) == 0 { 3000 } else { 1_500_000 });
        let length = 1 + random.below(if random.below(2) == 0 { 3000 } else { 2_000_000 });
        let extra = match random.below(6) {
            0 => format!("Range: bytes={first}-{}\r\n", first + length),
            1 => "Cache-Control: no-cache\r\n".to_owned(),
            2 => "Accept-Encoding: gzip\r\n".to_owned(),
            _ => String::new(),
        };
        let mut visitor = Peer::connect(edge).await;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n{extra}Connection: close\r\n\r\n");
        visitor.send(&request).await;
        if random.below(10) == 0 {
            // Leaves, or takes only the beginning.
            continue;
        }
        let all = visitor.rest().await;
        check(&all, floor, (seed, path), &request);
    }
}

/// Whether an answer is one of the origin's, whole or cut in a way that can be told.
fn check(all: &[u8], floor: u64, (seed, path): (u64, u64), request: &str) {
    let Some(end) = all.windows(4).position(|window| window == b"\r\n\r\n") else { return };
    let (head, body) = (String::from_utf8_lossy(&all[..end]).into_owned(), &all[end + 4..]);
    let status: u16 = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    if !matches!(status, 200 | 206) {
        assert!(matches!(status, 412 | 416 | 502 | 503 | 504), "seed {seed}: {request}{head}");
        return;
    }
    let tag = field(&head, "etag").expect("a tag").trim_start_matches("W/").trim_matches('"');
    let version: u64 = tag.parse().expect("a version");
    assert!(version >= floor, "seed {seed}: older than a purge, {version} < {floor}: {request}{head}");
    let mut expected = content(seed, path, version);
    if let Some(range) = field(&head, "content-range") {
        let (span, whole) = range.trim_start_matches("bytes ").split_once('/').expect("a range");
        assert_eq!(whole, expected.len().to_string(), "seed {seed}");
        let (first, last) = span.split_once('-').expect("two places");
        let place = |text: &str| text.parse::<usize>().expect("a place");
        expected = expected[place(first)..=place(last)].to_vec();
    }
    let body = match field(&head, "transfer-encoding") {
        Some(_) => unchunked(body),
        None => {
            let length: usize = field(&head, "content-length").expect("a length").parse().expect("a number");
            assert_eq!(length, expected.len(), "seed {seed}: {request}{head}");
            (body.to_vec(), body.len() == length)
        }
    };
    let (body, whole) = body;
    let differs = expected.iter().zip(&body).position(|(wanted, came)| wanted != came);
    let source = differs.and_then(|at| origin_of(&body[at..], seed, path));
    assert_eq!(differs, None, "seed {seed}: spliced with what is at {source:?}: {request}{head}");
    assert!(body.len() <= expected.len(), "seed {seed}: longer than the origin's: {request}{head}");
    assert!(
        !whole || body.len() == expected.len(),
        "seed {seed}: a part passes for the whole: {request}{head}"
    );
}

/// Which version has bytes like the first of these, and where.
fn origin_of(bytes: &[u8], seed: u64, path: u64) -> Option<(u64, usize)> {
    let near = &bytes[..bytes.len().min(16)];
    let place = |version| {
        let at = content(seed, path, version).windows(near.len()).position(|window| window == near)?;
        Some((version, at))
    };
    (0..100).find_map(place)
}

/// The content of chunks, and whether it ended.
fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&rest[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("a size");
        rest = &rest[line + 2..];
        if size == 0 {
            return (body, true);
        }
        let there = size.min(rest.len());
        body.extend_from_slice(&rest[..there]);
        if there < size || rest.len() < size + 2 {
            return (body, false);
        }
        rest = &rest[size + 2..];
    }
    (body, false)
}

/// Purges and lets time pass while visitors come and go.
async fn disturb(stage: &mut Stage, world: &World, seed: u64) {
    let random = SeededRandom::new(seed << 8 ^ 0xff);
    for _ in 0..3 {
        for _ in 0..random.below(40) {
            tokio::task::yield_now().await;
        }
        stage.clock.advance(Duration::from_millis(random.below(3000)));
        let path = random.below(PATHS);
        let target = format!("/s{seed}/{path}");
        let version = world.versions[path as usize].load(Ordering::SeqCst);
        let soft = random.below(3) == 0;
        let host = HOST.parse().expect("a host");
        let purge = match random.below(2) {
            0 => PurgeTarget::Everything,
            _ => PurgeTarget::Url { host, port: None, path_and_query: target.clone() },
        };
        stage.purge(purge, soft).await;
        if !soft {
            world.floors.lock().expect("whole").insert(target, version);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a test is told by the environment which runs to replay")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("WARDMOTE_SEED").unwrap_or(1);
    first..first + if std::env::var("WARDMOTE_LONG").is_ok() { 10_000 } else { 200 }
}

#[tokio::test]
async fn whatever_happens_at_once_a_visitor_gets_one_answer_of_the_origin() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    // Little memory: things are evicted while they are read.
    let options = |options: &mut edge::Options| {
        options.cache_memory = 8 << 20;
        options.workers = 2;
    };
    let mut stage = Stage::set_with(options, |site| site.origins[0].port = port).await;
    let world = Arc::<World>::default();
    let playing = tokio::spawn(origin(listener, Arc::clone(&world)));
    let edge = stage.edge.http()[0];
    for seed in seeds() {
        world.seed.store(seed, Ordering::SeqCst);
        let visitors = (0..VISITORS).map(|number| visit(edge, &world, seed, number));
        let all = futures_util::future::join_all(visitors);
        tokio::join!(all, disturb(&mut stage, &world, seed));
    }
    playing.abort();
    let figures = stage.edge.figures();
    assert!(figures.hits > 0 && figures.cache.evictions > 0, "{figures:?}");
}
