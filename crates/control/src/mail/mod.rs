//! Outgoing mail at work: what goes into the queue, and the queue's way to the mail server.
//!
//! Owns the guard in front of the queue and the alarms about letters that do not go. What is said in a letter is
//! the business of those who queue it. Sending has a task of its own, so that no lease waits for a mail server.

mod carrying;
mod referrals;

pub(crate) use carrying::carry_out;
pub(crate) use referrals::mailed_about;

use crate::plane::Plane;
use post::Mail;
use records::{Queued, StoreError};
use smtp::Carrier;
use std::sync::Arc;
use tokio::sync::Notify;

/// A letter that holds text from the vault of reports.
const HELD_BACK: &str = "mail-held-back";

/// What became of a mail that was to go into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queuing {
    /// It is in the queue now.
    New,
    /// It was there before, waiting, sent, dead or settled.
    Known,
    /// It repeats words from the vault and stays here, under an alarm.
    HeldBack,
}

/// The way out.
#[derive(Default)]
pub(crate) struct Post {
    /// Takes letters; none where no mail server is set.
    pub(crate) carrier: Option<Arc<dyn Carrier>>,
    /// Wakes the task that sends.
    pub(crate) wake: Notify,
}

impl Plane {
    /// Puts a mail into the queue, unless it was there before. One that repeats words from the vault is held back
    /// under an alarm: whoever wrote them must write others.
    pub(crate) async fn queue_mail(&self, mail: &Mail) -> Result<Queuing, StoreError> {
        if self.records.mail(mail.id).await?.is_some() {
            return Ok(Queuing::Known);
        }
        let Some(letter) = mail.letter() else { return Ok(Queuing::Known) };
        if self.intake.check(&format!("{}\n{}", letter.subject(), letter.body())).is_err() {
            let text = format!(
                "a {} letter to {} repeats words or a name from a report and was not sent; tell them in words of \
                 your own",
                mail.purpose.name(),
                mail.to
            );
            self.alarms.raise(HELD_BACK, &mail.about, text, self.clock.now());
            return Ok(Queuing::HeldBack);
        }
        let queued = self.records.queue_mail(mail).await?;
        self.post.wake.notify_one();
        Ok(match queued {
            Queued::New => Queuing::New,
            Queued::Known => Queuing::Known,
        })
    }
}
