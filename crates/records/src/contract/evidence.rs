//! Clauses about evidence.

use super::Rig;
use super::fixtures::{at, case_id};
use crate::bounds::EVIDENCE_BYTES_MAX;
use crate::{Evidence, Reading, StoreError, WriteOnceError};
use vocabulary::EvidenceId;

fn file(number: u8, case: u8, bytes: &[u8]) -> Evidence {
    let id = EvidenceId::from_bytes([number; 16]);
    Evidence::new(id, case_id(case), "text/plain".to_owned(), bytes.to_vec(), at(1))
}

fn reading(reader: &str, minute: i64) -> Reading {
    Reading { reader: reader.to_owned(), at: at(minute) }
}

pub async fn evidence_is_write_once(rig: &mut dyn Rig) {
    let records = rig.records();
    records.put_evidence(&file(1, 1, b"what was seen")).await.unwrap();
    let mut repeated = file(1, 1, b"what was seen");
    repeated.summary.at = at(9);
    records.put_evidence(&repeated).await.unwrap();
    for other in [file(1, 1, b"something else"), file(1, 2, b"what was seen")] {
        let refused = records.put_evidence(&other).await;
        assert!(matches!(refused, Err(WriteOnceError::Immutable { .. })), "{refused:?}");
    }
    let held = records.read_evidence(EvidenceId::from_bytes([1; 16]), &reading("someone", 2)).await.unwrap();
    assert_eq!(held, Some(file(1, 1, b"what was seen")), "the first put stays, with its instant");
    records.put_evidence(&file(2, 1, b"")).await.unwrap();
    let listed = records.evidence_of(case_id(1)).await.unwrap();
    assert_eq!(listed, [file(1, 1, b"what was seen").summary, file(2, 1, b"").summary]);
    assert_eq!(records.evidence_of(case_id(2)).await.unwrap(), []);
}

pub async fn every_reading_of_evidence_is_kept(rig: &mut dyn Rig) {
    let records = rig.records();
    let id = EvidenceId::from_bytes([1; 16]);
    assert_eq!(records.read_evidence(id, &reading("someone", 1)).await.unwrap(), None);
    records.put_evidence(&file(1, 1, b"what was seen")).await.unwrap();
    for (reader, minute) in [("one", 2), ("two", 3), ("one", 4)] {
        records.read_evidence(id, &reading(reader, minute)).await.unwrap().unwrap();
    }
    let readings = records.readings_of(id).await.unwrap();
    assert_eq!(readings, [reading("one", 2), reading("two", 3), reading("one", 4)]);
    assert_eq!(records.readings_of(EvidenceId::from_bytes([2; 16])).await.unwrap(), []);
}

pub async fn oversized_evidence_is_refused(rig: &mut dyn Rig) {
    let records = rig.records();
    records.put_evidence(&file(1, 1, &vec![7; EVIDENCE_BYTES_MAX])).await.unwrap();
    let refused = records.put_evidence(&file(2, 1, &vec![7; EVIDENCE_BYTES_MAX + 1])).await;
    assert!(matches!(refused, Err(WriteOnceError::Store(StoreError::TooLarge { .. }))), "{refused:?}");
    assert_eq!(records.evidence_of(case_id(1)).await.unwrap().len(), 1);
}

pub async fn evidence_survives_reopening(rig: &mut dyn Rig) {
    let id = EvidenceId::from_bytes([1; 16]);
    rig.records().put_evidence(&file(1, 1, b"what was seen")).await.unwrap();
    rig.records().read_evidence(id, &reading("one", 2)).await.unwrap().unwrap();
    rig.reopen().await;
    let held = rig.records().read_evidence(id, &reading("two", 3)).await.unwrap();
    assert_eq!(held, Some(file(1, 1, b"what was seen")));
    assert_eq!(rig.records().readings_of(id).await.unwrap(), [reading("one", 2), reading("two", 3)]);
}
