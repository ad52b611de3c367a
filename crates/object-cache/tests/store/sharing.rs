//! One memory, several accounts.

use crate::{DISK_BYTES, cache, on_disk, response};
use caching::{KeyRef, Request, Scheme};
use http::Method;
use object_cache::{Inserted, Lookup, ObjectCache};
use std::time::Duration;
use vocabulary::{AccountId, SiteId};

const CROWD: SiteId = SiteId::from_bytes([1; 16]);
const CROWD_TOO: SiteId = SiteId::from_bytes([2; 16]);
const SMALL: SiteId = SiteId::from_bytes([3; 16]);
const PAGES: u32 = 100;
const PAGE_BYTES: usize = 64 << 10;

fn key(site: SiteId, target: &str) -> KeyRef<'_> {
    KeyRef::of_target(site, Scheme::Https, "a.test", target.as_bytes())
}

/// Asks for something, and stores it where it is missing; whether it was there.
fn ask(cache: &ObjectCache, site: SiteId, target: &str) -> (bool, Option<Inserted>) {
    let key = key(site, target);
    let lines: Vec<(&str, &str)> = vec![];
    if let Lookup::Found(_) = cache.get(&key, &Request::read(&Method::GET, &lines)) {
        return (true, None);
    }
    (false, Some(cache.insert(&key, cache.begin(&key), response(&[], &[], PAGE_BYTES))))
}

/// The same, once the disk has room for it.
async fn ask_and_write(cache: &ObjectCache, site: SiteId, target: &str) -> bool {
    while cache.figures().disk_queued > 4 << 20 {
        // Its threads have a time of their own, and the one here stands still.
        tokio::task::yield_now().await;
    }
    ask(cache, site, target).0
}

/// A crowd on two sites that never asks twice for the same, and beside it one that comes back to a few pages:
/// of how many requests of the latter the answer was held, in the last of some minutes.
async fn hits_beside_a_crowd(cache: &ObjectCache) -> u32 {
    let mut hits = 0;
    for minute in 0..8 {
        hits = 0;
        for page in 0..PAGES {
            for n in 0..20 {
                let site = if n % 2 == 0 { CROWD } else { CROWD_TOO };
                ask(cache, site, &format!("/{minute}/{page}/{n}"));
            }
            hits += u32::from(ask(cache, SMALL, &format!("/{page}")).0);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    hits
}

#[tokio::test(start_paused = true)]
async fn a_crowd_does_not_push_a_small_account_out() {
    let accounts = [(CROWD, [8; 16]), (CROWD_TOO, [8; 16]), (SMALL, [9; 16])];
    let fair = cache(16 << 20);
    fair.assign(accounts.iter().map(|(site, account)| (*site, AccountId::from_bytes(*account))));
    assert!(hits_beside_a_crowd(&fair).await > PAGES * 9 / 10);
    assert!(fair.figures().share_refusals > 0);
    // On one account they share as they come.
    let one = cache(16 << 20);
    one.assign(accounts.iter().map(|(site, _)| (*site, AccountId::from_bytes([8; 16]))));
    assert!(hits_beside_a_crowd(&one).await < PAGES / 2);
    assert_eq!(one.figures().share_refusals, 0);
}

#[tokio::test(start_paused = true)]
async fn who_had_its_share_gets_in_again_when_the_others_want_no_more() {
    let cache = cache(16 << 20);
    hits_beside_a_crowd(&cache).await;
    let mut last = None;
    for n in 0..2000 {
        last = ask(&cache, CROWD, &format!("/later/{n}")).1;
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(last, Some(Inserted::Stored));
    let held = (0..2000).rev().take(150).filter(|n| ask(&cache, CROWD, &format!("/later/{n}")).0).count();
    assert_eq!(held, 150, "more than half of it");
}

#[tokio::test(start_paused = true)]
async fn what_replaces_something_held_comes_in_whatever_the_share() {
    let cache = cache(16 << 20);
    hits_beside_a_crowd(&cache).await;
    let held = (0..20).map(|n| format!("/7/99/{n}")).find(|target| ask(&cache, CROWD, target).0);
    let held = held.unwrap_or_else(|| {
        // Nothing new came in lately: what is held is older.
        let pages = (0..8).flat_map(|minute| (0..PAGES).map(move |page| format!("/{minute}/{page}/0")));
        pages.into_iter().find(|target| ask(&cache, CROWD, target).0).expect("it holds its share")
    });
    let key = key(CROWD, &held);
    let newer = cache.insert(&key, cache.begin(&key), response(&[], &[], PAGE_BYTES));
    assert_eq!(newer, Inserted::Stored);
}

/// The disk is written round and round; what an account's share of memory holds is written again before it is
/// overwritten, so that a crowd of many laps leaves it where it is.
#[tokio::test(start_paused = true)]
async fn what_an_account_asks_for_stays_on_a_disk_that_a_crowd_writes_round_and_round() {
    let folder = tempfile::tempdir().expect("folder");
    let cache = on_disk(folder.path()).await;
    let accounts = [(CROWD, [8; 16]), (CROWD_TOO, [8; 16]), (SMALL, [9; 16])];
    cache.assign(accounts.iter().map(|(site, account)| (*site, AccountId::from_bytes(*account))));
    let laps = 6;
    let minutes = laps * DISK_BYTES as usize / (PAGES as usize * 5 * PAGE_BYTES);
    let mut asked_again = 0;
    for minute in 0..minutes {
        for page in 0..PAGES {
            for n in 0..5 {
                let site = if n % 2 == 0 { CROWD } else { CROWD_TOO };
                ask_and_write(&cache, site, &format!("/{minute}/{page}/{n}")).await;
            }
            let is_held = ask_and_write(&cache, SMALL, &format!("/{page}")).await;
            asked_again += u32::from(!is_held && minute > 2);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert!(asked_again < PAGES / 10, "{asked_again} pages were fetched again");
    assert!(cache.figures().disk_rewrites > 0);
    // Reads of the disk are given real time.
    tokio::time::resume();
    cache.close().await;
    drop(cache);
    let cache = on_disk(folder.path()).await;
    let mut kept = 0;
    for page in 0..PAGES {
        let lines: Vec<(&str, &str)> = vec![];
        let target = format!("/{page}");
        let held = cache.load(&key(SMALL, &target), &Request::read(&Method::GET, &lines)).await;
        kept += u32::from(matches!(held, Lookup::Found(_)));
    }
    assert!(kept >= PAGES * 3 / 4, "{kept} of {PAGES} outlive a restart");
}
