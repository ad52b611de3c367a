//! Keeps the alarms that stand, so that a restart forgets none.

use super::{Moved, ReconcileError};
use crate::alarms::KeptAlarm;
use crate::plane::Plane;
use records::{PutError, StoreError};

/// The register that holds them.
const REGISTER: &str = "alarms";

/// Takes up the alarms of the run before. What cannot be read is no reason not to start.
pub(crate) async fn recall(plane: &Plane) -> Result<(), StoreError> {
    let kept = plane.records.register(REGISTER).await?;
    let kept: Vec<KeptAlarm> =
        kept.and_then(|held| serde_json::from_slice(&held.value).ok()).unwrap_or_default();
    plane.alarms.recall(kept, plane.clock.now());
    Ok(())
}

/// Keeps them where they have changed.
pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let bytes = serde_json::to_vec(&plane.alarms.to_keep(plane.clock.now()))
        .map_err(|error| ReconcileError::Damaged(error.to_string()))?;
    let held = plane.records.register(REGISTER).await?;
    let (version, same) = held.map_or((0, false), |held| (held.version, held.value == bytes));
    if same {
        return Ok(Moved::No);
    }
    match plane.records.put_register(REGISTER, &bytes, version).await {
        Ok(_) | Err(PutError::Conflict { .. }) => Ok(Moved::No),
        Err(error) => Err(ReconcileError::Put(error)),
    }
}
