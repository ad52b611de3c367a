//! The versions of the policy, as the log publishes them.
//!
//! Owns which version a matter is judged by. Invariants: the first version is the founding file and acts at once; a later
//! one acts [`POLICY_NOTICE`] after its entry, as edges demand; no version reaches back: what was posted, or what a case
//! was opened about, before it acted is judged by the one before.

use crate::plane::{Placed, Plane};
use crate::rim::{Problem, Reason};
use crate::sequencer::{Draft, Item, Stopped};
use casework::Case;
use ledger::{Entry, Kind, PolicyPublished};
use policy::Matrix;
use records::{DocumentName, Records, StoreError, WriteOnceError};
use snapshot::POLICY_NOTICE;
use std::sync::{Arc, PoisonError, RwLock};
use vocabulary::{Digest, Timestamp};

/// The kind of document that holds the text of a version, named by its digest.
const KIND: &str = "policy";
/// Most versions; each is read at the start.
const VERSIONS_MAX: usize = 1_000;

/// One version of the policy.
#[derive(Debug)]
pub(crate) struct PolicyVersion {
    /// The file.
    pub(crate) text: String,
    /// What it says.
    pub(crate) matrix: Matrix,
    /// Its entry in the log.
    pub(crate) entry: Placed,
    /// From when it is applied.
    pub(crate) acts: Timestamp,
}

/// All versions, in the order of the log.
#[derive(Debug)]
pub(crate) struct Policies {
    first: Arc<PolicyVersion>,
    later: RwLock<Vec<Arc<PolicyVersion>>>,
    /// Held while one is published, so that two never take one number.
    publishing: tokio::sync::Mutex<()>,
}

/// Why the versions cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoliciesError {
    /// The records failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The log names what is not kept.
    #[error(
        "entry {0} of the log publishes a policy that is not kept; restore a backup with `wardmote restore`"
    )]
    Missing(u64),
    /// There is no first one.
    #[error("the log publishes no policy")]
    None,
}

impl Policies {
    /// All versions that the log publishes; the text of the first is the founding file's.
    pub(crate) async fn read(records: &dyn Records, founding: &str) -> Result<Self, PoliciesError> {
        let mut versions = Vec::new();
        for index in records.entries_of_subject(PolicyPublished::SUBJECT).await? {
            versions.push(Arc::new(version(records, index, founding).await?));
        }
        let mut versions = versions.into_iter();
        let first = versions.next().ok_or(PoliciesError::None)?;
        Ok(Self { first, later: RwLock::new(versions.collect()), publishing: tokio::sync::Mutex::default() })
    }

    /// Every version, the first one first.
    pub(crate) fn all(&self) -> Vec<Arc<PolicyVersion>> {
        // Replaced whole, so a poisoned one is still good.
        let later = self.later.read().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(later.iter()).cloned().collect()
    }

    /// The version that acts at an instant.
    pub(crate) fn acting(&self, at: Timestamp) -> Arc<PolicyVersion> {
        self.all().into_iter().rfind(|version| version.acts <= at).unwrap_or_else(|| Arc::clone(&self.first))
    }

    /// The version that a case is judged by: the one that acted when its newest item was posted, and not later than when
    /// the case was opened.
    pub(crate) fn of_case(&self, case: &Case) -> Arc<PolicyVersion> {
        let posted = case.findings.iter().filter_map(|finding| finding.posted_at.earliest()).max();
        self.acting(posted.map_or(case.opened_at, |posted| posted.min(case.opened_at)))
    }

    /// The version with this digest.
    pub(crate) fn of(&self, sha256: &Digest) -> Option<Arc<PolicyVersion>> {
        self.all().into_iter().find(|version| version.matrix.hash() == *sha256)
    }

    /// The version of this number.
    pub(crate) fn numbered(&self, number: u32) -> Option<Arc<PolicyVersion>> {
        self.all().into_iter().find(|version| version.matrix.version() == number)
    }

    fn replace(&self, read: Self) {
        let later = read.later.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.later.write().unwrap_or_else(PoisonError::into_inner) = later;
    }
}

async fn version(records: &dyn Records, index: u64, founding: &str) -> Result<PolicyVersion, PoliciesError> {
    let missing = || PoliciesError::Missing(index);
    let leaves = records.leaves(index..index + 1).await?;
    let entry = leaves.first().and_then(|leaf| Entry::parse(&leaf.bytes).ok()).ok_or_else(missing)?;
    let said: PolicyPublished = serde_json::from_value(entry.body.public.clone()).map_err(|_| missing())?;
    let text = match Digest::of(founding.as_bytes()) == said.sha256 {
        true => founding.to_owned(),
        false => {
            let kept = records.document(&name(&said.sha256)).await?.ok_or_else(missing)?;
            String::from_utf8(kept.bytes).map_err(|_| missing())?
        }
    };
    let matrix = Matrix::parse(&text).ok().filter(|matrix| matrix.hash() == said.sha256);
    let matrix = matrix.ok_or_else(missing)?;
    let first = entry.body.sequence == 1;
    let acts = if first { entry.body.time } else { entry.body.time.plus(POLICY_NOTICE) };
    Ok(PolicyVersion { text, matrix, entry: Placed { entry, index }, acts })
}

fn name(sha256: &Digest) -> DocumentName {
    DocumentName::new(KIND, sha256.to_string())
}

impl Plane {
    /// Publishes a new version in the log. Once more with the same text is the same version.
    pub(crate) async fn publish_policy(&self, text: &str) -> Result<Arc<PolicyVersion>, Problem> {
        let matrix = Matrix::parse(text).map_err(|error| Problem::refused("policy-refused", error))?;
        let _alone = self.founded.policies.publishing.lock().await;
        if let Some(known) = self.founded.policies.of(&matrix.hash()) {
            return Ok(known);
        }
        let all = self.founded.policies.all();
        let newest = all.last().map_or(0, |version| version.matrix.version());
        if matrix.version() <= newest || all.len() >= VERSIONS_MAX {
            let why = format!("the newest version is {newest}; the next one has a higher number");
            return Err(Problem::refused("policy-version-used", why));
        }
        let put = self.records.put_document(&name(&matrix.hash()), text.as_bytes(), self.clock.now()).await;
        put.map_err(|error| match error {
            WriteOnceError::Store(error) => error.into(),
            error => Problem::new(Reason::Broken).detail(error),
        })?;
        let said = PolicyPublished { version: matrix.version(), sha256: matrix.hash() };
        let draft = Draft {
            kind: Kind::PolicyPublished,
            time: self.clock.now(),
            actors: vec!["operator".to_owned()],
            subject: PolicyPublished::SUBJECT.to_owned(),
            policy: None,
            commitments: None,
            public: serde_json::to_value(&said)
                .map_err(|error| Problem::new(Reason::Broken).detail(error))?,
        };
        let appended = self.sequencer.append(Item::Draft(draft)).await;
        appended.map_err(|stopped: Stopped| Problem::new(Reason::LogStopped).detail(stopped))?;
        self.learn_policies().await.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
        let published = self.founded.policies.of(&matrix.hash());
        published.ok_or_else(|| Problem::new(Reason::Broken).detail("the log does not hold the new version"))
    }

    /// Reads the versions anew where the log has one more: its writing may have taken longer than its writer waited.
    pub(crate) async fn learn_policies(&self) -> Result<(), PoliciesError> {
        let known = self.founded.policies.all().len() as u64;
        let head = self.records.last_of_subject(PolicyPublished::SUBJECT).await?;
        if head.is_some_and(|head| head.sequence != known) {
            let founding = &self.founded.policies.first.text;
            self.founded.policies.replace(Policies::read(&*self.records, founding).await?);
        }
        Ok(())
    }
}
