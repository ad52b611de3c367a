//! What the command line says about the cache, and what it puts into it.

use crate::harness::{Nginx, Setup, Wardmote};
use serde_json::Value;
use std::fs;

fn up(origin: &Nginx) -> Wardmote {
    let setup = Setup::new();
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    ));
    setup.up(&["--apply", sites.to_str().unwrap()])
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn pages_are_warmed_by_a_list_and_explained_by_address_and_by_ray() {
    let origin = Nginx::start();
    let wardmote = up(&origin);
    let list = wardmote.setup.path().join("urls");
    let pages = ["/", "/news", "/fresh", "/gone"].map(|path| format!("http://shop.test{path}"));
    fs::write(&list, format!("# the shop\n{}\n", pages.join("\n"))).unwrap();
    let list = list.to_str().unwrap();
    let warmed = wardmote.setup.command(&["prewarm", "--site", "shop.test", "--urls", list, "--json"]);
    assert_eq!(warmed.code, Some(1), "{}", warmed.stderr);
    let counts = json(&warmed.stdout);
    assert_eq!(
        (&counts["total"], &counts["failed"], &counts["not_stored"]),
        (&4.into(), &1.into(), &1.into())
    );
    let before = origin.requests();
    let reply = wardmote.visit("shop.test", "/").status(200);
    assert_eq!(origin.requests(), before);

    let ray = reply.field("wardmote-ray").unwrap();
    let told = wardmote.setup.command(&["explain", &ray, "--json"]);
    let told = json(&told.stdout);
    assert_eq!(
        (&told["verdict"], &told["steps"][0]["text"]),
        (&"hit".into(), &"GET http://shop.test/".into())
    );
    let told = wardmote.setup.command(&["explain", "http://shop.test/fresh"]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stdout.starts_with("http://shop.test/fresh  miss"), "{}", told.stdout);
    assert!(told.stdout.contains("[absent]"), "{}", told.stdout);
    let told = wardmote.setup.command(&["explain", "shop"]);
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stderr.contains("is no ray"), "{}", told.stderr);
    let foreign = ["prewarm", "--site", "news.test", "--urls", list];
    assert!(wardmote.setup.command(&foreign).stderr.contains("is no address of news.test"));
}
