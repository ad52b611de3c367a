//! Files written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that could not be read or written.
#[derive(Debug)]
pub(crate) struct FileError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Its owner alone.
    Owner,
    /// Anyone who may enter the folder.
    Public,
}

fn of(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    |source| FileError { path: path.to_owned(), source }
}

/// The whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(of(path))
}

/// The whole of a file that only its owner may read; one that others may is closed to them first.
pub(super) fn read_secret(path: &Path) -> Result<Vec<u8>, FileError> {
    tighten(path)?;
    read(path)
}

/// Takes everybody's rights on a file but the owner's to read and write it, and says so.
pub(super) fn tighten(path: &Path) -> Result<(), FileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).map_err(of(path))?.permissions().mode() & 0o7777;
        if mode & !0o600 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o600)).map_err(of(path))?;
            tracing::warn!(
                file = %path.display(),
                "its mode was {mode:04o}, it is {:04o} now: others could read or change this secret. If this machine \
                 has other users, treat it as known to them",
                mode & 0o600
            );
        }
    }
    Ok(())
}

/// Makes a folder that its owner alone may enter; one that is there stays as it is.
pub(super) fn make_folder(path: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(of(path))
}

/// Writes the file unless it is there already.
pub(super) fn write_once(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), FileError> {
    if path.exists() { Ok(()) } else { replace(path, bytes, secrecy) }
}

/// Writes the file in place of any that is there.
pub(super) fn replace(path: &Path, bytes: &[u8], secrecy: Secrecy) -> Result<(), FileError> {
    write_atomically(path, bytes, secrecy == Secrecy::Owner).map_err(of(path))
}

/// Writes a temporary file beside the target, brings it to disk, renames it over the target and brings
/// the rename to disk: after a crash the target is the old file or the new one, whole.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8], owner_only: bool) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    let temporary = path.with_file_name(hidden);
    // A leftover of a killed process may have other permissions.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if owner_only { 0o600 } else { 0o644 });
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
