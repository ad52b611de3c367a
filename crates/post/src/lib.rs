//! Outgoing mail: addresses, letters in plain text, and the states of a mail: waiting → sent, or dead →
//! settled; and of a subscription: asked → mailed → confirmed.
//!
//! Owns what a letter may hold, when a mail is tried again and when it is given up, and when somebody who asked for
//! letters gets them. Knows no socket, no store, no cipher and not what letters are about.
//!
//! Invariants: an address and a letter are well formed, so that neither can add a field to a message or a
//! command to a conversation; a mail is tried a bounded number of times; one that was sent holds its letter's
//! digest and no longer its words.

mod address;
mod letter;
mod mail;
mod subscription;

pub use address::{MailAddress, MailAddressError};
pub use letter::{BODY_BYTES_MAX, Letter, LetterError, SUBJECT_CHARS_MAX};
pub use mail::{Failure, GIVEN_UP_AFTER, Mail, MailRefusal, MailState, Purpose, delay};
pub use subscription::{
    LINK_OPEN, SealedAddress, Stage, Subscription, SubscriptionRefusal, SubscriptionState, UNREACHED_MAX,
};
