//! What somebody asks to purge, read into orders: one for each site, with a target that cannot be wrong.

use caching::PurgeTarget;
use records::PurgeOrder;
use records::bounds::PURGES_PER_APPEND_MAX;
use snapshot::Site;
use vocabulary::{Hostname, SiteId, SitePattern};

/// Longest path with query, in bytes.
const PATH_BYTES_MAX: usize = 8 << 10;
/// Longest tag, as the cache keeps them, in bytes.
const TAG_BYTES_MAX: usize = 256;

/// What to purge, in the words of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One address with scheme and host.
    Url(String),
    /// Everything the origin gave this tag.
    Tag(String),
    /// `HOST/PATH`, or `/PATH` on every host of the site: what begins so.
    Prefix(String),
    /// One host.
    Host(String),
    /// The whole site.
    Everything,
}

/// Of which sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The sites named, each by a host or its id; with an address, none is needed.
    Named(Vec<String>),
    /// Every site, which somebody has confirmed.
    All,
}

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    /// What.
    pub(crate) subject: Subject,
    /// Whose.
    pub(crate) whose: Whose,
    /// Whether copies may stay as stale ones.
    pub(crate) soft: bool,
}

/// Why a request is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OrderRefusal {
    #[error("name the site by one of its hosts: only an address says by itself which site it belongs to")]
    SiteMissing,
    #[error("no site here has the host or id {0:?}; `GET /api/v1/sites` lists them")]
    SiteUnknown(String),
    #[error("the host {host} does not belong to the site {site}")]
    OutsideSite { host: Hostname, site: String },
    #[error("{0}")]
    Malformed(String),
    #[error(
        "all sites go with a tag or with everything; an address, a prefix and a host name their own site"
    )]
    NotForAll,
    #[error("that makes {0} purges, at most {PURGES_PER_APPEND_MAX} go at once; name fewer sites")]
    TooMany(usize),
}

/// The orders a wish comes to, at least one.
pub(crate) fn orders(wish: &Wish, sites: &[Site]) -> Result<Vec<PurgeOrder>, OrderRefusal> {
    let chosen = chosen(wish, sites)?;
    let mut orders = Vec::new();
    for site in chosen {
        let targets = targets(&wish.subject, site)?;
        orders.extend(targets.into_iter().map(|target| PurgeOrder {
            site: site.id,
            target,
            soft: wish.soft,
        }));
    }
    match orders.len() {
        0 => Err(OrderRefusal::SiteMissing),
        1..=PURGES_PER_APPEND_MAX => Ok(orders),
        many => Err(OrderRefusal::TooMany(many)),
    }
}

fn chosen<'s>(wish: &Wish, sites: &'s [Site]) -> Result<Vec<&'s Site>, OrderRefusal> {
    let names = match (&wish.whose, &wish.subject) {
        (Whose::All, Subject::Tag(_) | Subject::Everything) => return Ok(sites.iter().collect()),
        (Whose::All, _) => return Err(OrderRefusal::NotForAll),
        (Whose::Named(names), _) => names,
    };
    if let (true, Subject::Url(text)) = (names.is_empty(), &wish.subject) {
        let host = Address::of_url(text)?.host;
        let site = serving(sites, &host);
        return site.map(|site| vec![site]).ok_or_else(|| OrderRefusal::SiteUnknown(host.to_string()));
    }
    let mut chosen: Vec<&Site> = Vec::new();
    for name in names {
        let site = site_named(sites, name).ok_or_else(|| OrderRefusal::SiteUnknown(short(name)))?;
        if chosen.iter().all(|other| other.id != site.id) {
            chosen.push(site);
        }
    }
    Ok(chosen)
}

/// The site with this id, or that answers to this host (or has this very pattern).
pub(crate) fn site_named<'s>(sites: &'s [Site], name: &str) -> Option<&'s Site> {
    let name = name.trim();
    if let Ok(id) = name.parse::<SiteId>() {
        return sites.iter().find(|site| site.id == id);
    }
    if let Ok(SitePattern::Exact(host)) = name.parse() {
        return serving(sites, &host);
    }
    let pattern: SitePattern = name.parse().ok()?;
    sites.iter().find(|site| site.hosts.contains(&pattern))
}

/// The site that answers to a host: by its very name, else by the longest wildcard.
fn serving<'s>(sites: &'s [Site], host: &Hostname) -> Option<&'s Site> {
    let closeness = |site: &&Site| {
        let matching = site.hosts.iter().filter(|pattern| pattern.matches(host));
        matching.map(|pattern| pattern.base().as_str().len()).max()
    };
    // No wildcard's base is as long as a host below it, so an exact name is the closest.
    sites.iter().filter(|site| closeness(site).is_some()).max_by_key(closeness)
}

fn targets(subject: &Subject, site: &Site) -> Result<Vec<PurgeTarget>, OrderRefusal> {
    match subject {
        Subject::Url(text) => {
            let Address { host, port, path } = Address::of_url(text)?;
            belongs(&host, site)?;
            // Copies lie under the address that the site's rules made of it; older ones may lie under
            // another, from before the rules.
            let keyed = site.cache_rules.rewritten(path.as_bytes());
            let keyed = String::from_utf8(keyed.into_owned()).ok().filter(|keyed| *keyed != path);
            let paths = keyed.into_iter().chain([path]);
            let url = |path_and_query| PurgeTarget::Url { host: host.clone(), port, path_and_query };
            Ok(paths.map(url).collect())
        }
        Subject::Prefix(text) => prefixes(text, site),
        Subject::Host(text) => {
            let host = Hostname::parse(text.trim()).map_err(|error| malformed(&error.to_string()))?;
            belongs(&host, site)?;
            Ok(vec![PurgeTarget::Host(host)])
        }
        Subject::Tag(text) => Ok(vec![PurgeTarget::Tag(tag(text)?)]),
        Subject::Everything => Ok(vec![PurgeTarget::Everything]),
    }
}

fn belongs(host: &Hostname, site: &Site) -> Result<(), OrderRefusal> {
    if site.hosts.iter().any(|pattern| pattern.matches(host)) {
        return Ok(());
    }
    Err(OrderRefusal::OutsideSite { host: host.clone(), site: name_of(site) })
}

/// The site in the words of people: its first host.
fn name_of(site: &Site) -> String {
    site.hosts.first().map_or_else(|| site.id.to_string(), ToString::to_string)
}

fn prefixes(text: &str, site: &Site) -> Result<Vec<PurgeTarget>, OrderRefusal> {
    let text = text.trim();
    if text.starts_with('/') {
        let path = wire_path(text)?;
        let each = site.hosts.iter().map(|pattern| match pattern {
            SitePattern::Exact(host) => Ok(PurgeTarget::Prefix { host: host.clone(), path: path.clone() }),
            SitePattern::Wildcard(_) => Err(malformed(&format!(
                "the site answers to {pattern}: write the host before the path, such as www.{}{path}",
                pattern.base()
            ))),
        });
        return each.collect();
    }
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let Address { host, port, path } = Address::read(bare)?;
    if port.is_some() {
        return Err(malformed("a prefix holds on every port: leave the port out"));
    }
    belongs(&host, site)?;
    Ok(vec![PurgeTarget::Prefix { host, path }])
}

fn tag(text: &str) -> Result<String, OrderRefusal> {
    let tag = text.trim_matches([' ', '\t']);
    let fits =
        (1..=TAG_BYTES_MAX).contains(&tag.len()) && !tag.contains(|c: char| c == ',' || c.is_control());
    fits.then(|| tag.to_owned())
        .ok_or_else(|| malformed(&format!("a tag is one word of 1 to {TAG_BYTES_MAX} bytes, without commas")))
}

/// An address without its scheme: both schemes are meant.
struct Address {
    host: Hostname,
    port: Option<u16>,
    path: String,
}

impl Address {
    fn of_url(text: &str) -> Result<Self, OrderRefusal> {
        let (default_port, rest) = match text.trim().split_once("://") {
            Some(("http", rest)) => (80, rest),
            Some(("https", rest)) => (443, rest),
            _ => return Err(malformed("write the whole address, such as https://shop.example/page")),
        };
        let mut address = Self::read(rest)?;
        address.port = address.port.filter(|port| *port != default_port);
        Ok(address)
    }

    /// `host[:port][/path][?query][#fragment]`; the fragment is never sent, so it is left out.
    fn read(text: &str) -> Result<Self, OrderRefusal> {
        let text = text.split('#').next().unwrap_or_default();
        let end = text.find(['/', '?']).unwrap_or(text.len());
        let (authority, rest) = text.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
        if port == Some(None) {
            return Err(malformed("the port is no number from 1 to 65535"));
        }
        let host = Hostname::parse(host).map_err(|error| malformed(&error.to_string()))?;
        Ok(Self { host, port: port.flatten(), path: wire_path(rest)? })
    }
}

/// Path and query as a browser sends them: letters beyond ASCII escaped, everything else as it stands.
fn wire_path(text: &str) -> Result<String, OrderRefusal> {
    let mut path = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        path.push('/');
    }
    for letter in text.split('#').next().unwrap_or_default().chars() {
        match letter {
            '!'..='~' => path.push(letter),
            letter if letter.is_ascii() => {
                return Err(malformed("an address has no spaces; write %20 for one"));
            }
            letter => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    path.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(malformed(&format!("the path is longer than {PATH_BYTES_MAX} bytes")));
    }
    Ok(path)
}

fn malformed(why: &str) -> OrderRefusal {
    OrderRefusal::Malformed(why.to_owned())
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A target in words for people, and the text to write for the same purge again.
pub(crate) fn shown(target: &PurgeTarget) -> (&'static str, String) {
    match target {
        PurgeTarget::Url { host, port: Some(port), path_and_query } => {
            ("url", format!("{}:{port}{path_and_query}", in_url(host)))
        }
        PurgeTarget::Url { host, port: None, path_and_query } => {
            ("url", format!("{}{path_and_query}", in_url(host)))
        }
        PurgeTarget::Tag(tag) => ("tag", tag.clone()),
        PurgeTarget::Prefix { host, path } => ("prefix", format!("{}{path}", in_url(host))),
        PurgeTarget::Host(host) => ("host", host.to_string()),
        PurgeTarget::Everything => ("everything", String::new()),
    }
}

fn in_url(host: &Hostname) -> String {
    match host.ip() {
        Some(std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => host.to_string(),
    }
}

#[cfg(test)]
mod tests;
