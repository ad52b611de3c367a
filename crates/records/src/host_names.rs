//! Customers' claims to host names, and the tokens they make them with.

use crate::StoreError;
use async_trait::async_trait;
use ownership::Claim;
use vocabulary::{AccountId, Digest, Timestamp};

/// Keeps claims to host names, one for each name and account.
///
/// One process writes them: it plans a change on all that is kept, so a write here is the claim's next state and not
/// guarded by a version. Repeating it is harmless.
#[async_trait]
pub trait HostClaims: Send + Sync + 'static {
    /// Every claim, by name and account.
    async fn host_claims(&self) -> Result<Vec<Claim>, StoreError>;

    /// Puts claims in one transaction, each in place of the earlier one of its name and account; those that are over
    /// are forgotten.
    async fn put_host_claims(&self, claims: &[Claim]) -> Result<(), StoreError>;
}

/// What a customer's programs show. The secret itself is never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    /// Whose it is.
    pub account: AccountId,
    /// What the account calls it; one token for each name.
    pub name: String,
    /// The hash of its text.
    pub hash: Digest,
    /// When it was made.
    pub made: Timestamp,
}

/// Keeps the tokens of accounts.
#[async_trait]
pub trait AccountTokens: Send + Sync + 'static {
    /// Keeps a token in place of the account's earlier one of that name. With
    /// [`ACCOUNT_TOKENS_MAX`](crate::bounds::ACCOUNT_TOKENS_MAX) others of the account it is
    /// [`StoreError::TooLarge`].
    async fn put_account_token(&self, token: &AccountToken) -> Result<(), StoreError>;

    /// The token with this hash.
    async fn account_token(&self, hash: &Digest) -> Result<Option<AccountToken>, StoreError>;

    /// An account's tokens, by name.
    async fn account_tokens(&self, account: AccountId) -> Result<Vec<AccountToken>, StoreError>;

    /// Ends a token; `false` where there is none of that name.
    async fn end_account_token(&self, account: AccountId, name: &str) -> Result<bool, StoreError>;
}
