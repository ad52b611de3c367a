//! The directory of authorities, and their orders.

use crate::{Listing, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use casework::{DirectoryEntry, Order};
use vocabulary::{AuthorityId, OrderId};

/// Keeps the directory of authorities. Nothing removes an entry: it is retired. With
/// [`AUTHORITIES_MAX`](crate::bounds::AUTHORITIES_MAX) others a new one is [`StoreError::TooLarge`].
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// One authority.
    async fn authority(&self, id: AuthorityId) -> Result<Option<Versioned<DirectoryEntry>>, StoreError>;

    /// All of them, first entered first.
    async fn authorities(&self) -> Result<Vec<Versioned<DirectoryEntry>>, StoreError>;

    /// Keeps an entry if `expected` is its present version (0: it must not exist yet); returns the new version.
    async fn put_authority(&self, entry: &DirectoryEntry, expected: u64) -> Result<u64, PutError>;
}

/// Keeps orders. Nothing removes one.
#[async_trait]
pub trait Orders: Send + Sync + 'static {
    /// One order.
    async fn order(&self, id: OrderId) -> Result<Option<Versioned<Order>>, StoreError>;

    /// Orders, last received first. One that cannot be understood stands in its place as the error that says so, and hides
    /// no other.
    async fn list_orders(
        &self,
        page: Page,
    ) -> Result<Listing<Result<Versioned<Order>, StoreError>>, StoreError>;

    /// Keeps an order if `expected` is its present version (0: it must not exist yet); returns the new version.
    async fn put_order(&self, order: &Order, expected: u64) -> Result<u64, PutError>;
}
