//! Repository ports for everything the control plane keeps, with their contract suite.
//!
//! Owns the duties of storage as object-safe traits, the errors they may give, and the bounds of what
//! is kept. Knows no database, no HTTP, no clock: instants come in with each call.
//!
//! Contract of every method, unless its own text says otherwise:
//! - **Durability**: when a write returns `Ok`, it is on disk and survives the death of the process and
//!   of the machine. A write is whole or absent, never half.
//! - **Reads** see every write that returned before they began.
//! - **Absence** is `None` or an empty list, never an error.
//! - **Concurrency**: any number of callers; writes happen one after another. A lost race is an error of
//!   the operation (`Conflict`, `Behind`, …), and nothing was changed.
//! - **Cancellation**: a dropped write future may or may not have had its effect, as with
//!   [`Effect::Unknown`].
//! - **Bounds**: what is over its bound in [`bounds`] is [`StoreError::TooLarge`], and nothing was changed.
//! - **Retries**: [`StoreError::effect`] says whether a failed write may have happened. Every write is
//!   safe to repeat: it is guarded by a version, a size, a key, or by being write-once.
//!
//! With feature `testing`: [`memory::Memory`], a fake that can fail with and without effect, and
//! `contract_suite!`, the one suite that every adapter runs.

mod authorities;
pub mod bounds;
mod cases;
mod decisions;
mod documents;
mod error;
mod evidence;
mod host_names;
mod idempotency;
mod log;
mod outbox;
mod page;
mod purges;
mod reports;
mod sessions;
mod sites;
mod subscriptions;
mod upkeep;

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "its clauses are tests, and their names their docs"
)]
pub mod contract;
#[cfg(any(test, feature = "testing"))]
pub mod memory;

pub use authorities::{Directory, Orders};
pub use cases::Cases;
pub use decisions::{DecisionFilter, Decisions};
pub use documents::{Document, DocumentName, Documents};
pub use error::{BackupError, Effect, PutError, StoreError, WriteOnceError};
pub use evidence::{Evidence, EvidenceSummary, EvidenceVault, Reading};
pub use host_names::{AccountToken, AccountTokens, HostClaims};
pub use idempotency::{Answer, Claim, Idempotency};
pub use log::{
    AppendError, Epoch, Head, LeafRead, Log, NewLeaf, PublishError, SubjectHead, check_append,
    check_publication, checkpoint_body, checkpoint_size,
};
pub use outbox::{Outbox, Queued};
pub use page::{Cursor, Listing, Page, Versioned};
pub use purges::{KeptPurge, PurgeOrder, Purges};
pub use reports::{Filed, ReportDesk, ReportKeys};
pub use sessions::{Session, Sessions};
pub use sites::{Account, ApplyError, Change, Fleet, RevisionNote, RevisionSummary, Sites};
pub use subscriptions::Subscriptions;
pub use upkeep::Upkeep;

/// Everything the control plane keeps, as one value: `Arc<dyn Records>`.
///
/// A part that needs one duty should ask for that duty alone, say `&dyn Log`: an `Arc<dyn Records>`
/// becomes an `Arc<dyn Log>` by itself (trait upcasting).
pub trait Records:
    Sites
    + Cases
    + Decisions
    + EvidenceVault
    + Log
    + Documents
    + Purges
    + ReportDesk
    + ReportKeys
    + HostClaims
    + AccountTokens
    + Outbox
    + Subscriptions
    + Directory
    + Orders
    + Sessions
    + Idempotency
    + Upkeep
{
}

impl<T> Records for T where
    T: Sites
        + Cases
        + Decisions
        + EvidenceVault
        + Log
        + Documents
        + Purges
        + ReportDesk
        + ReportKeys
        + HostClaims
        + AccountTokens
        + Outbox
        + Subscriptions
        + Directory
        + Orders
        + Sessions
        + Idempotency
        + Upkeep
{
}
