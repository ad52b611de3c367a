//! The console's page about a site's cache, and its form without a script.

use super::rig::*;
use super::session::{Session, site_of};
use serde_json::json;

/// A console session at the page of one site.
struct Visitor {
    session: Session,
    site: String,
}

impl Visitor {
    async fn of(running: &Running) -> Self {
        let site = site_of(running, "shop").await;
        Self { session: Session::open(running, &format!("/sites/{site}/cache")).await, site }
    }

    fn address(&self) -> String {
        format!("/sites/{}/cache", self.site)
    }

    async fn get(&self, running: &Running, path: &str) -> Answer {
        self.session.get(running, path).await
    }

    async fn send_form(&self, running: &Running, form: &str) -> Answer {
        self.session.send_form(running, &format!("/sites/{}/purges", self.site), form).await
    }
}

async fn started(rig: &mut Rig) -> (Running, Visitor) {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    running.edge.until("the sites", |seen| seen.sites == 3).await;
    let visitor = Visitor::of(&running).await;
    (running, visitor)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_for_a_session_and_for_sites_that_are_there() {
    let mut rig = Rig::new();
    let (running, visitor) = started(&mut rig).await;
    let at = running.control.listen();
    let page = visitor.get(&running, &visitor.address()).await.is(200);
    assert!(page.field("content-security-policy").contains("script-src 'self'"));
    assert!(page.text().contains("Cache of shop.test") && page.text().contains("Mode guarded"));
    visitor.get(&running, "/sites/shop.test/cache").await.is(200);
    assert!(send(at, "GET", &visitor.address(), &[], b"").await.is(401).text().contains("locked"));
    for other in ["/sites/other.test/cache", "/sites/%00/cache", "/sites/site_x/cache"] {
        assert!(visitor.get(&running, other).await.is(404).text().contains("no such page"), "{other}");
    }
    let overview = visitor.get(&running, "/").await.is(200).text();
    assert!(overview.contains(&format!("href=\"{}\"", visitor.address())), "the overview leads there");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_shows_what_goes_first_and_purges_when_told_to() {
    let mut rig = Rig::new();
    let (running, visitor) = started(&mut rig).await;
    let form = "kind=prefix&target=%2Fassets%2F&soft=yes";
    let shown = visitor.send_form(&running, form).await.is(200).text();
    assert!(shown.contains("shop.test/assets/") && shown.contains("on one edge") && shown.contains("Softly"));
    assert_eq!(running.get("/api/v1/purges").await.json()["items"], json!([]), "nothing is purged yet");

    let going = format!("{form}&go=yes");
    let done = visitor.send_form(&running, &going).await.is(303);
    assert_eq!(done.field("location"), format!("{}?purge=1#purges", visitor.address()));
    let listed = running.get("/api/v1/purges").await.json();
    assert_eq!(listed["items"][0]["target"], "shop.test/assets/");
    assert_eq!(
        (&listed["items"][0]["soft"], &listed["items"][0]["actor"]),
        (&json!(true), &json!("operator:console"))
    );
    let page = visitor.get(&running, &format!("{}?purge=1", visitor.address())).await.is(200).text();
    assert!(
        page.contains("Purge 1 is done") && page.contains("shop.test/assets/") && page.contains("edge-1")
    );

    let path = visitor.send_form(&running, "kind=url&target=%2Flamps%3Fa").await.is(200).text();
    assert!(path.contains("<code>shop.test/lamps?a</code>"), "a path is an address on the site's host");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_forged_or_mistaken_purges_nothing() {
    let mut rig = Rig::new();
    let (running, visitor) = started(&mut rig).await;
    let with_origin = |origin: &'static str| {
        let at = running.control.listen();
        let path = format!("/sites/{}/purges", visitor.site);
        let body = format!("csrf={}&kind=everything", visitor.session.csrf);
        let cookie = visitor.session.cookie.clone();
        async move {
            send(
                at,
                "POST",
                &path,
                &[("Cookie", &cookie), ("Host", "localhost"), ("Origin", origin)],
                body.as_bytes(),
            )
            .await
        }
    };
    with_origin("http://localhost").await.is(200);
    for foreign in ["null", "http://evil.test"] {
        assert_eq!(with_origin(foreign).await.is(403).reason(), "foreign-origin");
    }
    let session = Session { csrf: "0".to_owned(), cookie: visitor.session.cookie.clone() };
    let forger = Visitor { session, site: visitor.site.clone() };
    let forged = forger.send_form(&running, "kind=everything&go=yes").await.is(403);
    assert_eq!(forged.reason(), "csrf-token-missing");
    for (form, says) in [
        (
            "kind=url&target=https%3A%2F%2Fboard.test%2F&go=yes",
            "The host board.test does not belong to the site shop.test.",
        ),
        ("kind=url&target=&go=yes", "Write the whole address"),
        ("kind=tag&target=&go=yes", "A tag is one word"),
        ("kind=host&target=%22%3E%3Cb%3E&go=yes", "Not a host name"),
        ("go=yes", "Write the whole address"),
    ] {
        let page = visitor.send_form(&running, form).await.is(422).text();
        assert!(page.contains(says) && page.contains("role=\"alert\""), "{form}: {page}");
    }
    assert_eq!(running.get("/api/v1/purges").await.json()["items"], json!([]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_of_a_site_that_no_edge_serves_are_not_made_up() {
    let mut rig = Rig::new();
    let (running, visitor) = started(&mut rig).await;
    let path = format!("/api/v1/sites/{}/cache", visitor.site);
    assert_eq!(running.get(&path).await.is(404).reason(), "not-found");
    running.stop().await;
}
