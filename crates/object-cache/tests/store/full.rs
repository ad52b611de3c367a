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

#[test]
fn writes_that_fail_cost_copies_and_no_lookups() {
    let folder = tempfile::tempdir().expect("folder");
    // The signal that comes with a file too large is ignored, so that the write fails.
    let status = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --ignored --exact full::crowded --nocapture"])
        .arg(std::env::current_exe().expect("own path"))
        .env(FOLDER, folder.path())
        .status();
    assert!(status.expect("child").success());
}
