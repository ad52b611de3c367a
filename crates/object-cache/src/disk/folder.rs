//! The folder of a cache: who may use it, what makes its content readable, and when that is given up.
//!
//! `lock` is held by the process that uses it. `identity` has the hash secret and the layout; without it
//! nothing else in the folder is trusted, so removing it gives up what the disk holds. `purges` is the
//! journal. `objects` is foyer's.

use super::PAGE_BYTES;
use crate::journal::{Base, Journal, checksum, private, read};
use crate::options::OpenError;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use vocabulary::Random;

const MAGIC: &[u8] = b"wardmote-cache-1\n";
/// Clean blocks that there are at least when foyer begins.
const CLEAN_BLOCKS_LEAST: usize = 2;
/// Processes that opened the store whose stamps are remembered; what earlier ones wrote counts as older.
const OPENED_MAX: usize = 1024;

/// An opened folder.
pub(super) struct Folder {
    path: PathBuf,
    /// Held until the process ends or drops it.
    lock: File,
    pub(super) secret: [u8; 16],
    pub(super) journal: Journal,
    /// What the journal said, this process included.
    pub(super) base: Base,
    /// The number of this process among those that have opened the store.
    pub(super) incarnation: u32,
}

/// How foyer lays out its files; another layout cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) bytes: u64,
    pub(super) block_bytes: u64,
}

impl Folder {
    /// Opens a folder. What it holds is kept if all of it can be trusted, and removed otherwise.
    pub(super) fn open(path: &Path, layout: Layout, random: &dyn Random) -> Result<Self, OpenError> {
        let told = |source: io::Error| match source.kind() {
            io::ErrorKind::StorageFull => OpenError::NoSpace { bytes: layout.bytes, source },
            _ => OpenError::Folder { path: path.into(), source },
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(told)?;
        let lock = private().create(true).write(true).open(path.join("lock")).map_err(told)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => return Err(told(source)),
        }
        let held = Self::what_is_held(path, layout);
        let (secret, mut base) = match held {
            Ok(held) => held,
            Err(why) => {
                tracing::info!(folder = %path.display(), why, "the cache on disk begins empty");
                empty(path).map_err(told)?;
                (random.bytes(), Base::default())
            }
        };
        let incarnation = base.opened.last().map_or(1, |(last, _)| last + 1);
        base.opened.push((incarnation, base.epochs.stamp().as_u64()));
        let surplus = base.opened.len().saturating_sub(OPENED_MAX);
        base.opened.drain(..surplus);
        let journal = Journal::create(&path.join("purges"), secret, &base).map_err(told)?;
        // The identity comes last: without it, nothing that was done before counts.
        write_identity(path, secret, layout).map_err(told)?;
        Ok(Self { path: path.into(), lock, secret, journal, base, incarnation })
    }

    fn what_is_held(path: &Path, layout: Layout) -> Result<([u8; 16], Base), String> {
        let (secret, held) = read_identity(path).ok_or("there is none yet, or not a whole one")?;
        if held != layout {
            return Err(format!("it was laid out for {} bytes", held.bytes));
        }
        let replayed =
            read(&path.join("purges"), secret).map_err(|why| format!("the purge journal: {why}"))?;
        if replayed.torn_bytes > 0 {
            tracing::info!(
                bytes = replayed.torn_bytes,
                "a cut record at the end of the purge journal is left out"
            );
        }
        Ok((secret, replayed.base))
    }

    /// Where foyer keeps its files.
    pub(super) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// Lets another process have the folder.
    pub(super) fn release(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the cache folder stays locked until this process ends");
        }
    }

    /// Has no later process trust what the disk holds.
    pub(super) fn give_up(&self) -> io::Result<()> {
        match std::fs::remove_file(self.path.join("identity")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(&self.path)?.sync_all(),
        }
    }
}

/// Takes the disk space for foyer's files now: a full disk is told at start, and not by lost writes.
pub(super) fn take_space(objects: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(objects)? {
        let path = entry?.path();
        let file = File::options().write(true).open(&path)?;
        let length = file.metadata()?.len();
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length) {
            Ok(()) => {}
            // Some file systems cannot; there a full disk is found out by writing.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {
                tracing::warn!(path = %path.display(), "this file system takes no space in advance");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether files beside `objects` can be read and written past the system's own cache: not every file system lets them.
pub(super) fn takes_direct(objects: &Path) -> bool {
    use rustix::fs::{Mode, OFlags};
    let probe = objects.with_file_name("direct");
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    let takes = rustix::fs::open(&probe, flags, Mode::RUSR | Mode::WUSR).is_ok();
    if !takes {
        tracing::warn!(path = %objects.display(), "the system's own cache holds what is on this file system, too");
    }
    // What is left behind is empty, and made again at the next start.
    let _ = std::fs::remove_file(&probe);
    takes
}

/// Has some blocks be clean. foyer (0.22.6) clears a block only when it takes another clean one: opened without
/// any, as a crash may leave it, it would wait for one for ever. Those written longest ago go.
pub(super) fn clean_some_blocks(objects: &Path, block_bytes: u64) -> io::Result<()> {
    let mut used = Vec::new();
    let mut clean = 0;
    let entries = match std::fs::read_dir(objects) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let file = File::options().read(true).write(true).open(path)?;
        let about = file.metadata()?;
        // The file of another length has the tombstones.
        if about.len() != block_bytes {
            continue;
        }
        let mut first = [0; PAGE_BYTES];
        file.read_exact_at(&mut first, 0)?;
        match first.iter().all(|byte| *byte == 0) {
            true => clean += 1,
            false => used.push((about.modified()?, file)),
        }
    }
    used.sort_by_key(|(modified, _)| *modified);
    for (_, file) in used.iter().take(CLEAN_BLOCKS_LEAST.saturating_sub(clean)) {
        file.write_all_at(&[0; PAGE_BYTES], 0)?;
    }
    Ok(())
}

/// Removes everything, the identity first.
fn empty(path: &Path) -> io::Result<()> {
    let absent_is_fine = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    absent_is_fine(std::fs::remove_file(path.join("identity")))?;
    File::open(path)?.sync_all()?;
    absent_is_fine(std::fs::remove_file(path.join("purges")))?;
    absent_is_fine(std::fs::remove_dir_all(path.join("objects")))
}

fn read_identity(path: &Path) -> Option<([u8; 16], Layout)> {
    let bytes = std::fs::read(path.join("identity")).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (secret, rest) = rest.split_first_chunk::<16>()?;
    let (layout, stated) = rest.split_first_chunk::<16>()?;
    if checksum(*secret, layout).to_le_bytes() != *stated {
        return None;
    }
    let (bytes, block_bytes) = layout.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
    Some((*secret, Layout { bytes: number(bytes)?, block_bytes: number(block_bytes)? }))
}

fn write_identity(path: &Path, secret: [u8; 16], layout: Layout) -> io::Result<()> {
    let layout = [layout.bytes.to_le_bytes(), layout.block_bytes.to_le_bytes()].concat();
    let new = path.join("identity.new");
    let mut file = private().create(true).write(true).truncate(true).open(&new)?;
    file.write_all(MAGIC)?;
    file.write_all(&secret)?;
    file.write_all(&layout)?;
    file.write_all(&checksum(secret, &layout).to_le_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path.join("identity"))?;
    File::open(path)?.sync_all()
}

/// Stamps of the processes that have opened the store.
pub(super) struct Incarnations(Vec<(u32, u64)>);

impl Incarnations {
    pub(super) fn new(opened: Vec<(u32, u64)>) -> Self {
        Self(opened)
    }

    /// The stamp of a response as this process counts them. One that an earlier process wrote cannot be
    /// younger than what the next process found in the journal: events that a crash has lost did not happen.
    pub(super) fn stamp(&self, written_by: u32, stamp: u64) -> u64 {
        let next = self.0.iter().find(|(incarnation, _)| *incarnation > written_by);
        next.map_or(stamp, |(_, opened)| stamp.min(*opened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_lost_events_do_not_count() {
        let incarnations = Incarnations::new(vec![(3, 10), (4, 20), (6, 30)]);
        assert_eq!(incarnations.stamp(6, 35), 35, "this process");
        assert_eq!(incarnations.stamp(4, 35), 30);
        assert_eq!(incarnations.stamp(3, 25), 20);
        assert_eq!(incarnations.stamp(3, 15), 15);
        assert_eq!(incarnations.stamp(1, 15), 10, "as old as can be");
    }
}
