//! The pages that people see, opened in a real browser: clean, and kept as pictures in `out/pictures`.

use crate::harness::{Connection, Nginx, Setup, Wardmote, eventually, run};
use crate::mote::{self, CaseFile};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Opens a console session with the link that `up` printed; the cookie.
fn session(wardmote: &Wardmote) -> String {
    let output = wardmote.output();
    let token =
        output.split("/setup#t=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a link");
    let host = wardmote.setup.control.to_string();
    let body = json!({ "token": token }).to_string();
    let reply = Connection::to(wardmote.setup.control).ask(
        "POST",
        &host,
        "/api/v1/session/setup",
        &[("Content-Type", "application/json")],
        Some(body.as_bytes()),
    );
    let cookie = reply.status(204).field("set-cookie").expect("a session cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn pages(wardmote: &Wardmote, decision: &str) -> Value {
    let http = wardmote.setup.http.port();
    let (control, public) = (wardmote.setup.control, wardmote.setup.public.port());
    let cookie = session(wardmote);
    json!([
        {"name": "block", "url": format!("http://board.test:{http}/"), "status": 403, "noscript": true, "print": true},
        {"name": "error", "url": format!("http://down.test:{http}/"), "status": 502},
        {"name": "unknown", "url": format!("http://unknown.test:{http}/"), "status": 421},
        {"name": "statement", "url": format!("http://localhost:{public}/record/decisions/{decision}"), "noscript": true},
        {"name": "record", "url": format!("http://localhost:{public}/record/"), "noscript": true},
        {"name": "transparency", "url": format!("http://localhost:{public}/record/transparency"), "noscript": true},
        {"name": "search", "url": format!("http://localhost:{public}/record/search?q=board"), "noscript": true},
        {"name": "record-de", "url": format!("http://localhost:{public}/record/de/"), "noscript": true, "print": true},
        {"name": "statement-fr", "url": format!("http://localhost:{public}/record/fr/decisions/{decision}"), "noscript": true, "print": true},
        {"name": "transparency-es", "url": format!("http://localhost:{public}/record/es/transparency"), "noscript": true},
        {"name": "overview", "url": format!("http://localhost:{}/", control.port()), "cookie": cookie, "settle": 3000},
        {"name": "cache", "url": format!("http://localhost:{}/sites/shop.test/cache", control.port()), "cookie": cookie, "settle": 3000, "noscript": true},
        {"name": "lost", "url": format!("http://localhost:{}/nowhere", control.port()), "cookie": cookie, "status": 404},
        {"name": "setup", "url": format!("http://localhost:{}/setup", control.port())},
    ])
}

#[test]
fn every_page_is_clean_in_a_real_browser() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let (up, down) = (origin.url(), format!("http://127.0.0.1:{}", crate::harness::free_port()));
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"Board Ltd\"\n[[account.site]]\nhosts = [\"board.test\"]\norigins = [\"{up}\"]\n\
         [[account]]\nname = \"Shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{up}\"]\n\
         [[account.site]]\nhosts = [\"down.test\"]\norigins = [\"{down}\"]\n"
    ));
    let wardmote = setup.up(&["--apply", sites.to_str().unwrap()]);
    let decision =
        CaseFile::complete(&wardmote, "Board Ltd").propose(&["board.test"], Duration::from_secs(3_600));
    mote::sign(&wardmote, &decision);
    eventually("the block", Duration::from_secs(10), || {
        (wardmote.visit("board.test", "/").status == 403).then_some(())
    });
    for path in ["/", "/news", "/fresh", "/absent"] {
        wardmote.visit("shop.test", path);
    }
    let list = wardmote.setup.path().join("pages.json");
    fs::write(&list, pages(&wardmote, &decision).to_string()).unwrap();
    let mut command = Command::new("node");
    command.arg(root().join("e2e/shots.mjs")).args(["--resolve", "MAP *.test 127.0.0.1", "--out"]);
    let shots = run(command.arg(root().join("out/pictures")).arg(&list));
    println!("{}", shots.stdout);
    assert_eq!(shots.code, Some(0), "run script/bootstrap first; {}", shots.stderr);
    wardmote.stop();
}
