//! The vault: any number of certificates with their keys, sealed, found by an index.
//!
//! One file for each record, `records/ab/abcd…`, sealed by `key` (0600) in the same folder; `index` says
//! from when to when each is valid. A record is written beside and renamed, then noted in the index, each
//! waited for: after a crash the old one or the new one is there. Opening reads the index and the names of
//! the files, never a record, unless the index lacks it.
//!
//! Must not know sites, names or handshakes. Invariants: nothing leaves memory unsealed; a record that
//! does not open is an error of its own slot and of no other.

mod index;
mod seal;
mod slot;
#[cfg(test)]
mod tests;

pub use index::Standing;
pub use slot::Slot;

use crate::files;
use crate::keyed_chain::KeyedChain;
use index::Index;
use seal::Sealer;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// Longest record that is read, in bytes: chain and key files have at most 1 MiB each.
const RECORD_BYTES_MAX: u64 = 3 << 20;

/// The vault cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the certificate vault's {path} cannot be used: {source}; check permissions and free space", path = path.display())]
pub struct VaultError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Why a record cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is none.
    #[error("there is no such record")]
    Absent,
    /// It was changed, cut or moved, or sealed by another key.
    #[error(
        "the record {0} is damaged; it will be replaced when its certificate is read, uploaded or issued again"
    )]
    Damaged(Slot),
    /// Reading it failed.
    #[error("the record {0} cannot be read: {1}")]
    Unreadable(Slot, io::Error),
}

/// Certificates and other secrets, sealed.
pub struct Vault {
    shelf: Shelf,
}

/// A record's bytes, and how it stands.
type Remembered = (Zeroizing<Vec<u8>>, Option<Standing>);

/// Where records lie.
enum Shelf {
    Disk {
        folder: PathBuf,
        sealer: Sealer,
        index: Mutex<Index>,
    },
    /// Not sealed: what could read it could read a key beside it.
    Memory(Mutex<HashMap<Slot, Remembered>>),
}

impl Vault {
    /// Opens the vault in a folder, or makes it there. Records that the index does not know are opened
    /// once; entries whose record is gone are dropped.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| VaultError { path, source }
        };
        let records = folder.join("records");
        files::make_private_folder(&records).map_err(failed(&records))?;
        let key = folder.join("key");
        // A new key would make everything sealed before unreadable without a word.
        let there = listed(&records).map_err(failed(&records))?;
        if (folder.join("index").exists() || !there.is_empty()) && !key.exists() {
            let source = io::Error::new(
                io::ErrorKind::NotFound,
                "the key is gone and records are there; restore it from a backup, or remove the folder",
            );
            return Err(VaultError { path: key, source });
        }
        let sealer = Sealer::open(&key).map_err(failed(&key))?;
        let path = folder.join("index");
        let index = Index::open(&path).map_err(failed(&path))?;
        let gone: Vec<Slot> = index.all().keys().filter(|slot| !there.contains(slot)).copied().collect();
        let unknown: Vec<Slot> = there.into_iter().filter(|slot| index.find(*slot).is_none()).collect();
        let vault = Self { shelf: Shelf::Disk { folder: records, sealer, index: Mutex::new(index) } };
        let found = unknown.into_iter().filter_map(|slot| vault.standing_of_record(slot));
        let found: Vec<_> = found.collect();
        if let Shelf::Disk { index, .. } = &vault.shelf {
            let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
            index.amend(&gone, found).map_err(failed(&path))?;
        }
        Ok(vault)
    }

    /// One that ends with this process.
    pub fn in_memory() -> Self {
        Self { shelf: Shelf::Memory(Mutex::default()) }
    }

    /// What is known of a certificate without opening it; none where there is none.
    pub fn standing(&self, slot: Slot) -> Option<Standing> {
        match &self.shelf {
            Shelf::Disk { index, .. } => index.lock().unwrap_or_else(PoisonError::into_inner).find(slot),
            Shelf::Memory(records) => records
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(&slot)
                .and_then(|(_, known)| *known),
        }
    }

    /// How many certificates it holds.
    pub fn len(&self) -> usize {
        match &self.shelf {
            Shelf::Disk { index, .. } => index.lock().unwrap_or_else(PoisonError::into_inner).all().len(),
            Shelf::Memory(records) => {
                let records = records.lock().unwrap_or_else(PoisonError::into_inner);
                records.values().filter(|(_, standing)| standing.is_some()).count()
            }
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a certificate in place of an earlier one; on disk when it returns.
    pub fn put(&self, slot: Slot, chain: &KeyedChain, standing: Standing) -> Result<(), VaultError> {
        self.write(slot, chain.encode(), Some(standing))
    }

    /// Notes what else is known of a certificate that stays.
    pub fn note(&self, slot: Slot, standing: Standing) -> Result<(), VaultError> {
        match &self.shelf {
            Shelf::Disk { index, folder, .. } => {
                let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
                index.note(slot, Some(standing)).map_err(|source| VaultError { path: folder.clone(), source })
            }
            Shelf::Memory(records) => {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((_, known)) = records.get_mut(&slot) {
                    *known = Some(standing);
                }
                Ok(())
            }
        }
    }

    /// Opens a certificate.
    pub fn load(&self, slot: Slot) -> Result<KeyedChain, RecordError> {
        KeyedChain::decode(&self.read(slot)?).ok_or(RecordError::Damaged(slot))
    }

    /// Takes a certificate away.
    pub fn remove(&self, slot: Slot) -> Result<(), VaultError> {
        match &self.shelf {
            Shelf::Memory(records) => {
                records.lock().unwrap_or_else(PoisonError::into_inner).remove(&slot);
                Ok(())
            }
            Shelf::Disk { folder, index, .. } => {
                let path = place(folder, slot);
                let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
                let removed = match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => index.note(slot, None),
                };
                removed.map_err(|source| VaultError { path, source })
            }
        }
    }

    /// Writes a secret that is no certificate.
    pub(crate) fn put_secret(&self, slot: Slot, secret: Zeroizing<Vec<u8>>) -> Result<(), VaultError> {
        self.write(slot, secret, None)
    }

    /// Opens a secret that is no certificate.
    pub(crate) fn secret(&self, slot: Slot) -> Result<Zeroizing<Vec<u8>>, RecordError> {
        self.read(slot)
    }

    fn write(
        &self,
        slot: Slot,
        plain: Zeroizing<Vec<u8>>,
        standing: Option<Standing>,
    ) -> Result<(), VaultError> {
        match &self.shelf {
            Shelf::Memory(records) => {
                let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
                records.insert(slot, (plain, standing));
                Ok(())
            }
            Shelf::Disk { folder, sealer, index } => {
                let sealed = sealer.seal(&slot.0, plain);
                let path = place(folder, slot);
                // Held while the record is written: two writers of one slot would share a file.
                let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
                let written = sealed.and_then(|sealed| {
                    path.parent().map_or(Ok(()), files::make_private_folder)?;
                    files::write_new(&path, 0o600, &sealed)?;
                    standing.map_or(Ok(()), |standing| index.note(slot, Some(standing)))
                });
                written.map_err(|source| VaultError { path, source })
            }
        }
    }

    fn read(&self, slot: Slot) -> Result<Zeroizing<Vec<u8>>, RecordError> {
        match &self.shelf {
            Shelf::Memory(records) => {
                let records = records.lock().unwrap_or_else(PoisonError::into_inner);
                records.get(&slot).map(|(plain, _)| plain.clone()).ok_or(RecordError::Absent)
            }
            Shelf::Disk { folder, sealer, .. } => {
                let sealed = sealed_bytes(&place(folder, slot)).map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => RecordError::Absent,
                    _ => RecordError::Unreadable(slot, error),
                })?;
                sealer.open_sealed(&slot.0, &sealed).ok_or(RecordError::Damaged(slot))
            }
        }
    }

    /// For a record that the index does not know. What it was read from is not known, so that its owner
    /// looks again.
    fn standing_of_record(&self, slot: Slot) -> Option<(Slot, Standing)> {
        let certificate = self.load(slot).ok()?.trusted().ok()?;
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        Some((slot, Standing { not_before, not_after, stamp: 0 }))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("certificates", &self.len()).finish_non_exhaustive()
    }
}

fn place(folder: &Path, slot: Slot) -> PathBuf {
    let name = slot.to_string();
    folder.join(name.get(..2).unwrap_or_default()).join(name)
}

fn sealed_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    if length > RECORD_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too long"));
    }
    fs::read(path)
}

/// The slots that have a record. What a crash left half written is removed.
fn listed(records: &Path) -> io::Result<HashSet<Slot>> {
    let mut slots = HashSet::new();
    for shelf in fs::read_dir(records)? {
        let shelf = shelf?;
        if !shelf.file_type()?.is_dir() {
            continue;
        }
        for record in fs::read_dir(shelf.path())? {
            let record = record?;
            let name = record.file_name();
            match name.to_str().and_then(Slot::from_name) {
                Some(slot) => drop(slots.insert(slot)),
                None if Path::new(&name).extension().is_some_and(|end| end == "new") => {
                    fs::remove_file(record.path())?;
                }
                None => {}
            }
        }
    }
    Ok(slots)
}
