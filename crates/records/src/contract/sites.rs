//! Clauses about accounts and sites.

use super::Rig;
use super::fixtures::{account, at, note, site};
use crate::{Account, ApplyError, Change, Fleet, Page, Records, StoreError};
use std::sync::Arc;
use vocabulary::{AccountId, SiteId};

fn put(number: u8, owner: u8, hosts: &[&str]) -> Change {
    Change::PutSite(site(number, owner, hosts))
}

async fn apply(records: &Arc<dyn Records>, changes: &[Change]) -> Result<u64, ApplyError> {
    records.apply(changes, None, &note(1, "a test")).await
}

pub async fn an_empty_store_is_at_revision_zero(rig: &mut dyn Rig) {
    let records = rig.records();
    let nothing = Fleet { revision: 0, accounts: vec![], sites: vec![] };
    assert_eq!(records.revision().await.unwrap(), 0);
    assert_eq!(records.fleet().await.unwrap(), nothing);
    assert_eq!(records.fleet_at(0).await.unwrap(), Some(nothing));
    assert_eq!(records.fleet_at(1).await.unwrap(), None);
    assert_eq!(records.site(SiteId::from_bytes([1; 16])).await.unwrap(), None);
    assert!(records.revisions(Page::default()).await.unwrap().items.is_empty());
}

pub async fn revisions_are_contiguous_and_keep_their_history(rig: &mut dyn Rig) {
    let records = rig.records();
    let first = [Change::PutAccount(account(1)), put(1, 1, &["one.test"]), put(2, 1, &["two.test"])];
    assert_eq!(records.apply(&first, Some(0), &note(1, "first")).await.unwrap(), 1);
    assert_eq!(records.apply(&[put(1, 1, &["uno.test"])], Some(1), &note(2, "second")).await.unwrap(), 2);
    let third = [Change::RemoveSite(SiteId::from_bytes([2; 16])), Change::Mark];
    assert_eq!(records.apply(&third, None, &note(3, "third")).await.unwrap(), 3);
    assert_eq!(records.apply(&[Change::Mark], Some(3), &note(4, "fourth")).await.unwrap(), 4);

    let fleet = |revision, sites| Fleet { revision, accounts: vec![account(1)], sites };
    let early = fleet(1, vec![site(1, 1, &["one.test"]), site(2, 1, &["two.test"])]);
    assert_eq!(records.fleet_at(1).await.unwrap(), Some(early));
    let middle = fleet(2, vec![site(1, 1, &["uno.test"]), site(2, 1, &["two.test"])]);
    assert_eq!(records.fleet_at(2).await.unwrap(), Some(middle));
    let late = fleet(4, vec![site(1, 1, &["uno.test"])]);
    assert_eq!(records.fleet_at(4).await.unwrap(), Some(late.clone()));
    assert_eq!(records.fleet().await.unwrap(), late);
    assert_eq!(records.fleet_at(5).await.unwrap(), None);

    let held = records.site(SiteId::from_bytes([1; 16])).await.unwrap().unwrap();
    assert_eq!((held.version, held.value), (2, site(1, 1, &["uno.test"])));
    let history = records.revisions(Page::default()).await.unwrap().items;
    let lines: Vec<_> =
        history.iter().map(|line| (line.revision, line.note.actor.as_str(), line.touched)).collect();
    assert_eq!(lines, [(4, "fourth", 0), (3, "third", 1), (2, "second", 1), (1, "first", 3)]);
    assert_eq!(history[3].note.at, at(1));
}

pub async fn a_refused_change_changes_nothing(rig: &mut dyn Rig) {
    let records = rig.records();
    apply(&records, &[Change::PutAccount(account(1)), put(1, 1, &["one.test"])]).await.unwrap();
    let before = records.fleet().await.unwrap();

    let stale = records.apply(&[put(2, 1, &["two.test"])], Some(0), &note(2, "stale")).await;
    assert!(matches!(stale, Err(ApplyError::Conflict { expected: 0, found: 1 })), "{stale:?}");
    let orphan = apply(&records, &[put(2, 1, &["two.test"]), put(3, 9, &["three.test"])]).await;
    assert!(matches!(orphan, Err(ApplyError::NoSuchAccount { .. })), "{orphan:?}");
    let in_use = apply(&records, &[put(2, 1, &["two.test"]), Change::RemoveAccount(account(1).id)]).await;
    assert!(matches!(in_use, Err(ApplyError::AccountInUse { sites: 2, .. })), "{in_use:?}");
    let twin = Account { id: AccountId::from_bytes([8; 16]), name: account(1).name, mail: None };
    let named = apply(&records, &[Change::PutAccount(account(2)), Change::PutAccount(twin)]).await;
    assert!(
        matches!(named, Err(ApplyError::NameTaken { holder, .. }) if holder == account(1).id),
        "{named:?}"
    );
    let mut large = site(2, 1, &["two.test"]);
    large.error_page = Some("x".repeat(crate::bounds::SITE_BYTES_MAX));
    let oversized = apply(&records, &[put(4, 1, &["four.test"]), Change::PutSite(large)]).await;
    assert!(matches!(oversized, Err(ApplyError::Store(StoreError::TooLarge { .. }))), "{oversized:?}");

    assert_eq!(records.fleet().await.unwrap(), before);
    assert_eq!(apply(&records, &[put(2, 1, &["two.test"])]).await.unwrap(), 2, "no revision was lost");
}

pub async fn steps_without_effect_take_no_revision(rig: &mut dyn Rig) {
    let records = rig.records();
    let changes = [Change::PutAccount(account(1)), put(1, 1, &["one.test"])];
    assert_eq!(apply(&records, &changes).await.unwrap(), 1);
    assert_eq!(apply(&records, &changes).await.unwrap(), 1);
    assert_eq!(apply(&records, &[]).await.unwrap(), 1);
    let absent = [Change::RemoveSite(SiteId::from_bytes([7; 16])), Change::RemoveAccount(account(7).id)];
    assert_eq!(apply(&records, &absent).await.unwrap(), 1);
    assert_eq!(records.revision().await.unwrap(), 1);
}

pub async fn a_host_belongs_to_one_site_but_may_pass_on(rig: &mut dyn Rig) {
    let records = rig.records();
    apply(&records, &[Change::PutAccount(account(1)), put(1, 1, &["a.test", "*.a.test"])]).await.unwrap();
    let taken = apply(&records, &[put(2, 1, &["b.test", "*.a.test"])]).await;
    assert!(
        matches!(&taken, Err(ApplyError::HostTaken { pattern, holder })
            if pattern.to_string() == "*.a.test" && *holder == SiteId::from_bytes([1; 16])),
        "{taken:?}"
    );
    // In either order, and in the same change.
    assert_eq!(
        apply(&records, &[put(2, 1, &["b.test", "*.a.test"]), put(1, 1, &["a.test"])]).await.unwrap(),
        2
    );
    let gone = [put(3, 1, &["a.test"]), Change::RemoveSite(SiteId::from_bytes([1; 16]))];
    assert_eq!(apply(&records, &gone).await.unwrap(), 3);
    let sites = records.fleet().await.unwrap().sites;
    assert_eq!(sites, [site(2, 1, &["b.test", "*.a.test"]), site(3, 1, &["a.test"])]);
}

pub async fn of_racing_changes_with_one_expectation_one_wins(rig: &mut dyn Rig) {
    let records = rig.records();
    apply(&records, &[Change::PutAccount(account(1))]).await.unwrap();
    let races: Vec<_> = (1..=8u8)
        .map(|number| {
            let records = Arc::clone(&records);
            tokio::spawn(async move {
                let change = [put(number, 1, &[&format!("site-{number}.test")])];
                records.apply(&change, Some(1), &note(2, "a race")).await
            })
        })
        .collect();
    let mut won = 0;
    for race in races {
        match race.await.unwrap() {
            Ok(revision) => {
                assert_eq!(revision, 2);
                won += 1;
            }
            Err(ApplyError::Conflict { expected: 1, found: 2 }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(records.fleet().await.unwrap().sites.len(), 1);
}

pub async fn the_history_comes_in_pages(rig: &mut dyn Rig) {
    let records = rig.records();
    for _ in 0..5 {
        apply(&records, &[Change::Mark]).await.unwrap();
    }
    let mut page = Page::first(2);
    let mut seen = Vec::new();
    loop {
        let listing = records.revisions(page).await.unwrap();
        seen.push(listing.items.iter().map(|line| line.revision).collect::<Vec<_>>());
        let Some(next) = listing.next else { break };
        page = Page { after: Some(next), limit: 2 };
    }
    assert_eq!(seen, [vec![5, 4], vec![3, 2], vec![1]]);
}

pub async fn sites_survive_reopening(rig: &mut dyn Rig) {
    apply(&rig.records(), &[Change::PutAccount(account(1)), put(1, 1, &["one.test"])]).await.unwrap();
    let before = rig.records().fleet().await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().fleet().await.unwrap(), before);
    assert_eq!(apply(&rig.records(), &[Change::Mark]).await.unwrap(), 2);
}
