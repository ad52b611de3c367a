//! Subscriptions of the public record in SQLite.

use crate::cases::next_version;
use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{DocumentRow, encode, integer};
use async_trait::async_trait;
use post::{Stage, Subscription};
use records::bounds::{PAGE_MAX, SUBSCRIBERS_MAX, SUBSCRIPTION_BYTES_MAX, SUBSCRIPTIONS_ASKED_MAX};
use records::{PutError, StoreError, Subscriptions, Versioned};
use sqlx::SqliteConnection;
use vocabulary::{Digest, SubscriptionId};

impl TryFrom<DocumentRow> for Versioned<Subscription> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("subscriptions", |subscription: &Subscription| subscription.id)
    }
}

#[async_trait]
impl Subscriptions for SqliteRecords {
    async fn subscription(&self, id: SubscriptionId) -> Result<Option<Versioned<Subscription>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM subscriptions WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a subscription"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn put_subscription(&self, subscription: &Subscription, expected: u64) -> Result<u64, PutError> {
        let during = "keeping a subscription";
        let document = encode("a subscription", subscription, SUBSCRIPTION_BYTES_MAX)?;
        let id = subscription.id.to_string();
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM subscriptions WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("subscriptions", &id, found, expected)?;
        check_count(&mut writing, subscription, during).await?;
        sqlx::query(
            "INSERT INTO subscriptions (id, version, address, stage, place, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET version = ?2, stage = ?4, place = ?5, document = ?6",
        )
        .bind(&id)
        .bind(integer(version))
        .bind(subscription.address.as_bytes().as_slice())
        .bind(subscription.stage().name())
        .bind(integer(subscription.place()))
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn subscriptions_of(&self, address: &Digest) -> Result<Vec<Versioned<Subscription>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT ordinal, id, version, document FROM subscriptions WHERE address = ? ORDER BY ordinal LIMIT ?",
        )
        .bind(address.as_bytes().as_slice())
        .bind(i64::from(PAGE_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(failed("reading the subscriptions of an address"))?;
        rows.into_iter().map(Versioned::try_from).collect()
    }

    async fn subscriptions_before(
        &self,
        stage: Stage,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Versioned<Subscription>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT ordinal, id, version, document FROM subscriptions WHERE stage = ? AND place < ?
              ORDER BY place, id LIMIT ?",
        )
        .bind(stage.name())
        .bind(integer(before))
        .bind(i64::from(limit.min(PAGE_MAX)))
        .fetch_all(self.readers())
        .await
        .map_err(failed("looking through subscriptions"))?;
        rows.into_iter().map(Versioned::try_from).collect()
    }

    async fn end_subscription(&self, id: SubscriptionId) -> Result<bool, StoreError> {
        let during = "ending a subscription";
        let mut writing = self.begin(during).await?;
        let done = sqlx::query("DELETE FROM subscriptions WHERE id = ?")
            .bind(id.to_string())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Whether there is room for it at its stage.
async fn check_count(
    writing: &mut SqliteConnection,
    subscription: &Subscription,
    during: &'static str,
) -> Result<(), StoreError> {
    let is_confirmed = subscription.stage() == Stage::Confirmed;
    let others: i64 =
        sqlx::query_scalar("SELECT count(*) FROM subscriptions WHERE (stage = 'confirmed') = ? AND id <> ?")
            .bind(is_confirmed)
            .bind(subscription.id.to_string())
            .fetch_one(writing)
            .await
            .map_err(failed(during))?;
    let count = usize::try_from(others).unwrap_or(usize::MAX).saturating_add(1);
    match is_confirmed {
        true => StoreError::check_size("the list of subscribers", count, SUBSCRIBERS_MAX),
        false => StoreError::check_size("the askings for subscriptions", count, SUBSCRIPTIONS_ASKED_MAX),
    }
}
