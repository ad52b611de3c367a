//! The repositories in SQLite; the only door to sqlx.
//!
//! Owns one database file, its schema (`migrations/`), its lock, its backups. Knows SQL and JSON, and
//! nothing of what the records mean.
//!
//! Invariants:
//! - One process has the file open (an advisory lock beside it), and one connection writes: writes happen
//!   one after another, each in a transaction that is on disk when it returns (WAL, `synchronous=FULL`).
//! - Leaves, evidence, readings, documents and revisions are held by triggers: no statement changes or
//!   removes one, whoever sends it.
//! - The file and its companions are readable by their owner only.
//! - A database that is damaged, foreign or of a newer schema is refused before anything is written.

mod authorities;
mod cases;
mod documents;
mod error;
mod evidence;
mod host_names;
mod idempotency;
mod integrity;
mod log;
mod open;
mod outbox;
mod purges;
mod report_keys;
mod reports;
mod restore;
mod rows;
mod sessions;
mod sites;
mod subscriptions;
mod upkeep;

pub use open::{OpenError, SqliteRecords};
pub use restore::{RestoreError, restore};
