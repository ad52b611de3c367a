//! Where things lie under `data_dir`.

use super::files::{self, FileError};
use policy::Pseudonym;
use std::path::{Path, PathBuf};

/// The folder of one deployment; the names in it are part of the outside surface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Names a folder; nothing is touched.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What the command line authenticates with.
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// Officers' secret keys, one file each.
    pub fn officers(&self) -> PathBuf {
        self.0.join("officers")
    }

    /// One officer's secret key.
    pub fn officer_key(&self, pseudonym: &Pseudonym) -> PathBuf {
        self.officers().join(format!("{pseudonym}.key"))
    }

    /// Officers' second keys, for signing under duress. Like the list beside it, for the operator's eyes alone: each
    /// file is handed to its officer and the folder removed; nothing of the serving process reads it.
    pub fn second_keys(&self) -> PathBuf {
        self.0.join("duress")
    }

    /// An officer's second key. The file bears the name of the first one, so a copy of it tells nobody which it is.
    pub fn second_key(&self, pseudonym: &Pseudonym) -> PathBuf {
        self.second_keys().join(format!("{pseudonym}.key"))
    }

    /// Which keys of the roster mean duress, one public key a line. For the operator's eyes alone.
    pub fn duress_keys(&self) -> PathBuf {
        self.0.join("duress-keys")
    }

    /// The roster in force.
    pub fn roster(&self) -> PathBuf {
        self.0.join("roster.json")
    }

    /// The policy in force.
    pub fn policy(&self) -> PathBuf {
        self.0.join("policy.txt")
    }

    /// What signs checkpoints.
    pub fn log_key(&self) -> PathBuf {
        self.0.join("log").join("log.key")
    }

    /// What the local witness cosigns with.
    pub fn witness_key(&self) -> PathBuf {
        self.0.join("witness").join("witness.key")
    }

    /// What the local witness cosigned last. Never rolled back with the records: that is its use.
    pub fn witness_state(&self) -> PathBuf {
        self.0.join("witness").join("state.json")
    }

    /// What an edge of this deployment pins: log and witness keys with their quorum.
    pub fn root_policy(&self) -> PathBuf {
        self.0.join("edge").join("roots").join("tlog-policy")
    }

    /// What an edge of this deployment pins: the roster.
    pub fn root_roster(&self) -> PathBuf {
        self.0.join("edge").join("roots").join("roster.json")
    }

    /// What opens the vault of reports. A copy of it belongs apart from the backups of the records.
    pub fn vault_key(&self) -> PathBuf {
        self.0.join("vault").join("vault.key")
    }

    /// The latest good versions of lists that are fed from outside.
    pub fn lists(&self) -> PathBuf {
        self.0.join("lists")
    }

    /// Copies made by `wardmote backup`.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// Refuses a file that is not for sites: what they name is sent to origins or shown to visitors, so nothing of the
    /// deployment's own may be named, by whatever way through the folders, and nothing that the kernel makes up.
    pub(crate) fn check_foreign(&self, path: &Path) -> Result<(), String> {
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let real = path.canonicalize().map_err(told)?;
        if !real.metadata().map_err(told)?.is_file() {
            return Err(format!("{} is no file", path.display()));
        }
        // A folder that is not there holds nothing.
        let inside = self.0.canonicalize().is_ok_and(|folder| real.starts_with(folder));
        let kernels = ["/proc", "/sys", "/dev"].iter().any(|folder| real.starts_with(folder));
        match inside || kernels {
            true => {
                Err(format!("{} is no file for sites; keep theirs in a folder of their own", path.display()))
            }
            false => Ok(()),
        }
    }

    /// Makes the folder and those in it, readable by their owner alone.
    pub(super) fn create(&self) -> Result<(), FileError> {
        let inner =
            ["officers", "duress", "log", "witness", "vault", "edge", "edge/roots", "backups", "lists"];
        files::make_folder(&self.0)?;
        inner.iter().try_for_each(|name| files::make_folder(&self.0.join(name)))
    }
}
