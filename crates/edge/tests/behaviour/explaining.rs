//! Why requests were answered as they were, and how they would be answered.

use crate::support::{HOST, Stage, get};
use edge::{Explanation, Unexplained};
use std::time::Duration;

fn steps(explanation: &Explanation) -> Vec<(&'static str, &'static str)> {
    explanation.steps.iter().map(|step| (step.step, step.reason.unwrap_or_default())).collect()
}

async fn answer(stage: &Stage, path: &str, fields: &str) -> String {
    let mut visitor = stage.visit().await;
    visitor.send(get(path)).await;
    let mut origin = stage.origin.accept().await;
    origin.head().await;
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 4\r\nConnection: close\r\n\r\nbody");
    origin.send(answer).await;
    let ray = visitor.head().await.field("wardmote-ray").to_owned();
    visitor.text("body").await;
    ray
}

#[tokio::test]
async fn each_answer_is_told_by_its_ray() {
    let mut stage = Stage::set().await;
    let insight = stage.edge.insight();
    let stored = answer(&stage, "/stored", "Cache-Control: max-age=60\r\n").await;
    let private = answer(&stage, "/private", "Cache-Control: private\r\n").await;
    let (head, _) = stage.ask(&get("/stored").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
    let hit = head.field("wardmote-ray");
    let told = insight.explain_ray(&private).expect("remembered");
    assert_eq!(told.verdict, "miss");
    assert_eq!(told.steps[0].text, "GET http://a.test/private");
    assert!(steps(&told).contains(&("kept", "private")), "{told:?}");
    assert_eq!(insight.explain_ray(&stored).expect("remembered").verdict, "miss");
    let told = insight.explain_ray(hit).expect("remembered");
    assert_eq!((told.verdict, told.site), ("hit", Some(stage.sites[0].id)));
    stage.block(0, Duration::from_secs(60)).await;
    let (head, _) = stage.ask(&get("/stored")).await;
    let told = insight.explain_ray(head.field("wardmote-ray")).expect("remembered");
    assert_eq!(told.verdict, "blocked");
    assert!(steps(&told).contains(&("measure", "")), "{told:?}");
    let unknown = "0000000000000000";
    assert_eq!(insight.explain_ray(unknown), Err(Unexplained::Forgotten(unknown.into())));
    assert_eq!(insight.explain_ray("xyz"), Err(Unexplained::NoRay("xyz".into())));
}

#[tokio::test]
async fn an_address_is_told_as_a_browser_would_find_it_now() {
    let stage = Stage::set().await;
    let insight = stage.edge.insight();
    let url = format!("http://{HOST}/x?y");
    let told = insight.explain_url(&url).await.expect("an address");
    assert_eq!((told.verdict, told.stored.is_none()), ("miss", true));
    assert!(steps(&told).contains(&("store", "absent")), "{told:?}");
    answer(&stage, "/x?y", "Cache-Control: max-age=60\r\nETag: \"v\"\r\nCache-Tag: one\r\n").await;
    stage.clock.advance(Duration::from_secs(7));
    let told = insight.explain_url(&url).await.expect("an address");
    let facts = told.stored.as_ref().expect("stored");
    assert_eq!((told.verdict, facts.age, facts.ttl, facts.bytes), ("hit", 7, 53, 4));
    assert_eq!((facts.etag.as_deref(), facts.tags.as_slice()), (Some("\"v\""), &["one".to_owned()][..]));
    stage.clock.advance(Duration::from_secs(60));
    let told = insight.explain_url(&url).await.expect("an address");
    assert!(steps(&told).contains(&("cache", "stale")), "{told:?}");
    let told = insight.explain_url("http://nobody.test/").await.expect("an address");
    assert_eq!(told.verdict, "unknown-host");
    for text in ["a.test/x", "ftp://a.test/", "/x", "http://"] {
        assert_eq!(insight.explain_url(text).await, Err(Unexplained::NoUrl(text.into())));
    }
    assert!(!stage.origin.is_called().await);
}
