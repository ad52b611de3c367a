//! The ways into one site, by the API and by the console's page.

use super::rig::*;
use super::session::{Session, site_of};
use serde_json::json;

const SITE: &str = "/api/v1/sites/shop.test/ways-in";
const PAGE: &str = "/sites/shop.test/ways-in";
/// What the form sends of a site where nothing is set.
const PLAIN: &str =
    "tls_min=1.2&max_age=31536000&clients=none&authorities=&retry_after=600&allow=&origin_host=";

async fn started(rig: &mut Rig) -> Running {
    let running = rig.start().await;
    running.apply(SITES, "").await.is(200);
    running.edge.until("the sites", |seen| seen.sites == 3).await;
    running
}

/// The certificate of an authority, in PEM form.
fn authority() -> String {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&key).expect("a certificate").pem()
}

/// What the settings are now, by the API.
async fn version(running: &Running) -> String {
    running.get(SITE).await.is(200).json()["version"].as_str().expect("a version").to_owned()
}

/// What the form sends beside the settings.
async fn shown(running: &Running) -> String {
    format!("version={}", version(running).await)
}

/// As a form sends it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ways_into_a_site_are_read_and_put_back_as_the_keys_of_a_sites_file() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    assert_eq!(running.get(SITE).await.is(200).json()["text"], "");
    let pem = authority();
    let text = format!(
        "redirect_https = true\nhsts = {{ max_age = 60 }}\norigin_host = \"inner.shop.test:8080\"\n\
         client_certificates = {{ ca = \"\"\"\n{pem}\"\"\", mode = \"optional\" }}"
    );
    let version_shown = version(&running).await;
    let body =
        json!({ "text": text, "version": version_shown, "customer_request": "Our tills have certificates." });
    let put = running.call("PUT", SITE, &body).await.is(200).json();
    assert_eq!(put["steps"][0]["lowers"].as_array().map(Vec::len), Some(2), "{put}");
    let shown = running.get(SITE).await.is(200).json();
    assert_eq!(shown["settings"]["client_certificates"]["authorities"], pem.replace('\r', ""));
    assert_eq!(shown["origin_host"], "inner.shop.test:8080");
    let again = json!({ "text": shown["text"], "version": shown["version"] });
    assert_eq!(
        running.call("PUT", SITE, &again).await.is(200).json()["steps"],
        json!([]),
        "{}",
        shown["text"]
    );
    let exported = running.get("/api/v1/export").await.is(200).text();
    running.apply(&exported, "").await.is(200);
    assert_eq!(running.get(SITE).await.is(200).json(), shown, "what is exported is read back to the same");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_in_that_cannot_be_used_are_refused_with_the_reason() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let damaged = "-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----";
    let version = version(&running).await;
    for (text, says) in [
        ("tls_min = \"1.1\"".to_owned(), "1.2"),
        ("hosts = [\"x.test\"]".to_owned(), "unknown key"),
        (format!("client_certificates = {{ ca = \"{damaged}\" }}"), "cannot be an authority"),
        (format!("client_certificates = {{ ca = {:?} }}", rig.data_dir().join("admin.token")), "no file"),
        ("client_certificates = { ca = \"/etc/hostname\" }".to_owned(), "no certificate"),
    ] {
        let body =
            json!({ "text": text, "version": version, "dry_run": true, "customer_request": "Please." });
        let refused = running.call("PUT", SITE, &body).await.is(422).text();
        assert!(refused.contains(says), "{text}: {refused}");
    }
    let nothing = json!({ "text": "", "version": version });
    running.call("PUT", "/api/v1/sites/none.test/ways-in", &nothing).await.is(404);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_says_what_would_change_and_changes_it_the_second_time() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let session = Session::open(&running, PAGE).await;
    let site = site_of(&running, "shop").await;
    let plain = format!("{PLAIN}&{}", shown(&running).await);
    let same = session.send_form(&running, PAGE, &plain).await.is(200).text();
    assert!(same.contains("set up like this already"), "{same}");

    let form = format!("{}&redirect_https=yes&hsts=yes", plain.replace("tls_min=1.2", "tls_min=1.3"));
    let checked = session.send_form(&running, PAGE, &form).await.is(200).text();
    for shown in ["older versions of TLS are turned away", "tls_min = &#34;1.3&#34;", "name=\"request\""] {
        assert!(checked.contains(shown), "{shown}: {checked}");
    }
    let silent = session.send_form(&running, PAGE, &format!("{form}&go=yes")).await.is(409).text();
    assert!(silent.contains("role=\"alert\"") && silent.contains("name=\"request\""), "{silent}");
    assert_eq!(running.get(SITE).await.json()["text"], "", "nothing is changed yet");

    let asked = format!("{form}&go=yes&request=The+customer+wants+TLS+1.3+alone.");
    let done = session.send_form(&running, PAGE, &asked).await.is(303);
    assert_eq!(done.field("location"), format!("/sites/{site}/ways-in?done=yes"));
    let page = session.get(&running, done.field("location")).await.is(200).text();
    assert!(page.contains("settings are kept") && page.contains("value=\"1.3\" selected"), "{page}");
    assert_eq!(running.get(SITE).await.json()["settings"]["hsts"]["max_age_seconds"], 31_536_000);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_changed_since_the_settings_were_shown_is_not_overwritten() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let session = Session::open(&running, PAGE).await;
    let (stale, read) = (shown(&running).await, version(&running).await);
    let maintained = json!({ "text": "maintenance = {}\ntrace = true", "version": read,
        "customer_request": "We move house." });
    running.call("PUT", SITE, &maintained).await.is(200);

    let put = json!({ "text": "redirect_https = true", "version": read });
    let refused = running.call("PUT", SITE, &put).await.is(409).json();
    assert_eq!(refused["changed"], json!(["maintenance", "trace"]), "{refused}");
    for go in ["", "&go=yes"] {
        let form = format!("{PLAIN}&{stale}&redirect_https=yes{go}");
        let page = session.send_form(&running, PAGE, &form).await.is(409).text();
        assert!(page.contains("others have changed: maintenance, trace"), "{page}");
        assert!(
            page.contains(&shown(&running).await.replace('=', "\" value=\"")),
            "what is shown now: {page}"
        );
    }
    let kept = running.get(SITE).await.json()["settings"].clone();
    assert!(kept["maintenance"].is_object() && kept["redirect_https"] == false, "{kept}");
    running.call("PUT", SITE, &json!({ "text": "", "version": "1" })).await.is(400);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_pasted_into_the_form_are_kept_with_the_site() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let session = Session::open(&running, PAGE).await;
    let pem = authority();
    let plain = format!("{PLAIN}&{}", shown(&running).await);
    let form = |authorities: &str| {
        let form = plain.replace("clients=none", "clients=required");
        let form = form.replace("authorities=", &format!("authorities={}", encoded(authorities)));
        format!("{form}&request=Our+tills+have+certificates.&go=yes")
    };
    let with_key = format!("{pem}-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n");
    for (authorities, says) in [("", "no file"), (with_key.as_str(), "a private key above all")] {
        let refused = session.send_form(&running, PAGE, &form(authorities)).await.is(422).text();
        assert!(refused.contains(says), "{says}: {refused}");
    }
    session.send_form(&running, PAGE, &form(&pem.replace('\n', "\r\n"))).await.is(303);
    let kept = running.get(SITE).await.json()["settings"]["client_certificates"].clone();
    assert_eq!(kept, json!({ "authorities": pem.replace('\r', ""), "required": true }));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_its_form_are_for_a_session_with_its_token_alone() {
    let mut rig = Rig::new();
    let running = started(&mut rig).await;
    let at = running.control.listen();
    assert!(send(at, "GET", PAGE, &[], b"").await.is(401).text().contains("locked"));
    assert!(send(at, "POST", PAGE, &[], b"go=yes").await.status == 401);
    let session = Session::open(&running, PAGE).await;
    session.get(&running, "/sites/none.test/ways-in").await.is(404);
    let forged = Session { csrf: "0".to_owned(), cookie: session.cookie.clone() };
    forged.send_form(&running, PAGE, &format!("{PLAIN}&bypass=yes&go=yes")).await.is(403);
    let overview = session.get(&running, "/").await.is(200).text();
    assert!(overview.contains("/ways-in\""), "the overview leads there");
    running.stop().await;
}
