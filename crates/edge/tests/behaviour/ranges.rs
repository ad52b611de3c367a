//! Parts of what is stored, and large bodies in slices.

use crate::support::{Stage, get};
use testkit::{Head, Peer};

const MIB: usize = 1 << 20;

/// A body in which every place tells where it is.
fn body(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at >> 12) as u8 ^ seed).collect()
}

fn range(path: &str, range: &str) -> String {
    get(path).replace("\r\n\r\n", &format!("\r\nRange: bytes={range}\r\n\r\n"))
}

async fn asking(stage: &Stage, request: &str) -> Peer {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    visitor
}

/// Plays an origin that knows ranges: answers one request for `body`. Returns the request's head.
async fn serve(stage: &Stage, body: &[u8], tag: &str) -> Head {
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    let fields = format!("Cache-Control: max-age=60\r\nETag: {tag}\r\nConnection: close\r\n");
    let matches = asked.field("if-match");
    if !matches.is_empty() && matches != tag {
        origin.send(format!("HTTP/1.1 412 Precondition Failed\r\n{fields}Content-Length: 0\r\n\r\n")).await;
        return asked;
    }
    let part = asked.field("range").strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let (line, part) = match part {
        None => ("HTTP/1.1 200 OK\r\n".to_owned(), body),
        Some((first, last)) => {
            let first: usize = first.parse().expect("a place");
            let last = last.parse().unwrap_or(usize::MAX).min(body.len() - 1);
            let line = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes";
            (format!("{line} {first}-{last}/{}\r\n", body.len()), &body[first..=last])
        }
    };
    origin.send(format!("{line}{fields}Content-Length: {}\r\n\r\n", part.len())).await;
    // A visitor that has enough may close.
    origin.try_send(part).await;
    asked
}

/// Waits until a visitor's exchange is over: it has its bytes before the slices around them are held. The next
/// answer on its connection is the edge's own.
async fn over(visitor: &mut Peer) {
    visitor.send("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n").await;
    let head = visitor.head().await;
    assert_eq!(head.status(), 421);
    visitor.bytes(head.length()).await;
}

#[tokio::test]
async fn several_ranges_are_answered_in_parts_and_greedy_ones_are_not() {
    let stage = Stage::set().await;
    let content = body(1000, 0);
    let mut visitor = asking(&stage, &get("/x")).await;
    serve(&stage, &content, "\"v1\"").await;
    visitor.head().await;
    assert_eq!(visitor.bytes(1000).await, content);
    let (head, got) = stage.ask(&range("/x", "0-9, 100-119,-5")).await;
    assert_eq!((head.status(), head.length()), (206, got.len()));
    let boundary = head.field("content-type").strip_prefix("multipart/byteranges; boundary=").expect("parts");
    let mut expected = Vec::new();
    for (first, last) in [(0, 9), (100, 119), (995, 999)] {
        expected.extend_from_slice(
            format!("\r\n--{boundary}\r\ncontent-range: bytes {first}-{last}/1000\r\n\r\n").as_bytes(),
        );
        expected.extend_from_slice(&content[first..=last]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert_eq!(got, expected);
    let many = (0..301).map(|n| format!("{0}-{0}", 2 * n)).collect::<Vec<_>>().join(",");
    for greedy in ["0-,0-,0-", "0-10,5-15", &many] {
        let (head, got) = stage.ask(&range("/x", greedy)).await;
        assert_eq!((head.status(), got.len()), (416, 0), "{greedy:.20}");
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_large_body_is_stored_in_slices_and_read_again_whole_and_in_parts() {
    let stage = Stage::set().await;
    let content = body(3 * MIB + 12345, 7);
    let mut visitors = [asking(&stage, &get("/large")).await, asking(&stage, &get("/large")).await];
    let reading = async {
        for visitor in &mut visitors {
            let length = visitor.head().await.length();
            assert!(visitor.bytes(length).await == content);
        }
    };
    tokio::join!(serve(&stage, &content, "\"v1\""), reading);
    let (head, got) = stage.ask(&get("/large")).await;
    assert!(head.field("cache-status").contains("hit") && got == content, "{}", head.text);
    let (first, last) = (MIB - 5, 2 * MIB + 5);
    let (head, got) = stage.ask(&range("/large", &format!("{first}-{last}"))).await;
    assert_eq!(head.field("content-range"), format!("bytes {first}-{last}/{}", content.len()));
    assert!(got == content[first..=last]);
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_range_fetches_whole_slices_and_no_others_and_each_once() {
    let stage = Stage::set().await;
    let content = body(5 * MIB + 1, 3);
    let mut any = false;
    for (wanted, fetched) in [
        (MIB + 10..=MIB + 19, Some(format!("bytes={}-{}", MIB, 2 * MIB - 1))),
        (MIB + 500_000..=MIB + 500_009, None),
        (MIB + 10..=3 * MIB + 9, Some(format!("bytes={}-{}", 2 * MIB, 4 * MIB - 1))),
        (5 * MIB..=5 * MIB, Some(format!("bytes={}-{}", 5 * MIB, 5 * MIB))),
        (0..=0, Some(format!("bytes=0-{}", MIB - 1))),
        (0..=5 * MIB, Some(format!("bytes={}-{}", 4 * MIB, 5 * MIB - 1))),
    ] {
        let text = format!("{}-{}", wanted.start(), wanted.end());
        let mut visitor = asking(&stage, &range("/large", &text)).await;
        let reading = async {
            let head = visitor.head().await;
            let got = visitor.bytes(head.length()).await;
            over(&mut visitor).await;
            (head, got)
        };
        let serving = async {
            if let Some(fetched) = fetched {
                let tag = if any { "\"v1\"" } else { "" };
                let asked = serve(&stage, &content, "\"v1\"").await;
                assert_eq!(
                    (asked.field("range"), asked.field("if-match")),
                    (fetched.as_str(), tag),
                    "{text}"
                );
            }
        };
        let ((head, got), ()) = tokio::join!(reading, serving);
        any = true;
        assert_eq!(head.field("content-range"), format!("bytes {text}/{}", content.len()));
        assert!(got == content[wanted], "{text}");
    }
    let (head, got) = stage.ask(&get("/large")).await;
    assert!(head.status() == 200 && got == content);
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn slices_of_two_representations_are_never_put_together() {
    let stage = Stage::set().await;
    let (old, new) = (body(3 * MIB, 1), body(3 * MIB, 2));
    let mut visitor = asking(&stage, &range("/large", "0-9")).await;
    serve(&stage, &old, "\"v1\"").await;
    visitor.head().await;
    assert_eq!(visitor.bytes(10).await, old[..10]);
    over(&mut visitor).await;
    // The first slice is held, the second is another by now: the answer is cut at the seam.
    let close = range("/large", "0-").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let mut visitor = asking(&stage, &close).await;
    assert_eq!(serve(&stage, &new, "\"v2\"").await.field("if-match"), "\"v1\"");
    assert_eq!(visitor.head().await.length(), 3 * MIB);
    assert!(visitor.rest().await == old[..MIB]);
    // What was held is gone: from here on everything is new.
    let mut visitor = asking(&stage, &range("/large", &format!("0-{}", 2 * MIB - 1))).await;
    assert_eq!(serve(&stage, &new, "\"v2\"").await.field("if-match"), "");
    visitor.head().await;
    assert!(visitor.bytes(2 * MIB).await == new[..2 * MIB]);
    over(&mut visitor).await;
    // Where nothing was sent yet, the visitor gets the new one.
    let mut visitor = asking(&stage, &range("/large", &format!("{}-", 2 * MIB))).await;
    let newest = body(3 * MIB, 9);
    assert_eq!(serve(&stage, &newest, "\"v3\"").await.field("if-match"), "\"v2\"");
    assert_eq!(serve(&stage, &newest, "\"v3\"").await.field("if-match"), "");
    assert_eq!(visitor.head().await.field("etag"), "\"v3\"");
    assert!(visitor.bytes(MIB).await == newest[2 * MIB..]);
}

#[tokio::test]
async fn an_origin_without_ranges_or_strong_tags_is_not_asked_for_slices_again() {
    let stage = Stage::set().await;
    let content = body(2 * MIB, 4);
    let mut visitor = asking(&stage, &range("/weak", "5-9")).await;
    assert_eq!(serve(&stage, &content, "W/\"v1\"").await.field("range"), format!("bytes=0-{}", MIB - 1));
    let head = visitor.head().await;
    assert_eq!(head.field("content-range"), format!("bytes 5-9/{}", 2 * MIB));
    assert_eq!(visitor.bytes(5).await, content[5..=9]);
    let mut visitor = asking(&stage, &range("/weak", "5-9")).await;
    assert_eq!(serve(&stage, &content, "W/\"v1\"").await.field("range"), "bytes=5-9");
    visitor.head().await;
    // An origin that sends all of it may: what is small is stored.
    let mut visitor = asking(&stage, &range("/plain", "5-9")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789").await;
    assert_eq!(visitor.head().await.status(), 200);
    visitor.text("0123456789").await;
    over(&mut visitor).await;
    let (head, got) = stage.ask(&range("/plain", "5-9")).await;
    assert_eq!((head.status(), got.as_slice()), (206, b"56789".as_slice()));
}

#[tokio::test]
async fn a_range_of_something_small_stores_all_of_it() {
    let stage = Stage::set().await;
    let content = body(5000, 4);
    // Behind an end that nobody knew: refused, and held from then on.
    let mut visitor = asking(&stage, &range("/short", "5000-5009")).await;
    serve(&stage, &content, "\"v1\"").await;
    let head = visitor.head().await;
    assert_eq!((head.status(), head.field("content-range")), (416, "bytes */5000"));
    visitor.send(get("/short")).await;
    assert_eq!(visitor.head().await.field("cache-status"), "wardmote; hit; ttl=60");
    let mut visitor = asking(&stage, &range("/small", "10-19")).await;
    serve(&stage, &content, "\"v1\"").await;
    visitor.head().await;
    assert_eq!(visitor.bytes(10).await, content[10..=19]);
    over(&mut visitor).await;
    let (head, got) = stage.ask(&get("/small")).await;
    assert_eq!((head.status(), head.field("cache-status")), (200, "wardmote; hit; ttl=60"));
    assert!(head.field("content-range").is_empty() && got == content);
}

#[tokio::test]
async fn an_origin_that_fails_for_a_moment_costs_no_slices_that_are_held() {
    let stage = Stage::set().await;
    let content = body(3 * MIB, 1);
    let mut visitor = asking(&stage, &range("/large", "0-9")).await;
    serve(&stage, &content, "\"v1\"").await;
    visitor.head().await;
    visitor.bytes(10).await;
    over(&mut visitor).await;
    let mut visitor = asking(&stage, &range("/large", &format!("{MIB}-{}", MIB + 9))).await;
    // Asked for the slice, and then for what the visitor asked.
    for _ in 0..2 {
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    }
    assert_eq!(visitor.head().await.status(), 503);
    let (head, got) = stage.ask(&range("/large", "0-9")).await;
    assert!(head.field("cache-status").starts_with("wardmote; hit"), "{}", head.text);
    assert_eq!((head.status(), got.as_slice()), (206, &content[..10]));
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn a_visitor_has_its_bytes_as_soon_as_they_are_there_and_waits_for_no_whole_slice() {
    let stage = Stage::set().await;
    let content = body(2 * MIB, 1);
    // Nothing is held; then the first slice is, and the second is missing.
    for (first, slice) in [(0, 0), (MIB + 5, MIB)] {
        let mut visitor = asking(&stage, &range("/large", &format!("{first}-{}", first + 9))).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let last = slice + MIB - 1;
        origin
            .send(format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {slice}-{last}/{}\r\nETag: \"v1\"\r\n\
                 Cache-Control: max-age=60\r\nContent-Length: {MIB}\r\n\r\n",
                content.len()
            ))
            .await;
        origin.send(&content[slice..slice + 100]).await;
        assert_eq!(visitor.head().await.length(), 10);
        assert_eq!(visitor.bytes(10).await, content[first..first + 10]);
        origin.send(&content[slice + 100..=last]).await;
        visitor.send(get("/next")).await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        visitor.head().await;
    }
}

#[tokio::test]
async fn nobody_waits_for_the_rest_of_a_range_that_was_not_asked_for() {
    let stage = Stage::set().await;
    let content = body(100, 1);
    for wanted in ["0-9", "999999999999-"] {
        let mut visitor = asking(&stage, &range(&format!("/{wanted}"), wanted)).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let length = 9 * MIB;
        origin
            .send(format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-{}/{length}\r\nETag: \"v1\"\r\n\
                 Cache-Control: max-age=60\r\nContent-Length: {length}\r\n\r\n",
                length - 1
            ))
            .await;
        origin.send(&content).await;
        let head = visitor.head().await;
        visitor.bytes(head.length()).await;
        visitor.send(get("/next")).await;
        let mut origin = stage.origin.accept().await;
        assert_eq!(origin.head().await.line(), "GET /next HTTP/1.1");
        origin.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        visitor.head().await;
    }
}
