//! What a witness cosigned last, one file for each log.

use ledger::witness::Head;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use vocabulary::{Digest, canonical};

/// A head with its log's name takes far less.
const FILE_BYTES_MAX: u64 = 4 * 1024;

/// The heads, in a folder. One process at a time may use it; whoever opens it holds a lock.
///
/// Contract: [`Heads::save`] returns only when the head is on disk; one that failed may have happened.
#[derive(Debug)]
pub struct Heads {
    folder: PathBuf,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    origin: String,
    head: Head,
}

impl Heads {
    /// Opens the folder, or makes it for its owner alone.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.is_dir() {
            let mut builder = DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.recursive(true).create(folder)?;
        }
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other("another witness uses this folder"),
            fs::TryLockError::Error(error) => error,
        })?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The last head cosigned for a log; none if there never was one.
    pub fn load(&self, origin: &str) -> io::Result<Option<Head>> {
        let path = self.path(origin);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = |why: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged: {why}", path.display()))
        };
        let kept: Kept = canonical::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        if kept.origin == origin { Ok(Some(kept.head)) } else { Err(damaged("another log's".to_owned())) }
    }

    /// Keeps a head in place of the last one: a new file, on disk, renamed over the old one, and the
    /// rename on disk.
    pub fn save(&self, origin: &str, head: Head) -> io::Result<()> {
        let path = self.path(origin);
        let bytes =
            canonical::to_bytes(&Kept { origin: origin.to_owned(), head }).map_err(io::Error::other)?;
        let draft = path.with_extension("new");
        let mut file = File::create(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Origins hold characters that file names must not.
    fn path(&self, origin: &str) -> PathBuf {
        self.folder.join(format!("{}.json", Digest::of(origin.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> Head {
        Head { size, root: Digest::of(b"root") }
    }

    #[test]
    fn heads_are_kept_apart_and_outlive_the_process() {
        let folder = tempfile::tempdir().expect("folder");
        let heads = Heads::open(&folder.path().join("state")).expect("open");
        assert_eq!(heads.load("a.test/log").expect("read"), None);
        heads.save("a.test/log", head(7)).expect("saved");
        heads.save("b.test/../log", head(9)).expect("saved");
        heads.save("a.test/log", head(8)).expect("saved");
        assert!(Heads::open(&folder.path().join("state")).is_err(), "two at once");
        drop(heads);
        let again = Heads::open(&folder.path().join("state")).expect("open");
        assert_eq!(again.load("a.test/log").expect("read"), Some(head(8)));
        assert_eq!(again.load("b.test/../log").expect("read"), Some(head(9)));
    }

    #[test]
    fn a_damaged_head_is_an_error_and_no_fresh_start() {
        let folder = tempfile::tempdir().expect("folder");
        let heads = Heads::open(folder.path()).expect("open");
        heads.save("a.test/log", head(7)).expect("saved");
        let path = heads.path("a.test/log");
        let whole = fs::read_to_string(&path).expect("file");
        for text in ["", "{}", &whole[..whole.len() - 1], &whole.replace("a.test", "b.test")] {
            fs::write(&path, text).expect("written");
            assert!(heads.load("a.test/log").is_err(), "{text}");
        }
    }
}
