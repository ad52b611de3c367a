//! The suspension as the log and the records hold it: what was logged last, and what waits for signatures.
//!
//! Owns the register of the one draft there can be, the bytes it is signed over, and the bundle that edges get. Must
//! not decide anything: who may sign is [`policy`]'s.

use crate::bundles::BundleError;
use crate::plane::{Placed, Plane};
use crate::sequencer::Published;
use casework::{SuspensionDraft, SuspensionStep};
use ledger::tlog_proof::TlogProof;
use ledger::{Body, EntryFormat, Kind, SuspensionBegun, SuspensionConfirmed};
use policy::{Pseudonym, SUSPENSION, floor};
use records::{PutError, StoreError, Versioned};
use snapshot::SuspensionBundle;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Timestamp;

/// The register that holds the draft.
const REGISTER: &str = "suspension";

/// How far back a record can act: a confirmed one as long as the leases that it reached may.
const REACH: Duration = SUSPENSION.saturating_add(floor::ORDER_LEASE_MAX);

/// What edges get of a suspension.
#[derive(Debug)]
pub(crate) struct ProvedSuspension {
    /// Its place in the log.
    pub(crate) index: u64,
    /// Entries under the checkpoint that proves it: edges know of this tree from then on.
    pub(crate) size: u64,
    pub(crate) bytes: Arc<[u8]>,
}

/// A record of a suspension in the log, with the one before it.
#[derive(Debug)]
pub(crate) struct LoggedSuspension {
    pub(crate) placed: Placed,
    before: Option<Placed>,
}

impl LoggedSuspension {
    /// When what it sets aside was set aside.
    pub(crate) fn from(&self) -> Timestamp {
        match &self.before {
            Some(begun) if self.is_confirmed() => begun.entry.body.time,
            _ => self.placed.entry.body.time,
        }
    }

    /// When the measures return by themselves; none: they stay aside to the end of their leases.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        (!self.is_confirmed()).then(|| self.over_from())
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.placed.entry.body.kind == Kind::SuspensionConfirmed
    }

    /// When nothing is set aside by it any more. What is confirmed lasts as long as the leases it reached may.
    pub(crate) fn over_from(&self) -> Timestamp {
        self.from().plus(if self.is_confirmed() { floor::ORDER_LEASE_MAX } else { SUSPENSION })
    }
}

impl Plane {
    /// The newest suspension in the log, whether it still acts or not.
    pub(crate) async fn last_suspension(&self) -> Result<Option<LoggedSuspension>, BundleError> {
        match self.suspension_entries().await?.as_slice() {
            [] => Ok(None),
            indexes => self.logged_suspension(indexes).await.map(Some),
        }
    }

    /// Those that act, the newest first: the newest that began, and the newest that three confirmed beside it.
    pub(crate) async fn suspensions_at(&self, now: Timestamp) -> Result<Vec<LoggedSuspension>, BundleError> {
        let indexes = self.suspension_entries().await?;
        let mut acting = Vec::new();
        for last in (1..=indexes.len()).rev() {
            let logged = self.logged_suspension(&indexes[..last]).await?;
            let (ended, confirmed) = (now >= logged.over_from(), logged.is_confirmed());
            if logged.placed.entry.body.time.plus(REACH) <= now {
                break;
            }
            if !ended {
                acting.push(logged);
            }
            // What was confirmed earlier reaches nothing that the later one does not.
            if confirmed {
                break;
            }
        }
        Ok(acting)
    }

    async fn suspension_entries(&self) -> Result<Vec<u64>, BundleError> {
        self.records.entries_of_subject(SuspensionBegun::SUBJECT).await.map_err(BundleError::Store)
    }

    /// The last of these records.
    async fn logged_suspension(&self, indexes: &[u64]) -> Result<LoggedSuspension, BundleError> {
        let (last, earlier) = indexes.split_last().ok_or(BundleError::NotYet)?;
        let before = match earlier.last() {
            Some(index) => Some(self.entry(*index).await?),
            None => None,
        };
        Ok(LoggedSuspension { placed: self.entry(*last).await?, before })
    }

    /// What edges get of those that act, as far as they are published.
    pub(crate) async fn suspension_bundles(
        &self,
        now: Timestamp,
    ) -> Result<Vec<ProvedSuspension>, BundleError> {
        let mut bundles = Vec::new();
        for logged in self.suspensions_at(now).await? {
            let index = logged.placed.index;
            let covers = |published: &Arc<Published>| index < published.size;
            let Some(published) = self.sequencer.published().filter(covers) else { continue };
            let hashes = self.sequencer.tree().read().inclusion(index, published.size);
            let hashes = hashes.map_err(|_| BundleError::Entry(index))?;
            let proof = TlogProof { extra: None, index, hashes, checkpoint: published.note.clone() };
            let before = logged.before.map(|before| before.entry);
            let bytes = SuspensionBundle::new(logged.placed.entry, &proof, before, Vec::new()).to_bytes();
            let bytes = bytes.map_err(BundleError::Encoding)?.into();
            bundles.push(ProvedSuspension { index, size: published.size, bytes });
        }
        Ok(bundles)
    }

    /// The draft that waits for signatures, with the version of its register; none, and version 0 or more, where
    /// nothing waits.
    pub(crate) async fn suspension_draft(&self) -> Result<Versioned<Option<SuspensionDraft>>, StoreError> {
        let register = self.records.register(REGISTER).await?;
        let Some(register) = register else { return Ok(Versioned { version: 0, value: None }) };
        // What cannot be read is none: the next one takes its place.
        let value = serde_json::from_slice(&register.value).unwrap_or_else(|error| {
            tracing::error!(%error, "the draft of a suspension cannot be read");
            None
        });
        Ok(Versioned { version: register.version, value })
    }

    /// Keeps the draft, or takes it away.
    pub(crate) async fn keep_suspension(
        &self,
        draft: Option<&SuspensionDraft>,
        expected: u64,
    ) -> Result<(), PutError> {
        let bytes = serde_json::to_vec(&draft).unwrap_or_default();
        self.records.put_register(REGISTER, &bytes, expected).await.map(drop)
    }
}

/// The draft of a record that follows the newest one.
pub(crate) fn draft(
    plane: &Plane,
    last: Option<&LoggedSuspension>,
    step: SuspensionStep,
    (by, actor): (Pseudonym, String),
) -> Result<SuspensionDraft, String> {
    let roster = plane.founded.roster.hash();
    let now = plane.clock.now();
    let (kind, public) = match step {
        SuspensionStep::Begin(at) => {
            let said = SuspensionBegun { roster, until: at.plus(SUSPENSION) };
            (Kind::SuspensionBegun, serde_json::to_value(said))
        }
        SuspensionStep::Confirm(since) => {
            let said = SuspensionConfirmed { roster, since };
            (Kind::SuspensionConfirmed, serde_json::to_value(said))
        }
    };
    let previous = last.map(|last| last.placed.entry.leaf_hash()).transpose();
    let body = Body {
        format: EntryFormat::V1,
        kind,
        time: match step {
            SuspensionStep::Begin(at) => at,
            SuspensionStep::Confirm(_) => now,
        },
        actors: vec![actor],
        subject: SuspensionBegun::SUBJECT.to_owned(),
        sequence: last.map_or(1, |last| last.placed.entry.body.sequence.saturating_add(1)),
        previous: previous.map_err(|error| error.to_string())?,
        policy: None,
        commitments: None,
        public: public.map_err(|error| error.to_string())?,
    };
    let bytes = body.to_bytes().map_err(|error| error.to_string())?;
    let body = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(SuspensionDraft { body, step, by, approvals: Vec::new(), handed_in: false })
}
