//! Small numbers that stand for what a certificate was read from and checked for, so that it is read and
//! checked again only when that has changed.

use crate::error::CertificateError;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use vocabulary::SitePattern;

/// For a site's hosts.
pub(crate) fn of_hosts(hosts: &[SitePattern]) -> u64 {
    finish(with_hosts(Sha256::new(), hosts))
}

/// For a text.
pub(crate) fn of_text(text: &str) -> u64 {
    finish(Sha256::new().chain_update(text))
}

/// For two files as they are now, and a site's hosts.
pub(crate) fn of_files(chain: &Path, key: &Path, hosts: &[SitePattern]) -> Result<u64, CertificateError> {
    let mut hash = Sha256::new();
    for path in [chain, key] {
        let facts =
            fs::metadata(path).map_err(|source| CertificateError::Read { path: path.to_owned(), source })?;
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
        for number in [facts.ino(), facts.size(), facts.mtime().cast_unsigned()] {
            hash.update(number.to_be_bytes());
        }
        hash.update(facts.mtime_nsec().to_be_bytes());
    }
    Ok(finish(with_hosts(hash, hosts)))
}

fn with_hosts(mut hash: Sha256, hosts: &[SitePattern]) -> Sha256 {
    for host in hosts {
        hash.update(host.to_string());
        hash.update([0]);
    }
    hash
}

/// Never 0, which stands for what is not known.
fn finish(hash: Sha256) -> u64 {
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first).max(1)
}
