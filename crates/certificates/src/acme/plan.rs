//! Which certificate is ordered when, and from whom: no I/O, no clock of its own.
//!
//! A name is `Waiting` (in the queue, for its first certificate or its renewal) or `Running` (one order of
//! it is under way: never two). What is due first is ordered first; what a budget holds back moves to when
//! the budget lets it. An authority that fails is left alone for a while and the next one is asked; a name
//! that fails waits longer each time.
//!
//! Invariants (checked after each change in debug builds): every waiting name stands in the queue once, no
//! running one does; budgets are spent before an order begins.

use super::budget::{Limits, Purpose, Spent};
use super::chance::below;
use super::memory::{KeptAuthority, KeptName, Memory};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::{Random, SitePattern, Timestamp};

/// Orders under way at once.
pub(crate) const RUNNING_MAX: usize = 8;
/// Names whose time is worked out for people; of those behind them it is only known that they wait.
pub(crate) const OUTLOOK_MAX: usize = 1_000;
/// After a first failure; doubled with each one that follows.
const RETRY_MIN: Duration = Duration::from_secs(60);
/// And not longer than this.
const RETRY_MAX: Duration = Duration::from_secs(6 * 3_600);
/// An authority that failed is left alone so long at first, doubled with each failure that follows.
const AWAY_MIN: Duration = Duration::from_secs(60);
/// And not longer than this.
const AWAY_MAX: Duration = Duration::from_secs(3_600);
/// How often an authority is asked when to renew (RFC 9773 §4.3), whatever it says itself.
const WINDOW_CHECK: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));
/// Where it did not say, or failed.
pub(crate) const WINDOW_CHECK_USUAL: Duration = Duration::from_secs(6 * 3_600);

/// A certificate that a name has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// Who issued it; none where that is not asked any more.
    pub(crate) authority: Option<usize>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Order a certificate; tell what became of it by [`Planner::issued`] or [`Planner::failed`].
    Order(Job),
    /// Ask the authority when to renew; tell by [`Planner::window`].
    AskWindow { name: SitePattern, authority: usize },
    /// Nothing before this instant, unless something is told.
    Wait(Timestamp),
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) name: SitePattern,
    pub(crate) authority: usize,
    pub(crate) purpose: Purpose,
    /// How often in a row it has failed before; chooses another kind of proof.
    pub(crate) failures: u32,
    pub(crate) began: Timestamp,
    /// Whether the certificate it replaces is this authority's, so that it may be told which (RFC 9773 §5).
    pub(crate) replaces: bool,
}

/// Why an order failed, as far as it matters for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The authority is away, or broken: another may do.
    Authority(String),
    /// The authority will not issue for this name now: another may do.
    Limited(String),
    /// The proof was not found, or the name refused: counts against the name.
    Name(String),
    /// Something is missing here.
    Ours(String),
}

/// What people are told of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The name.
    pub name: SitePattern,
    /// Whether an order is under way now.
    pub running: bool,
    /// When its next order is expected to begin, budgets and other names considered; none where too many
    /// are before it.
    pub expected: Option<Timestamp>,
    /// How many orders in a row have failed.
    pub failures: u32,
    /// Why the last one did.
    pub trouble: Option<String>,
}

/// The plan.
pub(crate) struct Planner {
    limits: Limits,
    authorities: Vec<Authority>,
    names: BTreeMap<SitePattern, Name>,
    queue: BTreeSet<(Timestamp, SitePattern)>,
    window_checks: BTreeSet<(Timestamp, SitePattern)>,
    running: usize,
}

struct Authority {
    directory: String,
    spent: Spent,
    away_until: Timestamp,
    failures: u32,
}

struct Name {
    held: Option<Held>,
    state: State,
    /// When to ask for a window again; none where nobody answers that.
    window_check: Option<Timestamp>,
    /// Whether the authority has named a window.
    has_window: bool,
    failures: u32,
    trouble: Option<String>,
    /// An authority that will not issue for this name until then.
    avoided: Option<(usize, Timestamp)>,
}

enum State {
    Waiting { due: Timestamp },
    Running,
}

impl Planner {
    /// With the authorities in order of preference, and what was known of them before.
    pub(crate) fn new(directories: &[String], limits: Limits, memory: &Memory, now: Timestamp) -> Self {
        let authority = |directory: &String| {
            let kept = memory.authorities.get(directory).cloned().unwrap_or_default();
            let away_until = kept.away_until.unwrap_or(now);
            Authority { directory: directory.clone(), spent: kept.spent, away_until, failures: kept.failures }
        };
        let mut planner = Self {
            limits,
            authorities: directories.iter().map(authority).collect(),
            names: BTreeMap::new(),
            queue: BTreeSet::new(),
            window_checks: BTreeSet::new(),
            running: 0,
        };
        for (name, kept) in &memory.names {
            let state = State::Waiting { due: kept.retry_at };
            let (failures, trouble) = (kept.failures, kept.trouble.clone());
            planner.put(
                name.clone(),
                Name {
                    held: None,
                    state,
                    window_check: None,
                    has_window: false,
                    failures,
                    trouble,
                    avoided: None,
                },
            );
        }
        planner
    }

    /// What has to outlive this process.
    pub(crate) fn memory(&self) -> Memory {
        let authorities = self.authorities.iter().map(|authority| {
            let Authority { directory, spent, away_until, failures } = authority;
            let kept =
                KeptAuthority { spent: spent.clone(), away_until: Some(*away_until), failures: *failures };
            (directory.clone(), kept)
        });
        let failed = self.names.iter().filter_map(|(name, known)| match known.state {
            State::Waiting { due } if known.failures > 0 => {
                let (failures, trouble) = (known.failures, known.trouble.clone());
                Some((name.clone(), KeptName { failures, trouble, retry_at: due }))
            }
            _ => None,
        });
        Memory { authorities: authorities.collect(), names: failed.collect() }
    }

    /// The names that are wanted now, with what they have. Names that are not wanted any more are forgotten,
    /// except while an order of theirs is under way.
    pub(crate) fn want(
        &mut self,
        wanted: impl IntoIterator<Item = (SitePattern, Option<Held>)>,
        now: Timestamp,
        random: &dyn Random,
    ) {
        let mut gone: BTreeSet<SitePattern> = self.names.keys().cloned().collect();
        for (name, held) in wanted {
            gone.remove(&name);
            match self.names.get(&name) {
                Some(known) if known.held == held || matches!(known.state, State::Running) => {}
                Some(known) if known.failures > 0 => {
                    if let Some(mut known) = self.take(&name) {
                        known.held = held;
                        self.put(name, known);
                    }
                }
                _ => {
                    self.take(&name);
                    let known = Name::of(held, now, random);
                    self.put(name, known);
                }
            }
        }
        for name in gone {
            if self.names.get(&name).is_some_and(|known| matches!(known.state, State::Waiting { .. })) {
                self.take(&name);
            }
        }
        self.check_invariants();
    }

    /// What to do now. An order counts as begun, and is spent.
    pub(crate) fn next(&mut self, now: Timestamp) -> Step {
        for authority in &mut self.authorities {
            authority.spent.forget(&self.limits, now);
        }
        while self.running < RUNNING_MAX {
            let Some((due, name)) = self.queue.first().cloned().filter(|(due, _)| *due <= now) else { break };
            debug_assert!(due <= now);
            let Some(mut known) = self.take(&name) else { break };
            match self.choose(&name, &known, now) {
                Ok(authority) => return self.begin(name, known, authority, now),
                Err(later) => {
                    known.state = State::Waiting { due: later.max(now.plus(Duration::from_millis(1))) };
                    self.put(name, known);
                }
            }
        }
        if let Some(step) = self.window_check(now) {
            return step;
        }
        let due = self.queue.first().filter(|_| self.running < RUNNING_MAX).map(|(due, _)| *due);
        let check = self.window_checks.first().map(|(at, _)| *at);
        let far = now.plus(Duration::from_secs(3_600));
        Step::Wait(due.unwrap_or(far).min(check.unwrap_or(far)).min(far))
    }

    /// The first authority that may be asked now; else when the first may be.
    fn choose(&self, name: &SitePattern, known: &Name, now: Timestamp) -> Result<usize, Timestamp> {
        let mut soonest: Option<Timestamp> = None;
        for (number, authority) in self.authorities.iter().enumerate() {
            let avoided = known.avoided.filter(|(avoided, _)| *avoided == number).map(|(_, until)| until);
            let free = authority.spent.earliest(&self.limits, name, known.purpose(), now);
            let at = free.max(authority.away_until).max(avoided.unwrap_or(now));
            if at <= now {
                return Ok(number);
            }
            soonest = Some(soonest.map_or(at, |soonest| soonest.min(at)));
        }
        Err(soonest.unwrap_or(now.plus(RETRY_MAX)))
    }

    fn begin(&mut self, name: SitePattern, mut known: Name, authority: usize, now: Timestamp) -> Step {
        if let Some(authority) = self.authorities.get_mut(authority) {
            authority.spent.order(&name, now);
        }
        let replaces = known.held.is_some_and(|held| held.authority == Some(authority));
        let job = Job {
            name: name.clone(),
            authority,
            purpose: known.purpose(),
            failures: known.failures,
            began: now,
            replaces: replaces && known.has_window,
        };
        known.state = State::Running;
        self.put(name, known);
        self.check_invariants();
        Step::Order(job)
    }

    fn window_check(&mut self, now: Timestamp) -> Option<Step> {
        let (_, name) = self.window_checks.first().cloned().filter(|(at, _)| *at <= now)?;
        let mut known = self.take(&name)?;
        // Not again while the answer is awaited.
        known.window_check = Some(now.plus(WINDOW_CHECK_USUAL));
        let authority = known.held.and_then(|held| held.authority);
        self.put(name.clone(), known);
        authority.map(|authority| Step::AskWindow { name, authority })
    }

    /// An order has become a certificate.
    pub(crate) fn issued(&mut self, job: &Job, held: Held, now: Timestamp, random: &dyn Random) {
        if let Some(authority) = self.authorities.get_mut(job.authority) {
            authority.failures = 0;
        }
        self.take(&job.name);
        self.put(job.name.clone(), Name::of(Some(held), now, random));
        self.check_invariants();
    }

    /// An order has failed.
    pub(crate) fn failed(&mut self, job: &Job, failure: Failure, now: Timestamp, random: &dyn Random) {
        let others = self.authorities.len() > 1;
        if let Some(authority) = self.authorities.get_mut(job.authority) {
            authority.spent.order_failed(&job.name, job.began);
            match &failure {
                Failure::Authority(_) => {
                    let pause = backoff(AWAY_MIN, AWAY_MAX, authority.failures, random);
                    authority.failures = authority.failures.saturating_add(1);
                    authority.away_until = now.plus(pause);
                }
                Failure::Name(_) => authority.spent.proof_failed(&job.name, now),
                Failure::Limited(_) | Failure::Ours(_) => {}
            }
        }
        let Some(mut known) = self.take(&job.name) else { return };
        let pause = backoff(RETRY_MIN, RETRY_MAX, known.failures, random);
        let (due, counts, text) = match failure {
            // The next authority, where there is one; else this one when it is back.
            Failure::Authority(text) => (now, false, text),
            Failure::Limited(text) => {
                known.avoided = Some((job.authority, now.plus(AWAY_MAX)));
                (if others { now } else { now.plus(AWAY_MAX) }, !others, text)
            }
            Failure::Name(text) | Failure::Ours(text) => (now.plus(pause), true, text),
        };
        known.failures = known.failures.saturating_add(u32::from(counts)).max(1);
        known.trouble = Some(text);
        known.state = State::Waiting { due };
        self.put(job.name.clone(), known);
        self.check_invariants();
    }

    /// The authority has said between when and when to renew, or that it does not say; and when to ask again.
    pub(crate) fn window(
        &mut self,
        name: &SitePattern,
        window: Option<(Timestamp, Timestamp)>,
        again: Option<Duration>,
        now: Timestamp,
        random: &dyn Random,
    ) {
        let Some(mut known) = self.take(name) else { return };
        let (least, most) = WINDOW_CHECK;
        known.window_check = again.map(|again| now.plus(again.clamp(least, most)));
        known.has_window |= window.is_some();
        if let (Some((start, end)), State::Waiting { .. }, 0) = (window, &known.state, known.failures)
            && start < end
        {
            // A point of the window by chance (RFC 9773 §4.2), so that not all come at once.
            let due = start.plus(below(end.since(start), random));
            known.state = State::Waiting { due };
        }
        self.put(name.clone(), known);
        self.check_invariants();
    }

    /// What people are told: names with an order under way or in trouble, and those that wait for their
    /// first certificate or a renewal that is due within a day, in the order in which their turn comes.
    pub(crate) fn outlook(&self, now: Timestamp) -> Vec<Outlook> {
        let mut spent: Vec<Spent> =
            self.authorities.iter().map(|authority| authority.spent.clone()).collect();
        let running = self.names.iter().filter(|(_, known)| matches!(known.state, State::Running));
        let mut told: Vec<_> = running.map(|(name, known)| known.outlook(name, None)).collect();
        let soon = now.plus(Duration::from_secs(86_400));
        let waiting = self.queue.iter().filter_map(|(due, name)| Some((due, name, self.names.get(name)?)));
        let waiting =
            waiting.filter(|(due, _, known)| **due <= soon || known.held.is_none() || known.failures > 0);
        for (place, (due, name, known)) in waiting.enumerate() {
            let expected = (place < OUTLOOK_MAX).then(|| self.expected(&mut spent, *due, name, known, now));
            told.push(known.outlook(name, expected));
        }
        told
    }

    fn expected(
        &self,
        spent: &mut [Spent],
        due: Timestamp,
        name: &SitePattern,
        known: &Name,
        now: Timestamp,
    ) -> Timestamp {
        let at = |(authority, spent): (&Authority, &Spent)| {
            let free = spent.earliest(&self.limits, name, known.purpose(), due.max(now));
            free.max(authority.away_until)
        };
        let times = self.authorities.iter().zip(spent.iter()).map(at);
        let Some((number, at)) = times.enumerate().min_by_key(|(number, at)| (*at, *number)) else {
            return due;
        };
        if let Some(spent) = spent.get_mut(number) {
            spent.order(name, at);
        }
        at
    }

    fn put(&mut self, name: SitePattern, known: Name) {
        match known.state {
            State::Waiting { due } => drop(self.queue.insert((due, name.clone()))),
            State::Running => self.running += 1,
        }
        if let Some(at) = known.window_check {
            self.window_checks.insert((at, name.clone()));
        }
        self.names.insert(name, known);
    }

    fn take(&mut self, name: &SitePattern) -> Option<Name> {
        let known = self.names.remove(name)?;
        match known.state {
            State::Waiting { due } => drop(self.queue.remove(&(due, name.clone()))),
            State::Running => self.running -= 1,
        }
        if let Some(at) = known.window_check {
            self.window_checks.remove(&(at, name.clone()));
        }
        Some(known)
    }

    fn check_invariants(&self) {
        // Each name is looked at: too dear for every change of a large plan.
        if cfg!(debug_assertions) && self.names.len() < 1_000 {
            let waiting = self.names.values().filter(|known| matches!(known.state, State::Waiting { .. }));
            debug_assert_eq!(waiting.count(), self.queue.len());
            debug_assert_eq!(self.names.len() - self.queue.len(), self.running);
            debug_assert!(self.running <= RUNNING_MAX);
        }
    }
}

impl Name {
    fn of(held: Option<Held>, now: Timestamp, random: &dyn Random) -> Self {
        let due = held.map_or(now, |held| held.renew_at(random));
        let window_check = held
            .filter(|held| held.authority.is_some())
            .map(|_| now.plus(below(WINDOW_CHECK_USUAL, random) / 360));
        Self {
            held,
            state: State::Waiting { due },
            window_check,
            has_window: false,
            failures: 0,
            trouble: None,
            avoided: None,
        }
    }

    fn purpose(&self) -> Purpose {
        if self.held.is_some() { Purpose::Renewal } else { Purpose::First }
    }

    fn outlook(&self, name: &SitePattern, expected: Option<Timestamp>) -> Outlook {
        let running = matches!(self.state, State::Running);
        Outlook {
            name: name.clone(),
            running,
            expected,
            failures: self.failures,
            trouble: self.trouble.clone(),
        }
    }
}

impl Held {
    /// When two thirds of its life have passed, and a twentieth of it by chance, so that certificates issued
    /// together are not renewed together.
    fn renew_at(self, random: &dyn Random) -> Timestamp {
        let life = self.until.since(self.from);
        self.from.plus(life * 2 / 3).plus(below(life / 20, random))
    }
}

/// Doubled with each failure, and up to a quarter more by chance.
fn backoff(least: Duration, most: Duration, failures: u32, random: &dyn Random) -> Duration {
    let pause = least.saturating_mul(1u32.checked_shl(failures.min(20)).unwrap_or(u32::MAX)).min(most);
    pause + below(pause / 4, random)
}
