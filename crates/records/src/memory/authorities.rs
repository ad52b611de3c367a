//! Authorities and orders in memory.

use super::{Memory, page_of};
use crate::bounds::{AUTHORITIES_MAX, AUTHORITY_BYTES_MAX, ORDER_BYTES_MAX};
use crate::{Directory, Listing, Orders, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use casework::{DirectoryEntry, Order};
use serde::Serialize;
use vocabulary::{AuthorityId, OrderId};

#[derive(Default)]
pub(super) struct AuthorityShelf {
    entries: Vec<Versioned<DirectoryEntry>>,
    orders: Vec<Versioned<Order>>,
}

/// Puts a value under its version, at the end where it is new.
fn put<T: Clone>(
    held: &mut Vec<Versioned<T>>,
    value: &T,
    expected: u64,
    same: impl Fn(&T) -> bool,
) -> Result<u64, PutError> {
    let place = held.iter().position(|held| same(&held.value));
    let found = place.map_or(0, |place| held[place].version);
    if found != expected {
        return Err(PutError::Conflict { expected, found });
    }
    let next = Versioned { version: expected + 1, value: value.clone() };
    match place {
        Some(place) => held[place] = next,
        None => held.push(next),
    }
    Ok(expected + 1)
}

fn check(what: &'static str, value: &impl Serialize, limit: usize) -> Result<(), StoreError> {
    StoreError::check_size(what, serde_json::to_vec(value).map_or(0, |json| json.len()), limit)
}

#[async_trait]
impl Directory for Memory {
    async fn authority(&self, id: AuthorityId) -> Result<Option<Versioned<DirectoryEntry>>, StoreError> {
        self.act("reading an authority", |state| {
            Ok(state.authorities.entries.iter().find(|held| held.value.id == id).cloned())
        })
    }

    async fn authorities(&self) -> Result<Vec<Versioned<DirectoryEntry>>, StoreError> {
        self.act("reading the directory of authorities", |state| Ok(state.authorities.entries.clone()))
    }

    async fn put_authority(&self, entry: &DirectoryEntry, expected: u64) -> Result<u64, PutError> {
        self.act("keeping an authority", |state| {
            check("an authority", entry, AUTHORITY_BYTES_MAX)?;
            let entries = &mut state.authorities.entries;
            if expected == 0 {
                StoreError::check_size("the directory of authorities", entries.len() + 1, AUTHORITIES_MAX)?;
            }
            put(entries, entry, expected, |held| held.id == entry.id)
        })
    }
}

#[async_trait]
impl Orders for Memory {
    async fn order(&self, id: OrderId) -> Result<Option<Versioned<Order>>, StoreError> {
        self.act("reading an order", |state| {
            Ok(state.authorities.orders.iter().find(|held| held.value.id == id).cloned())
        })
    }

    async fn list_orders(
        &self,
        page: Page,
    ) -> Result<Listing<Result<Versioned<Order>, StoreError>>, StoreError> {
        self.act("listing the orders", |state| {
            let items: Vec<_> = (1..).zip(state.authorities.orders.iter().cloned().map(Ok)).collect();
            Ok(page_of(items.into_iter(), page))
        })
    }

    async fn put_order(&self, order: &Order, expected: u64) -> Result<u64, PutError> {
        self.act("keeping an order", |state| {
            check("an order", order, ORDER_BYTES_MAX)?;
            put(&mut state.authorities.orders, order, expected, |held| held.id == order.id)
        })
    }
}
