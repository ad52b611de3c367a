//! The ways of challenges in a real browser, and what those get who are none.

use crate::harness::{Nginx, Setup, Wardmote, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Sites of which each challenges everybody, in one of three ways. Each way that is gone has a site of its own: who is
/// let through slowly on one is challenged on the others.
const SITES: [(&str, &str); 4] = [
    ("wait", "[account.site.shield]\nunder_attack = \"on\"\n"),
    (
        "silent",
        "[[account.site.shield.rule]]\nname = \"all\"\nwhen = 'true'\naction = \"challenge\"\nchallenge = \"silent\"\n",
    ),
    (
        "work",
        "[account.site.shield]\ndifficulty = 12\n[[account.site.shield.rule]]\nname = \"all\"\nwhen = 'true'\n\
         action = \"challenge\"\nchallenge = \"work\"\n",
    ),
    // Work that is not done while its page is looked at.
    (
        "heavy",
        "[account.site.shield]\ndifficulty = 24\n[[account.site.shield.rule]]\nname = \"all\"\nwhen = 'true'\n\
         action = \"challenge\"\nchallenge = \"work\"\n",
    ),
];
const PLACES: [&str; 3] = ["plain", "noscript", "nocookies"];

fn stage(origin: &Nginx) -> Wardmote {
    let setup = Setup::new();
    let mut text = "[[account]]\nname = \"shop\"\n".to_owned();
    for (kind, settings) in SITES {
        for place in PLACES {
            text += &format!(
                "[[account.site]]\nhosts = [\"{place}.{kind}.test\"]\norigins = [\"{}\"]\n\
                 [account.site.pages]\ncontact = \"desk@shop.test\"\n{settings}",
                origin.url()
            );
        }
    }
    let sites = setup.sites(&text);
    setup.up(&["--apply", sites.to_str().unwrap()])
}

fn node(script: &str, wardmote: &Wardmote, list: &Value, more: &[&str]) -> crate::harness::Finished {
    let file = wardmote.setup.path().join("list.json");
    fs::write(&file, list.to_string()).unwrap();
    let mut command = Command::new("node");
    command.arg(root().join("e2e").join(script)).args(["--resolve", "MAP *.test 127.0.0.1"]).args(more);
    run(command.arg(file))
}

/// The statuses of the pages on a way, its cookies, and the status of a second visit.
fn course(told: &Value, name: &str) -> (Vec<u64>, usize, u64) {
    let way = told.as_array().unwrap().iter().find(|way| way["name"] == name).expect(name);
    let statuses = way["pages"].as_array().unwrap().iter().map(|page| page["status"].as_u64().unwrap());
    (statuses.collect(), way["cookies"].as_array().unwrap().len(), way["again"].as_u64().unwrap())
}

#[test]
fn browsers_pass_with_scripts_and_without_and_without_cookies_end_in_no_loop() {
    let origin = Nginx::start();
    let wardmote = stage(&origin);
    let port = wardmote.setup.http.port();
    let way = |kind: &str, place: &str, pages: u32, click: &[&str]| {
        json!({
            "name": format!("{kind} {place}"), "url": format!("http://{place}.{kind}.test:{port}/"),
            "until": "The origin's home", "pages": pages, "click": click, "limit": 60_000,
            "scripts": place != "noscript", "cookies": place != "nocookies",
        })
    };
    let ways = json!([
        way("wait", "plain", 2, &[]),
        way("wait", "noscript", 2, &[]),
        way("silent", "plain", 2, &[]),
        way("silent", "noscript", 2, &[]),
        way("work", "plain", 2, &[]),
        // A click that comes before the wait is over shows the page once more.
        way("work", "noscript", 4, &["/manual", "/slow"]),
        // A device that is slow at the work need not do it.
        way("heavy", "plain", 4, &["/manual", "/slow"]),
        way("wait", "nocookies", 6, &["/slow"]),
        way("silent", "nocookies", 6, &["/slow"]),
    ]);
    let gone = node("challenges.mjs", &wardmote, &ways, &[]);
    assert_eq!(gone.code, Some(0), "run script/bootstrap first; {}{}", gone.stdout, gone.stderr);
    let told: Value = serde_json::from_str(&gone.stdout).unwrap();
    for name in ["wait plain", "wait noscript", "silent plain", "silent noscript", "work plain"] {
        assert_eq!(course(&told, name), (vec![403, 200], 1, 200), "{name}");
    }
    for name in ["work noscript", "heavy plain", "wait nocookies", "silent nocookies"] {
        let (pages, cookies, again) = course(&told, name);
        assert_eq!((pages.last(), cookies, again), (Some(&200), 0, 200), "{name}: {pages:?}");
    }
    wardmote.stop();
}

#[test]
fn programs_that_read_no_pages_are_told_when_to_come_again() {
    let origin = Nginx::start();
    let wardmote = stage(&origin);
    let port = wardmote.setup.http.port();
    for (place, fields) in [
        ("plain", &[][..]),
        ("noscript", &["-A", "NewsReader/4.1", "-H", "Accept: application/atom+xml, text/html;q=0.1"][..]),
        ("nocookies", &["-X", "POST", "-H", "Accept: application/activity+json"][..]),
    ] {
        let mut command = Command::new("curl");
        command.args(["-s", "-S", "-i", "--max-time", "10"]).args(fields);
        command.arg("--resolve").arg(format!("{place}.wait.test:{port}:127.0.0.1"));
        let answer = run(command.arg(format!("http://{place}.wait.test:{port}/feed"))).ok().stdout;
        let lower = answer.to_ascii_lowercase();
        assert!(lower.starts_with("http/1.1 429 "), "{answer}");
        assert!(lower.contains("retry-after: 30"), "{answer}");
        assert!(lower.contains("application/problem+json") && !lower.contains("<html"), "{answer}");
    }
    assert!(!origin.was_asked_for("/feed"));
    wardmote.stop();
}

const AGENT: &str = "Mozilla/5.0 (Pictures)";

/// Where the page of work leads whoever would rather not do it.
fn way_by_hand(port: u16) -> String {
    let mut command = Command::new("curl");
    command.args(["-s", "-S", "--max-time", "10", "-A", AGENT, "-H", "Accept: text/html"]);
    command.arg("--resolve").arg(format!("plain.heavy.test:{port}:127.0.0.1"));
    let page = run(command.arg(format!("http://plain.heavy.test:{port}/"))).ok().stdout;
    let way = page.split('"').find(|part| part.starts_with("/.wardmote/manual?")).expect("a way by hand");
    way.replace("&amp;", "&")
}

#[test]
fn every_page_of_a_challenge_is_clean_in_a_real_browser() {
    let origin = Nginx::start();
    let wardmote = stage(&origin);
    let port = wardmote.setup.http.port();
    let shot = |name: &str, kind: &str, path: &str| {
        json!({
            "name": format!("challenge-{name}"), "url": format!("http://plain.{kind}.test:{port}{path}"),
            "status": 403, "hold": "/\\.wardmote/(pass|check|slow)\\?t=", "noscript": true, "strict": true,
        })
    };
    let mut by_hand = shot("by-hand", "heavy", &way_by_hand(port));
    by_hand["agent"] = json!(AGENT);
    let list = json!([
        by_hand,
        shot("silent", "silent", "/"),
        shot("wait", "wait", "/"),
        shot("work", "heavy", "/"),
        // A token that is nobody's ends at the explanation.
        shot("explanation", "wait", "/.wardmote/check?c=0&w=1&to=/"),
    ]);
    let pictures = root().join("out/pictures");
    let shots = node("shots.mjs", &wardmote, &list, &["--out", pictures.to_str().unwrap()]);
    println!("{}", shots.stdout);
    assert_eq!(shots.code, Some(0), "run script/bootstrap first; {}", shots.stderr);
    wardmote.stop();
}
