//! What is attacked: addresses of loopback, and nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A proxy on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) http: SocketAddr,
    pub(crate) tls: Option<SocketAddr>,
    /// The site asked for.
    pub(crate) host: String,
}

/// The target is none that may be attacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No address, or no http URL.
    #[error("{0:?} is no target; write http://127.0.0.1:PORT, and the TLS listener as 127.0.0.1:PORT")]
    Unreadable(String),
    /// Somebody else's.
    #[error("{0} is not on loopback (127.0.0.0/8); nothing else is ever attacked")]
    NotLoopback(IpAddr),
}

impl Target {
    /// Reads `http://127.0.0.1:8080` (or `localhost` with a port), the TLS listener, and the site's host.
    pub fn parse(url: &str, tls: Option<&str>, host: &str) -> Result<Self, Refused> {
        let rest = url.strip_prefix("http://").ok_or_else(|| Refused::Unreadable(url.into()))?;
        let http = address(rest.strip_suffix('/').unwrap_or(rest))?;
        Ok(Self { http, tls: tls.map(address).transpose()?, host: host.to_owned() })
    }

    /// The same proxy, asked for another site.
    pub(crate) fn with_host(&self, host: String) -> Self {
        Self { host, ..self.clone() }
    }
}

/// Names but `localhost` are not looked up: what they mean is for others to decide.
fn address(text: &str) -> Result<SocketAddr, Refused> {
    let unreadable = || Refused::Unreadable(text.chars().take(80).collect());
    let address: SocketAddr = match text.strip_prefix("localhost:") {
        Some(port) => (Ipv4Addr::LOCALHOST, port.parse().map_err(|_| unreadable())?).into(),
        None => text.parse().map_err(|_| unreadable())?,
    };
    match address.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => Ok(address),
        other => Err(Refused::NotLoopback(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_target() {
        let parse = |url| Target::parse(url, None, "lab.test");
        assert_eq!(parse("http://localhost:8080/"), parse("http://127.0.0.1:8080"));
        assert!(parse("http://127.9.9.9:1").is_ok());
        for other in ["http://192.0.2.1:80", "http://0.0.0.0:80", "http://[::1]:80", "http://10.0.0.1:80"] {
            assert!(matches!(parse(other), Err(Refused::NotLoopback(_))), "{other}");
        }
        for other in ["https://127.0.0.1:1", "http://example.org:80", "http://127.0.0.1", "127.0.0.1:80", ""]
        {
            assert!(matches!(parse(other), Err(Refused::Unreadable(_))), "{other}");
        }
        let tls = Target::parse("http://127.0.0.1:80", Some("198.51.100.1:443"), "lab.test");
        assert!(matches!(tls, Err(Refused::NotLoopback(_))));
    }
}
