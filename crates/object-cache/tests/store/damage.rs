//! A disk that fails: whatever it does, lookups end soon and nothing wrong is found.

use crate::purging::{url, window};
use crate::{loaded, on_disk, put, response, written};
use object_cache::ObjectCache;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

async fn filled(folder: &Path) -> Vec<String> {
    let cache = on_disk(folder).await;
    let targets: Vec<String> = (0..200).map(|n| format!("/page/{n}")).collect();
    for target in &targets {
        put(&cache, target, response(&[], &[], 20_000));
    }
    cache.apply(&window(0, &[(url("/page/0"), false)])).expect("held");
    cache.close().await;
    targets
}

async fn held(cache: &ObjectCache, targets: &[String]) -> usize {
    let mut held = 0;
    for target in targets {
        if let Some(found) = loaded(cache, target).await {
            let bytes = found.body().whole().expect("whole");
            assert!(bytes.len() == 20_000 && bytes.iter().all(|byte| *byte == b'x'), "{target}");
            held += 1;
        }
    }
    held
}

fn objects(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(folder.join("objects")).expect("objects").map(|e| e.expect("entry").path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn damaged_records_are_misses_and_counted() {
    let folder = tempfile::tempdir().expect("folder");
    let targets = filled(folder.path()).await;
    for path in objects(folder.path()) {
        let mut file = File::options().write(true).open(&path).expect("open");
        let length = file.metadata().expect("length").len();
        // Beyond the index of a block; some bytes in every fourth record.
        for at in (8192 + 5000..length).step_by(4 * 24_576) {
            file.seek(SeekFrom::Start(at)).expect("seek");
            file.write_all(b"damage").expect("write");
        }
    }
    let cache = on_disk(folder.path()).await;
    let held = held(&cache, &targets).await;
    let figures = cache.figures();
    assert!(held > 100 && held < 190, "{held}");
    assert_eq!((figures.disk_unreadable + figures.disk_outdated) as usize, 200 - held, "{figures:?}");
}

#[tokio::test]
async fn read_errors_are_misses_and_counted_and_then_the_disk_is_left_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let targets = filled(folder.path()).await;
    let cache = on_disk(folder.path()).await;
    for path in objects(folder.path()) {
        File::options().write(true).open(&path).expect("open").set_len(0).expect("cut");
    }
    assert_eq!(held(&cache, &targets).await, 0);
    let figures = cache.figures();
    assert_eq!(figures.disk_errors + figures.disk_timeouts, 3, "{figures:?}");
    assert!(figures.disk_skips > 150, "{figures:?}");
    put(&cache, "/new", response(&[], &[], 10));
    assert!(loaded(&cache, "/new").await.is_some(), "memory goes on");
}

#[tokio::test]
async fn a_cut_journal_tail_is_left_out_and_damage_before_it_gives_everything_up() {
    let folder = tempfile::tempdir().expect("folder");
    let targets = filled(folder.path()).await;
    let journal = folder.path().join("purges");
    let whole = fs::read(&journal).expect("journal");
    fs::write(&journal, [&whole[..], &[200, 0, 0, 0, 1, 2, 3]].concat()).expect("write");
    let cache = on_disk(folder.path()).await;
    assert_eq!((held(&cache, &targets).await, cache.held_revision()), (199, 1));
    cache.close().await;
    drop(cache);
    let mut damaged = fs::read(&journal).expect("journal");
    damaged[40] ^= 1;
    fs::write(&journal, damaged).expect("write");
    let cache = on_disk(folder.path()).await;
    assert_eq!((held(&cache, &targets).await, cache.held_revision()), (0, 0));
    put(&cache, "/page/1", response(&[], &[], 20_000));
    cache.close().await;
    drop(cache);
    fs::remove_file(&journal).expect("remove");
    let cache = on_disk(folder.path()).await;
    assert_eq!(held(&cache, &targets).await, 0, "without its journal nothing is trusted");
}

/// Nothing waits for a write: what does not fit in the queue is left out, counted, and not found in an older
/// version later.
#[tokio::test]
async fn a_disk_that_is_behind_loses_copies_and_no_time() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    put(&cache, "/page", response(&[], &[("x-version", "1")], 10));
    written(&cache).await;
    // The queue's bytes several times over, faster than anything is written.
    for n in 0..40 {
        put(&cache, &format!("/filler/{n}"), response(&[], &[], 1 << 20));
    }
    put(&cache, "/page", response(&[], &[("x-version", "2")], 10));
    assert!(cache.figures().disk_drops > 0);
    cache.clear();
    if let Some(found) = loaded(&cache, "/page").await {
        assert!(String::from_utf8_lossy(found.head()).contains("x-version: 2"));
    }
}

/// What a crash may leave: every block has something in it. foyer by itself would never write again.
#[tokio::test]
async fn a_disk_without_a_clean_block_is_written_to_again() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    for n in 0..2 * crate::DISK_BYTES / 500_000 {
        while cache.figures().disk_queued > 4 << 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        put(&cache, &format!("/page/{n}"), response(&[], &[], 500_000));
    }
    cache.close().await;
    drop(cache);
    let blocks: Vec<_> =
        objects(folder.path()).into_iter().map(|path| (fs::read(&path).expect("block"), path)).collect();
    let is_clean = |block: &[u8]| block[..4096].iter().all(|byte| *byte == 0);
    let length = blocks.last().expect("blocks").0.len();
    let (used, _) = blocks.iter().find(|(block, _)| block.len() == length && !is_clean(block)).expect("used");
    for (block, path) in &blocks {
        if block.len() == length && is_clean(block) {
            fs::write(path, used).expect("write");
        }
    }
    let cache = on_disk(folder.path()).await;
    put(&cache, "/new", response(&[], &[], 100));
    written(&cache).await;
}
