//! The desk where reports come in: sealing, recognising, the reporter's code, the outgoing guard.
//!
//! Owns the open vault and what is derived from reports in memory: clusters, the guard, wrong tries. Everything in
//! memory is built anew from the records at each start. Must not touch cases: a report never changes one, and the
//! gate cannot see reports.
//!
//! Invariants: text is sealed before it reaches the records; a reading by an officer is noted before it happens;
//! erasing destroys the key first, so that a crash in between leaves unreadable text and never a readable tombstone.

mod document;
mod filing;
mod officers;
mod thread;
mod token;

pub(crate) use document::document;
pub(crate) use filing::Repeat;
pub(crate) use officers::{Opened, close, erase, message, open, set_state};
pub(crate) use thread::{NotOpened, by_code, write};

use crate::founding::DataDir;
use records::{Page, Records, StoreError};
use reports::guard::{Guard, GuardKey, Leak};
use reports::{Clusters, SimilarityKey, Standings, Tries, VaultText, Verdict};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use vault::{Vault, VaultError};
use vocabulary::{Random, Timestamp};

/// Slow hashes at once: each takes a core for some tens of milliseconds.
const SLOW_HASHES_MAX: usize = 2;

/// The desk.
pub(crate) struct Intake {
    vault: std::sync::Arc<Vault>,
    similarity: SimilarityKey,
    /// Reports are filed one after another, so that two of the same claim find each other.
    clusters: tokio::sync::Mutex<Clusters>,
    guard: Mutex<Guard>,
    tries: Mutex<Tries<Source>>,
    /// How the earlier reports of reporters ended; learnt again at each start.
    standings: Mutex<Standings>,
    slow: Semaphore,
}

/// Where a try came from: an address, or the /64 of one. Kept in memory alone, and never written anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source([u8; 8]);

impl Source {
    pub(crate) fn of(peer: IpAddr) -> Self {
        let bytes = match peer.to_canonical() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets()[8..].to_vec(),
            IpAddr::V6(ip) => ip.octets()[..8].to_vec(),
        };
        Self(std::array::from_fn(|place| bytes.get(place).copied().unwrap_or(0)))
    }
}

impl Intake {
    /// What seals, and opens again.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }
}

/// Why the desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error("{path}: {source}")]
    File { path: std::path::PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Key { path: std::path::PathBuf, source: VaultError },
    #[error(
        "{0} is missing, but there are reports that only it opens; put it back from where its copy is kept"
    )]
    Lost(std::path::PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Intake {
    /// Opens the vault, making its key at the first start, and learns what the records hold.
    pub(crate) async fn open(
        files: &DataDir,
        records: &dyn Records,
        random: &dyn Random,
    ) -> Result<Self, IntakeError> {
        let path = files.vault_key();
        if !path.exists() && !records.list_reports(None, Page::first(1)).await?.items.is_empty() {
            return Err(IntakeError::Lost(path));
        }
        let vault = vault(files, random)?;
        let guard_key = vault.derive("guard", b"");
        let similarity = SimilarityKey::new(*vault.derive("similarity", b""));
        let mut guard = Guard::new(GuardKey::new(std::array::from_fn(|place| guard_key[place])));
        let mut clusters = Clusters::default();
        let mut standings = Standings::default();
        learn_reports(records, &mut guard, &mut standings).await?;
        learn_allegations(records, &mut clusters).await?;
        Ok(Self {
            vault: std::sync::Arc::new(vault),
            similarity,
            clusters: tokio::sync::Mutex::new(clusters),
            guard: Mutex::new(guard),
            tries: Mutex::default(),
            standings: Mutex::new(standings),
            slow: Semaphore::new(SLOW_HASHES_MAX),
        })
    }

    /// Lets a text go out that holds nothing from the vault.
    pub(crate) fn check(&self, text: &str) -> Result<(), Leak> {
        lock(&self.guard).check(text)
    }

    fn fingerprints(&self, text: &VaultText) -> Vec<u64> {
        let key = lock(&self.guard).key().clone();
        key.fingerprints(text)
    }

    /// Whether a source may try a code now.
    pub(crate) fn may_try(&self, source: &Source, now: Timestamp) -> Result<(), NotOpened> {
        match lock(&self.tries).ask(source, now) {
            Verdict::Wait(wait) => Err(NotOpened::Slow(wait)),
            _ => Ok(()),
        }
    }

    /// Counts a wrong code.
    pub(crate) fn wrong_try(&self, source: Source, now: Timestamp) {
        lock(&self.tries).wrong(source, now);
    }

    /// The receipt of a code, hashed on a thread that may take its time.
    pub(crate) async fn receipt(&self, code: &reports::Code) -> Option<reports::ReceiptHash> {
        let _permit = self.slow.acquire().await.ok()?;
        let (vault, code) = (self.vault.clone(), code.clone());
        tokio::task::spawn_blocking(move || vault.receipt(&code)).await.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole after each statement.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The key lies apart from the records, readable by its owner alone.
fn vault(files: &DataDir, random: &dyn Random) -> Result<Vault, IntakeError> {
    let path = files.vault_key();
    let text = crate::founding::secret_file(&path, || {
        Vault::fresh_key(random).map_err(|error| std::io::Error::other(error.to_string()))
    });
    let text = text.map_err(|source| IntakeError::File { path: path.clone(), source })?;
    let vault = Vault::open(&text).map_err(|source| IntakeError::Key { path, source })?;
    // Tests file thousands of reports; the rounds have a test of their own.
    #[cfg(test)]
    let vault = vault.with_rounds(std::num::NonZeroU32::MIN);
    Ok(vault)
}

async fn learn_reports(
    records: &dyn Records,
    guard: &mut Guard,
    standings: &mut Standings,
) -> Result<(), StoreError> {
    let mut page = Page::first(records::bounds::PAGE_MAX);
    loop {
        let listing = records.list_reports(None, page).await?;
        for held in &listing.items {
            guard.learn(held.value.fingerprints());
            if let Some(reporter) = held.value.reporter {
                standings.learn(reporter, held.value.received_at, held.value.state);
            }
        }
        match listing.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn learn_allegations(records: &dyn Records, clusters: &mut Clusters) -> Result<(), StoreError> {
    let mut page = Page::first(records::bounds::PAGE_MAX);
    loop {
        let listing = records.list_allegations(true, page).await?;
        for held in &listing.items {
            let allegation = &held.value;
            for trace in allegation.traces() {
                clusters.learn(allegation.id, allegation.category, &allegation.hosts, trace);
            }
        }
        match listing.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}
