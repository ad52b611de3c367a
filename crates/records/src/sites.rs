//! Accounts and sites, changed in contiguous revisions.

use crate::{Cursor, Listing, Page, StoreError, Versioned};
use async_trait::async_trait;
use post::MailAddress;
use serde::{Deserialize, Serialize};
use snapshot::Site;
use vocabulary::{AccountId, SiteId, SitePattern, Timestamp};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id; never reused.
    pub id: AccountId,
    /// Its name, unique among accounts.
    pub name: String,
    /// Where it is told of decisions on its sites.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailAddress>,
}

/// One step of a change of accounts and sites; the steps of one `apply` happen in order, all or none.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "few live at once, and most of them are sites")]
pub enum Change {
    /// Adds the account or renames it.
    PutAccount(Account),
    /// Removes an account that has no sites any more.
    RemoveAccount(AccountId),
    /// Adds the site or replaces it.
    PutSite(Site),
    /// Removes a site.
    RemoveSite(SiteId),
    /// Changes no site, but takes a revision: what edges are sent besides sites (the bundles of measures)
    /// has changed, and a parcel needs a new number.
    Mark,
}

/// Who changed it and when; kept with the revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionNote {
    /// When.
    pub at: Timestamp,
    /// Who, as the caller names actors, and why.
    pub actor: String,
}

/// Accounts and sites as they stood at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// The revision; 0 when nothing was ever applied.
    pub revision: u64,
    /// All accounts, by id.
    pub accounts: Vec<Account>,
    /// All sites, by id.
    pub sites: Vec<Site>,
}

/// One line of the history of revisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionSummary {
    /// The revision.
    pub revision: u64,
    /// Who and when.
    pub note: RevisionNote,
    /// How many accounts and sites it touched.
    pub touched: u64,
}

/// The steps were not applied; nothing was changed and no revision was taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// Somebody else applied first; plan again on the present state.
    #[error(
        "the sites were changed meanwhile: revision {expected} was expected, {found} is there; plan again"
    )]
    Conflict {
        /// The revision the caller planned on.
        expected: u64,
        /// The revision that is there.
        found: u64,
    },
    /// A host pattern belongs to another site.
    #[error("host {pattern} already belongs to site {holder}; a host has one site")]
    HostTaken {
        /// The pattern in question.
        pattern: SitePattern,
        /// The site that has it.
        holder: SiteId,
    },
    /// Another account has this name.
    #[error("the account name {name:?} is taken by {holder}")]
    NameTaken {
        /// The name in question.
        name: String,
        /// The account that has it.
        holder: AccountId,
    },
    /// The site's account does not exist.
    #[error("site {site} names account {account}, which does not exist; add the account first")]
    NoSuchAccount {
        /// The site in question.
        site: SiteId,
        /// The missing account.
        account: AccountId,
    },
    /// The account still has sites.
    #[error("account {account} still has {sites} sites; remove them first")]
    AccountInUse {
        /// The account in question.
        account: AccountId,
        /// How many sites it has.
        sites: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps accounts and sites.
///
/// Revisions are contiguous: 1, 2, 3, … in commit order; each is one transaction, and its history stays
/// readable. A site keeps its identity through its id; a host pattern belongs to at most one site.
#[async_trait]
pub trait Sites: Send + Sync + 'static {
    /// The present revision; 0 when nothing was ever applied.
    async fn revision(&self) -> Result<u64, StoreError>;

    /// Accounts and sites, all of one revision.
    async fn fleet(&self) -> Result<Fleet, StoreError>;

    /// Accounts and sites as they stood after that revision; `None` for a revision not reached yet.
    async fn fleet_at(&self, revision: u64) -> Result<Option<Fleet>, StoreError>;

    /// One site; its version is the revision that last changed it.
    async fn site(&self, id: SiteId) -> Result<Option<Versioned<Site>>, StoreError>;

    /// Applies the steps in one transaction and returns the revision that holds them.
    ///
    /// With `expected`, only if that is still the present revision; without, on whatever is there. Steps
    /// that leave everything as it is (removing what is absent among them) take no revision: the present
    /// one is returned. So a repeat after an unknown effect is harmless.
    async fn apply(
        &self,
        changes: &[Change],
        expected: Option<u64>,
        note: &RevisionNote,
    ) -> Result<u64, ApplyError>;

    /// The history, newest first; a [`Cursor`] holds a revision.
    async fn revisions(&self, page: Page) -> Result<Listing<RevisionSummary>, StoreError>;
}

impl RevisionSummary {
    /// This line's place in the history.
    pub fn cursor(&self) -> Cursor {
        Cursor(self.revision)
    }
}
