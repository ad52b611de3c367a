//! What was sealed until a date is opened when the date has come, in full, for everybody.

use super::{Moved, ReconcileError};
use crate::plane::Plane;
use crate::sequencer::{Draft, Item};
use ledger::merkle::leaf_hash;
use ledger::{Entry, Kind, SealOpened};
use snapshot::{Seal, Seals};
use tokio::sync::Mutex;
use vocabulary::Digest;

/// The alarm for fields that are due and cannot be opened.
const NOT_OPENED: &str = "not-unsealed";
/// Most entries of the log that are read in one pass: after a start a long log is caught up with while everything
/// else goes on.
const READ_MAX: u64 = 4_096;

/// The sealed entries of the log, as far as it was read. Lost at an end of the process and read again.
#[derive(Debug, Default)]
pub(crate) struct SealedEntries(Mutex<(u64, Seals)>);

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut read = plane.sealed_entries.0.lock().await;
    let size = plane.sequencer.published().map_or(0, |published| published.size);
    let until = size.min(read.0 + READ_MAX);
    let leaves = if read.0 < until { plane.records.leaves(read.0..until).await? } else { Vec::new() };
    for leaf in leaves {
        let index = read.0;
        read.0 += 1;
        let damaged = |_| ReconcileError::Damaged(format!("entry {index} cannot be read"));
        let entry = Entry::parse(&leaf.bytes).map_err(damaged)?;
        if let Err(error) = read.1.place_dated(leaf_hash(&leaf.bytes), &entry) {
            tracing::error!(index, %error, "an entry about sealed fields does not hold");
        }
    }
    let due: Vec<(Digest, Seal)> =
        read.1.due(plane.clock.now()).map(|(leaf, seal)| (*leaf, seal.clone())).collect();
    drop(read);
    let mut failed = None;
    for (leaf, seal) in &due {
        // One that cannot be opened keeps no other closed past its date.
        failed = failed.or(open(plane, *leaf, seal).await.err());
    }
    plane.alarms.clear_where(NOT_OPENED, |subject| !due.iter().any(|(_, seal)| seal.subject == subject));
    failed.map_or(Ok(Moved::No), Err)
}

async fn open(plane: &Plane, leaf: Digest, seal: &Seal) -> Result<(), ReconcileError> {
    let sealed = plane.sealed_fields(&seal.root).await;
    let Ok(Some(sealed)) = sealed else {
        let text = "its date has come and its fields cannot be opened: look for the key of the vault";
        plane.alarms.raise(NOT_OPENED, &seal.subject, text, plane.clock.now());
        return Ok(());
    };
    let damaged = |error: &dyn std::fmt::Display| ReconcileError::Damaged(error.to_string());
    let names: Vec<&str> = sealed.fields().iter().map(|field| field.name()).collect();
    let disclosure = sealed.disclose(&names).map_err(|error| damaged(&error))?;
    let said = SealOpened { entry: leaf, disclosure };
    let draft = Draft {
        kind: Kind::SealOpened,
        time: plane.clock.now(),
        actors: vec!["sequencer".to_owned()],
        subject: seal.subject.clone(),
        policy: None,
        commitments: None,
        public: serde_json::to_value(said).map_err(|error| damaged(&error))?,
    };
    plane.sequencer.submit(Item::Draft(draft)).map_err(ReconcileError::Submit)
}
