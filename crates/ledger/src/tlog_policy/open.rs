//! Judging a checkpoint by a policy.

use super::TlogPolicy;
use crate::checkpoint::{Checkpoint, cosigned_at, signed_by_log};
use crate::key::{Algorithm, VerifierKey};
use crate::note::Note;
use vocabulary::Timestamp;

/// A checkpoint that a log of the policy signed, with the cosignatures that verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    checkpoint: Checkpoint,
    log: VerifierKey,
    cosignatures: Vec<Cosignature>,
    /// Name of the first signature line by a key that the policy does not know.
    foreign: Option<String>,
}

/// One valid cosignature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    /// Place of the witness in the policy.
    pub witness: usize,
    /// When it cosigned, to the second.
    pub time: Timestamp,
}

/// Which cosignatures a quorum is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// Whether the operator's own witnesses count.
    pub count_own: bool,
    /// Cosignatures before this do not count.
    pub not_before: Timestamp,
    /// Cosignatures after this do not count.
    pub not_after: Timestamp,
}

/// Why a note is no checkpoint of this policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text is no checkpoint.
    #[error("the signed text is not a checkpoint")]
    Checkpoint,
    /// No log of the policy has this origin.
    #[error("the log {0:?} is not in the policy")]
    UnknownLog(String),
    /// No valid signature by the log.
    #[error("the log {0:?} did not sign this checkpoint")]
    Unsigned(String),
    /// A line by a known key whose signature does not verify: the whole note is refused
    /// (signed-note, "Signatures").
    #[error("the signature of {0:?} does not verify")]
    Signature(String),
    /// Two lines by one key.
    #[error("{0:?} signed twice")]
    Twice(String),
}

impl TlogPolicy {
    /// Checks the log's signature and every line by a key of the policy.
    ///
    /// Lines by unknown keys are passed over, as signed-note wants; [`Opened::foreign`] names one.
    pub fn open(&self, note: &Note) -> Result<Opened, OpenError> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(|_| OpenError::Checkpoint)?;
        let unknown = || OpenError::UnknownLog(checkpoint.origin.clone());
        let log = self.logs.iter().find(|log| log.key.name() == checkpoint.origin).ok_or_else(unknown)?;
        let mut opened = Opened {
            checkpoint: checkpoint.clone(),
            log: log.key.clone(),
            cosignatures: Vec::new(),
            foreign: None,
        };
        let mut signed = false;
        for line in note.signatures() {
            if line.claims(&log.key) {
                if !signed_by_log(note.text(), line, &log.key) {
                    return Err(OpenError::Signature(line.name().to_owned()));
                }
                if std::mem::replace(&mut signed, true) {
                    return Err(OpenError::Twice(line.name().to_owned()));
                }
                continue;
            }
            match self.cosignature(note.text(), line)? {
                Some(found) if opened.cosignatures.iter().any(|other| other.witness == found.witness) => {
                    return Err(OpenError::Twice(line.name().to_owned()));
                }
                Some(found) => opened.cosignatures.push(found),
                None => opened.foreign = opened.foreign.or_else(|| Some(line.name().to_owned())),
            }
        }
        if signed { Ok(opened) } else { Err(OpenError::Unsigned(checkpoint.origin)) }
    }

    /// The witness behind a line; none if the policy does not know it. ML-DSA-44 lines are taken for
    /// unknown: this version cannot verify them.
    fn cosignature(
        &self,
        text: &str,
        line: &crate::note::NoteSignature,
    ) -> Result<Option<Cosignature>, OpenError> {
        let claimed = |key: &VerifierKey| key.algorithm() != Algorithm::MlDsa44 && line.claims(key);
        let Some(witness) = self.witnesses.iter().position(|witness| claimed(&witness.key)) else {
            return Ok(None);
        };
        let time = cosigned_at(text, line, &self.witnesses[witness].key);
        let time = time.ok_or_else(|| OpenError::Signature(line.name().to_owned()))?;
        Ok(Some(Cosignature { witness, time }))
    }

    /// Whether the cosignatures that `rule` lets count satisfy the quorum. `quorum none` is always
    /// satisfied; see [`TlogPolicy::asks_for_witnesses`].
    pub fn satisfies(&self, opened: &Opened, rule: Quorum) -> bool {
        let signed = |place: usize| {
            let counts = |cosignature: &Cosignature| {
                cosignature.witness == place
                    && (rule.not_before..=rule.not_after).contains(&cosignature.time)
                    && (rule.count_own || !self.is_own(&self.witnesses[place]))
            };
            opened.cosignatures.iter().any(counts)
        };
        self.quorum.is_none_or(|member| self.satisfied(member, &signed))
    }
}

impl Opened {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Key of the log that signed it.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// The cosignatures that verify, one per witness.
    pub fn cosignatures(&self) -> &[Cosignature] {
        &self.cosignatures
    }

    /// Name on the first line by a key that the policy does not know, if there is one.
    pub fn foreign(&self) -> Option<&str> {
        self.foreign.as_deref()
    }
}

impl Quorum {
    /// All cosignatures at any time.
    pub fn at_any_time(count_own: bool) -> Self {
        let (not_before, not_after) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        Self { count_own, not_before, not_after }
    }
}
