//! Gathering cosignatures from several witnesses at once, until there are enough.

use crate::{Cosigner, HttpWitness, UrlError};
use ledger::checkpoint::Checkpoint;
use ledger::note::{Note, NoteSignature};
use ledger::tlog_policy::TlogPolicy;
use ledger::witness::{AddCheckpoint, Declined};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use vocabulary::Digest;

/// How often one witness is asked in one round: from the size last known, from the size it names, and
/// once more if it moved in between.
const ASKED_MAX: usize = 3;
/// How long the rest is waited for once there are enough.
const GRACE: Duration = Duration::from_millis(50);

/// Proves that the tree of the checkpoint extends its first so many leaves; none if it cannot.
pub type Proof = Arc<dyn Fn(u64) -> Option<Vec<Digest>> + Send + Sync>;

/// The witnesses elsewhere, each with the size it cosigned last as far as known.
#[derive(Debug, Default)]
pub struct Remotes(Vec<Arc<Remote>>);

#[derive(Debug)]
struct Remote {
    cosigner: Arc<dyn Cosigner>,
    known: AtomicU64,
}

/// What a round of asking brought.
#[derive(Debug)]
pub struct Gathered {
    /// The note with the cosignatures that came.
    pub note: Note,
    /// Whether they are enough.
    pub enough: bool,
    /// Who gave none, and why. Who was not waited for is not among them.
    pub declined: Vec<(String, Declined)>,
}

impl Remotes {
    /// These witnesses.
    pub fn new(cosigners: Vec<Arc<dyn Cosigner>>) -> Self {
        let remote = |cosigner| Arc::new(Remote { cosigner, known: AtomicU64::new(0) });
        Self(cosigners.into_iter().map(remote).collect())
    }

    /// The witnesses of a policy that have an address.
    pub fn of(policy: &TlogPolicy) -> Result<Self, UrlError> {
        let mut cosigners: Vec<Arc<dyn Cosigner>> = Vec::new();
        for witness in policy.witnesses() {
            if let Some(url) = &witness.url {
                cosigners.push(Arc::new(HttpWitness::new(witness.key.clone(), url)?));
            }
        }
        Ok(Self::new(cosigners))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks each what it knows, by a checkpoint of our own tree; tells who contradicts it. Who gives no
    /// answer does not hinder: the quorum will.
    pub async fn contradictions(&self, note: &Note) -> Vec<(String, Declined)> {
        let Ok(head) = Checkpoint::parse(note.text()) else { return Vec::new() };
        let mut asking = JoinSet::new();
        for remote in &self.0 {
            let (remote, checkpoint) = (remote.clone(), note.clone());
            asking.spawn(async move {
                let request = AddCheckpoint { old_size: head.size, proof: Vec::new(), checkpoint };
                let told = remote.cosigner.ask(&request).await;
                remote.note_size(head.size, &told);
                told.err().map(|declined| (remote.cosigner.name().to_owned(), declined))
            });
        }
        let mut found = Vec::new();
        while let Some(asked) = asking.join_next().await {
            found.extend(asked.ok().flatten().filter(|(_, declined)| declined.contradicts(head.size)));
        }
        found
    }

    /// Asks all at once and adds what they sign to the note, until `enough` is satisfied with it.
    pub async fn gather(&self, note: Note, proof: Proof, enough: impl Fn(&Note) -> bool) -> Gathered {
        let mut asking = JoinSet::new();
        for remote in &self.0 {
            let (remote, note, proof) = (remote.clone(), note.clone(), proof.clone());
            asking.spawn(async move {
                let told = remote.cosign(note, &*proof).await;
                (remote.cosigner.name().to_owned(), told)
            });
        }
        let mut gathered = Gathered { enough: enough(&note), note, declined: Vec::new() };
        while !asking.is_empty() {
            let next = match gathered.enough {
                // Dropping the set ends what is still asked; a witness that signed meanwhile says so
                // the next time.
                true => tokio::time::timeout(GRACE, asking.join_next()).await.ok().flatten(),
                false => asking.join_next().await,
            };
            match next {
                Some(Ok((_, Ok(line)))) => {
                    gathered.note = gathered.note.with(line);
                    gathered.enough = enough(&gathered.note);
                }
                Some(Ok((name, Err(declined)))) => gathered.declined.push((name, declined)),
                Some(Err(_)) => {}
                None => break,
            }
        }
        gathered
    }
}

impl Remote {
    async fn cosign(
        &self,
        note: Note,
        proof: &(dyn Fn(u64) -> Option<Vec<Digest>> + Send + Sync),
    ) -> Result<NoteSignature, Declined> {
        let size = Checkpoint::parse(note.text()).map_err(|_| Declined::Unreadable("no checkpoint"))?.size;
        let mut told = Err(Declined::Unreadable("it was not asked"));
        for _ in 0..ASKED_MAX {
            let old_size = self.known.load(Ordering::Relaxed);
            let Some(proof) = proof(old_size) else { return Err(Declined::OtherSize { size: old_size }) };
            let request = AddCheckpoint { old_size, proof, checkpoint: note.clone() };
            told = self.cosigner.ask(&request).await;
            self.note_size(size, &told);
            if !matches!(told, Err(Declined::OtherSize { size: other }) if other <= size) {
                break;
            }
        }
        told
    }

    fn note_size(&self, asked: u64, told: &Result<NoteSignature, Declined>) {
        match told {
            Ok(_) => self.known.store(asked, Ordering::Relaxed),
            Err(Declined::OtherSize { size }) => self.known.store(*size, Ordering::Relaxed),
            Err(_) => {}
        }
    }
}

impl fmt::Display for Gathered {
    /// Who gave no cosignature, and why.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, declined)) in self.declined.iter().enumerate() {
            write!(f, "{}{name}: {declined}", if place > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
