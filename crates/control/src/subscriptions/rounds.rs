//! What the passage of time does to subscriptions: askings are answered by letter or lapse, subscribers are told.

use super::letters::{self, alias};
use super::{end, is_offered};
use crate::pages::languages::Lang;
use crate::plane::Plane;
use crate::reconcile::{Moved, ReconcileError};
use post::{LINK_OPEN, Letter, LetterError, Mail, Purpose, Stage, Subscription};
use records::{PutError, StoreError, Versioned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::{DecisionId, Timestamp};

/// Letters of subscriptions that are put into the queue at a time, and only while it is shorter: notices to customers and
/// referrals never wait behind the whole list.
const AT_ONCE: u32 = 20;
/// What is new within this time comes in one letter. After a quiet time the first comes at once.
const BATCH: Duration = Duration::from_secs(15 * 60);
/// Most entries of the log that one letter tells of; more make another one.
const ENTRIES_MAX: u64 = 4_096;
/// The register that holds the batch.
const REGISTER: &str = "subscriptions";
/// The alarm of a mail server that takes nothing.
const WAITS: &str = "mail-waits";

/// The entries that the newest letter tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Batch {
    from: u64,
    until: u64,
    at: Timestamp,
}

/// One round. Each step may be repeated: a mail's id is made of what it is about, so nothing goes twice.
pub(crate) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    lapse(plane).await?;
    let waits = plane.alarms.all().iter().any(|alarm| alarm.name == WAITS);
    let full = plane.records.due_mails(plane.clock.now(), AT_ONCE).await?.len() >= AT_ONCE as usize;
    if !is_offered(plane) || waits || full {
        return Ok(Moved::No);
    }
    for asked in plane.records.subscriptions_before(Stage::Asked, u64::MAX, AT_ONCE).await? {
        answer(plane, asked).await?;
    }
    tell(plane).await
}

/// Askings that nobody confirmed are forgotten.
async fn lapse(plane: &Plane) -> Result<(), ReconcileError> {
    let before = plane.clock.now().minus(LINK_OPEN).as_millis().saturating_add(1);
    let before = u64::try_from(before).unwrap_or(0);
    for stage in [Stage::Asked, Stage::Mailed] {
        for held in plane.records.subscriptions_before(stage, before, AT_ONCE).await? {
            end(plane, held.value.id).await?;
        }
    }
    Ok(())
}

/// Answers an asking by the one letter that its address gets in a day.
async fn answer(plane: &Plane, asked: Versioned<Subscription>) -> Result<(), ReconcileError> {
    let Versioned { version, value: asked } = asked;
    let now = plane.clock.now();
    let lang = Lang::of(&asked.language).unwrap_or_default();
    let others = plane.records.subscriptions_of(&asked.address).await?;
    let mut others = others.into_iter().filter(|held| held.value.id != asked.id);
    if let Some(standing) = others.clone().find(|held| held.value.stage() == Stage::Confirmed) {
        let Versioned { version, value } = standing;
        if let (Some(to), Some(next)) = (alias(value.id), value.reminded(now)) {
            let about = format!("{} asked again {now}", next.id);
            queue(plane, Purpose::SubscriptionRequest, about, letters::still_stands(plane, lang, to)).await?;
            keep(plane, &next, version).await?;
        }
        return Ok(end(plane, asked.id).await?);
    }
    if others.any(|held| held.value.stage() == Stage::Mailed) {
        return Ok(end(plane, asked.id).await?);
    }
    let Some(to) = alias(asked.id) else { return Ok(end(plane, asked.id).await?) };
    let about = asked.id.to_string();
    queue(plane, Purpose::SubscriptionRequest, about, letters::asks_back(plane, lang, to)).await?;
    if let Ok(mailed) = asked.mailed(now) {
        keep(plane, &mailed, version).await?;
    }
    Ok(())
}

/// Tells subscribers what is new, some at a time; the next batch begins when all know this one.
async fn tell(plane: &Plane) -> Result<Moved, ReconcileError> {
    let Some(size) = plane.sequencer.published().map(|published| published.size) else {
        return Ok(Moved::No);
    };
    let Some((batch, version)) = batch(plane, size).await? else { return Ok(Moved::No) };
    let untold = plane.records.subscriptions_before(Stage::Confirmed, batch.until, AT_ONCE).await?;
    if untold.is_empty() {
        return next_batch(plane, batch, version, size).await;
    }
    let changed = letters::changed(plane, batch.from..batch.until).await?;
    let mut news: BTreeMap<&'static str, Option<(String, String)>> = BTreeMap::new();
    for Versioned { version, value } in untold {
        let lang = Lang::of(&value.language).unwrap_or_default();
        if !news.contains_key(lang.code()) {
            news.insert(lang.code(), letters::news(plane, lang, &changed).await?);
        }
        if let (Some(Some((subject, text))), Some(to)) = (news.get(lang.code()), alias(value.id)) {
            let about = format!("entries {} to {}", batch.from, batch.until);
            queue(plane, Purpose::Subscription, about, Letter::new(to, subject, text)).await?;
        }
        if let Ok(told) = value.told(batch.until) {
            keep(plane, &told, version).await?;
        }
    }
    Ok(Moved::No)
}

/// The present batch. The first one is empty: what was there before anybody subscribed is no news.
async fn batch(plane: &Plane, size: u64) -> Result<Option<(Batch, u64)>, ReconcileError> {
    match plane.records.register(REGISTER).await? {
        Some(held) => {
            let damaged = || ReconcileError::Damaged(format!("register {REGISTER} cannot be read"));
            let batch = serde_json::from_slice(&held.value).map_err(|_| damaged())?;
            Ok(Some((batch, held.version)))
        }
        None => {
            let first = Batch { from: size, until: size, at: plane.clock.now().minus(BATCH) };
            put_batch(plane, first, 0).await?;
            Ok(None)
        }
    }
}

async fn next_batch(plane: &Plane, last: Batch, version: u64, size: u64) -> Result<Moved, ReconcileError> {
    let now = plane.clock.now();
    if last.until >= size || now < last.at.plus(BATCH) {
        return Ok(Moved::No);
    }
    let range = last.until..size.min(last.until + ENTRIES_MAX);
    let changed: Vec<DecisionId> = letters::changed(plane, range.clone()).await?;
    // Entries that nobody is told of delay nothing.
    let at = if changed.is_empty() { last.at } else { now };
    put_batch(plane, Batch { from: range.start, until: range.end, at }, version).await?;
    Ok(Moved::Yes)
}

async fn put_batch(plane: &Plane, batch: Batch, version: u64) -> Result<(), ReconcileError> {
    let bytes = serde_json::to_vec(&batch).map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    match plane.records.put_register(REGISTER, &bytes, version).await {
        Ok(_) | Err(PutError::Conflict { .. }) => Ok(()),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}

async fn queue(
    plane: &Plane,
    purpose: Purpose,
    about: String,
    letter: Result<Letter, LetterError>,
) -> Result<(), ReconcileError> {
    let letter = letter.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    plane.queue_mail(&Mail::queued(purpose, about, letter, plane.clock.now())).await?;
    Ok(())
}

/// Keeps a changed subscription; one that was changed or ended meanwhile is left as it is now.
async fn keep(plane: &Plane, next: &Subscription, version: u64) -> Result<(), StoreError> {
    match plane.records.put_subscription(next, version).await {
        Ok(_) | Err(PutError::Conflict { .. }) => Ok(()),
        Err(PutError::Store(error)) => Err(error),
        Err(_) => Ok(()),
    }
}
