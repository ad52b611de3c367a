//! Bad input: a clear message that says what to do, the right exit code, never a panic, nothing begun.

use crate::harness::{Setup, binary, free_port, run};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

#[test]
fn verbs_that_are_not_built_say_so_and_exit_69() {
    for verb in ["edge", "control", "join", "rollback", "migrate"] {
        let end = run(binary().args([verb, "--any", "thing"]));
        assert_eq!(end.code, Some(69), "{verb}");
        assert!(end.stderr.contains("not built yet"), "{verb}: {}", end.stderr);
    }
}

#[test]
fn wrong_use_exits_2_and_names_the_mistake() {
    let setup = Setup::new();
    fs::write(setup.config(), "[edge]\nhttp = [\"127.0.0.1:1\"]\nworkes = 2\n").unwrap();
    fs::write(
        setup.path().join("sites.toml"),
        "[[account]]\nname = \"a\"\n[[account.site]]\nhost = [\"a.test\"]\n",
    )
    .unwrap();
    fs::write(setup.path().join("places.toml"), "[edge]\ngeoip = [\"nowhere.mmdb\"]\n").unwrap();
    for (arguments, says) in [
        (
            vec!["up", "--config", "wardmote.toml"],
            "wardmote.toml:3: unknown key edge.workes; did you mean edge.workers?",
        ),
        (vec!["check", "--config", "wardmote.toml"], "wardmote.toml:3: unknown key edge.workes"),
        (vec!["check", "--config", "nowhere.toml"], "nowhere.toml: cannot read it"),
        (vec!["check", "--config", "places.toml"], "edge.geoip: nowhere.mmdb: cannot read it"),
        (vec!["check", "--apply", "sites.toml"], "sites.toml:4: "),
        (vec!["up", "--site", "a.test"], "give each --site HOST its --to URL"),
        (vec!["up", "--site", "a b", "--to", "127.0.0.1:1"], "--site a b"),
        (vec!["up", "--apply", "nowhere.toml"], "nowhere.toml: cannot read it"),
        (vec!["verify", "nowhere.json"], "nowhere.json"),
        (vec!["sign", "--key", "nowhere.key", "--proposal", "x"], "nowhere.key"),
        (vec!["frobnicate"], "unrecognized subcommand"),
    ] {
        let end = run(binary().args(&arguments).current_dir(setup.path()));
        assert_eq!(end.code, Some(2), "{arguments:?}: {}{}", end.stdout, end.stderr);
        assert!(end.stderr.contains(says), "{arguments:?}: {}", end.stderr);
        assert!(!end.stderr.contains("panicked"), "{arguments:?}: {}", end.stderr);
    }
    assert!(!setup.path().join("wardmote-data").exists(), "nothing was begun");
}

#[test]
fn a_port_in_use_is_named_with_its_key_before_anything_starts() {
    let setup = Setup::new();
    let _taken = TcpListener::bind(setup.http).unwrap();
    let end = run(binary().args(["up", "--config"]).arg(setup.config()).current_dir(setup.path()));
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    let says = format!("{} is in use by another program", setup.http);
    assert!(
        end.stderr.contains(&says) && end.stderr.contains("set edge.http to another port"),
        "{}",
        end.stderr
    );
}

#[test]
fn a_data_folder_is_used_by_one_process_at_a_time() {
    let first = Setup::new().up(&[]);
    let second = Setup::new();
    let text = fs::read_to_string(second.config()).unwrap();
    let theirs = format!("data_dir = {:?}", second.data());
    let ours = format!("data_dir = {:?}", first.setup.data());
    fs::write(second.config(), text.replace(&theirs, &ours)).unwrap();
    let end = second.command(&["up"]);
    assert_eq!(end.code, Some(1), "{}", end.stderr);
    assert!(end.stderr.contains("another wardmote runs in"), "{}", end.stderr);
    first.stop();
}

#[test]
fn commands_without_a_running_process_say_how_to_start_one() {
    let setup = Setup::new();
    for verb in [vec!["status"], vec!["export"], vec!["apply", "-f", "sites.toml"]] {
        setup.sites("");
        let end = setup.command(&verb);
        assert_eq!(end.code, Some(1), "{verb:?}: {}", end.stderr);
        assert!(end.stderr.contains("start it with `wardmote up`"), "{verb:?}: {}", end.stderr);
    }
}

#[test]
fn an_origin_that_does_not_answer_is_a_warning_and_visitors_get_an_error_page() {
    let port = free_port();
    let origin = format!("127.0.0.1:{port}");
    let wardmote = Setup::new().up(&["--site", "shop.localhost", "--to", &origin]);
    assert!(
        wardmote.output().contains(&format!("!!  origin {origin} does not answer")),
        "{}",
        wardmote.output()
    );
    let reply = wardmote.visit("shop.localhost", "/");
    assert!((502..=504).contains(&reply.status), "{reply:?}");
    assert!(reply.field("wardmote-ray").is_some_and(|ray| reply.text().contains(&ray)), "{reply:?}");
    wardmote.stop();
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_by_check_and_by_apply() {
    let setup = Setup::new();
    fs::write(setup.path().join("chain.pem"), "no certificate").unwrap();
    fs::write(setup.path().join("key.pem"), "no key").unwrap();
    let sites = "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"http://127.0.0.1:1\"]\n\
                 certificate = { chain = \"chain.pem\", key = \"key.pem\" }\n";
    let path = setup.sites(sites);
    let path = path.to_str().unwrap();
    let end = setup.command(&["check", "--apply", path]);
    assert_eq!(end.code, Some(2), "{}{}", end.stdout, end.stderr);
    assert!(end.stderr.contains("chain.pem"), "{}", end.stderr);
    let mut process = setup.spawn(&["--apply", path]);
    let status = crate::harness::eventually("up ends", Duration::from_secs(20), || process.ended());
    assert_eq!(status.code(), Some(2), "{}", process.output());
    assert!(process.output().contains("chain.pem"), "{}", process.output());
}

/// Spoils each trust state in the edge's replica, in either generation and wherever LMDB has left an older copy.
fn spoil_trust(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let mark = b"\"wardmote-trust/";
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(mark)).collect();
    assert!(!places.is_empty(), "the replica holds no trust state");
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn an_edge_that_no_longer_knows_how_far_it_saw_the_log_does_not_start() {
    let setup = Setup::new().up(&[]).stop();
    let replica = setup.data().join("edge/replica");
    spoil_trust(&replica.join("data.mdb"));
    let mut process = setup.spawn(&[]);
    let status = crate::harness::eventually("up ends", Duration::from_secs(20), || process.ended());
    let said = process.output();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("trust state in the replica is damaged") && said.contains("move the replica away"),
        "{said}"
    );
    // What the words say helps.
    fs::rename(&replica, setup.path().join("moved-away")).unwrap();
    setup.up(&[]).stop();
}
