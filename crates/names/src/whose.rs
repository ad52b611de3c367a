//! Whether an address belongs to somebody: forward-confirmed reverse DNS.
//!
//! Whoever holds an address names it as it likes. Only where such a name leads back to the address has its owner said so.

use crate::dns::{Dns, Told};
use std::net::IpAddr;
use vocabulary::Hostname;

/// Names of one address that are followed.
pub const FOLLOWED_MAX: usize = 4;

impl Dns {
    /// Whether an address has a name that is somebody's own (`is_own`) and leads back to it; none where nobody could tell.
    /// Asks at most 1 + [`FOLLOWED_MAX`] questions, one after another; whoever calls sets how long.
    pub async fn is_whose(&self, address: IpAddr, is_own: impl Fn(&Hostname) -> bool) -> Option<bool> {
        let address = address.to_canonical();
        let names = match self.names_of(address).await {
            Told::Records(names) => names,
            Told::Absent => return Some(false),
            Told::Failed => return None,
        };
        let names = names.iter().filter_map(|name| Hostname::parse(name).ok()).filter(is_own);
        let mut answer = Some(false);
        for name in names.take(FOLLOWED_MAX) {
            match self.addresses_like(&name, address).await {
                Told::Records(addresses) if addresses.contains(&address) => return Some(true),
                Told::Records(_) | Told::Absent => {}
                Told::Failed => answer = None,
            }
        }
        answer
    }
}
