//! What is submitted to the log, and how it gets its number.

use super::writer::WriterError;
use ledger::{Body, EnforcementGap, Entry, EntryError, EntryFormat, Kind};
use policy::Approval;
use records::{Log, NewLeaf, SubjectHead};
use serde_json::Value;
use std::collections::BTreeMap;
use vocabulary::{Digest, Timestamp};

/// An entry on its way to the log.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A whole entry: its bytes are signed, so its number is fixed. Known by its leaf hash.
    Sealed(Entry),
    /// Everything but its number, which the log gives it.
    Draft(Draft),
}

/// An entry without a number.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What kind of fact this is.
    pub(crate) kind: Kind,
    /// When it happened.
    pub(crate) time: Timestamp,
    /// Who acted.
    pub(crate) actors: Vec<String>,
    /// What it is about.
    pub(crate) subject: String,
    /// Digest of the policy applied.
    pub(crate) policy: Option<Digest>,
    /// Root of the confidential fields.
    pub(crate) commitments: Option<Digest>,
    /// Public fields.
    pub(crate) public: Value,
}

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Logged {
    /// Its index, from 0.
    pub(crate) index: u64,
}

/// Why the log does not take an entry; repeating does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It does not follow the last entry of its subject.
    #[error("entry {sequence} of {subject} does not follow entry {last}")]
    OutOfSequence { subject: String, sequence: u64, last: u64 },
    /// It cannot be encoded.
    #[error("{0}")]
    Malformed(String),
}

/// What becomes of one item of a batch.
pub(super) enum Numbered {
    /// It is in the log already.
    There(Logged),
    /// It is a new leaf, this one of the batch's.
    New(usize),
    Refused(Refused),
}

/// A batch with its new leaves in order.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) leaves: Vec<NewLeaf>,
    pub(super) hashes: Vec<Digest>,
    pub(super) items: Vec<Numbered>,
    /// The last entry of each subject as the batch leaves it.
    last: BTreeMap<String, Last>,
    /// Kinds each subject has within this batch, by their marks, with their leaf.
    kinds: BTreeMap<(String, Kind, String), usize>,
}

#[derive(Clone, Copy)]
struct Last {
    sequence: u64,
    hash: Option<Digest>,
}

impl Item {
    /// Whether it is flushed at once.
    pub(crate) fn is_urgent(&self) -> bool {
        matches!(
            self.kind(),
            Kind::DecisionMade
                | Kind::DecisionRatified
                | Kind::DecisionRenewed
                | Kind::DecisionModified
                | Kind::DecisionLifted
                | Kind::DecisionLapsed
                | Kind::DecisionReversed
                | Kind::SuspensionBegun
                | Kind::SuspensionConfirmed
        )
    }

    /// What kind of fact it is.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Sealed(entry) => entry.body.kind,
            Self::Draft(draft) => draft.kind,
        }
    }

    /// What it is about.
    pub(crate) fn subject(&self) -> &str {
        match self {
            Self::Sealed(entry) => &entry.body.subject,
            Self::Draft(draft) => &draft.subject,
        }
    }

    /// Whether its subject has one entry of its kind at most, so that a second draft is the same one.
    fn is_once(&self) -> bool {
        !matches!(self.kind(), Kind::TenantRequest | Kind::DrillRun)
    }

    /// Whether two items are the same entry.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sealed(one), Self::Sealed(two)) => one == two,
            (Self::Draft(one), Self::Draft(two)) => {
                self.is_once()
                    && one.kind == two.kind
                    && one.subject == two.subject
                    && one.mark() == two.mark()
            }
            _ => false,
        }
    }
}

impl Batch {
    /// Gives each item its place after what the log holds; finds those that are there already.
    pub(super) async fn number<'a>(
        log: &dyn Log,
        items: impl IntoIterator<Item = &'a Item>,
    ) -> Result<Self, WriterError> {
        let mut batch = Self::default();
        for item in items {
            let numbered = match item {
                Item::Sealed(entry) => batch.sealed(log, entry.clone()).await?,
                Item::Draft(draft) => batch.draft(log, item, draft).await?,
            };
            batch.items.push(numbered);
        }
        Ok(batch)
    }

    async fn sealed(&mut self, log: &dyn Log, entry: Entry) -> Result<Numbered, WriterError> {
        let hash = match entry.leaf_hash() {
            Ok(hash) => hash,
            Err(error) => return Ok(refused(&error)),
        };
        if let Some(index) = log.index_of(&hash).await? {
            return Ok(Numbered::There(Logged { index }));
        }
        if let Some(place) = self.hashes.iter().position(|known| *known == hash) {
            return Ok(Numbered::New(place));
        }
        let last = self.last_of(log, &entry.body.subject).await?;
        if entry.body.sequence != last.sequence + 1 || entry.body.previous != last.hash {
            let (subject, sequence) = (entry.body.subject, entry.body.sequence);
            let refusal = Refused::OutOfSequence { subject, sequence, last: last.sequence };
            return Ok(Numbered::Refused(refusal));
        }
        Ok(self.push(entry))
    }

    async fn draft(&mut self, log: &dyn Log, item: &Item, draft: &Draft) -> Result<Numbered, WriterError> {
        if item.is_once() {
            let key = (draft.subject.clone(), draft.kind, draft.mark());
            if let Some(place) = self.kinds.get(&key) {
                return Ok(Numbered::New(*place));
            }
            if let Some(index) = find_marked(log, &draft.subject, draft.kind, &draft.mark()).await? {
                return Ok(Numbered::There(Logged { index }));
            }
        }
        let last = self.last_of(log, &draft.subject).await?;
        let body = draft.clone().numbered(last.sequence + 1, last.hash);
        Ok(self.push(Entry { body, approvals: Vec::<Approval>::new() }))
    }

    async fn last_of(&self, log: &dyn Log, subject: &str) -> Result<Last, WriterError> {
        if let Some(last) = self.last.get(subject) {
            return Ok(*last);
        }
        let stored = log.last_of_subject(subject).await?;
        let of = |head: SubjectHead| Last { sequence: head.sequence, hash: Some(head.hash) };
        Ok(stored.map_or(Last { sequence: 0, hash: None }, of))
    }

    fn push(&mut self, entry: Entry) -> Numbered {
        let bytes = match entry.to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return refused(&error),
        };
        let Body { subject, sequence, kind, public, .. } = entry.body;
        let leaf = NewLeaf { bytes, subject: subject.clone(), sequence };
        let hash = leaf.hash();
        let place = self.leaves.len();
        self.leaves.push(leaf);
        self.hashes.push(hash);
        self.last.insert(subject.clone(), Last { sequence, hash: Some(hash) });
        self.kinds.insert((subject, kind, mark(kind, &public)), place);
        Numbered::New(place)
    }
}

/// What tells two drafts of one kind and subject apart: a decision that goes on under new terms has a
/// statement for each, each day has its counts, each gap its edge and beginning, each sealed entry an end of its own,
/// each renewal of a seal a date, and each version of the policy its text.
fn mark(kind: Kind, public: &Value) -> String {
    let members: &[&str] = match kind {
        Kind::StatementPublished => &["statement"],
        Kind::PolicyPublished => &["sha256"],
        Kind::CountDaily => &["day"],
        Kind::EnforcementGap => &["edge", "from"],
        Kind::SealRenewed => &["entry", "until"],
        Kind::SealOpened | Kind::Tombstone => &["entry"],
        _ => &[],
    };
    let said = |member: &&str| public.get(*member).and_then(Value::as_str).unwrap_or_default();
    members.iter().map(said).collect::<Vec<_>>().join(" ")
}

impl Draft {
    fn mark(&self) -> String {
        mark(self.kind, &self.public)
    }

    fn numbered(self, sequence: u64, previous: Option<Digest>) -> Body {
        Body {
            format: EntryFormat::V1,
            kind: self.kind,
            time: self.time,
            actors: self.actors,
            subject: self.subject,
            sequence,
            previous,
            policy: self.policy,
            commitments: self.commitments,
            public: self.public,
        }
    }
}

fn refused(error: &EntryError) -> Numbered {
    Numbered::Refused(Refused::Malformed(error.to_string()))
}

/// Where a subject's entry of one kind lies.
pub(crate) async fn find_kind(log: &dyn Log, subject: &str, kind: Kind) -> Result<Option<u64>, WriterError> {
    find(log, subject, |body| body.kind == kind).await
}

/// Where the publication of a decision's statement lies.
pub(crate) async fn find_statement(
    log: &dyn Log,
    subject: &str,
    statement: &Digest,
) -> Result<Option<u64>, WriterError> {
    find_marked(log, subject, Kind::StatementPublished, &statement.to_string()).await
}

/// Where this gap of a decision lies.
pub(crate) async fn find_gap(log: &dyn Log, said: &EnforcementGap) -> Result<Option<u64>, WriterError> {
    let kind = Kind::EnforcementGap;
    let Ok(public) = serde_json::to_value(said) else { return Ok(None) };
    find_marked(log, &said.decision.to_string(), kind, &mark(kind, &public)).await
}

/// Where the tombstone of an entry lies.
pub(crate) async fn find_tombstone(
    log: &dyn Log,
    subject: &str,
    entry: Digest,
) -> Result<Option<u64>, WriterError> {
    find_marked(log, subject, Kind::Tombstone, &entry.to_string()).await
}

async fn find_marked(
    log: &dyn Log,
    subject: &str,
    kind: Kind,
    marked: &str,
) -> Result<Option<u64>, WriterError> {
    find(log, subject, |body| body.kind == kind && mark(kind, &body.public) == marked).await
}

async fn find(
    log: &dyn Log,
    subject: &str,
    wanted: impl Fn(&Body) -> bool,
) -> Result<Option<u64>, WriterError> {
    for index in log.entries_of_subject(subject).await? {
        let leaves = log.leaves(index..index + 1).await?;
        let entry = leaves.first().and_then(|leaf| Entry::parse(&leaf.bytes).ok());
        if entry.is_some_and(|entry| wanted(&entry.body)) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
