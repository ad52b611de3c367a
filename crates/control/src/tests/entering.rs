//! Who gets in, and who does not.

use super::rig::*;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_answers_only_the_operators_token() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let at = running.control.listen();
    for fields in [
        vec![],
        vec![("Authorization", "Bearer wrong")],
        vec![("Authorization", "Basic YTpi")],
        vec![("Cookie", "wardmote=wrong")],
    ] {
        let refused = send(at, "GET", "/api/v1/status", &fields, b"").await.is(401);
        assert_eq!(refused.reason(), "unauthenticated", "{fields:?}");
        assert!(refused.fields.contains_key("www-authenticate"));
    }
    running.get("/api/v1/status").await.is(200);
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/api/v1/reasons", "/setup"] {
        send(at, "GET", path, &[], b"").await.is(200);
    }
    assert_eq!(running.get("/api/v1/nothing").await.is(404).reason(), "not-found");
    assert_eq!(
        running.call("PATCH", "/api/v1/sites", &Value::Null).await.is(405).reason(),
        "method-not-allowed"
    );
    assert_eq!(running.get("/api/v1/cases/case_nonsense").await.is(404).reason(), "not-found");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebound_names_and_foreign_pages_are_turned_away() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let at = running.control.listen();
    let bearer = format!("Bearer {}", running.token);
    let host =
        send(at, "GET", "/api/v1/status", &[("Authorization", &bearer), ("Host", "evil.test")], b"").await;
    assert_eq!(host.is(421).reason(), "foreign-host");
    let origin = [
        ("Authorization", bearer.as_str()),
        ("Origin", "http://evil.test"),
        ("Content-Type", "application/json"),
    ];
    let posted = send(at, "POST", "/api/v1/backup", &origin, b"").await;
    assert_eq!(posted.is(403).reason(), "foreign-origin");
    let console = send(at, "GET", "/", &[("Host", "evil.test:9090")], b"").await;
    assert_eq!(console.status, 421);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_link_works_once_and_within_its_time() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let at = running.control.listen();
    let locked = send(at, "GET", "/", &[], b"").await.is(401);
    assert!(locked.text().contains("locked"));

    let old = running.control.setup_link().await.expect("link");
    let link = running.control.setup_link().await.expect("link");
    let token = |link: &str| link.split_once("#t=").expect("fragment").1.to_owned();
    let redeem = async |token: String| {
        let body = json!({"token": token}).to_string();
        send(at, "POST", "/api/v1/session/setup", &[("Content-Type", "application/json")], body.as_bytes())
            .await
    };
    assert_eq!(redeem(token(&old)).await.is(403).reason(), "setup-token-refused");
    let opened = redeem(token(&link)).await.is(204);
    let cookie = opened.field("set-cookie").to_owned();
    assert!(
        cookie.starts_with("wardmote=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict")
    );
    assert_eq!(redeem(token(&link)).await.is(403).reason(), "setup-token-refused");

    let late = running.control.setup_link().await.expect("link");
    rig.clock.advance(Duration::from_secs(1_801));
    assert_eq!(redeem(token(&late)).await.is(403).reason(), "setup-token-refused");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_changes_things_only_with_its_csrf_token() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let at = running.control.listen();
    let link = running.control.setup_link().await.expect("link");
    // A browser without scripts pastes the whole link into the form.
    let form = format!(
        "token={}",
        link.replace(':', "%3A").replace('/', "%2F").replace('#', "%23").replace('=', "%3D")
    );
    let entered =
        send(at, "POST", "/setup", &[("Content-Type", "application/x-www-form-urlencoded")], form.as_bytes())
            .await;
    let entered = entered.is(303);
    assert_eq!(entered.field("location"), "/");
    let cookie = entered.field("set-cookie").split(';').next().expect("pair").to_owned();

    let page = send(at, "GET", "/", &[("Cookie", &cookie)], b"").await.is(200);
    assert!(page.field("content-security-policy").contains("default-src 'none'"));
    let session = send(at, "GET", "/api/v1/session", &[("Cookie", &cookie)], b"").await.is(200).json();
    let csrf = session["csrf"].as_str().expect("token").to_owned();
    assert!(page.text().contains(&csrf));

    let json_type = ("Content-Type", "application/json");
    let without = send(at, "POST", "/api/v1/setup-links", &[("Cookie", &cookie), json_type], b"{}").await;
    assert_eq!(without.is(403).reason(), "csrf-token-missing");
    let with = [("Cookie", cookie.as_str()), json_type, ("X-CSRF-Token", csrf.as_str())];
    send(at, "POST", "/api/v1/setup-links", &with, b"{}").await.is(201);
    let left = send(at, "DELETE", "/api/v1/session", &with, b"").await.is(204);
    assert!(left.field("set-cookie").contains("Max-Age=0"));
    send(at, "GET", "/api/v1/session", &[("Cookie", &cookie)], b"").await.is(401);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_what_protects_browsers() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let console = send(running.control.listen(), "GET", "/setup", &[], b"").await.is(200);
    let record = running.public("/record/").await.is(200);
    for answer in [&console, &record] {
        assert!(answer.field("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(answer.field("x-content-type-options"), "nosniff");
        assert!(!answer.fields.contains_key("set-cookie"));
    }
    assert_eq!(console.field("cache-control"), "no-store");
    // With no-referrer, browsers would send the console's own forms with `Origin: null`.
    assert_eq!(console.field("referrer-policy"), "same-origin");
    assert_eq!(record.field("referrer-policy"), "no-referrer");
    assert_eq!(running.public("/nothing").await.status, 404);
    assert_eq!(running.public("/api/v1/status").await.status, 404);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_stream_begins_with_its_history() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut rig = Rig::new();
    let running = rig.start().await;
    let at = running.control.listen();
    let mut stream = tokio::net::TcpStream::connect(at).await.expect("connected");
    let head = format!(
        "GET /api/v1/events/live HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {}\r\n\r\n",
        running.token
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let mut read = String::new();
    let mut buffer = [0; 4_096];
    while !(read.contains("event: history") && read.contains("event: figures")) {
        let wait = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
        let count = wait.expect("in time").expect("read");
        assert!(count > 0, "{read}");
        read += &String::from_utf8_lossy(&buffer[..count]);
    }
    assert!(read.contains("text/event-stream"), "{read}");
    assert!(read.contains("requests_per_second"), "{read}");
    // The open stream does not hold up the end.
    running.stop().await;
}
