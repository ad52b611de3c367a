//! Crashes: a child process fills a cache and is killed; what is found afterwards is whole and right, and
//! nothing that was dropped has come back. 5 times; with `WARDMOTE_LONG` set, 50 times.

use crate::purging::{url, window};
use crate::{headers, judged, key, loaded, on_disk};
use bytes::Bytes;
use caching::stored_fields;
use object_cache::{Body, ObjectCache, StoredResponse};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::SeededRandom;

const FOLDER: &str = "WARDMOTE_TEST_VICTIM";
const KEYS: u64 = 400;
const SLICED_EVERY: u64 = 50;

fn target(n: u64) -> String {
    format!("/page/{n}")
}

/// The body of a version of a page: its bytes follow from both.
fn body(n: u64, version: u64) -> Vec<u8> {
    let length = match n.is_multiple_of(SLICED_EVERY) {
        true => 2_500_000 + n as usize,
        false => 500 + (n * 7919 + version * 104_729) as usize % 60_000,
    };
    let seed = n.wrapping_mul(0x9E37_79B9).wrapping_add(version.wrapping_mul(0x85EB_CA6B));
    (0..length).map(|at| (seed.wrapping_add(at as u64 / 8) >> (at % 8)) as u8).collect()
}

fn response(n: u64, version: u64) -> (caching::Stored, Vec<(http::HeaderName, http::HeaderValue)>, Vec<u8>) {
    let body = body(n, version);
    let fields = headers(&[("cache-control", "max-age=3600"), ("x-version", &version.to_string())]);
    let stored = judged(&[], 200, &fields, body.len() as u64);
    let kept = stored_fields(&stored, &fields);
    (stored, kept, body)
}

async fn fill(cache: &ObjectCache, n: u64, version: u64) {
    let target = target(n);
    let fill = cache.begin(&key(&target));
    let (stored, fields, body) = response(n, version);
    if n.is_multiple_of(SLICED_EVERY) {
        let mut writer = cache.begin_slices(&key(&target), fill);
        for (index, slice) in body.chunks(1 << 20).enumerate() {
            writer.put(index as u32, Bytes::copy_from_slice(slice)).await;
        }
        writer.finish(stored, fields);
    } else {
        cache.insert(&key(&target), fill, Arc::new(StoredResponse::new(stored, fields, body)));
    }
}

/// Not a test by itself: what the child process does, until it is killed. It tells each event on its
/// standard output once it is safe.
#[tokio::test]
#[ignore = "run by the test beside it"]
async fn victim() {
    #[allow(clippy::disallowed_methods, reason = "a parent tells its child where to work")]
    let Ok(task) = std::env::var(FOLDER) else { return };
    let (first, folder) = task.split_once(' ').expect("first version and folder");
    let first: u64 = first.parse().expect("number");
    let cache = on_disk(Path::new(folder)).await;
    let random = SeededRandom::new(first);
    println!("victim: open");
    for version in first.. {
        let n = random.below(KEYS);
        match random.below(20) {
            0 => {
                let after = cache.held_revision();
                cache.apply(&window(after, &[(url(&target(n)), false)])).expect("held");
                println!("victim: gone {n} {version}");
            }
            1 => {
                assert!(cache.remove_durably(&key(&target(n))).await);
                println!("victim: gone {n} {version}");
            }
            _ => fill(&cache, n, version).await,
        }
    }
}

/// Starts a victim, kills it after a while, and adds what it told to `gone`: for each page the version
/// before which all are gone.
fn run_victim(folder: &Path, first: u64, lives: Duration, gone: &mut HashMap<u64, u64>) {
    let mut child = Command::new(std::env::current_exe().expect("own path"))
        .args(["--ignored", "--exact", "crashing::victim", "--nocapture"])
        .env(FOLDER, format!("{first} {}", folder.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("child");
    let lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut told = lines.map_while(Result::ok).filter_map(|line| {
        let at = line.find("victim: ")?;
        Some(line[at + 8..].to_owned())
    });
    assert_eq!(told.next().as_deref(), Some("open"));
    let killer = std::thread::spawn(move || {
        #[allow(clippy::disallowed_methods, reason = "the child is killed at a time of nobody's choosing")]
        std::thread::sleep(lives);
        child.kill().expect("killed");
        child.wait().expect("ended");
    });
    for line in told {
        let mut words = line.split(' ').skip(1).map_while(|word| word.parse().ok());
        if let (Some(n), Some(version)) = (words.next(), words.next()) {
            gone.insert(n, version);
        }
    }
    killer.join().expect("killed");
}

async fn check(folder: &Path, gone: &HashMap<u64, u64>) -> u64 {
    let cache = on_disk(folder).await;
    let mut held = 0;
    for n in 0..KEYS {
        let Some(found) = loaded(&cache, &target(n)).await else { continue };
        held += 1;
        let version = found.fields().iter().find(|(name, _)| name == "x-version").expect("version");
        let version: u64 = version.1.to_str().expect("text").parse().expect("number");
        assert!(gone.get(&n).is_none_or(|gone| version > *gone), "{n}: {version} came back: {gone:?}");
        let expected = body(n, version);
        match *found.body() {
            Body::Whole(ref bytes) => assert!(bytes[..] == expected[..], "{n}"),
            Body::Sliced { object, length } => {
                assert_eq!(length, expected.len() as u64);
                for (index, slice) in expected.chunks(1 << 20).enumerate() {
                    if let Some(bytes) = cache.slice(object, index as u32).await {
                        assert!(bytes[..] == *slice, "{n}, slice {index}");
                    }
                }
            }
        }
    }
    cache.close().await;
    held
}

#[tokio::test]
async fn after_a_crash_everything_held_is_whole_and_nothing_dropped_is_back() {
    #[allow(clippy::disallowed_methods, reason = "the long form is chosen by the caller")]
    let crashes = if std::env::var_os("WARDMOTE_LONG").is_some() { 50 } else { 5 };
    let folder = tempfile::tempdir().expect("folder");
    let random = SeededRandom::new(11);
    let mut gone = HashMap::new();
    let mut least = u64::MAX;
    for n in 1..=crashes {
        run_victim(folder.path(), n * 1_000_000, Duration::from_millis(100 + random.below(400)), &mut gone);
        least = least.min(check(folder.path(), &gone).await);
    }
    assert!(least > 50, "the cache was warm after every crash: {least}");
    assert!(gone.len() > 10, "{}", gone.len());
}
