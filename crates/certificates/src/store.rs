//! Which certificate each site has now, and when to look again.

use crate::authority::LocalAuthority;
use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::resolver::{Resolver, Table};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vocabulary::{SitePattern, Timestamp};

/// What a site needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// The site's host patterns.
    pub hosts: Vec<SitePattern>,
    /// Where its certificate comes from.
    pub source: Source,
}

/// Where a site's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The owner's PEM files.
    Files {
        /// The chain, the site's own certificate first.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Issued by the local authority.
    LocalAuthority,
}

/// The certificates of all sites. Owns the resolver's table.
#[derive(Debug)]
pub struct CertificateStore {
    authority: LocalAuthority,
    resolver: Arc<Resolver>,
    held: Mutex<BTreeMap<Wanted, Certificate>>,
}

/// A site whose certificate could not be had.
#[derive(Debug)]
pub struct CertificateFailure {
    /// The site's host patterns.
    pub hosts: Vec<SitePattern>,
    /// Why.
    pub error: CertificateError,
    /// Whether an earlier certificate is still valid and stays in use.
    pub earlier_kept: bool,
}

/// What a refresh found.
#[derive(Debug)]
pub struct Refreshed {
    /// Sites without a new certificate.
    pub failures: Vec<CertificateFailure>,
    /// When to refresh again at the latest, though nothing else changes.
    pub next: Timestamp,
}

/// Files are read again at least this often, so that a renewed file is found.
const RECHECK: Duration = Duration::from_secs(3_600);
/// And not more often than this for want of a certificate.
const RETRY: Duration = Duration::from_secs(60);

impl CertificateStore {
    /// A store with no sites yet.
    pub fn new(authority: LocalAuthority, resolver: Arc<Resolver>) -> Self {
        Self { authority, resolver, held: Mutex::default() }
    }

    /// The local authority, to report its path.
    pub fn authority(&self) -> &LocalAuthority {
        &self.authority
    }

    /// The table that handshakes are answered from.
    pub fn resolver(&self) -> &Arc<Resolver> {
        &self.resolver
    }

    /// Gets a certificate for every wanted site and puts all of them in force at once. Files are read
    /// again; an issued certificate is kept until a third of its time is left. A site that fails keeps an
    /// earlier certificate while that is valid. Blocks on file reads.
    pub fn refresh(&self, wanted: &[Wanted], now: Timestamp) -> Refreshed {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = BTreeMap::new();
        let mut failures = Vec::new();
        for site in wanted {
            let earlier = held.get(site).filter(|earlier| earlier.is_valid(now));
            match self.certificate(site, earlier, now) {
                Ok(certificate) => {
                    fresh.insert(site.clone(), certificate);
                }
                Err(error) => {
                    let earlier_kept = earlier.is_some();
                    fresh.extend(earlier.map(|earlier| (site.clone(), earlier.clone())));
                    failures.push(CertificateFailure { hosts: site.hosts.clone(), error, earlier_kept });
                }
            }
        }
        self.resolver.replace(table(wanted, &fresh));
        let next = next_refresh(fresh.values(), failures.is_empty(), now);
        *held = fresh;
        Refreshed { failures, next }
    }

    fn certificate(
        &self,
        site: &Wanted,
        earlier: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<Certificate, CertificateError> {
        match (&site.source, earlier) {
            (Source::Files { chain, key }, _) => Certificate::load(chain, key, &site.hosts, now),
            (Source::LocalAuthority, Some(earlier)) if now < earlier.renew_from() => Ok(earlier.clone()),
            (Source::LocalAuthority, _) => self.authority.issue(&site.hosts, now),
        }
    }
}

/// In the order wanted: where two sites name one host, the first has it.
fn table(wanted: &[Wanted], fresh: &BTreeMap<Wanted, Certificate>) -> Table {
    let mut table = Table::default();
    for site in wanted.iter().rev() {
        if let Some(certificate) = fresh.get(site) {
            for host in &site.hosts {
                table.set(host, certificate);
            }
        }
    }
    table
}

fn next_refresh<'a>(
    certificates: impl Iterator<Item = &'a Certificate>,
    all_well: bool,
    now: Timestamp,
) -> Timestamp {
    let latest = now.plus(if all_well { RECHECK } else { RETRY });
    let soonest = certificates.map(Certificate::renew_from).min().unwrap_or(latest);
    soonest.min(latest).max(now.plus(RETRY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issued_certificates_are_replaced_with_a_third_of_their_time_left() {
        let folder = tempfile::tempdir().expect("folder");
        let mut at = Timestamp::from_secs(1_795_348_800);
        let end = at.plus(Duration::from_secs(30 * 86_400));
        let authority = LocalAuthority::open(folder.path(), at).expect("authority");
        let store = CertificateStore::new(authority, Arc::new(Resolver::new()));
        let site = Wanted { hosts: vec!["a.test".parse().expect("host")], source: Source::LocalAuthority };
        let mut ends = std::collections::BTreeSet::new();
        while at < end {
            let refreshed = store.refresh(std::slice::from_ref(&site), at);
            assert!(refreshed.failures.is_empty());
            assert!(refreshed.next > at && refreshed.next <= at.plus(RECHECK));
            let held = store.held.lock().expect("held");
            let certificate = held.get(&site).expect("certificate");
            assert!(at < certificate.renew_from(), "{at}");
            ends.insert(certificate.not_after());
            at = refreshed.next;
        }
        assert!((6..=7).contains(&ends.len()), "each used for two thirds of a week: {}", ends.len());
    }
}
