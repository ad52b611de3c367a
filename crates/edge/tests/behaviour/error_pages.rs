//! A site's own error pages at the edge.

use crate::support::{HOST, Stage, get};
use ::error_pages::{Compiled, Page, PageClass, compile};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn page(source: &str) -> Page {
    match compile(source, PageClass::Origin, &BTreeMap::new()) {
        Ok(Compiled::Whole(page)) => page,
        other => panic!("{other:?}"),
    }
}

/// Gives the site on stage a page of a class.
async fn give(stage: &mut Stage, class: PageClass, source: &str) {
    let page = Arc::new(page(source));
    stage.sites[0].pages.by_class.insert(class, page.digest());
    stage.pages.insert(page.digest(), page);
    stage.publish().await;
}

/// An origin that hangs up on everybody.
async fn failing() -> Stage {
    let mut stage = Stage::set().await;
    stage.sites[0].origins[0].port = 1;
    stage
}

#[tokio::test]
async fn a_failing_origin_shows_the_sites_own_page_with_its_policy_and_leaves_no_copy() {
    let mut stage = failing().await;
    give(&mut stage, PageClass::Origin, "<h1>::STATUS::</h1><p title=::RAY_ID::>::CLIENT_IP:: ::GEO::</p>")
        .await;
    for _ in 0..2 {
        let (head, body) = stage.ask(&get("/")).await;
        assert_eq!(head.status(), 502);
        let ray = head.field("wardmote-ray").to_owned();
        let expected = format!("<!doctype html><h1>502</h1><p title=\"{ray}\">127.0.0.1 unknown</p>");
        assert_eq!(String::from_utf8(body).expect("text"), expected);
        assert!(head.field("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(head.field("cache-control"), "no-store");
        assert!(!head.field("cache-status").contains("hit"), "{}", head.field("cache-status"));
    }
    // Programs get the document that programs read.
    let request = get("/").replace("\r\n\r\n", "\r\nAccept: application/json\r\n\r\n");
    let (head, _) = stage.ask(&request).await;
    assert_eq!(head.field("content-type"), "application/problem+json");
    // Another site's failure is none of its business.
    stage.sites[1].origins[0].port = 1;
    stage.publish().await;
    let (_, body) = stage.ask(&get("/").replace(HOST, "b.test")).await;
    assert!(String::from_utf8(body).expect("text").contains("Wardmote"));
}

#[tokio::test]
async fn each_class_has_its_page_and_the_one_text_stands_in_for_the_rest() {
    let mut stage = failing().await;
    stage.sites[0].error_page = Some("all {status}".to_owned());
    give(&mut stage, PageClass::Maintenance, "closed ::STATUS::").await;
    let (_, body) = stage.ask(&get("/")).await;
    assert_eq!(String::from_utf8(body).expect("text"), "all 502");
    stage.sites[0].front.maintenance =
        Some(snapshot::Maintenance { retry_after_seconds: 9, allow: Vec::new() });
    stage.publish().await;
    let (head, body) = stage.ask(&get("/")).await;
    assert_eq!((head.status(), head.field("retry-after")), (503, "9"));
    assert_eq!(String::from_utf8(body).expect("text"), "<!doctype html>closed 503");
    // A request that cannot be read is nobody's to dress up.
    let (_, body) = stage.ask(&format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: x\r\n\r\n")).await;
    assert!(String::from_utf8(body).expect("text").contains("Wardmote"));
    // Without the service, ours.
    stage.sites[0].services.remove(&snapshot::Service::Errors);
    stage.publish().await;
    let (_, body) = stage.ask(&get("/")).await;
    assert!(String::from_utf8(body).expect("text").contains("Closed by the site’s owner"));
}

#[tokio::test]
async fn the_page_of_a_measure_has_the_sites_contact_escaped_and_nothing_else_of_it() {
    let mut stage = Stage::set().await;
    stage.sites[0].pages.contact = Some("<b>help</b>@shop.example".to_owned());
    stage.sites[0].error_page = Some("mine".to_owned());
    give(&mut stage, PageClass::Origin, "mine").await;
    stage.block(0, Duration::from_secs(3600)).await;
    let (head, body) = stage.ask(&get("/")).await;
    let body = String::from_utf8(body).expect("text");
    assert_eq!(head.status(), 403);
    assert!(body.contains("&lt;b&gt;help&lt;/b&gt;@shop.example") && !body.contains("mine"), "{body}");
}
