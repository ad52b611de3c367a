//! The data folder: made for its owner alone, and held by one process at a time.

use crate::exit::Failure;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Locked while a process uses the folder.
const LOCK: &str = "up.lock";

/// A file of its owner's alone; the bits of a folder that let others put files in place of ours.
const OWN: u32 = 0o600;
const OTHERS_WRITE: u32 = 0o022;

/// How long a process that has failed may take to end, and how often that is looked at.
const ENDING_TIME_MAX: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The folder, held until this value ends; the lock falls with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
}

/// Makes the folder if it is missing and takes its lock.
pub(crate) fn hold(data_dir: &Path) -> Result<Held, Failure> {
    let problem = |error: io::Error| {
        Failure::failed(format!(
            "cannot use the data folder {}: {error}; choose another with --data-dir",
            data_dir.display()
        ))
    };
    if !data_dir.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(problem)?;
    }
    if fs::metadata(data_dir).map_err(problem)?.permissions().mode() & OTHERS_WRITE != 0 {
        let shown = data_dir.display();
        return Err(Failure::failed(format!(
            "others than its owner may write to the data folder {shown}: chmod go-w {shown}"
        )));
    }
    let lock = lock(&data_dir.join(LOCK)).map_err(problem)?;
    match lock.try_lock() {
        Ok(()) => Ok(Held { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(Failure::failed(format!(
            "another wardmote runs in {}; stop it, or choose another folder with --data-dir",
            data_dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(problem(error)),
    }
}

/// The lock's file, open. Whoever may open it may lock it, so it is its owner's alone.
fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).mode(OWN).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(OWN))?;
    Ok(file)
}

/// The same, while another process that has failed may still be ending.
pub(crate) async fn hold_again(data_dir: &Path) -> Result<Held, Failure> {
    let until = Instant::now() + ENDING_TIME_MAX;
    loop {
        match hold(data_dir) {
            Err(_) if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN).await,
            held => return held,
        }
    }
}

/// Whether a deployment was founded in this folder before.
pub(crate) fn is_empty(data_dir: &Path) -> io::Result<bool> {
    match fs::read_dir(data_dir) {
        Ok(entries) => {
            // The lock is no data.
            let mut names = entries.filter_map(Result::ok).filter(|entry| entry.file_name() != LOCK);
            Ok(names.next().is_none())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a/b");
        assert!(is_empty(&folder).unwrap());
        let held = hold(&folder).unwrap();
        assert!(hold(&folder).unwrap_err().to_string().contains("another wardmote runs"));
        drop(held);
        hold(&folder).unwrap();
        assert!(is_empty(&folder).unwrap());
        fs::write(folder.join("x"), "").unwrap();
        assert!(!is_empty(&folder).unwrap());
    }

    #[test]
    fn others_can_neither_lock_a_folder_nor_put_files_into_it() {
        let outer = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        fs::write(outer.path().join(LOCK), "").unwrap();
        mode(&outer.path().join(LOCK), 0o644);
        for (open, is_held) in [(0o700, true), (0o755, true), (0o770, false), (0o1777, false)] {
            mode(outer.path(), open);
            let held = hold(outer.path());
            assert_eq!(held.is_ok(), is_held, "{open:o}");
            if let Err(failure) = held {
                assert!(failure.to_string().contains("chmod go-w"), "{failure}");
            }
        }
        let lock = fs::metadata(outer.path().join(LOCK)).unwrap().permissions().mode();
        assert_eq!(lock & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("file"), "").unwrap();
        let said = hold(&outer.path().join("file/below")).unwrap_err().to_string();
        assert!(said.contains("choose another with --data-dir"), "{said}");
    }
}
