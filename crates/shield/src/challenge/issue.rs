//! An issued challenge, and its solution.
//!
//! A token is 29 bytes and an HMAC over them and over whom it was issued to: version, kind, difficulty,
//! attempt, epoch, instant, nonce. The client carries it; what it is bound to is not in it.

use super::Client;
use super::guard::SolvedOnce;
use super::keys::Keyring;
use crate::rules::ChallengeKind;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vocabulary::{Random, Timestamp};

/// A solution later than this is none, in seconds.
pub const SOLVE_SECONDS_MAX: i64 = 300;
/// How long a waiting challenge takes, in seconds.
const WAIT_SECONDS: i64 = 3;
/// The most bits of work.
pub const DIFFICULTY_MAX: u8 = 24;
/// Edges' clocks may differ by so much, in seconds.
const SKEW_SECONDS: i64 = 30;

const VERSION: u8 = 1;
const BODY: usize = 28;
const TAG: usize = 32;
/// A token as text.
pub const TOKEN_CHARS: usize = (BODY + TAG) * 4 / 3;

/// What is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// How the visitor is challenged.
    pub kind: ChallengeKind,
    /// Leading zero bits of the hash, for work.
    pub difficulty: u8,
    /// Challenges that this visitor was given before, as far as it was told.
    pub attempt: u8,
}

/// A challenge as handed to a visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The token, in base64url.
    pub token: String,
    /// How long to wait before it may be handed back, in seconds.
    pub wait_seconds: i64,
}

/// A solution that is right, and may have been used before: only [`Issue::verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    id: u64,
    /// In seconds since 1970.
    issued: i64,
    solved: Solved,
}

impl Verified {
    /// Uses the solution up.
    pub fn once(self, used: &mut SolvedOnce, now: Timestamp) -> Result<Solved, IssueError> {
        used.take(self.id, self.issued, now).map(|()| self.solved)
    }
}

/// A challenge that was solved: only [`Verified::once`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Solved {
    kind: ChallengeKind,
    attempt: u8,
}

impl Solved {
    /// How the visitor was challenged.
    pub fn kind(&self) -> ChallengeKind {
        self.kind
    }

    /// Which attempt it was, from 0.
    pub fn attempt(&self) -> u8 {
        self.attempt
    }
}

/// Why a solution is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The text is no token.
    #[error("no token")]
    Malformed,
    /// Its epoch is over, or was never.
    #[error("a token of another epoch")]
    Epoch,
    /// It was not issued by us, not to this client, or it was changed.
    #[error("a token that was not issued to this client")]
    Forged,
    /// It came before it could have been solved.
    #[error("too early")]
    Early,
    /// It came too late.
    #[error("too late")]
    Late,
    /// The work was not done.
    #[error("the work was not done")]
    Unsolved,
    /// It was used before.
    #[error("used before")]
    Used,
    /// It was issued before it was kept in mind what is used.
    #[error("issued before the start")]
    Before,
}

impl Issue {
    /// Issues a challenge to a client.
    pub fn offer(self, keys: &Keyring, client: &Client<'_>, random: &dyn Random, now: Timestamp) -> Offered {
        let present = keys.present();
        let mut bytes = [0; BODY + TAG];
        bytes[0] = VERSION;
        bytes[1] = self.kind as u8;
        bytes[2] = self.difficulty.min(DIFFICULTY_MAX);
        bytes[3] = self.attempt;
        bytes[4..8].copy_from_slice(&present.epoch.to_be_bytes());
        bytes[8..12].copy_from_slice(&u32::try_from(now.as_secs()).unwrap_or(u32::MAX).to_be_bytes());
        random.fill(&mut bytes[12..BODY]);
        let tag = seal(&present.issue, &bytes[..BODY], client);
        bytes[BODY..].copy_from_slice(tag.as_ref());
        let wait_seconds = if self.kind == ChallengeKind::Wait { WAIT_SECONDS } else { 0 };
        Offered { token: URL_SAFE_NO_PAD.encode(bytes), wait_seconds }
    }

    /// Checks a solution: one HMAC, one hash. `answer` is the number that the work has found; it is not
    /// looked at for other kinds. What is used once is held by nobody meanwhile.
    pub fn verify(
        token: &str,
        answer: u64,
        keys: &Keyring,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<Verified, IssueError> {
        let bytes = decoded(token).ok_or(IssueError::Malformed)?;
        let (body, tag) = bytes.split_at(BODY);
        let word = |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        let kind = kind_of(body[1]).filter(|_| body[0] == VERSION).ok_or(IssueError::Malformed)?;
        let epoch = keys.of(word(4)).ok_or(IssueError::Epoch)?;
        verify(&epoch.issue, body, client, tag)?;
        let issued = i64::from(word(8));
        let age = now.as_secs() - issued;
        let wait = if kind == ChallengeKind::Wait { WAIT_SECONDS } else { -SKEW_SECONDS };
        if age < wait {
            return Err(IssueError::Early);
        }
        if age > SOLVE_SECONDS_MAX {
            return Err(IssueError::Late);
        }
        if kind == ChallengeKind::Work && !is_worked(tag, answer, body[2]) {
            return Err(IssueError::Unsolved);
        }
        let id = u64::from_be_bytes([tag[0], tag[1], tag[2], tag[3], tag[4], tag[5], tag[6], tag[7]]);
        Ok(Verified { id, issued, solved: Solved { kind, attempt: body[3] } })
    }

    /// Which attempt a token was issued for, whether or not it was solved, and however long ago, as far as its
    /// epoch is known; `None` for what was not issued to this client. One HMAC; the token is not used up.
    pub fn attempt_of(token: &str, keys: &Keyring, client: &Client<'_>) -> Option<u8> {
        let bytes = decoded(token)?;
        let (body, tag) = bytes.split_at(BODY);
        let word = |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        let epoch = keys.of(word(4))?;
        verify(&epoch.issue, body, client, tag).ok()?;
        (body[0] == VERSION).then_some(body[3])
    }

    /// Finds the answer of a work challenge, as a browser would: for tests and the attack catalogue.
    /// About two to the difficulty hashes; `None` for what is no token.
    pub fn work(token: &str) -> Option<u64> {
        let bytes = decoded(token)?;
        (0..u64::MAX).find(|answer| is_worked(&bytes[BODY..], *answer, bytes[2].min(DIFFICULTY_MAX)))
    }
}

fn decoded(token: &str) -> Option<[u8; BODY + TAG]> {
    if token.len() != TOKEN_CHARS {
        return None;
    }
    let mut bytes = [0; BODY + TAG];
    let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
    (length == bytes.len()).then_some(bytes)
}

fn kind_of(number: u8) -> Option<ChallengeKind> {
    [ChallengeKind::Silent, ChallengeKind::Wait, ChallengeKind::Work]
        .into_iter()
        .find(|kind| *kind as u8 == number)
}

/// The HMAC over a body and whom it was issued to, each part with its length.
fn context(key: &hmac::Key, body: &[u8], client: &Client<'_>) -> hmac::Context {
    let mut context = hmac::Context::with_key(key);
    context.update(body);
    let address = client.prefix.address().to_string();
    for part in [client.site, address.as_bytes(), client.user_agent] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context
}

fn seal(key: &hmac::Key, body: &[u8], client: &Client<'_>) -> hmac::Tag {
    context(key, body, client).sign()
}

fn verify(key: &hmac::Key, body: &[u8], client: &Client<'_>, tag: &[u8]) -> Result<(), IssueError> {
    let own = seal(key, body, client);
    aws_lc_rs::constant_time::verify_slices_are_equal(own.as_ref(), tag).map_err(|_| IssueError::Forged)
}

/// Whether SHA-256 over the tag and the answer (eight bytes, big endian) begins with so many zero bits.
fn is_worked(tag: &[u8], answer: u64, difficulty: u8) -> bool {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(tag);
    hash.update(&answer.to_be_bytes());
    let hash = hash.finish();
    let mut zeros = 0;
    for byte in hash.as_ref() {
        zeros += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    zeros >= u32::from(difficulty)
}
