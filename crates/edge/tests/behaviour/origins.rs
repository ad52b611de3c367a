//! Origins that fail, stall or lie.

use crate::support::{Stage, get};

/// What an origin sends, and the status a visitor gets for it.
const ANSWERS: &[(&str, u16, &str)] = &[
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        502,
        "origin-malformed",
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 502, "origin-malformed"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502, "origin-malformed"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 502, "origin-malformed"),
    ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 502, "origin-malformed"),
    ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", 502, "origin-malformed"),
    (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        502,
        "origin-malformed",
    ),
    ("SSH-2.0-OpenSSH_9\r\n\r\n", 502, "origin-malformed"),
    ("HTTP/1.1 200 OK\r\nX: y", 502, "origin-closed"),
    ("", 502, "origin-closed"),
];

#[tokio::test]
async fn what_an_origin_may_not_say_becomes_a_502_with_a_page_and_its_connection_is_not_used_again() {
    let stage = Stage::set().await;
    for (said, status, reason) in ANSWERS {
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        let mut origin = stage.origin.accept().await;
        let asked = origin.head().await;
        origin.send(said).await;
        origin.end().await;
        let answer = visitor.head().await;
        assert_eq!(answer.status(), *status, "{said:?}");
        assert_eq!(answer.field("cache-control"), "no-store");
        let page = String::from_utf8(visitor.bytes(answer.length()).await).expect("a page");
        assert!(page.contains(reason) && page.contains(asked.field("wardmote-ray")), "{said:?} gave {page}");
        visitor.send(get("/again")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(visitor.head().await.status(), 200, "the visitor's connection goes on");
    }
}

#[tokio::test]
async fn bytes_after_an_answer_are_never_taken_for_the_next_one() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi{extra}")).await;
    assert_eq!(visitor.head().await.length(), 2);
    visitor.text("hi").await;
    visitor.send(get("/next")).await;
    let mut fresh = stage.origin.accept().await;
    assert_eq!(fresh.head().await.line(), "GET /next HTTP/1.1");
    fresh.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean").await;
    visitor.head().await;
    visitor.text("clean").await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_to_be_broken() {
    let stage = Stage::set().await;
    for (head, part, as_sent) in [
        ("Content-Length: 10\r\n", "hello", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "5\r\nhello\r\n"),
    ] {
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send(format!("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n{head}\r\n{part}")).await;
        origin.end().await;
        visitor.head().await;
        assert_eq!(visitor.rest().await, as_sent.as_bytes(), "the end is missing");
    }
}

#[tokio::test]
async fn an_origin_that_is_not_there_gives_a_502_in_the_form_that_was_asked_for() {
    let stage = Stage::set_with(|_| {}, |site| site.origins[0].port = 1).await;
    let (head, body) = stage.ask(&get("/").replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n")).await;
    assert_eq!((head.status(), head.field("content-type")), (502, "application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(problem["reason"], "origin-unreachable");
    assert_eq!(problem["ray"], head.field("wardmote-ray"));
    let (head, body) = stage.ask("HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!((head.status(), body.len()), (502, 0));
    assert!(head.length() > 100);
}

#[tokio::test]
async fn the_next_origin_of_a_site_is_asked_where_the_first_is_away() {
    let stage = Stage::set_with(
        |_| {},
        |site| {
            let mut away = site.origins[0].clone();
            away.port = 1;
            site.origins.insert(0, away);
        },
    )
    .await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(visitor.head().await.status(), 200);
}

#[tokio::test]
async fn a_site_may_have_its_own_error_page_with_escaped_tokens() {
    let own = "<h1>{status} {reason} {host} {ray}</h1>{unknown}";
    let stage = Stage::set_with(
        |_| {},
        |site| {
            site.origins[0].port = 1;
            site.error_page = Some(own.to_owned());
        },
    )
    .await;
    let (head, body) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 502);
    let expected =
        format!("<h1>502 origin-unreachable a.test {}</h1>{{unknown}}", head.field("wardmote-ray"));
    assert_eq!(String::from_utf8_lossy(&body), expected);
    let (head, body) = stage.ask(&get("/").replace("a.test", "c.test")).await;
    assert_eq!(head.status(), 421);
    assert!(!String::from_utf8_lossy(&body).contains("{unknown}"));
}

#[tokio::test]
async fn an_origin_that_does_not_speak_the_tls_it_should_gives_a_502() {
    let stage = Stage::set_with(|_| {}, |site| site.origins[0].scheme = snapshot::Scheme::Https).await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.bytes(5).await;
    origin.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let answer = visitor.head().await;
    assert_eq!(answer.status(), 502);
    let page = String::from_utf8(visitor.bytes(answer.length()).await).expect("a page");
    assert!(page.contains("origin-tls"), "{page}");
}

#[tokio::test]
async fn an_origin_that_answers_and_closes_without_taking_the_content_is_heard() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    let length = 8 << 20;
    visitor.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    // More than all buffers on the way hold: the rest waits, and nobody takes it.
    let sending = tokio::spawn(async move {
        visitor.try_send(vec![b'x'; length]).await;
        visitor
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    origin.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    origin.end().await;
    let mut visitor = sending.await.expect("sent");
    assert_eq!(visitor.head().await.status(), 413);
    visitor.text("big").await;
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_cut_short_and_the_answer_comes_all_the_same() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(500)).await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    let mut interims = 0;
    let answer = loop {
        let head = visitor.head().await;
        if head.status() != 103 {
            break head;
        }
        interims += 1;
    };
    assert_eq!((interims, answer.status()), (8, 200));
    visitor.text("hi").await;
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_whole_then_and_nothing_follows_on_it() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello").await;
    assert_eq!(visitor.head().await.field("transfer-encoding"), "chunked");
    visitor.text("5\r\nhello\r\n").await;
    origin.send("HTTP/1.1 200 OK\r\n").await;
    visitor.text("11\r\nHTTP/1.1 200 OK\r\n\r\n").await;
    origin.end().await;
    visitor.text("0\r\n\r\n").await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    assert_eq!(origin.head().await.line(), "GET / HTTP/1.1", "it was not stored: it may have been cut");
}

#[tokio::test]
async fn an_answer_whose_chunks_are_no_chunks_is_cut_and_never_ends_as_whole() {
    for chunks in
        ["zz\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "5;\nhello\r\n0\r\n\r\n", "0\r\nX : y\r\n\r\n", "-1\r\n"]
    {
        let stage = Stage::set().await;
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        let head = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n";
        origin.send(format!("{head}3\r\nabc\r\n{chunks}")).await;
        visitor.head().await;
        let rest = visitor.rest().await;
        assert!(
            rest.starts_with(b"3\r\nabc\r\n") && !rest.ends_with(b"0\r\n\r\n"),
            "{chunks:?} gave {rest:?}"
        );
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        assert_eq!(
            stage.origin.accept().await.head().await.line(),
            "GET / HTTP/1.1",
            "{chunks:?} was stored"
        );
    }
}

#[tokio::test]
async fn a_connection_of_http_1_0_is_used_again_only_where_the_origin_says_so() {
    let stage = Stage::set().await;
    let mut visitor = stage.visit().await;
    for (said, again) in [("Connection: keep-alive\r\n", true), ("", false)] {
        visitor.send(get("/1")).await;
        let mut origin = stage.origin.accept().await;
        origin.head().await;
        origin.send(format!("HTTP/1.0 200 OK\r\n{said}Content-Length: 0\r\n\r\n")).await;
        visitor.head().await;
        visitor.send(get("/2")).await;
        let mut next = if again { origin } else { stage.origin.accept().await };
        assert_eq!(next.head().await.line(), "GET /2 HTTP/1.1");
        next.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
        visitor.head().await;
    }
}

#[tokio::test]
async fn an_origin_cannot_take_fields_for_everyone_out_of_its_answer() {
    let stage = Stage::set().await;
    let named = "Connection: Cache-Control, Set-Cookie, X-Hop\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\n{named}Cache-Control: no-store\r\nContent-Length: 2\r\n\r\nhi");
    let mut visitor = stage.visit().await;
    visitor.send(get("/")).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    origin.send(&answer).await;
    let head = visitor.head().await;
    assert_eq!((head.field("cache-control"), head.field("set-cookie")), ("no-store", "a=b"));
    assert!(head.all("x-hop").is_empty(), "a field of the connection ends here");
    visitor.text("hi").await;
    visitor.send(get("/")).await;
    origin.head().await;
    origin.send(&answer).await;
    assert_eq!(visitor.head().await.status(), 200, "it was not stored");
}
