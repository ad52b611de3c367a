//! A disk that takes no more: writes fail while the cache is in use, and lookups go on.

use crate::{Lookup, loaded, lookup, on_disk, put, response};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const FOLDER: &str = "WARDMOTE_TEST_FULL";

/// Not a test by itself: a process that may not write beyond the first 256 KiB of any file, once its cache
/// is open.
#[tokio::test]
#[ignore = "run by the test beside it"]
async fn crowded() {
    #[allow(clippy::disallowed_methods, reason = "a parent tells its child where to work")]
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let cache = on_disk(Path::new(&folder)).await;
    let limit = Rlimit { current: Some(256 << 10), maximum: Some(256 << 10) };
    setrlimit(Resource::Fsize, limit).expect("limited");
    for round in 0..20 {
        for n in 0..20 {
            let target = format!("/{round}/{n}");
            put(&cache, &target, response(&[], &[], 20_000));
            assert!(matches!(lookup(&cache, &target, &[]), Lookup::Found(_)), "{target}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cache.clear();
    let mut held = 0;
    for round in 0..20 {
        for n in 0..20 {
            let Some(found) = loaded(&cache, &format!("/{round}/{n}")).await else { continue };
            let bytes = found.body().whole().expect("whole");
            assert!(bytes.len() == 20_000 && bytes.iter().all(|byte| *byte == b'x'));
            held += 1;
        }
    }
    let figures = cache.figures();
    println!("{held} held; {figures:?}");
    assert!(held < 400, "the disk was full");
    assert!(figures.disk_errors + figures.disk_drops > 0, "{figures:?}");
}

/// Not a test by itself: a process that may write nothing for a while, and then again.
#[tokio::test]
#[ignore = "run by the test beside it"]
async fn starved() {
    #[allow(clippy::disallowed_methods, reason = "a parent tells its child where to work")]
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let cache = on_disk(Path::new(&folder)).await;
    let limited = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum: None }).expect("limited");
    limited(Some(0));
    for n in 0..400 {
        put(&cache, &format!("/lost/{n}"), response(&[], &[], 20_000));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    limited(None);
    let begun = tokio::time::Instant::now();
    for n in 0.. {
        let target = format!("/kept/{n}");
        put(&cache, &target, response(&[], &[], 20_000));
        tokio::time::sleep(Duration::from_millis(50)).await;
        cache.clear();
        if loaded(&cache, &target).await.is_some() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is kept any more: {:?}", cache.figures());
    }
    let figures = cache.figures();
    println!("after {:?}: {figures:?}", begun.elapsed());
    assert!(figures.disk_errors > 0, "{figures:?}");
}

#[test]
fn a_disk_that_takes_writes_again_is_written_to_again() {
    run_in_a_process_of_its_own("full::starved");
}

#[test]
fn writes_that_fail_cost_copies_and_no_lookups() {
    run_in_a_process_of_its_own("full::crowded");
}

fn run_in_a_process_of_its_own(test: &str) {
    let folder = tempfile::tempdir().expect("folder");
    // The signal that comes with a file too large is ignored, so that the write fails.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --ignored --exact $1 --nocapture"])
        .arg(std::env::current_exe().expect("own path"))
        .arg(test)
        .env(FOLDER, folder.path())
        .status();
    assert!(status.expect("child").success());
}
