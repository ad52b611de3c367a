//! Claims to host names and the tokens of accounts in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{damaged, decode, digest, encode, id, instant};
use async_trait::async_trait;
use ownership::Claim;
use records::bounds::{ACCOUNT_TOKENS_MAX, HOST_CLAIM_BYTES_MAX, NAME_BYTES_MAX};
use records::{AccountToken, AccountTokens, HostClaims, StoreError};
use vocabulary::{AccountId, Digest};

#[derive(sqlx::FromRow)]
struct ClaimRow {
    pattern: String,
    account: String,
    document: String,
}

impl TryFrom<ClaimRow> for Claim {
    type Error = StoreError;

    fn try_from(row: ClaimRow) -> Result<Self, StoreError> {
        let claim: Self = decode("host_claims", &row.pattern, &row.document)?;
        if claim.pattern().to_string() != row.pattern || claim.account().to_string() != row.account {
            return Err(damaged("host_claims", &row.pattern, "its document is that of another claim"));
        }
        Ok(claim)
    }
}

#[async_trait]
impl HostClaims for SqliteRecords {
    async fn host_claims(&self) -> Result<Vec<Claim>, StoreError> {
        let rows: Vec<ClaimRow> =
            sqlx::query_as("SELECT pattern, account, document FROM host_claims ORDER BY pattern, account")
                .fetch_all(self.readers())
                .await
                .map_err(failed("reading claims to host names"))?;
        rows.into_iter().map(Claim::try_from).collect()
    }

    async fn put_host_claims(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let during = "keeping claims to host names";
        let mut writing = self.begin(during).await?;
        for claim in claims {
            let (pattern, account) = (claim.pattern().to_string(), claim.account().to_string());
            let query = match claim.is_over() {
                true => sqlx::query("DELETE FROM host_claims WHERE pattern = ? AND account = ?")
                    .bind(pattern)
                    .bind(account),
                false => sqlx::query(
                    "INSERT INTO host_claims (pattern, account, document) VALUES (?, ?, ?)
                     ON CONFLICT (pattern, account) DO UPDATE SET document = excluded.document",
                )
                .bind(pattern)
                .bind(account)
                .bind(encode("a claim", claim, HOST_CLAIM_BYTES_MAX)?),
            };
            query.execute(&mut *writing).await.map_err(failed(during))?;
        }
        commit(writing, during).await
    }
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    account: String,
    name: String,
    hash: Vec<u8>,
    made: i64,
}

impl TryFrom<TokenRow> for AccountToken {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        Ok(Self {
            account: id("account_tokens", &row.account)?,
            // The hash stands for a secret: an error must not name it.
            hash: digest("account_tokens", &row.name, &row.hash)?,
            name: row.name,
            made: instant(row.made),
        })
    }
}

#[async_trait]
impl AccountTokens for SqliteRecords {
    async fn put_account_token(&self, token: &AccountToken) -> Result<(), StoreError> {
        let during = "keeping an account's token";
        StoreError::check_size("a token's name", token.name.len(), NAME_BYTES_MAX)?;
        let mut writing = self.begin(during).await?;
        let others: i64 =
            sqlx::query_scalar("SELECT count(*) FROM account_tokens WHERE account = ? AND name <> ?")
                .bind(token.account.to_string())
                .bind(&token.name)
                .fetch_one(&mut *writing)
                .await
                .map_err(failed(during))?;
        let count = usize::try_from(others).unwrap_or(usize::MAX).saturating_add(1);
        StoreError::check_size("an account's tokens", count, ACCOUNT_TOKENS_MAX)?;
        sqlx::query(
            "INSERT INTO account_tokens (account, name, hash, made) VALUES (?, ?, ?, ?)
             ON CONFLICT (account, name) DO UPDATE SET hash = excluded.hash, made = excluded.made",
        )
        .bind(token.account.to_string())
        .bind(&token.name)
        .bind(token.hash.as_bytes().as_slice())
        .bind(token.made.as_millis())
        .execute(&mut *writing)
        .await
        .map_err(failed(during))?;
        commit(writing, during).await
    }

    async fn account_token(&self, hash: &Digest) -> Result<Option<AccountToken>, StoreError> {
        let row: Option<TokenRow> =
            sqlx::query_as("SELECT account, name, hash, made FROM account_tokens WHERE hash = ?")
                .bind(hash.as_bytes().as_slice())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading an account's token"))?;
        row.map(AccountToken::try_from).transpose()
    }

    async fn account_tokens(&self, account: AccountId) -> Result<Vec<AccountToken>, StoreError> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT account, name, hash, made FROM account_tokens WHERE account = ? ORDER BY name",
        )
        .bind(account.to_string())
        .fetch_all(self.readers())
        .await
        .map_err(failed("reading an account's tokens"))?;
        rows.into_iter().map(AccountToken::try_from).collect()
    }

    async fn end_account_token(&self, account: AccountId, name: &str) -> Result<bool, StoreError> {
        let during = "ending an account's token";
        let mut writing = self.begin(during).await?;
        let done = sqlx::query("DELETE FROM account_tokens WHERE account = ? AND name = ?")
            .bind(account.to_string())
            .bind(name)
            .execute(&mut *writing)
            .await
            .map_err(failed(during))?;
        commit(writing, during).await?;
        Ok(done.rows_affected() > 0)
    }
}
