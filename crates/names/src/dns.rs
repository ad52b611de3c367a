//! Asking DNS.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use vocabulary::Hostname;

/// How long one question may take, its repetitions not included.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(2);
/// Repetitions of a question that nobody answers.
const REPETITIONS: usize = 2;
/// How long an absence is believed that does not say how long it lasts.
const ABSENT_TIME_USUAL: Duration = Duration::from_secs(10);

const DNS_PORT: u16 = 53;

/// Where names are asked for.
pub struct Dns {
    /// None: the system's settings cannot be read.
    resolver: Option<TokioResolver>,
}

/// What DNS says about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has addresses, for so long.
    Addresses(Vec<IpAddr>, Duration),
    /// It has none, for so long.
    Absent(Duration),
    /// Nobody knows.
    Failed(String),
}

/// What DNS says of the records of a name.
pub(crate) enum Told<T = String> {
    Records(Vec<T>),
    Absent,
    Failed,
}

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 100;

impl Dns {
    /// The name servers of the system, on their usual port; none where its settings cannot be read.
    pub(crate) fn servers_of_the_system() -> Vec<SocketAddr> {
        let read = read_system_conf();
        let told = |error| tracing::error!(%error, "the system's DNS settings cannot be read");
        let Ok((config, _)) = read.map_err(told) else { return Vec::new() };
        config.name_servers().iter().map(|server| SocketAddr::new(server.ip, DNS_PORT)).collect()
    }

    /// TXT records, each with its strings joined.
    pub(crate) async fn texts(&self, name: &str) -> Told {
        self.records(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    /// The targets of CNAME records.
    pub(crate) async fn aliases(&self, name: &str) -> Told {
        self.records(name, RecordType::CNAME, |data| match data {
            RData::CNAME(target) => Some(target.to_string()),
            _ => None,
        })
        .await
    }

    /// Addresses; none: nobody could tell.
    pub(crate) async fn addresses(&self, host: &Hostname) -> Option<Vec<IpAddr>> {
        match self.look_up(host).await {
            Found::Addresses(addresses, _) => Some(addresses),
            Found::Absent(_) => Some(Vec::new()),
            Found::Failed(_) => None,
        }
    }

    /// The names of an address, as its holder gives them.
    pub(crate) async fn names_of(&self, address: IpAddr) -> Told {
        self.records(&reverse_name(address), RecordType::PTR, |data| match data {
            RData::PTR(name) => Some(name.to_string()),
            _ => None,
        })
        .await
    }

    /// The addresses of a name that are of the same family as this one, whatever the system's search list and hosts file
    /// say.
    pub(crate) async fn addresses_like(&self, name: &Hostname, address: IpAddr) -> Told<IpAddr> {
        let kind = if address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        self.records(name.as_str(), kind, |data| match data {
            RData::A(address) => Some(address.0.into()),
            RData::AAAA(address) => Some(address.0.into()),
            _ => None,
        })
        .await
    }

    async fn records<T>(&self, name: &str, kind: RecordType, read: fn(&RData) -> Option<T>) -> Told<T> {
        let Some(resolver) = &self.resolver else { return Told::Failed };
        // With the root's dot: no search list has a say in whose a name is.
        match resolver.lookup(format!("{name}."), kind).await {
            Ok(lookup) => {
                let records = lookup.answers().iter().take(RECORDS_MAX);
                Told::Records(records.filter_map(|record| read(&record.data)).collect())
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) if is_absence(none.response_code) => {
                Told::Absent
            }
            Err(_) => Told::Failed,
        }
    }

    /// As the system is set up: its name servers and its hosts file.
    pub fn of_the_system() -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            // Kept by whoever asks.
            options.cache_size = 0;
            options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
            options.timeout = options.timeout.min(QUESTION_TIME_MAX);
            builder.build()
        });
        let told = |error| tracing::error!(%error, "the system's DNS settings cannot be read; names have no addresses");
        Self { resolver: resolver.map_err(told).ok() }
    }

    /// These name servers and nothing else.
    pub fn of_servers(servers: &[SocketAddr]) -> Self {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let here = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            NameServerConfig::new(server.ip(), true, connections.map(here).into())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = QUESTION_TIME_MAX;
        options.attempts = REPETITIONS;
        let told = |error| tracing::error!(%error, "DNS cannot be set up; names have no addresses");
        Self { resolver: builder.build().map_err(told).ok() }
    }

    /// Asks for both families at once.
    pub(crate) async fn look_up(&self, host: &Hostname) -> Found {
        let Some(resolver) = &self.resolver else { return Found::Failed("DNS is not set up".to_owned()) };
        // Without the root's dot: the system's search list counts, as with every other program of the machine.
        match resolver.lookup_ip(host.as_str()).await {
            Ok(lookup) => {
                let addresses: Vec<_> = lookup.iter().collect();
                let ttl = lookup.as_lookup().answers().iter().map(|record| record.ttl).min().unwrap_or(0);
                Found::Addresses(addresses, Duration::from_secs(ttl.into()))
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let believed = none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into()));
                Found::Absent(believed.unwrap_or(ABSENT_TIME_USUAL))
            }
            Err(error) => Found::Failed(error.to_string()),
        }
    }
}

/// Where an address is asked for by number (RFC 1035 §3.5, RFC 3596 §2.5).
fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels = digits.map(|digit| format!("{digit:x}.")).collect::<String>();
            format!("{labels}ip6.arpa")
        }
    }
}

/// Whether an answer without records says that there are none.
fn is_absence(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
}
