//! What a site's owner sets, seen from outside: ways in, and error pages of its own.

use crate::harness::{Nginx, Setup, free_port};
use std::fs;

fn sites(origin: &str, keys: &str) -> String {
    format!(
        "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{origin}\"]\n{keys}\n"
    )
}

#[test]
fn a_sites_own_page_is_shown_while_its_origin_is_away_and_during_maintenance() {
    let setup = Setup::new();
    let page = "<title>::STATUS::</title><h1>Shop</h1>::ERROR_BOX::<p>::CLIENT_IP::";
    fs::write(setup.path().join("shop.html"), page).unwrap();
    let origin = format!("http://127.0.0.1:{}", free_port());
    let path =
        setup.sites(&sites(&origin, "pages = { origin = \"shop.html\", maintenance = \"shop.html\" }"));
    let wardmote = setup.up(&["--apply", path.to_str().unwrap()]);
    let reply = wardmote.visit("shop.test", "/");
    assert!(reply.status >= 502, "{reply:?}");
    assert_eq!(reply.field("cache-control").as_deref(), Some("no-store"));
    let text = reply.text();
    assert!(
        text.contains("<h1>Shop</h1><div class=\"wardmote-error\">") && text.contains("127.0.0.1"),
        "{text}"
    );
    assert!(reply.field("content-security-policy").unwrap().starts_with("default-src 'none'"), "{reply:?}");

    // What was exported says the same, and the page's name is enough to apply it again.
    let exported = wardmote.setup.command(&["export"]).stdout;
    assert!(exported.contains("pages = { origin = \"sha256:"), "{exported}");
    let closed = exported.replace("  services =", "  maintenance = { retry_after = 60 }\n  services =");
    let path = wardmote.setup.sites(&closed);
    let path = path.to_str().unwrap();
    // The operator alone closes nobody's site.
    let refused = wardmote.setup.command(&["apply", "-f", path]);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    let request = "Please close our shop for an hour.";
    let applied = wardmote.setup.command(&["apply", "-f", path, "--customer-request", request]);
    assert_eq!(applied.code, Some(0), "{}{}", applied.stdout, applied.stderr);
    let reply = crate::harness::eventually("the shop closes", std::time::Duration::from_secs(20), || {
        Some(wardmote.visit("shop.test", "/")).filter(|reply| reply.status == 503)
    });
    assert_eq!(reply.field("retry-after").as_deref(), Some("60"));
    assert!(reply.text().contains("<title>503</title>"), "{reply:?}");
    wardmote.stop();
}

#[test]
fn a_page_that_refers_to_a_private_address_is_refused_by_its_name() {
    let origin = Nginx::start();
    let setup = Setup::new();
    fs::write(setup.path().join("shop.html"), format!("<img src=\"{}/logo.png\">", origin.url())).unwrap();
    let path = setup.sites(&sites(&origin.url(), "pages = { origin = \"shop.html\" }"));
    let mut process = setup.spawn(&["--apply", path.to_str().unwrap()]);
    let status =
        crate::harness::eventually("up ends", std::time::Duration::from_secs(20), || process.ended());
    assert!(!status.success(), "{}", process.output());
    let output = process.output();
    assert!(
        output.contains("shop.html") && output.contains("/logo.png cannot be put into the page"),
        "{output}"
    );
    assert!(!origin.was_asked_for("/logo.png"), "a private address was fetched from");
}

#[test]
fn visitors_are_sent_to_https() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let path = setup.sites(&sites(&origin.url(), "redirect_https = true"));
    let wardmote = setup.up(&["--apply", path.to_str().unwrap()]);
    let reply = wardmote.visit("shop.test", "/news?a=b").status(301);
    let location = reply.field("location").unwrap();
    assert!(location.starts_with("https://shop.test") && location.ends_with("/news?a=b"), "{location}");
    wardmote.stop();
}
