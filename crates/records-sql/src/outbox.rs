//! Outgoing mail in SQLite.

use crate::cases::next_version;
use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{DocumentRow, below, encode, integer, listing, rows_for};
use async_trait::async_trait;
use post::{Mail, MailState};
use records::bounds::{MAIL_BYTES_MAX, MAILS_WAITING_MAX};
use records::{Listing, Outbox, Page, PutError, Queued, StoreError, Versioned};
use sqlx::SqliteConnection;
use vocabulary::{MailId, Timestamp};

impl TryFrom<DocumentRow> for Versioned<Mail> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("mails", |mail: &Mail| mail.id)
    }
}

#[async_trait]
impl Outbox for SqliteRecords {
    async fn queue_mail(&self, mail: &Mail) -> Result<Queued, StoreError> {
        let during = "queueing a mail";
        let document = encode("a mail", mail, MAIL_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        if version(&mut writing, mail.id, during).await?.is_some() {
            return Ok(Queued::Known);
        }
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE due IS NOT NULL")
            .fetch_one(&mut *writing)
            .await
            .map_err(failed(during))?;
        let waiting = usize::try_from(waiting).unwrap_or(usize::MAX).saturating_add(1);
        StoreError::check_size("the queue of mails", waiting, MAILS_WAITING_MAX)?;
        write(&mut writing, mail, 1, &document, during).await?;
        commit(writing, during).await?;
        Ok(Queued::New)
    }

    async fn mail(&self, id: MailId) -> Result<Option<Versioned<Mail>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM mails WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a mail"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn due_mails(&self, now: Timestamp, limit: u32) -> Result<Vec<Versioned<Mail>>, StoreError> {
        let rows: Vec<DocumentRow> = sqlx::query_as(
            "SELECT ordinal, id, version, document FROM mails WHERE due <= ? ORDER BY due, ordinal LIMIT ?",
        )
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .fetch_all(self.readers())
        .await
        .map_err(failed("reading the mails that are due"))?;
        rows.into_iter().map(Versioned::try_from).collect()
    }

    async fn put_mail(&self, mail: &Mail, expected: u64) -> Result<u64, PutError> {
        let during = "keeping a mail";
        let document = encode("a mail", mail, MAIL_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let found = version(&mut writing, mail.id, during).await?;
        if found.is_none() {
            return Err(PutError::Conflict { expected, found: 0 });
        }
        let version = next_version("mails", &mail.id.to_string(), found, expected)?;
        write(&mut writing, mail, version, &document, during).await?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn list_mails(&self, only_dead: bool, page: Page) -> Result<Listing<Versioned<Mail>>, StoreError> {
        let all = "SELECT ordinal, id, version, document FROM mails WHERE ordinal < ? ORDER BY ordinal DESC LIMIT ?";
        let dead = "SELECT ordinal, id, version, document FROM mails WHERE dead = 1 AND ordinal < ?
             ORDER BY ordinal DESC LIMIT ?";
        let rows: Vec<DocumentRow> = sqlx::query_as(if only_dead { dead } else { all })
            .bind(below(page))
            .bind(rows_for(page))
            .fetch_all(self.readers())
            .await
            .map_err(failed("listing the mails"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }
}

async fn version(
    writing: &mut SqliteConnection,
    id: MailId,
    during: &'static str,
) -> Result<Option<i64>, StoreError> {
    let found = sqlx::query_scalar("SELECT version FROM mails WHERE id = ?").bind(id.to_string());
    found.fetch_optional(writing).await.map_err(failed(during))
}

async fn write(
    writing: &mut SqliteConnection,
    mail: &Mail,
    version: u64,
    document: &str,
    during: &'static str,
) -> Result<(), StoreError> {
    let over = match &mail.state {
        MailState::Waiting { .. } => None,
        MailState::Sent { at, .. } | MailState::Dead { at, .. } | MailState::Settled { at, .. } => {
            Some(at.as_millis())
        }
    };
    sqlx::query(
        "INSERT INTO mails (id, version, due, over, dead, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET version = ?2, due = ?3, over = ?4, dead = ?5, document = ?6",
    )
    .bind(mail.id.to_string())
    .bind(integer(version))
    .bind(mail.due().map(|due| due.as_millis()))
    .bind(over)
    .bind(matches!(mail.state, MailState::Dead { .. }))
    .bind(document)
    .execute(writing)
    .await
    .map_err(failed(during))?;
    Ok(())
}
