//! The desk: judges a request, keeps what it cosigns, and only then answers.

use crate::Heads;
use ledger::key::{KeyError, SignerKey, VerifierKey};
use ledger::tlog_policy::TlogPolicy;
use ledger::witness::{AddCheckpoint, Refused, Witness};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use vocabulary::Timestamp;

/// A witness with its state and the files that name the logs it knows.
#[derive(Debug)]
pub struct Desk {
    /// One request at a time: reading the head and keeping the next one must not interleave.
    inner: Mutex<Inner>,
    verifier: VerifierKey,
}

#[derive(Debug)]
struct Inner {
    witness: Witness,
    heads: Heads,
    sources: Vec<Source>,
}

/// A file with `log` lines (tlog-policy); read again when it changes, so that a log can be added while
/// the witness runs.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    changed: Option<SystemTime>,
    logs: Vec<VerifierKey>,
}

/// Why a request was not answered with a cosignature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The witness refuses.
    #[error("{0}")]
    Refused(Refused),
    /// Its state could not be read or kept; nothing was cosigned.
    #[error("the witness' state: {0}")]
    State(io::Error),
}

impl DeskError {
    /// The HTTP status that goes with it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused(refused) => refused.status(),
            Self::State(_) => 500,
        }
    }
}

impl Desk {
    /// A witness that knows the logs named in these files; one that is missing names none yet.
    pub fn new(key: SignerKey, heads: Heads, logs: Vec<PathBuf>) -> Result<Self, KeyError> {
        let witness = Witness::new(key, Vec::new())?;
        let verifier = witness.verifier();
        let sources = logs.into_iter().map(|path| Source { path, changed: None, logs: Vec::new() });
        let mut inner = Inner { witness, heads, sources: sources.collect() };
        inner.learn();
        Ok(Self { inner: Mutex::new(inner), verifier })
    }

    /// The key to list in policies.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Answers the body of an `add-checkpoint` request with the line to send. Blocking: it writes.
    pub fn answer(&self, body: &str, now: Timestamp) -> Result<String, DeskError> {
        let request = AddCheckpoint::parse(body).map_err(DeskError::Refused)?;
        // What a panic could have left half done is in memory alone and read anew below.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match inner.answer(&request, now) {
            Err(DeskError::Refused(Refused::UnknownLog(_) | Refused::Unsigned)) if inner.learn() => {
                inner.answer(&request, now)
            }
            answered => answered,
        }
    }
}

impl Inner {
    fn answer(&self, request: &AddCheckpoint, now: Timestamp) -> Result<String, DeskError> {
        let origin = request.origin().unwrap_or_default();
        let latest = self.heads.load(&origin).map_err(DeskError::State)?.unwrap_or_default();
        let staged = self.witness.add_checkpoint(request, latest, now).map_err(DeskError::Refused)?;
        if staged.head() != latest {
            self.heads.save(staged.origin(), staged.head()).map_err(DeskError::State)?;
        }
        Ok(format!("{}\n", staged.stored()))
    }

    /// Reads the files that changed; says whether any did. A file that cannot be read keeps what it
    /// named before.
    fn learn(&mut self) -> bool {
        let mut learned = false;
        for source in &mut self.sources {
            let changed = std::fs::metadata(&source.path).and_then(|file| file.modified()).ok();
            if changed.is_none() || changed == source.changed {
                continue;
            }
            let text = std::fs::read_to_string(&source.path);
            let policy = text.ok().and_then(|text| TlogPolicy::parse(&text).ok());
            match policy {
                Some(policy) => {
                    source.logs = policy.logs().iter().map(|log| log.key.clone()).collect();
                    source.changed = changed;
                    learned = true;
                }
                None => tracing::warn!(file = %source.path.display(), "no tlog-policy; not read"),
            }
        }
        if learned {
            self.witness.know(self.sources.iter().flat_map(|source| source.logs.clone()).collect());
        }
        learned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::checkpoint::Checkpoint;
    use ledger::merkle::{Tree, leaf_hash};
    use ledger::witness::read_answer;
    use std::fs;
    use std::path::Path;
    use vocabulary::SeededRandom;

    struct Stage {
        folder: tempfile::TempDir,
        log: SignerKey,
        tree: Tree,
    }

    impl Stage {
        fn new() -> Self {
            let log = SignerKey::for_log(&SeededRandom::new(1), "log.test").expect("key");
            let tree = (0..9u8).map(|n| leaf_hash(&[n])).collect();
            let stage = Self { folder: tempfile::tempdir().expect("folder"), log, tree };
            stage.name_log();
            stage
        }

        fn logs(&self) -> PathBuf {
            self.folder.path().join("logs")
        }

        fn name_log(&self) {
            fs::write(self.logs(), format!("log {}\nquorum none\n", self.log.verifier())).expect("written");
        }

        fn desk(&self) -> Desk {
            let key = SignerKey::for_witness(&SeededRandom::new(2), "witness.test").expect("key");
            let heads = Heads::open(&self.folder.path().join("state")).expect("state");
            Desk::new(key, heads, vec![self.logs()]).expect("desk")
        }

        fn request(&self, tree: &Tree, old: u64, new: u64) -> AddCheckpoint {
            let root = tree.root_at(new).expect("size");
            let checkpoint = Checkpoint::new("log.test", new, root).sign(&self.log).expect("note");
            AddCheckpoint { old_size: old, proof: tree.consistency(old, new).unwrap_or_default(), checkpoint }
        }

        fn status(&self, desk: &Desk, tree: &Tree, old: u64, new: u64) -> u16 {
            let request = self.request(tree, old, new);
            match desk.answer(&request.to_string(), Timestamp::from_secs(1_700_000_000)) {
                Ok(line) => {
                    read_answer(200, &line, &request, desk.verifier()).expect("a cosignature");
                    200
                }
                Err(error) => error.status(),
            }
        }
    }

    #[test]
    fn what_was_cosigned_binds_the_next_process_too() {
        let stage = Stage::new();
        let desk = stage.desk();
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 200);
        drop(desk);
        let desk = stage.desk();
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 409);
        let fork: Tree = (0..9u8).map(|n| leaf_hash(&[n, n])).collect();
        assert_eq!(stage.status(&desk, &fork, 5, 5), 409);
        assert_eq!(stage.status(&desk, &fork, 5, 9), 422);
        assert_eq!(stage.status(&desk, &stage.tree, 5, 9), 200);
        assert_eq!(stage.status(&desk, &stage.tree, 9, 5), 400);
    }

    #[test]
    fn nothing_is_answered_that_could_not_be_kept() {
        let stage = Stage::new();
        let desk = stage.desk();
        let state = stage.folder.path().join("state");
        // A folder in the draft's place: the head cannot be written.
        let draft = state.join(format!("{}.new", vocabulary::Digest::of(b"log.test")));
        fs::create_dir(&draft).expect("made");
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 500);
        fs::remove_dir(&draft).expect("removed");
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 200);
        let kept = state.join(format!("{}.json", vocabulary::Digest::of(b"log.test")));
        fs::write(Path::new(&kept), "damaged").expect("written");
        assert_eq!(stage.status(&desk, &stage.tree, 0, 9), 500);
    }

    #[test]
    fn a_log_is_known_from_the_moment_its_file_names_it() {
        let stage = Stage::new();
        fs::remove_file(stage.logs()).expect("removed");
        let desk = stage.desk();
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 404);
        stage.name_log();
        assert_eq!(stage.status(&desk, &stage.tree, 0, 5), 200);
    }
}
