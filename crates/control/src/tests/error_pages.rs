//! Customers' error pages, from the request to the parcel and the preview.

use super::rig::*;
use error_pages::PageClass;
use serde_json::json;
use vocabulary::Hostname;

const HTML: &str = "text/html";
const PAGE: &str = "<link rel=stylesheet href=https://shop.example/page.css><h1>::STATUS::</h1>::ERROR_BOX::";

async fn taken_in(running: &Running, class: &str, source: &str) -> Answer {
    running.upload(&format!("/api/v1/pages?class={class}"), HTML, source.as_bytes()).await
}

fn sites(pages: &str) -> String {
    format!(
        "[[account]]\nname = \"shop\"\npages = {{ contact = \"help@shop.example\" }}\n[[account.site]]\n\
         hosts = [\"shop.test\"]\norigins = [\"http://127.0.0.1:3001\"]\npages = {{ {pages} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_taken_in_named_by_a_site_carried_to_the_edge_and_shown() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let held = taken_in(&running, "origin", PAGE).await.is(200).json();
    let name = held["page"].as_str().expect("a name").to_owned();
    assert!(name.starts_with("sha256:") && held["bytes"].as_u64() > Some(100), "{held}");
    running.apply(&sites(&format!("origin = {name:?}")), "").await.is(200);
    // The same bytes under the same name.
    assert_eq!(taken_in(&running, "origin", PAGE).await.is(200).json()["page"], name.as_str());
    let exported = running.get("/api/v1/export").await.is(200).text();
    assert!(exported.contains(&name) && exported.contains("help@shop.example"), "{exported}");
    assert_eq!(running.apply(&exported, "?prune=true").await.is(200).json()["steps"], json!([]));

    let host = Hostname::parse("shop.test").expect("a host");
    running
        .edge
        .until("the page to arrive", |seen| {
            let snapshot = seen.snapshot.as_ref();
            snapshot.is_some_and(|snapshot| {
                let site = snapshot.site(&host);
                site.is_some_and(|site| snapshot.page(site, PageClass::Origin).is_some())
            })
        })
        .await;

    let shown = running.get("/api/v1/sites/shop.test/pages/origin").await.is(200);
    assert!(shown.field("content-security-policy").starts_with("sandbox allow-scripts; default-src 'none'"));
    let html = shown.text();
    assert!(html.contains("<h1>502</h1>") && html.contains("data:image/png;base64,UE5H"), "{html}");
    assert!(!html.contains("shop.example"), "{html}");
    running.get("/api/v1/sites/shop.test/pages/challenge").await.is(404);
    running.get("/api/v1/sites/other.test/pages/origin").await.is(404);
    let refused = running.get("/sites/shop.test/pages").await.is(200).text();
    assert!(refused.contains("<iframe class=\"shown\" sandbox=\"allow-scripts\""), "{refused}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_page_is_refused_with_what_is_wrong() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    for (class, source, says) in [
        ("origin", "<img src=https://shop.example/gone.png>", "status 404"),
        ("origin", "<img src=https://shop.example/large.png>", "longer than"),
        (
            "origin",
            "<img src=http://router.example/x>",
            "http://router.example/x cannot be put into the page",
        ),
        ("origin", "<img src=http://router.example/x>", "no public address"),
        ("origin", "<p>\n<iframe>", "line 2"),
        ("challenge", "<p>", "CHALLENGE_BOX"),
    ] {
        let refused = taken_in(&running, class, source).await.is(422);
        assert_eq!(refused.reason(), "page-unfit");
        assert!(refused.text().contains(says), "{source}: {}", refused.text());
    }
    taken_in(&running, "nonsense", "<p>").await.is(400);
    let large = "x".repeat(error_pages::BYTES_MAX + 1);
    assert_eq!(taken_in(&running, "origin", &large).await.is(413).reason(), "body-too-large");

    let unknown = format!("origin = \"sha256:{}\"", "0".repeat(64));
    assert!(running.apply(&sites(&unknown), "").await.is(422).text().contains("no page sha256:"));
    let plain = taken_in(&running, "origin", "<p>").await.is(200).json();
    let unfit = format!("challenge = {}", plain["page"]);
    assert!(running.apply(&sites(&unfit), "").await.is(422).text().contains("does not suit class challenge"));
    assert_eq!(running.get("/api/v1/sites").await.json()["revision"], 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_compiled_when_it_is_applied_and_its_loss_needs_the_customers_word() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("down.html"), PAGE).expect("written");
    std::fs::write(folder.path().join("bad.html"), "<p>\n<object>").expect("written");
    let base = format!("?base={}", folder.path().display());
    let refused = running.apply(&sites("maintenance = \"bad.html\""), &base).await.is(422);
    assert!(refused.text().contains("bad.html: line 2"), "{}", refused.text());
    let refused = running.apply(&sites("maintenance = \"none.html\""), &base).await.is(422);
    assert!(refused.text().contains("none.html cannot be read"), "{}", refused.text());
    let dry = running.apply(&sites("maintenance = \"down.html\""), &format!("{base}&dry_run=true")).await;
    assert_eq!(dry.is(200).json()["steps"].as_array().map(Vec::len), Some(1));
    running.apply(&sites("maintenance = \"down.html\""), &base).await.is(200);
    let again = running.apply(&sites("maintenance = \"down.html\""), &base).await.is(200).json();
    assert_eq!(again["steps"], json!([]));
    let taken = running.apply(&sites(""), &base).await.is(409);
    assert_eq!(taken.reason(), "tenant-request-missing");
    running.stop().await;
}
