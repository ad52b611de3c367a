//! Authorities and orders in SQLite.

use crate::cases::next_version;
use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{DocumentRow, below, encode, integer, listing, rows_for};
use async_trait::async_trait;
use casework::{DirectoryEntry, Order};
use records::bounds::{AUTHORITIES_MAX, AUTHORITY_BYTES_MAX, ORDER_BYTES_MAX};
use records::{Directory, Listing, Orders, Page, PutError, StoreError, Versioned};
use vocabulary::{AuthorityId, OrderId};

impl TryFrom<DocumentRow> for Versioned<DirectoryEntry> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("authorities", |entry: &DirectoryEntry| entry.id)
    }
}

impl TryFrom<DocumentRow> for Versioned<Order> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("orders", |order: &Order| order.id)
    }
}

#[async_trait]
impl Directory for SqliteRecords {
    async fn authority(&self, id: AuthorityId) -> Result<Option<Versioned<DirectoryEntry>>, StoreError> {
        let row: Option<DocumentRow> = sqlx::query_as("SELECT * FROM authorities WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("reading an authority"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn authorities(&self) -> Result<Vec<Versioned<DirectoryEntry>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as("SELECT * FROM authorities ORDER BY ordinal")
            .fetch_all(self.readers())
            .await
            .map_err(failed("reading the directory of authorities"))?;
        rows.into_iter().map(Versioned::try_from).collect()
    }

    async fn put_authority(&self, entry: &DirectoryEntry, expected: u64) -> Result<u64, PutError> {
        let during = "keeping an authority";
        let document = encode("an authority", entry, AUTHORITY_BYTES_MAX)?;
        let id = entry.id.to_string();
        let mut writing = self.begin(during).await?;
        let held: i64 = sqlx::query_scalar("SELECT count(*) FROM authorities WHERE id <> ?")
            .bind(&id)
            .fetch_one(&mut *writing)
            .await
            .map_err(failed(during))?;
        let count = usize::try_from(held).unwrap_or(usize::MAX).saturating_add(1);
        if expected == 0 {
            StoreError::check_size("the directory of authorities", count, AUTHORITIES_MAX)?;
        }
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM authorities WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("authorities", &id, found, expected)?;
        sqlx::query(
            "INSERT INTO authorities (id, version, document) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET version = ?2, document = ?3",
        )
        .bind(&id)
        .bind(integer(version))
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }
}

#[async_trait]
impl Orders for SqliteRecords {
    async fn order(&self, id: OrderId) -> Result<Option<Versioned<Order>>, StoreError> {
        let row: Option<DocumentRow> = sqlx::query_as("SELECT * FROM orders WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("reading an order"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn list_orders(
        &self,
        page: Page,
    ) -> Result<Listing<Result<Versioned<Order>, StoreError>>, StoreError> {
        let rows: Vec<DocumentRow> =
            sqlx::query_as("SELECT * FROM orders WHERE ordinal < ? ORDER BY ordinal DESC LIMIT ?")
                .bind(below(page))
                .bind(rows_for(page))
                .fetch_all(self.readers())
                .await
                .map_err(failed("listing the orders"))?;
        listing(rows, page, |row| row.ordinal, |row| Ok(Versioned::try_from(row)))
    }

    async fn put_order(&self, order: &Order, expected: u64) -> Result<u64, PutError> {
        let during = "keeping an order";
        let document = encode("an order", order, ORDER_BYTES_MAX)?;
        let id = order.id.to_string();
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM orders WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("orders", &id, found, expected)?;
        sqlx::query(
            "INSERT INTO orders (id, version, document) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET version = ?2, document = ?3",
        )
        .bind(&id)
        .bind(integer(version))
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }
}
