//! Subscriptions of the public record.

use crate::{PutError, StoreError, Versioned};
use async_trait::async_trait;
use post::{Stage, Subscription};
use vocabulary::{Digest, SubscriptionId};

/// Keeps subscriptions. With [`SUBSCRIBERS_MAX`](crate::bounds::SUBSCRIBERS_MAX) others confirmed, or
/// [`SUBSCRIPTIONS_ASKED_MAX`](crate::bounds::SUBSCRIPTIONS_ASKED_MAX) others asked for, one more at that stage is
/// [`StoreError::TooLarge`].
#[async_trait]
pub trait Subscriptions: Send + Sync + 'static {
    /// One subscription.
    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Versioned<Subscription>>, StoreError>;

    /// Keeps a subscription if `expected` is its present version (0: it must not exist yet); returns the new version.
    /// One that was ended meanwhile is a conflict: it does not come back.
    async fn put_subscription(&self, subscription: &Subscription, expected: u64) -> Result<u64, PutError>;

    /// All of one address, by its digest, whatever their stage; at most a page of them.
    async fn subscriptions_of(&self, address: &Digest) -> Result<Vec<Versioned<Subscription>>, StoreError>;

    /// Those of a stage whose [place](Subscription::place) is below `before`, the lowest first.
    async fn subscriptions_before(
        &self,
        stage: Stage,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Versioned<Subscription>>, StoreError>;

    /// Ends a subscription; `false` where there is none. Repeating it is harmless.
    async fn end_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError>;
}
