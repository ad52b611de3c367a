//! Clauses about reports, allegations and keys.

use super::Rig;
use super::fixtures::at;
use crate::bounds::REPORT_BYTES_MAX;
use crate::{Filed, Page, PutError, Reading, StoreError};
use reports::{
    Allegation, ByteString, Category, Channel, Contents, Outcome, ReceiptHash, Report, ReportState, Sealed,
    Trace,
};
use std::collections::BTreeSet;
use vocabulary::{AllegationId, CaseId, Digest, ReportId};

fn trace() -> Trace {
    Trace { urls: BTreeSet::from([Digest::of(b"url")]), words: None, signature: None }
}

fn allegation(number: u8) -> Allegation {
    let id = AllegationId::from_bytes([number; 16]);
    let mut allegation = Allegation::open(id, Category::Threat, true, at(0));
    allegation.join(true, (&BTreeSet::new(), &BTreeSet::new()), &trace(), at(0)).unwrap();
    allegation
}

fn report(number: u8, of: u8) -> Report {
    Report {
        id: ReportId::from_bytes([number; 16]),
        received_at: at(i64::from(number)),
        channel: Channel::Form,
        category: Category::Threat,
        danger: true,
        language: "en".to_owned(),
        allegation: AllegationId::from_bytes([of; 16]),
        state: ReportState::Received,
        receipt: ReceiptHash::from_bytes([number; 48]),
        repeat: Digest::of(&[number]),
        reporter: None,
        may_forward: false,
        wants_mail: false,
        contents: Contents::Kept {
            key: ByteString(vec![number; 32]),
            sealed: Sealed(ByteString(vec![number; 100])),
            fingerprints: vec![u64::MAX - u64::from(number)],
            trace: Box::new(trace()),
        },
        thread: Vec::new(),
    }
}

pub async fn a_report_is_filed_with_its_allegation_or_not_at_all(rig: &mut impl Rig) {
    let records = rig.records();
    assert_eq!(records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap(), Filed::New);
    let behind = records.file_report(&report(2, 1), &allegation(1), 0).await;
    assert!(matches!(behind, Err(PutError::Conflict { expected: 0, found: 1 })), "{behind:?}");
    assert_eq!(records.report(report(2, 1).id).await.unwrap(), None, "nothing was changed");
    assert_eq!(records.file_report(&report(2, 1), &allegation(1), 1).await.unwrap(), Filed::New);
    assert_eq!(records.report(report(1, 1).id).await.unwrap().map(|held| held.value), Some(report(1, 1)));
    let held = records.allegation(allegation(1).id).await.unwrap().unwrap();
    assert_eq!((held.version, held.value), (2, allegation(1)));
}

pub async fn a_repeated_report_changes_nothing(rig: &mut impl Rig) {
    let records = rig.records();
    records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    let again = Report { id: ReportId::from_bytes([9; 16]), ..report(1, 1) };
    let known = Filed::Known(report(1, 1).id);
    assert_eq!(records.file_report(&again, &allegation(2), 0).await.unwrap(), known);
    assert_eq!(records.report_by_repeat(&again.repeat).await.unwrap(), Some(report(1, 1).id));
    assert_eq!(records.report_by_repeat(&Digest::of(b"other")).await.unwrap(), None);
    assert_eq!(records.allegation(allegation(2).id).await.unwrap(), None);
}

pub async fn a_report_is_found_by_the_locator_of_its_receipt(rig: &mut impl Rig) {
    let records = rig.records();
    records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    let found = records.report_by_locator(&[1; 16]).await.unwrap();
    assert_eq!(found.map(|held| held.value.id), Some(report(1, 1).id));
    assert_eq!(records.report_by_locator(&[2; 16]).await.unwrap(), None);
}

pub async fn a_report_is_put_under_its_version(rig: &mut impl Rig) {
    let records = rig.records();
    let missing = records.put_report(&report(1, 1), 0).await;
    assert!(matches!(missing, Err(PutError::Conflict { .. })), "reports come in by filing alone");
    records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    let closed = report(1, 1).close(Outcome::Unfounded, at(9)).unwrap();
    assert_eq!(records.put_report(&closed, 1).await.unwrap(), 2);
    let late = records.put_report(&report(1, 1), 1).await;
    assert!(matches!(late, Err(PutError::Conflict { expected: 1, found: 2 })), "{late:?}");
    assert_eq!(records.report(closed.id).await.unwrap().unwrap().value, closed);
    let mut large = closed;
    large.language = "x".repeat(REPORT_BYTES_MAX);
    let refused = records.put_report(&large, 2).await;
    assert!(matches!(refused, Err(PutError::Store(StoreError::TooLarge { .. }))), "{refused:?}");
}

pub async fn reports_and_allegations_come_in_pages(rig: &mut impl Rig) {
    let records = rig.records();
    records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    records.file_report(&report(2, 2), &allegation(2), 0).await.unwrap();
    records.file_report(&report(3, 1), &allegation(1), 1).await.unwrap();
    let of_one = records.list_reports(Some(allegation(1).id), Page::first(1)).await.unwrap();
    assert_eq!(of_one.items[0].value.id, report(3, 1).id);
    let rest =
        records.list_reports(Some(allegation(1).id), Page { after: of_one.next, limit: 5 }).await.unwrap();
    assert_eq!(rest.items.iter().map(|held| held.value.id).collect::<Vec<_>>(), [report(1, 1).id]);
    assert_eq!(records.list_reports(None, Page::default()).await.unwrap().items.len(), 3);
    let mut closed = allegation(2);
    closed.close(at(5)).unwrap();
    assert_eq!(records.put_allegation(&closed, 1).await.unwrap(), 2);
    let open = records.list_allegations(true, Page::default()).await.unwrap();
    assert_eq!(open.items.iter().map(|held| held.value.id).collect::<Vec<_>>(), [allegation(1).id]);
    assert_eq!(records.list_allegations(false, Page::default()).await.unwrap().items.len(), 2);
}

/// However many come in after it, what is urgent and old is on the first page.
pub async fn the_queue_is_by_urgency_and_then_by_age(rig: &mut impl Rig) {
    let records = rig.records();
    let put = async |number: u8, danger: bool, case: bool, closed: bool| {
        let id = AllegationId::from_bytes([number; 16]);
        let mut one = Allegation::open(id, Category::Threat, danger, at(i64::from(number)));
        if case {
            one.assign(CaseId::from_bytes([1; 16])).unwrap();
        }
        if closed {
            one.close(at(99)).unwrap();
        }
        records.put_allegation(&one, 0).await.unwrap();
    };
    put(1, false, false, false).await;
    put(2, true, true, false).await;
    put(3, true, false, true).await;
    put(4, true, false, false).await;
    put(5, false, true, false).await;
    put(6, true, false, false).await;
    put(7, false, false, false).await;
    let (mut seen, mut page) = (Vec::new(), Page::first(2));
    loop {
        let listing = records.allegation_queue(page).await.unwrap();
        seen.extend(listing.items.iter().map(|held| held.value.id.as_bytes()[0]));
        match listing.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [4, 6, 2, 1, 7, 5]);
    // A danger that a later report tells of, and a case, move it.
    let mut first = records.allegation(AllegationId::from_bytes([1; 16])).await.unwrap().unwrap();
    first.value.join(true, (&BTreeSet::new(), &BTreeSet::new()), &trace(), at(100)).unwrap();
    records.put_allegation(&first.value, first.version).await.unwrap();
    let queue = records.allegation_queue(Page::first(1)).await.unwrap();
    assert_eq!(queue.items[0].value.id.as_bytes()[0], 1, "it waits longest");
}

pub async fn every_reading_of_a_report_is_kept(rig: &mut impl Rig) {
    let records = rig.records();
    records.file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    let reading = |minute| Reading { reader: "intake-1".to_owned(), at: at(minute) };
    for minute in [1, 2] {
        records.note_report_reading(report(1, 1).id, &reading(minute)).await.unwrap();
    }
    assert_eq!(records.report_readings(report(1, 1).id).await.unwrap(), [reading(1), reading(2)]);
    assert_eq!(records.report_readings(report(2, 1).id).await.unwrap(), []);
}

pub async fn a_destroyed_key_never_comes_back(rig: &mut impl Rig) {
    let records = rig.records();
    let (one, other) = (report(1, 1).id, report(2, 1).id);
    records.put_report_key(one, b"wrapped 1").await.unwrap();
    records.put_report_key(other, b"wrapped 2").await.unwrap();
    records.put_report_key(one, b"another").await.unwrap();
    assert_eq!(records.report_key(one).await.unwrap().as_deref(), Some(&b"wrapped 1"[..]));
    records.destroy_report_key(one).await.unwrap();
    records.destroy_report_key(one).await.unwrap();
    records.put_report_key(one, b"wrapped 1").await.unwrap();
    rig.reopen().await;
    let records = rig.records();
    assert_eq!(records.report_key(one).await.unwrap(), None);
    assert_eq!(records.report_key(other).await.unwrap().as_deref(), Some(&b"wrapped 2"[..]));
}

pub async fn reports_survive_reopening(rig: &mut impl Rig) {
    rig.records().file_report(&report(1, 1), &allegation(1), 0).await.unwrap();
    rig.reopen().await;
    let records = rig.records();
    assert_eq!(records.report(report(1, 1).id).await.unwrap().map(|held| held.value), Some(report(1, 1)));
    assert_eq!(
        records.allegation(allegation(1).id).await.unwrap().map(|held| held.value),
        Some(allegation(1))
    );
}
