//! The compiled view that answers each request: sites and measures by host name.

use crate::defence::ShieldTable;
use crate::{Gate, ProvedMeasure, Site, SiteShield};
use error_pages::{Page, PageClass};
use policy::{AskedUrl, Feature, Measure, ScopeSite, Territory};
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vocabulary::{Digest, Hostname, SiteId, SitePattern, Timestamp};

/// Most warnings before one host: whoever goes on carries along which were seen.
pub const WARNINGS_MAX: usize = 8;

/// What an edge serves from. Immutable; a new one replaces it whole.
#[derive(Debug, Default)]
pub struct Snapshot {
    revision: u64,
    sites: ByHost<Arc<Site>>,
    measures: ByHost<Vec<Acting>>,
    /// Whether a measure asks where visitors are.
    is_territorial: bool,
    pages: BTreeMap<Digest, Arc<Page>>,
    shields: ShieldTable,
    site_list: Vec<Arc<Site>>,
    measure_list: Vec<Arc<ProvedMeasure>>,
}

/// A measure, and which site of its scope it acts on here.
#[derive(Debug, Clone)]
struct Acting {
    measure: Arc<ProvedMeasure>,
    place: usize,
}

impl Acting {
    fn entry(&self) -> Option<&ScopeSite> {
        self.measure.scope().sites().get(self.place)
    }

    /// Whether it acts on a request now, whatever it does. `owner` is the site that has the host now: an exception keeps
    /// hosts of others open, and none that has come to the site in scope itself.
    fn acts(&self, facts: &Facts<'_>, owner: Option<SiteId>, now: Timestamp) -> bool {
        let leaves = |entry: &ScopeSite| owner != Some(entry.site) && entry.leaves(facts.host);
        let left = self.entry().is_none_or(leaves);
        !left && self.measure.acts_on(facts.country, now)
    }

    /// Whether it refuses a request now. `asked` is read once, and only where addresses are listed.
    fn blocks<'a>(
        &self,
        facts: &Facts<'a>,
        owner: Option<SiteId>,
        asked: &OnceCell<AskedUrl>,
        now: Timestamp,
    ) -> bool {
        let reaches = || match self.measure.measure() {
            Measure::M3 => {
                let asked = asked.get_or_init(|| AskedUrl::of(facts.target));
                self.entry().is_some_and(|entry| entry.urls.iter().any(|url| url.covers(asked)))
            }
            other => other.blocks(),
        };
        self.acts(facts, owner, now) && reaches()
    }
}

/// What is known of a request when it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The host asked for, without port.
    pub host: &'a Hostname,
    /// Path and query, as they came.
    pub target: &'a str,
    /// Where the visitor is, as far as anybody knows.
    pub country: Option<Territory>,
}

impl<'a> Facts<'a> {
    /// The root of a host, asked for from nobody knows where.
    pub fn of(host: &'a Hostname) -> Self {
        Self { host, target: "/", country: None }
    }
}

/// What to do with a request.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// No site and no measure has this host: 421.
    Unknown,
    /// Serve this site.
    Serve(&'a Arc<Site>),
    /// Refuse visitors; the measure says why.
    Blocked(&'a Arc<ProvedMeasure>),
}

/// Values by host pattern. Lookups allocate nothing.
#[derive(Debug)]
struct ByHost<T> {
    exact: HashMap<Hostname, T>,
    /// By the name below which every name falls.
    below: HashMap<Hostname, T>,
}

impl<T> Default for ByHost<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new() }
    }
}

impl<T> ByHost<T> {
    fn slot(&mut self, pattern: &SitePattern) -> std::collections::hash_map::Entry<'_, Hostname, T> {
        match pattern {
            SitePattern::Exact(name) => self.exact.entry(name.clone()),
            SitePattern::Wildcard(base) => self.below.entry(base.clone()),
        }
    }

    /// Everything that covers a host: the exact name first, then wildcards, the longest first. The
    /// tail of an address is no host name, so no wildcard covers an address.
    fn covering<'a>(&'a self, host: &Hostname) -> impl Iterator<Item = &'a T> {
        let parents = (!self.below.is_empty()).then(|| Parents(host.as_str())).into_iter().flatten();
        self.exact.get(host).into_iter().chain(parents.filter_map(|parent| self.below.get(parent)))
    }
}

/// `b.c`, `c` of `a.b.c`.
struct Parents<'a>(&'a str);

impl<'a> Iterator for Parents<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (_, parent) = self.0.split_once('.')?;
        self.0 = parent;
        Some(parent)
    }
}

impl Snapshot {
    /// Compiles sites and measures. Tells the hosts that an earlier site of the list already has;
    /// the earlier one keeps them.
    pub(crate) fn compile(
        revision: u64,
        site_list: Vec<Arc<Site>>,
        pages: BTreeMap<Digest, Arc<Page>>,
        shields: ShieldTable,
        measure_list: Vec<Arc<ProvedMeasure>>,
    ) -> (Self, Vec<SitePattern>) {
        let mut sites = ByHost::default();
        let mut doubled = Vec::new();
        for site in &site_list {
            for pattern in &site.hosts {
                match sites.slot(pattern) {
                    std::collections::hash_map::Entry::Occupied(_) => doubled.push(pattern.clone()),
                    free => drop(free.or_insert_with(|| Arc::clone(site))),
                }
            }
        }
        let measures = by_host(&measure_list);
        let is_territorial = measure_list.iter().any(|measure| !measure.terms().territories.is_empty());
        let own = Self { revision, sites, measures, is_territorial, pages, shields, site_list, measure_list };
        (own, doubled)
    }

    /// Whether it matters where a visitor is.
    pub fn is_territorial(&self) -> bool {
        self.is_territorial
    }

    /// A site's own page of a class.
    pub fn page(&self, site: &Site, class: PageClass) -> Option<&Arc<Page>> {
        self.pages.get(site.pages.by_class.get(&class)?)
    }

    /// A site's defence, compiled.
    pub fn shield(&self, site: &Site) -> &Arc<SiteShield> {
        self.shields.of(site.id)
    }

    /// What the operator set for the defence of all sites, compiled.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.shields.gate
    }

    /// Judges a request: a measure in force first, so that no site setting can come before it; then
    /// the site; each by exact name, then by wildcard.
    pub fn evaluate(&self, facts: &Facts<'_>, now: Timestamp) -> Verdict<'_> {
        let asked = OnceCell::new();
        let site = self.sites.covering(facts.host).next();
        let owner = site.map(|site| site.id);
        let mut acting = self.measures.covering(facts.host).flatten();
        if let Some(acting) = acting.find(|acting| acting.blocks(facts, owner, &asked, now)) {
            return Verdict::Blocked(&acting.measure);
        }
        site.map_or(Verdict::Unknown, Verdict::Serve)
    }

    /// The warnings that visitors of a host see first and can pass (M1), each once, those of the exact name first; at
    /// most [`WARNINGS_MAX`].
    pub fn warnings(&self, facts: &Facts<'_>, now: Timestamp) -> Vec<&Arc<ProvedMeasure>> {
        let owner = self.owner(facts.host);
        let mut found: Vec<&Arc<ProvedMeasure>> = Vec::new();
        for acting in self.measures.covering(facts.host).flatten() {
            let warns = acting.measure.measure() == Measure::M1 && acting.acts(facts, owner, now);
            let known = found.iter().any(|known| known.id() == acting.measure.id());
            if warns && !known && found.len() < WARNINGS_MAX {
                found.push(&acting.measure);
            }
        }
        found
    }

    /// Whether a decision in force has withdrawn a feature from a host (M2).
    pub fn withdraws(&self, facts: &Facts<'_>, feature: Feature, now: Timestamp) -> bool {
        let names = |acting: &Acting| acting.entry().is_some_and(|entry| entry.features.contains(&feature));
        let owner = self.owner(facts.host);
        let mut acting = self.measures.covering(facts.host).flatten();
        acting.any(|acting| names(acting) && acting.acts(facts, owner, now))
    }

    fn owner(&self, host: &Hostname) -> Option<SiteId> {
        self.site(host).map(|site| site.id)
    }

    /// The site that a host belongs to, whatever measures say; for logs, pages and previews.
    pub fn site(&self, host: &Hostname) -> Option<&Arc<Site>> {
        self.sites.covering(host).next()
    }

    /// Revision of the sites.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// All sites.
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.site_list
    }

    /// All measures whose lease had not ended when this snapshot was compiled.
    pub fn measures(&self) -> &[Arc<ProvedMeasure>] {
        &self.measure_list
    }
}

fn by_host(list: &[Arc<ProvedMeasure>]) -> ByHost<Vec<Acting>> {
    let mut measures: ByHost<Vec<_>> = ByHost::default();
    for measure in list {
        for (place, entry) in measure.scope().sites().iter().enumerate() {
            for pattern in &entry.hosts {
                let acting = Acting { measure: Arc::clone(measure), place };
                measures.slot(pattern).or_default().push(acting);
            }
        }
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Mote;
    use crate::{Enforcement, Trust};
    use std::time::Duration;

    fn now() -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }

    fn host(text: &str) -> Hostname {
        Hostname::parse(text).expect("host")
    }

    #[test]
    fn sites_are_found_by_exact_name_then_by_the_longest_wildcard() {
        let mote = Mote::found(1, now());
        let patterns = ["a.test", "*.a.test", "*.b.a.test", "127.0.0.1", "*.localhost"];
        let sites = patterns.map(|pattern| Arc::new(mote.site(&[pattern], 1)));
        let (snapshot, doubled) =
            Snapshot::compile(1, sites.to_vec(), BTreeMap::new(), ShieldTable::default(), Vec::new());
        assert!(doubled.is_empty());
        for (name, expected) in [
            ("a.test", Some(0)),
            ("x.a.test", Some(1)),
            ("b.a.test", Some(1)),
            ("x.b.a.test", Some(2)),
            ("x.y.b.a.test", Some(2)),
            ("127.0.0.1", Some(3)),
            ("127.0.0.2", None),
            ("[::1]", None),
            ("x.localhost", Some(4)),
            ("localhost", None),
            ("xa.test", None),
            ("test", None),
        ] {
            let host = host(name);
            let found = match snapshot.evaluate(&Facts::of(&host), now()) {
                Verdict::Serve(site) => Some(site.id),
                Verdict::Unknown => None,
                Verdict::Blocked(_) => panic!("nothing is blocked here"),
            };
            assert_eq!(found, expected.map(|place: usize| sites[place].id), "{name}");
        }
    }

    #[test]
    fn a_measure_on_a_wildcard_comes_before_a_site_with_the_exact_name() {
        let mut mote = Mote::found(1, now());
        let wide = mote.site(&["*.a.test"], 1);
        let exact = mote.site(&["www.a.test"], 2);
        let hour = Duration::from_secs(3600);
        let long = mote.block(std::slice::from_ref(&wide), now(), 2 * hour);
        let mut edge = Enforcement::new(mote.roots(), Trust::default());
        let first = edge.apply(&mote.parcel(1, vec![wide.clone(), exact.clone()], vec![long.clone()]), now());
        let short = mote.block(std::slice::from_ref(&exact), now(), hour);
        let parcel = mote.parcel(2, vec![wide, exact.clone()], vec![long, short]);
        let both = edge.apply(&parcel, now());
        assert_eq!(both.applied.len(), 2, "{:?}", both.refused);

        let name = host("www.a.test");
        let by = |snapshot: &Snapshot, time| match snapshot.evaluate(&Facts::of(&name), time) {
            Verdict::Blocked(measure) => Some(measure.id()),
            _ => None,
        };
        let wide_id = first.applied[0];
        assert_eq!(by(&first.snapshot, now()), Some(wide_id));
        // The measure on the exact name is named first, and when it ends the wider one still stands.
        assert!(by(&both.snapshot, now()).is_some_and(|id| id != wide_id));
        assert_eq!(by(&both.snapshot, now().plus(hour)), Some(wide_id));
        assert_eq!(by(&both.snapshot, now().plus(2 * hour)), None);
        let site = both.snapshot.site(&name).expect("site");
        assert_eq!(site.id, exact.id);
    }
}
