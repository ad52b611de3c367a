//! Pairs of slots in LMDB: each write goes to the slot that holds the older or the damaged value.

use crate::error::{KeepError, LoadError, OpenError};
use crate::file;
use crate::sealed::{Broken, Seal};
use heed::types::{Bytes, Str};
use heed::{Database, Env, EnvOpenOptions, MdbError, RoTxn, WithoutTls};
use std::path::Path;

/// A value kept in two generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pair {
    Parcel,
    Trust,
}

impl Pair {
    fn slots(self) -> [&'static str; 2] {
        match self {
            Self::Parcel => ["parcel.a", "parcel.b"],
            Self::Trust => ["trust.a", "trust.b"],
        }
    }
}

/// A generation's body, or why it is not whole.
pub(crate) type Found = Result<Vec<u8>, String>;

/// The LMDB environment and its one table.
pub(crate) struct Store {
    env: Env<WithoutTls>,
    table: Database<Str, Bytes>,
}

impl Store {
    /// Opens or makes the environment; `file_bytes_max` is rounded down to whole pages by the caller.
    pub(crate) fn open(dir: &Path, file_bytes_max: usize) -> Result<Self, OpenError> {
        file::prepare(dir, &[Pair::Parcel.slots(), Pair::Trust.slots()].concat())?;
        let env = open_env(dir, file_bytes_max).map_err(|error| open_error(dir, error))?;
        let table = open_table(&env).map_err(|error| open_error(dir, error))?;
        Ok(Self { env, table })
    }

    /// Both generations, newest first; a broken one that does not even tell its age comes first, for the
    /// newest is what a crash would hit.
    pub(crate) fn read(&self, pair: Pair) -> Result<Vec<Found>, LoadError> {
        let txn = self.env.read_txn().map_err(|error| LoadError::Unreadable { reason: error.to_string() })?;
        let mut found = Vec::new();
        for slot in pair.slots() {
            let kept = match self.table.get(&txn, slot) {
                Ok(None) => continue,
                Ok(Some(kept)) => Seal::open(kept),
                Err(error) => Err(Broken { claimed: None, reason: error.to_string() }),
            };
            found.push(match kept {
                Ok((seal, body)) => (seal.sequence, Ok(body.to_vec())),
                Err(broken) => (broken.claimed.unwrap_or(u64::MAX), Err(broken.reason)),
            });
        }
        found.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        Ok(found.into_iter().map(|(_, found)| found).collect())
    }

    /// Writes all values in one transaction; durable when it returns.
    pub(crate) fn write(&self, values: &[(Pair, Option<u64>, &[u8])]) -> Result<(), KeepError> {
        let mut txn = self.env.write_txn().map_err(keep_error)?;
        for (pair, revision, body) in values {
            let [a, b] = pair.slots();
            let slots = [self.slot(&txn, a).map_err(keep_error)?, self.slot(&txn, b).map_err(keep_error)?];
            let place = place(slots, *revision);
            if place.clear_other {
                self.table.delete(&mut txn, [b, a][place.index]).map_err(keep_error)?;
            }
            let kept = place.seal.close(body);
            self.table.put(&mut txn, [a, b][place.index], &kept).map_err(keep_error)?;
        }
        txn.commit().map_err(keep_error)
    }

    fn slot(&self, txn: &RoTxn<'_, WithoutTls>, slot: &str) -> heed::Result<Slot> {
        Ok(match self.table.get(txn, slot)?.map(Seal::open) {
            None => Slot::Empty,
            Some(Ok((seal, _))) => Slot::Whole(seal),
            Some(Err(_)) => Slot::Broken,
        })
    }
}

/// What a slot holds before a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Empty,
    Whole(Seal),
    Broken,
}

/// Where the next value goes.
struct Place {
    index: usize,
    seal: Seal,
    /// The other slot is broken as well, and must not be taken for a value later.
    clear_other: bool,
}

/// A broken slot first; else over the newest when it is of the same revision, so that the one before
/// it stays; else over the older one.
fn place([a, b]: [Slot; 2], revision: Option<u64>) -> Place {
    let sequence = |slot| if let Slot::Whole(seal) = slot { seal.sequence } else { 0 };
    let newest = usize::from(sequence(b) > sequence(a));
    let again = matches!([a, b][newest], Slot::Whole(seal) if Some(seal.revision) == revision);
    let index = match (a, b) {
        (Slot::Broken, _) => 0,
        (_, Slot::Broken) => 1,
        _ if again => newest,
        _ => 1 - newest,
    };
    let seal =
        Seal { sequence: sequence(a).max(sequence(b)).saturating_add(1), revision: revision.unwrap_or(0) };
    Place { index, seal, clear_other: a == Slot::Broken && b == Slot::Broken }
}

#[cfg(test)]
impl Store {
    /// Spoils the newer or the older of a pair's whole values.
    pub(crate) fn break_slot(&self, pair: Pair, newest: bool) {
        let mut txn = self.env.write_txn().expect("a transaction");
        let mut slots = Vec::new();
        for slot in pair.slots() {
            let kept = self.table.get(&txn, slot).expect("a read").map(<[u8]>::to_vec).unwrap_or_default();
            slots.push((Seal::open(&kept).map_or(0, |(seal, _)| seal.sequence), slot, kept));
        }
        slots.sort_by_key(|(sequence, _, _)| *sequence);
        let (_, slot, mut kept) = slots.swap_remove(usize::from(newest));
        *kept.last_mut().expect("a value to spoil") ^= 1;
        self.table.put(&mut txn, slot, &kept).expect("a write");
        txn.commit().expect("a commit");
    }
}

#[allow(unsafe_code)]
fn open_env(dir: &Path, map_size: usize) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_size).max_readers(16);
    // SAFETY: LMDB maps `data.mdb`, so nobody but LMDB may change that file while it is open. The directory
    // is the edge's own, mode 0700; LMDB's lock file keeps processes apart, heed refuses a second opening
    // in this process, and `file::prepare` has made sure that the file is as long as its header says and
    // that no entry leads outside it. Every value read is checked against its digest before use.
    unsafe { options.open(dir) }
}

fn open_table(env: &Env<WithoutTls>) -> heed::Result<Database<Str, Bytes>> {
    let mut txn = env.write_txn()?;
    let table = env.create_database(&mut txn, None)?;
    txn.commit()?;
    Ok(table)
}

fn open_error(dir: &Path, error: heed::Error) -> OpenError {
    let dir = dir.to_owned();
    match error {
        heed::Error::Io(source) => OpenError::Unusable { dir, source },
        heed::Error::EnvAlreadyOpened => OpenError::AlreadyOpen(dir),
        heed::Error::Mdb(
            MdbError::Invalid
            | MdbError::VersionMismatch
            | MdbError::Corrupted
            | MdbError::PageNotFound
            | MdbError::Panic,
        ) => OpenError::Damaged { dir, reason: error.to_string() },
        other => OpenError::Failed { dir, reason: other.to_string() },
    }
}

fn keep_error(error: heed::Error) -> KeepError {
    match error {
        heed::Error::Mdb(MdbError::MapFull) => {
            KeepError::Full { reason: "its file has reached the largest size it may have".to_owned() }
        }
        heed::Error::Io(source) if source.kind() == std::io::ErrorKind::StorageFull => {
            KeepError::Full { reason: source.to_string() }
        }
        other => KeepError::Failed { reason: other.to_string() },
    }
}
