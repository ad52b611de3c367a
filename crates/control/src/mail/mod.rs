//! Outgoing mail at work: what goes into the queue, and the queue's way to the mail server.
//!
//! Owns the guard in front of the queue and the alarms about letters that do not go. What is said in a letter is
//! the business of those who queue it. Sending has a task of its own, so that no lease waits for a mail server.

mod carrying;

pub(crate) use carrying::carry_out;

use crate::plane::Plane;
use post::Mail;
use records::{Queued, StoreError};
use smtp::Carrier;
use std::sync::Arc;
use tokio::sync::Notify;

/// A letter that holds text from the vault of reports.
const HELD_BACK: &str = "mail-held-back";

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
    pub(crate) async fn queue_mail(&self, mail: &Mail) -> Result<Queued, StoreError> {
        if self.records.mail(mail.id).await?.is_some() {
            return Ok(Queued::Known);
        }
        let Some(letter) = mail.letter() else { return Ok(Queued::Known) };
        if self.intake.check(&format!("{}\n{}", letter.subject(), letter.body())).is_err() {
            let text = format!(
                "a {} letter to {} repeats words or a name from a report and was not sent; tell them in words of \
                 your own",
                mail.purpose.name(),
                mail.to
            );
            self.alarms.raise(HELD_BACK, &mail.about, text, self.clock.now());
            return Ok(Queued::Known);
        }
        let queued = self.records.queue_mail(mail).await?;
        self.post.wake.notify_one();
        Ok(queued)
    }
}
