//! A mail in the queue: waiting for its next try, sent, or dead; dead ones are queued again or settled by people.

#[cfg(test)]
mod tests;

use crate::{Letter, MailAddress};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{Digest, Hasher, MailId, Timestamp};

const MINUTE: u64 = 60;
/// Waits between tries. Short at first for servers that turn strangers away for some minutes (greylisting),
/// then as RFC 5321 §4.5.4.1 advises; the last one is for all that follow.
const DELAYS: [u64; 7] =
    [MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE];
/// How long a mail is tried before it is given up (RFC 5321 §4.5.4.1: at least 4 to 5 days).
pub const GIVEN_UP_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * MINUTE);
/// Longest answer of a mail server that is kept, in characters.
const SAID_CHARS_MAX: usize = 300;

/// Shortest wait from the begin of a try to the next one: longer than any try lasts.
const LEASE_MIN: Duration = Duration::from_secs(15 * MINUTE);

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Tells a customer about a decision on its sites.
    CustomerNotice,
    /// Takes a referral to an authority.
    Referral,
    /// Forwards items to a customer (M0).
    Forward,
    /// Asks whether somebody wants a subscription of the public record.
    SubscriptionRequest,
    /// Tells a subscriber what is new in the public record.
    Subscription,
}

impl Purpose {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CustomerNotice => "customer-notice",
            Self::Referral => "referral",
            Self::Forward => "forward",
            Self::SubscriptionRequest => "subscription-request",
            Self::Subscription => "subscription",
        }
    }
}

/// One mail to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Which mail; the same matter always gives the same id.
    pub id: MailId,
    /// What it is for.
    pub purpose: Purpose,
    /// What it is about, as an id.
    pub about: String,
    /// To whom it goes.
    pub to: MailAddress,
    /// Since when it is in the queue.
    pub queued_at: Timestamp,
    /// How far it is.
    pub state: MailState,
}

/// How far a mail is; each state holds what is known in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum MailState {
    /// It is to be tried.
    Waiting {
        /// What it says.
        letter: Letter,
        /// How often it was tried.
        tries: u32,
        /// When it is tried next.
        next_at: Timestamp,
        /// What was said to the last try.
        said: Option<String>,
    },
    /// A mail server has taken it. That is no proof that anybody read it.
    Sent {
        /// Of what it said.
        letter: Digest,
        /// How often it was tried.
        tries: u32,
        /// When it was taken.
        at: Timestamp,
        /// What the mail server said.
        said: String,
    },
    /// Given up; somebody must tell the addressee in another way.
    Dead {
        /// What it says.
        letter: Letter,
        /// How often it was tried.
        tries: u32,
        /// When it was given up.
        at: Timestamp,
        /// What was said to the last try.
        said: String,
    },
    /// Given up, and the addressee was told in another way.
    Settled {
        /// Of what it said.
        letter: Digest,
        /// How often it was tried.
        tries: u32,
        /// When somebody said so.
        at: Timestamp,
        /// Who.
        by: String,
        /// How the addressee was told.
        how: String,
    },
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// A later try may succeed: no connection, a timeout, an answer 4yz.
    Later(String),
    /// No try ever will: an answer 5yz.
    Never(String),
}

/// The mail does not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mail that is {is} cannot be {wanted}")]
pub struct MailRefusal {
    is: &'static str,
    wanted: &'static str,
}

/// How long to wait after so many tries.
pub fn delay(tries: u32) -> Duration {
    let place = usize::try_from(tries).unwrap_or(usize::MAX).saturating_sub(1).min(DELAYS.len() - 1);
    Duration::from_secs(DELAYS[place])
}

impl Mail {
    /// The id of the mail for a matter: writing about it twice is one mail.
    pub fn id_of(purpose: Purpose, about: &str, to: &MailAddress) -> MailId {
        let digest = Hasher::domain("wardmote-mail")
            .part(purpose.name().as_bytes())
            .part(&[0])
            .part(about.as_bytes())
            .part(&[0])
            .part(to.as_str().as_bytes())
            .finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        MailId::from_bytes(bytes)
    }

    /// A mail to be sent at once. `about` names the matter; the same matter, purpose and addressee is the same
    /// mail.
    pub fn queued(purpose: Purpose, about: impl Into<String>, letter: Letter, now: Timestamp) -> Self {
        let (about, to) = (about.into(), letter.to().clone());
        let state = MailState::Waiting { letter, tries: 0, next_at: now, said: None };
        Self { id: Self::id_of(purpose, &about, &to), purpose, about, to, queued_at: now, state }
    }

    /// A try begins: kept before anything goes out, so that what is not known of its end is not tried at once again,
    /// and no try is forgotten.
    pub fn begin_try(self, now: Timestamp) -> Result<Self, MailRefusal> {
        match self.state {
            MailState::Waiting { letter, tries, said, .. } => {
                let tries = tries + 1;
                let next_at = now.plus(delay(tries).max(LEASE_MIN));
                Ok(Self { state: MailState::Waiting { letter, tries, next_at, said }, ..self })
            }
            _ => Err(self.refuse("tried")),
        }
    }

    /// A mail server took it, in the try that was begun.
    pub fn sent(self, said: &str, at: Timestamp) -> Result<Self, MailRefusal> {
        match self.state {
            MailState::Waiting { letter, tries, .. } => {
                let state = MailState::Sent { letter: letter.digest(), tries, at, said: short(said) };
                Ok(Self { state, ..self })
            }
            _ => Err(self.refuse("sent")),
        }
    }

    /// The try that was begun failed: it waits for the next one, or is given up.
    pub fn failed(self, failure: &Failure, at: Timestamp) -> Result<Self, MailRefusal> {
        let MailState::Waiting { letter, tries, .. } = self.state else {
            return Err(self.refuse("tried"));
        };
        let state = match failure {
            Failure::Later(said) if at < self.queued_at.plus(GIVEN_UP_AFTER) => {
                let next_at = at.plus(delay(tries));
                MailState::Waiting { letter, tries, next_at, said: Some(short(said)) }
            }
            Failure::Later(said) | Failure::Never(said) => {
                MailState::Dead { letter, tries, at, said: short(said) }
            }
        };
        Ok(Self { state, ..self })
    }

    /// Puts a mail that was given up back into the queue.
    pub fn again(self, now: Timestamp) -> Result<Self, MailRefusal> {
        match self.state {
            MailState::Dead { letter, said, .. } => {
                let state = MailState::Waiting { letter, tries: 0, next_at: now, said: Some(said) };
                Ok(Self { state, queued_at: now, ..self })
            }
            _ => Err(self.refuse("queued again")),
        }
    }

    /// The addressee of a mail that was given up was told in another way.
    pub fn settle(self, by: &str, how: &str, at: Timestamp) -> Result<Self, MailRefusal> {
        match self.state {
            MailState::Dead { letter, tries, .. } => {
                let (by, how) = (short(by), short(how));
                let state = MailState::Settled { letter: letter.digest(), tries, at, by, how };
                Ok(Self { state, ..self })
            }
            _ => Err(self.refuse("settled")),
        }
    }

    /// What it says, unless that is done with.
    pub fn letter(&self) -> Option<&Letter> {
        match &self.state {
            MailState::Waiting { letter, .. } | MailState::Dead { letter, .. } => Some(letter),
            MailState::Sent { .. } | MailState::Settled { .. } => None,
        }
    }

    /// When it is to be tried, if it waits.
    pub fn due(&self) -> Option<Timestamp> {
        match &self.state {
            MailState::Waiting { next_at, .. } => Some(*next_at),
            MailState::Sent { .. } | MailState::Dead { .. } | MailState::Settled { .. } => None,
        }
    }

    fn refuse(&self, wanted: &'static str) -> MailRefusal {
        MailRefusal { is: self.state.name(), wanted }
    }
}

impl MailState {
    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Sent { .. } => "sent",
            Self::Dead { .. } => "dead",
            Self::Settled { .. } => "settled",
        }
    }
}

/// What a mail server said, as one bounded line.
fn short(said: &str) -> String {
    said.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(SAID_CHARS_MAX).collect()
}
