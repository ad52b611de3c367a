//! The compiled defence of all sites, carried from one parcel to the next.

use super::compiled::{HeldLists, ShieldError, SiteShield, lists, shared_lists};
use super::gate::Gate;
use super::operator::{FeedVersion, OperatorShield};
use super::settings::{ListSource, ShieldSettings};
use crate::{Alarm, Parcel, Service, Site};
use shield::lists::{List, ListKind, ListName};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vocabulary::{Digest, SiteId};

/// What a snapshot serves from.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShieldTable {
    usual: Arc<SiteShield>,
    /// Those of sites with settings of their own.
    own: HashMap<SiteId, Arc<SiteShield>>,
    pub(crate) gate: Arc<Gate>,
}

impl ShieldTable {
    pub(crate) fn of(&self, site: SiteId) -> &Arc<SiteShield> {
        if self.own.is_empty() { &self.usual } else { self.own.get(&site).unwrap_or(&self.usual) }
    }
}

/// Where a feed is read, and what it holds.
type Key = (String, ListKind);

/// Compiles what a parcel says, and keeps what did not change since the last one.
#[derive(Debug)]
pub(crate) struct Shields {
    usual: Arc<SiteShield>,
    off: Arc<SiteShield>,
    own: HashMap<SiteId, Own>,
    feeds: HashMap<Key, Held>,
    operator: OperatorShield,
    shared: Vec<(ListName, Arc<List>)>,
    gate: Arc<Gate>,
}

/// A site's compiled settings, and what they were compiled from.
#[derive(Debug)]
struct Own {
    settings: ShieldSettings,
    origins: usize,
    shield: Arc<SiteShield>,
}

/// A feed's version, read.
#[derive(Debug)]
struct Held {
    digest: Digest,
    list: Arc<List>,
}

/// Whether lists changed since the last parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    Same,
    /// Their items did: compiled rules stay valid.
    Newer,
    /// Their names or kinds did.
    Others,
}

impl Default for Shields {
    fn default() -> Self {
        Self {
            usual: Arc::default(),
            off: Arc::new(SiteShield::off()),
            own: HashMap::new(),
            feeds: HashMap::new(),
            operator: OperatorShield::default(),
            shared: Vec::new(),
            gate: Arc::default(),
        }
    }
}

impl Shields {
    pub(crate) fn take(&mut self, parcel: &Parcel, alarms: &mut Vec<Alarm>) -> ShieldTable {
        let lists = self.take_lists(parcel, alarms);
        let mut before = std::mem::take(&mut self.own);
        for site in &parcel.sites {
            if !site.services.contains(&Service::Shield) || site.shield.is_default() {
                continue;
            }
            let own = self.site(site, before.remove(&site.id), lists, alarms);
            self.own.insert(site.id, own);
        }
        self.table(&parcel.sites)
    }

    fn table(&self, sites: &[Site]) -> ShieldTable {
        let off = sites.iter().filter(|site| !site.services.contains(&Service::Shield));
        let off = off.map(|site| (site.id, Arc::clone(&self.off)));
        let own = self.own.iter().map(|(site, own)| (*site, Arc::clone(&own.shield)));
        ShieldTable {
            usual: Arc::clone(&self.usual),
            own: own.chain(off).collect(),
            gate: Arc::clone(&self.gate),
        }
    }

    fn take_lists(&mut self, parcel: &Parcel, alarms: &mut Vec<Alarm>) -> Lists {
        let operator = &parcel.shield;
        let named = feeds_named(&parcel.sites, operator);
        let is_named = |(address, kind): &Key| named.contains_key(&(address.as_str(), *kind));
        let newer = self.read_feeds(&parcel.feeds, is_named, alarms);
        let mut changed = if newer { Lists::Newer } else { Lists::Same };
        if changed == Lists::Same && self.operator == *operator {
            return Lists::Same;
        }
        match shared_lists(operator, |address, kind| self.feed(address, kind)) {
            Ok(shared) => {
                if shape(&shared) != shape(&self.shared) {
                    changed = Lists::Others;
                } else if self.operator.lists != operator.lists {
                    changed = Lists::Newer;
                }
                self.shared = shared;
            }
            Err(error) => alarms.push(Alarm::Shield { site: None, why: error.to_string() }),
        }
        self.operator = operator.clone();
        self.gate = Arc::new(Gate::compile(operator, &self.shared));
        changed
    }

    /// Reads versions that are new; whether any was, or one is gone. One that does not come but is still named
    /// stays: a publisher that has just started may not have read it yet.
    fn read_feeds(
        &mut self,
        feeds: &[FeedVersion],
        is_named: impl Fn(&Key) -> bool,
        alarms: &mut Vec<Alarm>,
    ) -> bool {
        let mut before = std::mem::take(&mut self.feeds);
        let mut changed = false;
        for version in feeds {
            let key = (version.address.clone(), version.kind);
            let known = before.remove(&key);
            let held = match known {
                Some(held) if held.digest == version.digest => Some(held),
                known => {
                    changed = true;
                    match List::parse(version.kind, &version.text, true) {
                        Ok(list) => Some(Held { digest: version.digest, list: Arc::new(list) }),
                        Err(error) => {
                            let why = format!("{}: {error}", version.address);
                            alarms.push(Alarm::Shield { site: None, why });
                            known
                        }
                    }
                }
            };
            self.feeds.extend(held.map(|held| (key, held)));
        }
        let (kept, gone): (HashMap<_, _>, HashMap<_, _>) =
            before.into_iter().partition(|(key, _)| is_named(key));
        self.feeds.extend(kept);
        changed || !gone.is_empty()
    }

    fn site(&self, site: &Site, before: Option<Own>, changed: Lists, alarms: &mut Vec<Alarm>) -> Own {
        let (settings, origins) = (&site.shield, site.origins.len());
        let same = before.as_ref().filter(|own| own.settings == *settings && own.origins == origins);
        let shield = match (same, changed) {
            (Some(own), Lists::Same) => Ok(Arc::clone(&own.shield)),
            (Some(own), Lists::Newer) => {
                lists(settings, self).map(|lists| Arc::new(own.shield.refreshed(lists)))
            }
            _ => self.compile(settings, origins),
        };
        let shield = shield.unwrap_or_else(|error| {
            alarms.push(Alarm::Shield { site: Some(site.id), why: error.to_string() });
            // What was served before is nearer to what the owner means than no rules at all.
            before.map_or_else(|| Arc::new(SiteShield::without_rules(settings)), |own| own.shield)
        });
        Own { settings: settings.clone(), origins, shield }
    }

    fn compile(&self, settings: &ShieldSettings, origins: usize) -> Result<Arc<SiteShield>, ShieldError> {
        let lists = lists(settings, self)?;
        SiteShield::compile(settings, origins, lists).map(Arc::new)
    }
}

impl HeldLists for Shields {
    fn feed(&self, address: &str, kind: ListKind) -> Option<Arc<List>> {
        self.feeds.get(&(address.to_owned(), kind)).map(|held| Arc::clone(&held.list))
    }

    fn shared(&self) -> &[(ListName, Arc<List>)] {
        &self.shared
    }
}

fn shape(lists: &[(ListName, Arc<List>)]) -> Vec<(&ListName, ListKind)> {
    lists.iter().map(|(name, list)| (name, list.kind())).collect()
}

/// The feeds that sites and operator name, each once, with the shortest time between two readings.
pub fn feeds_named<'a>(
    sites: impl IntoIterator<Item = &'a Site>,
    operator: &'a OperatorShield,
) -> BTreeMap<(&'a str, ListKind), u32> {
    let own = sites.into_iter().flat_map(|site| site.shield.lists.values());
    let own = own.map(|list| (list.kind, &list.source));
    let shared = operator.lists.values().map(|list| (list.kind, &list.source));
    let mut named = BTreeMap::new();
    for (kind, source) in own.chain(shared) {
        if let ListSource::Feed(feed) = source {
            let seconds = named.entry((feed.address.as_str(), kind)).or_insert(feed.refresh_seconds);
            *seconds = feed.refresh_seconds.min(*seconds);
        }
    }
    named
}
