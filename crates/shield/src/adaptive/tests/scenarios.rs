//! What happens to the simulated site: attacks that differ in what an attacker chooses (tools, networks, targets, rhythm),
//! and crowds that are none.

use super::population::Draw::{Own, Rank};
use super::population::Site;
use super::*;
use Attribute::{
    Address, Asn, Cache, Cookies, Country, HeaderOrder, Http2, Language, Method, Path, PathTemplate, Prefix,
    QueryKeys, Referer, Tls, UserAgent,
};

/// What comes besides the usual visitors.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Who asks the site usually.
    pub(super) site: Site,
    /// Crowds, each at a factor of the usual rate.
    pub(super) crowds: Vec<(Crowd, f64)>,
    /// Milliseconds that the origin takes for a request of the crowd, and failures in percent.
    pub(super) origin: (u32, u64),
    /// On for so many milliseconds, then off for so many.
    pub(super) pulse: Option<(i64, i64)>,
    /// How long it takes to come to its full rate, in milliseconds.
    pub(super) grows: i64,
    /// The part of those challenged that pass.
    pub(super) passes: f64,
}

fn attack(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { name, site: Site::Visitors, crowds, origin: (2_000, 40), pulse: None, grows: 0, passes: 0.0 }
}

fn benign(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { name, site: Site::Visitors, crowds, origin: (60, 0), pulse: None, grows: 0, passes: 0.95 }
}

/// An attack that the origin does not feel.
fn unfelt(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { origin: (60, 0), ..attack(name, crowds) }
}

pub(super) fn attacks(salt: u64) -> Vec<Scenario> {
    let usual = Crowd::usual(salt);
    let tool = usual.with(Tls, Own(1)).with(Http2, Own(1)).with(HeaderOrder, Own(1)).with(Cookies, Rank(0));
    let page = tool.with(Path, Rank(0)).with(PathTemplate, Rank(0));
    let browser = usual.with(UserAgent, Rank(37)).with(Tls, Rank(37)).with(HeaderOrder, Rank(37));
    let rented =
        browser.with(Prefix, Own(5_000)).with(Asn, Own(4)).with(Cookies, Rank(0)).with(Language, Rank(0));
    let botnet = usual.with(HeaderOrder, Own(2)).with(UserAgent, Own(40)).with(Prefix, Own(8_000));
    vec![
        attack("flood of one page, one tool", vec![(page.with(UserAgent, Own(1)), 20.0)]),
        attack(
            "random user agents, 2,000 networks",
            vec![(tool.with(UserAgent, Own(500)).with(Prefix, Own(2_000)), 20.0)],
        ),
        attack(
            "random queries past the cache",
            vec![(page.with(QueryKeys, Own(100_000)).with(Address, Own(100_000)).with(Cache, Rank(1)), 15.0)],
        ),
        attack(
            "three tools at once",
            vec![
                (page.with(Asn, Own(3)), 6.0),
                (Crowd(tool.0, salt + 1).with(Path, Own(3)), 6.0),
                (Crowd(tool.0, salt + 2).with(Method, Rank(2)), 6.0),
            ],
        ),
        attack("real browsers from rented networks", vec![(rented, 10.0)]),
        attack(
            "one network, everything else usual",
            vec![(usual.with(Asn, Own(1)).with(Prefix, Own(60)), 10.0)],
        ),
        Scenario { pulse: Some((3_000, 5_000)), ..attack("pulses of three seconds", vec![(page, 30.0)]) },
        Scenario {
            origin: (6_000, 10),
            ..attack(
                "few requests to an expensive page",
                vec![(tool.with(Path, Own(1)).with(PathTemplate, Own(1)), 0.3)],
            )
        },
        attack("posts from a botnet", vec![(botnet.with(Method, Rank(1)), 12.0)]),
    ]
    .into_iter()
    .chain(disguised(salt))
    .chain(varied(salt))
    .collect()
}

/// Attacks of which one thing stays and all else changes, or of which what changes is what is looked at least.
fn varied(salt: u64) -> Vec<Scenario> {
    let usual = Crowd::usual(salt);
    let many = 1 << 20;
    let copied = usual.with(Referer, Rank(0)).with(Cookies, Rank(0)).with(Prefix, Own(2_000));
    let tool = copied.with(Tls, Own(1)).with(HeaderOrder, Own(1)).with(UserAgent, Own(1));
    let keyed = copied.with(QueryKeys, Own(1)).with(Address, Own(many)).with(Path, Own(many));
    let searching = copied.with(Address, Own(many)).with(Path, Rank(3)).with(PathTemplate, Rank(3));
    let searching = searching.with(QueryKeys, Rank(1));
    let posted = tool.with(Method, Rank(1)).with(Cache, Rank(2)).with(Path, Rank(5)).with(Address, Rank(5));
    vec![
        unfelt("every method by one tool", vec![(tool.with(Method, Own(7)), 15.0)]),
        unfelt(
            "random paths, the same argument names, copied browsers",
            vec![(keyed.with(PathTemplate, Own(many)), 15.0)],
        ),
        unfelt(
            "random names behind one order of fields",
            vec![(copied.with(UserAgent, Own(many)).with(HeaderOrder, Own(1)), 15.0)],
        ),
        unfelt(
            "random names behind a browser's order of fields",
            vec![(copied.with(UserAgent, Own(many)).with(HeaderOrder, Rank(0)).with(Tls, Rank(0)), 15.0)],
        ),
        unfelt("an interface that is sent to, by one tool", vec![(posted.with(PathTemplate, Rank(5)), 15.0)]),
        unfelt(
            "HTTP/2 and HTTP/1.1 by one tool",
            vec![(tool.with(Http2, Own(2)).with(Address, Rank(0)), 15.0)],
        ),
        unfelt(
            "past the cache by fields of random names",
            vec![(usual.with(HeaderOrder, Own(many)).with(Prefix, Own(2_000)).with(Address, Rank(0)), 15.0)],
        ),
        Scenario {
            origin: (6_000, 10),
            ..attack(
                "few requests of 20,000 networks to an expensive page",
                vec![(tool.with(Prefix, Own(20_000)).with(Address, Own(1)).with(Path, Own(1)), 0.4)],
            )
        },
        Scenario {
            origin: (6_000, 10),
            ..attack(
                "few searches by copied browsers, each another one",
                vec![(searching.with(Prefix, Own(20_000)), 0.4)],
            )
        },
        Scenario {
            site: Site::Sessions,
            ..unfelt(
                "random queries by copied browsers that say they come from the site",
                vec![(keyed.with(Path, Rank(0)).with(PathTemplate, Rank(0)).with(Referer, Rank(2)), 15.0)],
            )
        },
        attack(
            "random queries and languages by copied browsers",
            vec![(keyed.with(Path, Rank(0)).with(PathTemplate, Rank(0)).with(Language, Own(many)), 15.0)],
        ),
        unfelt(
            "a tool for each of thirty rented networks",
            vec![(
                copied.with(Asn, Own(30)).with(Prefix, Own(30)).with(UserAgent, Own(30)).with(Tls, Own(30)),
                15.0,
            )],
        ),
    ]
}

/// Attacks that share no tool, or look like browsers in everything, and that the origin does not feel.
fn disguised(salt: u64) -> Vec<Scenario> {
    let usual = Crowd::usual(salt);
    let many = 1 << 20;
    let tool = usual.with(Tls, Own(1)).with(HeaderOrder, Own(1)).with(UserAgent, Own(1)).with(Path, Rank(0));
    let copied = usual.with(Referer, Rank(0)).with(Cookies, Rank(0)).with(Prefix, Own(2_000));
    let busting = copied.with(Address, Own(many)).with(QueryKeys, Own(1)).with(Path, Rank(0));
    let login = copied.with(Address, Rank(7)).with(Path, Rank(7)).with(PathTemplate, Rank(7));
    vec![
        Scenario { grows: 60_000, ..unfelt("a tool that grows for a minute", vec![(tool, 30.0)]) },
        Scenario { grows: 300_000, ..unfelt("a tool that grows for five minutes", vec![(tool, 30.0)]) },
        unfelt(
            "a tool that shuffles its header and its name",
            vec![(copied.with(HeaderOrder, Own(many)).with(UserAgent, Own(many)), 15.0)],
        ),
        unfelt(
            "twenty-five tools at once",
            vec![(copied.with(HeaderOrder, Own(25)).with(UserAgent, Own(25)).with(Tls, Own(25)), 15.0)],
        ),
        unfelt("random queries by copied browsers", vec![(busting.with(PathTemplate, Rank(0)), 15.0)]),
        unfelt(
            "random paths by copied browsers",
            vec![(copied.with(Address, Own(many)).with(Path, Own(many)).with(PathTemplate, Own(many)), 15.0)],
        ),
        unfelt(
            "log-ins by copied browsers",
            vec![(login.with(Method, Rank(1)).with(Cache, Rank(2)).with(Prefix, Own(50_000)), 15.0)],
        ),
        Scenario {
            site: Site::Monitored,
            ..unfelt("one tool at a site that monitors ask", vec![(tool, 15.0)])
        },
    ]
}

pub(super) fn crowds(salt: u64) -> Vec<Scenario> {
    let people = Crowd::usual(salt);
    let linked = people.with(Address, Own(1));
    let linked =
        linked.with(Path, Own(1)).with(PathTemplate, Own(1)).with(Referer, Rank(3)).with(Cookies, Rank(0));
    let robot =
        people.with(UserAgent, Own(1)).with(Tls, Own(1)).with(HeaderOrder, Own(1)).with(Method, Rank(0));
    let readers = people.with(UserAgent, Own(60)).with(Tls, Own(12)).with(HeaderOrder, Own(12));
    vec![
        benign("flash crowd on a new page", vec![(linked, 15.0)]),
        Scenario {
            origin: (3_000, 30),
            ..benign("flash crowd that overwhelms the origin", vec![(linked, 12.0)])
        },
        benign(
            "flash crowd from one country",
            vec![(people.with(Country, Rank(2)).with(Language, Rank(1)).with(Path, Own(2)), 10.0)],
        ),
        benign("crawler", vec![(robot.with(Prefix, Own(2)).with(Asn, Own(1)), 0.8)]),
        benign("feed readers on the hour", vec![(readers.with(Path, Own(1)).with(Cookies, Rank(0)), 2.5)]),
        benign(
            "office behind one address",
            vec![(people.with(Prefix, Own(1)).with(Asn, Own(1)).with(UserAgent, Rank(4)), 1.5)],
        ),
        benign("the day begins: four times the usual", vec![(people, 3.0)]),
        benign("everybody at once", vec![(people, 12.0)]),
        Scenario { grows: 60_000, ..benign("a flash crowd that grows", vec![(linked, 15.0)]) },
        benign(
            "a vote: a page, then a form",
            vec![
                (linked, 6.0),
                (linked.with(Method, Rank(1)).with(Cache, Rank(2)).with(Referer, Rank(2)), 6.0),
            ],
        ),
        benign(
            "everybody looks something up",
            vec![
                (linked, 3.0),
                (linked.with(QueryKeys, Own(1)).with(Address, Own(8_000)).with(Referer, Rank(2)), 10.0),
            ],
        ),
    ]
    .into_iter()
    .chain(unlike_browsing(salt))
    .collect()
}

/// Crowds that do not look and read as people mostly do.
fn unlike_browsing(salt: u64) -> Vec<Scenario> {
    let people = Crowd::usual(salt);
    let one_place = people.with(Address, Own(1)).with(Path, Own(1)).with(PathTemplate, Own(1));
    let sends = one_place.with(Method, Rank(1)).with(Cache, Rank(2));
    let personal = people.with(Address, Own(1 << 20)).with(Path, Own(1 << 20)).with(PathTemplate, Own(1));
    let personal = personal.with(Referer, Rank(0)).with(Cookies, Rank(0)).with(QueryKeys, Rank(0));
    let loaded = people.with(Address, Own(20)).with(Path, Own(20)).with(Referer, Rank(2));
    let app = Site::app();
    let from_app = app.with(Address, Own(1)).with(Path, Own(1)).with(PathTemplate, Own(1));
    let from_app = from_app.with(Method, Rank(1)).with(Cache, Rank(2));
    vec![
        benign("a quiz: open pages answer at once", vec![(sends.with(Referer, Rank(2)), 15.0)]),
        Scenario {
            site: Site::Apps,
            ..benign("an app, that the site knows, votes at once", vec![(from_app, 15.0)])
        },
        benign("personal links, and what their pages load", vec![(personal, 4.0), (loaded, 12.0)]),
        Scenario {
            site: Site::PersonalLinks,
            ..benign("personal links, as always at this site", vec![(personal, 12.0)])
        },
        Scenario {
            site: Site::Monitored,
            ..benign("people at a site that monitors ask", vec![(people, 15.0)])
        },
        Scenario {
            site: Site::Monitored,
            ..benign("people for a new page at a site that monitors ask", vec![(one_place, 15.0)])
        },
        benign(
            "feed readers and podcatchers at midnight",
            vec![(
                people
                    .with(UserAgent, Own(200))
                    .with(HeaderOrder, Own(30))
                    .with(Tls, Own(20))
                    .with(Address, Own(3))
                    .with(Path, Own(3))
                    .with(Referer, Rank(0))
                    .with(Cookies, Rank(0)),
                2.9,
            )],
        ),
        benign(
            "a university behind one address",
            vec![(people.with(Prefix, Own(1)).with(Asn, Own(1)).with(Country, Rank(0)), 2.5)],
        ),
        benign(
            "monitors from everywhere, each minute",
            vec![(
                one_place
                    .with(UserAgent, Own(6))
                    .with(HeaderOrder, Own(6))
                    .with(Tls, Own(6))
                    .with(Prefix, Own(300))
                    .with(Referer, Rank(0))
                    .with(Cookies, Rank(0)),
                2.0,
            )],
        ),
        Scenario {
            site: Site::Apps,
            ..benign("an app's new screen after a notice to all", vec![(app.with(Address, Own(6)), 15.0)])
        },
        Scenario {
            grows: 240_000,
            site: Site::Apps,
            ..benign("a new version of an app comes to all", vec![(app.with(UserAgent, Own(1)), 1.0)])
        },
        Scenario {
            site: Site::Sessions,
            ..benign(
                "strangers who look around and take no cookie",
                vec![(people.with(Cookies, Rank(0)).with(Referer, Rank(2)), 12.0)],
            )
        },
        Scenario {
            site: Site::Sessions,
            origin: (2_500, 25),
            ..benign(
                "a sale that overwhelms the origin: people look, search and buy",
                vec![
                    (people, 6.0),
                    (one_place, 3.0),
                    (people.with(QueryKeys, Own(1)).with(Address, Own(4_000)).with(Referer, Rank(2)), 3.0),
                    (sends.with(Referer, Rank(2)), 1.0),
                ],
            )
        },
    ]
}
