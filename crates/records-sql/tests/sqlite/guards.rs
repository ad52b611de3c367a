//! What the schema itself refuses, whoever asks: the adapter is not the only one who can open the file.

use crate::contract::SqliteRig;
use crate::opening::raw;
use records::contract::Rig;
use records::contract::authorities::order;
use records::contract::fixtures::{account, at, case_id, checkpoint, note};
use records::{AppendError, Change, DocumentName, Evidence, NewLeaf, Page, Reading};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::{EvidenceId, SeededRandom};

#[tokio::test]
async fn no_statement_changes_what_must_stay() {
    let rig = SqliteRig::fresh().await;
    let records = rig.records();
    records.apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await.unwrap();
    let epoch = records.take_epoch().await.unwrap();
    let leaves: Vec<_> = (1..=2)
        .map(|sequence| NewLeaf { bytes: vec![sequence as u8], subject: "a".to_owned(), sequence })
        .collect();
    records.append(epoch, 0, &leaves, &checkpoint(2, "root", "log")).await.unwrap();
    records.publish(epoch, 2, &checkpoint(2, "root", "log witness")).await.unwrap();
    records.put_document(&DocumentName::new("policy", "1"), b"text", at(1)).await.unwrap();
    let id = EvidenceId::from_bytes([1; 16]);
    let file = Evidence::new(id, case_id(1), "text/plain".to_owned(), b"seen".to_vec(), at(1));
    records.put_evidence(&file).await.unwrap();
    records.read_evidence(id, &Reading { reader: "one".to_owned(), at: at(2) }).await.unwrap();

    let mut other = raw(&rig.path()).await;
    for statement in [
        "UPDATE leaves SET bytes = x'00' WHERE idx = 0",
        "DELETE FROM leaves WHERE idx = 1",
        "DELETE FROM leaves",
        "INSERT INTO leaves VALUES (3, randomblob(32), 'b', 1, x'00')",
        "INSERT OR REPLACE INTO leaves VALUES (0, randomblob(32), 'b', 1, x'00')",
        "INSERT OR REPLACE INTO leaves SELECT 2, hash, 'b', 1, x'00' FROM leaves WHERE idx = 0",
        "INSERT OR REPLACE INTO leaves VALUES (2, randomblob(32), 'a', 1, x'00')",
        "UPDATE log_state SET published_size = 1",
        "UPDATE log_state SET published_size = NULL, published_note = NULL",
        "UPDATE log_state SET epoch = 0",
        "DELETE FROM log_state",
        "UPDATE evidence SET media_type = 'x'",
        "DELETE FROM evidence",
        "INSERT OR REPLACE INTO evidence SELECT ordinal + 1, id, case_id, 'x', sha256, size, at FROM evidence",
        "INSERT OR REPLACE INTO evidence SELECT ordinal, 'x', case_id, 'x', sha256, size, at FROM evidence",
        "UPDATE evidence_files SET bytes = x'00'",
        "DELETE FROM evidence_files",
        "INSERT OR REPLACE INTO evidence_files SELECT id, x'00' FROM evidence_files",
        "UPDATE readings SET reader = 'nobody'",
        "DELETE FROM readings",
        "INSERT OR REPLACE INTO readings SELECT ordinal, evidence, 'nobody', at FROM readings",
        "UPDATE documents SET bytes = x'00'",
        "DELETE FROM documents",
        "INSERT OR REPLACE INTO documents (kind, name, sha256, at, bytes) SELECT kind, name, sha256, at, x'00' FROM documents",
        "UPDATE revisions SET actor = 'nobody'",
        "DELETE FROM revisions",
        "INSERT INTO revisions VALUES (3, 0, 'x', 0)",
        "INSERT OR REPLACE INTO revisions VALUES (1, 0, 'nobody', 0)",
    ] {
        let refused = sqlx::query(statement).execute(&mut other).await;
        let code = refused.as_ref().err().and_then(|error| error.as_database_error()?.code());
        assert_eq!(code.as_deref(), Some("1811"), "{statement}: {refused:?}");
    }
    assert_eq!(
        records.leaf_hashes(0..9).await.unwrap(),
        leaves.iter().map(NewLeaf::hash).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_dropped_at_any_moment_leaves_a_working_store() {
    let rig = SqliteRig::fresh().await;
    let records = rig.records();
    let random = SeededRandom::new(5);
    let epoch = records.take_epoch().await.unwrap();
    // How long a call takes is the machine's: the bound follows it, so that about half of the calls are dropped.
    let mut reach = Duration::from_millis(1);
    let mut dropped = 0;
    for _ in 0..300 {
        let size = records.head().await.unwrap().map_or(0, |head| head.size);
        let leaves: Vec<_> = (size + 1..=size + 3)
            .map(|sequence| NewLeaf {
                bytes: sequence.to_be_bytes().to_vec(),
                subject: "a".to_owned(),
                sequence,
            })
            .collect();
        let call = {
            let records = Arc::clone(&records);
            async move { records.append(epoch, size, &leaves, &checkpoint(size + 3, "r", "log")).await }
        };
        if finished_within(reach.mul_f64(random.below(1_000) as f64 / 500.0), call).await {
            reach = reach.mul_f64(0.9);
        } else {
            dropped += 1;
            reach = reach.mul_f64(1.1).min(Duration::from_secs(1));
        }
        // Takes its turn after the dropped call, whose commit may still be under way.
        records.ready().await.unwrap();
        let found = records.head().await.unwrap().map_or(0, |head| head.size);
        assert_eq!(records.leaf_hashes(0..u64::MAX).await.unwrap().len() as u64, found);
    }
    let size = records.head().await.unwrap().map_or(0, |head| head.size);
    assert!(dropped > 60 && size > 180, "{dropped} dropped, {size} there");
}

/// Whether the call ended within the bound; one that did not is dropped where it stands, at whatever await it is.
///
/// The clock is read between two polls, not by a timer: tokio's counts in whole milliseconds, and a call here takes
/// less than one.
async fn finished_within(bound: Duration, call: impl Future<Output = Result<(), AppendError>>) -> bool {
    let from = Instant::now();
    let mut call = pin!(call);
    loop {
        if let Some(done) = poll_once(call.as_mut()).await {
            done.unwrap();
            return true;
        }
        if from.elapsed() >= bound {
            return false;
        }
        tokio::task::yield_now().await;
    }
}

/// What one poll of the call gives: `None` while it is not done.
async fn poll_once<F: Future>(mut call: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test]
async fn an_order_that_cannot_be_read_hides_no_other() {
    let rig = SqliteRig::fresh().await;
    let records = rig.records();
    for number in [1, 2, 3] {
        records.put_order(&order(number), 0).await.unwrap();
    }
    let mut other = raw(&rig.path()).await;
    let id = order(2).id.to_string();
    sqlx::query("UPDATE orders SET document = '{}' WHERE id = ?")
        .bind(&id)
        .execute(&mut other)
        .await
        .unwrap();
    let listed = records.list_orders(Page::first(9)).await.unwrap().items;
    let read: Vec<_> = listed.iter().map(|held| held.as_ref().map(|held| held.value.id).ok()).collect();
    assert_eq!(read, [Some(order(3).id), None, Some(order(1).id)]);
    let why = listed[1].as_ref().unwrap_err().to_string();
    assert!(why.contains("orders") && why.contains(&id), "{why}");
}
