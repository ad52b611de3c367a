//! Confidential fields of log entries: sealed before they are logged, told one by one, opened at a date, erased.
//!
//! The log holds one root over salted commitments. Salts and values lie among the records, sealed to a key of their
//! own that is kept apart from them and from every backup of them: destroying it erases the fields everywhere. Must
//! not know what the fields are about.

use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use crate::sequencer::{Draft, Item, Stopped};
use ledger::commitment::{Field, Sealed};
use ledger::{Kind, Tombstone};
use records::{DocumentName, StoreError, WriteOnceError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vault::{Slot, WrappedKey};
use vocabulary::{Digest, ReportId};

/// The kind of document that holds sealed fields, each named by the root of its commitments.
const KIND: &str = "sealed-fields";

/// Fields as they are kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// Whose key opens them; keys of reports and of entries are one kind.
    key: ReportId,
    sealed: reports::Sealed,
}

/// Why fields could not be sealed, opened or erased.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealingError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the log takes no tombstone: {0}")]
    Log(Stopped),
    #[error("{0}")]
    Broken(String),
}

impl From<SealingError> for Problem {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::Store(error) => error.into(),
            SealingError::Log(stopped) => Self::new(Reason::LogStopped).detail(stopped),
            SealingError::Broken(why) => Self::new(Reason::Broken).detail(why),
        }
    }
}

impl Plane {
    /// Seals fields before the entry that commits to them is logged; tells the root that it carries.
    pub(crate) async fn seal_fields(&self, fields: Vec<(String, Value)>) -> Result<Digest, SealingError> {
        let sealed = Sealed::new(&*self.random, fields).map_err(broken)?;
        let root = sealed.root().map_err(broken)?;
        let id = ReportId::random(&*self.random);
        let (key, wrapped) = self.intake.vault().new_record(id).map_err(broken)?;
        let plaintext = serde_json::to_vec(sealed.fields()).map_err(broken)?;
        let kept = Kept { key: id, sealed: key.seal(Slot::Contents, &plaintext).map_err(broken)? };
        let bytes = serde_json::to_vec(&kept).map_err(broken)?;
        // The key first: one without fields is harmless, fields without their key are lost.
        self.records.put_report_key(id, &wrapped.0).await?;
        let put = self.records.put_document(&name(&root), &bytes, self.clock.now()).await;
        put.map_err(|error| match error {
            WriteOnceError::Store(error) => error.into(),
            error => broken(error),
        })?;
        Ok(root)
    }

    /// The fields under a root; none where they were erased, or never sealed here.
    pub(crate) async fn sealed_fields(&self, root: &Digest) -> Result<Option<Sealed>, SealingError> {
        let Some(kept) = self.kept_fields(root).await? else { return Ok(None) };
        let Some(wrapped) = self.records.report_key(kept.key).await? else { return Ok(None) };
        let secret = self.intake.vault().open_record(kept.key, &WrappedKey(wrapped)).map_err(broken)?;
        let plaintext = secret.open(Slot::Contents, &kept.sealed).map_err(broken)?;
        let fields: Vec<Field> = serde_json::from_slice(&plaintext).map_err(broken)?;
        Sealed::from_fields(fields).map(Some).map_err(broken)
    }

    /// Destroys the key of fields: nobody opens them any more, in no backup either. Once and for all.
    pub(crate) async fn destroy_fields(&self, root: &Digest) -> Result<(), SealingError> {
        if let Some(kept) = self.kept_fields(root).await? {
            self.records.destroy_report_key(kept.key).await?;
        }
        Ok(())
    }

    /// Erases the fields of an entry of the log: the key is destroyed first, then the log says so.
    pub(crate) async fn erase_fields(
        &self,
        root: &Digest,
        subject: &str,
        by: String,
        tombstone: &Tombstone,
    ) -> Result<(), SealingError> {
        self.destroy_fields(root).await?;
        let draft = Draft {
            kind: Kind::Tombstone,
            time: self.clock.now(),
            actors: vec![by],
            subject: subject.to_owned(),
            policy: None,
            commitments: None,
            public: serde_json::to_value(tombstone).map_err(broken)?,
        };
        self.sequencer.submit(Item::Draft(draft)).map_err(SealingError::Log)
    }

    async fn kept_fields(&self, root: &Digest) -> Result<Option<Kept>, SealingError> {
        let Some(document) = self.records.document(&name(root)).await? else { return Ok(None) };
        serde_json::from_slice(&document.bytes).map(Some).map_err(broken)
    }
}

fn name(root: &Digest) -> DocumentName {
    DocumentName::new(KIND, root.to_string())
}

fn broken(error: impl std::fmt::Display) -> SealingError {
    SealingError::Broken(error.to_string())
}
