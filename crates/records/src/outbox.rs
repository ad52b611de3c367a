//! The queue of outgoing mail.

use crate::{Listing, Page, PutError, StoreError, Versioned};
use async_trait::async_trait;
use post::Mail;
use vocabulary::{MailId, Timestamp};

/// What became of a mail that was put into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It is in the queue now.
    New,
    /// It was there before, waiting, sent or dead; nothing was changed.
    Known,
}

/// Keeps outgoing mails. With [`MAILS_WAITING_MAX`](crate::bounds::MAILS_WAITING_MAX) others waiting, a new one is
/// [`StoreError::TooLarge`]. [`Upkeep::sweep`](crate::Upkeep::sweep) removes those that were sent or given up
/// [`MAIL_KEPT`](crate::bounds::MAIL_KEPT) ago.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Puts a mail into the queue. One whose id is known changes nothing.
    async fn queue_mail(&self, mail: &Mail) -> Result<Queued, StoreError>;

    /// One mail.
    async fn mail(&self, id: MailId) -> Result<Option<Versioned<Mail>>, StoreError>;

    /// Mails whose next try is due, the one that waits longest first.
    async fn due_mails(&self, now: Timestamp, limit: u32) -> Result<Vec<Versioned<Mail>>, StoreError>;

    /// Keeps a changed mail if `expected` is its present version; returns the new version.
    async fn put_mail(&self, mail: &Mail, expected: u64) -> Result<u64, PutError>;

    /// Mails, last queued first: those that were given up, or all.
    async fn list_mails(&self, only_dead: bool, page: Page) -> Result<Listing<Versioned<Mail>>, StoreError>;
}
