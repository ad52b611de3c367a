//! Suspend-all, proved offline: measures without an order are set aside for an hour, or longer once confirmed.
//!
//! Owns the bundle that carries it, its checks, and which measures it reaches. It only restores, so it is taken
//! from a frozen log too, as lifts are; but it is never taken on anybody's word.

use crate::bundle::{BUNDLE_BYTES_MAX, Document};
use crate::rosters::{ROSTERS_MAX, Rosters};
use crate::trust::Tree;
use crate::verification::steps;
use crate::{CLOCK_SKEW_MAX, Refusal, Roots};
use ledger::checkpoint::Checkpoint;
use ledger::merkle::verify_inclusion;
use ledger::tlog_proof::TlogProof;
use ledger::{Body, Entry, Kind, SuspensionBegun, SuspensionConfirmed};
use policy::{Roster, SUSPENSION, SUSPENSION_AGAIN, Signed, Terms};
use serde::{Deserialize, Serialize};
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{Digest, Timestamp};

#[cfg(test)]
mod tests;

/// A record of a suspension, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspensionBundle {
    format: SuspensionFormat,
    /// `suspension.begun` or `suspension.confirmed`, with its approvals.
    pub entry: Entry,
    /// Where the log holds it, as tlog-proof text.
    pub proof: String,
    /// The record before it, which its own names by hash; none for the first of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Entry>,
    /// The log's rosters with their publications, where there is more than the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rosters: Vec<Document>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum SuspensionFormat {
    #[default]
    #[serde(rename = "wardmote-suspension/1")]
    V1,
}

/// Most bundles of suspensions that are read from one parcel: the newest confirmed and the newest begun.
pub(crate) const SUSPENSIONS_MAX: usize = 2;

/// A suspension that a witnessed log and the pinned roster prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    from: Timestamp,
    /// When its record was made.
    at: Timestamp,
    /// None once it is confirmed: then the measures it reaches stay set aside to the end of their leases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    sequence: u64,
    leaf: Digest,
}

/// The suspensions that an edge knows of. The newest confirmed one stands beside the newest begun: two officers who
/// begin another do not undo what three confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspensions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun: Option<Suspension>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<Suspension>,
}

impl SuspensionBundle {
    /// Puts a record together with its proof and the one before it.
    pub fn new(entry: Entry, proof: &TlogProof, before: Option<Entry>, rosters: Vec<Document>) -> Self {
        Self { format: SuspensionFormat::V1, entry, proof: proof.to_string(), before, rosters }
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_bytes(self)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(Refusal::TooLong { bytes: bytes.len(), max: BUNDLE_BYTES_MAX });
        }
        canonical::parse(bytes).map_err(Refusal::Unreadable)
    }
}

impl Suspension {
    /// When it began.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// When it ends by itself; none once it is confirmed.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether anything can be set aside by it at this instant.
    pub fn acts_at(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// Whether a measure with these terms is set aside at this instant.
    pub fn pauses(&self, terms: &Terms, now: Timestamp) -> bool {
        self.acts_at(now) && policy::is_suspended_by(terms, self.from)
    }

    /// Takes the place of another one only as its successor.
    fn check_follows(&self, seen: &Self) -> Result<(), Refusal> {
        if self.sequence < seen.sequence {
            return Err(Refusal::OlderRecord { sequence: self.sequence, seen: seen.sequence });
        }
        if self.sequence == seen.sequence && self.leaf != seen.leaf {
            return Err(Refusal::RecordTwice(self.sequence));
        }
        Ok(())
    }
}

impl Suspensions {
    /// Whether one of them sets a measure with these terms aside at this instant.
    pub fn pause(&self, terms: &Terms, now: Timestamp) -> bool {
        self.all().any(|suspension| suspension.pauses(terms, now))
    }

    /// Those that can set anything aside at this instant.
    pub fn acting(&self, now: Timestamp) -> impl Iterator<Item = Suspension> {
        self.all().filter(move |suspension| suspension.acts_at(now))
    }

    /// Whether none was ever seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    fn all(&self) -> impl Iterator<Item = Suspension> {
        [self.confirmed, self.begun].into_iter().flatten()
    }

    /// Takes a proved one. No older one displaces a newer, and none begins within a day of what was seen, whatever
    /// its own record names as the one before it.
    pub(crate) fn take(&mut self, new: Suspension) -> Result<(), Refusal> {
        if self.all().any(|seen| seen.leaf == new.leaf) {
            return Ok(());
        }
        if new.until.is_some() {
            self.all().try_for_each(|seen| new.check_follows(&seen))?;
            if self.all().any(|seen| new.at < seen.at.plus(SUSPENSION_AGAIN)) {
                return Err(Refusal::Suspension(TOO_SOON));
            }
            self.begun = Some(new);
            return Ok(());
        }
        self.confirmed.iter().try_for_each(|seen| new.check_follows(seen))?;
        if let Some(begun) = &self.begun {
            match new.check_follows(begun) {
                // What it confirms is that beginning, or an earlier one.
                Ok(()) => self.begun = None,
                // An edge may learn late of a confirmed one: it stands beside what began after it.
                Err(Refusal::OlderRecord { .. }) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        self.confirmed = Some(new);
        Ok(())
    }
}

const TOO_SOON: &str = "the one before it is not a day old";

/// Checks a suspension against the pinned roots. Neither the growth of the log nor the age of its cosignatures is
/// asked for: the record itself says from when to when it acts, and it takes nothing away from anybody.
pub(crate) fn verify_suspension(
    bytes: &[u8],
    roots: &Roots,
    now: Timestamp,
) -> Result<(Suspension, Tree), Refusal> {
    let bundle = SuspensionBundle::parse(bytes)?;
    let leaf = bundle.entry.leaf_hash().map_err(Refusal::Entry)?;
    let what = "suspension";
    let proof = TlogProof::parse(&bundle.proof).map_err(|source| Refusal::Proof { what, source })?;
    if proof.extra.is_some() {
        return Err(Refusal::ExtraData(what));
    }
    let opened = roots.tlog_policy().open(&proof.checkpoint).map_err(Refusal::Checkpoint)?;
    if let Some(name) = opened.foreign() {
        return Err(Refusal::ForeignSignature(name.to_owned()));
    }
    let head = opened.checkpoint().clone();
    verify_inclusion(&leaf, proof.index, head.size, &proof.hashes, &head.root)
        .map_err(|_| Refusal::NotIncluded(what))?;
    steps::check_quorum(roots.tlog_policy(), &opened, roots.profile())?;
    let rosters = rosters(&bundle, &proof, roots.roster())?;
    rosters.check_keys(&bundle.entry, proof.index)?;
    let roster = rosters.in_force(bundle.entry.body.time);
    let suspension = suspension(&bundle.entry, bundle.before.as_ref(), roster)?;
    if suspension.from > now.plus(CLOCK_SKEW_MAX) {
        return Err(Refusal::NotYet(suspension.from));
    }
    let note = proof.checkpoint.to_string();
    Ok((suspension, Tree { checkpoint: head, note, leaves: vec![(proof.index, leaf)] }))
}

/// The rosters that the bundle proves, all under the checkpoint of its record.
fn rosters(bundle: &SuspensionBundle, under: &TlogProof, pinned: &Roster) -> Result<Rosters, Refusal> {
    if bundle.rosters.is_empty() {
        return Ok(Rosters::pinned(pinned));
    }
    if bundle.rosters.len() > ROSTERS_MAX {
        return Err(Refusal::Chain("there are too many rosters"));
    }
    let what = "roster";
    let head = Checkpoint::parse(under.checkpoint.text()).map_err(|_| Refusal::NotIncluded(what))?;
    let mut places = Vec::new();
    for document in &bundle.rosters {
        let leaf = document.entry.leaf_hash().map_err(Refusal::Entry)?;
        let proof = TlogProof::parse(&document.proof).map_err(|source| Refusal::Proof { what, source })?;
        if proof.extra.is_some() {
            return Err(Refusal::ExtraData(what));
        }
        if proof.checkpoint != under.checkpoint {
            return Err(Refusal::SeveralCheckpoints);
        }
        verify_inclusion(&leaf, proof.index, head.size, &proof.hashes, &head.root)
            .map_err(|_| Refusal::NotIncluded(what))?;
        places.push(proof.index);
    }
    Rosters::proved(pinned, bundle.rosters.iter().zip(places))
}

/// What a record says, if the right people signed it and it may follow the one before it.
pub(crate) fn suspension(
    entry: &Entry,
    before: Option<&Entry>,
    roster: &Roster,
) -> Result<Suspension, Refusal> {
    let body = &entry.body;
    let named = before.map(Entry::leaf_hash).transpose().map_err(Refusal::Entry)?;
    if named != body.previous {
        return Err(Refusal::Suspension("the record before it is another one"));
    }
    let number = before.map_or(Some(1), |before| before.body.sequence.checked_add(1));
    if number != Some(body.sequence) {
        return Err(Refusal::Suspension("its number is not the next one"));
    }
    let bytes = body.to_bytes().map_err(Refusal::Entry)?;
    let record = Signed { body: &bytes, approvals: &entry.approvals, proposer: None };
    let leaf = entry.leaf_hash().map_err(Refusal::Entry)?;
    let of = |from, until| Suspension { from, at: body.time, until, sequence: body.sequence, leaf };
    match body.kind {
        Kind::SuspensionBegun => {
            let said: SuspensionBegun = public(body)?;
            check_begun(body, &said, before)?;
            check_roster(said.roster, roster)?;
            policy::may_suspend(record, roster)?;
            Ok(of(body.time, Some(said.until)))
        }
        Kind::SuspensionConfirmed => {
            let said: SuspensionConfirmed = public(body)?;
            check_confirmed(body, &said, before)?;
            check_roster(said.roster, roster)?;
            policy::may_confirm(record, roster)?;
            Ok(of(said.since, None))
        }
        _ => Err(Refusal::Suspension("its kind is another")),
    }
}

/// An hour from its own time on, and a day after the record before it.
fn check_begun(body: &Body, said: &SuspensionBegun, before: Option<&Entry>) -> Result<(), Refusal> {
    if said.until != body.time.plus(SUSPENSION) {
        return Err(Refusal::Suspension("it must last an hour from its own time on"));
    }
    let again = before.is_some_and(|before| body.time < before.body.time.plus(SUSPENSION_AGAIN));
    if again { Err(Refusal::Suspension(TOO_SOON)) } else { Ok(()) }
}

/// The beginning it names is the record before it, and had not ended.
fn check_confirmed(body: &Body, said: &SuspensionConfirmed, before: Option<&Entry>) -> Result<(), Refusal> {
    let begun = before.filter(|before| before.body.kind == Kind::SuspensionBegun);
    let begun = begun.ok_or(Refusal::Suspension("there is nothing to confirm"))?;
    if begun.body.time != said.since {
        return Err(Refusal::Suspension("it confirms another beginning"));
    }
    let late = body.time >= said.since.plus(SUSPENSION);
    if late { Err(Refusal::Suspension("it had ended before it was confirmed")) } else { Ok(()) }
}

fn check_roster(named: Digest, roster: &Roster) -> Result<(), Refusal> {
    if named == roster.hash() { Ok(()) } else { Err(policy::Refusal::RosterChanged.into()) }
}

fn public<T: serde::de::DeserializeOwned>(body: &Body) -> Result<T, Refusal> {
    if body.subject != SuspensionBegun::SUBJECT {
        return Err(Refusal::Suspension("its subject is another"));
    }
    serde_json::from_value(body.public.clone())
        .map_err(|_| Refusal::Suspension("its public fields cannot be read"))
}
