//! One fetch: address, check, connection, answer, redirects.

use crate::guard::is_public;
use crate::wire::{Answer, ask};
use async_trait::async_trait;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;
use url::{Host, Url};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Redirects of one fetch.
const REDIRECTS_MAX: usize = 3;

/// The bounds of one fetch.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most bytes of the content.
    pub bytes: usize,
    /// From the name to the last byte, redirects included.
    pub time: Duration,
    /// Whether redirects are followed.
    pub redirects: bool,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The media type without parameters, in lower case; empty where none was said.
    pub media_type: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Why nothing came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfetched {
    /// The address is not one of the web, or names another port than the web's.
    #[error("it is no address of the web on port 80 or 443")]
    Address,
    /// The name has no address.
    #[error("the name {0} has no address")]
    Name(String),
    /// An address is not public.
    #[error("{0} leads to {1}, which is no public address")]
    Private(String, IpAddr),
    /// No connection came about, or it broke.
    #[error("no answer came: {0}")]
    Wire(String),
    /// It answered with something longer.
    #[error("it is longer than {0} bytes")]
    TooLarge(usize),
    /// It took longer.
    #[error("it did not come within {0} s")]
    TooSlow(u64),
    /// It leads from a secure address to one that anybody on the way may change.
    #[error("it leads from https:// to http://, where anybody on the way may change it")]
    Insecure,
    /// It leads on and on, or on where redirects are not followed.
    #[error("it is a redirect that is not followed")]
    Redirect,
}

/// Fetches from the public web.
///
/// Contract: no request reaches an address that is not public; an answer or its absence comes within the limits;
/// asking again is harmless; any status is an answer.
#[async_trait]
pub trait Web: Send + Sync + 'static {
    /// GET of one address.
    async fn get(&self, url: &Url, limits: &Limits) -> Result<Fetched, Unfetched>;
}

/// Looks names up.
#[async_trait]
pub trait Names: Send + Sync + 'static {
    /// The addresses of a name; none where it has none.
    async fn addresses(&self, name: &str) -> Vec<IpAddr>;
}

/// The names of the system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let found = tokio::net::lookup_host((name, 0)).await;
        found.map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
    }
}

/// The public web.
pub struct PublicWeb {
    names: Box<dyn Names>,
    reaches: fn(IpAddr, u16) -> bool,
}

impl PublicWeb {
    /// By the names of the system.
    pub fn new() -> Self {
        Self::with(Box::new(SystemNames))
    }

    /// By other names.
    pub fn with(names: Box<dyn Names>) -> Self {
        Self { names, reaches: |address, port| is_public(address) && matches!(port, 80 | 443) }
    }

    /// For tests of what comes after the guard: reaches loopback.
    #[cfg(test)]
    pub(crate) fn to_loopback(names: Box<dyn Names>) -> Self {
        Self { names, reaches: |address, _| address.is_loopback() }
    }

    async fn follow(&self, url: &Url, limits: &Limits) -> Result<Fetched, Unfetched> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            match self.once(&url, limits).await? {
                Answer::Here(fetched) => return Ok(fetched),
                Answer::Elsewhere(target) if limits.redirects => {
                    url = led_on(&url, &target)?;
                }
                Answer::Elsewhere(_) => break,
            }
        }
        Err(Unfetched::Redirect)
    }

    async fn once(&self, url: &Url, limits: &Limits) -> Result<Answer, Unfetched> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some()
        {
            return Err(Unfetched::Address);
        }
        let port = url.port_or_known_default().ok_or(Unfetched::Address)?;
        let host = url.host().ok_or(Unfetched::Address)?;
        let addresses = match &host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => self.names.addresses(name).await,
        };
        if addresses.is_empty() {
            return Err(Unfetched::Name(host.to_string()));
        }
        // One private address among public ones is reason enough: the name is not to be trusted.
        if let Some(address) = addresses.iter().find(|address| !(self.reaches)(**address, port)) {
            let private = Unfetched::Private(host.to_string(), *address);
            return Err(if is_public(*address) { Unfetched::Address } else { private });
        }
        let mut failure = Unfetched::Name(host.to_string());
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match ask(SocketAddr::new(address, port), url, limits.bytes).await {
                Err(Unfetched::Wire(why)) => failure = Unfetched::Wire(why),
                other => return other,
            }
        }
        Err(failure)
    }
}

/// Where a redirect leads. What began securely stays so.
pub(crate) fn led_on(from: &Url, target: &str) -> Result<Url, Unfetched> {
    let next = from.join(target).map_err(|_| Unfetched::Address)?;
    let downgraded = from.scheme() == "https" && next.scheme() != "https";
    if downgraded { Err(Unfetched::Insecure) } else { Ok(next) }
}

impl Default for PublicWeb {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Web for PublicWeb {
    async fn get(&self, url: &Url, limits: &Limits) -> Result<Fetched, Unfetched> {
        let slow = Err(Unfetched::TooSlow(limits.time.as_secs()));
        timeout(limits.time, self.follow(url, limits)).await.unwrap_or(slow)
    }
}
