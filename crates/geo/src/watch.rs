//! Files on disk, and taking their new versions.
//!
//! A file that changes is read anew within [`INTERVAL`]. Whoever replaces one should write beside it and rename,
//! as updaters do; a version caught half written is refused and looked at again when it has changed again.

use crate::database::{Database, DatabaseError};
use crate::places::Places;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often files are looked at.
pub const INTERVAL: Duration = Duration::from_secs(60);
/// The largest file that is read.
pub const FILE_BYTES_MAX: u64 = 512 << 20;
/// How many files may be named.
pub const FILES_MAX: usize = 8;

/// A file that is not in use, or not in its present version.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What is the matter with it.
    pub why: Why,
}

/// What is the matter with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The system did not give it.
    #[error("cannot read it: {0}")]
    Io(io::Error),
    /// Over [`FILE_BYTES_MAX`].
    #[error("is larger than 512 MiB")]
    TooLarge,
    /// It is no database.
    #[error(transparent)]
    Malformed(DatabaseError),
}

/// Follows the files; run it once.
pub struct Watch {
    places: Arc<Places>,
    files: Vec<Watched>,
}

/// One file, what was seen of it last, and what it was when it could be read.
struct Watched {
    path: PathBuf,
    seen: Seen,
    database: Option<Arc<Database>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Never,
    Away,
    Version(Stamp),
}

/// By what a new version is told from the former.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Reads files, at most [`FILES_MAX`] of them; the first that knows something of an address has the word. What
/// cannot be read yet is told, and taken up once it can be.
pub fn open(paths: &[PathBuf]) -> (Arc<Places>, Watch, Vec<Unreadable>) {
    let file = |path: &PathBuf| Watched { path: path.clone(), seen: Seen::Never, database: None };
    let mut watch = Watch { places: Places::none(), files: paths.iter().take(FILES_MAX).map(file).collect() };
    let troubles = watch.look();
    (Arc::clone(&watch.places), watch, troubles)
}

impl Watch {
    /// Looks every [`INTERVAL`] until the process ends.
    pub async fn run(self, stopping: CancellationToken) {
        if self.files.is_empty() {
            return stopping.cancelled().await;
        }
        let mut watch = self;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
            // Reading may take a while.
            let looked = tokio::task::spawn_blocking(move || {
                let troubles = watch.look();
                (watch, troubles)
            });
            let Ok((back, troubles)) = looked.await else { return };
            watch = back;
            for trouble in troubles {
                tracing::warn!(%trouble, "a file of places cannot be taken; the former version stays in use");
            }
        }
    }

    /// Reads what has changed, once. What cannot be read is told once for each of its versions.
    pub fn look(&mut self) -> Vec<Unreadable> {
        let mut troubles = Vec::new();
        let mut changed = false;
        for file in &mut self.files {
            match file.look() {
                Ok(taken) => changed |= taken,
                Err(why) => troubles.push(Unreadable { path: file.path.clone(), why }),
            }
        }
        if changed {
            self.places.put(self.files.iter().filter_map(|file| file.database.clone()).collect());
        }
        troubles
    }
}

impl Watched {
    /// Whether a new version was taken.
    fn look(&mut self) -> Result<bool, Why> {
        let about = Stamp::of(&self.path);
        let now = about.as_ref().map_or(Seen::Away, |stamp| Seen::Version(*stamp));
        if std::mem::replace(&mut self.seen, now) == now {
            return Ok(false);
        }
        about.map_err(Why::Io)?;
        let bytes = read(&self.path)?;
        self.database = Some(Arc::new(Database::parse(bytes).map_err(Why::Malformed)?));
        Ok(true)
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let about = fs::metadata(path)?;
        Ok(Self { modified: about.modified().ok(), bytes: about.len() })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Why> {
    let mut bytes = Vec::new();
    // One byte more than may be tells that there is more.
    let mut file = File::open(path).map_err(Why::Io)?.take(FILE_BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(Why::Io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(Why::TooLarge) } else { Ok(bytes) }
}
