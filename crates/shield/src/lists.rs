//! Named lists: addresses, autonomous systems, countries, hosts; and what a feed may not do to one.
//!
//! Owns the look-up structures and the sanity limits of feeds. Must not know where a feed comes from.
//! Invariants: look-up is a binary search without allocation; a list never exceeds its bound; a new
//! version keeps the list's kind and place, so that compiled rules stay valid.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The most lists that one site's rules may use.
pub const LISTS_MAX: usize = 64;
/// The most items of one list.
pub const ITEMS_MAX: usize = 500_000;
/// The longest text of a feed, in bytes.
pub const FEED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A refresh may not shrink a list of at least [`SHRINK_FLOOR`] items below this share, in percent.
pub const SHRINK_PERCENT_MIN: usize = 50;
/// Shorter lists may shrink freely.
pub const SHRINK_FLOOR: usize = 20;
/// The widest networks a feed may name: a wider one is taken for a mistake.
pub const FEED_PREFIX_MIN: (u8, u8) = (8, 16);

/// Sorted, merged ranges of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressSet {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

/// One range of addresses of the same family, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

impl AddressRange {
    /// From both ends; `None` when they are of two families or the wrong way round.
    ///
    /// Ends that are IPv4 in IPv6 are taken for IPv4, as addresses are when they are looked up.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        let (first, last) = (first.to_canonical(), last.to_canonical());
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    /// From an address or a network such as `192.0.2.0/24`; host bits are cut. One of IPv4 in IPv6 (RFC 4291
    /// §2.5.5.2) is taken for the IPv4 one that it means.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, Some(parse_bits(bits)?)),
            None => (text.parse().ok()?, None),
        };
        match (address, bits) {
            (address, None) => Self::new(address, address),
            (IpAddr::V4(_), Some(bits)) if bits > 32 => None,
            (IpAddr::V6(_), Some(bits)) if bits > 128 => None,
            (address, Some(bits)) => {
                let range = Self { first: network(address, bits), last: last(address, bits) };
                // Where only one end is IPv4 in IPv6, it is a network of IPv6 around it.
                Some(Self::new(range.first, range.last).unwrap_or(range))
            }
        }
    }

    /// Its first address.
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// Its last address.
    pub fn last(self) -> IpAddr {
        self.last
    }

    /// Whether it is wider than a feed may name ([`FEED_PREFIX_MIN`]), or holds IPv4 in IPv6 as a whole.
    pub fn too_wide(self) -> bool {
        let (v4, v6) = FEED_PREFIX_MIN;
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                u64::from(u32::from(last) - u32::from(first)) >= 1u64 << (32 - u32::from(v4))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let mapped = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(|v4| v4.to_ipv6_mapped());
                u128::from(last) - u128::from(first) >= 1u128 << (128 - u32::from(v6))
                    || (first <= mapped[1] && mapped[0] <= last)
            }
            _ => true,
        }
    }
}

fn parse_bits(text: &str) -> Option<u8> {
    (text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The address with all but its first bits cleared.
pub(crate) fn network(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) & mask).into()
        }
    }
}

fn last(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let rest = u32::MAX.checked_shr(u32::from(bits.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) | rest).into()
        }
        IpAddr::V6(v6) => {
            let rest = u128::MAX.checked_shr(u32::from(bits.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) | rest).into()
        }
    }
}

impl AddressSet {
    /// The union of ranges.
    pub fn of(ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match (range.first, range.last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((u32::from(first), u32::from(last))),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((u128::from(first), u128::from(last))),
                _ => {}
            }
        }
        Self { v4: merged(v4, |end| end.checked_add(1)), v6: merged(v6, |end| end.checked_add(1)) }
    }

    /// Whether an address is in it; IPv4 in IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => within(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => within(&self.v6, u128::from(v6)),
        }
    }

    /// The ranges, merged.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> {
        let v4 = self.v4.iter().map(|(first, last)| {
            let (first, last) = (Ipv4Addr::from(*first).into(), Ipv4Addr::from(*last).into());
            AddressRange { first, last }
        });
        v4.chain(self.v6.iter().map(|(first, last)| {
            let (first, last) = (Ipv6Addr::from(*first).into(), Ipv6Addr::from(*last).into());
            AddressRange { first, last }
        }))
    }

    /// How many ranges are kept after merging.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Joins what overlaps or touches.
fn merged<N: Ord + Copy>(mut ranges: Vec<(N, N)>, next: impl Fn(N) -> Option<N>) -> Box<[(N, N)]> {
    ranges.sort_unstable();
    let mut out: Vec<(N, N)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match out.last_mut() {
            Some(before) if next(before.1).is_none_or(|next| first <= next) => before.1 = before.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out.into_boxed_slice()
}

/// Whether sorted, disjoint ranges hold a value.
pub(crate) fn within<N: Ord + Copy>(ranges: &[(N, N)], value: N) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= value);
    after > 0 && ranges[after - 1].1 >= value
}

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListKind {
    /// Addresses, networks, ranges.
    Address,
    /// Numbers of autonomous systems.
    Asn,
    /// Country codes.
    Country,
    /// Host names; `*.example.org` stands for all below.
    Host,
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "addresses",
            Self::Asn => "autonomous systems",
            Self::Country => "countries",
            Self::Host => "host names",
        })
    }
}

/// The items of a list, ready to be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// Addresses, networks, ranges.
    Address(AddressSet),
    /// Numbers of autonomous systems, sorted.
    Asn(Box<[u32]>),
    /// Country codes, sorted.
    Country(Box<[[u8; 2]]>),
    /// Host names, sorted; a leading dot stands for all below.
    Host(Box<[Box<str>]>),
}

/// Why a list is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// An item cannot be read.
    #[error("line {line}: {text:?} is no item of a list of {kind}")]
    Item {
        /// Counted from 1.
        line: usize,
        /// The item, cut to 60 characters.
        text: String,
        /// What the list holds.
        kind: ListKind,
    },
    /// A network is so wide that it is taken for a mistake.
    #[error("line {line}: {text:?} is wider than /8 (IPv4) or /16 (IPv6), which a feed may not name")]
    TooWide {
        /// Counted from 1.
        line: usize,
        /// The item.
        text: String,
    },
    /// The text is too long.
    #[error("a list of {0} bytes; at most {FEED_BYTES_MAX} are read")]
    TooLong(usize),
    /// It begins as published networks do, and is none.
    #[error(
        "line {line}, column {column}: this begins as JSON and does not go on as \"prefixes\" with \"ipv4Prefix\" and \
         \"ipv6Prefix\""
    )]
    Published {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// There are too many items.
    #[error("more than {ITEMS_MAX} items")]
    TooMany,
    /// The list has lost more than half of its items at once.
    #[error("{now} items where there were {before}; the former version is kept")]
    Shrunk {
        /// Items so far.
        before: usize,
        /// Items of the version refused.
        now: usize,
    },
    /// A list cannot become one of another kind.
    #[error("a list of {0} cannot become one of {1}")]
    OtherKind(ListKind, ListKind),
    /// There is no list of this name.
    #[error("no list is called {0:?}")]
    Unknown(String),
    /// There are too many lists.
    #[error("more than {LISTS_MAX} lists")]
    TooManyLists,
    /// The name cannot be used in a rule.
    #[error("{0:?} is no name of a list: use up to 50 of a-z, 0-9 and _, not beginning with a digit")]
    Name(String),
}

impl List {
    /// Reads one item a line; `#` and `;` begin a remark, empty lines are left out. Networks are also read as search
    /// engines publish those of their crawlers: `{"prefixes": [{"ipv4Prefix": "…"}, {"ipv6Prefix": "…"}]}`; their lines
    /// are then their places there.
    ///
    /// With `feed` set, networks wider than [`FEED_PREFIX_MIN`] are refused.
    pub fn parse(kind: ListKind, text: &str, feed: bool) -> Result<Self, ListError> {
        if text.len() > FEED_BYTES_MAX {
            return Err(ListError::TooLong(text.len()));
        }
        if kind == ListKind::Address && text.trim_start().starts_with('{') {
            return published(text, feed);
        }
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let item = line.split(['#', ';']).next().unwrap_or_default().trim();
            if !item.is_empty() {
                if lines.len() == ITEMS_MAX {
                    return Err(ListError::TooMany);
                }
                lines.push((index + 1, item));
            }
        }
        match kind {
            ListKind::Address => addresses(&lines, feed),
            ListKind::Asn => items(kind, &lines, asn).map(|all| Self::Asn(sorted(all))),
            ListKind::Country => items(kind, &lines, country).map(|all| Self::Country(sorted(all))),
            ListKind::Host => items(kind, &lines, host).map(|all| Self::Host(sorted(all))),
        }
    }

    /// A list without items.
    pub fn empty(kind: ListKind) -> Self {
        match kind {
            ListKind::Address => Self::Address(AddressSet::default()),
            ListKind::Asn => Self::Asn(Box::default()),
            ListKind::Country => Self::Country(Box::default()),
            ListKind::Host => Self::Host(Box::default()),
        }
    }

    /// Whether a next version is so much shorter that a mistake is likelier than a change.
    pub fn shrinks_to(&self, next: &Self) -> bool {
        self.len() >= SHRINK_FLOOR && next.len() * 100 < self.len() * SHRINK_PERCENT_MIN
    }

    /// What it holds.
    pub fn kind(&self) -> ListKind {
        match self {
            Self::Address(_) => ListKind::Address,
            Self::Asn(_) => ListKind::Asn,
            Self::Country(_) => ListKind::Country,
            Self::Host(_) => ListKind::Host,
        }
    }

    /// How many items it holds, after merging.
    pub fn len(&self) -> usize {
        match self {
            Self::Address(set) => set.len(),
            Self::Asn(all) => all.len(),
            Self::Country(all) => all.len(),
            Self::Host(all) => all.len(),
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an address is in a list of addresses.
    pub fn has_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Address(set) if set.contains(address))
    }

    /// Whether a number is in a list of autonomous systems.
    pub fn has_number(&self, number: i64) -> bool {
        let Ok(number) = u32::try_from(number) else { return false };
        matches!(self, Self::Asn(all) if all.binary_search(&number).is_ok())
    }

    /// Whether a country code (upper case) or a host name (any case up to 255 bytes) is in the list.
    pub fn has_text(&self, text: &[u8]) -> bool {
        match self {
            Self::Country(all) => text.try_into().is_ok_and(|code: [u8; 2]| all.binary_search(&code).is_ok()),
            Self::Host(all) => {
                let mut lower = [0; 256];
                let Some(lower) = lower.get_mut(..text.len()) else { return false };
                lower.copy_from_slice(text);
                lower.make_ascii_lowercase();
                has_host(all, lower)
            }
            _ => false,
        }
    }
}

/// The name itself, or any name above it that stands with a dot.
fn has_host(all: &[Box<str>], name: &[u8]) -> bool {
    let known = |name: &[u8]| all.binary_search_by(|own| own.as_bytes().cmp(name)).is_ok();
    known(name)
        || name.iter().enumerate().any(|(index, byte)| *byte == b'.' && index > 0 && known(&name[index..]))
}

#[derive(Deserialize)]
struct Published<'a> {
    #[serde(borrow)]
    prefixes: Vec<PublishedNetwork<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishedNetwork<'a> {
    ipv4_prefix: Option<&'a str>,
    ipv6_prefix: Option<&'a str>,
}

fn published(text: &str, feed: bool) -> Result<List, ListError> {
    // What it says instead may be nobody's to read.
    let mistaken =
        |error: serde_json::Error| ListError::Published { line: error.line(), column: error.column() };
    let read: Published<'_> = serde_json::from_str(text).map_err(mistaken)?;
    let each = read.prefixes.iter().flat_map(|network| [network.ipv4_prefix, network.ipv6_prefix]).flatten();
    let lines: Vec<_> = each.enumerate().map(|(index, network)| (index + 1, network)).collect();
    if lines.len() > ITEMS_MAX {
        return Err(ListError::TooMany);
    }
    addresses(&lines, feed)
}

fn addresses(lines: &[(usize, &str)], feed: bool) -> Result<List, ListError> {
    let mut ranges = Vec::with_capacity(lines.len());
    for (line, text) in lines {
        let range = match text.split_once("..").or_else(|| text.split_once('-')) {
            Some((first, last)) => first
                .trim()
                .parse()
                .ok()
                .zip(last.trim().parse().ok())
                .and_then(|(first, last)| AddressRange::new(first, last)),
            None => AddressRange::parse(text),
        };
        let range = range.ok_or_else(|| item_error(*line, text, ListKind::Address))?;
        if feed && range.too_wide() {
            return Err(ListError::TooWide { line: *line, text: cut(text) });
        }
        ranges.push(range);
    }
    Ok(List::Address(AddressSet::of(ranges)))
}

fn items<T>(
    kind: ListKind,
    lines: &[(usize, &str)],
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ListError> {
    lines.iter().map(|(line, text)| read(text).ok_or_else(|| item_error(*line, text, kind))).collect()
}

fn item_error(line: usize, text: &str, kind: ListKind) -> ListError {
    ListError::Item { line, text: cut(text), kind }
}

fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Box<[T]> {
    all.sort_unstable();
    all.dedup();
    all.into_boxed_slice()
}

fn asn(text: &str) -> Option<u32> {
    text.strip_prefix("AS").or(text.strip_prefix("as")).unwrap_or(text).parse().ok()
}

fn country(text: &str) -> Option<[u8; 2]> {
    let code: [u8; 2] = text.as_bytes().try_into().ok()?;
    code.iter().all(u8::is_ascii_alphabetic).then(|| code.map(|letter| letter.to_ascii_uppercase()))
}

fn host(text: &str) -> Option<Box<str>> {
    let (below, name) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
    let name: vocabulary::Hostname = name.parse().ok()?;
    Some(if below { format!(".{name}") } else { name.to_string() }.into_boxed_str())
}

/// The name of a list, without its `$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName(Box<str>);

impl ListName {
    /// Up to 50 of `a-z 0-9 _`, not beginning with a digit.
    pub fn parse(text: &str) -> Result<Self, ListError> {
        let fine = (1..=50).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && !text.as_bytes()[0].is_ascii_digit();
        if fine { Ok(Self(text.into())) } else { Err(ListError::Name(cut(text))) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The place of a list among those of its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListIndex(u8);

/// The lists that one site's rules may name.
#[derive(Debug, Clone, Default)]
pub struct Lists(Vec<(ListName, Arc<List>)>);

impl Lists {
    /// No lists.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a list, or replaces the one of its name if it is of the same kind.
    pub fn put(&mut self, name: ListName, list: Arc<List>) -> Result<(), ListError> {
        if let Some((_, own)) = self.0.iter_mut().find(|(own, _)| *own == name) {
            if own.kind() != list.kind() {
                return Err(ListError::OtherKind(own.kind(), list.kind()));
            }
            *own = list;
            return Ok(());
        }
        if self.0.len() >= LISTS_MAX {
            return Err(ListError::TooManyLists);
        }
        self.0.push((name, list));
        Ok(())
    }

    /// Takes a feed's new version, unless it has shrunk so far that a mistake is likelier.
    pub fn refresh(&mut self, name: &ListName, list: Arc<List>) -> Result<(), ListError> {
        let before = self.0.iter().find(|(own, _)| own == name).map(|(_, list)| list);
        let Some(before) = before else { return Err(ListError::Unknown(name.as_str().to_owned())) };
        if before.shrinks_to(&list) {
            return Err(ListError::Shrunk { before: before.len(), now: list.len() });
        }
        self.put(name.clone(), list)
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn find(&self, name: &str) -> Option<(ListIndex, ListKind)> {
        let index = self.0.iter().position(|(own, _)| own.as_str() == name)?;
        Some((ListIndex(u8::try_from(index).ok()?), self.0[index].1.kind()))
    }

    pub(crate) fn at(&self, index: ListIndex) -> Option<&List> {
        self.0.get(usize::from(index.0)).map(|(_, list)| &**list)
    }
}

#[cfg(test)]
mod tests;
