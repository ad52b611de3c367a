//! Which certificate each site has.

use crate::{days, hosts, make, now};
use certificates::{CertificateError, CertificateStore, LocalAuthority, Resolver, Source, Wanted};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn store(folder: &Path) -> CertificateStore {
    let authority = LocalAuthority::open(&folder.join("ca"), now()).expect("authority");
    CertificateStore::new(authority, Arc::new(Resolver::new()))
}

fn local(names: &[&str]) -> Wanted {
    Wanted { hosts: hosts(names), source: Source::LocalAuthority }
}

#[test]
fn every_site_gets_its_certificate_and_one_failure_hurts_no_other() {
    let folder = tempfile::tempdir().expect("folder");
    let store = store(folder.path());
    let made = make(folder.path(), "site", &["shop.example.org"], 10);
    let files = Source::Files { chain: made.chain.clone(), key: made.key.clone() };
    let wanted = [
        local(&["a.test", "*.a.test"]),
        Wanted { hosts: hosts(&["shop.example.org"]), source: files.clone() },
        Wanted { hosts: hosts(&["other.example.org"]), source: files },
        local(&["public.example.org"]),
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
    let wanted = [Wanted { hosts: hosts(&["a.test"]), source }];
    assert!(store.refresh(&wanted, now()).failures.is_empty());
    fs::write(&made.chain, "half a file").expect("write");
    let refreshed = store.refresh(&wanted, now().plus(days(1)));
    assert!(refreshed.failures.iter().all(|failure| failure.earlier_kept) && refreshed.failures.len() == 1);
    assert!(store.resolver().knows(Some("a.test")));
    let refreshed = store.refresh(&wanted, now().plus(days(20)));
    assert!(refreshed.failures.iter().all(|failure| !failure.earlier_kept) && refreshed.failures.len() == 1);
    assert!(!store.resolver().knows(Some("a.test")), "an expired one is not shown");
}
