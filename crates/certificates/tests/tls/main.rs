//! Certificates from files and from the local authority, up to a real handshake.

#![allow(clippy::panic, reason = "a test says what went wrong by failing")]

mod authority;
mod files;
mod handshake;
mod pebble;
mod renewal_info;
mod store;

use rcgen::{CertificateParams, DnType, Issuer, KeyPair, SanType, date_time_ymd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vocabulary::{SitePattern, Timestamp};

/// Sun, 22 Nov 2026 12:00:00 GMT.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_795_348_800)
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

pub(crate) fn hosts(names: &[&str]) -> Vec<SitePattern> {
    names.iter().map(|name| name.parse().expect("pattern")).collect()
}

/// A chain and key in a folder, made for one test.
pub(crate) struct Made {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) authority_pem: String,
    pub(crate) leaf_pem: String,
}

/// An authority and a leaf under it, valid from a day before now for so many days.
pub(crate) fn make(folder: &Path, name: &str, names: &[&str], valid_days: u64) -> Made {
    let authority_key = KeyPair::generate().expect("key");
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, format!("Test CA of {name}"));
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).expect("authority").pem();
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().expect("key");
    let mut leaf = CertificateParams::default();
    leaf.subject_alt_names = names
        .iter()
        .map(|name| match name.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName((*name).try_into().expect("name")),
        })
        .collect();
    let start = date_time_ymd(1970, 1, 1) + Duration::from_secs(now().as_secs() as u64);
    leaf.not_before = start - days(1);
    leaf.not_after = start - days(1) + days(valid_days);
    let leaf_pem = leaf.signed_by(&key, &issuer).expect("leaf").pem();

    let made = Made {
        chain: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
        authority_pem,
        leaf_pem,
    };
    std::fs::write(&made.chain, format!("{}{}", made.leaf_pem, made.authority_pem)).expect("write");
    std::fs::write(&made.key, key.serialize_pem()).expect("write");
    made
}
