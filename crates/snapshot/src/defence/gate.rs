//! What the operator set, compiled: one look before a site's own rules are asked.
//!
//! Networks are nested or apart, never crossing, so that each knows the narrowest one around it: a look-up is
//! one binary search and a walk outwards.

use super::operator::{Acting, Effect, Entry, OperatorShield, Subject};
use shield::Source;
use shield::lists::{AddressRange, List, ListKind, ListName};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::{SiteId, Timestamp};

/// The operator's bans, allowances and switches as the edge asks them. Made only by compiling.
#[derive(Debug, Default)]
pub struct Gate {
    entries: Vec<Entry>,
    networks: Vec<Network>,
    systems: HashMap<u32, Vec<u32>>,
    lists: Vec<(Acting, ListName, Arc<List>)>,
    /// All lists of addresses, whether or not they do something by themselves.
    addresses: Vec<(ListName, Arc<List>)>,
    under_attack: HashMap<SiteId, (Timestamp, Timestamp)>,
}

/// A network that entries name, in IPv6 with IPv4 mapped into it.
#[derive(Debug)]
struct Network {
    first: u128,
    last: u128,
    /// The narrowest network around it.
    around: Option<u32>,
    entries: Vec<u32>,
}

/// What the operator says of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Nothing.
    Neither,
    /// Nothing else holds it up.
    Allowed(Cause<'a>),
    /// It is refused.
    Banned(Cause<'a>),
}

/// What says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// An entry.
    Entry(&'a Entry),
    /// A list of the operator, by its name.
    List(&'a str),
}

impl Gate {
    pub(super) fn compile(operator: &OperatorShield, shared: &[(ListName, Arc<List>)]) -> Self {
        let mut networks: HashMap<(u128, u128), Vec<u32>> = HashMap::new();
        let mut systems: HashMap<u32, Vec<u32>> = HashMap::new();
        for (place, entry) in (0u32..).zip(&operator.entries) {
            match entry.subject {
                Subject::Network(network) => {
                    // What a network prints is what a range reads.
                    let Some(range) = AddressRange::parse(&network.to_string()) else { continue };
                    networks.entry((number(range.first()), number(range.last()))).or_default().push(place);
                }
                Subject::Asn(system) => systems.entry(system).or_default().push(place),
            }
        }
        let acting = shared.iter().filter_map(|(name, list)| {
            let acting = operator.lists.get(name.as_str())?.acting?;
            Some((acting, name.clone(), Arc::clone(list)))
        });
        let addresses = shared.iter().filter(|(_, list)| list.kind() == ListKind::Address);
        let switches = operator.under_attack.iter();
        Self {
            entries: operator.entries.clone(),
            networks: nested(networks),
            systems,
            lists: acting.collect(),
            addresses: addresses.cloned().collect(),
            under_attack: switches.map(|switch| (switch.site, (switch.since, switch.until))).collect(),
        }
    }

    /// What a parcel with these settings and no feeds would give.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(operator: &OperatorShield) -> Result<Self, super::ShieldError> {
        let shared = super::compiled::shared_lists(operator, |_, _| None)?;
        Ok(Self::compile(operator, &shared))
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lists.is_empty() && self.under_attack.is_empty()
    }

    /// Whether an address is in a list of addresses of the operator; there may be none of that name.
    pub fn lists_address(&self, name: &ListName, address: IpAddr) -> bool {
        let own = self.addresses.iter().find(|(own, _)| own == name);
        own.is_some_and(|(_, list)| list.has_address(address))
    }

    /// Whether it matters where a source lies and whose network it is: only then it need be looked up.
    pub fn asks_for_place(&self) -> bool {
        let asks =
            |(_, _, list): &(_, _, Arc<List>)| !matches!(list.kind(), ListKind::Address | ListKind::Host);
        !self.systems.is_empty() || self.lists.iter().any(asks)
    }

    /// What holds for a source at a site. An allowance beats every ban.
    pub fn standing(&self, source: &Source, site: SiteId, now: Timestamp) -> Standing<'_> {
        if self.entries.is_empty() && self.lists.is_empty() {
            return Standing::Neither;
        }
        let mut banned = None;
        for (effect, cause) in self.causes(source, site, now) {
            match effect {
                Effect::Allow => return Standing::Allowed(cause),
                Effect::Ban => banned = banned.or(Some(cause)),
            }
        }
        banned.map_or(Standing::Neither, Standing::Banned)
    }

    fn causes(
        &self,
        source: &Source,
        site: SiteId,
        now: Timestamp,
    ) -> impl Iterator<Item = (Effect, Cause<'_>)> {
        let address = source.address;
        let (asn, country) = (source.asn, source.country);
        let of_system = asn.and_then(|asn| self.systems.get(&asn)).into_iter().flatten();
        let entries = self.around(number(address)).flat_map(|network| &network.entries).chain(of_system);
        let holding = entries.filter_map(move |place| {
            let entry = self.entries.get(*place as usize)?;
            let holds = entry.site.is_none_or(|own| own == site) && entry.since <= now && now < entry.until;
            holds.then_some((entry.effect, Cause::Entry(entry)))
        });
        let listed = self.lists.iter().filter(move |(acting, _, list)| {
            let holds = list.has_address(address)
                || asn.is_some_and(|asn| list.has_number(asn.into()))
                || country.is_some_and(|code| list.has_text(&code));
            holds && now < acting.until
        });
        holding.chain(listed.map(|(acting, name, _)| (acting.effect, Cause::List(name.as_str()))))
    }

    /// Every network around an address, the narrowest first.
    fn around(&self, address: u128) -> impl Iterator<Item = &Network> {
        let before = self.networks.partition_point(|network| network.first <= address);
        let outwards = |network: &&Network| self.networks.get(network.around? as usize);
        let innermost = before.checked_sub(1).and_then(|last| self.networks.get(last));
        std::iter::successors(innermost, outwards).filter(move |network| address <= network.last)
    }

    /// Since when the operator has every visitor of a site challenged; none: it has not, now.
    pub fn under_attack_since(&self, site: SiteId, now: Timestamp) -> Option<Timestamp> {
        let (since, until) = *self.under_attack.get(&site)?;
        (since <= now && now < until).then_some(since)
    }

    /// Whether the operator has every visitor of a site challenged.
    pub fn under_attack(&self, site: SiteId, now: Timestamp) -> bool {
        self.under_attack_since(site, now).is_some()
    }
}

fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// In the order of their first addresses, the wider ones first; each with the one around it.
fn nested(networks: HashMap<(u128, u128), Vec<u32>>) -> Vec<Network> {
    let mut all: Vec<_> = networks.into_iter().collect();
    all.sort_by_key(|((first, last), _)| (*first, std::cmp::Reverse(*last)));
    let mut open: Vec<(u32, u128)> = Vec::new();
    let mut nested = Vec::with_capacity(all.len());
    for (place, ((first, last), entries)) in (0u32..).zip(all) {
        while open.last().is_some_and(|(_, end)| *end < first) {
            open.pop();
        }
        nested.push(Network { first, last, around: open.last().map(|(around, _)| *around), entries });
        open.push((place, last));
    }
    nested
}
