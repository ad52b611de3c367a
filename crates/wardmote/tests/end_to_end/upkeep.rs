//! What an operator does with a running system: apply, export, status, backup, restore, TLS.

use crate::harness::{Nginx, Setup, Wardmote, run};
use crate::mote::{self, CaseFile};
use serde_json::Value;
use std::fs;
use std::process::Command;
use std::time::Duration;

fn sites(origin: &Nginx, hosts: &[&str]) -> String {
    let mut text = "[[account]]\nname = \"a\"\n".to_owned();
    for host in hosts {
        text.push_str(&format!("[[account.site]]\nhosts = [\"{host}\"]\norigins = [\"{}\"]\n", origin.url()));
    }
    text
}

fn in_force(wardmote: &Wardmote, decision: &str) {
    crate::harness::eventually("the decision is in force", Duration::from_secs(10), || {
        (mote::state(wardmote, decision) == "in-force").then_some(())
    });
}

fn eventually_served(wardmote: &Wardmote, host: &str, status: u16) {
    let what = format!("{host} answers {status}");
    crate::harness::eventually(&what, Duration::from_secs(10), || {
        (wardmote.visit(host, "/").status == status).then_some(())
    });
}

#[test]
fn a_purge_holds_when_it_is_answered_and_only_for_what_it_names() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin, &["one.test", "two.test"]));
    let wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let held = |host: &str, path: &str| {
        let status = wardmote.visit(host, path).status(200).field("cache-status").unwrap_or_default();
        status.contains("; hit")
    };
    for (host, path) in [("one.test", "/"), ("one.test", "/news"), ("two.test", "/news")] {
        held(host, path);
        assert!(held(host, path), "{host}{path}");
    }
    let purged = wardmote.setup.command(&["purge", "--url", "http://one.test/news"]).ok().stdout;
    assert!(purged.contains("purge 1 is kept") && purged.contains("held by "), "{purged}");
    assert!(!held("one.test", "/news") && held("one.test", "/") && held("two.test", "/news"));
    for target in
        [&["--prefix", "/ne"][..], &["--host", "one.test"], &["--everything"], &["--everything", "--soft"]]
    {
        assert!(held("one.test", "/news"), "before {target:?}");
        wardmote.setup.command(&[&["purge", "--site", "one.test"], target].concat()).ok();
        assert!(!held("one.test", "/news"), "after {target:?}");
        assert!(held("two.test", "/news"), "another site after {target:?}");
    }
    for (arguments, code) in [
        (&["purge", "--everything"][..], 2),
        (&["purge", "--all-sites", "--everything"], 2),
        (&["purge", "--url", "http://three.test/"], 1),
        (&["purge", "--site", "two.test", "--host", "one.test"], 1),
    ] {
        assert_eq!(wardmote.setup.command(arguments).code, Some(code), "{arguments:?}");
    }
    wardmote.setup.command(&["purge", "--all-sites", "--yes", "--everything"]).ok();
    assert!(!held("two.test", "/news"));
    wardmote.stop();
}

#[test]
fn sites_are_applied_exported_and_pruned_only_at_the_customers_request() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin, &["one.test"]));
    let file = file.to_str().unwrap();
    let wardmote = setup.up(&["--apply", file]);
    wardmote.visit("one.test", "/").status(200);
    wardmote.visit("two.test", "/").status(421);

    wardmote.setup.sites(&sites(&origin, &["one.test", "two.test"]));
    let dry = wardmote.setup.command(&["apply", "-f", file, "--dry-run"]).ok();
    assert!(dry.stdout.contains("two.test") && dry.stdout.contains("dry run"), "{}", dry.stdout);
    wardmote.visit("two.test", "/").status(421);
    wardmote.setup.command(&["apply", "-f", file]).ok();
    eventually_served(&wardmote, "two.test", 200);

    // What is exported applies again without a change.
    let exported = wardmote.setup.command(&["export"]).ok().stdout;
    fs::write(wardmote.setup.path().join("exported.toml"), &exported).unwrap();
    let again = wardmote.setup.command(&["apply", "-f", "exported.toml"]).ok();
    assert!(again.stdout.starts_with("nothing to change"), "{}", again.stdout);

    // Taking a site away lowers its customer's service: not on the operator's word alone.
    wardmote.setup.sites(&sites(&origin, &["one.test"]));
    let refused = wardmote.setup.command(&["apply", "-f", file, "--prune"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    wardmote.visit("two.test", "/").status(200);
    let words = "please take two.test away, we have closed it";
    wardmote.setup.command(&["apply", "-f", file, "--prune", "--customer-request", words]).ok();
    eventually_served(&wardmote, "two.test", 421);

    let mistakes = wardmote.setup.sites("[[account]]\nname = \"a\"\n[[account.site]]\nhost = []\n");
    let refused = wardmote.setup.command(&["apply", "-f", mistakes.to_str().unwrap()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("line 4"), "{}", refused.stderr);
    wardmote.visit("one.test", "/").status(200);

    let status = wardmote.setup.command(&["status"]).ok().stdout;
    let sites = status.lines().find_map(|line| line.strip_prefix("sites"));
    assert!(sites.is_some_and(|sites| sites.trim_start().starts_with("1 at revision")), "{status}");
    let status: Value =
        serde_json::from_str(&wardmote.setup.command(&["status", "--json"]).ok().stdout).unwrap();
    assert_eq!(status["status"]["sites"], 1);
    wardmote.stop();
}

#[test]
fn a_backup_restores_sites_decisions_keys_and_log_elsewhere() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin, &["one.test", "two.test"]));
    let wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let decision = CaseFile::complete(&wardmote, "a").propose(&["one.test"], Duration::from_secs(900));
    mote::sign(&wardmote, &decision);
    in_force(&wardmote, &decision);
    let backup = wardmote.setup.path().join("backup.tar");
    let backup = backup.to_str().unwrap();
    wardmote.setup.command(&["backup", backup]).ok();
    let occupied = wardmote.setup.command(&["backup", backup]);
    assert_eq!(occupied.code, Some(2), "nothing is written over: {}", occupied.stderr);
    let checkpoint = wardmote.public("/record/log/checkpoint").status(200).text();
    let full = wardmote.setup.command(&["restore", backup]);
    assert_eq!(full.code, Some(1), "{}", full.stderr);
    let old = wardmote.stop();

    let elsewhere = Setup::new();
    let restored = elsewhere.command(&["restore", backup]).ok();
    assert!(restored.stdout.contains("is as it was at"), "{}", restored.stdout);
    let wardmote = elsewhere.up(&[]);
    wardmote.visit("one.test", "/").status(403);
    in_force(&wardmote, &decision);
    wardmote.visit("two.test", "/").status(200);
    let size = |checkpoint: &str| checkpoint.lines().nth(1).and_then(|line| line.parse::<u64>().ok());
    let now = wardmote.public("/record/log/checkpoint").status(200).text();
    assert!(size(&now) >= size(&checkpoint) && size(&now).is_some(), "{checkpoint}\n{now}");
    assert_eq!(now.lines().next(), checkpoint.lines().next(), "the same log");
    for name in ["officers/legal-1.key", "log/log.key", "edge/roots/tlog-policy", "ca/ca.pem", "admin.token"]
    {
        let read = |setup: &Setup| fs::read(setup.data().join(name)).unwrap();
        assert_eq!(read(&old), read(&wardmote.setup), "{name}");
    }
    wardmote.stop();
}

#[test]
fn tls_answers_with_the_local_authority_and_http2() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let file = setup.sites(&sites(&origin, &["one.test"]));
    let wardmote = setup.up(&["--apply", file.to_str().unwrap()]);
    let port = wardmote.setup.https.port();
    let authority = wardmote.setup.data().join("ca/ca.pem");
    let curl = |host: &str, version: &str| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "10", version, "--cacert"]).arg(&authority);
        command.args([
            "--resolve",
            &format!("{host}:{port}:127.0.0.1"),
            "--write-out",
            "\n%{http_version} %{http_code}",
        ]);
        run(command.arg(format!("https://{host}:{port}/")))
    };
    for (version, said) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let answer = curl("one.test", version).ok();
        assert!(answer.stdout.contains("The origin's home"), "{}", answer.stdout);
        assert_eq!(answer.stdout.lines().last(), Some(said));
    }
    // A name that no site has gets no certificate, not somebody else's.
    let stranger = curl("stranger.test", "--http1.1");
    assert_eq!(stranger.code, Some(35), "{}", stranger.stderr);
    wardmote.stop();
}
