//! Subscriptions in memory.

use super::Memory;
use crate::bounds::{PAGE_MAX, SUBSCRIBERS_MAX, SUBSCRIPTION_BYTES_MAX, SUBSCRIPTIONS_ASKED_MAX};
use crate::{PutError, StoreError, Subscriptions, Versioned};
use async_trait::async_trait;
use post::{Stage, Subscription};
use std::collections::BTreeMap;
use vocabulary::{Digest, SubscriptionId};

#[derive(Default)]
pub(super) struct SubscriptionShelf(BTreeMap<SubscriptionId, Versioned<Subscription>>);

impl SubscriptionShelf {
    fn check(&self, subscription: &Subscription) -> Result<(), StoreError> {
        let size = serde_json::to_vec(subscription).map_or(0, |json| json.len());
        StoreError::check_size("a subscription", size, SUBSCRIPTION_BYTES_MAX)?;
        let is_confirmed = subscription.stage() == Stage::Confirmed;
        let alike = |held: &&Versioned<Subscription>| {
            held.value.id != subscription.id && (held.value.stage() == Stage::Confirmed) == is_confirmed
        };
        let count = self.0.values().filter(alike).count() + 1;
        match is_confirmed {
            true => StoreError::check_size("the list of subscribers", count, SUBSCRIBERS_MAX),
            false => StoreError::check_size("the askings for subscriptions", count, SUBSCRIPTIONS_ASKED_MAX),
        }
    }
}

#[async_trait]
impl Subscriptions for Memory {
    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Versioned<Subscription>>, StoreError> {
        self.act("reading a subscription", |state| Ok(state.subscriptions.0.get(&id).cloned()))
    }

    async fn put_subscription(&self, subscription: &Subscription, expected: u64) -> Result<u64, PutError> {
        self.act("keeping a subscription", |state| {
            let shelf = &mut state.subscriptions;
            let found = shelf.0.get(&subscription.id).map_or(0, |held| held.version);
            if found != expected {
                return Err(PutError::Conflict { expected, found });
            }
            shelf.check(subscription)?;
            let next = Versioned { version: expected + 1, value: subscription.clone() };
            shelf.0.insert(subscription.id, next);
            Ok(expected + 1)
        })
    }

    async fn subscriptions_of(&self, address: &Digest) -> Result<Vec<Versioned<Subscription>>, StoreError> {
        self.act("reading the subscriptions of an address", |state| {
            let held = state.subscriptions.0.values().filter(|held| held.value.address == *address);
            Ok(held.take(PAGE_MAX as usize).cloned().collect())
        })
    }

    async fn subscriptions_before(
        &self,
        stage: Stage,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Versioned<Subscription>>, StoreError> {
        self.act("looking through subscriptions", |state| {
            let held = state.subscriptions.0.values();
            let wanted = held.filter(|held| held.value.stage() == stage && held.value.place() < before);
            let mut wanted: Vec<_> = wanted.cloned().collect();
            wanted.sort_by_key(|held| (held.value.place(), held.value.id));
            wanted.truncate(limit.min(PAGE_MAX) as usize);
            Ok(wanted)
        })
    }

    async fn end_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError> {
        self.act("ending a subscription", |state| Ok(state.subscriptions.0.remove(&id).is_some()))
    }
}
