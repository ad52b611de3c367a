//! What the journal promises, with files that end anywhere.

use super::record::Event;
use super::{Base, Journal, MAGIC, read};
use caching::{KeyRef, Purge, PurgeTarget, PurgeWindow, Scheme};
use std::path::{Path, PathBuf};
use vocabulary::SiteId;

const SECRET: [u8; 16] = [7; 16];

fn site() -> SiteId {
    SiteId::from_bytes([1; 16])
}

fn window(revision: u64) -> PurgeWindow {
    let target = PurgeTarget::Tag(format!("tag-{revision}"));
    PurgeWindow { after: revision - 1, purges: vec![Purge { revision, site: site(), target, soft: false }] }
}

fn key(target: &str) -> KeyRef<'_> {
    KeyRef::of_target(site(), Scheme::Https, "a.test", target.as_bytes())
}

fn place(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("purges")
}

/// A journal with three events, and where each of its records ends.
fn written(path: &Path) -> (Base, Vec<usize>) {
    let base = Base { opened: vec![(1, 0)], ..Base::default() };
    let journal = Journal::create(path, SECRET, &base).expect("created");
    let mut ends = vec![std::fs::read(path).expect("file").len()];
    let (one, two) = (window(1), key("/a?b=c"));
    for event in [Event::Purged(&one), Event::Invalidated(&two), Event::Outdated { hash: 5, least: 9 }] {
        let ticket = journal.add(&event);
        journal.commit(ticket).expect("on disk");
        ends.push(std::fs::read(path).expect("file").len());
    }
    let mut expected = base;
    expected.epochs.apply_window(&one);
    expected.epochs.invalidate(site(), "a.test", None, b"/a?b=c");
    expected.least.push((5, 9));
    (expected, ends)
}

#[test]
fn events_are_read_back_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    let (expected, _) = written(&place(&folder));
    let replayed = read(&place(&folder), SECRET).expect("read");
    assert_eq!((replayed.base, replayed.torn_bytes), (expected, 0));
}

#[test]
fn a_file_cut_anywhere_after_its_base_has_the_records_that_are_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, ends) = written(&place(&folder));
    let whole = std::fs::read(place(&folder)).expect("file");
    for cut in ends[0]..=whole.len() {
        let (kept, left) = whole.split_at(cut);
        for filled in [Vec::new(), vec![0; left.len()]] {
            let file = [kept, &filled].concat();
            std::fs::write(place(&folder), &file).expect("write");
            let replayed = read(&place(&folder), SECRET).expect("read");
            // The last record ends with zeros.
            let cut = if file == whole { whole.len() } else { cut };
            let records = ends.iter().filter(|end| **end <= cut).count() - 1;
            let revision = u64::from(records >= 1);
            assert_eq!(replayed.base.epochs.held_revision(), revision, "{cut}");
            assert_eq!(replayed.base.least.len(), usize::from(records >= 3), "{cut}");
        }
    }
    for cut in 0..ends[0] {
        std::fs::write(place(&folder), &whole[..cut]).expect("write");
        assert!(read(&place(&folder), SECRET).is_err(), "the base is never cut: {cut}");
    }
}

#[test]
fn damage_before_the_last_record_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, ends) = written(&place(&folder));
    let whole = std::fs::read(place(&folder)).expect("file");
    for at in 0..ends[2] {
        // A changed length may reach to the end of the file and look like a cut record.
        if ends.iter().any(|end| (*end..*end + 4).contains(&at)) {
            continue;
        }
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(place(&folder), &damaged).expect("write");
        let in_base_length = (MAGIC.len()..MAGIC.len() + 4).contains(&at);
        assert!(read(&place(&folder), SECRET).is_err() || in_base_length, "{at}");
    }
    assert!(read(&place(&folder), [8; 16]).is_err(), "another node's");
}

#[test]
fn many_who_wait_share_writes() {
    let folder = tempfile::tempdir().expect("folder");
    let journal = Journal::create(&place(&folder), SECRET, &Base::default()).expect("created");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..50 {
                    let ticket = journal.add(&Event::Outdated { hash: thread, least: n });
                    journal.commit(ticket).expect("on disk");
                    assert!(journal.is_settled(ticket));
                }
            });
        }
    });
    assert_eq!(read(&place(&folder), SECRET).expect("read").base.least.len(), 400);
}

#[test]
fn a_compaction_loses_nothing_that_is_added_meanwhile() {
    let folder = tempfile::tempdir().expect("folder");
    let journal = Journal::create(&place(&folder), SECRET, &Base::default()).expect("created");
    let mut base = Base::default();
    for revision in 1..100 {
        let ticket = journal.add(&Event::Purged(&window(revision)));
        base.epochs.apply_window(&window(revision));
        if revision % 2 == 0 {
            journal.commit(ticket).expect("on disk");
        }
    }
    journal.begin_compaction();
    let (during, after) = (window(100), window(101));
    let during = journal.add(&Event::Purged(&during));
    journal.compact(&base).expect("compacted");
    assert!(journal.is_settled(during));
    let ticket = journal.add(&Event::Purged(&after));
    journal.commit(ticket).expect("on disk");
    let replayed = read(&place(&folder), SECRET).expect("read").base;
    base.epochs.apply_window(&window(100));
    base.epochs.apply_window(&window(101));
    assert_eq!(replayed, base);
}

#[test]
fn after_a_failed_write_nothing_is_promised_any_more() {
    let folder = tempfile::tempdir().expect("folder");
    let journal = Journal::create(&place(&folder), SECRET, &Base::default()).expect("created");
    journal.fail_for_test();
    let ticket = journal.add(&Event::Outdated { hash: 1, least: 1 });
    assert!(journal.commit(ticket).is_err() && journal.commit(ticket).is_err());
}

impl Journal {
    /// Has every further write fail.
    pub(crate) fn fail_for_test(&self) {
        let read_only = std::fs::File::open("/dev/null").expect("open");
        self.lock().file = read_only;
    }
}
