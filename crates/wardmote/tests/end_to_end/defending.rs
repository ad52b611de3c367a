//! The defence as operators steer it: from the command line to the built binary.

use crate::harness::{Nginx, Setup};
use std::fs;

const SHIELD: &str = "profile = \"strict\"\n[[rule]]\nname = \"probes\"\n\
                      when = 'http.request.uri.path contains \"/.env\"'\naction = \"block\"\n";

#[test]
fn bans_switches_and_rules_are_set_shown_and_taken_back() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let sites = format!(
        "[[account]]\nname = \"shop\"\n[[account.site]]\nhosts = [\"shop.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    );
    let path = setup.sites(&sites);
    let wardmote = setup.up(&["--apply", path.to_str().unwrap()]);
    let said = |arguments: &[&str], code: i32, says: &str| {
        let end = wardmote.setup.command(arguments);
        let all = format!("{}{}", end.stdout, end.stderr);
        assert_eq!(end.code, Some(code), "{arguments:?}: {all}");
        assert!(all.contains(says), "{arguments:?}: {all}");
    };
    said(&["ban"], 0, "none; enter one");
    said(&["ban", "192.0.2.0/24", "--for", "1h", "--reason", "a flood"], 0, "undo: wardmote ban --end 1");
    said(&["allow", "192.0.2.7", "--site", "shop.test", "--reason", "ours"], 0, "wardmote allow --end 2");
    said(&["ban"], 0, "192.0.2.0/24");
    said(&["ban", "10.0.0.0/7", "--reason", "x"], 1, "defence-mistaken");
    said(&["ban", "--end", "1"], 0, "ended: 1");
    said(&["ban", "--end", "1"], 1, "not-found");

    said(
        &["under-attack", "shop.test", "--for", "2h", "--reason", "a flood"],
        0,
        "every visitor is challenged",
    );
    said(&["under-attack", "shop.test", "--for", "4h", "--reason", "a flood"], 1, "defence-mistaken");
    said(&["under-attack", "shop.test", "--off"], 0, "off:");

    let file = wardmote.setup.path().join("shield.toml");
    let file_name = file.to_str().unwrap().to_owned();
    fs::write(&file, SHIELD.replace("uri.path", "uri.pth")).unwrap();
    said(&["rules", "check", "--site", "shop.test", "-f", &file_name], 1, "line 4:");
    fs::write(&file, SHIELD).unwrap();
    said(&["rules", "check", "--site", "shop.test", "-f", &file_name], 0, "--customer-request");
    said(&["rules", "put", "--site", "shop.test", "-f", &file_name], 1, "tenant-request-missing");
    let words = ["--customer-request", "Please block those probes."];
    said(
        &[&["rules", "put", "--site", "shop.test", "-f", &file_name], &words[..]].concat(),
        0,
        "put, revision",
    );
    said(&["rules", "list", "--site", "shop.test"], 0, "name = \"probes\"");
    said(&["export"], 0, "[[account.site.shield.rule]]");
    wardmote.stop();
}
