//! The whole story in real processes: a site up, a case, a decision, the block, its end.

use crate::harness::get as http_get;
use crate::harness::{Connection, Nginx, Setup, Wardmote, binary, eventually, is_long, run, seed};
use crate::mote::{self, CaseFile};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vocabulary::SeededRandom;

const SOON: Duration = Duration::from_secs(10);
/// Hosts in scope, one of them under a wildcard.
const IN_SCOPE: [&str; 4] = ["board.test", "www.board.test", "deep.sub.board.test", "mirror.test"];
const OTHERS: [&str; 2] = ["shop.test", "news.test"];

/// A process with two customers: one with two sites that will be blocked, one with others.
fn two_customers(origin: &Nginx) -> Wardmote {
    let setup = Setup::new();
    let url = origin.url();
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"board\"\n\
         [[account.site]]\nhosts = [\"board.test\", \"*.board.test\"]\norigins = [\"{url}\"]\n\
         [[account.site]]\nhosts = [\"mirror.test\"]\norigins = [\"{url}\"]\n\
         [[account]]\nname = \"shop\"\n\
         [[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{url}\"]\n\
         [[account.site]]\nhosts = [\"news.test\"]\norigins = [\"{url}\"]\n"
    ));
    setup.up(&["--apply", sites.to_str().unwrap()])
}

fn all_served(wardmote: &Wardmote, hosts: &[&str]) {
    for host in hosts {
        let reply = wardmote.visit(host, "/").status(200);
        assert!(reply.text().contains("The origin's home"), "{host}");
    }
}

fn await_block(wardmote: &Wardmote, host: &str) {
    eventually("the block", SOON, || (wardmote.visit(host, "/").status == 403).then_some(()));
}

#[test]
fn a_decision_blocks_its_sites_and_nothing_else_and_ends_by_itself() {
    let origin = Nginx::start();
    let wardmote = two_customers(&origin);
    all_served(&wardmote, &IN_SCOPE);
    all_served(&wardmote, &OTHERS);

    // Before the case is complete the gate is closed and nothing can be proposed.
    let empty = CaseFile::open(&wardmote, "board");
    assert_eq!(empty.gate()["open"], false);
    empty.try_propose(&["board.test"], Duration::from_secs(60)).status(409);

    let case = CaseFile::complete(&wardmote, "board");
    let verdict = case.gate();
    assert_eq!(verdict["open"], true, "{verdict:#}");
    let lease = Duration::from_secs(if is_long() { 30 } else { 15 });
    let proposed = Instant::now();
    let decision = case.propose(&["board.test", "mirror.test"], lease);
    all_served(&wardmote, &IN_SCOPE);

    // One signature is not enough, and the same officer's second changes nothing.
    let mut kept_open = Connection::to(wardmote.setup.http);
    kept_open.get("board.test", "/fresh").status(200);
    let duty = mote::key(&wardmote, "duty-officer-1");
    mote::try_sign(&wardmote, duty.clone(), &decision).ok();
    let twice = mote::try_sign(&wardmote, duty, &decision);
    assert_eq!(twice.code, Some(1), "{}", twice.stdout);
    all_served(&wardmote, &IN_SCOPE);
    mote::try_sign(&wardmote, mote::key(&wardmote, "assessor-1"), &decision).ok();
    await_block(&wardmote, "board.test");

    every_kind_of_request_gets_the_block_page(&wardmote, &decision, &mut kept_open, &origin);
    all_served(&wardmote, &OTHERS);
    let bundle = the_record_tells_of_it(&wardmote, &decision);

    // The lease ends by itself: served again within a second, and the lapse is logged.
    let end = proposed + lease;
    eventually(
        "the site is back",
        end.saturating_duration_since(Instant::now()) + Duration::from_secs(3),
        || (wardmote.visit("board.test", "/fresh").status == 200).then_some(()),
    );
    let late = Instant::now().saturating_duration_since(end);
    assert!(late < Duration::from_secs(1), "back {late:?} after the end");
    assert!(Instant::now() + Duration::from_millis(500) > end, "back before the end");
    all_served(&wardmote, &IN_SCOPE);
    kept_open.get("board.test", "/fresh").status(200);
    eventually("the lapse is logged", SOON, || (mote::state(&wardmote, &decision) == "lapsed").then_some(()));
    let policy = wardmote.setup.data().join("edge/roots/tlog-policy");
    verify(&["--policy", policy.to_str().unwrap()], &bundle).ok();
    the_whole_log_holds(&wardmote, &format!("http://{}", wardmote.setup.public));
    the_record_can_be_mirrored(wardmote, &decision);
}

/// A copy made of files, served by a plain web server, proves the same after the original is gone.
fn the_record_can_be_mirrored(wardmote: Wardmote, decision: &str) {
    let copy = wardmote.setup.path().join("copy");
    let told = wardmote.setup.command(&["record", "export", copy.to_str().unwrap()]).ok();
    assert!(told.stdout.contains("1 decisions and a log of 5 entries"), "{}", told.stdout);
    // Once more over the same folder: what never changes is not written again.
    let again = wardmote.setup.command(&["--json", "record", "export", copy.to_str().unwrap()]).ok();
    let files = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["files"].as_u64();
    assert!(files(&again.stdout).is_some_and(|files| (5..60).contains(&files)), "{}", again.stdout);
    let policy = wardmote.setup.data().join("edge/roots/tlog-policy");
    let mirror = Nginx::files(&copy);
    the_whole_log_holds(&wardmote, &mirror.url());
    let setup = wardmote.stop();
    let place = format!("{}/record/decisions/{decision}", mirror.url());
    let mut command = binary();
    run(command.args(["verify", &place, "--policy"]).arg(&policy)).ok();
    let address = ([127, 0, 0, 1], mirror.port).into();
    for page in
        ["", &format!("decisions/{decision}/"), "transparency/", "search/", "policies/", "policies/1/"]
    {
        for (edition, lang) in [("", "en"), ("en/", "en"), ("de/", "de"), ("fr/", "fr"), ("es/", "es")] {
            let path = format!("/record/{edition}{page}");
            let page = http_get(address, "mirror.test", &path).status(200).text();
            assert!(page.contains("<h1") && page.contains(&format!("<html lang=\"{lang}\">")), "{path}");
        }
    }
    let feed = http_get(address, "mirror.test", "/record/feed.atom").status(200).text();
    assert!(feed.contains(&format!("/record/decisions/{decision}</id>")), "{feed}");
    assert!(feed.contains("Ended by itself: "), "{feed}");
    drop(setup);
}

fn the_whole_log_holds(wardmote: &Wardmote, place: &str) {
    let roots = wardmote.setup.data().join("edge/roots");
    let mut command = binary();
    command.args(["log", "verify", place]);
    command.arg("--policy").arg(roots.join("tlog-policy")).arg("--roster").arg(roots.join("roster.json"));
    let held = run(&mut command).ok();
    assert!(held.stdout.contains("1 entries carry the approvals"), "{}", held.stdout);
    assert!(held.stdout.contains("the report is what 5 entries give"), "{}", held.stdout);
}

fn every_kind_of_request_gets_the_block_page(
    wardmote: &Wardmote,
    decision: &str,
    kept_open: &mut Connection,
    origin: &Nginx,
) {
    let before = origin.requests();
    for host in IN_SCOPE {
        let page = wardmote.visit(host, "/news").status(403);
        let text = page.text();
        let ray = page.field("wardmote-ray").expect("a ray");
        let link = page.field("link").expect("a link");
        assert!(link.contains("rel=\"describedby\"") && link.contains(decision), "{link}");
        assert_eq!(page.field("cache-control").as_deref(), Some("no-store"), "{host}");
        assert!(page.field("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{host}");
        assert!(text.contains(decision) && text.contains(&ray), "{host}: {text}");
        assert!(text.len() < 15_000, "{} bytes", text.len());
        assert!(!text.contains("127.0.0.1"), "the origin's address is in the page");
    }
    let program =
        kept_open.ask("GET", "board.test", "/", &[("Accept", "application/json")], None).status(403);
    assert_eq!(program.field("content-type").as_deref(), Some("application/problem+json"));
    assert!(program.json().to_string().contains(decision));
    let head = kept_open.ask("HEAD", "board.test", "/", &[], None).status(403);
    assert!(head.body.is_empty() && head.field("link").is_some());
    // A body that is sent all the same is read past, and the connection goes on or is closed cleanly.
    let body = vec![b'x'; 40_000];
    let posted = kept_open.ask("POST", "board.test", "/post", &[], Some(&body)).status(403);
    if posted.field("connection").is_none_or(|value| value != "close") {
        kept_open.get("board.test", "/fresh").status(403);
        kept_open.get("shop.test", "/fresh").status(200);
    }
    let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
    let mut socket = Connection::to(wardmote.setup.http);
    socket.ask("GET", "www.board.test", "/", &upgrade, None).status(403);
    let reached = origin.requests() - before;
    assert!(reached <= 1, "{reached} requests reached the origin while only shop.test was asked for");
}

/// Statement, decision and log on the public listener; returns the saved bundle's path.
fn the_record_tells_of_it(wardmote: &Wardmote, decision: &str) -> PathBuf {
    let path = format!("/record/decisions/{decision}");
    let page = wardmote.public(&path).status(200).text();
    assert!(page.contains(decision) && page.contains("Provisional block of a message board"), "{page}");
    let proof = wardmote.public(&format!("{path}.tlog-proof")).status(200).text();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{proof}");
    let checkpoint = wardmote.public("/record/log/checkpoint").status(200).text();
    let size: u64 = checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect(&checkpoint);
    assert!(size >= 3, "{checkpoint}");
    wardmote.public(&format!("/record/log/tile/0/000.p/{size}")).status(200);
    let saved = wardmote.setup.path().join("decision.json");
    fs::write(&saved, wardmote.public(&format!("{path}.json")).status(200).body).unwrap();
    saved
}

fn verify(arguments: &[&str], file: &Path) -> crate::harness::Finished {
    run(binary().arg("verify").args(arguments).arg(file))
}

#[test]
fn the_saved_bundle_holds_and_no_changed_byte_does() {
    let origin = Nginx::start();
    let wardmote = &two_customers(&origin);
    let decision = &CaseFile::complete(wardmote, "board").propose(&["board.test"], Duration::from_secs(600));
    mote::sign(wardmote, decision);
    await_block(wardmote, "board.test");
    let bundle = &the_record_tells_of_it(wardmote, decision);
    let roots = wardmote.setup.data().join("edge/roots");
    let (policy, roster) = (roots.join("tlog-policy"), roots.join("roster.json"));
    let policy = ["--policy", policy.to_str().unwrap()];
    let both = [policy[0], policy[1], "--roster", roster.to_str().unwrap()];
    let held = verify(&policy, bundle).ok();
    assert!(held.stdout.contains("self-witnessed") && held.stdout.contains("holds"), "{}", held.stdout);
    verify(&both, bundle).ok();
    let unproved = verify(&[], bundle);
    assert_eq!(unproved.code, Some(3), "{}{}", unproved.stdout, unproved.stderr);
    assert!(unproved.stdout.contains("keys taken from the same server: proves nothing about the server"));
    let online = format!("http://{}/record/decisions/{decision}", wardmote.setup.public);
    verify(&policy, Path::new(&online)).ok();
    assert_eq!(verify(&[], Path::new(&online)).code, Some(3));

    let whole = fs::read(bundle).unwrap();
    let seed = seed();
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    let changed = bundle.with_file_name("changed.json");
    for _ in 0..200 {
        let position = random.below(whole.len() as u64) as usize;
        let mut bytes = whole.clone();
        bytes[position] ^= 1 + random.below(255) as u8;
        fs::write(&changed, &bytes).unwrap();
        let failed = verify(&policy, &changed);
        assert_eq!(
            failed.code,
            Some(1),
            "seed {seed}, position {position}: {}{}",
            failed.stdout,
            failed.stderr
        );
    }
}

#[test]
fn officers_keys_may_be_gone_and_everything_else_works() {
    let origin = Nginx::start();
    let wardmote = two_customers(&origin);
    let away = tempfile::tempdir().unwrap();
    for officer in ["duty-officer-1", "assessor-1"] {
        fs::copy(mote::key(&wardmote, officer), away.path().join(officer)).unwrap();
    }
    fs::remove_dir_all(wardmote.setup.data().join("officers")).unwrap();
    let decide = |wardmote: &Wardmote| {
        let decision =
            CaseFile::complete(wardmote, "board").propose(&["board.test"], Duration::from_secs(600));
        for officer in ["duty-officer-1", "assessor-1"] {
            mote::try_sign(wardmote, away.path().join(officer), &decision).ok();
        }
        await_block(wardmote, "board.test");
    };
    decide(&wardmote);
    // Also after a restart, and the block is still there before anything else.
    let wardmote = wardmote.stop().up(&[]);
    assert_eq!(wardmote.visit("board.test", "/").status, 403);
    all_served(&wardmote, &["mirror.test", "shop.test"]);
    wardmote.api("GET", "/api/v1/status", None).status(200);
    wardmote.stop();
}
