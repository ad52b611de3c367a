//! Fields that are sealed until a date: which are, when each is due, and whether what opens them does.
//!
//! Owns the rules for entries with confidential fields: sealed for 90 days at most, each renewal an entry of its own,
//! opened at the date in full, or erased. The auditor and the monitor fold the log with it, and so does who opens
//! them. Must not know where the fields are kept.

use ledger::commitment::CommitmentError;
use ledger::{Entry, Kind, SEALED_MAX, SEALED_UNTIL, SealOpened, SealRenewed, Tombstone};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::{Digest, Timestamp};

#[cfg(test)]
mod tests;

/// How long after its date an opening may be missing from the log.
pub const UNSEALING_GRACE: Duration = Duration::from_secs(3600);
/// Most entries with confidential fields that are followed; a log of so many decisions is far away.
pub const SEALS_MAX: usize = 1_000_000;

/// Every entry with confidential fields that are neither opened nor erased, by its leaf hash.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seals(BTreeMap<Digest, Seal>);

/// The confidential fields of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The root of their commitments.
    pub root: Digest,
    /// What the entry is about.
    pub subject: String,
    /// When they are to be opened; none: they are opened to nobody by a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether somebody was told that they are overdue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    told: bool,
}

/// Why an entry about confidential fields does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The public fields cannot be read.
    #[error("its public fields cannot be read")]
    Unreadable,
    /// Sealed until a date, with nothing sealed.
    #[error("it is sealed until a date and holds nothing that is sealed")]
    NothingSealed,
    /// Sealed for longer than is allowed at once.
    #[error("sealed until {until}, which is over 90 days ahead")]
    TooLong {
        /// Until when.
        until: Timestamp,
    },
    /// No such fields.
    #[error("it names no entry whose fields are still sealed")]
    Unknown,
    /// About another subject.
    #[error("its subject is not that of the entry it names")]
    Subject,
    /// Nothing that could be renewed.
    #[error("the fields it names are not sealed until a date")]
    NoDate,
    /// What is opened was not sealed.
    #[error("what it opens is not what was sealed: {0}")]
    Opened(CommitmentError),
    /// Only some of it.
    #[error("it opens {opened} of {sealed} fields")]
    InPart {
        /// Fields opened.
        opened: usize,
        /// Fields sealed.
        sealed: usize,
    },
    /// More than are followed.
    #[error("more than {SEALS_MAX} entries with confidential fields")]
    TooMany,
}

impl Seals {
    /// Takes the next entry of the log.
    pub fn place(&mut self, leaf: Digest, entry: &Entry) -> Result<(), SealError> {
        match entry.body.kind {
            Kind::SealOpened => self.opened(entry),
            Kind::SealRenewed => self.renewed(entry),
            Kind::Tombstone => {
                let said: Tombstone = public(entry)?;
                self.of(&said.entry, entry)?;
                self.0.remove(&said.entry);
                Ok(())
            }
            _ => self.sealed(leaf, entry),
        }
    }

    /// The same where only dates matter: fields without one are passed over, and so is their erasing. What is
    /// remembered is then as small as what is sealed at present.
    pub fn place_dated(&mut self, leaf: Digest, entry: &Entry) -> Result<(), SealError> {
        let dated = entry.body.public.get(SEALED_UNTIL).is_some();
        match entry.body.kind {
            Kind::SealOpened | Kind::SealRenewed => self.place(leaf, entry),
            Kind::Tombstone => match self.place(leaf, entry) {
                Err(SealError::Unknown) => Ok(()),
                placed => placed,
            },
            _ if dated => self.place(leaf, entry),
            _ => Ok(()),
        }
    }

    fn sealed(&mut self, leaf: Digest, entry: &Entry) -> Result<(), SealError> {
        let until = entry.body.public.get(SEALED_UNTIL);
        let until: Option<Timestamp> = match until {
            Some(text) => Some(serde_json::from_value(text.clone()).map_err(|_| SealError::Unreadable)?),
            None => None,
        };
        let Some(root) = entry.body.commitments else {
            return if until.is_some() { Err(SealError::NothingSealed) } else { Ok(()) };
        };
        until.map_or(Ok(()), |until| check_span(entry.body.time, until))?;
        if self.0.len() >= SEALS_MAX {
            return Err(SealError::TooMany);
        }
        let subject = entry.body.subject.clone();
        self.0.insert(leaf, Seal { root, subject, until, told: false });
        Ok(())
    }

    fn opened(&mut self, entry: &Entry) -> Result<(), SealError> {
        let said: SealOpened = public(entry)?;
        let seal = self.of(&said.entry, entry)?;
        let opened = said.disclosure.verify(&seal.root).map_err(SealError::Opened)?.len();
        let sealed = said.disclosure.commitments.len();
        if opened < sealed {
            return Err(SealError::InPart { opened, sealed });
        }
        self.0.remove(&said.entry);
        Ok(())
    }

    fn renewed(&mut self, entry: &Entry) -> Result<(), SealError> {
        let said: SealRenewed = public(entry)?;
        let seal = self.of(&said.entry, entry)?;
        if seal.until.is_none() {
            return Err(SealError::NoDate);
        }
        check_span(entry.body.time, said.until)?;
        (seal.until, seal.told) = (Some(said.until), false);
        Ok(())
    }

    fn of(&mut self, leaf: &Digest, entry: &Entry) -> Result<&mut Seal, SealError> {
        let seal = self.0.get_mut(leaf).ok_or(SealError::Unknown)?;
        if seal.subject == entry.body.subject { Ok(seal) } else { Err(SealError::Subject) }
    }

    /// One that is still sealed.
    pub fn get(&self, leaf: &Digest) -> Option<&Seal> {
        self.0.get(leaf)
    }

    /// Those whose date has come, by the leaf of their entry.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = (&Digest, &Seal)> {
        self.0.iter().filter(move |(_, seal)| seal.until.is_some_and(|until| until <= now))
    }

    /// Those whose opening is missing in the log, each told once.
    pub(crate) fn overdue(&mut self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let mut late = Vec::new();
        for seal in self.0.values_mut().filter(|seal| !seal.told) {
            if let Some(until) = seal.until.filter(|until| until.plus(UNSEALING_GRACE) < now) {
                seal.told = true;
                late.push((seal.subject.clone(), until));
            }
        }
        late
    }
}

fn check_span(from: Timestamp, until: Timestamp) -> Result<(), SealError> {
    if until > from.plus(SEALED_MAX) { Err(SealError::TooLong { until }) } else { Ok(()) }
}

fn public<T: DeserializeOwned>(entry: &Entry) -> Result<T, SealError> {
    serde_json::from_value(entry.body.public.clone()).map_err(|_| SealError::Unreadable)
}
