//! Purges in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{below, count, damaged, decode, encode, id, instant, integer, listing, rows_for};
use async_trait::async_trait;
use caching::{Purge, PurgeWindow};
use records::bounds::{NOTE_BYTES_MAX, PURGE_TARGET_BYTES_MAX, PURGES_KEPT_MAX, PURGES_PER_APPEND_MAX};
use records::{KeptPurge, Listing, Page, PurgeOrder, Purges, RevisionNote, StoreError};
use sqlx::SqliteConnection;
use vocabulary::SiteId;

const STATE: &str = "SELECT revision, floor FROM purge_state";

#[derive(sqlx::FromRow)]
struct PurgeRow {
    revision: i64,
    site: String,
    target: String,
    soft: i64,
    at: i64,
    actor: String,
}

impl TryFrom<PurgeRow> for KeptPurge {
    type Error = StoreError;

    fn try_from(row: PurgeRow) -> Result<Self, StoreError> {
        let revision = count("purges", row.revision, row.revision)?;
        let purge = Purge {
            revision,
            site: id("purges", &row.site)?,
            target: decode("purges", &row.revision.to_string(), &row.target)?,
            soft: row.soft != 0,
        };
        Ok(Self { purge, note: RevisionNote { at: instant(row.at), actor: row.actor } })
    }
}

/// The present revision and the floor of every window.
async fn state(connection: &mut SqliteConnection, during: &'static str) -> Result<(u64, u64), StoreError> {
    let (revision, floor): (i64, i64) =
        sqlx::query_as(STATE).fetch_one(connection).await.map_err(failed(during))?;
    Ok((count("purge_state", 1, revision)?, count("purge_state", 1, floor)?))
}

async fn set_state(
    connection: &mut SqliteConnection,
    (revision, floor): (u64, u64),
    during: &'static str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE purge_state SET revision = ?, floor = ?")
        .bind(integer(revision))
        .bind(integer(floor))
        .execute(connection)
        .await
        .map_err(failed(during))?;
    Ok(())
}

#[async_trait]
impl Purges for SqliteRecords {
    async fn purge_revision(&self) -> Result<u64, StoreError> {
        let during = "reading the revision of purges";
        let mut reading = self.snapshot(during).await?;
        state(&mut reading, during).await.map(|(revision, _)| revision)
    }

    async fn append_purges(&self, orders: &[PurgeOrder], note: &RevisionNote) -> Result<u64, StoreError> {
        let during = "keeping purges";
        StoreError::check_size("a purge's note", note.actor.len(), NOTE_BYTES_MAX)?;
        StoreError::check_size("the purges of one request", orders.len(), PURGES_PER_APPEND_MAX)?;
        let mut writing = self.begin(during).await?;
        let (mut revision, floor) = state(&mut writing, during).await?;
        if orders.is_empty() {
            return Ok(revision);
        }
        for order in orders {
            revision += 1;
            sqlx::query(
                "INSERT INTO purges (revision, site, target, soft, at, actor) VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(integer(revision))
            .bind(order.site.to_string())
            .bind(encode("a purge's target", &order.target, PURGE_TARGET_BYTES_MAX)?)
            .bind(i64::from(order.soft))
            .bind(note.at.as_millis())
            .bind(&note.actor)
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        }
        set_state(&mut writing, (revision, floor), during).await?;
        // Counted in purges, not in revisions: these may have been skipped.
        sqlx::query(
            "DELETE FROM purges
              WHERE revision <= (SELECT revision FROM purges ORDER BY revision DESC LIMIT 1 OFFSET ?)",
        )
        .bind(integer(PURGES_KEPT_MAX))
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(revision)
    }

    async fn purges_after(&self, revision: u64) -> Result<PurgeWindow, StoreError> {
        let during = "reading purges";
        let mut reading = self.snapshot(during).await?;
        let (present, floor) = state(&mut reading, during).await?;
        let oldest: Option<i64> = sqlx::query_scalar("SELECT min(revision) FROM purges")
            .fetch_one(&mut *reading)
            .await
            .map_err(failed(during))?;
        let kept_after = match oldest {
            Some(oldest) => count("purges", oldest, oldest)?.saturating_sub(1),
            None => present,
        };
        let after = revision.min(present).max(floor).max(kept_after);
        let rows: Vec<PurgeRow> = sqlx::query_as(
            "SELECT revision, site, target, soft, at, actor FROM purges WHERE revision > ? ORDER BY revision",
        )
        .bind(integer(after))
        .fetch_all(&mut *reading)
        .await
        .map_err(failed(during))?;
        let purges = rows.into_iter().map(|row| KeptPurge::try_from(row).map(|kept| kept.purge));
        let window = PurgeWindow { after, purges: purges.collect::<Result<_, _>>()? };
        contiguous(&window, present)?;
        Ok(window)
    }

    async fn skip_purges(&self, to: u64) -> Result<u64, StoreError> {
        let during = "skipping revisions of purges";
        let mut writing = self.begin(during).await?;
        let (present, _) = state(&mut writing, during).await?;
        if to <= present {
            return Ok(present);
        }
        set_state(&mut writing, (to, to), during).await?;
        commit(writing, during).await?;
        Ok(to)
    }

    async fn list_purges(&self, site: Option<SiteId>, page: Page) -> Result<Listing<KeptPurge>, StoreError> {
        let during = "listing purges";
        let rows: Vec<PurgeRow> = match site {
            Some(site) => {
                sqlx::query_as(
                    "SELECT revision, site, target, soft, at, actor FROM purges
                      WHERE site = ? AND revision < ? ORDER BY revision DESC LIMIT ?",
                )
                .bind(site.to_string())
                .bind(below(page))
                .bind(rows_for(page))
                .fetch_all(self.readers())
                .await
            }
            None => {
                sqlx::query_as(
                    "SELECT revision, site, target, soft, at, actor FROM purges
                      WHERE revision < ? ORDER BY revision DESC LIMIT ?",
                )
                .bind(below(page))
                .bind(rows_for(page))
                .fetch_all(self.readers())
                .await
            }
        }
        .map_err(failed(during))?;
        listing(rows, page, |row| row.revision, KeptPurge::try_from)
    }
}

/// A window with a hole would let an edge keep what it should have dropped.
fn contiguous(window: &PurgeWindow, present: u64) -> Result<(), StoreError> {
    let expected = window.after.saturating_add(1)..=present;
    if window.purges.iter().map(|purge| purge.revision).eq(expected) {
        return Ok(());
    }
    Err(damaged("purges", present, format_args!("the purges after {} have a gap", window.after)))
}
