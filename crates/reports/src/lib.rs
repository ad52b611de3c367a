//! What comes in from people and machines about a site: reading it, telling equals apart, keeping it in.
//!
//! Owns the readers of XARF v4, ARF (RFC 5965) and the web form, the receipt code, canonical forms and clusters of
//! what says the same, the states of a report and an allegation, and the guard on everything that goes out. Pure:
//! time, randomness and keys come in. Must not know storage, HTTP, nor how a vault seals.
//!
//! Invariants:
//! - what identifies a reporter or a person at risk, and every word they wrote, is a [`Secret`]: it has no `Display`,
//!   no `Serialize`, and its `Debug` shows nothing;
//! - a [`Report`] holds such text only sealed; beside it stand what steers the work and keyed fingerprints;
//! - a reader never panics, never allocates more than its input allows, and refuses with one stable name;
//! - how many reports there are is shown only to who holds [`RatingsSealed`].

mod allegation;
pub mod arf;
pub mod canonical;
mod code;
pub mod form;
pub mod guard;
pub mod mime;
mod report;
mod secret;
mod similarity;
mod standing;
mod submission;
mod tries;
pub mod xarf;

pub use allegation::{Allegation, AllegationRefusal, RatingsSealed, Signal, SignalKind, Urgency, Volume};
pub use code::{CODE_WORDS, Code, CodeError, ReceiptHash, WORDS};
pub use report::{
    ByteString, Contents, Message, MessageFrom, Outcome, Report, ReportRefusal, ReportState, Sealed,
    THREAD_MAX,
};
pub use secret::Secret;
pub use similarity::{Clusters, SIGNATURE_LANES, Signature, SimilarityKey, Trace};
pub use standing::{Heed, Standings};
pub use submission::{Category, Channel, Submission, TEXT_BYTES_MAX, URLS_MAX, VaultText};
pub use tries::{Tries, Verdict};

/// Why something that came in is refused. The text is for the sender, and never repeats what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// It is not of the format at all.
    #[error("this is not {format}: {why}")]
    Malformed {
        /// Which format.
        format: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A field is missing.
    #[error("{field} is missing")]
    Missing {
        /// Which, as the format names it.
        field: &'static str,
    },
    /// A field has a value that it cannot have.
    #[error("{field} {why}")]
    Mistaken {
        /// Which, as the format names it.
        field: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Over a bound.
    #[error("{what} is over its bound of {max}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The bound.
        max: usize,
    },
}

impl IntakeError {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "report-malformed",
            Self::Missing { .. } => "report-field-missing",
            Self::Mistaken { .. } => "report-field-mistaken",
            Self::TooLarge { .. } => "report-too-large",
        }
    }

    pub(crate) fn mistaken(field: impl Into<String>, why: &'static str) -> Self {
        Self::Mistaken { field: field.into(), why }
    }
}
