//! SQLite's errors in the port's words.

use records::{Effect, StoreError};
use sqlx::Error;

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>).
pub(crate) mod code {
    pub(crate) const BUSY: u32 = 5;
    pub(crate) const LOCKED: u32 = 6;
    pub(crate) const CORRUPT: u32 = 11;
    pub(crate) const FULL: u32 = 13;
    pub(crate) const NOTADB: u32 = 26;
}

/// The primary code of an error that SQLite gave; its extended codes are in the higher bits.
pub(crate) fn primary_code(error: &Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// For a read, or a statement inside a transaction that is then rolled back: nothing was changed.
pub(crate) fn failed(during: &'static str) -> impl Fn(Error) -> StoreError + Copy {
    move |error| translate(error, during, Effect::None)
}

/// For a commit: what cannot be told apart may have happened.
pub(crate) fn commit_failed(during: &'static str) -> impl Fn(Error) -> StoreError + Copy {
    move |error| translate(error, during, Effect::Unknown)
}

fn translate(error: Error, during: &'static str, effect: Effect) -> StoreError {
    match primary_code(&error) {
        Some(code::BUSY | code::LOCKED) => return StoreError::Busy { during },
        Some(code::FULL) => return StoreError::Full { during },
        Some(code::CORRUPT | code::NOTADB) => {
            return StoreError::Damaged {
                table: "(the database file)",
                id: "(unknown)".to_owned(),
                reason: error.to_string(),
            };
        }
        _ => {}
    }
    if matches!(error, Error::PoolTimedOut) {
        return StoreError::Busy { during };
    }
    StoreError::Unavailable { during, detail: error.to_string(), effect }
}
