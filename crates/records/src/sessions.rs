//! Console sessions and one-time setup tokens, known by the hashes of their secrets only.

use crate::StoreError;
use async_trait::async_trait;
use vocabulary::{Digest, Timestamp};

/// A session of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of the secret in the cookie; the secret itself is never kept.
    pub token_hash: Digest,
    /// Who it is for, as the caller names actors.
    pub actor: String,
    /// When it was opened.
    pub opened: Timestamp,
    /// When it ends by itself.
    pub expires: Timestamp,
}

/// Keeps sessions and setup tokens.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Opens a session; one of the same hash is replaced.
    async fn open_session(&self, session: &Session) -> Result<(), StoreError>;

    /// The session with this hash; `None` when there is none or it has ended by `now`.
    async fn session(&self, token_hash: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError>;

    /// Ends a session; harmless when there is none.
    async fn close_session(&self, token_hash: &Digest) -> Result<(), StoreError>;

    /// Makes a setup token good until `expires`, in place of all earlier ones.
    async fn offer_setup(&self, token_hash: &Digest, expires: Timestamp) -> Result<(), StoreError>;

    /// Uses a setup token up and opens the session, in one transaction. `false`, and no session, when
    /// there is no such token, it was used, or it has expired by `session.opened`.
    async fn redeem_setup(&self, token_hash: &Digest, session: &Session) -> Result<bool, StoreError>;
}
