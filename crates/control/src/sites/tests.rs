use super::*;
use crate::sites_toml;
use records::{Account, Change, Fleet};
use snapshot::Site;
use std::path::Path;
use vocabulary::SeededRandom;

fn document(text: &str) -> sites_toml::Document {
    sites_toml::parse(text, Path::new("/etc")).expect(text)
}

fn planned(fleet: &Fleet, text: &str, prune: bool) -> Result<Plan, PlanError> {
    plan(fleet, &document(text), prune, &SeededRandom::new(9))
}

/// What the records would hold after the plan.
fn after(fleet: &Fleet, plan: &Plan) -> Fleet {
    let mut fleet = fleet.clone();
    fleet.revision += 1;
    for change in &plan.changes {
        match change {
            Change::PutAccount(account) => fleet.accounts.push(account.clone()),
            Change::RemoveAccount(id) => fleet.accounts.retain(|account| account.id != *id),
            Change::PutSite(site) => {
                fleet.sites.retain(|other| other.id != site.id);
                fleet.sites.push(site.clone());
            }
            Change::RemoveSite(id) => fleet.sites.retain(|site| site.id != *id),
            other => panic!("{other:?}"),
        }
    }
    fleet
}

fn empty() -> Fleet {
    Fleet { revision: 0, accounts: Vec::<Account>::new(), sites: Vec::<Site>::new() }
}

const TWO: &str = r#"
[[account]]
name = "one"
[[account.site]]
hosts = ["a.test", "www.a.test"]
origins = ["http://127.0.0.1:1"]
certificate = { chain = "c \"x\".pem", key = "k.pem" }
error_page = "<p>{ray}</p>\n"
[[account.site]]
hosts = ["b.test"]
origins = ["https://[::1]:2"]
cache = "origin"
services = ["cache"]
pages = { origin = "sha256:abababababababababababababababababababababababababababababababab", contact = "call \"us\"" }
redirect_https = true
bypass = true
trace = true
hsts = { max_age = 63072000, include_subdomains = true, preload = true }
client_certificates = { ca = "clients.pem", mode = "optional" }
maintenance = { retry_after = 60, allow = ["192.0.2.0/24", "2001:db8::1"] }
[account.site.cache_rules]
bypass_cookies = ["session", "wp_*"]
languages = ["en", "pt-BR"]
query = { ignore = ["utm_*"], sort = true }
agree_content_type = false
[[account.site.cache_rules.ttl]]
path = "/assets/"
seconds = 86400
[[account.site.cache_rules.ttl]]
path = "*"
status = "400-499"
seconds = 10
[account.site.shield]
profile = "strict"
under_attack = "off"
[account.site.shield.list.office]
kind = "address"
items = ["192.0.2.0/24"]
[[account.site.shield.rule]]
name = "office"
when = "ip.src in $office and http.user_agent ne \"a\""
action = "allow"
[[account.site.shield.rule]]
name = "elsewhere"
when = "ssl"
action = "redirect"
target = '"/x"'
keep_query = true
[[account]]
name = "two"
[[account.site]]
hosts = ["c.test"]
origins = ["http://127.0.0.1:3"]
"#;

fn two() -> Fleet {
    after(&empty(), &planned(&empty(), TWO, false).expect("first"))
}

#[test]
fn the_first_apply_adds_and_the_second_changes_nothing() {
    let first = planned(&empty(), TWO, false).expect("first");
    assert_eq!(first.steps.len(), 3);
    assert_eq!(first.lowering().count(), 0);
    let again = planned(&two(), TWO, true).expect("again");
    assert!(again.changes.is_empty(), "{:?}", again.changes);
}

#[test]
fn what_is_exported_applies_to_nothing() {
    let fleet = two();
    let again = planned(&fleet, &export(&fleet), true).expect("exported");
    assert!(again.changes.is_empty(), "{:?}\n{}", again.changes, export(&fleet));
    let rules = "    [account.site.cache_rules]
    ttl = [
      { path = \"/assets/\", seconds = 86400 },
      { path = \"*\", status = \"400-499\", seconds = 10 },
    ]
    bypass_cookies = [\"session\", \"wp_*\"]
    languages = [\"en\", \"pt-BR\"]
    query = { ignore = [\"utm_*\"], sort = true }
    agree_content_type = false
";
    assert!(export(&fleet).contains(rules), "{}", export(&fleet));
}

const ORIGINS: &str = r#"
[[account]]
name = "one"
[[account.site]]
hosts = ["a.test"]
balance = "hash:cookie:sid"
health = { path = "/up", host = "a.test", status = 204, interval = "5s" }
ejection = { after = 3 }
retries = { attempts = 2, statuses = [503] }
timeouts = { connect = "300ms", total = "1m" }
origin_tls = { ca = "ca.pem", server_name = "inner.test", certificate = { chain = "e.pem", key = "e.key" } }
origin_host = "inner.test"
origin_secret = { name = "X-Secret", file = "secret.txt" }
[account.site.cache_rules]
languages = ["en"]
[[account.site.origin]]
url = "https://[::1]:1"
weight = 3
[[account.site.origin]]
url = "https://o.test"
server_name = "p.test"
protocol = "http2"
[[account.site]]
hosts = ["b.test"]
origins = ["https://o.test"]
health = { check = "tcp" }
origin_tls = { verify = false }
[[account.site]]
hosts = ["c.test"]
origins = ["https://o.test"]
origin_tls = { pin = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"] }
"#;

#[test]
fn what_is_exported_of_origins_applies_to_nothing_and_what_lowers_a_service_is_seen() {
    let fleet = after(&empty(), &planned(&empty(), ORIGINS, false).expect("first"));
    let again = planned(&fleet, &export(&fleet), true).expect("exported");
    assert!(again.changes.is_empty(), "{:?}\n{}", again.changes, export(&fleet));
    for (from, to, says) in [
        ("\"300ms\"", "\"100ms\"", "waited for less long"),
        ("\"1m\"", "\"30s\"", "waited for less long"),
        ("origin_host = \"inner.test\"", "origin_host = \"other.test\"", "from elsewhere"),
        (
            "pin = [\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"]",
            "verify = false",
            "no longer verified",
        ),
    ] {
        let plan = planned(&fleet, &ORIGINS.replace(from, to), false).expect("plan");
        let lowered: Vec<_> = plan.lowering().flat_map(|step| &step.lowers).collect();
        assert!(lowered.len() == 1 && lowered[0].contains(says), "{from}: {lowered:?}");
    }
    for (from, to) in [
        ("weight = 3", "weight = 9"),
        ("\"300ms\"", "\"5s\""),
        ("origin_tls = { verify = false }", ""),
        ("after = 3", "after = 9"),
    ] {
        let plan = planned(&fleet, &ORIGINS.replace(from, to), false).expect("plan");
        assert_eq!((plan.changes.len(), plan.lowering().count()), (1, 0), "{from}");
    }
}

#[test]
fn without_prune_unnamed_sites_stay_and_with_it_they_go_as_a_lowering() {
    let fleet = two();
    let only = "[[account]]\nname = \"two\"\n[[account.site]]\nhosts = [\"c.test\"]\norigins = [\"http://127.0.0.1:3\"]";
    assert!(planned(&fleet, only, false).expect("kept").changes.is_empty());
    let pruned = planned(&fleet, only, true).expect("pruned");
    assert_eq!(pruned.lowering().count(), 2);
    let left = after(&fleet, &pruned);
    assert_eq!((left.accounts.len(), left.sites.len()), (1, 1));
}

#[test]
fn each_way_to_lower_a_service_is_seen_and_gains_are_free() {
    let fleet = two();
    for (from, to, says) in [
        ("\"a.test\", \"www.a.test\"", "\"a.test\"", "no longer answers to www.a.test"),
        ("http://127.0.0.1:1", "http://127.0.0.1:9", "from elsewhere"),
        ("certificate = { chain = \"c \\\"x\\\".pem\", key = \"k.pem\" }", "", "certificate"),
        ("error_page = \"<p>{ray}</p>\\n\"", "", "error page"),
        ("services = [\"cache\"]", "services = []", "service"),
        (
            "origins = [\"http://127.0.0.1:3\"]",
            "origins = [\"http://127.0.0.1:3\"]\nmaintenance = {}",
            "maintenance",
        ),
        ("\"192.0.2.0/24\", ", "", "maintenance"),
        ("redirect_https = true", "redirect_https = true\ntls_min = \"1.3\"", "older versions of TLS"),
        ("redirect_https = true\n", "", "no longer sent to HTTPS"),
        ("max_age = 63072000", "max_age = 31536000", "for less long"),
        (
            "hsts = { max_age = 63072000, include_subdomains = true, preload = true }\n",
            "",
            "no longer told to come over HTTPS",
        ),
        (", include_subdomains = true, preload = true", "", "names below are no longer held"),
        (", preload = true", "", "browsers' own lists is given up"),
        (
            "origins = [\"http://127.0.0.1:3\"]",
            "origins = [\"http://127.0.0.1:3\"]\nhsts = { max_age = 60, include_subdomains = true }",
            "every name below is bound",
        ),
        (
            "origins = [\"http://127.0.0.1:3\"]",
            "origins = [\"http://127.0.0.1:3\"]\n\
             hsts = { max_age = 31536000, include_subdomains = true, preload = true }",
            "months to undo",
        ),
        ("mode = \"optional\"", "mode = \"required\"", "visitors' certificates"),
        (
            "client_certificates = { ca = \"clients.pem\", mode = \"optional\" }\n",
            "",
            "visitors' certificates",
        ),
        (
            "origin = \"sha256:abababababababababababababababababababababababababababababababab\", ",
            "",
            "class origin",
        ),
        ("origins = [\"http://127.0.0.1:3\"]", "origins = [\"http://127.0.0.1:3\"]\nbypass = true", "cached"),
    ] {
        let text = TWO.replace(from, to);
        assert_ne!(text, TWO, "{from}");
        let plan = planned(&fleet, &text, false).expect("plan");
        let lowered: Vec<_> = plan.lowering().flat_map(|step| &step.lowers).collect();
        assert_eq!(lowered.len(), 1, "{from}: {lowered:?}");
        assert!(lowered[0].contains(says), "{from}: {lowered:?}");
    }
    for (from, to) in [
        ("\"a.test\", \"www.a.test\"", "\"a.test\", \"www.a.test\", \"d.test\""),
        ("services = [\"cache\"]", "services = [\"cache\", \"shield\"]"),
        ("cache = \"origin\"", "cache = \"guarded\""),
        ("seconds = 10", "seconds = 0"),
        ("retry_after = 60, ", ""),
        ("bypass = true\n", ""),
        ("max_age = 63072000", "max_age = 63072001"),
        ("origins = [\"http://127.0.0.1:3\"]", "origins = [\"http://127.0.0.1:3\"]\nhsts = { max_age = 60 }"),
    ] {
        let plan = planned(&fleet, &TWO.replace(from, to), false).expect("plan");
        assert_eq!((plan.steps.len(), plan.lowering().count()), (1, 0), "{from}");
    }
}

#[test]
fn hosts_neither_change_hands_nor_merge_sites() {
    let fleet = two();
    let taken =
        TWO.replace("[\"b.test\"]", "[\"b.test\", \"d.test\"]").replace("[\"c.test\"]", "[\"x.test\"]");
    let stolen = taken.replace("\"d.test\"", "\"c.test\"");
    assert!(matches!(planned(&fleet, &stolen, false), Err(PlanError::HostTaken { .. })));
    let merged = "[[account]]\nname = \"one\"\n[[account.site]]\nhosts = [\"a.test\", \"b.test\"]\norigins = [\"o.test\"]";
    assert!(matches!(planned(&fleet, merged, false), Err(PlanError::Merge { .. })));
}

fn site(account: &str, hosts: &str) -> String {
    format!(
        "[[account]]\nname = {account:?}\n[[account.site]]\nhosts = {hosts}\norigins = [\"http://127.0.0.1:1\"]\n"
    )
}

#[test]
fn one_customers_patterns_never_cover_anothers() {
    let covering = [
        ("[\"*.shop.test\"]", "[\"x9.shop.test\"]"),
        ("[\"*.shop.test\"]", "[\"a.b.shop.test\"]"),
        ("[\"*.shop.test\"]", "[\"*.b.shop.test\"]"),
        ("[\"*.shop.test\", \"shop.test\", \"a.shop.test\"]", "[\"other.test\", \"b.shop.test\"]"),
        ("[\"*.test\"]", "[\"shop.test\"]"),
    ];
    for (one, two) in covering {
        for (first, second) in [(one, two), (two, one)] {
            let (first, second) = (site("one", first), site("two", second));
            let fleet = after(&empty(), &planned(&empty(), &first, false).expect("first"));
            let later = |prune| plan(&fleet, &document(&second), prune, &SeededRandom::new(10));
            let refused = later(false);
            assert!(matches!(refused, Err(PlanError::Overlap { .. })), "{first}{second}: {refused:?}");
            let refused = planned(&empty(), &format!("{first}{second}"), false);
            assert!(matches!(refused, Err(PlanError::Overlap { .. })), "{first}{second}: {refused:?}");
            // With the holder gone the name is free.
            later(true).expect("alone");
        }
    }
    for (one, two) in [
        ("[\"*.shop.test\"]", "[\"shop.test\"]"),
        ("[\"*.shop.test\"]", "[\"myshop.test\", \"*.myshop.test\"]"),
        ("[\"*.a.shop.test\"]", "[\"b.shop.test\", \"a.shop.test\"]"),
    ] {
        planned(&empty(), &(site("one", one) + &site("two", two)), false).expect("apart");
    }
    let own = site("one", "[\"*.shop.test\"]")
        + "[[account.site]]\nhosts = [\"x9.shop.test\"]\norigins = [\"http://127.0.0.1:2\"]\n";
    planned(&empty(), &own, false).expect("one customer's own");
}

#[test]
fn a_site_keeps_its_identity_while_it_keeps_a_host() {
    let fleet = two();
    let moved = TWO.replace("\"a.test\", \"www.a.test\"", "\"www.a.test\", \"new.test\"");
    let plan = planned(&fleet, &moved, true).expect("plan");
    let before = fleet.sites.iter().find(|site| site.hosts.len() == 2).expect("site").id;
    assert_eq!(plan.steps[0].site, before);
    let split = TWO.replace(
        "[[account.site]]\nhosts = [\"b.test\"]",
        "[[account.site]]\nhosts = [\"www.a.test\"]\norigins = [\"http://127.0.0.1:1\"]\n[[account.site]]\nhosts = [\"b.test\"]",
    );
    let split = split.replace("\"a.test\", \"www.a.test\"", "\"a.test\"");
    let plan = planned(&fleet, &split, false).expect("plan");
    assert_eq!(plan.steps[0].site, before);
    assert_ne!(plan.steps[1].site, before);
}
