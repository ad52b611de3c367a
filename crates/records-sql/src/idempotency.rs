//! Idempotency keys in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{damaged, integer};
use async_trait::async_trait;
use records::bounds::{ANSWER_BYTES_MAX, IDEMPOTENCY_KEYS_MAX, NAME_BYTES_MAX};
use records::{Answer, Claim, Idempotency, StoreError};
use vocabulary::{Digest, Timestamp};

#[derive(sqlx::FromRow)]
struct ClaimRow {
    key: String,
    request: Vec<u8>,
    status: Option<i64>,
    media_type: Option<String>,
    body: Option<Vec<u8>>,
}

impl ClaimRow {
    fn found_by(self, request: &Digest) -> Result<Claim, StoreError> {
        if self.request != request.as_bytes() {
            return Ok(Claim::Different);
        }
        let (Some(status), Some(media_type), Some(body)) = (self.status, self.media_type, self.body) else {
            return Ok(Claim::Running);
        };
        let status = u16::try_from(status).map_err(|_| {
            damaged("idempotency", self.key, format_args!("status {status} is none of HTTP's"))
        })?;
        Ok(Claim::Answered(Answer { status, media_type, body }))
    }
}

#[async_trait]
impl Idempotency for SqliteRecords {
    async fn claim(
        &self,
        key: &str,
        request: &Digest,
        now: Timestamp,
        hold_until: Timestamp,
    ) -> Result<Claim, StoreError> {
        let during = "claiming an idempotency key";
        StoreError::check_size("an idempotency key", key.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let held: Option<ClaimRow> = sqlx::query_as(
            "SELECT key, request, status, media_type, body FROM idempotency WHERE key = ? AND expires > ?",
        )
        .bind(key)
        .bind(now.as_millis())
        .fetch_optional(&mut *writing)
        .await
        .map_err(failed(during))?;
        if let Some(held) = held {
            return held.found_by(request);
        }
        sqlx::query("INSERT OR REPLACE INTO idempotency (key, request, expires) VALUES (?, ?, ?)")
            .bind(key)
            .bind(request.as_bytes().as_slice())
            .bind(hold_until.as_millis())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        sqlx::query(
            "DELETE FROM idempotency
              WHERE ordinal <= (SELECT ordinal FROM idempotency ORDER BY ordinal DESC LIMIT 1 OFFSET ?)",
        )
        .bind(integer(IDEMPOTENCY_KEYS_MAX))
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(Claim::Fresh)
    }

    async fn settle(
        &self,
        key: &str,
        request: &Digest,
        answer: &Answer,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        let during = "keeping an answer";
        StoreError::check_size("an answer", answer.body.len(), ANSWER_BYTES_MAX)?;
        StoreError::check_size("a media type", answer.media_type.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        sqlx::query(
            "UPDATE idempotency SET status = ?, media_type = ?, body = ?, expires = ?
              WHERE key = ? AND request = ? AND status IS NULL",
        )
        .bind(i64::from(answer.status))
        .bind(&answer.media_type)
        .bind(answer.body.as_slice())
        .bind(keep_until.as_millis())
        .bind(key)
        .bind(request.as_bytes().as_slice())
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await
    }

    async fn release(&self, key: &str, request: &Digest) -> Result<(), StoreError> {
        let during = "releasing an idempotency key";
        let mut writing = self.begin(during).await?;
        sqlx::query("DELETE FROM idempotency WHERE key = ? AND request = ? AND status IS NULL")
            .bind(key)
            .bind(request.as_bytes().as_slice())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await
    }
}
