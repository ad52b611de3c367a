//! The local authority.

use crate::{days, hosts, now};
use certificates::{AuthorityError, CertificateError, LocalAuthority};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn it_is_made_once_and_then_opened() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path().join("data/ca");
    let made = LocalAuthority::open(&place, now()).expect("made");
    assert!(made.is_new());
    assert_eq!(made.certificate_path(), place.join("ca.pem"));
    assert_eq!(mode(&place.join("ca.key")), 0o600);
    assert_eq!(mode(&place), 0o700);

    let again = LocalAuthority::open(&place, now().plus(days(3_649))).expect("opened");
    assert!(!again.is_new());
    assert_eq!(again.certificate(), made.certificate());
    assert!(again.issue(&hosts(&["a.test"]), now().plus(days(3_649))).is_ok());
    let names: Vec<_> = fs::read_dir(&place).expect("list").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(names.len(), 2, "nothing left over: {names:?}");
}

#[test]
fn what_is_broken_is_said_and_never_overwritten() {
    let folder = tempfile::tempdir().expect("folder");
    let place = folder.path();
    LocalAuthority::open(place, now()).expect("made");
    let (certificate, key) = (place.join("ca.pem"), place.join("ca.key"));
    let (pem, secret) = (fs::read(&certificate).expect("read"), fs::read(&key).expect("read"));
    let open = |at| LocalAuthority::open(place, at).expect_err("refused");

    assert!(matches!(open(now().plus(days(3_651))), AuthorityError::OutOfDate { .. }));
    assert!(matches!(open(now().minus(days(1))), AuthorityError::OutOfDate { .. }));
    fs::remove_file(&certificate).expect("remove");
    assert!(matches!(open(now()), AuthorityError::Incomplete { .. }));
    for text in [b"junk".to_vec(), secret.clone()] {
        fs::write(&certificate, text).expect("write");
        assert!(matches!(open(now()), AuthorityError::Damaged { .. }));
    }
    fs::write(&certificate, &pem).expect("write");
    fs::write(&key, "junk").expect("write");
    assert!(matches!(open(now()), AuthorityError::Damaged { .. }));

    let other = tempfile::tempdir().expect("folder");
    LocalAuthority::open(other.path(), now()).expect("made");
    fs::copy(other.path().join("ca.key"), &key).expect("copy");
    let error = open(now());
    assert!(error.to_string().contains("does not belong"), "{error}");
    fs::write(&key, &secret).expect("write");
    assert!(LocalAuthority::open(place, now()).is_ok());
    assert_eq!(fs::read(&certificate).expect("read"), pem);
}

#[test]
fn it_signs_only_for_reserved_names_and_loopback() {
    let folder = tempfile::tempdir().expect("folder");
    let authority = LocalAuthority::open(folder.path(), now()).expect("made");
    for good in ["a.test", "*.a.test", "*.test", "localhost", "127.0.0.1", "[::1]", "x.example"] {
        assert!(authority.issue(&hosts(&[good]), now()).is_ok(), "{good}");
    }
    for bad in ["example.org", "*.example.org", "192.0.2.1"] {
        let error = authority.issue(&hosts(&["a.test", bad]), now()).expect_err(bad);
        assert!(matches!(error, CertificateError::OutsideAuthority { .. }), "{error}");
    }
}

#[test]
fn what_it_signs_lives_a_week_and_never_longer_than_itself() {
    let folder = tempfile::tempdir().expect("folder");
    let authority = LocalAuthority::open(folder.path(), now()).expect("made");
    let leaf = authority.issue(&hosts(&["a.test"]), now()).expect("issued");
    assert_eq!(leaf.not_after(), now().plus(days(7)));
    assert!(leaf.renew_from() > now().plus(days(4)) && leaf.renew_from() < now().plus(days(5)));
    let late = authority.issue(&hosts(&["a.test"]), now().plus(days(3_648))).expect("issued");
    assert_eq!(late.not_after(), now().plus(days(3_650)));
}
