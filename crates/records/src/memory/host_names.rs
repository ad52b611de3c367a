//! Claims and tokens in memory.

use super::Memory;
use crate::bounds::{ACCOUNT_TOKENS_MAX, HOST_CLAIM_BYTES_MAX, NAME_BYTES_MAX};
use crate::{AccountToken, AccountTokens, HostClaims, StoreError};
use async_trait::async_trait;
use ownership::Claim;
use std::collections::BTreeMap;
use vocabulary::{AccountId, Digest, SitePattern};

#[derive(Default)]
pub(super) struct HostNameShelf {
    claims: BTreeMap<(SitePattern, AccountId), Claim>,
    tokens: BTreeMap<(AccountId, String), AccountToken>,
}

#[async_trait]
impl HostClaims for Memory {
    async fn host_claims(&self) -> Result<Vec<Claim>, StoreError> {
        self.act("reading claims to host names", |state| {
            Ok(state.host_names.claims.values().cloned().collect())
        })
    }

    async fn put_host_claims(&self, claims: &[Claim]) -> Result<(), StoreError> {
        self.act("keeping claims to host names", |state| {
            for claim in claims {
                let length = serde_json::to_vec(claim).map_or(0, |json| json.len());
                StoreError::check_size("a claim", length, HOST_CLAIM_BYTES_MAX)?;
            }
            for claim in claims {
                let key = (claim.pattern().clone(), claim.account());
                match claim.is_over() {
                    true => drop(state.host_names.claims.remove(&key)),
                    false => drop(state.host_names.claims.insert(key, claim.clone())),
                }
            }
            Ok(())
        })
    }
}

#[async_trait]
impl AccountTokens for Memory {
    async fn put_account_token(&self, token: &AccountToken) -> Result<(), StoreError> {
        self.act("keeping an account's token", |state| {
            StoreError::check_size("a token's name", token.name.len(), NAME_BYTES_MAX)?;
            let tokens = &mut state.host_names.tokens;
            let others = tokens.keys().filter(|(whose, name)| *whose == token.account && *name != token.name);
            StoreError::check_size("an account's tokens", others.count() + 1, ACCOUNT_TOKENS_MAX)?;
            tokens.insert((token.account, token.name.clone()), token.clone());
            Ok(())
        })
    }

    async fn account_token(&self, hash: &Digest) -> Result<Option<AccountToken>, StoreError> {
        self.act("reading an account's token", |state| {
            Ok(state.host_names.tokens.values().find(|token| token.hash == *hash).cloned())
        })
    }

    async fn account_tokens(&self, account: AccountId) -> Result<Vec<AccountToken>, StoreError> {
        self.act("reading an account's tokens", |state| {
            let own = state.host_names.tokens.values().filter(|token| token.account == account);
            Ok(own.cloned().collect())
        })
    }

    async fn end_account_token(&self, account: AccountId, name: &str) -> Result<bool, StoreError> {
        self.act("ending an account's token", |state| {
            Ok(state.host_names.tokens.remove(&(account, name.to_owned())).is_some())
        })
    }
}
