//! Cases and decisions in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{DocumentRow, below, count, encode, integer, listing, rows_for};
use async_trait::async_trait;
use casework::{Case, Decision};
use records::bounds::{CASE_BYTES_MAX, DECISION_BYTES_MAX};
use records::{Cases, DecisionFilter, Decisions, Listing, Page, PutError, StoreError, Versioned};
use vocabulary::{CaseId, DecisionId};

impl TryFrom<DocumentRow> for Versioned<Case> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("cases", |case: &Case| case.id)
    }
}

impl TryFrom<DocumentRow> for Versioned<Decision> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("decisions", |decision: &Decision| decision.id)
    }
}

#[async_trait]
impl Cases for SqliteRecords {
    async fn case(&self, id: CaseId) -> Result<Option<Versioned<Case>>, StoreError> {
        let row: Option<DocumentRow> = sqlx::query_as("SELECT * FROM cases WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(failed("reading a case"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn put_case(&self, case: &Case, expected: u64) -> Result<u64, PutError> {
        let during = "keeping a case";
        let document = encode("a case", case, CASE_BYTES_MAX)?;
        let id = case.id.to_string();
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM cases WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("cases", &id, found, expected)?;
        sqlx::query(
            "INSERT INTO cases (id, version, document) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET version = ?2, document = ?3",
        )
        .bind(&id)
        .bind(integer(version))
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn list_cases(&self, page: Page) -> Result<Listing<Versioned<Case>>, StoreError> {
        let rows: Vec<DocumentRow> =
            sqlx::query_as("SELECT * FROM cases WHERE ordinal < ? ORDER BY ordinal DESC LIMIT ?")
                .bind(below(page))
                .bind(rows_for(page))
                .fetch_all(self.readers())
                .await
                .map_err(failed("listing the cases"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }
}

#[async_trait]
impl Decisions for SqliteRecords {
    async fn decision(&self, id: DecisionId) -> Result<Option<Versioned<Decision>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT ordinal, id, version, document FROM decisions WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a decision"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn put_decision(&self, decision: &Decision, expected: u64) -> Result<u64, PutError> {
        let during = "keeping a decision";
        let document = encode("a decision", decision, DECISION_BYTES_MAX)?;
        let id = decision.id.to_string();
        let mut writing = self.begin(during).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT version FROM decisions WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *writing)
            .await
            .map_err(failed(during))?;
        let version = next_version("decisions", &id, found, expected)?;
        sqlx::query(
            "INSERT INTO decisions (id, case_id, state, version, document) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET case_id = ?2, state = ?3, version = ?4, document = ?5",
        )
        .bind(&id)
        .bind(decision.case.to_string())
        .bind(decision.state.name())
        .bind(integer(version))
        .bind(&document)
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(version)
    }

    async fn list_decisions(
        &self,
        filter: &DecisionFilter,
        page: Page,
    ) -> Result<Listing<Versioned<Decision>>, StoreError> {
        let any_state = "SELECT ordinal, id, version, document FROM decisions
             WHERE ?1 = '[]' AND (?2 IS NULL OR case_id = ?2) AND ordinal < ?3 ORDER BY ordinal DESC LIMIT ?4";
        let some_states = "SELECT ordinal, id, version, document FROM decisions
             WHERE state IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR case_id = ?2) AND ordinal < ?3
             ORDER BY ordinal DESC LIMIT ?4";
        let states = encode("a filter", &filter.states, CASE_BYTES_MAX)?;
        let rows: Vec<DocumentRow> =
            sqlx::query_as(if filter.states.is_empty() { any_state } else { some_states })
                .bind(states)
                .bind(filter.case.map(|case| case.to_string()))
                .bind(below(page))
                .bind(rows_for(page))
                .fetch_all(self.readers())
                .await
                .map_err(failed("listing the decisions"))?;
        listing(rows, page, |row| row.ordinal, Versioned::try_from)
    }
}

/// The version after `expected`, if that is the one found.
pub(crate) fn next_version(
    table: &'static str,
    id: &str,
    found: Option<i64>,
    expected: u64,
) -> Result<u64, PutError> {
    let found = count(table, id, found.unwrap_or(0))?;
    if found == expected { Ok(expected + 1) } else { Err(PutError::Conflict { expected, found }) }
}
