//! A report as it is kept: what steers the work in the open, everything a person wrote sealed.
//!
//! received → needs_info → clustered → assessed → closed, as an enum; each transition consumes the report. A report
//! whose key was destroyed is a tombstone: its id, times and outcome stay, its text is gone for everybody.

use crate::{Category, Channel, ReceiptHash, Trace};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use vocabulary::{AllegationId, Digest, ReportId, Timestamp};

/// Most messages of one report's thread, both sides together.
pub const THREAD_MAX: usize = 100;

/// Bytes that are text in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct ByteString(pub Vec<u8>);

impl std::fmt::Debug for ByteString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ByteString({} bytes)", self.0.len())
    }
}

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

/// Text that only the vault opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(pub ByteString);

/// A report's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Contents {
    /// It is kept, sealed to a key of its own.
    Kept {
        /// The public half of the report's own key; the other half lies wrapped in the vault.
        key: ByteString,
        /// The fields of the vault.
        sealed: Sealed,
        /// Keyed fingerprints for the outgoing guard.
        fingerprints: Vec<u64>,
        /// What it is recognised by.
        trace: Box<Trace>,
    },
    /// It was erased: the key is destroyed, and nobody can read any copy.
    Erased {
        /// When.
        at: Timestamp,
        /// Why, in the words of who asked.
        reason: String,
    },
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageFrom {
    /// The reporter, by their code.
    Reporter,
    /// The desk. Officers write under no name here.
    Desk,
}

/// One message of the thread between desk and reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who wrote it.
    pub from: MessageFrom,
    /// When.
    pub at: Timestamp,
    /// What, sealed to the report's key.
    pub sealed: Sealed,
}

/// How a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Something was done.
    Actioned,
    /// An authority has it.
    Referred,
    /// It did not hold.
    Unfounded,
    /// Another report says the same and goes on.
    Duplicate,
}

/// How far a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportState {
    /// It came in.
    Received,
    /// The desk asked the reporter something.
    NeedsInfo,
    /// It stands with others that claim the same.
    Clustered,
    /// Officers looked at what it claims.
    Assessed,
    /// It is done.
    Closed {
        /// How.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its id; the reporter does not know it.
    pub id: ReportId,
    /// When it came in.
    pub received_at: Timestamp,
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub category: Category,
    /// Whether somebody is said to be in danger.
    pub danger: bool,
    /// The reporter's language, two letters.
    pub language: String,
    /// What it claims.
    pub allegation: AllegationId,
    /// How far it is.
    pub state: ReportState,
    /// What is kept of the receipt code.
    pub receipt: ReceiptHash,
    /// The keyed digest by which the same report is known when it is sent again.
    pub repeat: Digest,
    /// The keyed digest of the address or name that the reporter gave; none where nothing was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Digest>,
    /// Whether authorities may get the reporter's words.
    pub may_forward: bool,
    /// Whether the reporter wants a mail when there is an answer.
    pub wants_mail: bool,
    /// The text.
    pub contents: Contents,
    /// What desk and reporter wrote to each other.
    pub thread: Vec<Message>,
}

/// Why a transition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReportRefusal {
    /// It is closed.
    #[error("this report is closed")]
    Closed,
    /// Its text was erased.
    #[error("the text of this report was erased")]
    Erased,
    /// The thread is full.
    #[error("a report takes at most {THREAD_MAX} messages")]
    ThreadFull,
}

impl ReportRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed => "report-closed",
            Self::Erased => "report-erased",
            Self::ThreadFull => "report-thread-full",
        }
    }
}

impl Report {
    fn open(self) -> Result<Self, ReportRefusal> {
        if matches!(self.state, ReportState::Closed { .. }) { Err(ReportRefusal::Closed) } else { Ok(self) }
    }

    /// Puts it beside others that claim the same.
    pub fn cluster(self) -> Result<Self, ReportRefusal> {
        self.open().map(|report| Self { state: ReportState::Clustered, ..report })
    }

    /// Officers looked at what it claims.
    pub fn assess(self) -> Result<Self, ReportRefusal> {
        self.open().map(|report| Self { state: ReportState::Assessed, ..report })
    }

    /// Ends it. The reporter can still read the thread.
    pub fn close(self, outcome: Outcome, at: Timestamp) -> Result<Self, ReportRefusal> {
        self.open().map(|report| Self { state: ReportState::Closed { outcome, at }, ..report })
    }

    /// Adds a message. A question of the desk waits for the reporter; the reporter's word ends the waiting. A closed
    /// report takes messages, too: people learn more later.
    pub fn write(mut self, message: Message) -> Result<Self, ReportRefusal> {
        self.key()?;
        if self.thread.len() >= THREAD_MAX {
            return Err(ReportRefusal::ThreadFull);
        }
        self.state = match (message.from, self.state) {
            (MessageFrom::Desk, ReportState::Received | ReportState::Clustered) => ReportState::NeedsInfo,
            (MessageFrom::Reporter, ReportState::NeedsInfo) => ReportState::Clustered,
            (_, state) => state,
        };
        self.thread.push(message);
        Ok(self)
    }

    /// Leaves a tombstone. The caller destroys the key first: this only takes away what is useless without it.
    pub fn erase(mut self, at: Timestamp, reason: String) -> Result<Self, ReportRefusal> {
        self.key()?;
        self.contents = Contents::Erased { at, reason };
        self.thread.clear();
        self.reporter = None;
        Ok(self)
    }

    /// The key its text is sealed to.
    pub fn key(&self) -> Result<&ByteString, ReportRefusal> {
        match &self.contents {
            Contents::Kept { key, .. } => Ok(key),
            Contents::Erased { .. } => Err(ReportRefusal::Erased),
        }
    }

    /// What the outgoing guard knows of it.
    pub fn fingerprints(&self) -> &[u64] {
        match &self.contents {
            Contents::Kept { fingerprints, .. } => fingerprints,
            Contents::Erased { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    pub(crate) fn report() -> Report {
        let now = Timestamp::from_secs(1_790_000_000);
        let trace = Trace { urls: BTreeSet::new(), words: None, signature: None };
        Report {
            id: ReportId::from_bytes([1; 16]),
            received_at: now,
            channel: Channel::Form,
            category: Category::Threat,
            danger: true,
            language: "de".to_owned(),
            allegation: AllegationId::from_bytes([2; 16]),
            state: ReportState::Received,
            receipt: ReceiptHash::from_bytes([3; 48]),
            repeat: Digest::of(b"x"),
            reporter: None,
            may_forward: false,
            wants_mail: false,
            contents: Contents::Kept {
                key: ByteString(vec![4; 32]),
                sealed: Sealed(ByteString(vec![5; 99])),
                fingerprints: vec![u64::MAX, 7],
                trace: Box::new(trace),
            },
            thread: Vec::new(),
        }
    }

    fn message(from: MessageFrom) -> Message {
        Message { from, at: Timestamp::from_secs(1_790_000_100), sealed: Sealed(ByteString(vec![9; 20])) }
    }

    #[test]
    fn a_report_survives_its_json_form() {
        let report = report().write(message(MessageFrom::Desk)).expect("written");
        let json = serde_json::to_string(&report).expect("json");
        assert_eq!(serde_json::from_str::<Report>(&json).expect("report"), report);
    }

    #[test]
    fn the_desk_asks_the_reporter_answers_and_a_closed_report_still_listens() {
        let asked = report().write(message(MessageFrom::Desk)).expect("asked");
        assert_eq!(asked.state, ReportState::NeedsInfo);
        let answered = asked.write(message(MessageFrom::Reporter)).expect("answered");
        assert_eq!(answered.state, ReportState::Clustered);
        let closed = answered
            .assess()
            .expect("assessed")
            .close(Outcome::Referred, Timestamp::from_secs(1))
            .expect("closed");
        assert_eq!(closed.clone().assess(), Err(ReportRefusal::Closed));
        assert!(closed.write(message(MessageFrom::Reporter)).is_ok());
    }

    #[test]
    fn the_thread_has_a_bound() {
        let mut report = report();
        for _ in 0..THREAD_MAX {
            report = report.write(message(MessageFrom::Reporter)).expect("written");
        }
        assert_eq!(report.write(message(MessageFrom::Reporter)), Err(ReportRefusal::ThreadFull));
    }

    #[test]
    fn an_erased_report_is_a_tombstone() {
        let at = Timestamp::from_secs(1_790_000_200);
        let erased = report().write(message(MessageFrom::Reporter)).expect("written");
        let erased = erased.erase(at, "asked for".to_owned()).expect("erased");
        assert!(erased.thread.is_empty() && erased.fingerprints().is_empty());
        assert_eq!(erased.clone().write(message(MessageFrom::Desk)), Err(ReportRefusal::Erased));
        assert_eq!(erased.erase(at, String::new()), Err(ReportRefusal::Erased));
    }
}
