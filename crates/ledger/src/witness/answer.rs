//! The client's half of tlog-witness: what an answer to `add-checkpoint` means.

use super::AddCheckpoint;
use crate::base64_text;
use crate::checkpoint::{Checkpoint, cosigned_at};
use crate::key::VerifierKey;
use crate::note::{NOTE_SIGNATURES_MAX, NoteSignature};

/// Why a witness gave no cosignature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Declined {
    /// It last cosigned another size than the request began from; ask again from there.
    #[error("it last cosigned {size} entries")]
    OtherSize {
        /// That size.
        size: u64,
    },
    /// It cosigned another tree of the very same size.
    #[error("it cosigned another tree of the same size")]
    OtherRoot,
    /// The tree does not extend the one it cosigned (422).
    #[error("the tree does not extend the one it cosigned")]
    Inconsistent,
    /// It does not know this log (404), or not its key (403).
    #[error("it answered {0}: it does not know this log's key")]
    Unknown(u16),
    /// Any other status.
    #[error("it answered {0}")]
    Status(u16),
    /// An answer that is none of tlog-witness.
    #[error("its answer cannot be used: {0}")]
    Unreadable(&'static str),
    /// No answer.
    #[error("no answer: {0}")]
    Silent(String),
}

impl Declined {
    /// Whether what the witness says contradicts the log itself, rather than being its own trouble.
    pub fn contradicts(&self, log_size: u64) -> bool {
        match self {
            Self::OtherSize { size } => *size > log_size,
            Self::OtherRoot | Self::Inconsistent => true,
            _ => false,
        }
    }
}

/// Reads the answer to a request; a cosignature counts only if it verifies for `key`.
pub fn read_answer(
    status: u16,
    body: &str,
    asked: &AddCheckpoint,
    key: &VerifierKey,
) -> Result<NoteSignature, Declined> {
    match status {
        200 => cosignature(body, asked, key),
        403 | 404 => Err(Declined::Unknown(status)),
        409 => {
            let size = body.strip_suffix('\n').and_then(base64_text::decimal);
            let size = size.ok_or(Declined::Unreadable("a conflict names the last size"))?;
            let newest = Checkpoint::parse(asked.checkpoint.text()).map(|head| head.size);
            // The same size on both sides leaves nothing but the root to conflict about.
            let same = size == asked.old_size && newest == Ok(size);
            Err(if same { Declined::OtherRoot } else { Declined::OtherSize { size } })
        }
        422 => Err(Declined::Inconsistent),
        other => Err(Declined::Status(other)),
    }
}

fn cosignature(body: &str, asked: &AddCheckpoint, key: &VerifierKey) -> Result<NoteSignature, Declined> {
    let lines = body.strip_suffix('\n').ok_or(Declined::Unreadable("no line"))?;
    let read = lines.split('\n').take(NOTE_SIGNATURES_MAX).map(NoteSignature::parse);
    let ours =
        read.filter_map(Result::ok).find(|line| cosigned_at(asked.checkpoint.text(), line, key).is_some());
    ours.ok_or(Declined::Unreadable("no cosignature by its key"))
}
