//! Addresses that several resolvers agree on, for fetches that prove something.

use async_trait::async_trait;
use names::Resolvers;
use outbound::Names;
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::Hostname;

/// What all of them say.
pub(super) struct Agreed(pub(super) Arc<Resolvers>);

#[async_trait]
impl Names for Agreed {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        match Hostname::parse(name) {
            Ok(host) => self.0.addresses(&host).await,
            Err(_) => Vec::new(),
        }
    }
}
