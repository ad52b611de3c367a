//! `wardmote.toml`, `WARDMOTE_…` variables and flags, lowered into one [`Config`].
//!
//! Owns every key of a process's configuration: name, form, default. Later layers win: defaults,
//! file, environment, flags. Must not know what the settings do.
//!
//! Invariants: a [`Config`] is complete and fits together; every mistake is found before anything is
//! bound, with its place and what to write instead.

mod acme;
mod byte_size;
mod file;
mod keys;
mod mail;
#[cfg(test)]
mod tests;

pub(crate) use acme::Acme;
pub(crate) use byte_size::ByteSize;
pub(crate) use mail::Mail;

use control::PublicUrl;
use keys::{KEYS, Key, Value};
use ledger::tlog_policy::TlogPolicy;
use shield::crawlers::Crawlers;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vocabulary::Cidr;

/// Variables of this prefix set keys: `WARDMOTE_EDGE_HTTP` is `edge.http`.
const PREFIX: &str = "WARDMOTE_";
/// Variables that steer logs and tests and are no keys.
const OTHERS: [&str; 3] = ["WARDMOTE_LOG", "WARDMOTE_SEED", "WARDMOTE_LONG"];

/// What a process needs to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Everything kept lies under this folder.
    pub(crate) data_dir: PathBuf,
    pub(crate) edge: Edge,
    pub(crate) cache: Cache,
    pub(crate) control: Control,
    pub(crate) records: Records,
    pub(crate) acme: Acme,
    pub(crate) mail: Mail,
}

/// `[edge]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) https: Vec<SocketAddr>,
    /// Whether HTTP/3 is served there too, over UDP.
    pub(crate) http3: bool,
    /// Whether file or environment named them; else they may give way to better ones.
    pub(crate) addresses_given: bool,
    /// 0 = one per core.
    pub(crate) workers: usize,
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// Edges that fetch through this one.
    pub(crate) children: Vec<Cidr>,
    /// Which of `http` and `https` the PROXY protocol is spoken on.
    pub(crate) proxy_protocol: Vec<SocketAddr>,
    /// How long visitors have when the process is to end.
    pub(crate) drain: Duration,
    pub(crate) access_log: AccessLog,
    pub(crate) admin: Option<SocketAddr>,
    /// The edge to fetch through.
    pub(crate) parent: Option<snapshot::Origin>,
    /// Whom origins' names are asked for; empty: as the system is set up.
    pub(crate) name_servers: Vec<SocketAddr>,
    /// Files that say where addresses are; empty: nothing is known.
    pub(crate) geoip: Vec<PathBuf>,
    /// Who may say that it is a crawler, and from where.
    pub(crate) crawlers: Crawlers,
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessLog {
    /// `access.log` in the data folder.
    InDataDir,
    Off,
    File(PathBuf),
}

/// `[cache]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(crate) memory: ByteSize,
    /// 0: none.
    pub(crate) disk: ByteSize,
}

/// `[control]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) listen: SocketAddr,
    pub(crate) public: SocketAddr,
    pub(crate) public_url: PublicUrl,
    /// Witnesses elsewhere, with the quorum they make.
    pub(crate) witnesses: Option<TlogPolicy>,
    /// Who is asked for the records that prove host names, each by itself; empty: the system's.
    pub(crate) resolvers: Vec<SocketAddr>,
}

/// `[records]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    /// One file in the data folder.
    Sqlite,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            data_dir: PathBuf::from("wardmote-data"),
            edge: Edge {
                http: vec![loopback(8080)],
                https: vec![loopback(8443)],
                http3: true,
                addresses_given: false,
                workers: 0,
                trusted_proxies: Vec::new(),
                children: Vec::new(),
                proxy_protocol: Vec::new(),
                drain: Duration::from_secs(30),
                access_log: AccessLog::InDataDir,
                admin: None,
                parent: None,
                name_servers: Vec::new(),
                geoip: Vec::new(),
                crawlers: Crawlers::known(),
            },
            cache: Cache { memory: ByteSize::mib(256), disk: ByteSize::mib(4096) },
            control: Control {
                listen: loopback(9090),
                public: loopback(9091),
                public_url: "http://localhost:9091".parse().expect("this literal is a URL, and tested"),
                witnesses: None,
                resolvers: Vec::new(),
            },
            records: Records::Sqlite,
            acme: Acme::default(),
            mail: Mail::default(),
        }
    }
}

impl Config {
    /// Reads the file, if any, then the variables of the environment. `data_dir` is the flag, which
    /// beats both.
    pub(crate) fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        data_dir: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut draft = Draft::default();
        if let Some(path) = file {
            file::read(path, &mut draft);
        }
        draft.environment(environment);
        if let Some(path) = data_dir {
            draft.config.data_dir = path.to_path_buf();
        }
        draft.finish()
    }

    /// The file of the access log, unless it is off.
    pub(crate) fn access_log(&self) -> Option<PathBuf> {
        match &self.edge.access_log {
            AccessLog::InDataDir => Some(self.data_dir.join("access.log")),
            AccessLog::Off => None,
            AccessLog::File(path) => Some(path.clone()),
        }
    }
}

/// Where a mistake stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Line { file: PathBuf, line: usize },
    File(PathBuf),
    Variable(String),
    Key(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{}:{line}", file.display()),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Key(name) => f.write_str(name),
        }
    }
}

impl Place {
    fn order(&self) -> (u8, usize) {
        match self {
            Self::File(_) => (0, 0),
            Self::Line { line, .. } => (1, *line),
            Self::Variable(_) => (2, 0),
            Self::Key(_) => (3, 0),
        }
    }
}

/// Every mistake found, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError(Vec<(Place, String)>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, message)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{place}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A configuration in the making: settings so far, where each was said, and mistakes.
#[derive(Default)]
struct Draft {
    config: Config,
    said: Vec<(&'static str, Place)>,
    mistakes: Vec<(Place, String)>,
}

impl Draft {
    fn complain(&mut self, place: Place, message: impl Into<String>) {
        self.mistakes.push((place, message.into()));
    }

    fn set(&mut self, key: &'static Key, value: Value, place: Place) {
        match (key.set)(&mut self.config, value) {
            Ok(()) => self.said.push((key.name, place)),
            Err(message) => self.complain(place, format!("{}: {message}", key.name)),
        }
    }

    fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (name, text) in variables {
            if !name.starts_with(PREFIX) || OTHERS.contains(&name.as_str()) {
                continue;
            }
            let place = Place::Variable(name.clone());
            match KEYS.iter().find(|key| key.variable() == name) {
                Some(key) => self.set(key, key.form.of_text(&text), place),
                None => {
                    let known: Vec<String> = KEYS.iter().map(Key::variable).collect();
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.complain(place, unknown("variable", &name, &known));
                }
            }
        }
    }

    /// Where a key was set, the last time.
    fn place_of(&self, name: &'static str) -> Place {
        let said = self.said.iter().rev().find(|(key, _)| *key == name);
        said.map_or(Place::Key(name), |(_, place)| place.clone())
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        self.check_addresses();
        self.check_proxy_protocol();
        if self.config.edge.http.is_empty() && self.config.edge.https.is_empty() {
            let place = self.place_of("edge.http");
            self.complain(place, "edge.http and edge.https are both empty; the edge must listen somewhere");
        }
        self.config.edge.addresses_given =
            self.said.iter().any(|(key, _)| matches!(*key, "edge.http" | "edge.https"));
        // The file's keys come in the order of the alphabet; people read from the top.
        self.mistakes.sort_by_key(|(place, _)| place.order());
        if self.mistakes.is_empty() { Ok(self.config) } else { Err(ConfigError(self.mistakes)) }
    }

    fn check_addresses(&mut self) {
        let config = &self.config;
        let mut taken: Vec<(&'static str, SocketAddr)> =
            vec![("control.listen", config.control.listen), ("control.public", config.control.public)];
        taken.extend(config.edge.http.iter().map(|address| ("edge.http", *address)));
        taken.extend(config.edge.https.iter().map(|address| ("edge.https", *address)));
        taken.extend(config.edge.admin.iter().map(|address| ("edge.admin", *address)));
        let mut seen: Vec<(&'static str, SocketAddr)> = Vec::new();
        for (key, address) in taken {
            let other = seen.iter().find(|(_, earlier)| *earlier == address && address.port() != 0);
            if let Some((earlier, _)) = other {
                let message = format!("{key}: {address} is {earlier}'s already; give each its own port");
                let place = self.place_of(key);
                self.complain(place, message);
            }
            seen.push((key, address));
        }
        if !self.config.control.listen.ip().is_loopback() {
            let place = self.place_of("control.listen");
            self.complain(
                place,
                "control.listen: off loopback the console needs TLS, which is not built yet; \
                 listen on 127.0.0.1 and reach it through an SSH tunnel",
            );
        }
    }
}

impl Draft {
    fn check_proxy_protocol(&mut self) {
        let edge = &self.config.edge;
        let stranger =
            edge.proxy_protocol.iter().find(|one| !edge.http.contains(one) && !edge.https.contains(one));
        let message = match stranger {
            Some(address) => {
                format!(
                    "edge.proxy_protocol: {address} is none of edge.http and edge.https; write it as it stands there"
                )
            }
            None if !edge.proxy_protocol.is_empty() && edge.trusted_proxies.is_empty() => {
                "edge.proxy_protocol: name in edge.trusted_proxies who may speak it".to_owned()
            }
            None => return,
        };
        let place = self.place_of("edge.proxy_protocol");
        self.complain(place, message);
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match control::sites_toml::nearest(name, known) {
        Some(near) => format!("unknown {what} {name}; did you mean {near}?"),
        None => format!("unknown {what} {name}; known are {}", known.join(", ")),
    }
}
