//! Crawlers that say who they are, and how it is established that they are.
//!
//! Owns who may say so and from where: names that their addresses have in DNS, networks, lists of the operator; and
//! [`Checks`], what was established of whom. Must not know how DNS is asked. A name counts only where it leads back to
//! the address: whoever holds an address names it as it likes, but only the owner of a name says where that leads.
//!
//! Invariants: nothing is believed that was not established; no request waits for it; memory is fixed.

mod checks;

pub use checks::{CHECK_SECONDS_MAX, CHECKED_MAX, Checks, Finding, Question, WAITING_EACH_MAX, WAITING_MAX};

use crate::lists::{AddressRange, AddressSet, ListName};
use memchr::memmem;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::Hostname;

/// The most crawlers.
pub const CRAWLERS_MAX: usize = 64;
/// The longest text that says who they are, in bytes.
pub const CRAWLERS_BYTES_MAX: usize = 64 * 1024;
/// The shortest word by which a crawler may be known, in bytes: shorter ones stand in other programs' names.
const WORD_BYTES_MIN: usize = 4;
/// The longest.
const WORD_BYTES_MAX: usize = 64;

const KNOWN: &str = include_str!("known.txt");

/// A crawler, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crawler {
    name: Box<str>,
    /// What stands in its user agent, lower case.
    words: Box<[Box<str>]>,
    /// What the names of its addresses end with, with the dot in front.
    domains: Box<[Box<str>]>,
    networks: AddressSet,
    lists: Box<[ListName]>,
}

/// All that are known, the first that fits counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crawlers(Arc<[Crawler]>);

/// The place of a crawler among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CrawlerPlace(u8);

/// Why a text names no crawlers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrawlersError {
    /// A line cannot be read.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: LineError,
    },
    /// There are too many.
    #[error("more than {CRAWLERS_MAX} crawlers")]
    TooMany,
    /// The text is too long.
    #[error("a text of {0} bytes; at most {CRAWLERS_BYTES_MAX} are read")]
    TooLong(usize),
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// Not all three parts are there.
    Incomplete,
    /// A word is too short, too long, or no visible ASCII.
    Word(String),
    /// This is neither the end of names nor a network nor a list.
    Place(String),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete => f.write_str(
                "write a name, words of its user agent, and where it comes from: name Word .example.org",
            ),
            Self::Word(word) => {
                write!(f, "{word:?} is no word of {WORD_BYTES_MIN} to {WORD_BYTES_MAX} visible characters")
            }
            Self::Place(place) => write!(
                f,
                "{place:?} is neither the end of names (.example.org) nor a network no wider than /8 or /16 (IPv6) nor a \
                 list ($name)"
            ),
        }
    }
}

impl Crawlers {
    /// Those that come with the program.
    pub fn known() -> Self {
        Self::parse(KNOWN).unwrap_or_default()
    }

    /// Reads a text of lines as in `known.txt`; `#` begins a remark.
    pub fn parse(text: &str) -> Result<Self, CrawlersError> {
        if text.len() > CRAWLERS_BYTES_MAX {
            return Err(CrawlersError::TooLong(text.len()));
        }
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
        let read = |(index, line)| {
            Crawler::parse(line).map_err(|what| CrawlersError::Line { line: index + 1, what })
        };
        Self::of(lines.map(read).collect::<Result<_, _>>()?)
    }

    /// These first, then the others, but for those whose name is taken.
    pub fn before(&self, others: &Self) -> Result<Self, CrawlersError> {
        let is_new = |other: &&Crawler| self.0.iter().all(|own| own.name != other.name);
        Self::of(self.0.iter().chain(others.0.iter().filter(is_new)).cloned().collect())
    }

    fn of(all: Vec<Crawler>) -> Result<Self, CrawlersError> {
        if all.len() > CRAWLERS_MAX { Err(CrawlersError::TooMany) } else { Ok(Self(all.into())) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether DNS has to be asked for any of them.
    pub fn are_named(&self) -> bool {
        self.0.iter().any(Crawler::is_named)
    }

    /// Who a program says that it is. `agent`: its user agent, lower case.
    pub fn claimed(&self, agent: &[u8]) -> Option<(CrawlerPlace, &Crawler)> {
        let says = |crawler: &Crawler| {
            crawler.words.iter().any(|word| memmem::find(agent, word.as_bytes()).is_some())
        };
        let index = self.0.iter().position(says)?;
        Some((CrawlerPlace(u8::try_from(index).ok()?), &self.0[index]))
    }

    /// The one at a place.
    pub fn at(&self, place: CrawlerPlace) -> Option<&Crawler> {
        self.0.get(usize::from(place.0))
    }
}

impl Crawler {
    fn parse(line: &str) -> Result<Self, LineError> {
        let mut parts = line.split_ascii_whitespace();
        let (Some(name), Some(words)) = (parts.next(), parts.next()) else {
            return Err(LineError::Incomplete);
        };
        let words = words.split(',').map(word).collect::<Result<_, _>>()?;
        let (mut domains, mut networks, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            match place(part).ok_or_else(|| LineError::Place(cut(part)))? {
                Place::Domain(domain) => domains.push(domain),
                Place::Network(range) => networks.push(range),
                Place::List(list) => lists.push(list),
            }
        }
        if domains.is_empty() && networks.is_empty() && lists.is_empty() {
            return Err(LineError::Incomplete);
        }
        Ok(Self {
            name: name.into(),
            words,
            domains: domains.into(),
            networks: AddressSet::of(networks),
            lists: lists.into(),
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its addresses are known by their names in DNS.
    pub fn is_named(&self) -> bool {
        !self.domains.is_empty()
    }

    /// Whether a name that an address has, with or without the root's dot, is one of its operator's. That the name
    /// leads back to the address is to be seen besides.
    pub fn has_name(&self, name: &Hostname) -> bool {
        self.domains.iter().any(|domain| name.as_str().ends_with(&**domain))
    }

    /// Whether an address is in one of its networks. `listed` looks into a list of the operator.
    pub fn has_address(&self, address: IpAddr, listed: impl Fn(&ListName, IpAddr) -> bool) -> bool {
        self.networks.contains(address) || self.lists.iter().any(|list| listed(list, address))
    }
}

enum Place {
    Domain(Box<str>),
    Network(AddressRange),
    List(ListName),
}

fn place(text: &str) -> Option<Place> {
    if let Some(name) = text.strip_prefix('$') {
        return ListName::parse(name).ok().map(Place::List);
    }
    if let Some(domain) = text.strip_prefix('.') {
        let domain = Hostname::parse(domain).ok()?;
        // Below one label alone stands half the world.
        return domain.as_str().contains('.').then(|| Place::Domain(format!(".{domain}").into()));
    }
    AddressRange::parse(text).filter(|range| !range.too_wide()).map(Place::Network)
}

fn word(text: &str) -> Result<Box<str>, LineError> {
    let is_fine = (WORD_BYTES_MIN..=WORD_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_fine { Ok(text.to_ascii_lowercase().into()) } else { Err(LineError::Word(cut(text))) }
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
