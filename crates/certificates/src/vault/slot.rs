//! Where something lies in the vault.

use sha2::{Digest, Sha256};
use std::fmt;
use vocabulary::{SiteId, SitePattern};

/// The place of one record: 128 bits of a hash of what it holds, so that names of customers do not stand
/// in the folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub(super) [u8; 16]);

impl Slot {
    /// What was read from the files a site names.
    pub fn files(site: SiteId) -> Self {
        Self::of("files", site.as_bytes())
    }

    /// What was uploaded for a site.
    pub fn uploaded(site: SiteId) -> Self {
        Self::of("uploaded", site.as_bytes())
    }

    /// What an authority issued for a name.
    pub fn issued(name: &SitePattern) -> Self {
        Self::of("issued", name.to_string().as_bytes())
    }

    /// The local authority's certificate for some hosts, which is never written down.
    pub(crate) fn local(hosts: &[SitePattern]) -> Self {
        let names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        Self::of("local", names.join(" ").as_bytes())
    }

    /// The account at an authority.
    pub(crate) fn account(directory: &str) -> Self {
        Self::of("account", directory.as_bytes())
    }

    fn of(kind: &str, what: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(what).finalize();
        let mut slot = [0; 16];
        slot.copy_from_slice(&digest[..16]);
        Self(slot)
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut slot = [0; 16];
        hex::decode_to_slice(name, &mut slot).ok()?;
        Some(Self(slot))
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
