//! What a control plane is started with.

use crate::Telemetry;
use certificates::CertificateStore;
use ledger::tlog_policy::TlogPolicy;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use vocabulary::{Clock, Hostname, HostnameError, Random};

/// Settings of one control plane; the binary lowers file, environment and flags into this.
#[derive(Debug, Clone)]
pub struct Options {
    /// Console and API. Off loopback it would need TLS, which is not built: refused at start.
    pub listen: SocketAddr,
    /// Public record.
    pub public: SocketAddr,
    /// Where visitors reach the public record.
    pub public_url: PublicUrl,
    /// Keys, tokens and backups live here; created when missing, readable by its owner alone.
    pub data_dir: PathBuf,
    /// Witnesses elsewhere with the quorum they make; without them the local one alone is the quorum.
    /// Taken at the founding; the same ones must be given ever after.
    pub witnesses: Option<TlogPolicy>,
}

/// What the control plane works with, made by the binary.
#[derive(Clone)]
pub struct Inputs {
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Randomness fit for keys.
    pub random: Arc<dyn Random>,
    /// Everything that is kept.
    pub records: Arc<dyn records::Records>,
    /// The way to the edges.
    pub publisher: feed::Publisher,
    /// The data plane beside it; `Arc::new(())` when there is none.
    pub telemetry: Arc<dyn Telemetry>,
    /// The certificates of the data plane beside it; none when there is none.
    pub certificates: Option<Arc<CertificateStore>>,
    /// The way to the public web; no private address is reached by it.
    pub web: Arc<dyn outbound::Web>,
    /// Who is asked for the records that prove host names: several, whose answers must agree.
    pub resolvers: Arc<names::Resolvers>,
    /// The way to the files that prove host names: to addresses that all of `resolvers` agree on, and no private one.
    pub proof_web: Arc<dyn outbound::Web>,
    /// Takes letters to a mail server; none where none is set.
    pub carrier: Option<Arc<dyn smtp::Carrier>>,
}

/// The address of the public record: scheme, host and an optional port, nothing after it.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicUrl {
    https: bool,
    host: Hostname,
    port: Option<u16>,
}

/// Why a text is no public address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicUrlError {
    /// Neither `http://` nor `https://`.
    #[error("public_url must begin with http:// or https://, such as https://record.example.org")]
    Scheme,
    /// A path, query, fragment or user part.
    #[error("public_url is scheme, host and port alone, without a path: https://record.example.org")]
    Path,
    /// The port is no number from 1 to 65535.
    #[error("the port of public_url is no number from 1 to 65535")]
    Port,
    /// The host is no host name.
    #[error("the host of public_url: {0}")]
    Host(HostnameError),
}

impl PublicUrl {
    /// The host, which is also the relying party id of passkeys and part of the log's origin.
    pub fn host(&self) -> &Hostname {
        &self.host
    }

    /// Whether the record is served over TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The port in the address, when it is not the scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            (None, None) => return Err(PublicUrlError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(PublicUrlError::Path);
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            Some(digits) => {
                let number = digits.parse::<u16>().ok().filter(|n| *n > 0);
                Some(number.ok_or(PublicUrlError::Port)?)
            }
            None => None,
        };
        let host = Hostname::parse(host).map_err(PublicUrlError::Host)?;
        let usual = if https { 443 } else { 80 };
        Ok(Self { https, host, port: port.filter(|port| *port != usual) })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.https { "https://" } else { "http://" })?;
        match self.host.ip() {
            Some(std::net::IpAddr::V6(ip)) => write!(f, "[{ip}]")?,
            _ => self.host.fmt(f)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_spelling() {
        for (text, kept) in [
            ("http://localhost:9091", "http://localhost:9091"),
            ("https://Record.Example.ORG/", "https://record.example.org"),
            ("https://record.example.org:443", "https://record.example.org"),
            ("http://[::1]:9091", "http://[::1]:9091"),
            ("http://[::1]", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().expect(text).to_string(), kept);
        }
    }

    #[test]
    fn other_texts_are_refused_with_what_to_write() {
        for text in [
            "localhost:9091",
            "ftp://a.test",
            "http://a.test/record",
            "http://u@a.test",
            "http://a.test:0",
            "http://a.test:99999",
            "http://",
            "http://a.test?x",
        ] {
            assert!(text.parse::<PublicUrl>().is_err(), "{text}");
        }
    }
}
