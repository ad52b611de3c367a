//! Clauses about documents and registers.

use super::Rig;
use super::fixtures::at;
use crate::bounds::{DOCUMENT_BYTES_MAX, REGISTER_BYTES_MAX};
use crate::{DocumentName, Page, PutError, StoreError, Versioned, WriteOnceError};
use vocabulary::Digest;

fn policy(name: &str) -> DocumentName {
    DocumentName::new("policy", name)
}

pub async fn a_document_never_changes(rig: &mut dyn Rig) {
    let records = rig.records();
    let hash = records.put_document(&policy("1"), b"first text", at(1)).await.unwrap();
    assert_eq!(hash, Digest::of(b"first text"));
    assert_eq!(records.put_document(&policy("1"), b"first text", at(9)).await.unwrap(), hash);
    let refused = records.put_document(&policy("1"), b"other text", at(2)).await;
    assert!(matches!(refused, Err(WriteOnceError::Immutable { .. })), "{refused:?}");
    records.put_document(&DocumentName::new("roster", "1"), b"other text", at(2)).await.unwrap();

    let held = records.document(&policy("1")).await.unwrap().unwrap();
    assert_eq!((held.bytes.as_slice(), held.sha256, held.at), (b"first text".as_slice(), hash, at(1)));
    assert_eq!(records.document_by_hash("policy", &hash).await.unwrap(), Some(held));
    assert_eq!(records.document_by_hash("roster", &hash).await.unwrap(), None);
    assert_eq!(records.document(&policy("2")).await.unwrap(), None);
}

pub async fn documents_come_in_pages_last_put_first(rig: &mut dyn Rig) {
    let records = rig.records();
    for name in ["2", "3", "1"] {
        records.put_document(&policy(name), name.as_bytes(), at(1)).await.unwrap();
    }
    records.put_document(&DocumentName::new("roster", "9"), b"another kind", at(1)).await.unwrap();
    let first = records.list_documents("policy", Page::first(2)).await.unwrap();
    let names: Vec<_> = first.items.iter().map(|document| document.name.name.as_str()).collect();
    assert_eq!(names, ["1", "3"]);
    let rest = records.list_documents("policy", Page { after: first.next, limit: 2 }).await.unwrap();
    assert_eq!(rest.items.iter().map(|document| document.name.name.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(rest.next, None);
    assert!(records.list_documents("nothing", Page::default()).await.unwrap().items.is_empty());
}

pub async fn a_page_of_large_documents_stops_early(rig: &mut dyn Rig) {
    let records = rig.records();
    for (name, size) in [("1", DOCUMENT_BYTES_MAX), ("2", DOCUMENT_BYTES_MAX - 10), ("3", 20), ("4", 10)] {
        records.put_document(&policy(name), &vec![b'x'; size], at(1)).await.unwrap();
    }
    let oversized = records.put_document(&policy("5"), &vec![b'x'; DOCUMENT_BYTES_MAX + 1], at(1)).await;
    assert!(matches!(oversized, Err(WriteOnceError::Store(StoreError::TooLarge { .. }))), "{oversized:?}");
    let mut pages = Vec::new();
    let mut page = Page::default();
    loop {
        let listing = records.list_documents("policy", page).await.unwrap();
        pages.push(listing.items.iter().map(|document| document.name.name.clone()).collect::<Vec<_>>());
        let Some(next) = listing.next else { break };
        page.after = Some(next);
    }
    assert_eq!(pages, [vec!["4", "3"], vec!["2"], vec!["1"]]);
}

pub async fn a_register_is_set_under_its_version(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.register("witness").await.unwrap(), None);
    assert_eq!(records.put_register("witness", b"one", 0).await.unwrap(), 1);
    let stale = records.put_register("witness", b"two", 0).await;
    assert!(matches!(stale, Err(PutError::Conflict { expected: 0, found: 1 })), "{stale:?}");
    assert_eq!(records.put_register("witness", b"two", 1).await.unwrap(), 2);
    let large = records.put_register("witness", &vec![1; REGISTER_BYTES_MAX + 1], 2).await;
    assert!(matches!(large, Err(PutError::Store(StoreError::TooLarge { .. }))), "{large:?}");
    assert_eq!(
        records.register("witness").await.unwrap(),
        Some(Versioned { version: 2, value: b"two".to_vec() })
    );
}

pub async fn documents_and_registers_survive_reopening(rig: &mut dyn Rig) {
    rig.records().put_document(&policy("1"), b"text", at(1)).await.unwrap();
    rig.records().put_register("witness", b"one", 0).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().document(&policy("1")).await.unwrap().unwrap().bytes, b"text");
    assert_eq!(rig.records().register("witness").await.unwrap().unwrap().version, 1);
}
