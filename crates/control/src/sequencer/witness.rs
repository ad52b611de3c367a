//! The local witness: the ledger's state machine over a state that is on disk before each answer.

use async_trait::async_trait;
use ledger::merkle::Tree;
use ledger::note::{Note, NoteSignature};
use ledger::witness::{AddCheckpoint, Head, Refused, Witness};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use vocabulary::Timestamp;
use vocabulary::canonical;

/// Keeps what the witness cosigned last.
///
/// Contract: `save` returns only when the head is durable; a failed or cancelled `save` may have
/// happened.
#[async_trait]
pub(crate) trait WitnessStore: Send + Sync + 'static {
    /// The last head; `None` before the first.
    async fn load(&self) -> io::Result<Option<Head>>;

    /// Keeps a head in place of the last one.
    async fn save(&self, head: Head) -> io::Result<()>;
}

/// Why the witness gave no cosignature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    /// It refuses: what the log shows does not extend what was cosigned.
    #[error("the local witness refuses the checkpoint: {0}")]
    Refused(Refused),
    /// Its state could not be read or kept.
    #[error("the local witness' state: {0}")]
    State(io::Error),
    /// The log is behind what the witness knows.
    #[error(
        "the witness has cosigned {witness} entries and the log here holds {log}: the records were rolled back. \
         Nothing is signed until the missing entries are back; restore the newest backup"
    )]
    LogRolledBack { witness: u64, log: u64 },
}

/// The witness that runs in this process.
pub(crate) struct LocalWitness {
    witness: Witness,
    store: Box<dyn WitnessStore>,
}

impl LocalWitness {
    pub(crate) fn new(witness: Witness, store: Box<dyn WitnessStore>) -> Self {
        Self { witness, store }
    }

    /// What it cosigned last.
    pub(crate) async fn latest(&self) -> Result<Head, WitnessError> {
        Ok(self.store.load().await.map_err(WitnessError::State)?.unwrap_or_default())
    }

    /// Cosigns the log's note over the first `size` leaves of the tree.
    pub(crate) async fn cosign(
        &self,
        note: &Note,
        tree: &(dyn Fn(u64) -> Option<Vec<vocabulary::Digest>> + Send + Sync),
        size: u64,
        now: Timestamp,
    ) -> Result<NoteSignature, WitnessError> {
        let latest = self.latest().await?;
        let behind = WitnessError::LogRolledBack { witness: latest.size, log: size };
        let proof = tree(latest.size).ok_or(behind)?;
        let request = AddCheckpoint { old_size: latest.size, proof, checkpoint: note.clone() };
        let staged = self.witness.add_checkpoint(&request, latest, now).map_err(WitnessError::Refused)?;
        if staged.head() != latest {
            self.store.save(staged.head()).await.map_err(WitnessError::State)?;
        }
        Ok(staged.stored())
    }
}

/// Proofs that the first `size` leaves of a tree extend its first `old`.
pub(super) fn consistency_in(tree: &Tree, old: u64, size: u64) -> Option<Vec<vocabulary::Digest>> {
    tree.consistency(old, size).ok()
}

/// The state in a file of its own, apart from the records: rolling those back must not roll it back.
pub(crate) struct WitnessFile {
    path: PathBuf,
    origin: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    origin: String,
    head: Head,
}

impl WitnessFile {
    pub(crate) fn new(path: PathBuf, origin: &str) -> Self {
        Self { path, origin: origin.to_owned() }
    }
}

#[async_trait]
impl WitnessStore for WitnessFile {
    async fn load(&self) -> io::Result<Option<Head>> {
        let bytes = match tokio::fs::read(&self.path).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let kept: Kept = canonical::parse(&bytes).map_err(damaged)?;
        if kept.origin == self.origin {
            Ok(Some(kept.head))
        } else {
            Err(damaged("it belongs to another log"))
        }
    }

    async fn save(&self, head: Head) -> io::Result<()> {
        let bytes = canonical::to_bytes(&Kept { origin: self.origin.clone(), head }).map_err(damaged)?;
        let path = self.path.clone();
        let written =
            tokio::task::spawn_blocking(move || crate::founding::write_atomically(&path, &bytes, true));
        written.await.map_err(io::Error::other)?
    }
}

fn damaged(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}
