//! Clauses about the log.

use super::Rig;
use super::fixtures::checkpoint;
use crate::bounds::{LEAF_BYTES_MAX, LEAVES_PER_READ_MAX};
use crate::{AppendError, Epoch, Head, Log, NewLeaf, PublishError, StoreError};
use std::sync::Arc;

fn leaf(subject: &str, sequence: u64) -> NewLeaf {
    let bytes = format!("entry {sequence} of {subject}").into_bytes();
    NewLeaf { bytes, subject: subject.to_owned(), sequence }
}

/// Appends entries 1..=count of a subject of their own to the empty log.
async fn fill(log: &dyn Log, count: u64) -> Epoch {
    let epoch = log.take_epoch().await.unwrap();
    let leaves: Vec<_> = (1..=count).map(|sequence| leaf("filler", sequence)).collect();
    log.append(epoch, 0, &leaves, &checkpoint(count, "root", "log")).await.unwrap();
    epoch
}

pub async fn an_empty_log_has_no_head(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.head().await.unwrap(), None);
    assert_eq!(records.published().await.unwrap(), None);
    assert_eq!(records.leaves(0..10).await.unwrap(), []);
    assert_eq!(records.leaf_hashes(0..10).await.unwrap(), []);
    assert_eq!(records.last_of_subject("anything").await.unwrap(), None);
    assert_eq!(records.entries_of_subject("anything").await.unwrap(), [0; 0]);
    assert_eq!(records.index_of(&leaf("a", 1).hash()).await.unwrap(), None);
    let epoch = records.take_epoch().await.unwrap();
    records.append(epoch, 0, &[], &checkpoint(0, "empty", "log")).await.unwrap();
    let head = Head { size: 0, note: checkpoint(0, "empty", "log") };
    assert_eq!(records.head().await.unwrap(), Some(head), "an empty tree may have its checkpoint");
}

pub async fn appends_are_whole_and_in_order(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = records.take_epoch().await.unwrap();
    let first = [leaf("a", 1), leaf("b", 1), leaf("a", 2)];
    records.append(epoch, 0, &first, &checkpoint(3, "r3", "log")).await.unwrap();
    records.append(epoch, 3, &[leaf("a", 3)], &checkpoint(4, "r4", "log")).await.unwrap();

    assert_eq!(records.head().await.unwrap(), Some(Head { size: 4, note: checkpoint(4, "r4", "log") }));
    let all = [leaf("a", 1), leaf("b", 1), leaf("a", 2), leaf("a", 3)];
    let read = records.leaves(0..4).await.unwrap();
    assert_eq!(read.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    for (read, put) in read.iter().zip(&all) {
        assert_eq!((&read.bytes, read.hash), (&put.bytes, put.hash()));
    }
    let hashes: Vec<_> = all.iter().map(NewLeaf::hash).collect();
    assert_eq!(records.leaf_hashes(0..4).await.unwrap(), hashes);
    assert_eq!(records.leaf_hashes(1..3).await.unwrap(), hashes[1..3]);
    assert_eq!(records.index_of(&hashes[3]).await.unwrap(), Some(3));
    let last = records.last_of_subject("a").await.unwrap().unwrap();
    assert_eq!((last.sequence, last.hash, last.index), (3, hashes[3], 3));
    assert_eq!(records.entries_of_subject("a").await.unwrap(), [0, 2, 3]);
}

pub async fn an_append_on_another_size_is_refused(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 2).await;
    for expected in [0, 1, 3] {
        let note = checkpoint(expected + 1, "r", "log");
        let refused = records.append(epoch, expected, &[leaf("a", 1)], &note).await;
        assert!(matches!(refused, Err(AppendError::Behind { found: 2, .. })), "{refused:?}");
    }
    assert_eq!(records.head().await.unwrap().unwrap().size, 2);
}

pub async fn a_fenced_sequencer_can_neither_append_nor_publish(rig: &mut dyn Rig) {
    let records = rig.records();
    let old = fill(&*records, 1).await;
    let new = records.take_epoch().await.unwrap();
    assert!(new > old);
    let append = records.append(old, 1, &[leaf("a", 1)], &checkpoint(2, "r", "log")).await;
    assert!(
        matches!(append, Err(AppendError::Fenced { mine, current }) if (mine, current) == (old.0, new.0))
    );
    let publish = records.publish(old, 1, &checkpoint(1, "root", "log witness")).await;
    assert!(matches!(publish, Err(PublishError::Fenced { .. })), "{publish:?}");
    records.append(new, 1, &[leaf("a", 1)], &checkpoint(2, "r", "log")).await.unwrap();
    rig.reopen().await;
    let newest = rig.records().take_epoch().await.unwrap();
    assert!(newest > new, "an epoch is never given twice");
}

pub async fn entries_of_a_subject_follow_each_other(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 2).await;
    for (leaves, last) in [
        (vec![leaf("a", 2)], 0),
        (vec![leaf("filler", 2)], 2),
        (vec![leaf("filler", 4)], 2),
        (vec![leaf("a", 1), leaf("a", 3)], 1),
    ] {
        // Entries of other bytes, so that only their numbers are wrong.
        let leaves: Vec<_> = leaves
            .into_iter()
            .map(|leaf| NewLeaf { bytes: [&leaf.bytes[..], b"'"].concat(), ..leaf })
            .collect();
        let note = checkpoint(2 + leaves.len() as u64, "r", "log");
        let refused = records.append(epoch, 2, &leaves, &note).await;
        assert!(
            matches!(&refused, Err(AppendError::Sequence { last: found, .. }) if *found == last),
            "{refused:?}"
        );
    }
    assert_eq!(records.leaf_hashes(0..10).await.unwrap().len(), 2, "nothing of a refused append is there");
    assert_eq!(records.last_of_subject("a").await.unwrap(), None);
}

pub async fn the_same_entry_is_never_appended_twice(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 2).await;
    let twin = NewLeaf { sequence: 3, ..leaf("filler", 1) };
    let refused = records.append(epoch, 2, &[twin], &checkpoint(3, "r", "log")).await;
    assert!(matches!(refused, Err(AppendError::Duplicate { index: 0 })), "{refused:?}");
    let double = [leaf("a", 1), NewLeaf { sequence: 2, ..leaf("a", 1) }];
    let refused = records.append(epoch, 2, &double, &checkpoint(4, "r", "log")).await;
    assert!(matches!(refused, Err(AppendError::Duplicate { index: 2 })), "{refused:?}");
    assert_eq!(records.head().await.unwrap().unwrap().size, 2);
}

pub async fn a_checkpoint_must_fit_the_log(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 2).await;
    for note in [
        checkpoint(2, "r", "log"),
        checkpoint(4, "r", "log"),
        "wardmote.test/log\n3\nroot\n".to_owned(),
        "wardmote.test/log\n03\nroot\n\n— log sig\n".to_owned(),
        String::new(),
    ] {
        let refused = records.append(epoch, 2, &[leaf("a", 1)], &note).await;
        assert!(matches!(refused, Err(AppendError::Checkpoint { .. })), "{note:?}: {refused:?}");
    }
    let empty = NewLeaf { bytes: vec![], ..leaf("a", 1) };
    let refused = records.append(epoch, 2, &[empty], &checkpoint(3, "r", "log")).await;
    assert!(matches!(refused, Err(AppendError::Checkpoint { .. })), "{refused:?}");
    let large = NewLeaf { bytes: vec![1; LEAF_BYTES_MAX + 1], ..leaf("a", 1) };
    let refused = records.append(epoch, 2, &[large], &checkpoint(3, "r", "log")).await;
    assert!(matches!(refused, Err(AppendError::Store(StoreError::TooLarge { .. }))), "{refused:?}");
    let contradicting = records.append(epoch, 2, &[], &checkpoint(2, "another root", "log")).await;
    assert!(matches!(contradicting, Err(AppendError::Checkpoint { .. })), "{contradicting:?}");
    records.append(epoch, 2, &[], &checkpoint(2, "root", "log again")).await.unwrap();
    assert_eq!(records.head().await.unwrap().unwrap().note, checkpoint(2, "root", "log again"));
    let largest = NewLeaf { bytes: vec![1; LEAF_BYTES_MAX], ..leaf("a", 1) };
    records.append(epoch, 2, &[largest], &checkpoint(3, "r", "log")).await.unwrap();
}

pub async fn what_is_published_never_goes_back_and_never_changes(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 1).await;
    records.append(epoch, 1, &[leaf("a", 1)], &checkpoint(2, "r2", "log")).await.unwrap();
    let cosigned = checkpoint(2, "r2", "log witness");
    records.publish(epoch, 2, &cosigned).await.unwrap();
    assert_eq!(records.published().await.unwrap(), Some(Head { size: 2, note: cosigned }));

    let back = records.publish(epoch, 1, &checkpoint(1, "root", "log witness")).await;
    assert!(matches!(back, Err(PublishError::Backwards { published: 2, size: 1 })), "{back:?}");
    let ahead = records.publish(epoch, 3, &checkpoint(3, "r3", "log witness")).await;
    assert!(matches!(ahead, Err(PublishError::Checkpoint { .. })), "{ahead:?}");
    let changed = records.publish(epoch, 2, &checkpoint(2, "other", "log witness")).await;
    assert!(matches!(changed, Err(PublishError::Checkpoint { .. })), "{changed:?}");
    let mislabelled = records.publish(epoch, 2, &checkpoint(1, "root", "log witness")).await;
    assert!(matches!(mislabelled, Err(PublishError::Checkpoint { .. })), "{mislabelled:?}");

    let renewed = checkpoint(2, "r2", "log witness other");
    records.publish(epoch, 2, &renewed).await.unwrap();
    assert_eq!(records.published().await.unwrap(), Some(Head { size: 2, note: renewed }));
}

pub async fn of_racing_appends_one_wins(rig: &mut dyn Rig) {
    let records = rig.records();
    let epoch = fill(&*records, 1).await;
    let races: Vec<_> = (0..8)
        .map(|number| {
            let records = Arc::clone(&records);
            tokio::spawn(async move {
                let entry = leaf(&format!("racer {number}"), 1);
                records.append(epoch, 1, &[entry], &checkpoint(2, "r", "log")).await
            })
        })
        .collect();
    let mut won = 0;
    for race in races {
        match race.await.unwrap() {
            Ok(()) => won += 1,
            Err(AppendError::Behind { expected: 1, found: 2 }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won, records.leaf_hashes(0..10).await.unwrap().len()), (1, 2));
}

pub async fn ranges_are_cut_to_what_exists(rig: &mut dyn Rig) {
    let records = rig.records();
    let count = LEAVES_PER_READ_MAX + 10;
    fill(&*records, count).await;
    assert_eq!(records.leaves(0..u64::MAX).await.unwrap().len() as u64, LEAVES_PER_READ_MAX);
    let tail = records.leaves(count - 3..count + 5).await.unwrap();
    assert_eq!(tail.iter().map(|leaf| leaf.index).collect::<Vec<_>>(), [count - 3, count - 2, count - 1]);
    assert_eq!(records.leaf_hashes(0..u64::MAX).await.unwrap().len() as u64, count);
    assert_eq!(records.leaf_hashes(u64::MAX - 1..u64::MAX).await.unwrap(), []);
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 5..2;
    assert_eq!(records.leaves(reversed.clone()).await.unwrap(), []);
    assert_eq!(records.leaf_hashes(reversed).await.unwrap(), []);
}

pub async fn the_log_survives_reopening(rig: &mut dyn Rig) {
    let epoch = fill(&*rig.records(), 3).await;
    rig.records().publish(epoch, 3, &checkpoint(3, "root", "log witness")).await.unwrap();
    let hashes = rig.records().leaf_hashes(0..3).await.unwrap();
    rig.reopen().await;
    let records = rig.records();
    assert_eq!(records.leaf_hashes(0..9).await.unwrap(), hashes);
    assert_eq!(records.head().await.unwrap().unwrap().note, checkpoint(3, "root", "log"));
    assert_eq!(records.published().await.unwrap().unwrap().note, checkpoint(3, "root", "log witness"));
    assert_eq!(records.last_of_subject("filler").await.unwrap().unwrap().sequence, 3);
    records.append(epoch, 3, &[leaf("a", 1)], &checkpoint(4, "r4", "log")).await.unwrap();
}
