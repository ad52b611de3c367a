//! The directory of authorities: who they are, how they were verified, and which keys are theirs.
//!
//! Owns what makes an entry trustworthy: calls back to a number from an independent source, renewed every 90 days;
//! keys that one officer enters and another confirms by such a call. An entry is never removed: it is retired, so
//! that what was done under it stays explained.

#[cfg(test)]
mod tests;

use crate::{Addressee, Officer, Text, clocks};
use policy::PublicKey;
use serde::{Deserialize, Serialize};
use vocabulary::{AuthorityId, EvidenceId, Timestamp};

/// Most keys of one authority, those that ended too.
const KEYS_MAX: usize = 20;
/// Most calls kept of one authority.
const CALLS_MAX: usize = 500;

/// An authority as the directory knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryEntry {
    /// Which entry.
    pub id: AuthorityId,
    /// Its name.
    pub name: Text,
    /// For which jurisdiction it stands, or that it is the fallback. Only the first can order.
    pub stands_for: Addressee,
    /// Where it takes mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<Text>,
    /// Its duty line, from an independent source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty_line: Option<DutyLine>,
    /// Who entered it.
    pub entered_by: Officer,
    /// When.
    pub entered_at: Timestamp,
    /// Every call back, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// Its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<DirectoryKey>,
    /// Who retired it, when and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Retired>,
}

/// A telephone line that is answered day and night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyLine {
    /// Its number.
    pub number: Text,
    /// Where the number was found; never in a message of the authority itself.
    pub source: Text,
}

/// A call back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Who called.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// Which number was called: the duty line's at that time.
    pub number: Text,
    /// What came of it.
    pub outcome: CallOutcome,
    /// The stored log of the call, if it lies with a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<EvidenceId>,
}

/// What came of a call back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// The authority answered and said what it should.
    Confirmed,
    /// It answered and knew nothing of the matter.
    Denied,
    /// Nobody answered.
    Unanswered,
}

/// A key of an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryKey {
    /// The key.
    pub key: PublicKey,
    /// Who entered it.
    pub entered_by: Officer,
    /// When.
    pub entered_at: Timestamp,
    /// Who had it read out in a call back, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<(Officer, Timestamp)>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// The end of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// By whom.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Text,
}

/// Why a change of the directory is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryRefusal {
    /// The entry is retired.
    #[error("this authority was retired from the directory; enter it anew")]
    Retired,
    /// No number to call.
    #[error("there is no duty line to call back; enter one from an independent source first")]
    NoDutyLine,
    /// A key needs a call first.
    #[error("no call back to this authority was confirmed in the last 90 days; call it first")]
    NotVerified,
    /// The same officer twice.
    #[error("{0} entered this key; another officer must have it read out and confirm it")]
    SameOfficer(Officer),
    /// No such key, or not waiting.
    #[error("there is no such key that waits for a confirmation")]
    NoSuchKey,
    /// One key twice.
    #[error("this key stands in the directory already; a key that ended never comes back")]
    KeyTwice,
    /// Over a bound.
    #[error("an authority has at most {KEYS_MAX} keys and {CALLS_MAX} calls")]
    TooMany,
}

impl DirectoryRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Retired => "authority-retired",
            Self::NoDutyLine => "no-duty-line",
            Self::NotVerified => "authority-not-verified",
            Self::SameOfficer(_) => "same-officer",
            Self::NoSuchKey => "no-such-key",
            Self::KeyTwice => "key-twice",
            Self::TooMany => "directory-entry-full",
        }
    }
}

impl DirectoryEntry {
    /// A new entry; nobody has verified it.
    pub fn enter(id: AuthorityId, name: Text, stands_for: Addressee, by: Officer, at: Timestamp) -> Self {
        Self {
            id,
            name,
            stands_for,
            mail: None,
            duty_line: None,
            entered_by: by,
            entered_at: at,
            calls: Vec::new(),
            keys: Vec::new(),
            retired: None,
        }
    }

    /// Sets or changes the duty line. The calls to another number no longer verify anything.
    pub fn set_duty_line(&mut self, line: DutyLine) -> Result<(), DirectoryRefusal> {
        self.check_kept()?;
        self.duty_line = Some(line);
        Ok(())
    }

    /// Notes a call back to the duty line.
    pub fn call_back(
        &mut self,
        by: Officer,
        outcome: CallOutcome,
        log: Option<EvidenceId>,
        at: Timestamp,
    ) -> Result<(), DirectoryRefusal> {
        self.check_kept()?;
        let line = self.duty_line.as_ref().ok_or(DirectoryRefusal::NoDutyLine)?;
        if self.calls.len() >= CALLS_MAX {
            return Err(DirectoryRefusal::TooMany);
        }
        self.calls.push(Call { by, at, number: line.number.clone(), outcome, log });
        Ok(())
    }

    /// When a call to the present duty line last confirmed it, if that is recent enough at `now`.
    pub fn verified_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.verifying_call(now).map(|call| call.at)
    }

    /// Whether the present duty line knew nothing of it when it was last called and answered: somebody may act in the
    /// authority's name.
    pub fn is_denied(&self, now: Timestamp) -> bool {
        self.last_answered(now).is_some_and(|call| call.outcome == CallOutcome::Denied)
    }

    /// The last call to the present duty line that was answered. One that nobody answers says nothing, neither for the
    /// entry nor against it.
    fn last_answered(&self, now: Timestamp) -> Option<&Call> {
        let line = self.duty_line.as_ref()?;
        let to_line = self.calls.iter().filter(|call| call.number == line.number && call.at <= now);
        to_line.filter(|call| call.outcome != CallOutcome::Unanswered).max_by_key(|call| call.at)
    }

    /// The call that verifies it at `now`.
    pub(crate) fn verifying_call(&self, now: Timestamp) -> Option<&Call> {
        let last = self.last_answered(now)?;
        let fresh = last.at.plus(clocks::DUTY_LINE_VERIFIED_WITHIN) >= now && self.retired.is_none();
        (fresh && last.outcome == CallOutcome::Confirmed).then_some(last)
    }

    /// Enters a key; it counts once another officer confirmed it.
    pub fn enter_key(&mut self, key: PublicKey, by: Officer, at: Timestamp) -> Result<(), DirectoryRefusal> {
        self.check_kept()?;
        if self.keys.len() >= KEYS_MAX {
            return Err(DirectoryRefusal::TooMany);
        }
        if self.keys.iter().any(|held| held.key == key) {
            return Err(DirectoryRefusal::KeyTwice);
        }
        self.keys.push(DirectoryKey { key, entered_by: by, entered_at: at, confirmed: None, ended: None });
        Ok(())
    }

    /// Another officer had the key read out in a call back.
    pub fn confirm_key(
        &mut self,
        key: &PublicKey,
        by: Officer,
        at: Timestamp,
    ) -> Result<(), DirectoryRefusal> {
        self.check_kept()?;
        if self.verified_at(at).is_none() {
            return Err(DirectoryRefusal::NotVerified);
        }
        let waits =
            |held: &&mut DirectoryKey| held.key == *key && held.confirmed.is_none() && held.ended.is_none();
        let held = self.keys.iter_mut().find(waits).ok_or(DirectoryRefusal::NoSuchKey)?;
        if held.entered_by.pseudonym == by.pseudonym {
            return Err(DirectoryRefusal::SameOfficer(by));
        }
        held.confirmed = Some((by, at));
        Ok(())
    }

    /// Ends a key; at once, and for good.
    pub fn end_key(&mut self, key: &PublicKey, at: Timestamp) -> Result<(), DirectoryRefusal> {
        let held = self.keys.iter_mut().find(|held| held.key == *key && held.ended.is_none());
        held.ok_or(DirectoryRefusal::NoSuchKey)?.ended = Some(at);
        Ok(())
    }

    /// Takes it out of use.
    pub fn retire(&mut self, by: Officer, reason: Text, at: Timestamp) -> Result<(), DirectoryRefusal> {
        self.check_kept()?;
        self.retired = Some(Retired { by, at, reason });
        Ok(())
    }

    /// Its keys that count at an instant.
    pub fn keys_at(&self, now: Timestamp) -> impl Iterator<Item = &PublicKey> {
        let counts = move |held: &&DirectoryKey| {
            held.confirmed.as_ref().is_some_and(|(_, at)| *at <= now)
                && held.ended.is_none_or(|ended| ended > now)
        };
        self.keys.iter().filter(counts).map(|held| &held.key)
    }

    fn check_kept(&self) -> Result<(), DirectoryRefusal> {
        if self.retired.is_some() { Err(DirectoryRefusal::Retired) } else { Ok(()) }
    }
}
