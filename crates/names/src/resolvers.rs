//! What several resolvers say, each asked by itself: for questions whose answer somebody may want to forge.

use crate::dns::{Dns, Told};
use futures_util::future::join_all;
use std::net::{IpAddr, SocketAddr};
use vocabulary::Hostname;

/// Resolvers that are asked side by side; more are left out.
pub const RESOLVERS_MAX: usize = 8;

/// Several resolvers.
pub struct Resolvers {
    each: Vec<Dns>,
}

/// What one of them says of a name's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has these; none: it has none.
    Records(Vec<String>),
    /// It cannot be asked, or cannot tell.
    Nothing,
}

impl Resolvers {
    /// These, each by itself.
    pub fn of_servers(servers: &[SocketAddr]) -> Self {
        let each = servers.iter().take(RESOLVERS_MAX).map(|server| Dns::of_servers(&[*server]));
        Self { each: each.collect() }
    }

    /// Those of the system, each by itself. They are often one and the same behind several addresses: who wants to be
    /// sure names others.
    pub fn of_the_system() -> Self {
        Self::of_servers(&Dns::servers_of_the_system())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// The TXT records of a name, each with its strings joined. Aliases are followed, as DNS does.
    pub async fn texts(&self, name: &str) -> Vec<Said> {
        join_all(self.each.iter().map(|dns| dns.texts(name))).await.into_iter().map(Said::from).collect()
    }

    /// The targets of the CNAME records of a name.
    pub async fn aliases(&self, name: &str) -> Vec<Said> {
        join_all(self.each.iter().map(|dns| dns.aliases(name))).await.into_iter().map(Said::from).collect()
    }

    /// The addresses that all say who answer, and more than half have to answer; none where they agree on none.
    pub async fn addresses(&self, host: &Hostname) -> Vec<IpAddr> {
        let said = join_all(self.each.iter().map(|dns| dns.addresses(host))).await;
        let told: Vec<Vec<IpAddr>> = said.into_iter().flatten().collect();
        if told.len() * 2 <= self.each.len() {
            return Vec::new();
        }
        let Some((first, others)) = told.split_first() else { return Vec::new() };
        let by_all = first.iter().filter(|address| others.iter().all(|other| other.contains(address)));
        by_all.copied().collect()
    }
}

impl From<Told> for Said {
    fn from(told: Told) -> Self {
        match told {
            Told::Records(records) => Self::Records(records),
            Told::Absent => Self::Records(Vec::new()),
            Told::Failed => Self::Nothing,
        }
    }
}
