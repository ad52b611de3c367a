//! Challenges: what is issued, what counts as solved, what a solver may carry, and which step comes next.
//!
//! Owns the tokens and the ladder. Must not know pages or cookies' attributes. Nothing is kept for a
//! visitor that was challenged: a token says all, sealed under keys that are derived for each epoch; the
//! only state is a table of fixed size that makes a solution count once.
//!
//! Invariants: checking a token costs at most one HMAC and one hash, before anything else is done with
//! it; a token or cookie that was changed in any byte is refused; no input panics.

mod clearance;
mod guard;
mod issue;
mod keys;
mod ladder;
mod seen;
#[cfg(test)]
mod tests;

pub use clearance::{CLEARANCE_BYTES_MAX, CLEARANCE_SECONDS_MAX, Clearance, ClearanceError};
pub use guard::SolvedOnce;
pub use issue::{
    DIFFICULTY_MAX, Issue, IssueError, Offered, SOLVE_SECONDS_MAX, Solved, TOKEN_CHARS, Verified,
};
pub use keys::{ChallengeSecret, ChallengeSecrets, EPOCH_SECONDS, Keyring};
pub use ladder::{ATTEMPTS_MAX, Step, Visit};
pub use seen::{SEEN_CHARS, has_seen, seen};

use crate::budgets::Prefix;

/// Who is challenged: what tokens are bound to.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The site, by a name that stays the same.
    pub site: &'a [u8],
    /// The network.
    pub prefix: Prefix,
    /// The TLS fingerprint.
    pub tls: Option<&'a str>,
    /// The user agent.
    pub user_agent: &'a [u8],
}
