//! Decision bundles, assembled from the records under the newest published checkpoint.

use crate::plane::{Placed, Plane};
use crate::sequencer::Published;
use casework::Decision;
use ledger::Entry;
use ledger::note::Note;
use ledger::tlog_proof::TlogProof;
use records::StoreError;
use snapshot::{AssembleError, Bundle, Logged, Parts};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use vocabulary::canonical::CanonicalError;
use vocabulary::{DecisionId, Digest};

/// Most bundles kept; when full, all are dropped.
const KEPT_MAX: usize = 64;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// The records failed.
    #[error("{0}")]
    Store(StoreError),
    /// The decision is not in the log, or not under a published checkpoint yet.
    #[error("the decision is not published yet")]
    NotYet,
    /// The log does not hold what the decision says.
    #[error("entry {0} of the log cannot be read")]
    Entry(u64),
    /// The policy that the decision names was never published here.
    #[error("the log publishes no policy {0}")]
    Policy(Digest),
    /// The parts do not fit.
    #[error("{0}")]
    Assemble(AssembleError),
    /// The bundle has no bytes.
    #[error("{0}")]
    Encoding(CanonicalError),
}

/// A bundle and what it is proved under.
#[derive(Debug, Clone)]
pub(crate) struct Assembled {
    /// Its exact bytes.
    pub(crate) bytes: Arc<[u8]>,
    /// The checkpoint.
    pub(crate) checkpoint: Arc<Published>,
    /// Place of the newest record in it.
    record: u64,
}

/// Bundles assembled lately.
#[derive(Debug, Default)]
pub(crate) struct Bundles(Mutex<BTreeMap<DecisionId, Assembled>>);

impl Plane {
    /// The bundle of a logged decision under the newest checkpoint.
    pub(crate) async fn bundle(&self, decision: &Decision) -> Result<Assembled, BundleError> {
        let checkpoint = self.sequencer.published().ok_or(BundleError::NotYet)?;
        let record = newest_record(decision).ok_or(BundleError::NotYet)?;
        if let Some(kept) = self.bundles.kept(decision.id, record, &checkpoint) {
            return Ok(kept);
        }
        let records = self.records_of(decision).await?;
        let bytes = self.assemble(decision, &records, &checkpoint.note)?;
        let assembled = Assembled { bytes: bytes.into(), checkpoint, record };
        self.bundles.keep(decision.id, assembled.clone());
        Ok(assembled)
    }

    fn assemble(
        &self,
        decision: &Decision,
        records: &RecordsOf,
        note: &Note,
    ) -> Result<Vec<u8>, BundleError> {
        fn logged(placed: &Placed) -> Logged<'_> {
            Logged { entry: &placed.entry, index: placed.index }
        }
        let sha256 = &decision.statement.policy.sha256;
        let policy = self.founded.policies.of(sha256).ok_or(BundleError::Policy(*sha256))?;
        let parts = Parts {
            decision: logged(&records.present),
            policy: (&policy.text, logged(&policy.entry)),
            roster: (&self.founded.roster_text, logged(&self.founded.roster_entry)),
            rosters: &[],
            scope: &decision.scope,
            statement: &decision.statement,
            before: &records.before.iter().map(logged).collect::<Vec<_>>(),
            ending: records.ending.as_ref().map(logged),
        };
        let bundle = Bundle::assemble(&parts, &self.sequencer.tree().read(), note);
        bundle.map_err(BundleError::Assemble)?.to_bytes().map_err(BundleError::Encoding)
    }

    /// The proof of a logged decision's entry under the newest checkpoint, as tlog-proof text.
    pub(crate) fn proof(&self, decision: &Decision) -> Option<String> {
        let checkpoint = self.sequencer.published()?;
        let index = decision.state.logged()?.index;
        let hashes = self.sequencer.tree().read().inclusion(index, checkpoint.size).ok()?;
        Some(TlogProof { extra: None, index, hashes, checkpoint: checkpoint.note.clone() }.to_string())
    }

    /// The entries of a logged decision: the present one, those before it, the one that ended it.
    async fn records_of(&self, decision: &Decision) -> Result<RecordsOf, BundleError> {
        let index = decision.state.logged().ok_or(BundleError::NotYet)?.index;
        let mut before = Vec::new();
        for former in &decision.former {
            before.push(self.entry(former.logged.index).await?);
        }
        let ending = match decision.state.ending() {
            Some(ending) => Some(self.entry(ending.logged.index).await?),
            None => None,
        };
        Ok(RecordsOf { present: self.entry(index).await?, before, ending })
    }

    /// One entry of the log.
    pub(crate) async fn entry(&self, index: u64) -> Result<Placed, BundleError> {
        let leaves = self.records.leaves(index..index + 1).await.map_err(BundleError::Store)?;
        let entry = leaves.first().and_then(|leaf| Entry::parse(&leaf.bytes).ok());
        entry.map(|entry| Placed { entry, index }).ok_or(BundleError::Entry(index))
    }
}

/// A decision's entries.
struct RecordsOf {
    present: Placed,
    before: Vec<Placed>,
    ending: Option<Placed>,
}

/// Place of a decision's newest record in the log.
pub(crate) fn newest_record(decision: &Decision) -> Option<u64> {
    let ending = decision.state.ending().map(|ending| ending.logged.index);
    ending.or(decision.state.logged().map(|logged| logged.index))
}

impl Bundles {
    fn kept(&self, id: DecisionId, record: u64, checkpoint: &Arc<Published>) -> Option<Assembled> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |kept: &&Assembled| kept.record == record && Arc::ptr_eq(&kept.checkpoint, checkpoint);
        kept.get(&id).filter(same).cloned()
    }

    fn keep(&self, id: DecisionId, assembled: Assembled) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(id, assembled);
    }
}
