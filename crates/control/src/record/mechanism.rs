//! How the mechanism works besides its decisions: how soon authorities acknowledge, what was looked at, what closed gates.
//!
//! A fold over cases, made anew every ten minutes and kept in between, so that no reader makes anybody read the records.
//! The log cannot show these: whoever audits it takes them from the operator. Invariants: no count under five and no median
//! of fewer than five is told; of a jurisdiction nothing but whole quarters with ten and more.

use crate::pages::record::MechanismFigures;
use crate::plane::Plane;
use crate::reconcile::{Moved, ReconcileError};
use casework::{Addressee, Case, GateCondition, Held, Referral, ReferralState, Source};
use policy::{Ground, Measure};
use records::Page;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use vocabulary::Timestamp;
use vocabulary::moment::Date;

/// The least count, and the least number that a median is taken of, that is told.
const LEAST: usize = 5;
/// The same of a jurisdiction in a quarter.
const LEAST_OF_JURISDICTION: usize = 10;
/// How long numbers are kept.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// Cases that are looked through, newest first.
const CASES_MAX: usize = 2_000;

/// The numbers, once they were counted.
#[derive(Debug, Default)]
pub(crate) struct Mechanism(Mutex<Option<(Timestamp, MechanismFigures)>>);

impl Mechanism {
    /// The numbers, as they were counted last.
    pub(crate) fn told(&self) -> MechanismFigures {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|(_, figures)| figures.clone()).unwrap_or_default()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().is_some_and(|(at, _)| now < at.plus(KEPT))
    }
}

/// Counts anew where the numbers are old.
pub(crate) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    if plane.mechanism.is_fresh(now) {
        return Ok(Moved::No);
    }
    let mut counted = Counted::default();
    let mut page = Page::first(records::bounds::PAGE_MAX);
    let mut seen = 0;
    loop {
        let listing = plane.records.list_cases(page).await?;
        seen += listing.items.len();
        listing.items.iter().for_each(|held| counted.case(&held.value, now));
        match listing.next.filter(|_| seen < CASES_MAX) {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let mut kept = plane.mechanism.0.lock().unwrap_or_else(PoisonError::into_inner);
    *kept = Some((now, counted.figures(now)));
    Ok(Moved::No)
}

/// What was counted so far.
#[derive(Debug, Default)]
struct Counted {
    /// When each was acknowledged, how long that took, and of which jurisdiction it was.
    acknowledged: Vec<(Timestamp, Duration, Option<String>)>,
    captures: u64,
    closed: BTreeMap<&'static str, u64>,
}

impl Counted {
    fn case(&mut self, case: &Case, now: Timestamp) {
        self.acknowledged.extend(case.referrals.iter().filter_map(acknowledged));
        let own = case.findings.iter().filter(|finding| matches!(finding.source, Source::A | Source::B));
        self.captures += own.map(|finding| finding.evidence.len() as u64).sum::<u64>();
        let verdict = casework::assess((case, None), Measure::M5, Ground::Emergency, now);
        for condition in verdict.conditions.iter().filter(|one| !matches!(one.state, Held::Held)) {
            *self.closed.entry(name(condition.condition)).or_default() += 1;
        }
    }

    fn figures(self, now: Timestamp) -> MechanismFigures {
        let (from, until, quarter) = last_quarter(now);
        let mut by_jurisdiction: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for (at, took, jurisdiction) in &self.acknowledged {
            if let Some(jurisdiction) = jurisdiction.as_ref().filter(|_| from <= *at && *at < until) {
                by_jurisdiction.entry(jurisdiction.clone()).or_default().push(*took);
            }
        }
        let told = |(jurisdiction, took): (String, Vec<Duration>)| {
            let count = took.len() as u64;
            median(took, LEAST_OF_JURISDICTION).map(|median| (jurisdiction, count, median))
        };
        let at_least = |count: u64| Some(count).filter(|count| *count >= LEAST as u64);
        MechanismFigures {
            acknowledged: median(self.acknowledged.iter().map(|(_, took, _)| *took).collect(), LEAST),
            captures: at_least(self.captures),
            closed: self.closed.into_iter().map(|(name, count)| (name, at_least(count))).collect(),
            jurisdictions: by_jurisdiction.into_iter().filter_map(told).collect(),
            quarter,
        }
    }
}

/// The one in the middle, of so many at least.
fn median(mut all: Vec<Duration>, least: usize) -> Option<Duration> {
    all.sort_unstable();
    all.get(all.len() / 2).filter(|_| all.len() >= least).copied()
}

/// When an authority said that it has a referral, and how long after the first attempt. An answer says so too.
fn acknowledged(referral: &Referral) -> Option<(Timestamp, Duration, Option<String>)> {
    let mut state = &referral.state;
    while let ReferralState::Closed { last, .. } = state {
        state = last;
    }
    let (ReferralState::Acknowledged { traffic, at, .. } | ReferralState::Answered { traffic, at, .. }) =
        state
    else {
        return None;
    };
    let first = traffic.attempts.iter().map(|attempt| attempt.at).min()?;
    let jurisdiction = match &referral.addressee {
        Addressee::Jurisdiction(code) => Some(code.to_string()),
        Addressee::Fallback => None,
    };
    Some((*at, at.since(first), jurisdiction))
}

fn name(condition: GateCondition) -> &'static str {
    match condition {
        GateCondition::E1 => "E1",
        GateCondition::E2 => "E2",
        GateCondition::E3 => "E3",
        GateCondition::E4 => "E4",
        GateCondition::E5 => "E5",
        GateCondition::E6 => "E6",
        GateCondition::E7 => "E7",
        GateCondition::E8 => "E8",
        GateCondition::E9 => "E9",
    }
}

/// The last whole quarter before an instant, in UTC: its beginning, its end, its name.
fn last_quarter(now: Timestamp) -> (Timestamp, Timestamp, String) {
    let Date { year, month, .. } = Date::of(now);
    let (year, quarter) = (i64::from(year), month / 3);
    let (of, quarter) = if quarter == 0 { (year - 1, 3) } else { (year, quarter - 1) };
    let begin = |year: i64, quarter: usize| -> Timestamp {
        let text = format!("{year:04}-{:02}-01T00:00:00.000Z", quarter * 3 + 1);
        text.parse().unwrap_or(Timestamp::from_secs(0))
    };
    let after = if quarter == 3 { begin(of + 1, 0) } else { begin(of, quarter + 1) };
    (begin(of, quarter), after, format!("{of} Q{}", quarter + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_quarter_is_told_when_it_is_over() {
        for (now, from, until, name) in [
            ("2026-11-23T00:00:00.000Z", "2026-07-01", "2026-10-01", "2026 Q3"),
            ("2026-02-01T00:00:00.000Z", "2025-10-01", "2026-01-01", "2025 Q4"),
            ("2026-04-01T00:00:00.000Z", "2026-01-01", "2026-04-01", "2026 Q1"),
        ] {
            let day = |text: &str| at(&format!("{text}T00:00:00.000Z"));
            assert_eq!(last_quarter(at(now)), (day(from), day(until), name.to_owned()));
        }
    }

    #[test]
    fn nothing_is_told_of_few_and_of_a_jurisdiction_only_whole_quarters_with_ten() {
        let now = at("2026-11-23T00:00:00.000Z");
        let took = |count: u64| Duration::from_secs(count * 60);
        let in_quarter = at("2026-08-01T00:00:00.000Z");
        let one = |code: &str, minutes| (in_quarter, took(minutes), Some(code.to_owned()));
        let mut counted = Counted { captures: 4, ..Counted::default() };
        counted.closed.insert("E1", 4);
        counted.closed.insert("E4", 5);
        counted.acknowledged = (0..4).map(|minutes| one("BB", minutes)).collect();
        let few = counted.figures(now);
        assert_eq!((few.acknowledged, few.captures), (None, None));
        assert_eq!(few.closed, [("E1", None), ("E4", Some(5))]);

        let mut counted = Counted { captures: 5, ..Counted::default() };
        counted.acknowledged = (0..10).map(|minutes| one("AA", minutes)).collect();
        counted.acknowledged.extend((0..9).map(|minutes| one("BB", minutes)));
        let later = (now, took(99), Some("BB".to_owned()));
        counted.acknowledged.push(later);
        let many = counted.figures(now);
        assert_eq!((many.acknowledged, many.captures), (Some(took(5)), Some(5)));
        assert_eq!(many.jurisdictions, [("AA".to_owned(), 10, took(5))]);
    }
}
