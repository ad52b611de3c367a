//! A witness (C2SP tlog-witness): cosigns a checkpoint only if it extends the last one it cosigned.
//!
//! A pure state machine: the caller holds the latest head per log, hands it in, stores the new one and
//! only then takes the answer out of [`Staged`]. Reading the head and storing the new one must be one
//! atomic step per log; else a slower request could roll the witness back.

mod answer;

pub use answer::{Declined, read_answer};

use crate::base64_text;
use crate::checkpoint::{Checkpoint, cosign, signed_by_log};
use crate::key::{Algorithm, KeyError, SignerKey, VerifierKey};
use crate::merkle::{empty_root, verify_consistency};
use crate::note::{Note, NoteSignature};
use serde::{Deserialize, Serialize};
use std::fmt;
use vocabulary::{Digest, Timestamp};

/// tlog-witness: no more consistency proof lines.
const PROOF_LINES_MAX: usize = 63;

/// The largest tree of a log that the witness has cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Digest,
}

/// The body of a request to `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size that the client believes the witness has.
    pub old_size: u64,
    /// Consistency proof from there (RFC 6962 §2.1.2).
    pub proof: Vec<Digest>,
    /// The new checkpoint, signed by its log.
    pub checkpoint: Note,
}

/// A witness with its key and the logs it knows.
#[derive(Debug)]
pub struct Witness {
    key: SignerKey,
    logs: Vec<VerifierKey>,
}

/// A checkpoint that passed. Store [`Staged::head`] for [`Staged::origin`] durably, then call
/// [`Staged::stored`]: an answer must not leave before its state is safe.
#[derive(Debug)]
#[must_use]
pub struct Staged {
    origin: String,
    head: Head,
    cosignature: NoteSignature,
}

/// Why a checkpoint is not cosigned; [`Refused::status`] is the HTTP status to answer with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Not a request.
    #[error("not an add-checkpoint request: {0}")]
    Malformed(&'static str),
    /// A log that this witness does not know.
    #[error("this witness does not know the log {0:?}")]
    UnknownLog(String),
    /// No valid signature by the log.
    #[error("no key of the log signed this checkpoint")]
    Unsigned,
    /// The client does not know the witness's state; the answer's body is that size and a newline.
    #[error("the last cosigned size is {size}")]
    OtherSize {
        /// Size that the witness has.
        size: u64,
    },
    /// Another tree of the same size: the log shows two faces.
    #[error("another tree of {size} leaves was cosigned before")]
    OtherRoot {
        /// Size of both trees.
        size: u64,
    },
    /// The proof does not hold.
    #[error("the consistency proof does not hold")]
    Inconsistent,
}

impl Refused {
    /// The HTTP status that tlog-witness gives this refusal.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unsigned => 403,
            Self::UnknownLog(_) => 404,
            Self::OtherSize { .. } | Self::OtherRoot { .. } => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl Refused {
    /// A stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnknownLog(_) => "unknown-log",
            Self::Unsigned => "unsigned",
            Self::OtherSize { .. } => "other-size",
            Self::OtherRoot { .. } => "other-root",
            Self::Inconsistent => "inconsistent",
        }
    }
}

impl Default for Head {
    /// The head of a log never cosigned.
    fn default() -> Self {
        Self { size: 0, root: empty_root() }
    }
}

impl Witness {
    /// A witness for the logs whose keys these are.
    pub fn new(key: SignerKey, logs: Vec<VerifierKey>) -> Result<Self, KeyError> {
        if key.algorithm() != Algorithm::CosignatureV1 {
            return Err(KeyError::Algorithm(key.algorithm() as u8));
        }
        Ok(Self { key, logs })
    }

    /// Puts other logs in place of those known so far.
    pub fn know(&mut self, logs: Vec<VerifierKey>) {
        self.logs = logs;
    }

    /// The key to list in policies.
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }

    /// Judges a request; `latest` is the stored head of the log that [`AddCheckpoint::origin`] names
    /// ([`Head::default`] if there is none).
    pub fn add_checkpoint(
        &self,
        request: &AddCheckpoint,
        latest: Head,
        now: Timestamp,
    ) -> Result<Staged, Refused> {
        let note = &request.checkpoint;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| Refused::Malformed("no checkpoint"))?;
        self.check_signed(&checkpoint.origin, note)?;
        if request.old_size > checkpoint.size {
            return Err(Refused::Malformed("the old size is larger than the checkpoint's"));
        }
        if request.old_size != latest.size {
            return Err(Refused::OtherSize { size: latest.size });
        }
        if request.old_size == checkpoint.size && checkpoint.root != latest.root {
            return Err(Refused::OtherRoot { size: latest.size });
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        let extends = match latest.size {
            0 => request.proof.is_empty(),
            _ => verify_consistency(latest.size, &latest.root, size, &root, &request.proof).is_ok(),
        };
        if !extends {
            return Err(Refused::Inconsistent);
        }
        let cosignature = cosign(note.text(), &self.key, now);
        Ok(Staged { origin: checkpoint.origin, head: Head { size, root }, cosignature })
    }

    fn check_signed(&self, origin: &str, note: &Note) -> Result<(), Refused> {
        let mut keys = self.logs.iter().filter(|key| key.name() == origin).peekable();
        if keys.peek().is_none() {
            return Err(Refused::UnknownLog(origin.chars().take(80).collect()));
        }
        let signed =
            |key: &VerifierKey| note.signatures().iter().any(|line| signed_by_log(note.text(), line, key));
        if keys.any(signed) { Ok(()) } else { Err(Refused::Unsigned) }
    }
}

impl Staged {
    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What to store before answering.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The cosignature, once the head is stored. Its line and a newline are the answer's body.
    pub fn stored(self) -> NoteSignature {
        self.cosignature
    }
}

impl AddCheckpoint {
    /// Reads a request body.
    pub fn parse(body: &str) -> Result<Self, Refused> {
        let refuse = Refused::Malformed;
        let (head, checkpoint) = body.split_once("\n\n").ok_or(refuse("no empty line"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(base64_text::decimal);
        let old_size = old_size.ok_or(refuse("the first line must be \"old N\""))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_LINES_MAX {
                return Err(refuse("at most 63 consistency proof lines are allowed"));
            }
            let hash = base64_text::decode_hash(line);
            proof.push(hash.ok_or(refuse("a consistency proof line is not a hash"))?);
        }
        let checkpoint =
            Note::parse(checkpoint).map_err(|_| refuse("the checkpoint is not a signed note"))?;
        Ok(Self { old_size, proof, checkpoint })
    }

    /// Origin of the log; none if there is no checkpoint inside.
    pub fn origin(&self) -> Option<String> {
        Checkpoint::parse(self.checkpoint.text()).ok().map(|checkpoint| checkpoint.origin)
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{}", base64_text::encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests;
