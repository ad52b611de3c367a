use crate::sites_toml::{parse_shield, parse_with};
use shield::lists::ListKind;
use shield::rates::RateAction;
use shield::rules::{CacheSetting, ChallengeKind};
use snapshot::{ListSource, OperatorList, OperatorShield, Profile, RuleAction, ShieldSettings, UnderAttack};
use std::path::Path;

fn read(text: &str) -> Result<ShieldSettings, String> {
    let read = parse_shield(text, Path::new("/etc"), 2, &OperatorShield::default());
    read.map_err(|error| {
        error.mistakes.iter().map(|m| format!("{}:{}: {}\n", m.line, m.column, m.message)).collect()
    })
}

const WHOLE: &str = r#"
profile = "strict"
under_attack = "on"
clearance = 600
difficulty = 18
[list.office]
kind = "address"
items = ["192.0.2.0/24"]
[list.bad]
kind = "asn"
feed = "bad.txt"
refresh = 600
[[rule]]
name = "office"
when = 'ip.src in $office'
action = "allow"
[[rule]]
name = "log in"
when = 'http.request.uri.path eq "/login"'
action = "rate-limit"
by = ["ip.src"]
counting = "http.response.code in {401 403}"
requests = 10
period = 60
mitigation = 300
over = "challenge"
challenge = "work"
[[rule]]
name = "keep"
when = "true"
action = "cache"
seconds = 60
[[rule]]
name = "second"
when = "ip.src.asnum in $bad"
action = "origin"
origin = 2
"#;

#[test]
fn a_whole_defence_is_read() {
    let settings = read(WHOLE).expect("settings");
    assert_eq!((settings.profile, settings.under_attack), (Profile::Strict, UnderAttack::On));
    assert_eq!((settings.challenge.clearance_seconds, settings.challenge.difficulty), (600, 18));
    let ListSource::Feed(feed) = &settings.lists["bad"].source else { panic!("a feed") };
    assert_eq!((feed.address.as_str(), feed.refresh_seconds), ("/etc/bad.txt", 600));
    let [allow, limit, cache, origin] = &settings.rules[..] else { panic!("four rules") };
    assert_eq!(allow.action, RuleAction::Allow);
    let RuleAction::RateLimit(terms) = &limit.action else { panic!("a rate") };
    assert_eq!(terms.over, RateAction::Challenge(ChallengeKind::Work));
    assert_eq!((terms.requests, terms.period_seconds, terms.mitigation_seconds), (10, 60, 300));
    assert_eq!(cache.action, RuleAction::Cache(CacheSetting::TimeToLive(60)));
    assert_eq!(origin.action, RuleAction::Origin(1));
    assert_eq!(read("").expect("nothing"), ShieldSettings::default());
}

#[test]
fn what_is_written_is_read_back_to_the_same() {
    let settings = read(WHOLE).expect("settings");
    assert_eq!(read(&crate::sites::shield_text(&settings)), Ok(settings));
}

#[test]
fn a_mistake_in_an_expression_is_found_at_its_character() {
    let rule = |when: &str| format!("[[rule]]\nname = \"a\"\nwhen = {when}\naction = \"block\"\n");
    for (when, line, column) in [
        ("'ssl and http.hots eq \"a\"'", 3, 17),
        ("\"ssl and http.hots eq 1\"", 3, 17),
        ("'''\nssl and\nhttp.hots eq 1'''", 3, 8),
        // With escapes, characters of the file are not those of the expression.
        ("\"ssl and http.hots eq \\\"a\\\"\"", 3, 8),
    ] {
        let error = read(&rule(when)).expect_err(when);
        assert!(error.starts_with(&format!("{line}:{column}: ")), "{when}: {error}");
        assert!(error.contains("did you mean http.host?"), "{error}");
    }
}

#[test]
fn each_mistake_says_what_to_write() {
    let rule = |rest: &str| format!("[[rule]]\nname = \"a\"\nwhen = \"ssl\"\n{rest}");
    for (text, says) in [
        ("profile = \"strikt\"".to_owned(), "did you mean \"strict\"?"),
        ("clearance = 5".to_owned(), "from 60 to 21600"),
        (rule("action = \"blok\""), "did you mean \"block\"?"),
        (rule("action = \"block\"\nby = [\"ip.src\"]"), "unknown key \"by\""),
        (rule("action = \"rate-limit\"\nby = [\"ip.src\"]\nperiod = 60"), "requests = 100"),
        (rule("action = \"redirect\"\ntarget = '\"/x\"'\nstatus = 200"), "301, 302"),
        (rule("action = \"redirect\"\ntarget = '/x'"), "5:11: "),
        (rule("action = \"set-header\"\nheader = \"host\"\nvalue = '\"x\"'"), "no header field"),
        (rule("action = \"origin\"\norigin = 3"), "the site has 2"),
        (rule("action = \"origin\"\norigin = 0"), "from 1 to"),
        (rule("action = \"cache\""), "cache = \"bypass\""),
        ("[list.x]\nkind = \"address\"".to_owned(), "either items"),
        ("[list.x]\nkind = \"adress\"\nitems = []".to_owned(), "did you mean \"address\"?"),
        ("[list.x]\nkind = \"address\"\nitems = [\"nonsense\"]".to_owned(), "is no item"),
        ("[list.X]\nkind = \"address\"\nitems = []".to_owned(), "no name of a list"),
        ("[list.x]\nkind = \"address\"\nfeed = \"ftp://a.test/\"".to_owned(), "neither an address"),
        ("[list.x]\nkind = \"address\"\nfeed = \"a\"\nrefresh = 1".to_owned(), "from 300 to"),
    ] {
        let error = read(&text).expect_err(&text);
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_site_of_a_file_has_its_defence_and_may_name_the_operators_lists() {
    let list = OperatorList { kind: ListKind::Address, source: ListSource::Items(vec![]), acting: None };
    let operator =
        OperatorShield { lists: [("shared".to_owned(), list)].into(), ..OperatorShield::default() };
    let text = "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\n\
                [account.site.shield]\nprofile = \"monitor\"\n[[account.site.shield.rule]]\nname = \"r\"\n\
                when = \"ip.src in $shared\"\naction = \"block\"\n";
    let document = parse_with(text, Path::new("/"), &operator).expect("a document");
    let site = &document.accounts[0].sites[0];
    assert_eq!((site.shield.profile, site.shield.rules.len()), (Profile::Monitor, 1));
    let alone = parse_with(text, Path::new("/"), &OperatorShield::default()).expect_err("no such list");
    assert_eq!(alone.mistakes[0].line, 10);
}
