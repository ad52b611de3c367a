//! Sites: applying, and what may not be taken from a customer.

use super::rig::*;
use serde_json::json;

const NONE: &str = "";

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_an_apply_would_do_and_changes_nothing() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let dry = running.apply(SITES, "?dry_run=true").await.is(200).json();
    assert_eq!((dry["dry_run"].clone(), dry["steps"].as_array().expect("steps").len()), (json!(true), 3));
    assert_eq!(running.get("/api/v1/sites").await.json()["revision"], 0);
    let applied = running.apply(SITES, NONE).await.is(200).json();
    assert_eq!(applied["revision"], 1);
    let again = running.apply(SITES, "?prune=true").await.is(200).json();
    assert_eq!((again["revision"].clone(), again["steps"].clone()), (json!(1), json!([])));
    let exported = running.get("/api/v1/export").await.is(200).text();
    assert_eq!(running.apply(&exported, "?prune=true").await.is(200).json()["steps"], json!([]));
    let history = running.get("/api/v1/revisions?limit=1").await.is(200).json();
    assert_eq!(history["items"][0]["actor"], "operator:token");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_answered_with_their_lines() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let refused = running
        .apply("[[account]]\nname = \"a\"\n[[account.site]]\nhost = [\"a.test\"]\n", NONE)
        .await
        .is(422);
    assert_eq!(refused.reason(), "sites-mistaken");
    let mistakes = refused.json()["mistakes"].clone();
    assert!(mistakes.as_array().expect("list").iter().any(|mistake| mistake["line"] == 4), "{mistakes}");
    let large = "#".repeat(crate::sites_toml::BYTES_MAX + 1);
    assert_eq!(running.apply(&large, NONE).await.is(413).reason(), "body-too-large");
    assert_eq!(running.apply(SITES, "?prun=true").await.is(400).reason(), "malformed");
    let missing =
        SITES.replace("3001\"]", "3001\"]\n  certificate = { chain = \"no.pem\", key = \"no.key\" }");
    assert_eq!(running.apply(&missing, NONE).await.is(422).reason(), "certificate-unfit");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_service_is_lowered_only_on_its_request_and_that_is_logged() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, NONE).await.is(200);
    let repointed = SITES.replace("3001", "9999");
    let without = SITES.split("[[account]]\nname = \"shop\"").next().expect("first part");
    for (text, query) in [(repointed.as_str(), NONE), (without, "?prune=true")] {
        let refused = running.apply(text, query).await.is(409);
        assert_eq!(refused.reason(), "tenant-request-missing");
        assert_eq!(refused.json()["lowers"].as_array().expect("steps").len(), 1);
    }
    let unknown = "?decision=dec_00000000000000000000000000";
    assert_eq!(running.apply(&repointed, unknown).await.is(409).reason(), "tenant-request-missing");
    assert_eq!(running.get("/api/v1/sites").await.json()["revision"], 1);

    let before = running.get("/api/v1/status").await.json()["log"]["size"].as_u64().expect("size");
    let asked = json!({"sites": repointed, "customer_request": "please move us to the new machine"});
    let applied = running.post("/api/v1/apply", asked).await.is(200).json();
    assert_eq!(applied["revision"], 2);
    let after = running.get("/api/v1/status").await.json()["log"]["size"].as_u64().expect("size");
    assert_eq!(after, before + 1);
    let bundle = running.public(&format!("/record/log/tile/entries/000.p/{after}")).await.is(200).text();
    assert!(bundle.contains("tenant.request"), "{bundle}");
    assert!(!bundle.contains("please move us"), "the words stay in the vault");
    running.edge.until("the new revision", |seen| seen.revision == 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_lowers_a_service_for_good_not_even_one_in_force_on_the_site() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, NONE).await.is(200);
    let case = open_case(&rig, &running).await;
    let decision = propose(&running, &case, 3_600).await;
    sign(&rig, &running, &decision, "assessor-1").await.is(200);
    sign(&rig, &running, &decision, "duty-officer-1").await.is(200);
    running.until_state(&decision, "in-force").await;
    let before = running.get("/api/v1/export").await.is(200).text();
    let repointed = SITES.replace("3001", "9999");
    let shop = &SITES[SITES.find("[[account]]\nname = \"shop\"").expect("the shop")..];
    for (text, query) in [(repointed.as_str(), ""), (shop, "&prune=true")] {
        let refused = running.apply(text, &format!("?decision={decision}{query}")).await.is(409);
        assert_eq!(refused.reason(), "tenant-request-missing");
        assert!(refused.text().contains("M7"), "{}", refused.text());
    }
    assert_eq!(running.get("/api/v1/export").await.is(200).text(), before);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_customer_gets_a_name_under_anothers_wildcard() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    running.apply(SITES, NONE).await.is(200);
    let under = SITES.replace("\"shop.test\"", "\"shop.test\", \"x9.board.test\"");
    let refused = running.apply(&under, NONE).await.is(409);
    assert_eq!(refused.reason(), "host-taken");
    assert!(refused.text().contains("*.board.test"), "{}", refused.text());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_names_no_file_of_the_deployments_own() {
    let mut rig = Rig::new();
    let running = rig.start().await;
    let folder = rig.folder.path().join("sites");
    std::fs::create_dir(&folder).expect("made");
    let token = rig.data_dir().join("admin.token");
    std::os::unix::fs::symlink(&token, folder.join("secret.txt")).expect("linked");
    std::fs::write(folder.join("own.txt"), "a secret of its own").expect("written");
    let base = format!("?base={}", folder.display());
    let site = |keys: &str| {
        format!(
            "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\n\
             origins = [\"http://127.0.0.1:3001\"]\n{keys}\n"
        )
    };
    let secret = |file: &str| site(&format!("origin_secret = {{ name = \"X-Secret\", file = {file:?} }}"));
    let paths = [token.display().to_string(), "../data/admin.token".to_owned(), "secret.txt".to_owned()];
    for path in paths.iter().map(String::as_str).chain(["/proc/self/environ"]) {
        let refused = running.apply(&secret(path), &base).await.is(422);
        assert!(refused.text().contains("is no file for sites"), "{path}: {}", refused.text());
        let page = site(&format!("pages = {{ origin = {path:?} }}"));
        let refused = running.apply(&page, &base).await.is(422);
        assert!(refused.text().contains("is no file for sites"), "{path}: {}", refused.text());
    }
    running.apply(&secret("own.txt"), &base).await.is(200);
    running.stop().await;
}
