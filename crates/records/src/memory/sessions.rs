//! Sessions, setup tokens, idempotency keys and upkeep in memory.

use super::Memory;
use crate::bounds::{ANSWER_BYTES_MAX, IDEMPOTENCY_KEYS_MAX, NAME_BYTES_MAX, SESSIONS_MAX};
use crate::{Answer, BackupError, Claim, Idempotency, Session, Sessions, StoreError, Upkeep};
use async_trait::async_trait;
use std::path::Path;
use vocabulary::{Digest, Timestamp};

#[derive(Default)]
pub(super) struct SessionShelf {
    sessions: Vec<Session>,
    setup: Option<(Digest, Timestamp)>,
    claims: Vec<Held>,
}

struct Held {
    key: String,
    request: Digest,
    expires: Timestamp,
    answer: Option<Answer>,
}

impl SessionShelf {
    fn open(&mut self, session: &Session) {
        self.sessions.retain(|held| held.token_hash != session.token_hash);
        self.sessions.push(session.clone());
        let surplus = self.sessions.len().saturating_sub(SESSIONS_MAX as usize);
        self.sessions.drain(..surplus);
    }
}

#[async_trait]
impl Sessions for Memory {
    async fn open_session(&self, session: &Session) -> Result<(), StoreError> {
        self.act("opening a session", |state| {
            StoreError::check_size("an actor's name", session.actor.len(), NAME_BYTES_MAX)?;
            state.sessions.open(session);
            Ok(())
        })
    }

    async fn session(&self, token_hash: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError> {
        self.act("reading a session", |state| {
            let found = state.sessions.sessions.iter().find(|held| held.token_hash == *token_hash);
            Ok(found.filter(|session| session.expires > now).cloned())
        })
    }

    async fn close_session(&self, token_hash: &Digest) -> Result<(), StoreError> {
        self.act("closing a session", |state| {
            state.sessions.sessions.retain(|held| held.token_hash != *token_hash);
            Ok(())
        })
    }

    async fn offer_setup(&self, token_hash: &Digest, expires: Timestamp) -> Result<(), StoreError> {
        self.act("offering a setup token", |state| {
            state.sessions.setup = Some((*token_hash, expires));
            Ok(())
        })
    }

    async fn redeem_setup(&self, token_hash: &Digest, session: &Session) -> Result<bool, StoreError> {
        self.act("redeeming a setup token", |state| {
            StoreError::check_size("an actor's name", session.actor.len(), NAME_BYTES_MAX)?;
            let shelf = &mut state.sessions;
            let good =
                shelf.setup.is_some_and(|(hash, expires)| hash == *token_hash && expires > session.opened);
            if good {
                shelf.setup = None;
                shelf.open(session);
            }
            Ok(good)
        })
    }
}

#[async_trait]
impl Idempotency for Memory {
    async fn claim(
        &self,
        key: &str,
        request: &Digest,
        now: Timestamp,
        hold_until: Timestamp,
    ) -> Result<Claim, StoreError> {
        self.act("claiming an idempotency key", |state| {
            StoreError::check_size("an idempotency key", key.len(), NAME_BYTES_MAX)?;
            let claims = &mut state.sessions.claims;
            if let Some(held) = claims.iter().find(|held| held.key == key && held.expires > now) {
                return Ok(match &held.answer {
                    _ if held.request != *request => Claim::Different,
                    Some(answer) => Claim::Answered(answer.clone()),
                    None => Claim::Running,
                });
            }
            claims.retain(|held| held.key != key);
            claims.push(Held { key: key.to_owned(), request: *request, expires: hold_until, answer: None });
            let surplus = claims.len().saturating_sub(IDEMPOTENCY_KEYS_MAX as usize);
            claims.drain(..surplus);
            Ok(Claim::Fresh)
        })
    }

    async fn settle(
        &self,
        key: &str,
        request: &Digest,
        answer: &Answer,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.act("keeping an answer", |state| {
            StoreError::check_size("an answer", answer.body.len(), ANSWER_BYTES_MAX)?;
            StoreError::check_size("a media type", answer.media_type.len(), NAME_BYTES_MAX)?;
            let mut claims = state.sessions.claims.iter_mut();
            let running =
                |held: &&mut Held| held.key == key && held.request == *request && held.answer.is_none();
            if let Some(held) = claims.find(running) {
                held.answer = Some(answer.clone());
                held.expires = keep_until;
            }
            Ok(())
        })
    }

    async fn release(&self, key: &str, request: &Digest) -> Result<(), StoreError> {
        self.act("releasing an idempotency key", |state| {
            let running = |held: &Held| held.key == key && held.request == *request && held.answer.is_none();
            state.sessions.claims.retain(|held| !running(held));
            Ok(())
        })
    }
}

#[async_trait]
impl Upkeep for Memory {
    async fn ready(&self) -> Result<(), StoreError> {
        self.act("checking the store", |_| Ok(()))
    }

    async fn backup(&self, _to: &Path) -> Result<u64, BackupError> {
        self.act("backing up", |_| Err(BackupError::Unsupported))
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.act("sweeping out what has ended", |state| {
            let shelf = &mut state.sessions;
            let before = shelf.sessions.len() + shelf.claims.len() + usize::from(shelf.setup.is_some());
            shelf.sessions.retain(|session| session.expires > now);
            shelf.claims.retain(|held| held.expires > now);
            shelf.setup = shelf.setup.filter(|(_, expires)| *expires > now);
            let after = shelf.sessions.len() + shelf.claims.len() + usize::from(shelf.setup.is_some());
            let mails = state.mails.sweep(now);
            Ok((before - after) as u64 + mails)
        })
    }
}
