//! The table of keys: one row per setting, with its name, its form and where it goes.

use super::{AccessLog, Config, Records, acme, mail};
use ledger::tlog_policy::TlogPolicy;
use shield::crawlers::Crawlers;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that visitors may be granted at the end.
const DRAIN_SECONDS_MAX: u64 = 3600;

/// One setting.
pub(super) struct Key {
    /// With its section: `edge.http`.
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Parses the value and puts it in its place; the error says what to write.
    pub(super) set: fn(&mut Config, Value) -> Result<(), String>,
}

impl Key {
    /// The environment variable that sets this key.
    pub(super) fn variable(&self) -> String {
        format!("{}{}", super::PREFIX, self.name.replace('.', "_").to_ascii_uppercase())
    }
}

/// What a value looks like in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `"text"`; a size may also be a bare number.
    Text,
    Size,
    /// `8`
    Count,
    /// `true`
    Switch,
    /// `["a", "b"]`; in a variable separated by commas.
    List,
}

/// A value in its form, not yet parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
}

impl Form {
    /// A variable's text in this form.
    pub(super) fn of_text(self, text: &str) -> Value {
        match self {
            Self::Text | Self::Size | Self::Count | Self::Switch => Value::Text(text.to_owned()),
            Self::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Value::List(parts.map(str::to_owned).collect())
            }
        }
    }

    /// How to write it, for messages.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Size => "a size such as \"256MiB\"",
            Self::Count => "a whole number",
            Self::Switch => "true or false",
            Self::List => "a list of texts such as [\"127.0.0.1:8080\"]",
        }
    }
}

impl Value {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(parts) => parts.join(","),
        }
    }

    fn list(self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(parts) => parts,
        }
    }
}

const fn key(name: &'static str, form: Form, set: fn(&mut Config, Value) -> Result<(), String>) -> Key {
    Key { name, form, set }
}

/// Every key there is, in the order of the documentation.
pub(super) const KEYS: &[Key] = &[
    key("data_dir", Form::Text, |config, value| {
        let text = value.text();
        if text.is_empty() {
            return Err("name a folder, such as \"wardmote-data\"".into());
        }
        config.data_dir = PathBuf::from(text);
        Ok(())
    }),
    key("edge.http", Form::List, |config, value| put(&mut config.edge.http, addresses(value))),
    key("edge.https", Form::List, |config, value| put(&mut config.edge.https, addresses(value))),
    key("edge.http3", Form::Switch, |config, value| put(&mut config.edge.http3, switch(&value.text()))),
    key("edge.workers", Form::Count, |config, value| put(&mut config.edge.workers, workers(&value.text()))),
    key("edge.trusted_proxies", Form::List, |config, value| {
        put(&mut config.edge.trusted_proxies, each(value, "a network such as 10.0.0.0/8"))
    }),
    key("edge.children", Form::List, |config, value| {
        put(&mut config.edge.children, each(value, "a network such as 10.0.0.0/8"))
    }),
    key("edge.proxy_protocol", Form::List, |config, value| {
        put(&mut config.edge.proxy_protocol, addresses(value))
    }),
    key("edge.drain_seconds", Form::Count, |config, value| put(&mut config.edge.drain, drain(&value.text()))),
    key("edge.name_servers", Form::List, |config, value| {
        put(&mut config.edge.name_servers, addresses(value))
    }),
    key("edge.geoip", Form::List, |config, value| put(&mut config.edge.geoip, geoip(value.list()))),
    key("edge.crawlers", Form::Text, |config, value| put(&mut config.edge.crawlers, crawlers(&value.text()))),
    key("edge.access_log", Form::Text, |config, value| {
        let text = value.text();
        let log = if text.is_empty() { AccessLog::Off } else { AccessLog::File(PathBuf::from(text)) };
        put(&mut config.edge.access_log, Ok(log))
    }),
    key("edge.admin", Form::Text, |config, value| {
        let text = value.text();
        let admin = if text.is_empty() { Ok(None) } else { address(&text).map(Some) };
        put(&mut config.edge.admin, admin)
    }),
    key("edge.parent", Form::Text, |config, value| {
        let text = value.text();
        let parent = if text.is_empty() { Ok(None) } else { control::sites_toml::origin(&text).map(Some) };
        put(&mut config.edge.parent, parent)
    }),
    key("cache.memory", Form::Size, |config, value| put(&mut config.cache.memory, value.text().parse())),
    key("cache.disk", Form::Size, |config, value| put(&mut config.cache.disk, value.text().parse())),
    key("control.listen", Form::Text, |config, value| {
        put(&mut config.control.listen, address(&value.text()))
    }),
    key("control.public", Form::Text, |config, value| {
        put(&mut config.control.public, address(&value.text()))
    }),
    key("control.public_url", Form::Text, |config, value| {
        let url = value.text().parse().map_err(|error: control::PublicUrlError| error.to_string());
        put(&mut config.control.public_url, url)
    }),
    key("control.witnesses", Form::Text, |config, value| {
        let text = value.text();
        let file = if text.is_empty() { Ok(None) } else { witnesses(&text).map(Some) };
        put(&mut config.control.witnesses, file)
    }),
    key("control.resolvers", Form::List, |config, value| {
        put(&mut config.control.resolvers, resolvers(value))
    }),
    key("records.url", Form::Text, |config, value| put(&mut config.records, records(&value.text()))),
    key("acme.accept_terms", Form::Switch, |config, value| {
        put(&mut config.acme.accept_terms, acme::switch(&value.text()))
    }),
    key("acme.directories", Form::List, |config, value| {
        put(&mut config.acme.directories, acme::directories(value.list()))
    }),
    key("acme.contact", Form::List, |config, value| {
        put(&mut config.acme.contact, acme::contact(value.list()))
    }),
    key("acme.bindings", Form::Text, |config, value| {
        put(&mut config.acme.bindings, acme::bindings(&value.text()))
    }),
    key("acme.roots", Form::Text, |config, value| put(&mut config.acme.roots, Ok(acme::roots(value.text())))),
    key("acme.proofs", Form::List, |config, value| put(&mut config.acme.proofs, acme::proofs(value.list()))),
    key("acme.dns_webhook", Form::Text, |config, value| {
        put(&mut config.acme.dns_webhook, acme::webhook(value.text()))
    }),
    key("acme.dns_token", Form::Text, |config, value| {
        put(&mut config.acme.dns_token, acme::token(&value.text()))
    }),
    key("acme.dns_wait", Form::Count, |config, value| {
        put(&mut config.acme.dns_wait, acme::wait(&value.text()))
    }),
    key("mail.smtp", Form::Text, |config, value| put(&mut config.mail.smtp, mail::smtp(value.text()))),
    key("mail.from", Form::Text, |config, value| put(&mut config.mail.from, mail::from(&value.text()))),
    key("mail.user", Form::Text, |config, value| put(&mut config.mail.user, Ok(value.text()))),
    key("mail.password", Form::Text, |config, value| {
        put(&mut config.mail.password, mail::password(&value.text()))
    }),
    key("mail.roots", Form::Text, |config, value| put(&mut config.mail.roots, Ok(acme::roots(value.text())))),
    key("feed.nats", Form::List, |_, value| match value.list().is_empty() {
        true => Ok(()),
        false => Err("the NATS feed is not built yet; leave the list empty".into()),
    }),
];

fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is no address; write an IP address and a port, such as 127.0.0.1:8080 or [::]:443")
    })
}

fn addresses(value: Value) -> Result<Vec<SocketAddr>, String> {
    value.list().iter().map(|text| address(text)).collect()
}

fn resolvers(value: Value) -> Result<Vec<SocketAddr>, String> {
    let resolvers = addresses(value)?;
    match resolvers.len() <= names::RESOLVERS_MAX {
        true => Ok(resolvers),
        false => Err(format!("at most {} resolvers are asked", names::RESOLVERS_MAX)),
    }
}

fn each<T: FromStr>(value: Value, wanted: &str) -> Result<Vec<T>, String> {
    let parse = |text: &String| text.parse().map_err(|_| format!("{text:?} is not {wanted}"));
    value.list().iter().map(parse).collect()
}

fn workers(text: &str) -> Result<usize, String> {
    let count = text.parse::<usize>().ok().filter(|count| *count <= 1024);
    count.ok_or_else(|| format!("{text:?} is no number of workers; write 0 (one per core) to 1024"))
}

fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

fn drain(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= DRAIN_SECONDS_MAX);
    let seconds =
        seconds.ok_or_else(|| format!("{text:?} is no number of seconds from 0 to {DRAIN_SECONDS_MAX}"));
    seconds.map(Duration::from_secs)
}

/// Whether they can be read is seen when they are: an updater may not have come yet.
fn geoip(paths: Vec<String>) -> Result<Vec<PathBuf>, String> {
    match paths.len() {
        0..=geo::FILES_MAX if paths.iter().all(|path| !path.is_empty()) => {
            Ok(paths.into_iter().map(PathBuf::from).collect())
        }
        0..=geo::FILES_MAX => Err("one of the files has no name".into()),
        count => Err(format!("{count} files; at most {} are read", geo::FILES_MAX)),
    }
}

/// Those that come with the program, and before them those of a file.
fn crawlers(text: &str) -> Result<Crawlers, String> {
    match text {
        "" => Ok(Crawlers::default()),
        "known" => Ok(Crawlers::known()),
        path => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("{path}: cannot read it: {error}"))?;
            let own = Crawlers::parse(&text).and_then(|own| own.before(&Crawlers::known()));
            own.map_err(|error| format!("{path}: {error}"))
        }
    }
}

/// A tlog-policy without its log: witnesses with their addresses, groups, quorum.
fn witnesses(path: &str) -> Result<TlogPolicy, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: cannot read it: {error}"))?;
    let policy = TlogPolicy::parse(&text).map_err(|error| format!("{path}: {error}"))?;
    if !policy.logs().is_empty() {
        return Err(format!("{path}: leave the log out; it is this deployment's own"));
    }
    if !policy.asks_for_witnesses() {
        return Err(format!("{path}: a quorum of witnesses is needed; \"quorum none\" proves too little"));
    }
    witness::Remotes::of(&policy).map_err(|error| format!("{path}: {error}"))?;
    Ok(policy)
}

fn records(text: &str) -> Result<Records, String> {
    match text {
        "sqlite" => Ok(Records::Sqlite),
        url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Err("PostgreSQL is not built yet; write \"sqlite\"".into())
        }
        other => Err(format!("{other:?} is no store; write \"sqlite\"")),
    }
}
