//! Sites in memory.

use super::{Memory, page_of};
use crate::bounds::{NAME_BYTES_MAX, NOTE_BYTES_MAX, SITE_BYTES_MAX};
use crate::{
    Account, ApplyError, Change, Fleet, Listing, Page, RevisionNote, RevisionSummary, Sites, StoreError,
    Versioned,
};
use async_trait::async_trait;
use snapshot::Site;
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::{AccountId, SiteId};

#[derive(Default)]
pub(super) struct SiteShelf {
    now: Holding,
    past: BTreeMap<u64, (RevisionSummary, Holding)>,
}

/// Accounts and sites at one moment.
#[derive(Default, Clone)]
struct Holding {
    accounts: BTreeMap<AccountId, Account>,
    sites: BTreeMap<SiteId, Versioned<Site>>,
}

impl Holding {
    fn fleet(&self, revision: u64) -> Fleet {
        Fleet {
            revision,
            accounts: self.accounts.values().cloned().collect(),
            sites: self.sites.values().map(|site| site.value.clone()).collect(),
        }
    }

    /// Takes one step; whether it changed anything.
    fn step(&mut self, change: &Change, revision: u64) -> Result<bool, ApplyError> {
        match change {
            Change::PutAccount(account) => self.put_account(account),
            Change::RemoveAccount(id) => {
                let sites = self.sites.values().filter(|site| site.value.account == *id).count() as u64;
                if sites > 0 {
                    return Err(ApplyError::AccountInUse { account: *id, sites });
                }
                Ok(self.accounts.remove(id).is_some())
            }
            Change::PutSite(site) => self.put_site(site, revision),
            Change::RemoveSite(id) => Ok(self.sites.remove(id).is_some()),
            Change::Mark => Ok(true),
        }
    }

    fn put_account(&mut self, account: &Account) -> Result<bool, ApplyError> {
        StoreError::check_size("an account's name", account.name.len(), NAME_BYTES_MAX)?;
        let taken = self.accounts.values().find(|other| other.name == account.name && other.id != account.id);
        if let Some(holder) = taken {
            return Err(ApplyError::NameTaken { name: account.name.clone(), holder: holder.id });
        }
        Ok(self.accounts.insert(account.id, account.clone()).as_ref() != Some(account))
    }

    fn put_site(&mut self, site: &Site, revision: u64) -> Result<bool, ApplyError> {
        StoreError::check_size("a site", json_length(site), SITE_BYTES_MAX)?;
        if !self.accounts.contains_key(&site.account) {
            return Err(ApplyError::NoSuchAccount { site: site.id, account: site.account });
        }
        if self.sites.get(&site.id).is_some_and(|held| held.value == *site) {
            return Ok(false);
        }
        self.sites.insert(site.id, Versioned { version: revision, value: site.clone() });
        Ok(true)
    }

    fn check_hosts(&self) -> Result<(), ApplyError> {
        let mut holders = BTreeMap::new();
        for site in self.sites.values().map(|site| &site.value) {
            for pattern in site.hosts.iter().collect::<BTreeSet<_>>() {
                if let Some(holder) = holders.insert(pattern, site.id) {
                    return Err(ApplyError::HostTaken { pattern: pattern.clone(), holder });
                }
            }
        }
        Ok(())
    }
}

impl SiteShelf {
    fn revision(&self) -> u64 {
        self.past.keys().next_back().copied().unwrap_or(0)
    }

    fn apply(
        &mut self,
        changes: &[Change],
        expected: Option<u64>,
        note: &RevisionNote,
    ) -> Result<u64, ApplyError> {
        StoreError::check_size("a revision's note", note.actor.len(), NOTE_BYTES_MAX)?;
        let found = self.revision();
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ApplyError::Conflict { expected, found });
        }
        let revision = found + 1;
        let mut planned = self.now.clone();
        let mut changed = false;
        let mut touched = BTreeSet::new();
        for change in changes {
            if planned.step(change, revision)? {
                changed = true;
                touched.extend(subject_of(change));
            }
        }
        if !changed {
            return Ok(found);
        }
        planned.check_hosts()?;
        let summary = RevisionSummary { revision, note: note.clone(), touched: touched.len() as u64 };
        self.past.insert(revision, (summary, planned.clone()));
        self.now = planned;
        Ok(revision)
    }
}

fn subject_of(change: &Change) -> Option<String> {
    match change {
        Change::PutAccount(account) => Some(account.id.to_string()),
        Change::RemoveAccount(id) => Some(id.to_string()),
        Change::PutSite(site) => Some(site.id.to_string()),
        Change::RemoveSite(id) => Some(id.to_string()),
        Change::Mark => None,
    }
}

fn json_length<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[async_trait]
impl Sites for Memory {
    async fn revision(&self) -> Result<u64, StoreError> {
        self.act("reading the revision", |state| Ok(state.sites.revision()))
    }

    async fn fleet(&self) -> Result<Fleet, StoreError> {
        self.act("reading the sites", |state| Ok(state.sites.now.fleet(state.sites.revision())))
    }

    async fn fleet_at(&self, revision: u64) -> Result<Option<Fleet>, StoreError> {
        self.act("reading an earlier revision", |state| {
            if revision == 0 {
                return Ok(Some(Holding::default().fleet(0)));
            }
            Ok(state.sites.past.get(&revision).map(|(_, holding)| holding.fleet(revision)))
        })
    }

    async fn site(&self, id: SiteId) -> Result<Option<Versioned<Site>>, StoreError> {
        self.act("reading a site", |state| Ok(state.sites.now.sites.get(&id).cloned()))
    }

    async fn apply(
        &self,
        changes: &[Change],
        expected: Option<u64>,
        note: &RevisionNote,
    ) -> Result<u64, ApplyError> {
        self.act("applying a change of sites", |state| state.sites.apply(changes, expected, note))
    }

    async fn revisions(&self, page: Page) -> Result<Listing<RevisionSummary>, StoreError> {
        self.act("reading the history of sites", |state| {
            Ok(page_of(
                state.sites.past.iter().map(|(revision, (summary, _))| (*revision, summary.clone())),
                page,
            ))
        })
    }
}
