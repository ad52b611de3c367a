//! What an `apply` would change, and which of it lowers a customer's service.

use crate::sites_toml::{AccountEntry, Document, SiteEntry};
use records::{Account, Change, Fleet};
use serde::Serialize;
use snapshot::{Origin, Site, Timeouts, Trusted};
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::{AccountId, Hostname, Random, SiteId, SitePattern};

/// The steps from what is stored to what a file says.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The revision it was made on.
    pub(crate) revision: u64,
    /// What the records are asked to do.
    pub(crate) changes: Vec<Change>,
    /// The same for people, one line for each site touched.
    pub(crate) steps: Vec<Step>,
}

/// What happens to one site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct Step {
    /// What is done.
    pub(crate) action: Action,
    /// The customer's name.
    pub(crate) account: String,
    /// The customer's id.
    #[schema(value_type = String)]
    pub(crate) account_id: AccountId,
    /// The site's id.
    #[schema(value_type = String)]
    pub(crate) site: SiteId,
    /// The site's host names, after the change.
    #[schema(value_type = Vec<String>)]
    pub(crate) hosts: Vec<SitePattern>,
    /// What is different, in words.
    pub(crate) differences: Vec<String>,
    /// What of it lowers the customer's service; not empty: it needs the customer's request or a decision.
    pub(crate) lowers: Vec<String>,
}

/// What is done to a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// It is new.
    Add,
    /// It stays and changes.
    Change,
    /// It goes.
    Remove,
}

/// Why a file does not fit what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// A host belongs to another customer.
    #[error("{host} belongs to account {holder:?}; one account cannot take it from another")]
    HostTaken { host: SitePattern, holder: String },
    /// A host falls under a wildcard of another customer.
    #[error(
        "{host} of account {account:?} falls under {wildcard} of account {holder:?}; names under a wildcard \
         belong to the wildcard's account alone"
    )]
    Overlap { host: SitePattern, account: String, wildcard: SitePattern, holder: String },
    /// One site of the file would swallow two stored ones.
    #[error("{first} and {second} are two sites now; list them as two sites, or remove one of them first")]
    Merge { first: SitePattern, second: SitePattern },
}

/// Compares. With `prune`, sites and accounts that the file does not name go; without, they stay.
pub(crate) fn plan(
    fleet: &Fleet,
    document: &Document,
    prune: bool,
    random: &dyn Random,
) -> Result<Plan, PlanError> {
    let mut planner = Planner::on(fleet, random);
    for entry in &document.accounts {
        planner.account(entry)?;
    }
    if prune {
        planner.prune(document);
    }
    let plan = Plan { revision: fleet.revision, changes: planner.changes, steps: planner.steps };
    check_overlaps(fleet, &plan.changes)?;
    Ok(plan)
}

/// One site's settings replaced; an empty plan where they stay as they are.
pub(crate) fn plan_settings(fleet: &Fleet, site: &Site, wanted: Site) -> Plan {
    let mut plan = Plan { revision: fleet.revision, changes: Vec::new(), steps: Vec::new() };
    if *site != wanted {
        plan.steps.push(Step {
            action: Action::Change,
            account: account_name(fleet, site.account),
            account_id: site.account,
            site: site.id,
            hosts: site.hosts.clone(),
            differences: differences(site, &wanted),
            lowers: lowers(site, &wanted),
        });
        plan.changes.push(Change::PutSite(wanted));
    }
    plan
}

/// Refuses changes after which one customer's pattern would cover another's: whoever holds a wildcard
/// would lose names to the other, and a measure on the wildcard would reach the other.
fn check_overlaps(fleet: &Fleet, changes: &[Change]) -> Result<(), PlanError> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut names: BTreeMap<AccountId, &str> =
        fleet.accounts.iter().map(|account| (account.id, account.name.as_str())).collect();
    let mut sites: BTreeMap<SiteId, &Site> = fleet.sites.iter().map(|site| (site.id, site)).collect();
    for change in changes {
        match change {
            Change::PutAccount(account) => drop(names.insert(account.id, &account.name)),
            Change::PutSite(site) => drop(sites.insert(site.id, site)),
            Change::RemoveSite(id) => drop(sites.remove(id)),
            _ => {}
        }
    }
    let hosts = sites.values().flat_map(|site| site.hosts.iter().map(|host| (host, site.account)));
    let mut hosts: Vec<_> = hosts.map(|(host, account)| (reversed(host.base()), host, account)).collect();
    hosts.sort();
    // In this order a wildcard stands right before all that it covers. Those that cover the present
    // place are open; they are one account's, or the sweep would have ended.
    let mut open: Vec<(&str, &SitePattern, AccountId)> = Vec::new();
    for (key, host, account) in &hosts {
        while open.last().is_some_and(|(base, ..)| !is_below(key, base)) {
            open.pop();
        }
        if let Some((_, wildcard, holder)) = open.last().filter(|(_, _, holder)| holder != account) {
            let name = |id: &AccountId| names.get(id).map_or_else(|| id.to_string(), ToString::to_string);
            return Err(PlanError::Overlap {
                host: (*host).clone(),
                account: name(account),
                wildcard: (*wildcard).clone(),
                holder: name(holder),
            });
        }
        if matches!(host, SitePattern::Wildcard(_)) {
            open.push((key, host, *account));
        }
    }
    Ok(())
}

/// The labels from the last to the first, each ended by a byte that no name has: what a wildcard covers
/// begins with its base.
fn reversed(name: &Hostname) -> String {
    name.as_str().rsplit('.').flat_map(|label| [label, "\u{1}"]).collect()
}

fn is_below(key: &str, base: &str) -> bool {
    key.len() > base.len() && key.starts_with(base)
}

struct Planner<'a> {
    fleet: &'a Fleet,
    random: &'a dyn Random,
    holders: BTreeMap<&'a SitePattern, &'a Site>,
    kept: BTreeSet<SiteId>,
    changes: Vec<Change>,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    fn on(fleet: &'a Fleet, random: &'a dyn Random) -> Self {
        let holders = fleet.sites.iter().flat_map(|site| site.hosts.iter().map(move |host| (host, site)));
        Self {
            fleet,
            random,
            holders: holders.collect(),
            kept: BTreeSet::new(),
            changes: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn account(&mut self, entry: &AccountEntry) -> Result<(), PlanError> {
        let stored = self.fleet.accounts.iter().find(|account| account.name == entry.name);
        let id = stored.map_or_else(|| AccountId::random(self.random), |account| account.id);
        let account = Account { id, name: entry.name.clone(), mail: entry.mail.clone() };
        if stored != Some(&account) {
            self.changes.push(Change::PutAccount(account.clone()));
        }
        entry.sites.iter().try_for_each(|site| self.site(&account, site))
    }

    fn site(&mut self, account: &Account, entry: &SiteEntry) -> Result<(), PlanError> {
        let stored = self.stored(account, entry)?;
        let id = stored.map_or_else(|| SiteId::random(self.random), |site| site.id);
        self.kept.insert(id);
        let wanted = Site {
            id,
            account: account.id,
            hosts: entry.hosts.clone(),
            origins: entry.origins.clone(),
            services: entry.services.clone(),
            cache: entry.cache,
            origin_policy: entry.origin_policy.clone(),
            cache_rules: entry.cache_rules.clone(),
            certificate: entry.certificate.clone(),
            error_page: entry.error_page.clone(),
            front: entry.front.clone(),
            pages: entry.pages.held(),
            shield: entry.shield.clone(),
        };
        let (action, differences, lowers) = match stored {
            None => (Action::Add, Vec::new(), Vec::new()),
            Some(stored) if *stored == wanted => return Ok(()),
            Some(stored) => (Action::Change, differences(stored, &wanted), lowers(stored, &wanted)),
        };
        self.note(action, account, &wanted, differences, lowers);
        self.changes.push(Change::PutSite(wanted));
        Ok(())
    }

    /// The stored site that shares a host with the entry. A site keeps its identity as long as it
    /// keeps a host name.
    fn stored(&self, account: &Account, entry: &SiteEntry) -> Result<Option<&'a Site>, PlanError> {
        let mut found: Option<(&SitePattern, &'a Site)> = None;
        for host in &entry.hosts {
            let Some(site) = self.holders.get(host) else { continue };
            if site.account != account.id {
                let holder = self.account_name(site.account);
                return Err(PlanError::HostTaken { host: host.clone(), holder });
            }
            match found {
                Some((first, other)) if other.id != site.id => {
                    return Err(PlanError::Merge { first: first.clone(), second: host.clone() });
                }
                _ => found = Some((host, site)),
            }
        }
        // Split in two by the file: the first part keeps the identity.
        Ok(found.map(|(_, site)| site).filter(|site| !self.kept.contains(&site.id)))
    }

    fn prune(&mut self, document: &Document) {
        // Removals go first: a host may move from a site that goes to one that stays.
        let mut removals = Vec::new();
        let fleet = self.fleet;
        for site in fleet.sites.iter() {
            if self.kept.contains(&site.id) {
                continue;
            }
            let name = self.account_name(site.account);
            let account = Account { id: site.account, name, mail: None };
            self.note(Action::Remove, &account, site, Vec::new(), vec!["the site goes".to_owned()]);
            removals.push(Change::RemoveSite(site.id));
        }
        let named: BTreeSet<&str> = document.accounts.iter().map(|account| account.name.as_str()).collect();
        let gone = self.fleet.accounts.iter().filter(|account| !named.contains(account.name.as_str()));
        removals.extend(gone.map(|account| Change::RemoveAccount(account.id)));
        removals.append(&mut self.changes);
        self.changes = removals;
    }

    fn note(
        &mut self,
        action: Action,
        account: &Account,
        site: &Site,
        differences: Vec<String>,
        lowers: Vec<String>,
    ) {
        self.steps.push(Step {
            action,
            account: account.name.clone(),
            account_id: account.id,
            site: site.id,
            hosts: site.hosts.clone(),
            differences,
            lowers,
        });
    }

    fn account_name(&self, id: AccountId) -> String {
        account_name(self.fleet, id)
    }
}

fn account_name(fleet: &Fleet, id: AccountId) -> String {
    let account = fleet.accounts.iter().find(|account| account.id == id);
    account.map_or_else(|| id.to_string(), |account| account.name.clone())
}

fn differences(old: &Site, new: &Site) -> Vec<String> {
    let differs = [
        ("host names", old.hosts != new.hosts),
        ("origins", old.origins != new.origins),
        ("way with its origins", old.origin_policy != new.origin_policy),
        ("services", old.services != new.services),
        ("cache mode", old.cache != new.cache),
        ("cache rules", old.cache_rules != new.cache_rules),
        ("certificate", old.certificate != new.certificate),
        ("error page", old.error_page != new.error_page),
        ("own pages", old.pages != new.pages),
        ("ways in", old.front != new.front),
        ("defence", old.shield != new.shield),
    ];
    differs
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(what, _)| format!("its {what} change"))
        .collect()
}

/// What the customer would have less of. A changed origin is here because it can be another's content.
fn lowers(old: &Site, new: &Site) -> Vec<String> {
    let mut lowers = Vec::new();
    for host in old.hosts.iter().filter(|host| !new.hosts.contains(host)) {
        lowers.push(format!("it no longer answers to {host}"));
    }
    let (before, after) = (&old.origin_policy, &new.origin_policy);
    if !same_places(&old.origins, &new.origins) || before.host != after.host {
        lowers.push("its content comes from elsewhere".to_owned());
    }
    if before.tls.trust != Trusted::Unverified && after.tls.trust == Trusted::Unverified {
        lowers.push("its origins' certificates are no longer verified".to_owned());
    }
    if are_shorter(&before.timeouts, &after.timeouts) {
        lowers.push("its origins are waited for less long".to_owned());
    }
    if old.services.difference(&new.services).next().is_some() {
        lowers.push("a service is taken from it".to_owned());
    }
    if old.certificate.is_some() && new.certificate.is_none() {
        lowers.push("its certificate is taken from it".to_owned());
    }
    if old.error_page.is_some() && new.error_page.is_none() {
        lowers.push("its own error page is taken from it".to_owned());
    }
    for class in old.pages.by_class.keys().filter(|class| !new.pages.by_class.contains_key(class)) {
        lowers.push(format!("its own page of class {class} is taken from it"));
    }
    if closes(old, new) {
        lowers.push("visitors get a maintenance page".to_owned());
    }
    lowers.extend(super::transport::lowers(&old.front, &new.front));
    if !old.front.bypass && new.front.bypass {
        lowers.push("nothing is cached for it".to_owned());
    }
    lowers.extend(super::defence::lowers(&old.shield, &new.shield));
    lowers
}

/// Whether content comes from the same places, however often each is asked.
fn same_places(old: &[Origin], new: &[Origin]) -> bool {
    let places = |origins: &[Origin]| {
        let places = origins.iter().map(|origin| (origin.scheme, origin.host.clone(), origin.port));
        places.collect::<BTreeSet<_>>()
    };
    places(old) == places(new)
}

fn are_shorter(old: &Timeouts, new: &Timeouts) -> bool {
    let total = |timeouts: &Timeouts| timeouts.total_ms.unwrap_or(u32::MAX);
    new.connect_ms < old.connect_ms
        || new.first_byte_ms < old.first_byte_ms
        || new.between_bytes_ms < old.between_bytes_ms
        || total(new) < total(old)
}

/// Whether somebody is kept out by maintenance who was not before.
fn closes(old: &Site, new: &Site) -> bool {
    match (&old.front.maintenance, &new.front.maintenance) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => old.allow.iter().any(|network| !new.allow.contains(network)),
    }
}

impl Plan {
    /// The steps that lower a customer's service.
    pub(crate) fn lowering(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| !step.lowers.is_empty())
    }
}
