//! The duty of carrying letters away.

use async_trait::async_trait;
use post::{Failure, Letter, Mail};
use vocabulary::Timestamp;

/// Hands letters to a mail server.
///
/// Contract: `Ok` says that the server took the letter, with its own words; it does not say that it arrived. A
/// failure says whether a later try may succeed. A try whose answer was lost may have succeeded, so a letter can
/// go twice; both copies bear the mail's id, by which mail programs show one. Calls may run at the same time; each
/// ends within a minute.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Carries one letter; `now` is the date it bears.
    async fn carry(&self, mail: &Mail, letter: &Letter, now: Timestamp) -> Result<String, Failure>;

    /// Where letters go, for people.
    fn place(&self) -> String;
}
