//! What opening accepts and what it refuses, with a clear word.

use crate::contract::SqliteRig;
use records::contract::Rig;
use records::contract::fixtures::{account, checkpoint, note, site};
use records::{Change, NewLeaf, Sites};
use records_sql::{OpenError, SqliteRecords};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A connection behind the adapter's back, without its pragmas.
pub(crate) async fn raw(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(false);
    SqliteConnection::connect_with(&options).await.expect("a connection")
}

async fn execute(path: &Path, statements: &[&'static str]) {
    let mut connection = raw(path).await;
    for statement in statements {
        sqlx::query(*statement).execute(&mut connection).await.expect("a statement");
    }
    connection.close().await.expect("closing");
}

/// A database with something in every part that opening looks at.
async fn filled() -> SqliteRig {
    let mut rig = SqliteRig::fresh().await;
    let records = rig.records();
    let change = [Change::PutAccount(account(1)), Change::PutSite(site(1, 1, &["one.test"]))];
    records.apply(&change, None, &note(1, "a test")).await.unwrap();
    let epoch = records.take_epoch().await.unwrap();
    let leaves: Vec<_> = (1..=200)
        .map(|sequence| NewLeaf {
            bytes: format!("{sequence:0>500}").into_bytes(),
            subject: "a".to_owned(),
            sequence,
        })
        .collect();
    records.append(epoch, 0, &leaves, &checkpoint(200, "root", "log")).await.unwrap();
    drop(records);
    rig.close().await;
    rig
}

async fn refusal(rig: &SqliteRig) -> OpenError {
    SqliteRecords::open(&rig.path()).await.expect_err("this must not open")
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let rig = SqliteRig::fresh().await;
    rig.records().apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(rig.directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    // The journal of the keys is emptied after each write, not removed.
    let expected = ["", "-shm", "-wal", ".keys", ".keys-journal", ".lock"];
    assert_eq!(names, expected.map(|suffix| format!("records.sqlite{suffix}")));
}

#[tokio::test]
async fn a_readable_file_is_made_private_again() {
    let rig = filled().await;
    fs::set_permissions(rig.path(), fs::Permissions::from_mode(0o644)).unwrap();
    SqliteRecords::open(&rig.path()).await.unwrap().close().await;
    assert_eq!(fs::metadata(rig.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_second_process_is_told_that_the_records_are_in_use() {
    let mut rig = SqliteRig::fresh().await;
    let error = refusal(&rig).await;
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    rig.close().await;
    SqliteRecords::open(&rig.path()).await.unwrap();
}

#[tokio::test]
async fn a_foreign_lock_on_the_file_is_told_as_such() {
    let rig = filled().await;
    let mut other = raw(&rig.path()).await;
    sqlx::query("PRAGMA locking_mode = EXCLUSIVE").execute(&mut other).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = refusal(&rig).await;
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = SqliteRecords::open(&directory.path().join("absent/records.sqlite")).await.unwrap_err();
    assert!(matches!(error, OpenError::Unusable { .. }) && error.to_string().contains("absent"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let mut rig = SqliteRig::fresh().await;
    rig.close().await;
    let text = "this is some text that is long enough to be a header".repeat(100);
    fs::write(rig.path(), &text).unwrap();
    let error = refusal(&rig).await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("wardmote restore"), "{error}");
    assert_eq!(fs::read_to_string(rig.path()).unwrap(), text);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let mut rig = SqliteRig::fresh().await;
    rig.close().await;
    fs::remove_file(rig.path()).unwrap();
    execute(&rig.path(), &["CREATE TABLE bookmarks (url TEXT)"]).await;
    let before = fs::read(rig.path()).unwrap();
    let error = refusal(&rig).await;
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    execute(&rig.path(), &["SELECT * FROM bookmarks"]).await;
    assert_eq!(fs::read(rig.path()).unwrap().len(), before.len(), "no table was added");
}

#[tokio::test]
async fn records_from_before_there_were_purges_are_brought_up_to_date() {
    let rig = filled().await;
    let back = [
        "DROP TABLE purges",
        "DROP TABLE purge_state",
        "DROP TABLE reports",
        "DROP TABLE allegations",
        "DROP TABLE report_readings",
        "DROP TABLE host_claims",
        "DROP TABLE account_tokens",
        "DROP TABLE mails",
        "ALTER TABLE accounts DROP COLUMN mail",
        "DROP TABLE authorities",
        "DROP TABLE orders",
        "DROP TABLE subscriptions",
        "DELETE FROM _sqlx_migrations WHERE version >= 2",
    ];
    execute(&rig.path(), &back).await;
    let records = SqliteRecords::open(&rig.path()).await.unwrap();
    assert_eq!(records::Purges::purge_revision(&records).await.unwrap(), 0);
    assert_eq!(records::Purges::skip_purges(&records, 3).await.unwrap(), 3);
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_what_to_do() {
    let rig = filled().await;
    execute(
        &rig.path(),
        &["INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
           VALUES (99, 'from the future', TRUE, x'00', 1)"],
    )
    .await;
    let error = refusal(&rig).await;
    assert!(matches!(error, OpenError::Newer { found: 99, known: 12, .. }), "{error}");
    assert!(error.to_string().contains("run the newer version"), "{error}");
}

#[tokio::test]
async fn overwritten_pages_are_found_at_opening() {
    let rig = filled().await;
    let sound = fs::read(rig.path()).unwrap();
    let pages = sound.len() / 4096;
    // The large files have digests of their own, which are checked when one is read.
    let mut connection = raw(&rig.path()).await;
    let passed_over: Vec<i64> = sqlx::query_scalar(
        "SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'evidence_files' AND rootpage > 0",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    // Page 1 is the header and the schema; every later page belongs to a table or an index.
    for page in 1..pages {
        let mut damaged = sound.clone();
        damaged[page * 4096..(page + 1) * 4096].fill(0x5a);
        fs::write(rig.path(), &damaged).unwrap();
        match SqliteRecords::open(&rig.path()).await {
            Err(OpenError::Damaged { .. }) => {}
            Err(other) => panic!("page {page}: {other}"),
            Ok(records) => {
                assert!(passed_over.contains(&(page as i64 + 1)), "page {page} went unnoticed");
                records.close().await;
            }
        }
    }
}

#[tokio::test]
async fn a_truncated_file_is_found_at_opening() {
    let rig = filled().await;
    let sound = fs::read(rig.path()).unwrap();
    for length in [100, 5000, sound.len() / 2, sound.len() - 4096] {
        fs::write(rig.path(), &sound[..length]).unwrap();
        let error = refusal(&rig).await;
        assert!(matches!(error, OpenError::Damaged { .. }), "{length}: {error}");
    }
}

#[tokio::test]
async fn a_log_that_disagrees_with_itself_is_refused() {
    for (break_it, word) in [
        (&["DROP TRIGGER leaves_stay", "DELETE FROM leaves WHERE idx = 199"][..], "checkpoint"),
        (&["DROP TRIGGER leaves_stay", "DELETE FROM leaves WHERE idx = 100"], "entries"),
        (&["DELETE FROM staged"], "checkpoint"),
        (&["UPDATE log_state SET published_size = 7, published_note = 'x'"], "published"),
        (
            &[
                "DROP TRIGGER revisions_stay",
                "INSERT INTO revisions VALUES (2, 0, 'x', 0)",
                "DELETE FROM revisions WHERE revision = 1",
            ],
            "revisions",
        ),
    ] {
        let rig = filled().await;
        execute(&rig.path(), break_it).await;
        let error = refusal(&rig).await;
        assert!(matches!(&error, OpenError::Damaged { reason, .. } if reason.contains(word)), "{error}");
    }
}

#[tokio::test]
async fn a_start_that_died_before_its_schema_is_finished_by_the_next() {
    let mut rig = SqliteRig::fresh().await;
    rig.close().await;
    fs::remove_file(rig.path()).unwrap();
    execute(&rig.path(), &["CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
        installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL,
        execution_time BIGINT NOT NULL)"]).await;
    let records = SqliteRecords::open(&rig.path()).await.unwrap();
    assert_eq!(records.revision().await.unwrap(), 0);
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_is_named() {
    let rig = filled().await;
    execute(&rig.path(), &["UPDATE sites SET document = '{\"id\": 1}'"]).await;
    let records = SqliteRecords::open(&rig.path()).await.unwrap();
    let error = records.fleet().await.unwrap_err().to_string();
    let id = site(1, 1, &["one.test"]).id.to_string();
    assert!(error.contains("table sites") && error.contains(&id), "{error}");
}
