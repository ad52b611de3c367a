//! Accounts and sites in SQLite.

use crate::error::failed;
use crate::open::{SqliteRecords, commit};
use crate::rows::{
    DocumentRow, below, count, damaged, decode, encode, id, instant, integer, listing, rows_for,
};
use async_trait::async_trait;
use records::bounds::{NAME_BYTES_MAX, NOTE_BYTES_MAX, SITE_BYTES_MAX};
use records::{
    Account, ApplyError, Change, Fleet, Listing, Page, RevisionNote, RevisionSummary, Sites, StoreError,
    Versioned,
};
use snapshot::Site;
use sqlx::SqliteConnection;
use std::collections::BTreeSet;
use vocabulary::{AccountId, SiteId, SitePattern};

const APPLYING: &str = "applying a change of sites";
const PRESENT: &str = "SELECT coalesce(max(revision), 0) FROM revisions";

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: String,
    name: String,
    mail: Option<String>,
}

impl TryFrom<AccountRow> for Account {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self, StoreError> {
        let mail = row.mail.map(|mail| id("accounts", &mail)).transpose()?;
        Ok(Self { id: id("accounts", &row.id)?, name: row.name, mail })
    }
}

impl TryFrom<DocumentRow> for Versioned<Site> {
    type Error = StoreError;

    fn try_from(row: DocumentRow) -> Result<Self, StoreError> {
        row.decode("sites", |site: &Site| site.id)
    }
}

#[derive(sqlx::FromRow)]
struct RevisionRow {
    revision: i64,
    at: i64,
    actor: String,
    touched: i64,
}

impl TryFrom<RevisionRow> for RevisionSummary {
    type Error = StoreError;

    fn try_from(row: RevisionRow) -> Result<Self, StoreError> {
        Ok(Self {
            revision: count("revisions", row.revision, row.revision)?,
            note: RevisionNote { at: instant(row.at), actor: row.actor },
            touched: count("revisions", row.revision, row.touched)?,
        })
    }
}

#[async_trait]
impl Sites for SqliteRecords {
    async fn revision(&self) -> Result<u64, StoreError> {
        let revision: i64 = sqlx::query_scalar(PRESENT)
            .fetch_one(self.readers())
            .await
            .map_err(failed("reading the revision"))?;
        count("revisions", revision, revision)
    }

    async fn fleet(&self) -> Result<Fleet, StoreError> {
        let failed = failed("reading the sites");
        let mut reading = self.snapshot("reading the sites").await?;
        let revision: i64 = sqlx::query_scalar(PRESENT).fetch_one(&mut *reading).await.map_err(failed)?;
        let accounts: Vec<AccountRow> = sqlx::query_as("SELECT id, name, mail FROM accounts ORDER BY id")
            .fetch_all(&mut *reading)
            .await
            .map_err(failed)?;
        let sites: Vec<DocumentRow> =
            sqlx::query_as("SELECT 0 AS ordinal, id, revision AS version, document FROM sites ORDER BY id")
                .fetch_all(&mut *reading)
                .await
                .map_err(failed)?;
        Ok(Fleet {
            revision: count("revisions", revision, revision)?,
            accounts: accounts.into_iter().map(Account::try_from).collect::<Result<_, _>>()?,
            sites: sites
                .into_iter()
                .map(|row| Versioned::<Site>::try_from(row).map(|site| site.value))
                .collect::<Result<_, _>>()?,
        })
    }

    async fn fleet_at(&self, revision: u64) -> Result<Option<Fleet>, StoreError> {
        let failed = failed("reading an earlier revision");
        let mut reading = self.snapshot("reading an earlier revision").await?;
        let present: i64 = sqlx::query_scalar(PRESENT).fetch_one(&mut *reading).await.map_err(failed)?;
        if integer(revision) > present {
            return Ok(None);
        }
        // With max(), SQLite takes the other columns from the row that has it.
        let items: Vec<(String, String, Option<String>, i64)> = sqlx::query_as(
            "SELECT kind, id, document, max(revision) FROM history WHERE revision <= ? GROUP BY kind, id ORDER BY id",
        )
        .bind(integer(revision))
        .fetch_all(&mut *reading)
        .await
        .map_err(failed)?;
        let mut fleet = Fleet { revision, accounts: Vec::new(), sites: Vec::new() };
        for (kind, id, document, _) in items {
            let Some(document) = document else { continue };
            match kind.as_str() {
                "account" => fleet.accounts.push(decode("history", &id, &document)?),
                "site" => fleet.sites.push(decode("history", &id, &document)?),
                other => return Err(damaged("history", id, format_args!("kind {other:?} is unknown"))),
            }
        }
        Ok(Some(fleet))
    }

    async fn site(&self, id: SiteId) -> Result<Option<Versioned<Site>>, StoreError> {
        let row: Option<DocumentRow> =
            sqlx::query_as("SELECT 0 AS ordinal, id, revision AS version, document FROM sites WHERE id = ?")
                .bind(id.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(failed("reading a site"))?;
        row.map(Versioned::try_from).transpose()
    }

    async fn apply(
        &self,
        changes: &[Change],
        expected: Option<u64>,
        note: &RevisionNote,
    ) -> Result<u64, ApplyError> {
        StoreError::check_size("a revision's note", note.actor.len(), NOTE_BYTES_MAX)?;
        let mut writing = self.begin(APPLYING).await?;
        let present: i64 =
            sqlx::query_scalar(PRESENT).fetch_one(&mut *writing).await.map_err(failed(APPLYING))?;
        let found = count("revisions", present, present)?;
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ApplyError::Conflict { expected, found });
        }
        let mut step = Step {
            connection: &mut writing,
            revision: present + 1,
            changed: false,
            touched: BTreeSet::new(),
        };
        for change in changes {
            step.take(change).await?;
        }
        if !step.changed {
            return Ok(found);
        }
        step.settle_hosts(changes).await?;
        let touched = step.touched.len() as u64;
        sqlx::query("INSERT INTO revisions (revision, at, actor, touched) VALUES (?, ?, ?, ?)")
            .bind(present + 1)
            .bind(note.at.as_millis())
            .bind(&note.actor)
            .bind(integer(touched))
            .execute(&mut *writing)
            .await
            .map_err(failed(APPLYING))?;
        commit(writing, APPLYING).await?;
        Ok(found + 1)
    }

    async fn revisions(&self, page: Page) -> Result<Listing<RevisionSummary>, StoreError> {
        let rows: Vec<RevisionRow> = sqlx::query_as(
            "SELECT revision, at, actor, touched FROM revisions WHERE revision < ? ORDER BY revision DESC LIMIT ?",
        )
        .bind(below(page))
        .bind(rows_for(page))
        .fetch_all(self.readers())
        .await
        .map_err(failed("reading the history of sites"))?;
        listing(rows, page, |row| row.revision, RevisionSummary::try_from)
    }
}

/// One revision in the making, inside its transaction.
struct Step<'t> {
    connection: &'t mut SqliteConnection,
    revision: i64,
    changed: bool,
    touched: BTreeSet<String>,
}

impl Step<'_> {
    async fn take(&mut self, change: &Change) -> Result<(), ApplyError> {
        match change {
            Change::PutAccount(account) => self.put_account(account).await,
            Change::RemoveAccount(id) => self.remove_account(*id).await,
            Change::PutSite(site) => self.put_site(site).await,
            Change::RemoveSite(id) => self.remove_site(*id).await,
            Change::Mark => {
                self.changed = true;
                Ok(())
            }
            other => Err(unknown_change(other)),
        }
    }

    async fn put_account(&mut self, account: &Account) -> Result<(), ApplyError> {
        StoreError::check_size("an account's name", account.name.len(), NAME_BYTES_MAX)?;
        let id_text = account.id.to_string();
        let holder: Option<String> = sqlx::query_scalar("SELECT id FROM accounts WHERE name = ? AND id <> ?")
            .bind(&account.name)
            .bind(&id_text)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        if let Some(holder) = holder {
            return Err(ApplyError::NameTaken {
                name: account.name.clone(),
                holder: id("accounts", &holder)?,
            });
        }
        let done = sqlx::query(
            "INSERT INTO accounts (id, name, revision, mail) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET name = ?2, revision = ?3, mail = ?4 WHERE name <> ?2 OR mail IS NOT ?4",
        )
        .bind(&id_text)
        .bind(&account.name)
        .bind(self.revision)
        .bind(account.mail.as_ref().map(|mail| mail.as_str()))
        .execute(&mut *self.connection)
        .await
        .map_err(failed(APPLYING))?;
        let document = encode("an account", account, SITE_BYTES_MAX)?;
        self.note_if(done.rows_affected() > 0, "account", &id_text, Some(&document)).await
    }

    async fn remove_account(&mut self, account: AccountId) -> Result<(), ApplyError> {
        let id_text = account.to_string();
        let sites: i64 = sqlx::query_scalar("SELECT count(*) FROM sites WHERE account = ?")
            .bind(&id_text)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        if sites > 0 {
            return Err(ApplyError::AccountInUse { account, sites: count("sites", &id_text, sites)? });
        }
        let done = sqlx::query("DELETE FROM accounts WHERE id = ?")
            .bind(&id_text)
            .execute(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        self.note_if(done.rows_affected() > 0, "account", &id_text, None).await
    }

    async fn put_site(&mut self, site: &Site) -> Result<(), ApplyError> {
        let document = encode("a site", site, SITE_BYTES_MAX)?;
        let (id_text, account) = (site.id.to_string(), site.account.to_string());
        let known: Option<i64> = sqlx::query_scalar("SELECT 1 FROM accounts WHERE id = ?")
            .bind(&account)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        if known.is_none() {
            return Err(ApplyError::NoSuchAccount { site: site.id, account: site.account });
        }
        let done = sqlx::query(
            "INSERT INTO sites (id, account, revision, document) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET account = ?2, revision = ?3, document = ?4 WHERE document <> ?4",
        )
        .bind(&id_text)
        .bind(&account)
        .bind(self.revision)
        .bind(&document)
        .execute(&mut *self.connection)
        .await
        .map_err(failed(APPLYING))?;
        self.note_if(done.rows_affected() > 0, "site", &id_text, Some(&document)).await
    }

    async fn remove_site(&mut self, site: SiteId) -> Result<(), ApplyError> {
        let id_text = site.to_string();
        let done = sqlx::query("DELETE FROM sites WHERE id = ?")
            .bind(&id_text)
            .execute(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        self.note_if(done.rows_affected() > 0, "site", &id_text, None).await
    }

    /// Writes the history of an item that a step changed.
    async fn note_if(
        &mut self,
        changed: bool,
        kind: &'static str,
        id: &str,
        document: Option<&str>,
    ) -> Result<(), ApplyError> {
        if !changed {
            return Ok(());
        }
        self.changed = true;
        self.touched.insert(id.to_owned());
        sqlx::query(
            "INSERT INTO history (kind, id, revision, document) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, id, revision) DO UPDATE SET document = ?4",
        )
        .bind(kind)
        .bind(id)
        .bind(self.revision)
        .bind(document)
        .execute(&mut *self.connection)
        .await
        .map_err(failed(APPLYING))?;
        Ok(())
    }

    /// Gives each site its hosts, after all steps, so that a host may pass between sites in any order.
    async fn settle_hosts(&mut self, changes: &[Change]) -> Result<(), ApplyError> {
        let put: Vec<&Site> = changes
            .iter()
            .filter_map(|change| if let Change::PutSite(site) = change { Some(site) } else { None })
            .collect();
        for site in &put {
            sqlx::query("DELETE FROM site_hosts WHERE site = ?")
                .bind(site.id.to_string())
                .execute(&mut *self.connection)
                .await
                .map_err(failed(APPLYING))?;
        }
        for id_text in put.iter().map(|site| site.id.to_string()).collect::<BTreeSet<_>>() {
            let document: Option<String> = sqlx::query_scalar("SELECT document FROM sites WHERE id = ?")
                .bind(&id_text)
                .fetch_optional(&mut *self.connection)
                .await
                .map_err(failed(APPLYING))?;
            let Some(document) = document else { continue };
            let site: Site = decode("sites", &id_text, &document)?;
            for pattern in site.hosts.iter().collect::<BTreeSet<_>>() {
                self.take_host(site.id, pattern).await?;
            }
        }
        Ok(())
    }

    async fn take_host(&mut self, site: SiteId, pattern: &SitePattern) -> Result<(), ApplyError> {
        let text = pattern.to_string();
        let done = sqlx::query(
            "INSERT INTO site_hosts (pattern, site) VALUES (?, ?) ON CONFLICT (pattern) DO NOTHING",
        )
        .bind(&text)
        .bind(site.to_string())
        .execute(&mut *self.connection)
        .await
        .map_err(failed(APPLYING))?;
        if done.rows_affected() > 0 {
            return Ok(());
        }
        let holder: String = sqlx::query_scalar("SELECT site FROM site_hosts WHERE pattern = ?")
            .bind(&text)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(failed(APPLYING))?;
        Err(ApplyError::HostTaken { pattern: pattern.clone(), holder: id("site_hosts", &holder)? })
    }
}

fn unknown_change(change: &Change) -> ApplyError {
    ApplyError::Store(StoreError::Unavailable {
        during: APPLYING,
        detail: format!("this store does not know the step {change:?}"),
        effect: records::Effect::None,
    })
}
