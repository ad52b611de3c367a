//! Sessions and setup tokens in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{digest, instant, integer};
use async_trait::async_trait;
use records::bounds::{NAME_BYTES_MAX, SESSIONS_MAX};
use records::{Session, Sessions, StoreError};
use sqlx::SqliteConnection;
use vocabulary::{Digest, Timestamp};

#[derive(sqlx::FromRow)]
struct SessionRow {
    token_hash: Vec<u8>,
    actor: String,
    opened: i64,
    expires: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            // The hash stands for a secret: an error must not name it.
            token_hash: digest("sessions", &row.actor, &row.token_hash)?,
            actor: row.actor,
            opened: instant(row.opened),
            expires: instant(row.expires),
        })
    }
}

#[async_trait]
impl Sessions for SqliteRecords {
    async fn open_session(&self, session: &Session) -> Result<(), StoreError> {
        let during = "opening a session";
        StoreError::check_size("an actor's name", session.actor.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        insert(&mut writing, session, during).await?;
        commit(writing, during).await
    }

    async fn session(&self, token_hash: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = sqlx::query_as(
            "SELECT token_hash, actor, opened, expires FROM sessions WHERE token_hash = ? AND expires > ?",
        )
        .bind(token_hash.as_bytes().as_slice())
        .bind(now.as_millis())
        .fetch_optional(self.readers())
        .await
        .map_err(failed("reading a session"))?;
        row.map(Session::try_from).transpose()
    }

    async fn close_session(&self, token_hash: &Digest) -> Result<(), StoreError> {
        let during = "closing a session";
        let mut writing = self.begin(during).await?;
        sqlx::query("DELETE FROM sessions WHERE token_hash = ?")
            .bind(token_hash.as_bytes().as_slice())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await
    }

    async fn offer_setup(&self, token_hash: &Digest, expires: Timestamp) -> Result<(), StoreError> {
        let during = "offering a setup token";
        let mut writing = self.begin(during).await?;
        sqlx::query("DELETE FROM setup_tokens").execute(&mut *writing).await.map_err(failed(during))?;
        sqlx::query("INSERT INTO setup_tokens (token_hash, expires) VALUES (?, ?)")
            .bind(token_hash.as_bytes().as_slice())
            .bind(expires.as_millis())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await
    }

    async fn redeem_setup(&self, token_hash: &Digest, session: &Session) -> Result<bool, StoreError> {
        let during = "redeeming a setup token";
        StoreError::check_size("an actor's name", session.actor.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let used = sqlx::query("DELETE FROM setup_tokens WHERE token_hash = ? AND expires > ?")
            .bind(token_hash.as_bytes().as_slice())
            .bind(session.opened.as_millis())
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        if used.rows_affected() == 0 {
            return Ok(false);
        }
        insert(&mut writing, session, during).await?;
        commit(writing, during).await?;
        Ok(true)
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    session: &Session,
    during: &'static str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO sessions (token_hash, actor, opened, expires) VALUES (?, ?, ?, ?)")
        .bind(session.token_hash.as_bytes().as_slice())
        .bind(&session.actor)
        .bind(session.opened.as_millis())
        .bind(session.expires.as_millis())
        .execute(&mut *connection)
        .await
        .map_err(failed(during))?;
    sqlx::query(
        "DELETE FROM sessions WHERE ordinal <= (SELECT ordinal FROM sessions ORDER BY ordinal DESC LIMIT 1 OFFSET ?)",
    )
    .bind(integer(SESSIONS_MAX))
    .execute(&mut *connection)
    .await
    .map_err(failed(during))?;
    Ok(())
}
