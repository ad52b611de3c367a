//! Backup while others write, and restore.

use crate::contract::SqliteRig;
use crate::opening::raw;
use records::contract::Rig;
use records::contract::fixtures::{account, checkpoint, note, site};
use records::{BackupError, Change, Log, NewLeaf, Sites};
use records_sql::{OpenError, RestoreError, SqliteRecords, restore};
use sqlx::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use vocabulary::ReportId;

#[tokio::test]
async fn a_backup_taken_under_writes_is_whole_and_restores() {
    let rig = SqliteRig::fresh().await;
    let records = rig.records();
    records.apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await.unwrap();
    let writer = {
        let records = Arc::clone(&records);
        tokio::spawn(async move {
            let epoch = records.take_epoch().await.unwrap();
            for size in 0..100 {
                let leaf = NewLeaf { bytes: vec![size as u8; 100], subject: format!("s{size}"), sequence: 1 };
                records.append(epoch, size, &[leaf], &checkpoint(size + 1, "r", "log")).await.unwrap();
                let change = [Change::PutSite(site(1, 1, &[&format!("host-{size}.test")]))];
                records.apply(&change, None, &note(2, "a writer")).await.unwrap();
            }
        })
    };
    while records.head().await.unwrap().is_none_or(|head| head.size < 20) {
        tokio::task::yield_now().await;
    }
    let file = rig.directory.path().join("backup.sqlite");
    let size = records.backup(&file).await.unwrap();
    writer.await.unwrap();
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (size, 0o600));
    let left: Vec<_> =
        fs::read_dir(rig.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");

    let place = tempfile::tempdir().unwrap();
    let database = place.path().join("records.sqlite");
    assert_eq!(restore(&file, &database).await.unwrap(), size);
    assert_eq!(fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = SqliteRecords::open(&database).await.unwrap();
    let head = restored.head().await.unwrap().unwrap();
    assert!((20..=100).contains(&head.size), "{}", head.size);
    let hashes = restored.leaf_hashes(0..1000).await.unwrap();
    assert_eq!(hashes, records.leaf_hashes(0..head.size).await.unwrap());
    let fleet = restored.fleet().await.unwrap();
    assert_eq!(records.fleet_at(fleet.revision).await.unwrap(), Some(fleet));
}

#[tokio::test]
async fn a_backup_never_overwrites_and_says_why_it_cannot_write() {
    let rig = SqliteRig::fresh().await;
    let file = rig.directory.path().join("backup.sqlite");
    fs::write(&file, "precious").unwrap();
    let refused = rig.records().backup(&file).await;
    assert!(matches!(refused, Err(BackupError::Exists(_))), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let refused = rig.records().backup(&rig.directory.path().join("absent/backup")).await;
    assert!(matches!(refused, Err(BackupError::Target { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_restore_never_overwrites_and_never_mixes_in_an_old_journal() {
    let mut rig = SqliteRig::fresh().await;
    rig.records().apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await.unwrap();
    let file = rig.directory.path().join("backup.sqlite");
    rig.records().backup(&file).await.unwrap();
    let refused = restore(&file, &rig.path()).await;
    assert!(matches!(refused, Err(RestoreError::Place(OpenError::Locked(_)))), "{refused:?}");
    rig.close().await;
    let refused = restore(&file, &rig.path()).await;
    assert!(matches!(&refused, Err(RestoreError::Exists(path)) if *path == rig.path()), "{refused:?}");
    fs::remove_file(rig.path()).unwrap();
    let journal = rig.directory.path().join("records.sqlite-wal");
    fs::write(&journal, "left over").unwrap();
    let refused = restore(&file, &rig.path()).await;
    assert!(matches!(&refused, Err(RestoreError::Exists(path)) if *path == journal), "{refused:?}");
    fs::remove_file(journal).unwrap();
    restore(&file, &rig.path()).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().revision().await.unwrap(), 1);
}

#[tokio::test]
async fn a_damaged_or_foreign_backup_is_refused_and_nothing_is_put_in_place() {
    let mut rig = SqliteRig::fresh().await;
    rig.records().apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await.unwrap();
    let file = rig.directory.path().join("backup.sqlite");
    rig.records().backup(&file).await.unwrap();
    rig.close().await;
    fs::remove_file(rig.path()).unwrap();

    let mut damaged = fs::read(&file).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4096].fill(0x5a);
    let damaged_file = rig.directory.path().join("damaged");
    fs::write(&damaged_file, damaged).unwrap();
    let foreign_file = rig.directory.path().join("foreign");
    let mut foreign = raw(&foreign_file).await;
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&mut foreign).await.unwrap();
    foreign.close().await.unwrap();
    let text_file = rig.directory.path().join("text");
    fs::write(&text_file, "no database").unwrap();
    let empty_file = rig.directory.path().join("empty");
    fs::write(&empty_file, "").unwrap();
    for bad in [damaged_file, foreign_file, text_file, empty_file] {
        let refused = restore(&bad, &rig.path()).await;
        assert!(matches!(refused, Err(RestoreError::Backup(_))), "{bad:?}: {refused:?}");
        assert!(!rig.path().exists());
    }
    let absent = restore(&rig.directory.path().join("absent"), &rig.path()).await;
    assert!(
        matches!(&absent, Err(RestoreError::Copy(error)) if error.to_string().contains("absent")),
        "{absent:?}"
    );
}

/// A key destroyed after the backup was made stays destroyed when the backup comes back to the same place; and the
/// backup itself holds no key.
#[tokio::test]
async fn a_restored_backup_opens_no_report_that_was_erased_since() {
    let mut rig = SqliteRig::fresh().await;
    let (erased, kept) = (ReportId::from_bytes([1; 16]), ReportId::from_bytes([2; 16]));
    let key = b"a wrapped key of some report, which is looked for below";
    for id in [erased, kept] {
        rig.records().put_report_key(id, key).await.unwrap();
    }
    let file = rig.directory.path().join("backup.sqlite");
    rig.records().backup(&file).await.unwrap();
    let copy = fs::read(&file).unwrap();
    assert!(!copy.windows(key.len()).any(|window| window == key), "the backup holds a key");
    rig.records().destroy_report_key(erased).await.unwrap();
    rig.close().await;
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", rig.path().display()));
    }
    restore(&file, &rig.path()).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().report_key(erased).await.unwrap(), None);
    assert_eq!(rig.records().report_key(kept).await.unwrap().as_deref(), Some(&key[..]));
}
