//! The ready-to-send form.

use crate::{headers, judged, response};
use caching::stored_fields;
use http::StatusCode;
use object_cache::StoredResponse;

fn of(status: u16, lines: crate::Lines<'_>, body: &[u8]) -> StoredResponse {
    let fields = headers(&[&[("cache-control", "max-age=60")], lines].concat());
    let stored = judged(&[], status, &fields, body.len() as u64);
    let kept = stored_fields(&stored, &fields);
    StoredResponse::new(stored, kept, body.to_vec())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("utf-8")
}

#[test]
fn the_head_is_whole_but_for_its_end() {
    let date = ("date", "Sun, 22 Nov 2026 12:00:00 GMT");
    let lines = [
        date,
        ("etag", "\"a\""),
        ("content-type", "text/plain"),
        ("connection", "x"),
        ("x", "1"),
        ("age", "3"),
    ];
    let response = of(200, &lines, b"hello");
    assert_eq!(
        text(response.head()),
        "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ndate: Sun, 22 Nov 2026 12:00:00 GMT\r\n\
         etag: \"a\"\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n"
    );
    assert_eq!(
        text(response.not_modified_head()),
        "HTTP/1.1 304 Not Modified\r\ncache-control: max-age=60\r\n\
         date: Sun, 22 Nov 2026 12:00:00 GMT\r\netag: \"a\"\r\n"
    );
    assert_eq!(response.body().whole().map(|bytes| &bytes[..]), Some(&b"hello"[..]));
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn fields_are_slices_of_the_head() {
    let response = of(200, &[("etag", "\"a\""), ("set-cookie", "a=1"), ("set-cookie", "b=2")], b"");
    let head = response.head().as_ptr_range();
    assert_eq!(response.fields().len(), 5, "both cookies, a date put in");
    for (name, value) in response.fields() {
        assert!(head.contains(&value.as_bytes().as_ptr()), "{name}");
    }
    let kept: Vec<_> = response.not_modified_fields().map(|(name, _)| name.as_str()).collect();
    assert_eq!(kept.len(), 5);
    assert!(text(response.head()).contains("set-cookie: a=1\r\nset-cookie: b=2\r\n"));
}

/// RFC 9110 §8.6, §15.3.5; a status without a registered phrase has an empty one.
#[test]
fn odd_statuses_have_legal_heads() {
    assert!(!text(of(204, &[], b"").head()).contains("content-length"));
    assert!(text(of(299, &[], b"").head()).starts_with("HTTP/1.1 299 \r\n"));
    assert!(text(of(404, &[], b"").head()).ends_with("content-length: 0\r\n"));
}

#[test]
fn the_weight_covers_what_is_held() {
    let response = response(&[], &[("x-long", &"v".repeat(2_000))], 5_000);
    let visible = response.head().len() + response.not_modified_head().len() + response.body().len() as usize;
    let fields = size_of_val(response.fields());
    assert!(response.weight() >= visible + fields + size_of::<StoredResponse>());
    assert!(response.weight() < visible + 3_000, "and not much more");
}
