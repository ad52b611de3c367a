//! Evidence in memory.

use super::Memory;
use crate::bounds::{EVIDENCE_BYTES_MAX, EVIDENCE_LIST_MAX, NAME_BYTES_MAX};
use crate::{Evidence, EvidenceSummary, EvidenceVault, Reading, StoreError, WriteOnceError};
use async_trait::async_trait;
use vocabulary::{CaseId, EvidenceId};

#[derive(Default)]
pub(super) struct EvidenceShelf {
    files: Vec<Evidence>,
    readings: Vec<(EvidenceId, Reading)>,
}

#[async_trait]
impl EvidenceVault for Memory {
    async fn put_evidence(&self, evidence: &Evidence) -> Result<(), WriteOnceError> {
        self.act("sealing evidence", |state| {
            StoreError::check_size("a file of evidence", evidence.bytes.len(), EVIDENCE_BYTES_MAX)?;
            StoreError::check_size("a media type", evidence.summary.media_type.len(), NAME_BYTES_MAX)?;
            let held = state.evidence.files.iter().find(|held| held.summary.id == evidence.summary.id);
            match held {
                Some(held) if held.summary.same_file_as(&evidence.summary) => Ok(()),
                Some(held) => Err(WriteOnceError::Immutable { id: held.summary.id.to_string() }),
                None => {
                    state.evidence.files.push(evidence.clone());
                    Ok(())
                }
            }
        })
    }

    async fn read_evidence(&self, id: EvidenceId, reading: &Reading) -> Result<Option<Evidence>, StoreError> {
        self.act("reading evidence", |state| {
            StoreError::check_size("a reader's name", reading.reader.len(), NAME_BYTES_MAX)?;
            let found = state.evidence.files.iter().find(|held| held.summary.id == id).cloned();
            if found.is_some() {
                state.evidence.readings.push((id, reading.clone()));
            }
            Ok(found)
        })
    }

    async fn evidence_of(&self, case: CaseId) -> Result<Vec<EvidenceSummary>, StoreError> {
        self.act("listing evidence", |state| {
            let files = state.evidence.files.iter().map(|file| &file.summary);
            Ok(files.filter(|file| file.case == case).take(EVIDENCE_LIST_MAX as usize).cloned().collect())
        })
    }

    async fn readings_of(&self, id: EvidenceId) -> Result<Vec<Reading>, StoreError> {
        self.act("listing the readings of evidence", |state| {
            let of_file = state.evidence.readings.iter().filter(|(file, _)| *file == id);
            let mut readings: Vec<_> = of_file.map(|(_, reading)| reading.clone()).collect();
            let surplus = readings.len().saturating_sub(EVIDENCE_LIST_MAX as usize);
            readings.drain(..surplus);
            Ok(readings)
        })
    }
}
