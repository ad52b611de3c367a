//! A certificate that may be used for a site.

use crate::error::CertificateError;
use crate::keyed_chain::KeyedChain;
use crate::x509::{Facts, Names, is_issued_by};
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{SitePattern, Timestamp};

/// A chain and its key, checked for one site.
#[derive(Debug, Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Arc<Names>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads and checks chain and key files (PEM): the chain parses and is in order, every certificate is
    /// valid now, the key belongs to the first, and the names cover every host of the site.
    pub fn load(
        chain: &Path,
        key: &Path,
        hosts: &[SitePattern],
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        KeyedChain::from_files(chain, key)?.certify(hosts, now)
    }

    /// The same checks on a chain and key in memory.
    pub(crate) fn check(
        key: CertifiedKey,
        hosts: &[SitePattern],
        now: Timestamp,
    ) -> Result<Self, CertificateError> {
        let mut facts = read_chain(&key.cert)?;
        let Some(first) = facts.first() else { return Err(CertificateError::Malformed { number: 1 }) };
        // Alone it may be a self-signed certificate, which common tools mark as an authority's.
        if first.is_authority && facts.len() > 1 {
            return Err(CertificateError::AuthorityFirst);
        }
        check_order(&key.cert)?;
        key.keys_match().map_err(|_| CertificateError::KeyMismatch)?;
        let not_before = check_dates(&facts, now)?;
        let uncovered = hosts.iter().find(|host| !first.covers(host));
        if let Some(host) = uncovered {
            return Err(CertificateError::Uncovered { host: host.clone(), covered: first.names_text() });
        }
        // The first to expire ends the chain.
        let not_after = facts.iter().map(|f| f.not_after).min().unwrap_or(first.not_after);
        let names = facts.swap_remove(0).names;
        Ok(Self { key: Arc::new(key), names: Arc::new(names), not_before, not_after })
    }

    /// Reads the facts again of what passed [`Certificate::check`] before it was sealed. Dates are the
    /// index's to judge, and names are compared with each server name.
    pub(crate) fn checked_before(key: CertifiedKey) -> Result<Self, CertificateError> {
        let mut facts = read_chain(&key.cert)?;
        key.keys_match().map_err(|_| CertificateError::KeyMismatch)?;
        let not_before = facts.iter().map(|facts| facts.not_before).max();
        let not_after = facts.iter().map(|facts| facts.not_after).min();
        let (Some(not_before), Some(not_after)) = (not_before, not_after) else {
            return Err(CertificateError::Malformed { number: 1 });
        };
        let names = facts.swap_remove(0).names;
        Ok(Self { key: Arc::new(key), names: Arc::new(names), not_before, not_after })
    }

    /// Start of validity: the latest in the chain.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of validity: the earliest in the chain.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// From when on it should be replaced: two thirds of its time have passed.
    pub fn renew_from(&self) -> Timestamp {
        let life = self.not_after.since(self.not_before);
        self.not_after.minus(Duration::from_millis(u64::try_from(life.as_millis() / 3).unwrap_or(0)))
    }

    /// Whether it may still be shown.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// The names it is good for.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Chain and key for a handshake.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }
}

fn read_chain(chain: &[CertificateDer<'_>]) -> Result<Vec<Facts>, CertificateError> {
    let read = |(at, der)| Facts::read(der).ok_or(CertificateError::Malformed { number: at + 1 });
    chain.iter().enumerate().map(read).collect()
}

fn check_order(chain: &[CertificateDer<'_>]) -> Result<(), CertificateError> {
    let right = |pair: &[_]| matches!(pair, [one, next] if is_issued_by(one, next));
    let wrong = chain.windows(2).position(|pair| !right(pair));
    wrong.map_or(Ok(()), |at| Err(CertificateError::Order { number: at + 1 }))
}

/// Checks all dates and returns when the whole chain became valid.
fn check_dates(chain: &[Facts], now: Timestamp) -> Result<Timestamp, CertificateError> {
    let mut from = Timestamp::from_millis(0);
    for (at, facts) in chain.iter().enumerate() {
        let number = at + 1;
        if now < facts.not_before {
            return Err(CertificateError::NotYetValid { number, from: facts.not_before });
        }
        if now > facts.not_after {
            return Err(CertificateError::Expired { number, at: facts.not_after });
        }
        from = from.max(facts.not_before);
    }
    Ok(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::aws_lc_rs::sign::any_supported_type;
    use rustls::pki_types::PrivatePkcs8KeyDer;

    /// A record may hold what it was never given: a disk, or whoever has the sealing key, may have changed it.
    #[test]
    fn what_is_opened_again_has_the_key_of_its_first_certificate() {
        let own = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["a.test".to_owned()]).expect("a name");
        let shown = params.self_signed(&own).expect("a certificate").der().clone();
        for (key, opens) in [(own, true), (KeyPair::generate().expect("a key"), false)] {
            let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            let key = CertifiedKey::new(vec![shown.clone()], any_supported_type(&key).expect("a key"));
            let refused = Certificate::checked_before(key).err();
            assert_eq!(refused.is_none(), opens, "{refused:?}");
        }
    }
}
