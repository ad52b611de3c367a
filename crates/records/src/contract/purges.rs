//! Clauses about purges.

use super::Rig;
use super::fixtures::note;
use crate::bounds::{PURGE_TARGET_BYTES_MAX, PURGES_KEPT_MAX, PURGES_PER_APPEND_MAX};
use crate::{Page, PurgeOrder, StoreError};
use caching::{Purge, PurgeTarget, PurgeWindow};
use vocabulary::SiteId;

fn site_id(number: u8) -> SiteId {
    SiteId::from_bytes([number; 16])
}

fn order(site: u8, tag: &str) -> PurgeOrder {
    PurgeOrder { site: site_id(site), target: PurgeTarget::Tag(tag.to_owned()), soft: false }
}

fn revisions(window: &PurgeWindow) -> Vec<u64> {
    window.purges.iter().map(|purge| purge.revision).collect()
}

pub async fn purges_take_contiguous_revisions_of_their_own(rig: &mut impl Rig) {
    let records = rig.records();
    assert_eq!(records.purge_revision().await.unwrap(), 0);
    assert_eq!(records.append_purges(&[], &note(1, "nobody")).await.unwrap(), 0);
    let soft = PurgeOrder { target: PurgeTarget::Everything, soft: true, ..order(2, "") };
    let orders = [order(1, "a"), soft.clone()];
    assert_eq!(records.append_purges(&orders, &note(1, "operator")).await.unwrap(), 2);
    assert_eq!(records.append_purges(&[order(1, "b")], &note(2, "operator")).await.unwrap(), 3);
    assert_eq!(records.purge_revision().await.unwrap(), 3);
    assert_eq!(records.revision().await.unwrap(), 0, "sites have other revisions");
    let window = records.purges_after(0).await.unwrap();
    assert_eq!((window.after, revisions(&window)), (0, vec![1, 2, 3]));
    let PurgeOrder { site, target, soft } = soft;
    assert_eq!(window.purges[1], Purge { revision: 2, site, target, soft });
}

pub async fn a_window_begins_where_it_is_asked_to(rig: &mut impl Rig) {
    let records = rig.records();
    assert_eq!(records.purges_after(7).await.unwrap(), PurgeWindow { after: 0, purges: vec![] });
    records.append_purges(&[order(1, "a"), order(1, "b"), order(1, "c")], &note(1, "a")).await.unwrap();
    for (asked, after, expected) in [(0, 0, vec![1, 2, 3]), (2, 2, vec![3]), (3, 3, vec![]), (9, 3, vec![])] {
        let window = records.purges_after(asked).await.unwrap();
        assert_eq!((window.after, revisions(&window)), (after, expected), "after {asked}");
    }
}

pub async fn forgotten_purges_move_the_beginning_of_every_window(rig: &mut impl Rig) {
    let records = rig.records();
    let lot = vec![order(1, "a"); PURGES_PER_APPEND_MAX];
    let mut last = 0;
    while last <= PURGES_KEPT_MAX {
        last = records.append_purges(&lot, &note(1, "a")).await.unwrap();
    }
    let window = records.purges_after(0).await.unwrap();
    assert_eq!(window.after, last - PURGES_KEPT_MAX);
    assert_eq!(window.purges.len() as u64, PURGES_KEPT_MAX);
    assert_eq!(window.purges.first().map(|purge| purge.revision), Some(window.after + 1));
    assert_eq!(window.purges.last().map(|purge| purge.revision), Some(last));
    assert_eq!(records.purges_after(last - 1).await.unwrap().after, last - 1);
}

pub async fn skipped_revisions_make_every_earlier_edge_distrust(rig: &mut impl Rig) {
    let records = rig.records();
    records.append_purges(&[order(1, "a")], &note(1, "a")).await.unwrap();
    assert_eq!(records.skip_purges(10).await.unwrap(), 10);
    assert_eq!(records.skip_purges(4).await.unwrap(), 10, "revisions only rise");
    assert_eq!(records.purges_after(0).await.unwrap(), PurgeWindow { after: 10, purges: vec![] });
    assert_eq!(records.append_purges(&[order(1, "b")], &note(2, "a")).await.unwrap(), 11);
    let window = records.purges_after(0).await.unwrap();
    assert_eq!((window.after, revisions(&window)), (10, vec![11]));
}

pub async fn purges_are_listed_by_site_newest_first(rig: &mut impl Rig) {
    let records = rig.records();
    for (site, tag) in [(1, "a"), (2, "b"), (1, "c"), (1, "d")] {
        records.append_purges(&[order(site, tag)], &note(1, tag)).await.unwrap();
    }
    let first = records.list_purges(Some(site_id(1)), Page::first(2)).await.unwrap();
    let shown: Vec<u64> = first.items.iter().map(|kept| kept.purge.revision).collect();
    assert_eq!(shown, [4, 3]);
    assert_eq!(first.items[0].note, note(1, "d"));
    let rest = Page { after: first.next, limit: 2 };
    let rest = records.list_purges(Some(site_id(1)), rest).await.unwrap();
    assert_eq!(rest.items.iter().map(|kept| kept.purge.revision).collect::<Vec<_>>(), [1]);
    assert_eq!(rest.next, None);
    assert_eq!(records.list_purges(None, Page::default()).await.unwrap().items.len(), 4);
    assert_eq!(records.list_purges(Some(site_id(9)), Page::default()).await.unwrap().items, []);
}

pub async fn of_racing_purges_none_is_lost(rig: &mut impl Rig) {
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..8 {
        let records = rig.records();
        racing
            .spawn(async move { records.append_purges(&[order(number, "a")], &note(1, "a")).await.unwrap() });
    }
    let mut taken = racing.join_all().await;
    taken.sort_unstable();
    assert_eq!(taken, (1..=8).collect::<Vec<_>>());
    assert_eq!(rig.records().purges_after(0).await.unwrap().purges.len(), 8);
}

pub async fn an_oversized_purge_is_refused(rig: &mut impl Rig) {
    let records = rig.records();
    let long = order(1, &"x".repeat(PURGE_TARGET_BYTES_MAX));
    let many = vec![order(1, "a"); PURGES_PER_APPEND_MAX + 1];
    for orders in [vec![order(1, "a"), long], many] {
        let refused = records.append_purges(&orders, &note(1, "a")).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    }
    assert_eq!(records.purge_revision().await.unwrap(), 0, "nothing was changed");
}

pub async fn purges_survive_reopening(rig: &mut impl Rig) {
    rig.records().append_purges(&[order(1, "a"), order(2, "b")], &note(1, "a")).await.unwrap();
    rig.records().skip_purges(5).await.unwrap();
    rig.records().append_purges(&[order(1, "c")], &note(1, "a")).await.unwrap();
    let before = rig.records().purges_after(0).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().purges_after(0).await.unwrap(), before);
    assert_eq!(rig.records().purge_revision().await.unwrap(), 6);
}
