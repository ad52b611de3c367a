//! The secrets that challenges are sealed under, kept from one start to the next, so that visitors who have passed need
//! not pass again.
//!
//! One text file in the edge's folder, for its owner alone. A key to seal it with would have to lie beside it, and who
//! reads one reads both.

use super::super::report::Report;
use crate::ambient::{SystemClock, SystemRandom};
use shield::challenge::{ChallengeSecret, ChallengeSecrets};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use vocabulary::Clock as _;
use zeroize::Zeroizing;

const FILE: &str = "challenge-secrets";
/// The longest file that is read, in bytes: more than any that is written.
const FILE_BYTES_MAX: u64 = 1024;

/// The secrets of this folder, renewed where the latest is old; fresh ones where there are none, or none that can be
/// read.
pub(super) fn secrets(folder: &Path, report: Report) -> ChallengeSecrets {
    let path = folder.join(FILE);
    let kept = match read(&path) {
        Ok(text) => ChallengeSecrets::parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            report.warn(
                format!("{}: {error}", path.display()),
                "visitors who have passed a challenge will have to pass another",
            );
            None
        }
    };
    let is_kept = kept.is_some();
    let mut secrets = kept.unwrap_or_else(|| ChallengeSecret::fresh(&SystemRandom).into());
    let is_renewed = is_kept && secrets.renew(&SystemRandom, SystemClock.now());
    if (is_renewed || !is_kept)
        && let Err(error) = write(&path, secrets.text().as_bytes())
    {
        report.warn(
            format!("{}: {error}", path.display()),
            "visitors who pass a challenge will have to pass another after the next start",
        );
    }
    secrets
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    // Reserved at once: a text that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// Whole or not at all, for the owner alone.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn secrets_outlive_a_restart_and_are_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let report = Report::Json;
        let first = secrets(folder.path(), report).text().to_string();
        let again = secrets(folder.path(), report).text().to_string();
        assert!(again.starts_with(&first), "the first serves on until a new epoch begins");
        assert_eq!(secrets(folder.path(), report).text().as_str(), again);
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "nonsense").unwrap();
        let fresh = secrets(folder.path(), report).text().to_string();
        assert!(!fresh.contains(first.trim()));
        assert_eq!(fs::read_to_string(&path).unwrap(), fresh);
    }
}
