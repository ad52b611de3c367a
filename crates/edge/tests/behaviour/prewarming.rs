//! Pages fetched before visitors ask for them.

use crate::support::{HOST, Stage, get};
use edge::{BATCH_MAX, NotWarmed};
use std::time::Duration;

/// Answers so many requests of the edge to the origin; everything named `/private` is not for sharing.
async fn serve(stage: &Stage, count: usize, body: impl Fn(&str) -> String) {
    for _ in 0..count {
        let mut origin = stage.origin.accept().await;
        let head = origin.head().await;
        let path = head.line().split(' ').nth(1).unwrap_or_default().to_owned();
        let control = if path == "/private" { "private" } else { "max-age=60" };
        let body = body(&path);
        let fields = format!("Cache-Control: {control}\r\nContent-Length: {}\r\n", body.len());
        origin.send(format!("HTTP/1.1 200 OK\r\n{fields}Connection: close\r\n\r\n{body}")).await;
    }
}

#[tokio::test]
async fn a_warmed_page_is_a_hit_for_its_first_visitor() {
    let stage = Stage::set().await;
    let insight = stage.edge.insight();
    let url = |path: &str| format!("http://{HOST}{path}");
    let urls = vec![url("/a"), url("/private"), "nonsense".into(), "http://nobody.test/".into(), url("/b")];
    let (warmed, ()) = tokio::join!(insight.prewarm(urls), serve(&stage, 3, |_| "body".into()));
    let warmed = warmed.expect("warmed");
    let told: Vec<_> = warmed.iter().map(|page| (page.status, page.stored, page.bytes)).collect();
    assert_eq!(told[..3], [(200, true, 4), (200, false, 4), (0, false, 0)]);
    assert_eq!((warmed[3].status, warmed[3].stored, told[4]), (421, false, (200, true, 4)));
    assert!(warmed[2].error.is_some() && warmed[0].error.is_none());
    let (head, body) = stage.ask(&get("/a")).await;
    assert!(head.field("cache-status").starts_with("wardmote; hit"), "{}", head.text);
    assert_eq!(body, b"body");
    let again = insight.prewarm(vec![url("/a")]).await.expect("warmed");
    assert_eq!((again[0].status, again[0].stored), (200, true));
    assert!(!stage.origin.is_called().await);
    let many = vec![url("/a"); BATCH_MAX + 1];
    assert_eq!(insight.prewarm(many).await, Err(NotWarmed::TooMany));
}

#[tokio::test]
async fn a_sitemap_and_an_index_of_sitemaps_give_their_addresses() {
    let stage = Stage::set().await;
    let insight = stage.edge.insight();
    let page = |path: &str| match path {
        "/index.xml" => format!(
            "<sitemapindex><sitemap><loc>http://{HOST}/1.xml</loc></sitemap>\
             <sitemap><loc>http://{HOST}/2.xml</loc></sitemap></sitemapindex>"
        ),
        other => format!("<urlset><url><loc>http://{HOST}{other}?p=1&amp;q</loc></url></urlset>"),
    };
    let asked = insight.sitemap(format!("http://{HOST}/index.xml"));
    let (found, ()) = tokio::join!(asked, serve(&stage, 3, page));
    let all = ["/1.xml", "/2.xml"].map(|path| format!("http://{HOST}{path}?p=1&q"));
    assert_eq!(found, Ok(all.to_vec()));
    let asked = insight.sitemap(format!("http://{HOST}/page"));
    let (found, ()) = tokio::join!(asked, serve(&stage, 1, |_| "<html>".into()));
    assert!(matches!(found, Err(NotWarmed::Sitemap { .. })), "{found:?}");
}

#[tokio::test]
async fn a_blocked_host_is_not_warmed() {
    let mut stage = Stage::set().await;
    stage.block(0, Duration::from_secs(60)).await;
    let warmed = stage.edge.insight().prewarm(vec![format!("http://{HOST}/")]).await.expect("answered");
    assert_eq!((warmed[0].status, warmed[0].stored), (403, false));
    assert!(!stage.origin.is_called().await);
}
