//! The counts of each day: how many cases were opened and how many reports came in, told when the day is over.
//!
//! A case that leads to no measure has its place here and nowhere else in the log.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use crate::sequencer::{Draft, Item};
use ledger::{CountDaily, Entry, Kind};
use records::{Cursor, Listing, Page, StoreError};
use std::collections::BTreeMap;
use tokio::sync::Mutex;
use vocabulary::Timestamp;

const DAY_SECS: i64 = 86_400;
/// Most days that are counted after the fact: what lies further back has no entry.
const DAYS_MAX: i64 = 31;

/// A day in UTC, counted from 1970-01-01.
type Day = i64;

/// What was counted last: its first day, the day on which it was counted, and the counts. The entries may wait long for
/// their place in the log; they are handed in again meanwhile, and nothing is counted anew.
#[derive(Debug, Default)]
pub(crate) struct CountedDays(pub(crate) Mutex<Option<(Day, Day, Vec<CountDaily>)>>);

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let today = day(plane.clock.now());
    let next = match last_counted(plane).await? {
        Some(last) => last + 1,
        None => day(plane.founded.roster.not_before()),
    };
    let first = next.max(today - DAYS_MAX);
    if first >= today {
        return Ok(Moved::No);
    }
    let mut counted = plane.counted_days.0.lock().await;
    let days = match counted.take() {
        Some((from, on, days)) if (from, on) == (first, today) => days,
        _ => count_days(plane, first, today).await?,
    };
    for said in &days {
        submit(plane, said)?;
    }
    *counted = Some((first, today, days));
    Ok(Moved::No)
}

async fn count_days(plane: &Plane, first: Day, today: Day) -> Result<Vec<CountDaily>, ReconcileError> {
    let cases = count(first, |page| plane.records.list_cases(page), |held| held.value.opened_at).await?;
    let reports =
        count(first, |page| plane.records.list_reports(None, page), |held| held.value.received_at).await?;
    let of = |counts: &BTreeMap<Day, u64>, day: Day| CountDaily::told(counts.get(&day).copied().unwrap_or(0));
    let told = |day| CountDaily { day: text(day), cases: of(&cases, day), reports: of(&reports, day) };
    Ok((first..today).map(told).collect())
}

/// The day of the newest entry.
async fn last_counted(plane: &Plane) -> Result<Option<Day>, ReconcileError> {
    let Some(head) = plane.records.last_of_subject(CountDaily::SUBJECT).await? else { return Ok(None) };
    let damaged = || ReconcileError::Damaged("the newest count of a day cannot be read".to_owned());
    let index = plane.records.index_of(&head.hash).await?.ok_or_else(damaged)?;
    let leaves = plane.records.leaves(index..index + 1).await?;
    let entry = leaves.first().and_then(|leaf| Entry::parse(&leaf.bytes).ok()).ok_or_else(damaged)?;
    let said: CountDaily = serde_json::from_value(entry.body.public).map_err(|_| damaged())?;
    let midnight: Timestamp = format!("{}T00:00:00.000Z", said.day).parse().map_err(|_| damaged())?;
    Ok(Some(day(midnight)))
}

/// How many there are of each day from `first` on, in a list whose newest come first.
async fn count<T, F: Future<Output = Result<Listing<T>, StoreError>>>(
    first: Day,
    list: impl Fn(Page) -> F,
    at: impl Fn(&T) -> Timestamp,
) -> Result<BTreeMap<Day, u64>, ReconcileError> {
    let mut counts = BTreeMap::new();
    let mut after: Option<Cursor> = None;
    loop {
        let listing = list(Page { after, limit: records::bounds::PAGE_MAX }).await?;
        for item in &listing.items {
            let day = day(at(item));
            if day < first {
                return Ok(counts);
            }
            *counts.entry(day).or_default() += 1;
        }
        after = listing.next;
        if after.is_none() {
            return Ok(counts);
        }
    }
}

fn submit(plane: &Plane, said: &CountDaily) -> Result<(), ReconcileError> {
    let draft = Draft {
        kind: Kind::CountDaily,
        time: plane.clock.now(),
        actors: vec!["sequencer".to_owned()],
        subject: CountDaily::SUBJECT.to_owned(),
        policy: None,
        commitments: None,
        public: serde_json::to_value(said).map_err(|error| ReconcileError::Damaged(error.to_string()))?,
    };
    plane.sequencer.submit(Item::Draft(draft)).map_err(ReconcileError::Submit)
}

fn day(at: Timestamp) -> Day {
    at.as_secs().div_euclid(DAY_SECS)
}

/// `2026-11-22`.
fn text(day: Day) -> String {
    Timestamp::from_secs(day * DAY_SECS).to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_goes_from_midnight_to_midnight_in_utc() {
        let at = |text: &str| day(text.parse().expect("an instant"));
        assert_eq!(at("2026-11-22T23:59:59.999Z"), at("2026-11-22T00:00:00.000Z"));
        assert_eq!(at("2026-11-23T00:00:00.000Z"), at("2026-11-22T00:00:00.000Z") + 1);
        assert_eq!(text(at("2026-11-22T12:00:00.000Z")), "2026-11-22");
    }
}
