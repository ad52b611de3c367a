//! The witnesses of the log: the local one, which is the ledger's state machine over a state that is on
//! disk before each answer, and those elsewhere; together until the quorum is reached.

use ::witness::{Proof, Remotes};
use async_trait::async_trait;
use ledger::note::{Note, NoteSignature};
use ledger::tlog_policy::{Quorum, TlogPolicy};
use ledger::witness::{AddCheckpoint, Declined, Head, Refused, Witness};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::time::Duration;
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
    /// A witness elsewhere has cosigned a larger log, or another one.
    #[error(
        "the witness {name} contradicts the log here: {declined}. Nothing is signed; restore the newest backup"
    )]
    Contradicted { name: String, declined: Declined },
    /// Another process appended while the witnesses were asked.
    #[error("another process wrote the log while the witnesses were asked")]
    Overtaken,
    /// The quorum was not reached.
    #[error("too few witnesses cosigned: {0}")]
    TooFew(String),
}

/// How far a witness' clock may run ahead, and how old a cosignature may be to be published anew.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// The local witness and those elsewhere, with the quorum they make together.
pub(crate) struct Witnesses {
    local: LocalWitness,
    remotes: Remotes,
    policy: TlogPolicy,
    /// Whether the local witness counts: in a trial alone.
    count_own: bool,
    silent: String,
}

impl Witnesses {
    pub(crate) fn new(local: LocalWitness, remotes: Remotes, policy: TlogPolicy, count_own: bool) -> Self {
        Self { local, remotes, policy, count_own, silent: String::new() }
    }

    pub(crate) fn local(&self) -> &LocalWitness {
        &self.local
    }

    /// Who elsewhere did not cosign the last time, and why.
    pub(crate) fn silent(&self) -> &str {
        &self.silent
    }

    /// Asks those elsewhere whether this log is behind what they know, or another one.
    pub(crate) async fn compare(&self, note: &Note) -> Result<(), WitnessError> {
        let found = self.remotes.contradictions(note).await;
        found.into_iter().next().map_or(Ok(()), contradicted)
    }

    /// The note with cosignatures that reach the quorum, the local one first.
    pub(crate) async fn cosign(
        &mut self,
        note: Note,
        proof: Proof,
        size: u64,
        now: Timestamp,
    ) -> Result<Note, WitnessError> {
        let local = self.local.cosign(&note, &*proof, size, now).await?;
        let rule = Quorum {
            count_own: self.count_own,
            not_before: now.minus(CLOCK_SKEW),
            not_after: now.plus(CLOCK_SKEW),
        };
        let enough = |note: &Note| {
            let opened = self.policy.open(note);
            opened.is_ok_and(|opened| self.policy.satisfies(&opened, rule))
        };
        let gathered = self.remotes.gather(note.with(local), proof, enough).await;
        self.silent = gathered.to_string();
        if gathered.enough {
            return Ok(gathered.note);
        }
        let against = gathered.declined.into_iter().find(|(_, declined)| declined.contradicts(size));
        against.map_or_else(
            || Err(WitnessError::TooFew(self.silent.clone())),
            |one| contradicted(one).map(|()| gathered.note),
        )
    }
}

fn contradicted((name, declined): (String, Declined)) -> Result<(), WitnessError> {
    Err(WitnessError::Contradicted { name, declined })
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
