//! Rows as SQLite gives them, and how each becomes a value: a row that cannot is named by table and id.

use records::{StoreError, Versioned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use vocabulary::{Digest, Timestamp};

/// The error of a stored record that cannot be understood.
pub(crate) fn damaged(table: &'static str, id: impl ToString, reason: impl ToString) -> StoreError {
    StoreError::Damaged { table, id: id.to_string(), reason: reason.to_string() }
}

/// A document under a version, as cases, decisions and sites lie in their tables.
#[derive(sqlx::FromRow)]
pub(crate) struct DocumentRow {
    pub(crate) ordinal: i64,
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) document: String,
}

impl DocumentRow {
    /// The value, if it is one and names the row's own id.
    pub(crate) fn decode<T: DeserializeOwned, I: ToString>(
        self,
        table: &'static str,
        id_of: impl FnOnce(&T) -> I,
    ) -> Result<Versioned<T>, StoreError> {
        let value = decode(table, &self.id, &self.document)?;
        let own = id_of(&value).to_string();
        if own != self.id {
            return Err(damaged(table, &self.id, format_args!("its document is that of {own}")));
        }
        Ok(Versioned { version: count(table, &self.id, self.version)?, value })
    }
}

/// A value from its JSON.
pub(crate) fn decode<T: DeserializeOwned>(
    table: &'static str,
    id: &str,
    json: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| damaged(table, id, error))
}

/// A value's JSON, within its bound.
pub(crate) fn encode<T: Serialize>(
    what: &'static str,
    value: &T,
    limit: usize,
) -> Result<String, StoreError> {
    let json = serde_json::to_string(value).map_err(|error| StoreError::Unavailable {
        during: "encoding a record",
        detail: format!("{what} has no JSON form: {error}"),
        effect: records::Effect::None,
    })?;
    StoreError::check_size(what, json.len(), limit)?;
    Ok(json)
}

/// A count, size or version from its column.
pub(crate) fn count(table: &'static str, id: impl ToString, stored: i64) -> Result<u64, StoreError> {
    u64::try_from(stored).map_err(|_| damaged(table, id, format_args!("{stored} is below zero")))
}

/// A count for a column; SQLite's integers end at 2^63-1, which nothing here reaches.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A digest from its column.
pub(crate) fn digest(table: &'static str, id: impl ToString, stored: &[u8]) -> Result<Digest, StoreError> {
    let bytes: [u8; 32] = stored
        .try_into()
        .map_err(|_| damaged(table, id, format_args!("a digest of {} bytes", stored.len())))?;
    Ok(Digest::from_bytes(bytes))
}

/// An id from its column.
pub(crate) fn id<I: std::str::FromStr>(table: &'static str, stored: &str) -> Result<I, StoreError>
where
    I::Err: ToString,
{
    stored.parse().map_err(|error: I::Err| damaged(table, stored, error))
}

/// An instant from its column.
pub(crate) fn instant(stored: i64) -> Timestamp {
    Timestamp::from_millis(stored)
}

/// The cursor of a page for `ordinal < ?`; without one, everything is below it.
pub(crate) fn below(page: records::Page) -> i64 {
    page.after.map_or(i64::MAX, |after| integer(after.0))
}

/// Makes a page of rows read with one row more than asked for.
pub(crate) fn listing<R, T>(
    mut rows: Vec<R>,
    page: records::Page,
    ordinal: impl Fn(&R) -> i64,
    mut decode: impl FnMut(R) -> Result<T, StoreError>,
) -> Result<records::Listing<T>, StoreError> {
    let limit = page.bounded_limit() as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().map(ordinal).and_then(|ordinal| u64::try_from(ordinal).ok());
    let items = rows.into_iter().map(&mut decode).collect::<Result<_, _>>()?;
    Ok(records::Listing { items, next: last.filter(|_| more).map(records::Cursor) })
}

/// The number of rows to read for a page: one more than it holds, to know whether there is a next.
pub(crate) fn rows_for(page: records::Page) -> i64 {
    i64::from(page.bounded_limit()) + 1
}
