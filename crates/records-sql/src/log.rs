//! The log's rows in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{count, digest, integer};
use async_trait::async_trait;
use records::bounds::LEAVES_PER_READ_MAX;
use records::{
    AppendError, Epoch, Head, LeafRead, Log, NewLeaf, PublishError, StoreError, SubjectHead, check_append,
    check_publication,
};
use sqlx::SqliteConnection;
use std::ops::Range;
use vocabulary::Digest;

const APPENDING: &str = "appending to the log";
const PUBLISHING: &str = "publishing a checkpoint";

#[derive(sqlx::FromRow)]
struct LeafRow {
    idx: i64,
    hash: Vec<u8>,
    bytes: Vec<u8>,
}

impl TryFrom<LeafRow> for LeafRead {
    type Error = StoreError;

    fn try_from(row: LeafRow) -> Result<Self, StoreError> {
        Ok(Self {
            index: count("leaves", row.idx, row.idx)?,
            hash: digest("leaves", row.idx, &row.hash)?,
            bytes: row.bytes,
        })
    }
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    size: i64,
    note: String,
}

impl TryFrom<HeadRow> for Head {
    type Error = StoreError;

    fn try_from(row: HeadRow) -> Result<Self, StoreError> {
        Ok(Self { size: count("staged", row.size, row.size)?, note: row.note })
    }
}

#[derive(sqlx::FromRow)]
struct SubjectRow {
    idx: i64,
    hash: Vec<u8>,
    sequence: i64,
}

impl TryFrom<SubjectRow> for SubjectHead {
    type Error = StoreError;

    fn try_from(row: SubjectRow) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: count("leaves", row.idx, row.sequence)?,
            hash: digest("leaves", row.idx, &row.hash)?,
            index: count("leaves", row.idx, row.idx)?,
        })
    }
}

#[async_trait]
impl Log for SqliteRecords {
    async fn take_epoch(&self) -> Result<Epoch, StoreError> {
        let during = "taking an epoch of the log";
        let mut writing = self.begin(during).await?;
        let epoch: i64 = sqlx::query_scalar("UPDATE log_state SET epoch = epoch + 1 RETURNING epoch")
            .fetch_one(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(Epoch(count("log_state", 1, epoch)?))
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        let row: Option<HeadRow> = sqlx::query_as("SELECT size, note FROM staged ORDER BY size DESC LIMIT 1")
            .fetch_optional(self.readers())
            .await
            .map_err(failed("reading the log's head"))?;
        row.map(Head::try_from).transpose()
    }

    async fn append(
        &self,
        epoch: Epoch,
        expected_size: u64,
        leaves: &[NewLeaf],
        note: &str,
    ) -> Result<(), AppendError> {
        let mut writing = self.begin(APPENDING).await?;
        let current = current_epoch(&mut writing, APPENDING).await?;
        if current != epoch.0 {
            return Err(AppendError::Fenced { mine: epoch.0, current });
        }
        let found = log_size(&mut writing).await?;
        if found != expected_size {
            return Err(AppendError::Behind { expected: expected_size, found });
        }
        let staged = staged_at(&mut writing, expected_size, APPENDING).await?;
        let size = check_append(expected_size, leaves, note, staged.as_deref())?;
        for (leaf, index) in leaves.iter().zip(expected_size..) {
            insert_leaf(&mut writing, leaf, index).await?;
        }
        sqlx::query(
            "INSERT INTO staged (size, note) VALUES (?1, ?2) ON CONFLICT (size) DO UPDATE SET note = ?2",
        )
        .bind(integer(size))
        .bind(note)
        .execute(&mut *writing)
        .await
        .map_err(failed(APPENDING))?;
        Ok(commit(writing, APPENDING).await?)
    }

    async fn leaves(&self, range: Range<u64>) -> Result<Vec<LeafRead>, StoreError> {
        let end = range.end.min(range.start.saturating_add(LEAVES_PER_READ_MAX));
        let rows: Vec<LeafRow> =
            sqlx::query_as("SELECT idx, hash, bytes FROM leaves WHERE idx >= ? AND idx < ? ORDER BY idx")
                .bind(integer(range.start))
                .bind(integer(end))
                .fetch_all(self.readers())
                .await
                .map_err(failed("reading the log"))?;
        rows.into_iter().map(LeafRead::try_from).collect()
    }

    async fn leaf_hashes(&self, range: Range<u64>) -> Result<Vec<Digest>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
            "SELECT idx, hash FROM leaves INDEXED BY leaf_hashes WHERE idx >= ? AND idx < ? ORDER BY idx",
        )
        .bind(integer(range.start))
        .bind(integer(range.end))
        .fetch_all(self.readers())
        .await
        .map_err(failed("reading the log's hashes"))?;
        rows.into_iter().map(|(index, hash)| digest("leaves", index, &hash)).collect()
    }

    async fn index_of(&self, hash: &Digest) -> Result<Option<u64>, StoreError> {
        let index: Option<i64> = sqlx::query_scalar("SELECT idx FROM leaves WHERE hash = ?")
            .bind(hash.as_bytes().as_slice())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("looking for a leaf"))?;
        index.map(|index| count("leaves", index, index)).transpose()
    }

    async fn last_of_subject(&self, subject: &str) -> Result<Option<SubjectHead>, StoreError> {
        let row: Option<SubjectRow> = sqlx::query_as(
            "SELECT idx, hash, sequence FROM leaves WHERE subject = ? ORDER BY sequence DESC LIMIT 1",
        )
        .bind(subject)
        .fetch_optional(self.readers())
        .await
        .map_err(failed("reading a subject's last entry"))?;
        row.map(SubjectHead::try_from).transpose()
    }

    async fn entries_of_subject(&self, subject: &str) -> Result<Vec<u64>, StoreError> {
        let places: Vec<i64> =
            sqlx::query_scalar("SELECT idx FROM leaves WHERE subject = ? ORDER BY sequence")
                .bind(subject)
                .fetch_all(self.readers())
                .await
                .map_err(failed("reading a subject's entries"))?;
        places.into_iter().map(|index| count("leaves", index, index)).collect()
    }

    async fn publish(&self, epoch: Epoch, size: u64, note: &str) -> Result<(), PublishError> {
        let mut writing = self.begin(PUBLISHING).await?;
        let current = current_epoch(&mut writing, PUBLISHING).await?;
        if current != epoch.0 {
            return Err(PublishError::Fenced { mine: epoch.0, current });
        }
        let published: Option<i64> = sqlx::query_scalar("SELECT published_size FROM log_state")
            .fetch_one(&mut *writing)
            .await
            .map_err(failed(PUBLISHING))?;
        let published = published.map(|size| count("log_state", 1, size)).transpose()?;
        let staged = staged_at(&mut writing, size, PUBLISHING).await?;
        check_publication(size, note, published, staged.as_deref())?;
        sqlx::query("UPDATE log_state SET published_size = ?, published_note = ?")
            .bind(integer(size))
            .bind(note)
            .execute(&mut *writing)
            .await
            .map_err(failed(PUBLISHING))?;
        Ok(commit(writing, PUBLISHING).await?)
    }

    async fn published(&self) -> Result<Option<Head>, StoreError> {
        let row: Option<HeadRow> = sqlx::query_as(
            "SELECT published_size AS size, published_note AS note FROM log_state WHERE published_size IS NOT NULL",
        )
        .fetch_optional(self.readers())
        .await
        .map_err(failed("reading the published checkpoint"))?;
        row.map(Head::try_from).transpose()
    }
}

async fn current_epoch(connection: &mut SqliteConnection, during: &'static str) -> Result<u64, StoreError> {
    let epoch: i64 = sqlx::query_scalar("SELECT epoch FROM log_state")
        .fetch_one(connection)
        .await
        .map_err(failed(during))?;
    count("log_state", 1, epoch)
}

async fn log_size(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let size: i64 = sqlx::query_scalar("SELECT coalesce(max(idx) + 1, 0) FROM leaves")
        .fetch_one(connection)
        .await
        .map_err(failed(APPENDING))?;
    count("leaves", size, size)
}

async fn staged_at(
    connection: &mut SqliteConnection,
    size: u64,
    during: &'static str,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar("SELECT note FROM staged WHERE size = ?")
        .bind(integer(size))
        .fetch_optional(connection)
        .await
        .map_err(failed(during))
}

async fn insert_leaf(
    connection: &mut SqliteConnection,
    leaf: &NewLeaf,
    index: u64,
) -> Result<(), AppendError> {
    let hash = leaf.hash();
    let twin: Option<i64> = sqlx::query_scalar("SELECT idx FROM leaves WHERE hash = ?")
        .bind(hash.as_bytes().as_slice())
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed(APPENDING))?;
    if let Some(twin) = twin {
        return Err(AppendError::Duplicate { index: count("leaves", twin, twin)? });
    }
    let last: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence), 0) FROM leaves WHERE subject = ?")
        .bind(&leaf.subject)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(APPENDING))?;
    let last = count("leaves", index, last)?;
    if leaf.sequence != last + 1 {
        let subject = leaf.subject.clone();
        return Err(AppendError::Sequence { subject, last, sequence: leaf.sequence });
    }
    sqlx::query("INSERT INTO leaves (idx, hash, subject, sequence, bytes) VALUES (?, ?, ?, ?, ?)")
        .bind(integer(index))
        .bind(hash.as_bytes().as_slice())
        .bind(&leaf.subject)
        .bind(integer(leaf.sequence))
        .bind(leaf.bytes.as_slice())
        .execute(&mut *connection)
        .await
        .map_err(failed(APPENDING))?;
    Ok(())
}
