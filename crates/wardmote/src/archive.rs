//! The file that `backup` writes and `restore` reads: a tar (POSIX.1-1988 ustar) of the data folder's
//! files and, last, a manifest with each one's length and SHA-256.
//!
//! Invariants: the file is its owner's alone; what a manifest does not name exactly is refused; paths
//! cannot lead out of the folder. It holds secret keys.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use vocabulary::{Digest, Hasher, Timestamp};

const MANIFEST: &str = "manifest.json";
/// Longest manifest read, and most files in an archive.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;
const FILES_MAX: usize = 10_000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: Format,
    made: Timestamp,
    files: BTreeMap<String, Described>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "wardmote-backup/1")]
    First,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    bytes: u64,
    sha256: Digest,
}

/// Why an archive could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the backup cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("this is no backup of wardmote, or it is cut short: {0}")]
    NoBackup(String),
    #[error("the backup is damaged: {0} is not as its manifest says")]
    Damaged(String),
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::File { path, source }
}

/// An archive being written. Until [`Writer::finish`] it lies beside its place under another name.
pub(crate) struct Writer {
    tar: tar::Builder<File>,
    draft: PathBuf,
    place: PathBuf,
    files: BTreeMap<String, Described>,
}

impl Writer {
    /// Begins an archive at a place where nothing may be yet.
    pub(crate) fn create(place: &Path) -> Result<Self, ArchiveError> {
        if fs::symlink_metadata(place).is_ok() {
            return Err(at(place)(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "is there already; choose another name",
            )));
        }
        let mut draft = place.as_os_str().to_owned();
        draft.push(".partial");
        let draft = PathBuf::from(draft);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(at(&draft))?;
        Ok(Self { tar: tar::Builder::new(file), draft, place: place.to_owned(), files: BTreeMap::new() })
    }

    /// Adds a file under a name relative to the data folder.
    pub(crate) fn add(&mut self, name: &str, from: &Path) -> Result<(), ArchiveError> {
        let file = File::open(from).map_err(at(from))?;
        let bytes = file.metadata().map_err(at(from))?.len();
        let mut header = header(bytes);
        // A file that grows meanwhile is taken as long as it was.
        let mut reader = Hashing { inner: file.take(bytes), hasher: Hasher::default(), count: 0 };
        self.tar.append_data(&mut header, name, &mut reader).map_err(at(from))?;
        if reader.count != bytes {
            return Err(at(from)(io::Error::other("became shorter while it was read; try again")));
        }
        let described = Described { bytes, sha256: reader.hasher.finish() };
        self.files.insert(name.to_owned(), described);
        Ok(())
    }

    /// Writes the manifest, makes everything durable and puts the archive in its place; returns its
    /// length in bytes.
    pub(crate) fn finish(mut self, made: Timestamp) -> Result<u64, ArchiveError> {
        let manifest = Manifest { format: Format::First, made, files: std::mem::take(&mut self.files) };
        let text = serde_json::to_vec_pretty(&manifest).map_err(|error| at(&self.draft)(error.into()))?;
        let mut header = header(text.len() as u64);
        let whole = || -> io::Result<u64> {
            self.tar.append_data(&mut header, MANIFEST, text.as_slice())?;
            let file = self.tar.into_inner()?;
            file.sync_all()?;
            fs::hard_link(&self.draft, &self.place)?;
            fs::remove_file(&self.draft)?;
            file.metadata().map(|metadata| metadata.len())
        };
        whole().map_err(at(&self.place))
    }
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o600);
    header
}

struct Hashing<R> {
    inner: R,
    hasher: Hasher,
    count: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hasher = std::mem::take(&mut self.hasher).part(&into[..count]);
        self.count += count as u64;
        Ok(count)
    }
}

/// Unpacks an archive into a folder that this function makes, and checks all of it against the
/// manifest; returns when the backup was made. On an error the folder may hold parts.
pub(crate) fn unpack(archive: &Path, into: &Path) -> Result<Timestamp, ArchiveError> {
    let file = File::open(archive).map_err(at(archive))?;
    private_folder(into).map_err(at(into))?;
    let mut found: BTreeMap<String, Described> = BTreeMap::new();
    let mut reader = tar::Archive::new(file);
    for entry in reader.entries().map_err(ArchiveError::Unreadable)? {
        let mut entry = entry.map_err(ArchiveError::Unreadable)?;
        let name = entry.path().map_err(ArchiveError::Unreadable)?.into_owned();
        let name = plain_name(&name).ok_or_else(|| no_backup("a path in it leads elsewhere"))?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(no_backup(&format!("{name} is no plain file")));
        }
        if name == MANIFEST {
            return agree(&mut entry, &found);
        }
        if found.len() >= FILES_MAX {
            return Err(no_backup("it holds too many files"));
        }
        let described = copy(&mut entry, &into.join(&name))?;
        if found.insert(name.clone(), described).is_some() {
            return Err(no_backup(&format!("{name} is in it twice")));
        }
    }
    Err(no_backup("it has no manifest"))
}

fn no_backup(why: &str) -> ArchiveError {
    ArchiveError::NoBackup(why.to_owned())
}

/// A relative path of plain names only.
fn plain_name(path: &Path) -> Option<String> {
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    path.to_str().filter(|text| plain && !text.is_empty()).map(str::to_owned)
}

fn copy(entry: &mut impl Read, to: &Path) -> Result<Described, ArchiveError> {
    if let Some(folder) = to.parent() {
        private_folder(folder).map_err(at(folder))?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(at(to))?;
    let mut reader = Hashing { inner: entry, hasher: Hasher::default(), count: 0 };
    io::copy(&mut reader, &mut file).map_err(at(to))?;
    file.flush().and_then(|()| file.sync_all()).map_err(at(to))?;
    Ok(Described { bytes: reader.count, sha256: reader.hasher.finish() })
}

fn agree(entry: &mut impl Read, found: &BTreeMap<String, Described>) -> Result<Timestamp, ArchiveError> {
    let mut text = Vec::new();
    entry.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(ArchiveError::Unreadable)?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| no_backup(&format!("its manifest: {error}")))?;
    let Format::First = manifest.format;
    for (name, described) in &manifest.files {
        if found.get(name) != Some(described) {
            return Err(ArchiveError::Damaged(name.clone()));
        }
    }
    match found.keys().find(|name| !manifest.files.contains_key(*name)) {
        Some(name) => Err(ArchiveError::Damaged(name.clone())),
        None => Ok(manifest.made),
    }
}

/// Makes a folder, and those above it, for the owner alone.
fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(folder: &Path) -> PathBuf {
        fs::write(folder.join("a"), "first").unwrap();
        fs::write(folder.join("b"), vec![7; 100_000]).unwrap();
        let place = folder.join("backup.tar");
        let mut writer = Writer::create(&place).unwrap();
        writer.add("a", &folder.join("a")).unwrap();
        writer.add("keys/b", &folder.join("b")).unwrap();
        writer.finish(Timestamp::from_secs(1)).unwrap();
        place
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        let place = sample(folder.path());
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        let into = folder.path().join("out");
        assert_eq!(unpack(&place, &into).unwrap(), Timestamp::from_secs(1));
        assert_eq!(fs::read(into.join("a")).unwrap(), b"first");
        assert_eq!(fs::read(into.join("keys/b")).unwrap(), vec![7; 100_000]);
        assert!(Writer::create(&place).is_err(), "nothing is written over");
    }

    #[test]
    fn a_changed_or_cut_archive_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let whole = fs::read(sample(folder.path())).unwrap();
        let broken = folder.path().join("broken.tar");
        let mut held = 0;
        for (number, position) in (0..whole.len()).step_by(997).enumerate() {
            let mut bytes = whole.clone();
            bytes[position] ^= 1;
            fs::write(&broken, &bytes).unwrap();
            // Padding and some fields of a tar header mean nothing; what they may never do is change a file.
            let into = folder.path().join(format!("flip{number}"));
            if unpack(&broken, &into).is_ok() {
                held += 1;
                assert_eq!(fs::read(into.join("a")).unwrap(), b"first");
                assert_eq!(fs::read(into.join("keys/b")).unwrap(), vec![7; 100_000]);
            }
        }
        assert!(held < 10, "{held} changes went unnoticed");
        for length in (0..whole.len() - 2_048).step_by(4_999) {
            fs::write(&broken, &whole[..length]).unwrap();
            assert!(unpack(&broken, &folder.path().join(format!("cut{length}"))).is_err(), "{length}");
        }
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in ["../a", "/a", "a/../../b", ""] {
            assert_eq!(plain_name(Path::new(path)), None, "{path}");
        }
        assert_eq!(plain_name(Path::new("a/b")).as_deref(), Some("a/b"));
    }
}
