//! Attacks and crowds on a simulated site: how soon they are mitigated, and whom that costs.
//!
//! Time goes in steps of 50 ms. The site is learnt for five minutes; then the scenario begins somewhere
//! within a second and lasts a minute. The engine knows none of these scenarios; they differ in what an
//! attacker chooses: tools, networks, targets, rhythm.

use super::population::Draw::{Own, Rank};
use super::*;
use Attribute::{
    Address, Asn, Cache, Cookies, Country, HeaderOrder, Http2, Language, Method, Path, PathTemplate, Prefix,
    QueryKeys, Referer, Tls, UserAgent,
};

const STEP_MS: i64 = 50;
const CALM_MS: i64 = 300_000;
const SCENARIO_MS: i64 = 60_000;

/// What comes besides the usual visitors.
struct Scenario {
    name: &'static str,
    /// Crowds, each at a factor of the usual rate.
    crowds: Vec<(Crowd, f64)>,
    /// Milliseconds that the origin takes for a request of the crowd, and failures in percent.
    origin: (u32, u64),
    /// On for so many milliseconds, then off for so many.
    pulse: Option<(i64, i64)>,
    /// How long it takes to come to its full rate, in milliseconds.
    grows: i64,
    /// The part of those challenged that pass.
    passes: f64,
}

fn attack(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { name, crowds, origin: (2_000, 40), pulse: None, grows: 0, passes: 0.0 }
}

fn benign(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { name, crowds, origin: (60, 0), pulse: None, grows: 0, passes: 0.95 }
}

/// An attack that the origin does not feel.
fn unfelt(name: &'static str, crowds: Vec<(Crowd, f64)>) -> Scenario {
    Scenario { origin: (60, 0), ..attack(name, crowds) }
}

fn attacks(salt: u64) -> Vec<Scenario> {
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
    .collect()
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
    ]
}

fn crowds(salt: u64) -> Vec<Scenario> {
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
}

/// How it went.
#[derive(Debug, Default)]
struct Course {
    /// From the beginning until nine tenths of a second's attack were acted upon.
    mitigated_ms: Option<i64>,
    /// Usual visitors after that, and how many of them were acted upon.
    visitors: (u64, u64),
    /// The same of a crowd that is benign.
    crowd: (u64, u64),
    began: usize,
    memory: usize,
}

/// The site during a scenario.
struct Stage<'a> {
    scenario: &'a Scenario,
    random: SeededRandom,
    engine: Adaptive,
    record: SiteRecord,
    site: SiteKey,
    course: Course,
}

impl Stage<'_> {
    /// One request; whether it was acted upon.
    fn request(&mut self, row: &Attributes, of_crowd: bool, strained: bool, now: Timestamp) -> bool {
        let treatment = self.engine.observe(self.site, &mut self.record, row, false, now);
        if let Treatment::Challenge(signature) = &treatment {
            let chance = if of_crowd { self.scenario.passes } else { 0.95 };
            if (self.random.below(1_000) as f64) < chance * 1_000.0 {
                self.engine.passed(self.site, &self.record, signature);
            }
        }
        if treatment == Treatment::Pass {
            let (ms, failing) = match (of_crowd, strained) {
                (true, _) => self.scenario.origin,
                (false, true) => (900, 10),
                (false, false) => (60, 0),
            };
            let failed = self.random.below(100) < failing;
            self.engine.answered(self.site, &mut self.record, row, Outcome { ms, failed }, now);
        }
        treatment != Treatment::Pass
    }

    /// The end of a second in which so many of the crowd came and so many were acted upon.
    fn second(&mut self, since: i64, (came, acted): (u64, u64), now: Timestamp) {
        let mut events = Vec::new();
        self.engine.tick(self.site, &mut self.record, false, now, &mut events);
        for event in events {
            if let Event::Began(_, signature, evidence) = event {
                self.course.began += 1;
                if self.scenario.passes > 0.0 || std::env::var_os("WARDMOTE_SHOW").is_some() {
                    println!("{} at {since} ms: {signature}: {evidence:?}", self.scenario.name);
                }
            }
        }
        if came >= 10 && self.course.mitigated_ms.is_none() && acted * 10 >= came * 9 {
            self.course.mitigated_ms = Some(since);
        }
    }
}

fn run(scenario: &Scenario, seed: u64) -> Course {
    let random = SeededRandom::new(seed);
    let visitors = Visitors::new(&random);
    let rate = 30.0 + random.below(300) as f64;
    let begins = CALM_MS + random.below(1_000) as i64;
    let engine = Adaptive::with_slabs(&random, 4);
    let (record, course) = (SiteRecord::default(), Course::default());
    let mut stage = Stage { scenario, random, engine, record, site: SiteKey(seed), course };
    let mut second = (0, 0);
    // An attack that grows counts from when it is as much again as a site may have above the usual.
    let most: f64 = scenario.crowds.iter().map(|(_, factor)| factor * rate).sum();
    let felt = (scenario.grows as f64 * (3.0 * rate).max(100.0) / most) as i64;
    for time in (0..begins + felt + SCENARIO_MS).step_by(STEP_MS as usize) {
        let (now, since) = (at(time), time - begins);
        if time % 1_000 == 0 {
            stage.second(since - felt, second, now);
            second = (0, 0);
        }
        let active = since >= 0 && scenario.pulse.is_none_or(|(on, off)| since % (on + off) < on);
        let strained = active && stage.course.mitigated_ms.is_none() && scenario.origin.0 > 500;
        for _ in 0..poisson(rate * STEP_MS as f64 / 1000.0, &stage.random) {
            let row = Crowd::usual(0).request(&visitors, &stage.random);
            let acted = stage.request(&row, false, strained, now);
            if stage.course.mitigated_ms.is_some() || scenario.passes > 0.0 {
                stage.course.visitors.0 += 1;
                stage.course.visitors.1 += u64::from(acted);
            }
        }
        let grown = (since as f64 / scenario.grows.max(1) as f64).clamp(0.0, 1.0);
        for (crowd, factor) in scenario.crowds.iter().filter(|_| active) {
            for _ in 0..poisson(rate * grown * factor * STEP_MS as f64 / 1000.0, &stage.random) {
                let row = crowd.request(&visitors, &stage.random);
                let acted = u64::from(stage.request(&row, true, strained, now));
                second = (second.0 + 1, second.1 + acted);
                stage.course.crowd = (stage.course.crowd.0 + 1, stage.course.crowd.1 + acted);
            }
        }
    }
    stage.course.memory = stage.engine.memory_bytes();
    stage.course
}

/// Knuth's for small means, the normal law for large ones.
fn poisson(mean: f64, random: &SeededRandom) -> u64 {
    let unit = || (random.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30);
    if mean > 30.0 {
        let normal = (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
        return (mean + normal * mean.sqrt()).max(0.0) as u64;
    }
    let (floor, mut product, mut count) = ((-mean).exp(), unit(), 0);
    while product > floor {
        product *= unit();
        count += 1;
    }
    count
}

fn seeds() -> std::ops::Range<u64> {
    let long = std::env::var_os("WARDMOTE_LONG").is_some();
    let first = std::env::var_os("WARDMOTE_SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(1)
        % 1_000_000;
    println!("seeds from WARDMOTE_SEED={first}");
    first..first + if long { 20 } else { 1 }
}

fn seconds(times: &mut [i64], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)] as f64 / 1000.0
}

/// The times are the simulation's, not the machine's.
#[test]
fn attacks_are_mitigated_within_seconds_and_visitors_hardly_notice() {
    let (mut all, mut everyone, mut acted_upon) = (Vec::new(), 0, 0);
    // One seed of one family is a single throw: the promise is about many, and is asked of them.
    let many = seeds().count() >= 20;
    println!("{:<40} {:>7} {:>7} {:>8}", "attack", "p50 s", "p95 s", "loss %");
    for index in 0..attacks(0).len() {
        let name = attacks(0)[index].name;
        let courses: Vec<Course> = seeds().map(|seed| run(&attacks(seed % 4_096 * 8)[index], seed)).collect();
        let mut times: Vec<i64> =
            courses.iter().map(|course| course.mitigated_ms.unwrap_or(SCENARIO_MS)).collect();
        let came: u64 = courses.iter().map(|course| course.visitors.0).sum();
        let lost: u64 = courses.iter().map(|course| course.visitors.1).sum();
        let loss = 100.0 * lost as f64 / came.max(1) as f64;
        println!("{name:<40} {:>7.1} {:>7.1} {loss:>8.3}", seconds(&mut times, 50), seconds(&mut times, 95));
        assert!(!many || loss <= 1.0, "{name}: {loss} % of the visitors were acted upon");
        (everyone, acted_upon) = (everyone + came, acted_upon + lost);
        assert!(courses.iter().all(|course| course.memory < 4 * SLAB_BYTES_MAX + (5 << 20)));
        all.extend(times);
    }
    let (p50, p95) = (seconds(&mut all, 50), seconds(&mut all, 95));
    println!("{:<40} {p50:>7.1} {p95:>7.1}", "all");
    let loss = 100.0 * acted_upon as f64 / everyone.max(1) as f64;
    assert!(loss <= 1.0, "{loss} % of the visitors were acted upon");
    assert!(p50 <= 3.0 && p95 <= 8.0, "p50 {p50} s, p95 {p95} s");
}

#[test]
fn crowds_are_never_mitigated() {
    for index in 0..crowds(0).len() {
        for seed in seeds() {
            let scenario = crowds(seed % 4_096 * 8).swap_remove(index);
            let course = run(&scenario, seed);
            let acted = (course.began, course.visitors.1, course.crowd.1);
            assert_eq!(acted, (0, 0, 0), "{}, seed {seed}", scenario.name);
        }
    }
}
