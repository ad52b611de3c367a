//! Chains and keys from files.

use crate::{Made, days, hosts, make, now};
use certificates::{Certificate, CertificateError};
use std::fs;
use vocabulary::Timestamp;

fn load(made: &Made, names: &[&str], now: Timestamp) -> Result<Certificate, CertificateError> {
    Certificate::load(&made.chain, &made.key, &hosts(names), now)
}

fn refusal(made: &Made, names: &[&str], now: Timestamp) -> CertificateError {
    load(made, names, now).expect_err("refused")
}

#[test]
fn a_good_chain_is_taken() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "good", &["a.test", "*.b.test", "127.0.0.1"], 91);
    let certificate = load(&made, &["a.test", "*.b.test", "x.b.test", "127.0.0.1"], now()).expect("taken");
    assert_eq!(certificate.not_after(), now().plus(days(90)));
    assert!(certificate.is_valid(now().plus(days(90))));
    assert!(!certificate.is_valid(now().plus(days(91))));
    let lead = certificate.not_after().since(certificate.renew_from());
    assert_eq!(lead.as_secs(), 91 * 86_400 / 3, "a third of its time is left");
}

#[test]
fn names_must_cover_the_site() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "names", &["A.test", "*.b.test", "127.0.0.1"], 10);
    for good in ["a.test", "*.b.test", "x.b.test", "127.0.0.1"] {
        assert!(load(&made, &[good], now()).is_ok(), "{good}");
    }
    for bad in ["b.test", "x.y.b.test", "*.a.test", "xa.test", "127.0.0.2", "*.x.b.test"] {
        let error = refusal(&made, &["a.test", bad], now());
        assert!(
            matches!(&error, CertificateError::Uncovered { host, .. } if host.to_string() == bad),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("a.test, *.b.test, 127.0.0.1") && text.contains(bad), "{text}");
    }
}

#[test]
fn dates_must_hold() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "dates", &["a.test"], 10);
    let early = refusal(&made, &["a.test"], now().minus(days(2)));
    assert!(matches!(early, CertificateError::NotYetValid { number: 1, .. }), "{early}");
    let late = refusal(&made, &["a.test"], now().plus(days(10)));
    assert!(matches!(late, CertificateError::Expired { number: 1, .. }), "{late}");
    assert!(late.to_string().contains("renew"), "{late}");
}

#[test]
fn key_and_chain_must_belong_together() {
    let folder = tempfile::tempdir().expect("folder");
    let one = make(folder.path(), "one", &["a.test"], 10);
    let two = make(folder.path(), "two", &["a.test"], 10);
    let crossed = Certificate::load(&one.chain, &two.key, &hosts(&["a.test"]), now());
    assert!(matches!(crossed, Err(CertificateError::KeyMismatch)));

    fs::write(&one.chain, format!("{}{}", one.leaf_pem, two.authority_pem)).expect("write");
    assert!(matches!(refusal(&one, &["a.test"], now()), CertificateError::Order { number: 1 }));
    let namesake = make(tempfile::tempdir().expect("folder").path(), "one", &["a.test"], 10);
    fs::write(&one.chain, format!("{}{}", one.leaf_pem, namesake.authority_pem)).expect("write");
    assert!(
        matches!(refusal(&one, &["a.test"], now()), CertificateError::Order { number: 1 }),
        "same name only"
    );
    fs::write(&one.chain, format!("{}{}", one.authority_pem, one.leaf_pem)).expect("write");
    assert!(matches!(refusal(&one, &["a.test"], now()), CertificateError::AuthorityFirst));
    fs::write(&one.chain, &one.leaf_pem).expect("write");
    assert!(load(&one, &["a.test"], now()).is_ok(), "an incomplete chain is the owner's choice");
}

/// As `openssl req -x509` writes it.
#[test]
fn a_self_signed_certificate_may_be_marked_as_an_authority() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = make(folder.path(), "self", &["a.test"], 10);
    let key = rcgen::KeyPair::generate().expect("key");
    let mut params = rcgen::CertificateParams::new(["a.test".to_owned()]).expect("params");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    made.leaf_pem = params.self_signed(&key).expect("certificate").pem();
    fs::write(&made.chain, &made.leaf_pem).expect("write");
    fs::write(&made.key, key.serialize_pem()).expect("write");
    assert!(load(&made, &["a.test"], now()).is_ok());
    assert!(matches!(refusal(&made, &["b.test"], now()), CertificateError::Uncovered { .. }));
}

#[test]
fn unusable_files_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let made = make(folder.path(), "files", &["a.test"], 10);
    let key = fs::read_to_string(&made.key).expect("read");
    let broken = |made: &Made| refusal(made, &["a.test"], now());

    for text in ["", "hello", &key, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"] {
        fs::write(&made.chain, text).expect("write");
        let error = broken(&made);
        assert!(matches!(error, CertificateError::NoCertificate { .. }), "{error}");
        assert!(error.to_string().contains("files.pem"));
    }
    fs::write(&made.chain, "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
        .expect("write");
    assert!(matches!(broken(&made), CertificateError::Malformed { number: 1 }));
    fs::write(&made.chain, &made.leaf_pem).expect("write");

    for text in ["", &made.leaf_pem] {
        fs::write(&made.key, text).expect("write");
        assert!(matches!(broken(&made), CertificateError::NoKey { .. }));
    }
    fs::write(&made.key, "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n")
        .expect("write");
    assert!(matches!(broken(&made), CertificateError::UnusableKey { .. }));
    fs::write(&made.key, format!("{}{key}", made.leaf_pem)).expect("write");
    assert!(load(&made, &["a.test"], now()).is_ok(), "a key after its certificate is found");

    fs::write(&made.chain, vec![b'x'; (1 << 20) + 1]).expect("write");
    assert!(matches!(broken(&made), CertificateError::TooLarge { .. }));
    fs::remove_file(&made.chain).expect("remove");
    let error = broken(&made);
    assert!(matches!(error, CertificateError::Read { .. }), "{error}");
}
