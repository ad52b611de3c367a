//! Which certificate each site has.

use crate::{days, hosts, make, now};
use certificates::{
    CertificateError, CertificateStore, KeyedChain, LocalAuthority, Provenance, Resolver, Source, Vault,
    Wanted,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{AccountId, SiteId};

fn store(folder: &Path) -> CertificateStore {
    let authority = LocalAuthority::open(&folder.join("ca"), now()).expect("authority");
    CertificateStore::new(authority, Arc::new(Resolver::new()))
}

pub(crate) fn wanted(site: u8, names: &[&str], source: Source) -> Wanted {
    let (site, account) = (SiteId::from_bytes([site; 16]), AccountId::from_bytes([1; 16]));
    Wanted { site, account, hosts: hosts(names), source }
}

fn local(site: u8, names: &[&str]) -> Wanted {
    wanted(site, names, Source::Managed)
}

#[test]
fn every_site_gets_its_certificate_and_one_failure_hurts_no_other() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path());
    let made = make(folder.path(), "site", &["shop.example.org"], 10);
    let files = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let wanted = [
        local(1, &["a.test", "*.a.test"]),
        wanted(2, &["shop.example.org"], files.clone()),
        wanted(3, &["other.example.org"], files),
        local(4, &["public.example.org"]),
    ];
    let refreshed = store.refresh(&wanted, now());
    let resolver = store.resolver();
    for (name, known) in [
        ("a.test", true),
        ("x.a.test", true),
        ("shop.example.org", true),
        ("other.example.org", false),
        ("public.example.org", false),
    ] {
        assert_eq!(resolver.knows(Some(name)), known, "{name}");
    }
    assert_eq!(resolver.len(), 3);
    let errors: Vec<_> = refreshed.failures.iter().map(|failure| &failure.error).collect();
    assert!(
        matches!(errors[..], [CertificateError::Uncovered { .. }, CertificateError::OutsideAuthority { .. }]),
        "{errors:?}"
    );
    assert_eq!(refreshed.next, now().plus(Duration::from_secs(60)), "it tries again soon");

    let refreshed = store.refresh(&wanted[..1], now());
    assert!(refreshed.failures.is_empty() && !resolver.knows(Some("shop.example.org")), "a site taken off");
    assert_eq!(refreshed.next, now().plus(Duration::from_secs(3_600)));
}

#[test]
fn an_earlier_certificate_stays_while_it_is_valid() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path());
    let made = make(folder.path(), "site", &["a.test"], 10);
    let source = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let wanted = [wanted(1, &["a.test"], source)];
    assert!(store.refresh(&wanted, now()).failures.is_empty());
    fs::write(&made.chain, "half a file").expect("write");
    let refreshed = store.refresh(&wanted, now().plus(days(1)));
    assert!(refreshed.failures.iter().all(|failure| failure.earlier_kept) && refreshed.failures.len() == 1);
    assert!(store.resolver().knows(Some("a.test")));
    let refreshed = store.refresh(&wanted, now().plus(days(20)));
    assert!(refreshed.failures.iter().all(|failure| !failure.earlier_kept) && refreshed.failures.len() == 1);
    assert!(!store.resolver().knows(Some("a.test")), "an expired one is not shown");
}

fn kept(folder: &Path) -> CertificateStore {
    let authority = LocalAuthority::open(&folder.join("ca"), now()).expect("authority");
    let vault = Vault::open(&folder.join("vault")).expect("vault");
    CertificateStore::with_vault(authority, Arc::new(Resolver::new()), vault)
}

fn records(folder: &Path) -> Vec<std::path::PathBuf> {
    let shelves = fs::read_dir(folder.join("vault/records")).expect("records");
    let shelves = shelves.map(|shelf| fs::read_dir(shelf.expect("shelf").path()).expect("shelf"));
    shelves.flatten().map(|record| record.expect("record").path()).collect()
}

#[test]
fn files_that_are_gone_or_broken_at_a_restart_leave_what_was_read_last_in_use() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "site", &["a.test"], 10);
    let source = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let sites = [wanted(1, &["a.test"], source)];
    assert!(kept(folder.path()).refresh(&sites, now()).failures.is_empty());
    fs::remove_file(&made.key).expect("remove");
    let store = kept(folder.path());
    let refreshed = store.refresh(&sites, now().plus(days(1)));
    assert!(refreshed.failures.iter().all(|failure| failure.earlier_kept) && refreshed.failures.len() == 1);
    assert!(store.resolver().knows(Some("a.test")));
}

#[test]
fn files_are_read_again_only_when_they_have_changed() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "site", &["a.test"], 10);
    let source = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let sites = [wanted(1, &["a.test"], source)];
    let store = kept(folder.path());
    store.refresh(&sites, now());
    let before = fs::metadata(&records(folder.path())[0]).expect("there").modified().expect("time");
    store.refresh(&sites, now());
    let after = fs::metadata(&records(folder.path())[0]).expect("there").modified().expect("time");
    assert_eq!(before, after, "nothing was written");
    make(folder.path(), "site", &["a.test"], 30);
    assert!(store.refresh(&sites, now()).failures.is_empty());
    let standing = store.standings(now());
    assert_eq!(standing[0].not_after, Some(now().plus(days(29))), "the new one is in use");
    assert_eq!(standing[0].from, Provenance::Files);
}

#[test]
fn a_damaged_record_takes_one_site_down_until_it_is_read_again() {
    let folder = tempfile::tempdir().expect("folder");
    let store = kept(folder.path());
    for (site, name) in [(1, "one.test"), (2, "two.test")] {
        let made = make(folder.path(), name, &[name], 10);
        let pem = |path| fs::read(path).expect("read");
        let chain = KeyedChain::from_pem(&pem(&made.chain), &pem(&made.key)).expect("chain");
        store.upload(SiteId::from_bytes([site; 16]), &hosts(&[name]), &chain, now()).expect("taken");
    }
    let sites = [local(1, &["one.test"]), local(2, &["two.test"])];
    store.refresh(&sites, now());
    let damaged = &records(folder.path())[0];
    let whole = fs::read(damaged).expect("read");
    fs::write(damaged, &whole[1..]).expect("write");
    store.refresh(&sites, now());
    let known =
        |store: &CertificateStore| ["one.test", "two.test"].map(|name| store.resolver().knows(Some(name)));
    assert_eq!(known(&store).iter().filter(|known| **known).count(), 1);
    fs::write(damaged, &whole).expect("write");
    assert_eq!(known(&store).iter().filter(|known| **known).count(), 1, "it is not read at each handshake");
    store.refresh(&sites, now());
    assert_eq!(known(&store), [true, true]);
}

#[test]
fn a_name_without_a_certificate_is_never_answered_by_another_customers_wildcard() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path());
    let made = make(folder.path(), "wild", &["*.shop.org"], 10);
    let source = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let other = AccountId::from_bytes([2; 16]);
    let sites = [
        wanted(1, &["*.shop.org"], source),
        local(2, &["own.shop.org"]),
        Wanted { account: other, ..local(3, &["theirs.shop.org"]) },
    ];
    store.refresh(&sites, now());
    for (name, known) in
        [("x.shop.org", true), ("own.shop.org", true), ("theirs.shop.org", false), ("y.x.shop.org", false)]
    {
        assert_eq!(store.resolver().knows(Some(name)), known, "{name}");
    }
}

#[test]
fn an_upload_is_checked_kept_and_taken_away_again() {
    let folder = tempfile::tempdir().expect("folder");
    let store = kept(folder.path());
    let site = SiteId::from_bytes([1; 16]);
    let sites = [local(1, &["a.test", "b.test"])];
    store.refresh(&sites, now());
    assert_eq!(store.standings(now())[0].from, Provenance::Local);

    let pem = |path| fs::read(path).expect("read");
    let narrow = make(folder.path(), "narrow", &["a.test"], 10);
    let narrow = KeyedChain::from_pem(&pem(&narrow.chain), &pem(&narrow.key)).expect("chain");
    let refused = store.upload(site, &sites[0].hosts, &narrow, now());
    assert!(matches!(refused, Err(CertificateError::Uncovered { .. })));
    assert_eq!(store.standings(now())[0].from, Provenance::Local, "nothing changed");

    let wide = make(folder.path(), "wide", &["a.test", "b.test"], 10);
    let wide = KeyedChain::from_pem(&pem(&wide.chain), &pem(&wide.key)).expect("chain");
    let until = store.upload(site, &sites[0].hosts, &wide, now()).expect("taken");
    assert_eq!(until, now().plus(days(9)));
    assert_eq!(store.standings(now())[1].from, Provenance::Uploaded);

    let grown = [local(1, &["a.test", "b.test", "c.test"])];
    let refreshed = store.refresh(&grown, now());
    assert!(matches!(refreshed.failures[0].error, CertificateError::Uncovered { .. }));
    let known = ["a.test", "c.test"].map(|name| store.resolver().knows(Some(name)));
    assert_eq!(known, [true, false], "the names that it covers stay");

    assert!(store.remove_upload(site, now()).expect("removed"));
    assert!(!store.remove_upload(site, now()).expect("nothing to remove"));
    assert!(store.resolver().knows(Some("c.test")), "the local authority has it again");
}

#[test]
fn certificates_of_the_local_authority_are_issued_when_asked_for_and_anew_in_time() {
    let folder = tempfile::tempdir().expect("folder");
    let store = kept(folder.path());
    let sites = [local(1, &["a.test"])];
    let mut at = now();
    let mut seen = Vec::new();
    while at < now().plus(days(30)) {
        at = store.refresh(&sites, at).next;
        let names = store.resolver().names(Some("a.test")).expect("issued");
        if seen.last().is_none_or(|last| !Arc::ptr_eq(last, &names)) {
            seen.push(names);
        }
    }
    assert!((6..=7).contains(&seen.len()), "each used for two thirds of a week: {}", seen.len());
    assert!(records(folder.path()).is_empty(), "none of them is written down");
}
