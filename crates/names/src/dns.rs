//! Asking DNS.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use vocabulary::Hostname;

/// How long one question may take, its repetitions not included.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(2);
/// Repetitions of a question that nobody answers.
const REPETITIONS: usize = 2;
/// How long an absence is believed that does not say how long it lasts.
const ABSENT_TIME_USUAL: Duration = Duration::from_secs(10);

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

impl Dns {
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
