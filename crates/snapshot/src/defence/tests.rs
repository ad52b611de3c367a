use crate::fixture::Mote;
use crate::{
    Acting, Alarm, Cause, Effect, Enforcement, Entry, Feed, FeedVersion, ListSource, OperatorList,
    OperatorShield, Parcel, Profile, RateTerms, RuleAction, Service, ShieldError, ShieldRule, ShieldSettings,
    Site, SiteList, SiteShield, Snapshot, Standing, Subject, Trust, UnderAttackSwitch,
};
use shield::lists::ListKind;
use shield::rates::RateAction;
use shield::{Lists, Source};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Digest, Random, SeededRandom, SiteId, Timestamp};

const FEED: &str = "https://lists.test/bad";

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

fn rule(name: &str, when: &str, action: RuleAction) -> ShieldRule {
    ShieldRule { name: name.to_owned(), when: when.to_owned(), action }
}

fn terms(by: &str) -> RateTerms {
    RateTerms {
        by: vec![by.to_owned()],
        counting: None,
        requests: 10,
        period_seconds: 10,
        mitigation_seconds: 0,
        over: RateAction::Refuse,
    }
}

fn feed() -> ListSource {
    ListSource::Feed(Feed { address: FEED.to_owned(), refresh_seconds: 3_600 })
}

fn version(text: &str) -> FeedVersion {
    let digest = Digest::of(text.as_bytes());
    FeedVersion { address: FEED.to_owned(), kind: ListKind::Address, digest, text: text.into() }
}

/// An edge that takes one parcel after the other.
struct Bench {
    mote: Mote,
    edge: Enforcement,
    revision: u64,
}

impl Bench {
    fn new() -> Self {
        let mote = Mote::found(1, now());
        let edge = Enforcement::new(mote.roots(), Trust::default());
        Self { mote, edge, revision: 0 }
    }

    fn site(&self, host: &str, shield: ShieldSettings) -> Site {
        Site { shield, ..self.mote.site(&[host], 1) }
    }

    fn take(&mut self, mut parcel: Parcel) -> (Arc<Snapshot>, Vec<Alarm>) {
        self.revision += 1;
        parcel.revision = self.revision;
        let applied = self.edge.apply(&parcel, now());
        (applied.snapshot, applied.alarms)
    }
}

fn blocking(list: &str) -> ShieldSettings {
    let rules = vec![rule("bad", &format!("ip.src in ${list}"), RuleAction::Block)];
    let own = SiteList { kind: ListKind::Address, source: feed() };
    ShieldSettings { rules, lists: [("bad".to_owned(), own)].into(), ..ShieldSettings::default() }
}

#[test]
fn usual_settings_are_compiled_once_for_all_and_a_site_without_the_service_is_off() {
    let mut bench = Bench::new();
    let mut without = bench.site("c.test", ShieldSettings::default());
    without.services.remove(&Service::Shield);
    let strict =
        bench.site("d.test", ShieldSettings { profile: Profile::Strict, ..ShieldSettings::default() });
    let sites = vec![
        bench.site("a.test", ShieldSettings::default()),
        bench.site("b.test", ShieldSettings::default()),
        without,
        strict,
    ];
    let (snapshot, alarms) = bench.take(Parcel { sites, ..Parcel::default() });
    assert_eq!(alarms, []);
    let shields: Vec<_> = snapshot.sites().iter().map(|site| snapshot.shield(site)).collect();
    assert!(Arc::ptr_eq(shields[0], shields[1]));
    let profiles: Vec<_> = shields.iter().map(|shield| shield.profile()).collect();
    assert_eq!(profiles, [Profile::Balanced, Profile::Balanced, Profile::Off, Profile::Strict]);
    assert!(snapshot.gate().is_empty());
}

#[test]
fn what_did_not_change_keeps_its_compiled_form_and_newer_items_keep_the_rules() {
    let mut bench = Bench::new();
    let sites = vec![bench.site("a.test", blocking("bad"))];
    let parcel = |feeds: &[&str]| Parcel {
        sites: sites.clone(),
        feeds: feeds.iter().map(|text| version(text)).collect(),
        ..Parcel::default()
    };
    let mut take = |feeds: &[&str]| {
        let (snapshot, alarms) = bench.take(parcel(feeds));
        assert_eq!(alarms, []);
        Arc::clone(snapshot.shield(&snapshot.sites()[0]))
    };
    let unread = take(&[]);
    let same = take(&[]);
    assert!(Arc::ptr_eq(&unread, &same));
    let read = take(&["192.0.2.1"]);
    assert!(std::ptr::eq(unread.rules(), read.rules()), "the same rules, and their health");
    assert!(Arc::ptr_eq(&read, &take(&["192.0.2.1"])));
    let bad: Vec<_> = [&unread, &read].map(|shield| blocks(shield)).into();
    assert_eq!(bad, [false, true]);
}

#[test]
fn a_feed_that_does_not_come_keeps_its_items_until_nobody_names_it() {
    let mut bench = Bench::new();
    let site = bench.site("a.test", blocking("bad"));
    let mut take = |shield: ShieldSettings, feeds: Vec<FeedVersion>| {
        let site = Site { shield, ..site.clone() };
        let (snapshot, _) = bench.take(Parcel { sites: vec![site.clone()], feeds, ..Parcel::default() });
        blocks(snapshot.shield(&site))
    };
    assert!(take(blocking("bad"), vec![version("192.0.2.1")]));
    assert!(take(blocking("bad"), vec![]), "a publisher that has just started");
    take(ShieldSettings::default(), vec![]);
    assert!(!take(blocking("bad"), vec![]), "forgotten");
}

/// Whether 192.0.2.1 is blocked.
fn blocks(shield: &SiteShield) -> bool {
    let request = shield::Request {
        method: "GET",
        host: "a.test",
        target: "/",
        secure: false,
        version: "HTTP/1.1",
        fields: &shield::NoFields,
        source: Source::at("192.0.2.1".parse().expect("an address")),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: shield::BotClass::Unknown,
        at: now(),
        response: None,
    };
    let (mut scratch, mut verdict) = (shield::Scratch::default(), shield::rules::Verdict::default());
    let decision = shield.rules().evaluate(&request, shield.lists(), &mut scratch, &mut verdict);
    matches!(decision, shield::rules::Decision::Block { .. })
}

#[test]
fn settings_that_do_not_compile_leave_what_was_served_before_and_raise_an_alarm() {
    let mut bench = Bench::new();
    let good = bench.site("a.test", blocking("bad"));
    let feeds = vec![version("192.0.2.1")];
    let parcel =
        |site: &Site| Parcel { sites: vec![site.clone()], feeds: feeds.clone(), ..Parcel::default() };
    bench.take(parcel(&good));
    let broken = Site { shield: blocking("bda"), ..good };
    let (snapshot, alarms) = bench.take(parcel(&broken));
    assert!(
        matches!(&alarms[..], [Alarm::Shield { site: Some(site), .. }] if *site == broken.id),
        "{alarms:?}"
    );
    assert!(blocks(snapshot.shield(&broken)));
    let newcomer = bench.site("b.test", blocking("bda"));
    let (snapshot, _) = bench.take(parcel(&newcomer));
    assert!(!blocks(snapshot.shield(&newcomer)));
}

#[test]
fn a_damaged_feed_leaves_its_former_version() {
    let mut bench = Bench::new();
    let site = bench.site("a.test", blocking("bad"));
    let mut take = |text: &str| {
        bench.take(Parcel { sites: vec![site.clone()], feeds: vec![version(text)], ..Parcel::default() })
    };
    take("192.0.2.1");
    let (snapshot, alarms) = take("nonsense");
    assert!(matches!(&alarms[..], [Alarm::Shield { site: None, .. }]), "{alarms:?}");
    assert!(blocks(snapshot.shield(&site)));
}

#[test]
fn rules_may_name_the_operators_lists_and_a_list_may_act_by_itself() {
    let mut bench = Bench::new();
    let site = bench.site(
        "a.test",
        ShieldSettings {
            rules: vec![rule("theirs", "ip.src in $shared", RuleAction::Block)],
            ..ShieldSettings::default()
        },
    );
    let acting = |effect| Acting { effect, until: now().plus(Duration::from_secs(60)) };
    let list = |effect: Option<Effect>| OperatorList {
        kind: ListKind::Address,
        source: ListSource::Items(vec!["192.0.2.0/24".to_owned()]),
        acting: effect.map(acting),
    };
    let operator = |effect| OperatorShield {
        lists: [("shared".to_owned(), list(effect))].into(),
        ..OperatorShield::default()
    };
    let mut take = |shield| {
        let parcel = Parcel { sites: vec![site.clone()], shield, ..Parcel::default() };
        bench.take(parcel).0
    };
    let snapshot = take(operator(None));
    let source = Source::at("192.0.2.1".parse().expect("an address"));
    assert!(blocks(snapshot.shield(&site)));
    assert_eq!(snapshot.gate().standing(&source, site.id, now()), Standing::Neither);
    let listed = |name, address: &str| {
        let (name, address) =
            (shield::lists::ListName::parse(name).expect("a name"), address.parse().expect("an address"));
        snapshot.gate().lists_address(&name, address)
    };
    assert!(listed("shared", "192.0.2.1") && !listed("shared", "192.0.3.1") && !listed("other", "192.0.2.1"));
    let snapshot = take(operator(Some(Effect::Ban)));
    let banned = Standing::Banned(Cause::List("shared"));
    let standing =
        |seconds| snapshot.gate().standing(&source, site.id, now().plus(Duration::from_secs(seconds)));
    assert_eq!([standing(0), standing(60)], [banned, Standing::Neither]);
}

fn entry(number: u64, effect: Effect, subject: &str, site: Option<SiteId>, seconds: i64) -> Entry {
    let subject = match subject.strip_prefix("AS") {
        Some(asn) => Subject::Asn(asn.parse().expect("a number")),
        None => Subject::Network(subject.parse().expect("a network")),
    };
    Entry {
        number,
        effect,
        subject,
        site,
        since: now(),
        until: now().plus(Duration::from_secs(seconds.unsigned_abs())),
        reason: "a test".to_owned(),
        by: "operator".to_owned(),
    }
}

fn gate(entries: Vec<Entry>) -> Arc<super::Gate> {
    let shield = OperatorShield { entries, ..OperatorShield::default() };
    let (snapshot, alarms) = Bench::new().take(Parcel { shield, ..Parcel::default() });
    assert_eq!(alarms, []);
    Arc::clone(snapshot.gate())
}

fn number(standing: Standing<'_>) -> (char, u64) {
    match standing {
        Standing::Allowed(Cause::Entry(entry)) => ('a', entry.number),
        Standing::Banned(Cause::Entry(entry)) => ('b', entry.number),
        _ => ('-', 0),
    }
}

#[test]
fn an_allowance_beats_every_ban_and_each_entry_has_its_site_and_its_end() {
    let [one, other] = [1, 2].map(|number| SiteId::from_bytes([number; 16]));
    let gate = gate(vec![
        entry(1, Effect::Ban, "192.0.2.0/24", None, 60),
        entry(2, Effect::Allow, "192.0.2.7", None, 30),
        entry(3, Effect::Ban, "198.51.100.0/24", Some(one), 60),
        entry(4, Effect::Ban, "AS64500", None, 60),
        entry(5, Effect::Allow, "2001:db8::/32", None, 60),
    ]);
    let standing = |address: &str, asn, site, seconds: u64| {
        let source = Source { asn, ..Source::at(address.parse().expect("an address")) };
        number(gate.standing(&source, site, now().plus(Duration::from_secs(seconds))))
    };
    for (address, asn, site, seconds, expected) in [
        ("192.0.2.1", None, one, 0, ('b', 1)),
        ("192.0.2.7", None, one, 0, ('a', 2)),
        ("192.0.2.7", None, one, 30, ('b', 1)),
        ("192.0.2.1", None, one, 60, ('-', 0)),
        ("198.51.100.1", None, one, 0, ('b', 3)),
        ("198.51.100.1", None, other, 0, ('-', 0)),
        ("203.0.113.1", Some(64_500), one, 0, ('b', 4)),
        ("2001:db8::1", Some(64_500), one, 0, ('a', 5)),
        ("192.0.3.1", None, one, 0, ('-', 0)),
    ] {
        assert_eq!(standing(address, asn, site, seconds), expected, "{address} {asn:?} {seconds}");
    }
}

#[test]
fn nested_networks_are_found_as_by_looking_at_each() {
    let random: &dyn Random = &SeededRandom::new(3);
    let entries: Vec<Entry> = (1..=300)
        .map(|number| {
            let [a, b, bits, _] = random.bytes::<4>();
            let network = format!("10.{}.{}.0/{}", a % 4, b, 8 + bits % 25);
            entry(number, Effect::Ban, &network, None, 60)
        })
        .collect();
    let gate = gate(entries.clone());
    let site = SiteId::from_bytes([1; 16]);
    for _ in 0..3_000 {
        let [a, b, c, _] = random.bytes::<4>();
        let address = std::net::Ipv4Addr::new(10, a % 5, b, c).into();
        let covering: Vec<u64> = entries
            .iter()
            .filter(|entry| matches!(entry.subject, Subject::Network(network) if network.contains(address)))
            .map(|entry| entry.number)
            .collect();
        let (kind, found) = number(gate.standing(&Source::at(address), site, now()));
        assert_eq!(kind == 'b', !covering.is_empty(), "{address}");
        assert!(covering.is_empty() || covering.contains(&found), "{address}: {found}");
    }
}

#[test]
fn the_operators_switch_holds_for_its_site_and_its_time() {
    let [one, other] = [1, 2].map(|number| SiteId::from_bytes([number; 16]));
    let (since, until) = (now(), now().plus(Duration::from_secs(60)));
    let switch =
        UnderAttackSwitch { site: one, since, until, reason: "a flood".to_owned(), by: "op".to_owned() };
    let shield = OperatorShield { under_attack: vec![switch], ..OperatorShield::default() };
    let (snapshot, _) = Bench::new().take(Parcel { shield, ..Parcel::default() });
    let gate = snapshot.gate();
    let at = |seconds| now().plus(Duration::from_secs(seconds));
    let seen = [(one, 0), (one, 59), (one, 60), (other, 0)].map(|(site, s)| gate.under_attack(site, at(s)));
    assert_eq!(seen, [true, true, false, false]);
}

#[test]
fn a_mistake_is_found_by_rule_key_and_character() {
    let check = |rules: Vec<ShieldRule>| {
        let settings = ShieldSettings { rules, ..ShieldSettings::default() };
        SiteShield::check(&settings, 1, &OperatorShield::default()).expect_err("a mistake")
    };
    let fine = || rule("fine", "ssl", RuleAction::Log);
    let seen =
        |error: &ShieldError| error.expression().map(|(place, key, error)| (place, key, error.column()));
    let condition = check(vec![fine(), rule("x", "ssl and http.hots eq \"a\"", RuleAction::Block)]);
    assert_eq!(seen(&condition), Some((1, "when", 9)));
    let counted = check(vec![fine(), rule("x", "ssl", RuleAction::RateLimit(terms("ip.scr")))]);
    assert_eq!(seen(&counted), Some((1, "by", 1)));
    let value = RuleAction::SetHeader { name: "x-a".to_owned(), value: "1".to_owned() };
    assert_eq!(seen(&check(vec![rule("x", "ssl", value)])), Some((0, "value", 1)));
    let elsewhere = check(vec![rule("x", "ssl", RuleAction::Origin(1))]);
    assert_eq!((elsewhere.place(), elsewhere.expression().is_none()), (Some(0), true));
    let twice = check(vec![fine(), fine()]);
    assert_eq!(twice.place(), Some(0));
}

#[test]
fn rules_that_count_find_their_limits_by_place() {
    let limits = |by| RuleAction::RateLimit(terms(by));
    let settings = ShieldSettings {
        rules: vec![
            rule("a", "ssl", limits("ip.src")),
            rule("b", "ssl", RuleAction::Log),
            rule("c", "ssl", limits("http.host")),
        ],
        ..ShieldSettings::default()
    };
    let shield = SiteShield::check(&settings, 1, &OperatorShield::default()).expect("fine");
    let names: Vec<_> = shield.rates().iter().map(shield::rates::RateRule::name).collect();
    assert_eq!((names, shield.rules().len()), (vec!["a", "c"], 3));
    let text = serde_json::to_string(&settings).expect("text");
    assert_eq!(serde_json::from_str::<ShieldSettings>(&text).expect("settings"), settings);
    assert_eq!(shield.lists().names().count(), Lists::none().names().count());
}
