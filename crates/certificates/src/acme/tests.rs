//! The plan on a clock that is moved by hand: tables, and seeded lives of many names.

use super::budget::{Limit, Limits, Purpose};
use super::memory::Memory;
use super::plan::{Failure, Held, Job, Planner, RUNNING_MAX, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::{SeededRandom, SitePattern, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

fn start() -> Timestamp {
    Timestamp::from_secs(1_795_348_800)
}

fn name(text: &str) -> SitePattern {
    text.parse().expect("pattern")
}

fn planner(directories: &[&str], limits: Limits) -> Planner {
    let directories: Vec<String> = directories.iter().map(ToString::to_string).collect();
    Planner::new(&directories, limits, &Memory::default(), start())
}

fn held(at: Timestamp, days: u32, authority: usize) -> Held {
    Held { from: at, until: at.plus(DAY * days), authority: Some(authority) }
}

fn order(step: Step) -> Job {
    match step {
        Step::Order(job) => job,
        other => panic!("no order: {other:?}"),
    }
}

fn waits(step: Step) -> Timestamp {
    match step {
        Step::Wait(until) => until,
        other => panic!("no pause: {other:?}"),
    }
}

/// Orders one name, and says who was asked.
fn ordered(planner: &mut Planner, at: Timestamp) -> Job {
    order(planner.next(at))
}

#[test]
fn a_name_is_ordered_once_at_a_time_and_renewed_when_two_thirds_have_passed() {
    let random = SeededRandom::new(1);
    let mut planner = planner(&["a"], Limits::default());
    planner.want([(name("a.org"), None)], start(), &random);
    let job = ordered(&mut planner, start());
    assert_eq!((job.purpose, job.replaces), (Purpose::First, false));
    waits(planner.next(start()));
    planner.want([(name("a.org"), None)], start(), &random);
    waits(planner.next(start().plus(HOUR)));
    planner.issued(&job, held(start(), 90, 0), start(), &random);
    let Step::AskWindow { authority: 0, .. } = planner.next(start().plus(HOUR)) else { panic!("no window") };
    planner.window(&name("a.org"), None, None, start(), &random);
    waits(planner.next(start().plus(DAY * 60)));
    let job = ordered(&mut planner, start().plus(DAY * 65));
    assert_eq!((job.purpose, job.replaces), (Purpose::Renewal, false));
}

#[test]
fn an_authority_that_says_when_to_renew_is_heard_and_told_what_is_replaced() {
    let random = SeededRandom::new(2);
    let mut planner = planner(&["a"], Limits::default());
    planner.want([(name("a.org"), Some(held(start(), 90, 0)))], start(), &random);
    let asked = start().plus(HOUR * 6);
    let Step::AskWindow { .. } = planner.next(asked) else { panic!("no window") };
    let window = (start().plus(DAY * 3), start().plus(DAY * 4));
    planner.window(&name("a.org"), Some(window), Some(HOUR), asked, &random);
    let Step::AskWindow { .. } = planner.next(asked.plus(HOUR)) else { panic!("not asked again") };
    planner.window(&name("a.org"), Some(window), Some(DAY * 30), asked.plus(HOUR), &random);
    let Step::AskWindow { .. } = planner.next(asked.plus(DAY + HOUR)) else { panic!("a month is too long") };
    planner.window(&name("a.org"), Some(window), Some(DAY), window.0, &random);
    waits(planner.next(window.0));
    assert!(ordered(&mut planner, window.1).replaces);
}

#[test]
fn a_window_in_the_past_means_now_and_one_upside_down_means_nothing() {
    let random = SeededRandom::new(3);
    for (window, now) in [((-3, -2), true), ((3, 3), false), ((4, 3), false)] {
        let mut planner = planner(&["a"], Limits::default());
        planner.want([(name("a.org"), Some(held(start(), 90, 0)))], start(), &random);
        let day = |days: i64| Timestamp::from_secs(start().as_secs() + days * 86_400);
        planner.window(&name("a.org"), Some((day(window.0), day(window.1))), Some(DAY), start(), &random);
        assert_eq!(matches!(planner.next(start()), Step::Order(_)), now, "{window:?}");
    }
}

#[test]
fn an_authority_that_fails_is_left_alone_and_the_next_one_asked_at_once() {
    let random = SeededRandom::new(4);
    let mut planner = planner(&["a", "b"], Limits::default());
    planner.want([(name("one.org"), None), (name("two.org"), None)], start(), &random);
    let first = ordered(&mut planner, start());
    assert_eq!(first.authority, 0);
    planner.failed(&first, Failure::Authority("away".into()), start(), &random);
    let jobs = [ordered(&mut planner, start()), ordered(&mut planner, start())];
    assert!(jobs.iter().all(|job| job.authority == 1), "{jobs:?}");
    for job in &jobs {
        planner.failed(job, Failure::Authority("away".into()), start(), &random);
    }
    let back = waits(planner.next(start()));
    assert!(back >= start().plus(Duration::from_secs(60)) && back <= start().plus(Duration::from_secs(75)));
    assert_eq!(ordered(&mut planner, back).authority, 0, "the preferred one, when it is back");
}

#[test]
fn a_name_that_fails_waits_longer_each_time_and_hurts_no_other() {
    let random = SeededRandom::new(5);
    let limits = Limits { failures: Limit { count: 100, window: HOUR, reserve: 0 }, ..Limits::default() };
    let mut planner = planner(&["a"], limits);
    planner.want([(name("bad.org"), None)], start(), &random);
    let (mut at, mut pauses) = (start(), Vec::new());
    for failures in 0..12 {
        let job = ordered(&mut planner, at);
        assert_eq!(job.failures, failures);
        planner.failed(&job, Failure::Name("not found".into()), at, &random);
        let mut again = waits(planner.next(at));
        while again.since(at) < HOUR * 7
            && !matches!(planner.outlook(again)[0].expected, Some(t) if t <= again)
        {
            again = waits(planner.next(again));
        }
        pauses.push(again.since(at));
        at = again;
    }
    assert!(pauses[0] >= Duration::from_secs(60) && pauses[0] <= Duration::from_secs(75), "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] || pair[1] >= HOUR * 6), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= HOUR * 8), "{pauses:?}");
    planner.want([(name("bad.org"), None), (name("good.org"), None)], at, &random);
    let (one, two) = (ordered(&mut planner, at), ordered(&mut planner, at));
    assert!([one.name, two.name].contains(&name("good.org")));
}

#[test]
fn five_proofs_that_failed_within_an_hour_are_enough() {
    let random = SeededRandom::new(6);
    let mut planner = planner(&["a"], Limits::default());
    planner.want([(name("bad.org"), None)], start(), &random);
    let (mut at, mut failed) = (start(), Vec::new());
    while at < start().plus(DAY) {
        match planner.next(at) {
            Step::Order(job) => {
                planner.failed(&job, Failure::Name("not found".into()), at, &random);
                failed.push(at);
            }
            Step::Wait(until) => at = until.max(at.plus(Duration::from_millis(1))),
            Step::AskWindow { .. } => {}
        }
    }
    for window in failed.windows(6) {
        assert!(window[5].since(window[0]) >= HOUR, "{failed:?}");
    }
    assert!(failed.len() > 5);
}

#[test]
fn a_rush_of_names_waits_for_the_budget_and_people_see_the_time() {
    let random = SeededRandom::new(7);
    let mut planner = planner(&["a"], Limits::default());
    let names: Vec<_> = (0..600).map(|number| (name(&format!("host{number}.org")), None)).collect();
    planner.want(names, start(), &random);
    let told: BTreeMap<_, _> = planner
        .outlook(start())
        .into_iter()
        .map(|line| (line.name, line.expected.expect("a time")))
        .collect();
    let mut begun = BTreeMap::new();
    let mut at = start();
    while begun.len() < 600 {
        match planner.next(at) {
            Step::Order(job) => {
                begun.insert(job.name.clone(), at);
                planner.issued(&job, held(at, 90, 0), at, &random);
            }
            Step::AskWindow { name, .. } => planner.window(&name, None, None, at, &random),
            Step::Wait(until) => at = until.max(at.plus(Duration::from_millis(1))),
        }
    }
    let within = |end| begun.values().filter(|at| **at < start().plus(end)).count();
    assert_eq!([within(HOUR), within(HOUR * 4), within(HOUR * 7)], [240, 480, 600]);
    for (name, at) in &begun {
        let told = told[name];
        assert!(told.since(*at) < HOUR && at.since(told) < HOUR, "{name}: told {told}, begun {at}");
    }
}

#[test]
fn what_was_spent_and_what_has_failed_outlives_a_restart() {
    let random = SeededRandom::new(8);
    let mut planner = planner(&["a"], Limits::default());
    let names: Vec<_> = (0..400).map(|number| (name(&format!("host{number}.org")), None)).collect();
    planner.want(names.clone(), start(), &random);
    let mut begun = 0;
    while let Step::Order(job) = planner.next(start()) {
        begun += 1;
        planner.failed(&job, Failure::Name("no".into()), start(), &random);
    }
    assert_eq!(begun, 240);
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("acme.json");
    planner.memory().write(&path).expect("written");
    let mut again = Planner::new(&["a".to_owned()], Limits::default(), &Memory::read(&path), start());
    again.want(names, start(), &random);
    waits(again.next(start()));
    assert_eq!(again.memory(), planner.memory());
    std::fs::write(&path, "{").expect("write");
    assert_eq!(Memory::read(&path), Memory::default(), "damaged: counted anew, and said");
}

#[test]
fn names_that_are_wanted_no_more_are_forgotten_and_an_order_under_way_ends_well() {
    let random = SeededRandom::new(9);
    let mut planner = planner(&["a"], Limits::default());
    planner.want([(name("a.org"), None), (name("b.org"), None)], start(), &random);
    let job = ordered(&mut planner, start());
    planner.want([], start(), &random);
    waits(planner.next(start()));
    planner.failed(&job, Failure::Name("gone".into()), start(), &random);
    planner.want([], start(), &random);
    waits(planner.next(start().plus(DAY)));
    assert!(planner.outlook(start()).is_empty());
}

/// One life of many names, with authorities that fail and processes that die.
struct Life {
    random: SeededRandom,
    limits: Limits,
    directories: Vec<String>,
    certificates: BTreeMap<SitePattern, Held>,
    wanted: BTreeSet<SitePattern>,
    begun: Vec<Vec<Timestamp>>,
    failed: BTreeMap<(usize, SitePattern), Vec<Timestamp>>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let limits =
            Limits { orders: Limit { count: 30, window: HOUR * 3, reserve: 10 }, ..Limits::default() };
        let wanted = (0..40).map(|number| name(&format!("host{number}.domain{}.org", number % 7))).collect();
        let directories = vec!["one".to_owned(), "two".to_owned()];
        Self {
            random,
            limits,
            directories,
            certificates: BTreeMap::new(),
            wanted,
            begun: vec![vec![], vec![]],
            failed: BTreeMap::new(),
        }
    }

    fn planner(&self, memory: &Memory, now: Timestamp) -> Planner {
        let mut planner = Planner::new(&self.directories, self.limits, memory, now);
        let wanted = self.wanted.iter().map(|name| (name.clone(), self.certificates.get(name).copied()));
        planner.want(wanted, now, &self.random);
        planner
    }

    fn run(&mut self, days: u32) {
        let (mut now, end) = (start(), start().plus(DAY * days));
        let mut planner = self.planner(&Memory::default(), now);
        let mut running: Vec<Job> = Vec::new();
        while now < end {
            match planner.next(now) {
                Step::Order(job) => {
                    assert!(running.iter().all(|other| other.name != job.name), "two orders of {}", job.name);
                    self.begun[job.authority].push(now);
                    running.push(job);
                    assert!(running.len() <= RUNNING_MAX);
                }
                Step::AskWindow { name, .. } => self.window(&mut planner, &name, now),
                Step::Wait(until) => {
                    let until = until.max(now.plus(Duration::from_millis(1)));
                    now = now.plus(Duration::from_secs(1 + self.random.below(600))).min(until.max(now));
                }
            }
            if self.random.below(3) == 0
                && let Some(job) = (!running.is_empty()).then(|| running.remove(0))
            {
                self.outcome(&mut planner, &job, now);
            }
            if self.random.below(400) == 0 {
                // Killed: what was under way is lost, what was spent is not.
                planner = self.planner(&planner.memory(), now);
                running.clear();
            }
        }
    }

    fn window(&mut self, planner: &mut Planner, name: &SitePattern, now: Timestamp) {
        match self.random.below(4) {
            0 => planner.window(name, None, None, now, &self.random),
            1 => planner.window(name, Some((now, now.plus(HOUR * 5))), Some(HOUR), now, &self.random),
            _ => planner.window(name, None, Some(HOUR * 6), now, &self.random),
        }
    }

    fn outcome(&mut self, planner: &mut Planner, job: &Job, now: Timestamp) {
        let failure = match self.random.below(10) {
            0 => Failure::Authority("away".into()),
            1 => Failure::Limited("too many".into()),
            2 => Failure::Name("not found".into()),
            3 => Failure::Ours("disk".into()),
            _ => {
                let held = held(now, 30, job.authority);
                self.certificates.insert(job.name.clone(), held);
                return planner.issued(job, held, now, &self.random);
            }
        };
        if matches!(failure, Failure::Name(_)) {
            self.failed.entry((job.authority, job.name.clone())).or_default().push(now);
        }
        planner.failed(job, failure, now, &self.random);
    }

    fn check(&self, seed: u64) {
        let end = start().plus(DAY * 60);
        for (name, held) in &self.certificates {
            assert!(held.until > end, "seed {seed}: {name} ended at {}", held.until);
        }
        assert_eq!(self.certificates.len(), self.wanted.len(), "seed {seed}: every name has one");
        let count = self.limits.orders.count;
        for begun in &self.begun {
            for window in begun.windows(count + 1) {
                assert!(window[count].since(window[0]) >= self.limits.orders.window, "seed {seed}: orders");
            }
        }
        for failed in self.failed.values() {
            for window in failed.windows(6) {
                // An order that began before the fifth failed may still fail after it.
                assert!(window[5].since(window[0]) >= HOUR - HOUR / 2, "seed {seed}: proofs");
            }
        }
    }
}

#[test]
fn through_failures_and_deaths_every_name_keeps_a_certificate_and_no_budget_is_exceeded() {
    for seed in 0..60 {
        let mut life = Life::new(seed);
        life.run(60);
        life.check(seed);
    }
}
