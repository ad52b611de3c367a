//! Purges: what they hit, in any order with fetches.

use crate::stored;
use caching::{
    EPOCHS_MAX, EntryFacts, Epochs, INVALIDATIONS_MAX, Purge, PurgeTarget, PurgeWindow, Stamp, Tags, Verdict,
};
use proptest::prelude::*;
use vocabulary::{Hostname, SiteId};

const SITE: SiteId = SiteId::from_bytes([1; 16]);
const OTHER: SiteId = SiteId::from_bytes([2; 16]);

fn tags(line: &str) -> Tags {
    stored(&[("Cache-Tag", line)], 1).tags().clone()
}

fn host(name: &str) -> Hostname {
    Hostname::parse(name).expect("host")
}

/// `a.test:81/x`: an address, on every port if none is named.
fn url(text: &str) -> PurgeTarget {
    let (authority, path) = text.split_at(text.find('/').expect("a path"));
    let (name, port) = authority.split_once(':').map_or((authority, None), |(name, port)| (name, Some(port)));
    let port = port.map(|port| port.parse().expect("a port"));
    PurgeTarget::Url { host: host(name), port, path_and_query: path.to_owned() }
}

fn prefix(text: &str) -> PurgeTarget {
    let (name, path) = text.split_at(text.find('/').expect("a path"));
    PurgeTarget::Prefix { host: host(name), path: path.to_owned() }
}

fn purge(revision: u64, target: PurgeTarget, soft: bool) -> Purge {
    Purge { revision, site: SITE, target, soft }
}

fn facts<'a>(host: &'a str, target: &'a str, tags: &'a Tags, fetched: Stamp) -> EntryFacts<'a> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    EntryFacts {
        site: SITE,
        host,
        port: None,
        path: path.as_bytes(),
        query: query.map(str::as_bytes),
        tags,
        fetched,
    }
}

#[test]
fn each_target_hits_what_it_names_and_nothing_else() {
    let (none, blue) = (Tags::default(), tags("blue, sky"));
    for (target, at, name, tags, expected) in [
        (url("a.test/x?y=1"), "a.test", "/x?y=1", &none, true),
        (url("a.test/x?y=1"), "a.test", "/x", &none, false),
        (url("a.test/x?y=1"), "a.test", "/x?y=12", &none, false),
        (url("a.test/x"), "b.test", "/x", &none, false),
        (url("a.test:8443/x"), "a.test", "/x", &none, false),
        (url("a.test/x"), "a.test", "/x?", &none, false),
        (PurgeTarget::Tag("blue".into()), "a.test", "/", &blue, true),
        (PurgeTarget::Tag("sky".into()), "b.test", "/x", &blue, true),
        (PurgeTarget::Tag("Blue".into()), "a.test", "/", &blue, false),
        (PurgeTarget::Tag("blu".into()), "a.test", "/", &blue, false),
        (PurgeTarget::Tag("blue".into()), "a.test", "/", &none, false),
        (prefix("a.test/blog/"), "a.test", "/blog/x", &none, true),
        (prefix("a.test/blog/"), "a.test", "/blog/", &none, true),
        (prefix("a.test/blog/"), "a.test", "/blog", &none, false),
        (prefix("a.test/blog"), "a.test", "/blogger", &none, true),
        (prefix("a.test/blog/x?a"), "a.test", "/blog/x?ab", &none, true),
        (prefix("a.test/blog/"), "b.test", "/blog/x", &none, false),
        (prefix("a.test/"), "a.test", "/", &none, true),
        (PurgeTarget::Host(host("a.test")), "a.test", "/x", &none, true),
        (PurgeTarget::Host(host("a.test")), "x.a.test", "/x", &none, false),
        (PurgeTarget::Everything, "b.test", "/x", &none, true),
    ] {
        for soft in [false, true] {
            let mut epochs = Epochs::new();
            epochs.purge_all_softly();
            let before = epochs.stamp();
            epochs.apply(&purge(1, target.clone(), soft));
            let hit = if soft { Verdict::SoftStale } else { Verdict::Gone };
            let expected = if expected { hit } else { Verdict::Current };
            assert_eq!(epochs.judge(&facts(at, name, tags, before)), expected, "{target:?} {at}{name}");
            let after = facts(at, name, tags, epochs.stamp());
            assert_eq!(epochs.judge(&after), Verdict::Current, "fetched after {target:?}");
            let elsewhere = EntryFacts { site: OTHER, ..facts(at, name, tags, before) };
            assert_eq!(epochs.judge(&elsewhere), Verdict::Current, "another site");
            assert_eq!(epochs.generation(OTHER), before);
            assert!(epochs.generation(SITE) > before);
        }
    }
}

#[test]
fn an_address_with_a_port_is_hit_on_that_port_and_one_without_on_any() {
    let none = Tags::default();
    let hit_on = |epochs: &Epochs| {
        let gone =
            |port| epochs.judge(&EntryFacts { port, ..facts("a.test", "/x", &none, Stamp::default()) });
        [None, Some(8443), Some(80)].map(gone).map(|verdict| verdict == Verdict::Gone)
    };
    let purged = |text| {
        let mut epochs = Epochs::new();
        epochs.apply(&purge(1, url(text), false));
        hit_on(&epochs)
    };
    assert_eq!(purged("a.test:8443/x"), [false, true, false]);
    assert_eq!(purged("a.test/x"), [true, true, true]);
    // RFC 9111 §4.4: another port is another origin.
    for (port, expected) in [(None, [true, false, false]), (Some(8443), [false, true, false])] {
        let mut epochs = Epochs::new();
        epochs.invalidate(SITE, "a.test", port, b"/x");
        assert_eq!(hit_on(&epochs), expected);
    }
    let mut on_host = Epochs::new();
    on_host.apply(&purge(1, PurgeTarget::Host(host("a.test")), false));
    assert_eq!(hit_on(&on_host), [true, true, true]);
}

#[test]
fn windows_apply_once_and_a_gap_makes_all_stale() {
    let none = Tags::default();
    let at = |target: &str| url(&format!("a.test{target}"));
    let mut epochs = Epochs::new();
    let first = PurgeWindow { after: 0, purges: vec![purge(1, at("/1"), false), purge(2, at("/2"), false)] };
    assert!(epochs.apply_window(&first));
    let filled = epochs.stamp();
    assert!(!epochs.apply_window(&first), "held already");
    assert_eq!((epochs.held_revision(), epochs.stamp()), (2, filled));
    let overlapping =
        PurgeWindow { after: 1, purges: vec![purge(2, at("/2"), false), purge(3, at("/3"), false)] };
    assert!(epochs.apply_window(&overlapping));
    assert_eq!(epochs.judge(&facts("a.test", "/2", &none, filled)), Verdict::Current, "refetched since");
    assert_eq!(epochs.judge(&facts("a.test", "/3", &none, filled)), Verdict::Gone);
    let late = epochs.stamp();
    let gap = PurgeWindow { after: 9, purges: vec![purge(10, at("/10"), false)] };
    assert_eq!(gap.revision(), 10);
    assert!(epochs.apply_window(&gap));
    assert_eq!(epochs.held_revision(), 10);
    assert_eq!(epochs.judge(&facts("a.test", "/x", &none, late)), Verdict::SoftStale);
    assert_eq!(epochs.judge(&facts("a.test", "/10", &none, late)), Verdict::Gone);
    assert_eq!(epochs.judge(&facts("a.test", "/x", &none, epochs.stamp())), Verdict::Current);
    let empty = PurgeWindow { after: 20, purges: vec![] };
    assert!(epochs.apply_window(&empty));
    assert_eq!((empty.revision(), epochs.held_revision()), (20, 20));
}

/// RFC 9111 §4.4.
#[test]
fn an_invalidated_address_is_gone_until_fetched_again() {
    let none = Tags::default();
    let mut epochs = Epochs::new();
    let before = epochs.stamp();
    epochs.invalidate(SITE, "a.test", None, b"/x?y");
    assert_eq!(epochs.judge(&facts("a.test", "/x?y", &none, before)), Verdict::Gone);
    assert_eq!(epochs.judge(&facts("a.test", "/x", &none, before)), Verdict::Current);
    assert_eq!(epochs.judge(&facts("a.test", "/x?y", &none, epochs.stamp())), Verdict::Current);
    assert_eq!(epochs.held_revision(), 0, "no purge of the control plane");
}

#[test]
fn a_response_with_too_many_tags_is_hit_by_any() {
    let many = (0..80).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
    let (many, few) = (tags(&many), tags("t0, t1"));
    let mut epochs = Epochs::new();
    let before = epochs.stamp();
    epochs.apply(&purge(1, PurgeTarget::Tag("t79".into()), false));
    assert_eq!(epochs.judge(&facts("a.test", "/", &many, before)), Verdict::Gone);
    assert_eq!(epochs.judge(&facts("a.test", "/", &few, before)), Verdict::Current);
}

/// What no longer fits lives on in the floor: hard for an owner's hard purges, soft for invalidations.
#[test]
fn full_tables_forget_nothing_they_must_remember() {
    let none = Tags::default();
    let mut epochs = Epochs::new();
    let old = epochs.stamp();
    let mut revision = 0;
    for n in 0..=EPOCHS_MAX as u64 {
        revision = n + 1;
        epochs.apply(&purge(revision, PurgeTarget::Tag(format!("t{n}")), false));
    }
    for tag in ["t0", "t9000", "t16384"] {
        assert_eq!(epochs.judge(&facts("a.test", "/", &tags(tag), old)), Verdict::Gone, "{tag}");
    }
    let fresh = epochs.stamp();
    assert_eq!(epochs.judge(&facts("a.test", "/", &tags("t0"), fresh)), Verdict::Current);
    epochs.apply(&purge(revision + 1, PurgeTarget::Everything, false));
    let middle = epochs.stamp();
    for n in 0..=INVALIDATIONS_MAX {
        epochs.invalidate(SITE, "a.test", None, format!("/{n}").as_bytes());
    }
    assert_eq!(epochs.judge(&facts("a.test", "/0", &none, middle)), Verdict::SoftStale);
    assert_eq!(epochs.judge(&facts("a.test", "/4096", &none, middle)), Verdict::Gone);
    assert_eq!(epochs.judge(&facts("a.test", "/untouched", &none, middle)), Verdict::SoftStale);
    assert_eq!(epochs.judge(&facts("a.test", "/untouched", &none, epochs.stamp())), Verdict::Current);
}

#[test]
fn epochs_and_purges_are_written_and_read_back() {
    let mut epochs = Epochs::new();
    epochs.invalidate(OTHER, "b.test", Some(81), &[0xff, b'/']);
    let targets = [
        url("a.test:81/x?y"),
        PurgeTarget::Tag("t".into()),
        prefix("a.test/x"),
        PurgeTarget::Host(host("a.test")),
        PurgeTarget::Everything,
    ];
    for (n, target) in targets.into_iter().enumerate() {
        let purge = purge(n as u64 + 1, target, n % 2 == 0);
        let text = serde_json::to_string(&purge).expect("json");
        assert_eq!(serde_json::from_str::<Purge>(&text).expect("json"), purge, "{text}");
        epochs.apply(&purge);
        let text = serde_json::to_string(&epochs).expect("json");
        assert_eq!(serde_json::from_str::<Epochs>(&text).expect("json"), epochs);
    }
    let everything = purge(7, PurgeTarget::Everything, false);
    let text = serde_json::to_string(&everything).expect("json");
    assert!(text.contains("\"target\":\"everything\""), "{text}");
    let address = url("a.test/x");
    let text = serde_json::to_string(&address).expect("json");
    assert_eq!(text, "{\"url\":{\"host\":\"a.test\",\"path-and-query\":\"/x\"}}");
}

/// What may happen, over few names so that they meet.
#[derive(Debug, Clone)]
enum Event {
    Purge(PurgeTarget, bool),
    Invalidate(&'static str, &'static str),
    Gap,
    Fetch,
}

const HOSTS: [&str; 2] = ["a.test", "b.test"];
const TARGETS: [&str; 6] = ["/", "/a", "/a?x", "/a/b", "/ab", "/b/"];
const PREFIXES: [&str; 7] = ["/", "/a", "/a?", "/a/", "/a/b", "/ac", "/b/"];
const TAGS: [&str; 3] = ["r", "g", "b"];

fn event() -> impl Strategy<Value = Event> {
    let one = prop::sample::select::<&'static str>;
    let target = prop_oneof![
        (one(HOSTS.to_vec()), one(TARGETS.to_vec())).prop_map(|(name, target)| PurgeTarget::Url {
            host: host(name),
            port: None,
            path_and_query: target.to_owned()
        }),
        one(TAGS.to_vec()).prop_map(|tag| PurgeTarget::Tag(tag.to_owned())),
        (one(HOSTS.to_vec()), one(PREFIXES.to_vec()))
            .prop_map(|(name, path)| PurgeTarget::Prefix { host: host(name), path: path.to_owned() }),
        one(HOSTS.to_vec()).prop_map(|name| PurgeTarget::Host(host(name))),
        Just(PurgeTarget::Everything),
    ];
    prop_oneof![
        6 => (target, any::<bool>()).prop_map(|(target, soft)| Event::Purge(target, soft)),
        2 => (one(HOSTS.to_vec()), one(TARGETS.to_vec())).prop_map(|(host, target)| Event::Invalidate(host, target)),
        1 => Just(Event::Gap),
        4 => Just(Event::Fetch),
    ]
}

/// Whether an event hits an address with tags, by the plainest reading.
fn hits(event: &Event, name: &str, target: &str, tags: &[&str]) -> Option<Verdict> {
    let hit = match event {
        Event::Fetch => false,
        Event::Gap => true,
        Event::Invalidate(host, address) => *host == name && *address == target,
        Event::Purge(PurgeTarget::Url { host, path_and_query, .. }, _) => {
            host.as_str() == name && path_and_query == target
        }
        Event::Purge(PurgeTarget::Tag(tag), _) => tags.contains(&tag.as_str()),
        Event::Purge(PurgeTarget::Prefix { host, path }, _) => {
            host.as_str() == name && target.starts_with(path)
        }
        Event::Purge(PurgeTarget::Host(host), _) => host.as_str() == name,
        Event::Purge(PurgeTarget::Everything, _) => true,
    };
    let soft = matches!(event, Event::Gap | Event::Purge(_, true));
    hit.then_some(if soft { Verdict::SoftStale } else { Verdict::Gone })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a list of all events, looked through one by one.
    #[test]
    fn verdicts_are_those_of_all_events_since_the_fetch(events in prop::collection::vec(event(), 1..40)) {
        let mut epochs = Epochs::new();
        let mut fetches = vec![(0, epochs.stamp())];
        for (at, event) in events.iter().enumerate() {
            let held = epochs.held_revision();
            match event {
                Event::Purge(target, soft) => {
                    let window = PurgeWindow { after: held, purges: vec![purge(held + 1, target.clone(), *soft)] };
                    epochs.apply_window(&window);
                }
                Event::Invalidate(host, target) => {
                    epochs.invalidate(SITE, host, None, target.as_bytes());
                }
                Event::Gap => {
                    epochs.apply_window(&PurgeWindow { after: held + 1, purges: vec![] });
                }
                Event::Fetch => fetches.push((at + 1, epochs.stamp())),
            }
        }
        for (since, fetched) in fetches {
            let untouched = epochs.generation(SITE) <= fetched;
            for name in HOSTS {
                for target in TARGETS {
                    for own in [&[][..], &["r"], &["g", "b"]] {
                        let all = events[since..].iter().filter_map(|event| hits(event, name, target, own));
                        let worst = all.fold(Verdict::Current, |worst, one| match (worst, one) {
                            (Verdict::Gone, _) | (_, Verdict::Gone) => Verdict::Gone,
                            _ => Verdict::SoftStale,
                        });
                        let own_tags = tags(&own.join(","));
                        let verdict = epochs.judge(&facts(name, target, &own_tags, fetched));
                        prop_assert_eq!(verdict, worst, "{}{} {:?} since {}", name, target, own, since);
                        prop_assert!(!untouched || verdict == Verdict::Current, "the generation tells of every hit");
                    }
                }
            }
        }
    }
}
