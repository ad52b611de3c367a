//! Making connections to origins: name, addresses, TCP, TLS.
//!
//! Addresses of both families are tried in turn, each with a head start on the next (RFC 8305); the first that
//! answers is taken. An origin that is this edge itself is refused before anything is sent: its requests would
//! come back as visitors'.

use super::http2::Windows;
use super::ourselves::Ourselves;
use super::stream::{ALPN_HTTP2, OriginStream};
use super::upstream::Member;
use crate::reasons::Reason;
use certificates::{OriginTrust, client_config};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use names::Names;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use snapshot::{OriginTls, Scheme, Trusted};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use vocabulary::{Clock, Hostname};

/// HTTP/1.1 as ALPN names it (RFC 7301 §6).
const ALPN_HTTP1: &[u8] = b"http/1.1";
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// How long one address is tried alone (RFC 8305 §8, Connection Attempt Delay).
const HEAD_START: Duration = Duration::from_millis(250);

/// Which versions of HTTP a connection is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 where the origin chooses it, else HTTP/1.1.
    Either,
    /// HTTP/2.
    Http2,
}

/// TLS to an origin, by what is offered in the handshake.
#[derive(Clone)]
pub(super) struct TlsConfigs {
    http1: Arc<ClientConfig>,
    either: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

/// Makes connections; shared by a process, so that names and trusted certificates are read once.
pub(crate) struct Connector {
    clock: Arc<dyn Clock>,
    names: Names,
    ourselves: Ourselves,
    /// For origins that set nothing of their own.
    usual_tls: OnceLock<TlsConfigs>,
    /// What origins may send ahead over HTTP/2.
    pub(super) windows: Arc<Windows>,
    /// Connections that would have led back here.
    pub(crate) loops: AtomicU64,
}

impl Connector {
    /// `listening`: where visitors come in.
    pub(crate) fn new(names: Names, listening: Vec<SocketAddr>, clock: Arc<dyn Clock>) -> Self {
        let (usual_tls, loops) = (OnceLock::new(), AtomicU64::new(0));
        let (ourselves, windows) = (Ourselves::at(listening), Arc::default());
        Self { clock, names, ourselves, usual_tls, windows, loops }
    }

    /// A connection to an origin that can carry requests, within `patience`.
    pub(crate) async fn connect(
        &self,
        member: &Member,
        versions: Versions,
        patience: Duration,
    ) -> Result<OriginStream, Reason> {
        let connecting = self.connect_patiently(member, versions);
        timeout(patience, connecting).await.unwrap_or(Err(Reason::OriginConnectSlow))
    }

    async fn connect_patiently(&self, member: &Member, versions: Versions) -> Result<OriginStream, Reason> {
        let addresses = self.addresses(member).await?;
        if addresses.iter().any(|address| self.ourselves.is(*address)) {
            self.loops.fetch_add(1, Ordering::Relaxed);
            return Err(Reason::OriginLoop);
        }
        let stream = first_of(&addresses).await.ok_or(Reason::OriginUnreachable)?;
        // Small writes must not wait for each other; a socket without the option still works.
        let _ = stream.set_nodelay(true);
        if member.origin.scheme == Scheme::Http {
            return Ok(OriginStream::Plain(stream));
        }
        let connector = TlsConnector::from(self.tls(member)?.of(versions));
        let secured = connector.connect(server_name(member)?, stream).await;
        let secured =
            secured.inspect_err(|error| tracing::warn!(origin = %member, %error, "no TLS to the origin"));
        let secured = OriginStream::Tls(Box::new(secured.map_err(|_| Reason::OriginTls)?));
        // An origin that knows nothing of ALPN says nothing, and speaks HTTP/1.1.
        if versions == Versions::Http2 && !secured.speaks_http2(versions) {
            tracing::warn!(origin = %member, "the origin does not choose HTTP/2");
            return Err(Reason::OriginTls);
        }
        Ok(secured)
    }

    async fn addresses(&self, member: &Member) -> Result<Vec<SocketAddr>, Reason> {
        let port = member.origin.port;
        if let Some(ip) = member.origin.host.ip() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let name = member.name.get_or_init(|| self.names.of(&member.origin.host));
        let found = name.addresses().await.ok_or(Reason::OriginName)?;
        if !may_lead_inside(&member.origin.host) && found.iter().any(|ip| is_inside(*ip)) {
            return Err(Reason::OriginInside);
        }
        Ok(interleaved(&found).take(ADDRESSES_MAX).map(|ip| SocketAddr::new(ip, port)).collect())
    }

    /// What was set up once is kept; what could not be is tried again with the next connection.
    fn tls(&self, member: &Member) -> Result<TlsConfigs, Reason> {
        let usual = member.tls.trust == Trusted::System && member.tls.client.is_none();
        let held = if usual { &self.usual_tls } else { &member.tls_config };
        if let Some(config) = held.get() {
            return Ok(config.clone());
        }
        let config = client_tls(&member.tls, Arc::clone(&self.clock)).map_err(|error| {
            tracing::error!(origin = %member, %error, "no TLS to the origin");
            Reason::OriginTls
        })?;
        Ok(held.get_or_init(|| TlsConfigs::from(config)).clone())
    }
}

impl TlsConfigs {
    fn of(self, versions: Versions) -> Arc<ClientConfig> {
        match versions {
            Versions::Http1 => self.http1,
            Versions::Either => self.either,
            Versions::Http2 => self.http2,
        }
    }
}

impl From<ClientConfig> for TlsConfigs {
    fn from(config: ClientConfig) -> Self {
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        Self {
            http1: offering(&[ALPN_HTTP1]),
            either: offering(&[ALPN_HTTP2, ALPN_HTTP1]),
            http2: offering(&[ALPN_HTTP2]),
        }
    }
}

/// Whether a name may mean this machine itself or its link: one that is nobody's in DNS (RFC 6761), and one without
/// a dot, which the machine's own files give a meaning. Whoever rules any other name could have the edge ask what
/// listens for the machine alone.
fn may_lead_inside(host: &Hostname) -> bool {
    host.is_reserved() || host.parent().is_none()
}

/// What the clouds answer under for their machines, besides the link-local address.
const CLOUD: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// What stands before an IPv4 address that is reached by translation (RFC 6052 §2.1).
const TRANSLATED: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// Loopback, link-local (clouds answer there for their machines) and unspecified addresses, also by way of a translator.
fn is_inside(ip: IpAddr) -> bool {
    if let IpAddr::V6(v6) = ip
        && v6.segments()[..6] == TRANSLATED
    {
        let [.., a, b, c, d] = v6.octets();
        return is_inside(Ipv4Addr::new(a, b, c, d).into());
    }
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local() || ip.octets()[0] == 0,
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified() || ip == CLOUD
        }
    }
}

fn client_tls(tls: &OriginTls, clock: Arc<dyn Clock>) -> Result<ClientConfig, certificates::OriginTlsError> {
    let trust = match &tls.trust {
        Trusted::System => OriginTrust::System,
        Trusted::Authorities(path) => OriginTrust::Authorities(path.clone()),
        Trusted::Pinned(pins) => OriginTrust::Pinned(pins.clone()),
        Trusted::Unverified => OriginTrust::Unverified,
    };
    let client = tls.client.as_ref().map(|files| (files.chain.as_path(), files.key.as_path()));
    client_config(&trust, client, clock)
}

fn server_name(member: &Member) -> Result<ServerName<'static>, Reason> {
    let own = member.origin.server_name.as_ref().or(member.tls.server_name.as_ref());
    let host = own.unwrap_or(&member.origin.host);
    match host.ip() {
        Some(ip) => Ok(ServerName::IpAddress(ip.into())),
        None => ServerName::try_from(host.as_str().to_owned()).map_err(|_| Reason::OriginTls),
    }
}

/// The families in turn, the one first that comes first (RFC 8305 §4).
fn interleaved(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let v6_first = addresses.first().is_some_and(IpAddr::is_ipv6);
    let of = |v6: bool| addresses.iter().copied().filter(move |address| address.is_ipv6() == v6);
    let (mut first, mut second, mut turn) = (of(v6_first), of(!v6_first), false);
    std::iter::from_fn(move || {
        turn = !turn;
        if turn { first.next().or_else(|| second.next()) } else { second.next().or_else(|| first.next()) }
    })
}

/// The first connection that comes about. Each address has a head start, which ends when its attempt fails.
async fn first_of(addresses: &[SocketAddr]) -> Option<TcpStream> {
    let mut waiting = addresses.iter();
    let mut attempts = FuturesUnordered::new();
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            attempts.push(TcpStream::connect(*address));
        }
        if attempts.is_empty() {
            return None;
        }
        let has_more = !waiting.as_slice().is_empty();
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Some(stream),
                Err(_) => continue,
            },
            () = sleep(HEAD_START), if has_more => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    #[test]
    fn families_are_tried_in_turn() {
        let ips = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().expect("an address")).collect()
        };
        for (found, tried) in [
            (vec!["::1", "::2", "::3", "1.1.1.1"], vec!["::1", "1.1.1.1", "::2", "::3"]),
            (vec!["1.1.1.1", "1.1.1.2", "::1"], vec!["1.1.1.1", "::1", "1.1.1.2"]),
            (vec!["1.1.1.1"], vec!["1.1.1.1"]),
            (vec![], vec![]),
        ] {
            assert_eq!(interleaved(&ips(&found)).collect::<Vec<_>>(), ips(&tried));
        }
    }

    #[test]
    fn names_of_the_public_dns_do_not_lead_inside() {
        for (address, inside) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("169.254.169.254", true),
            ("0.0.0.0", true),
            ("0.1.2.3", true),
            ("::1", true),
            ("::", true),
            ("fe80::1", true),
            ("::ffff:127.0.0.1", true),
            ("fd00:ec2::254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("64:ff9b::c000:201", false),
            ("10.0.0.1", false),
            ("192.0.2.1", false),
            ("fd00::1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_inside(address.parse().expect("an address")), inside, "{address}");
        }
        for (host, may) in
            [("localhost", true), ("backend", true), ("o.test", true), ("shop.example.org", false)]
        {
            assert_eq!(may_lead_inside(&Hostname::parse(host).expect("a host")), may, "{host}");
        }
    }

    #[tokio::test]
    async fn an_address_that_refuses_or_says_nothing_does_not_keep_the_others_waiting() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let answers = listener.local_addr().expect("an address");
        let refuses: SocketAddr = ([127, 0, 0, 1], 1).into();
        // Kept for documentation (RFC 5737): nobody answers there.
        let mute: SocketAddr = ([192, 0, 2, 1], 9).into();
        for addresses in [vec![refuses, answers], vec![mute, answers], vec![mute, refuses, answers]] {
            let found = timeout(Duration::from_secs(30), first_of(&addresses)).await.expect("in time");
            assert_eq!(found.expect("a connection").peer_addr().expect("connected"), answers);
        }
        assert!(first_of(&[refuses, refuses]).await.is_none());
        assert!(first_of(&[]).await.is_none());
    }
}
