//! The first start: keys, roster, policy and the roots that edges pin.
//!
//! Owns the files under `data_dir` and the order in which they come to be. A file that is there is
//! never written again; each is written whole (temporary file, fsync, rename) before the next one, so
//! founding killed anywhere goes on where it stopped. A file that is missing while a later one is
//! there was lost, and founding says so instead of making another.
//!
//! Invariants: officers' secret keys are written here, once, and never opened again by any code of the
//! serving process; secrets are readable by their owner alone.

mod files;
mod paths;

#[cfg(test)]
mod tests;

pub use paths::DataDir;

pub(crate) use files::write_atomically;

use crate::PublicUrl;
use crate::appeals::AppealCodes;
use crate::rim::secret::{self, SecretKind};
use files::{FileError, Secrecy};
use ledger::key::{KeyError, SignerKey};
use ledger::tlog_policy::TlogPolicy;
use policy::{DuressError, DuressKeys, Matrix, PolicyError, Profile, Roster, RosterError};
use std::path::{Path, PathBuf};
use vocabulary::{Clock, Digest, Hasher, Random};

/// Keys and documents that a deployment is founded on.
#[derive(Debug)]
pub struct Foundation {
    /// Signs checkpoints; its name is the log's origin.
    pub(crate) log_key: SignerKey,
    /// The local witness' key.
    pub(crate) witness_key: SignerKey,
    /// Who may decide.
    pub(crate) roster: Roster,
    /// The policy file's text.
    pub(crate) policy_text: String,
    /// The policy, read.
    pub(crate) matrix: Matrix,
    /// Log and witness keys with the quorum, as edges pin them.
    pub(crate) tlog_policy: String,
    /// The keys that officers use under duress.
    pub(crate) duress: DuressKeys,
    /// What the records remember of their list. Keyed with the log's secret key: the few possible lists cannot be
    /// tried against it by whoever holds a copy of the records alone.
    pub(crate) duress_mark: Digest,
    /// Makes the addresses on which customers appeal.
    pub(crate) appeal_codes: AppealCodes,
    /// Digest of the text of `admin.token`.
    pub(crate) admin_token: Digest,
    /// Where everything lies.
    pub(crate) files: DataDir,
}

/// Why a deployment could not be founded, or not be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoundError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file was there once and is not any more.
    #[error(
        "{0} is missing, but this deployment was founded; put it back from a backup with `wardmote restore`"
    )]
    Lost(PathBuf),
    /// A key file is damaged.
    #[error("{path}: {source}; put it back from a backup with `wardmote restore`")]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The roster is damaged.
    #[error("{path}: {source}; put it back from a backup with `wardmote restore`")]
    Roster {
        /// Which.
        path: PathBuf,
        /// Why.
        source: RosterError,
    },
    /// The list of keys that mean duress is damaged.
    #[error("{path}: {source}")]
    Duress {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DuressError,
    },
    /// The policy file has a mistake or is looser than the floor.
    #[error("{path}: {source}")]
    Policy {
        /// Which.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// The log was founded with other witnesses.
    #[error(
        "the log was founded with other witnesses than control.witnesses names: {0} tells which; changing \
         them is not built yet"
    )]
    OtherWitnesses(PathBuf),
    /// Outside a trial a log that only its own witness signs proves nothing.
    #[error(
        "the roster's profile is {0}: set control.witnesses to witnesses of others before the first start; edges take \
         nothing that the log's own witness alone has signed"
    )]
    Unwitnessed(Profile),
    /// The witnesses cannot be those of this log.
    #[error("control.witnesses: {0}")]
    Witnesses(ledger::tlog_policy::PolicyError),
    /// A text file holds bytes that are no text.
    #[error("{0} is not UTF-8 text")]
    NotText(PathBuf),
}

impl From<FileError> for FoundError {
    fn from(FileError { path, source }: FileError) -> Self {
        Self::File { path, source }
    }
}

/// Founds a deployment in `data_dir`, or reads back the one founded there.
///
/// Blocking; call it before the runtime serves, or on a blocking thread. Two processes must not found
/// the same folder at once; the binary holds a lock on it.
pub fn found(
    data_dir: &Path,
    public_url: &PublicUrl,
    witnesses: Option<&TlogPolicy>,
    clock: &dyn Clock,
    random: &dyn Random,
) -> Result<Foundation, FoundError> {
    let files = DataDir::new(data_dir);
    files.create()?;
    check_order(&files)?;
    let admin_token = admin_token(&files, random)?;
    let roster = roster(&files, clock, random)?;
    tighten_keys(&files.officers())?;
    tighten_keys(&files.second_keys())?;
    let (policy_text, matrix) = policy(&files)?;
    let tag: [u8; 4] = random.bytes();
    let tag = u32::from_be_bytes(tag);
    let log_key = key(&files.log_key(), || {
        SignerKey::for_log(random, &format!("{}/wardmote-{tag:08x}", public_url.host()))
    })?;
    let witness_key = key(&files.witness_key(), || {
        SignerKey::for_witness(random, &format!("{}/witness-{tag:08x}", public_url.host()))
    })?;
    let (duress, duress_mark) = duress(&files)?;
    let appeal_codes = AppealCodes::new(secret_text(&files.log_key())?.trim().as_bytes());
    if witnesses.is_none() && roster.profile() != Profile::Trial {
        return Err(FoundError::Unwitnessed(roster.profile()));
    }
    let tlog_policy = match witnesses {
        Some(given) => witnessed(&log_key, &witness_key, given)?,
        None => self_witnessed(&log_key, &witness_key),
    };
    files::write_once(&files.root_policy(), tlog_policy.as_bytes(), Secrecy::Public)?;
    if text(&files.root_policy())? != tlog_policy {
        return Err(FoundError::OtherWitnesses(files.root_policy()));
    }
    files::write_once(&files.root_roster(), &roster.to_bytes(), Secrecy::Public)?;
    Ok(Foundation {
        log_key,
        witness_key,
        roster,
        policy_text,
        matrix,
        tlog_policy,
        duress,
        duress_mark,
        appeal_codes,
        admin_token,
        files,
    })
}

impl Foundation {
    /// Where everything lies.
    pub fn data_dir(&self) -> &DataDir {
        &self.files
    }

    /// The log's name, the first line of its checkpoints.
    pub fn origin(&self) -> &str {
        self.log_key.name()
    }
}

/// Each file of this list is there only if all before it are.
fn check_order(files: &DataDir) -> Result<(), FoundError> {
    let order = [
        files.roster(),
        files.policy(),
        files.log_key(),
        files.witness_key(),
        files.root_policy(),
        files.root_roster(),
    ];
    let last = order.iter().rposition(|path| path.exists());
    match order.iter().take(last.unwrap_or(0)).find(|path| !path.exists()) {
        Some(lost) => Err(FoundError::Lost(lost.clone())),
        None => Ok(()),
    }
}

fn admin_token(files: &DataDir, random: &dyn Random) -> Result<Digest, FoundError> {
    let path = files.admin_token();
    if !path.exists() {
        let token = secret::fresh(random);
        files::write_once(&path, format!("{}\n", *token).as_bytes(), Secrecy::Owner)?;
    }
    let token = secret_text(&path)?;
    Ok(SecretKind::AdminToken.digest(token.trim()))
}

/// The roster is written after its officers' keys: until it is there, no key of an earlier attempt
/// means anything, and all are made anew.
fn roster(files: &DataDir, clock: &dyn Clock, random: &dyn Random) -> Result<Roster, FoundError> {
    let path = files.roster();
    if !path.exists() {
        let founding = Roster::found_trial(random, clock.now());
        for key in &founding.keys {
            let text = key.to_text();
            files::replace(&files.officer_key(key.pseudonym()), text.as_bytes(), Secrecy::Owner)?;
        }
        for key in &founding.duress {
            files::replace(&files.second_key(key.pseudonym()), key.to_text().as_bytes(), Secrecy::Owner)?;
        }
        let listed: String = founding.duress.iter().map(|key| format!("{}\n", key.public())).collect();
        files::replace(&files.duress_keys(), listed.as_bytes(), Secrecy::Owner)?;
        files::write_once(&path, &founding.roster.to_bytes(), Secrecy::Public)?;
    }
    let bytes = files::read(&path)?;
    Roster::parse(&bytes).map_err(|source| FoundError::Roster { path, source })
}

/// The list of duress keys with its mark. Where there is no list, no key means duress; whether there was one is for the
/// records to say.
fn duress(files: &DataDir) -> Result<(DuressKeys, Digest), FoundError> {
    let path = files.duress_keys();
    let text = if path.exists() { secret_text(&path)? } else { zeroize::Zeroizing::default() };
    // Over what the files say: blanks, line ends and the order of lines are an editor's or a copy's.
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let mark = lines.iter().fold(
        Hasher::domain("wardmote/duress-keys/v1").part(secret_text(&files.log_key())?.trim().as_bytes()),
        |mark, line| mark.part(line.as_bytes()),
    );
    let mark = mark.finish();
    let keys = DuressKeys::parse(&text).map_err(|source| FoundError::Duress { path, source })?;
    Ok((keys, mark))
}

fn policy(files: &DataDir) -> Result<(String, Matrix), FoundError> {
    let path = files.policy();
    files::write_once(&path, policy::default_policy_text().as_bytes(), Secrecy::Public)?;
    let text = text(&path)?;
    let matrix = Matrix::parse(&text).map_err(|source| FoundError::Policy { path, source })?;
    Ok((text, matrix))
}

fn key(path: &Path, fresh: impl FnOnce() -> Result<SignerKey, KeyError>) -> Result<SignerKey, FoundError> {
    let damaged = |source| FoundError::Key { path: path.to_owned(), source };
    if !path.exists() {
        let key = fresh().map_err(damaged)?;
        files::write_once(path, format!("{}\n", *key.to_text()).as_bytes(), Secrecy::Owner)?;
    }
    SignerKey::parse(&secret_text(path)?).map_err(damaged)
}

/// The trial's policy: this log, and its own witness alone.
fn self_witnessed(log: &SignerKey, witness: &SignerKey) -> String {
    let policy = TlogPolicy::threshold(log.verifier(), &[("local", witness.verifier())], 1);
    policy.expect("one log and one witness with a plain name make a policy").to_string()
}

/// The policy of a log that others witness; the own witness signs too, and does not count.
fn witnessed(log: &SignerKey, own: &SignerKey, given: &TlogPolicy) -> Result<String, FoundError> {
    let policy = given.kept_by(&log.verifier(), ("local", &own.verifier()));
    policy.map(|policy| policy.to_string()).map_err(FoundError::Witnesses)
}

/// The text of a file that its owner alone may read; made when it is not there.
pub(crate) fn secret_file(
    path: &Path,
    fresh: impl FnOnce() -> std::io::Result<zeroize::Zeroizing<String>>,
) -> std::io::Result<zeroize::Zeroizing<String>> {
    if !path.exists() {
        files::write_once(path, fresh()?.as_bytes(), Secrecy::Owner).map_err(|error| error.source)?;
    }
    let bytes = files::read_secret(path).map_err(|error| error.source)?;
    String::from_utf8(bytes)
        .map(zeroize::Zeroizing::new)
        .map_err(|_| std::io::Error::other("it is not UTF-8 text"))
}

fn text(path: &Path) -> Result<String, FoundError> {
    String::from_utf8(files::read(path)?).map_err(|_| FoundError::NotText(path.to_owned()))
}

fn secret_text(path: &Path) -> Result<zeroize::Zeroizing<String>, FoundError> {
    let text = String::from_utf8(files::read_secret(path)?);
    text.map(zeroize::Zeroizing::new).map_err(|_| FoundError::NotText(path.to_owned()))
}

/// Closes officers' key files that others may read; their text stays unread.
fn tighten_keys(folder: &Path) -> Result<(), FoundError> {
    let file = |source| FoundError::File { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        if path.extension().is_some_and(|extension| extension == "key") && path.is_file() {
            files::tighten(&path)?;
        }
    }
    Ok(())
}
