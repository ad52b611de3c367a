//! What is known of each record without opening it: a file of fixed entries, appended to.
//!
//! The records are the truth and the index follows: an entry that is damaged or missing is made again
//! from its record. The last entry of a slot holds. The file is written anew when most of it is old.

use super::slot::Slot;
use crate::files;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vocabulary::Timestamp;

/// Bytes of an entry: slot, three numbers of eight bytes, a state, seven spare bytes, a check of eight.
const ENTRY: usize = 64;
const CHECKED: usize = ENTRY - 8;
/// Old entries that are not worth writing the file anew.
const STALE_MIN: usize = 1_024;

/// What is known of a certificate without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Stands for what it was checked for and read from; 0 where that is not known.
    pub stamp: u64,
}

/// The index, opened.
pub(super) struct Index {
    path: PathBuf,
    file: File,
    entries: HashMap<Slot, Standing>,
    written: usize,
}

impl Index {
    /// Reads what is there; entries that do not check are left out.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = append(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut entries = HashMap::with_capacity(bytes.len() / ENTRY);
        for entry in bytes.chunks_exact(ENTRY) {
            match decode(entry) {
                Some((slot, Some(standing))) => drop(entries.insert(slot, standing)),
                Some((slot, None)) => drop(entries.remove(&slot)),
                None => {}
            }
        }
        let written = bytes.len().div_ceil(ENTRY);
        let mut index = Self { path: path.to_owned(), file, entries, written };
        // A torn last entry would shift all that follow.
        if bytes.len() % ENTRY != 0 || index.is_mostly_old() {
            index.rewrite()?;
        }
        Ok(index)
    }

    pub(super) fn find(&self, slot: Slot) -> Option<Standing> {
        self.entries.get(&slot).copied()
    }

    pub(super) fn all(&self) -> &HashMap<Slot, Standing> {
        &self.entries
    }

    /// Notes a standing, or with none that the slot is empty; on disk before it returns.
    pub(super) fn note(&mut self, slot: Slot, standing: Option<Standing>) -> io::Result<()> {
        match standing {
            Some(standing) => drop(self.entries.insert(slot, standing)),
            None => drop(self.entries.remove(&slot)),
        }
        self.file.write_all(&encode(slot, standing))?;
        self.written += 1;
        if self.is_mostly_old() { self.rewrite() } else { self.file.sync_data() }
    }

    /// Keeps the entries of these slots and adds others, in one write.
    pub(super) fn amend(&mut self, gone: &[Slot], found: Vec<(Slot, Standing)>) -> io::Result<()> {
        if gone.is_empty() && found.is_empty() {
            return Ok(());
        }
        for slot in gone {
            self.entries.remove(slot);
        }
        self.entries.extend(found);
        self.rewrite()
    }

    fn is_mostly_old(&self) -> bool {
        self.written > 2 * self.entries.len() + STALE_MIN
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let bytes: Vec<u8> =
            self.entries.iter().flat_map(|(slot, standing)| encode(*slot, Some(*standing))).collect();
        files::write_new(&self.path, 0o600, &bytes)?;
        self.file = append(&self.path)?;
        self.written = self.entries.len();
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn encode(slot: Slot, standing: Option<Standing>) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..16].copy_from_slice(&slot.0);
    if let Some(standing) = standing {
        entry[16..24].copy_from_slice(&standing.not_before.as_secs().to_be_bytes());
        entry[24..32].copy_from_slice(&standing.not_after.as_secs().to_be_bytes());
        entry[32..40].copy_from_slice(&standing.stamp.to_be_bytes());
        entry[40] = 1;
    }
    let check = Sha256::digest(&entry[..CHECKED]);
    entry[CHECKED..].copy_from_slice(&check[..8]);
    entry
}

fn decode(entry: &[u8]) -> Option<(Slot, Option<Standing>)> {
    let entry: &[u8; ENTRY] = entry.try_into().ok()?;
    let check = Sha256::digest(&entry[..CHECKED]);
    if entry[CHECKED..] != check[..8] {
        return None;
    }
    let number = |at: usize| -> Option<[u8; 8]> { entry.get(at..at + 8)?.try_into().ok() };
    let mut slot = [0; 16];
    slot.copy_from_slice(&entry[..16]);
    let standing = Standing {
        not_before: Timestamp::from_secs(i64::from_be_bytes(number(16)?)),
        not_after: Timestamp::from_secs(i64::from_be_bytes(number(24)?)),
        stamp: u64::from_be_bytes(number(32)?),
    };
    Some((Slot(slot), (entry[40] == 1).then_some(standing)))
}
