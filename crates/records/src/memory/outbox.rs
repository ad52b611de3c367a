//! Outgoing mail in memory.

use super::{Memory, page_of};
use crate::bounds::{MAIL_BYTES_MAX, MAIL_KEPT, MAILS_WAITING_MAX};
use crate::{Listing, Outbox, Page, PutError, Queued, StoreError, Versioned};
use async_trait::async_trait;
use post::{Mail, MailState};
use vocabulary::{MailId, Timestamp};

#[derive(Default)]
pub(super) struct MailShelf(Vec<(u64, Versioned<Mail>)>);

impl MailShelf {
    /// Removes what was sent or given up long ago; gives how many.
    pub(super) fn sweep(&mut self, now: Timestamp) -> u64 {
        let before = self.0.len();
        self.0.retain(|(_, held)| match &held.value.state {
            MailState::Sent { at, .. } | MailState::Dead { at, .. } | MailState::Settled { at, .. } => {
                at.plus(MAIL_KEPT) > now
            }
            MailState::Waiting { .. } => true,
        });
        (before - self.0.len()) as u64
    }
}

fn check(mail: &Mail) -> Result<(), StoreError> {
    StoreError::check_size("a mail", serde_json::to_vec(mail).map_or(0, |json| json.len()), MAIL_BYTES_MAX)
}

#[async_trait]
impl Outbox for Memory {
    async fn queue_mail(&self, mail: &Mail) -> Result<Queued, StoreError> {
        self.act("queueing a mail", |state| {
            check(mail)?;
            let mails = &mut state.mails.0;
            if mails.iter().any(|(_, held)| held.value.id == mail.id) {
                return Ok(Queued::Known);
            }
            let waiting = mails.iter().filter(|(_, held)| held.value.due().is_some()).count();
            StoreError::check_size("the queue of mails", waiting + 1, MAILS_WAITING_MAX)?;
            let ordinal = mails.last().map_or(1, |(ordinal, _)| ordinal + 1);
            mails.push((ordinal, Versioned { version: 1, value: mail.clone() }));
            Ok(Queued::New)
        })
    }

    async fn mail(&self, id: MailId) -> Result<Option<Versioned<Mail>>, StoreError> {
        self.act("reading a mail", |state| {
            Ok(state.mails.0.iter().find(|(_, held)| held.value.id == id).map(|(_, held)| held.clone()))
        })
    }

    async fn due_mails(&self, now: Timestamp, limit: u32) -> Result<Vec<Versioned<Mail>>, StoreError> {
        self.act("reading the mails that are due", |state| {
            let held = state.mails.0.iter().map(|(_, held)| held);
            let mut due: Vec<_> =
                held.filter(|held| held.value.due().is_some_and(|due| due <= now)).collect();
            due.sort_by_key(|held| held.value.due());
            Ok(due.into_iter().take(limit as usize).cloned().collect())
        })
    }

    async fn put_mail(&self, mail: &Mail, expected: u64) -> Result<u64, PutError> {
        self.act("keeping a mail", |state| {
            check(mail)?;
            let held = state.mails.0.iter_mut().find(|(_, held)| held.value.id == mail.id);
            let found = held.as_ref().map_or(0, |(_, held)| held.version);
            match held {
                Some((_, held)) if found == expected => {
                    *held = Versioned { version: expected + 1, value: mail.clone() };
                    Ok(expected + 1)
                }
                _ => Err(PutError::Conflict { expected, found }),
            }
        })
    }

    async fn list_mails(&self, only_dead: bool, page: Page) -> Result<Listing<Versioned<Mail>>, StoreError> {
        self.act("listing the mails", |state| {
            let wanted = |held: &Versioned<Mail>| !only_dead || held.value.state.name() == "dead";
            let mails = state.mails.0.iter().filter(|(_, held)| wanted(held));
            Ok(page_of(mails.cloned().collect::<Vec<_>>().into_iter(), page))
        })
    }
}
