//! Certificates on their way from the vault, or from the local authority, to a handshake: a bounded cache.

use crate::authority::LocalAuthority;
use crate::certificate::Certificate;
use crate::vault::{RecordError, Slot, Vault};
use crate::x509::Names;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vocabulary::{SitePattern, Timestamp};

/// Certificates held ready for handshakes; beyond, the one that was not asked for longest is let go of,
/// to the half.
pub(crate) const HELD_MAX: usize = 8_192;

/// What a client is shown, and what that is good for.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) names: Arc<Names>,
    /// For one that is issued when it is asked for: when to issue the next.
    until: Option<Timestamp>,
}

impl Shown {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let (key, names) = (certificate.certified_key().clone(), Arc::clone(certificate.names()));
        Self { key, names, until: None }
    }

    fn until_renewed(certificate: &Certificate) -> Self {
        Self { until: Some(certificate.renew_from()), ..Self::of(certificate) }
    }
}

/// Loads what a handshake asks for.
pub(crate) struct Loader {
    vault: Arc<Vault>,
    authority: Arc<LocalAuthority>,
    held: Mutex<Held>,
}

/// Two generations: what is asked for moves to the young one; when that is full, the old one is dropped
/// and the young one is the old.
#[derive(Default)]
struct Held {
    young: HashMap<Slot, Kept>,
    old: HashMap<Slot, Kept>,
    /// Counts what was forgotten, so that no reader puts back what it read before.
    forgotten: u64,
}

/// A certificate, or that there is none to be had until something changes.
type Kept = Option<Shown>;

impl Loader {
    pub(crate) fn new(vault: Arc<Vault>, authority: Arc<LocalAuthority>) -> Self {
        Self { vault, authority, held: Mutex::default() }
    }

    pub(crate) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    pub(crate) fn authority(&self) -> &LocalAuthority {
        &self.authority
    }

    /// A certificate of the vault.
    pub(crate) fn sealed(&self, slot: Slot) -> Option<Shown> {
        self.find_or(slot, || match self.vault.load(slot) {
            Ok(chain) => chain.trusted().map(|certificate| Shown::of(&certificate)).ok(),
            Err(RecordError::Absent) => None,
            Err(error) => {
                tracing::error!(%error, "a certificate is lost");
                None
            }
        })
    }

    /// One that the local authority issues now, where it has not yet.
    pub(crate) fn local(&self, slot: Slot, hosts: &[SitePattern], now: Timestamp) -> Option<Shown> {
        self.find_or(slot, || match self.authority.issue(hosts, now) {
            Ok(certificate) => Some(Shown::until_renewed(&certificate)),
            Err(error) => {
                tracing::error!(%error, "the local authority issues nothing");
                None
            }
        })
    }

    /// Drops what is held of a slot, because something else is there now.
    pub(crate) fn forget(&self, slot: Slot) {
        let mut held = self.held();
        held.forgotten += 1;
        held.young.remove(&slot);
        held.old.remove(&slot);
    }

    /// Drops what should be replaced by now, and what could not be had, so that it is tried again.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let mut held = self.held();
        held.forgotten += 1;
        let keep = |_: &Slot, kept: &mut Kept| {
            kept.as_ref().is_some_and(|shown| shown.until.is_none_or(|until| now < until))
        };
        held.young.retain(keep);
        held.old.retain(keep);
    }

    fn find_or(&self, slot: Slot, load: impl FnOnce() -> Kept) -> Kept {
        let began = {
            let mut held = self.held();
            if let Some(kept) = held.find(slot) {
                return kept;
            }
            held.forgotten
        };
        // Without the lock: other handshakes go on meanwhile, and two that ask for the same read it twice.
        let loaded = load();
        let mut held = self.held();
        if held.forgotten == began {
            held.insert(slot, loaded.clone());
        }
        loaded
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn find(&mut self, slot: Slot) -> Option<Kept> {
        if let Some(kept) = self.young.get(&slot) {
            return Some(kept.clone());
        }
        let kept = self.old.remove(&slot)?;
        self.insert(slot, kept.clone());
        Some(kept)
    }

    fn insert(&mut self, slot: Slot, kept: Kept) {
        if self.young.len() >= HELD_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(slot, kept);
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.held();
        f.debug_struct("Loader").field("held", &(held.young.len() + held.old.len())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use vocabulary::SiteId;

    fn loader(folder: &std::path::Path) -> Loader {
        let authority = LocalAuthority::open(folder, Timestamp::from_secs(1_795_348_800)).expect("authority");
        Loader::new(Arc::new(Vault::in_memory()), Arc::new(authority))
    }

    #[test]
    fn what_is_held_is_bounded_and_what_is_asked_for_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let loader = loader(folder.path());
        let slot = |number: usize| Slot::files(SiteId::from_bytes((number as u128).to_be_bytes()));
        let reads = Cell::new(0);
        let ask = |number| {
            loader.find_or(slot(number), || {
                reads.set(reads.get() + 1);
                None
            })
        };
        for number in 0..3 * HELD_MAX {
            ask(number);
            ask(0);
            let held = loader.held();
            assert!(held.young.len() + held.old.len() <= HELD_MAX);
        }
        assert_eq!(reads.get(), 3 * HELD_MAX, "the one that is always asked for was read once");
        ask(1);
        assert_eq!(reads.get(), 3 * HELD_MAX + 1, "one long ago was let go of");
    }

    #[test]
    fn what_was_read_before_a_change_is_not_held_after_it() {
        let folder = tempfile::tempdir().expect("folder");
        let loader = loader(folder.path());
        let slot = Slot::files(SiteId::from_bytes([1; 16]));
        loader.find_or(slot, || {
            loader.forget(slot);
            None
        });
        let again = Cell::new(false);
        loader.find_or(slot, || {
            again.set(true);
            None
        });
        assert!(again.get());
    }
}
