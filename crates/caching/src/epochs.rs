//! When what was purged last: a pure model that says whether a held response was fetched before a purge.
//!
//! Every purge and every invalidation is an event with a [`Stamp`] of this edge, one higher than the last.
//! A response carries the stamp that was current when its fetch (or last revalidation) began; it is hit by
//! every event with a higher stamp. Revisions, the order in which the control plane made the purges, only
//! tell which were applied already.
//!
//! Invariants: a response fetched before a hard purge of its address, tag, prefix, host or site is never
//! `Current` or `SoftStale`; tables are bounded, and what is dropped from a full one lives on in the site's
//! floor (hard for an owner's hard purges, soft for soft ones and for invalidations, which visitors cause);
//! [`Epochs::generation`] rises with every event that can hit a response of the site.

use crate::purge::{Purge, PurgeTarget, PurgeWindow};
use crate::tags::Tags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Bound;
use vocabulary::SiteId;

/// A place in the order of the events of this edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(u64);

impl Stamp {
    /// From a stored number.
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number, to store.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

/// Whether a held response may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No event has hit it.
    Current,
    /// It counts as stale whatever its lifetime says, until it is revalidated.
    SoftStale,
    /// It may never be sent again.
    Gone,
}

/// What of a held response purges go by.
#[derive(Debug, Clone, Copy)]
pub struct EntryFacts<'a> {
    /// The site.
    pub site: SiteId,
    /// The host without port, lower case.
    pub host: &'a str,
    /// The port, unless it is the scheme's own.
    pub port: Option<u16>,
    /// The path of its key.
    pub path: &'a [u8],
    /// The query of its key.
    pub query: Option<&'a [u8]>,
    /// Its tags.
    pub tags: &'a Tags,
    /// [`Epochs::stamp`] when its fetch or last revalidation began.
    pub fetched: Stamp,
}

/// The events of all sites, and what has been applied. Serialises as a whole, for a journal's base.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Epochs {
    stamp: Stamp,
    revision: u64,
    /// Softly purges everything fetched before it.
    floor: Stamp,
    sites: BTreeMap<SiteId, SiteEpochs>,
    /// How many events all tables hold.
    remembered: usize,
}

/// The events of one site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct SiteEpochs {
    generation: Stamp,
    floor: Epoch,
    newest_tag: Epoch,
    hosts: Table,
    urls: Table,
    prefixes: Table,
    tags: Table,
    /// Addresses dropped by state-changing requests, apart so that visitors cannot push out owners' purges.
    invalidated: Table,
}

/// The latest hard and the latest soft event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Epoch {
    hard: Stamp,
    soft: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Table(#[serde(with = "pairs")] BTreeMap<Box<[u8]>, Epoch>);

/// Most purges remembered one by one in each table of a site.
pub const EPOCHS_MAX: usize = 16_384;
/// Most invalidations remembered one by one for a site.
pub const INVALIDATIONS_MAX: usize = 4_096;
/// Most events remembered one by one for all sites; from there on each new one makes its own table shrink.
pub const EPOCHS_TOTAL_MAX: usize = 1_000_000;

impl Epochs {
    /// Nothing purged yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The stamp of the latest event: take it before a fetch begins.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The last revision applied.
    pub fn held_revision(&self) -> u64 {
        self.revision
    }

    /// The stamp of the latest event that can have hit a response of a site. A response whose last check
    /// was at this generation need not be judged again.
    pub fn generation(&self, site: SiteId) -> Stamp {
        self.sites.get(&site).map_or(self.floor, |site| site.generation.max(self.floor))
    }

    /// Applies a window: first everything softly if revisions were missed, then each purge not yet applied,
    /// in order. Returns whether anything changed.
    pub fn apply_window(&mut self, window: &PurgeWindow) -> bool {
        let before = (self.stamp, self.revision);
        if window.after > self.revision {
            self.purge_all_softly();
            self.revision = window.after;
        }
        for purge in &window.purges {
            self.apply(purge);
        }
        before != (self.stamp, self.revision)
    }

    /// Applies one purge, unless its revision is held already. Returns the generation of its site.
    pub fn apply(&mut self, purge: &Purge) -> Stamp {
        if purge.revision > self.revision {
            self.revision = purge.revision;
            let now = self.next();
            let epoch = if purge.soft { Epoch::soft(now) } else { Epoch::hard(now) };
            self.on_site(purge.site, EPOCHS_MAX, |site, max| site.purge(&purge.target, epoch, max));
        }
        self.generation(purge.site)
    }

    /// Drops one address, on both schemes, after a state-changing request (RFC 9111 §4.4). Visitors cause
    /// these: worth telling only of an address that is held or being fetched.
    pub fn invalidate(
        &mut self,
        site: SiteId,
        host: &str,
        port: Option<u16>,
        path_and_query: &[u8],
    ) -> Stamp {
        let now = self.next();
        let address = address(host, port, path_and_query);
        self.on_site(site, INVALIDATIONS_MAX, |site, max| {
            site.generation = now;
            let evicted = site.invalidated.raise(&address, Epoch::hard(now), max);
            site.floor = site.floor.max(Epoch::soft(evicted.any()));
        });
        now
    }

    /// Has everything that is held revalidated before its next use: the edge cannot know what it missed.
    pub fn purge_all_softly(&mut self) -> Stamp {
        self.floor = self.next();
        self.floor
    }

    /// Whether a held response may be used.
    pub fn judge(&self, entry: &EntryFacts<'_>) -> Verdict {
        let mut worst = Epoch::soft(self.floor);
        if let Some(site) = self.sites.get(&entry.site).filter(|site| site.generation > entry.fetched) {
            worst = worst.max(site.hits(entry));
        }
        match worst {
            Epoch { hard, .. } if hard > entry.fetched => Verdict::Gone,
            Epoch { soft, .. } if soft > entry.fetched => Verdict::SoftStale,
            _ => Verdict::Current,
        }
    }

    /// Changes a site's tables, each of which may hold `max` events as long as there is room for all.
    fn on_site(&mut self, site: SiteId, max: usize, change: impl FnOnce(&mut SiteEpochs, usize)) {
        let max = if self.remembered < EPOCHS_TOTAL_MAX { max } else { 1 };
        let site = self.sites.entry(site).or_default();
        let before = site.remembered();
        change(site, max);
        self.remembered = self.remembered.saturating_sub(before).saturating_add(site.remembered());
    }

    fn next(&mut self) -> Stamp {
        self.stamp = Stamp(self.stamp.0.saturating_add(1));
        self.stamp
    }
}

impl SiteEpochs {
    fn remembered(&self) -> usize {
        let tables = [&self.hosts, &self.urls, &self.prefixes, &self.tags, &self.invalidated];
        tables.iter().map(|table| table.0.len()).sum()
    }

    fn purge(&mut self, target: &PurgeTarget, epoch: Epoch, max: usize) {
        self.generation = epoch.any();
        let evicted = match target {
            PurgeTarget::Url { host, port, path_and_query } => {
                let address = match port {
                    Some(_) => address(host.as_str(), *port, path_and_query.as_bytes()),
                    None => on_host(host.as_str(), path_and_query.as_bytes()),
                };
                self.urls.raise(&address, epoch, max)
            }
            PurgeTarget::Tag(tag) => {
                self.newest_tag = self.newest_tag.max(epoch);
                self.tags.raise(tag.as_bytes(), epoch, max)
            }
            PurgeTarget::Prefix { host, path } => {
                self.prefixes.raise(&on_host(host.as_str(), path.as_bytes()), epoch, max)
            }
            PurgeTarget::Host(host) => self.hosts.raise(host.as_str().as_bytes(), epoch, max),
            PurgeTarget::Everything => {
                if epoch.hard > Stamp::default() {
                    // Nothing held is younger than this: whatever was remembered is settled by it.
                    *self = Self { generation: self.generation, ..Self::default() };
                }
                epoch
            }
        };
        self.floor = self.floor.max(evicted);
    }

    fn hits(&self, entry: &EntryFacts<'_>) -> Epoch {
        let path_and_query = joined(entry.path, entry.query);
        let address = address(entry.host, entry.port, &path_and_query);
        let mut worst = self.floor;
        worst = worst.max(self.hosts.of(entry.host.as_bytes()));
        worst = worst.max(self.urls.of(&address));
        worst = worst.max(self.urls.of(&on_host(entry.host, &path_and_query)));
        worst = worst.max(self.invalidated.of(&address));
        worst = worst.max(self.prefixes.of_prefixes(&on_host(entry.host, &path_and_query)));
        if self.newest_tag.any() > entry.fetched {
            let tagged = entry.tags.each().map(|tag| self.tags.of(tag));
            worst = tagged.fold(worst, Epoch::max);
            if entry.tags.overflowed() {
                worst = worst.max(self.newest_tag);
            }
        }
        worst
    }
}

impl Epoch {
    fn hard(stamp: Stamp) -> Self {
        Self { hard: stamp, soft: Stamp::default() }
    }

    fn soft(stamp: Stamp) -> Self {
        Self { hard: Stamp::default(), soft: stamp }
    }

    fn max(self, other: Self) -> Self {
        Self { hard: self.hard.max(other.hard), soft: self.soft.max(other.soft) }
    }

    fn any(self) -> Stamp {
        self.hard.max(self.soft)
    }
}

impl Table {
    /// Remembers an event. Returns the latest of those that had to go to make room.
    fn raise(&mut self, key: &[u8], epoch: Epoch, max: usize) -> Epoch {
        let held = self.0.entry(key.into()).or_default();
        *held = held.max(epoch);
        if self.0.len() <= max { Epoch::default() } else { self.forget_older_half() }
    }

    fn forget_older_half(&mut self) -> Epoch {
        let mut stamps: Vec<Stamp> = self.0.values().map(|epoch| epoch.any()).collect();
        let middle = stamps.len() / 2;
        let (_, median, _) = stamps.select_nth_unstable(middle);
        let median = *median;
        let mut evicted = Epoch::default();
        self.0.retain(|_, epoch| {
            let stays = epoch.any() > median;
            if !stays {
                evicted = evicted.max(*epoch);
            }
            stays
        });
        evicted
    }

    fn of(&self, key: &[u8]) -> Epoch {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// The latest event of all keys that `text` begins with. Each step goes to the greatest key that can
    /// still be such a one, so that keys which are none are passed over.
    fn of_prefixes(&self, text: &[u8]) -> Epoch {
        let mut worst = Epoch::default();
        let mut limit = text;
        let mut bound = Bound::Included(limit);
        while let Some((key, epoch)) = self.0.range::<[u8], _>((Bound::Unbounded, bound)).next_back() {
            let common = key.iter().zip(limit).take_while(|(a, b)| a == b).count();
            limit = &limit[..common];
            bound = if common == key.len() {
                worst = worst.max(*epoch);
                Bound::Excluded(limit)
            } else {
                Bound::Included(limit)
            };
        }
        worst
    }
}

/// Host, port and target with a mark between them that no host contains.
fn address(host: &str, port: Option<u16>, path_and_query: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(host.len() + 3 + path_and_query.len());
    bytes.extend_from_slice(host.as_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&port.unwrap_or(0).to_be_bytes());
    bytes.extend_from_slice(path_and_query);
    bytes
}

/// A target on any port; another mark, so that it is never a target on one.
fn on_host(host: &str, path: &[u8]) -> Vec<u8> {
    [host.as_bytes(), &[0], path].concat()
}

fn joined(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    match query {
        Some(query) => [path, b"?", query].concat(),
        None => path.to_vec(),
    }
}

/// A map with bytes as keys as a list of pairs, which every format can write.
mod pairs {
    use super::Epoch;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(
        table: &BTreeMap<Box<[u8]>, Epoch>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_seq(table)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Box<[u8]>, Epoch>, D::Error> {
        Vec::<(Box<[u8]>, Epoch)>::deserialize(from).map(BTreeMap::from_iter)
    }
}
