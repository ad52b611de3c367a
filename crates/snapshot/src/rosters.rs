//! Rosters that follow the pinned one: each published by the log, signed by the quorum of the one before, acting in its
//! time. What an edge pinned when it joined stays the root; everything later proves itself from there.

use crate::{Document, Refusal};
use ledger::{Entry, Kind, RosterChanged};
use policy::{Roster, Signed};
use vocabulary::Timestamp;

#[cfg(test)]
mod tests;

/// Most rosters after the pinned one that one proof carries.
pub(crate) const ROSTERS_MAX: usize = 64;

/// The pinned roster and what follows it, in order.
#[derive(Debug, Clone)]
pub(crate) struct Rosters(Vec<Link>);

#[derive(Debug, Clone)]
struct Link {
    roster: Roster,
    /// Place of its entry in the log; none of the pinned one, which needs no proof.
    index: Option<u64>,
    /// Whether it took keys away and did nothing else.
    at_once: bool,
}

impl Rosters {
    /// The rosters that these documents prove, in the order of their numbers; `documents` with the places of their
    /// entries, whose inclusion the caller has checked.
    pub(crate) fn proved<'a>(
        pinned: &Roster,
        documents: impl Iterator<Item = (&'a Document, u64)>,
    ) -> Result<Self, Refusal> {
        let mut read = Vec::new();
        for (document, index) in documents {
            let roster = Roster::parse(document.document.as_bytes());
            let roster = roster.map_err(|_| Refusal::NotPublished("roster"))?;
            check_published(&document.entry, &roster)?;
            read.push((roster, &document.entry, index));
        }
        read.sort_by_key(|(roster, ..)| roster.serial());
        let start = read.iter().position(|(roster, ..)| roster == pinned).ok_or(Refusal::RosterNotPinned)?;
        let Self(mut links) = Self::pinned(pinned);
        for (roster, entry, index) in read.into_iter().skip(start + 1) {
            let Some(old) = links.last() else { return Err(Refusal::RosterNotPinned) };
            let bytes = entry.body.to_bytes().map_err(Refusal::Entry)?;
            let record = Signed { body: &bytes, approvals: &entry.approvals, proposer: None };
            roster.check_follows(&old.roster, record, entry.body.time)?;
            let at_once = roster.only_takes_keys_from(&old.roster);
            links.push(Link { roster, index: Some(index), at_once });
        }
        Ok(Self(links))
    }

    /// The pinned one alone.
    pub(crate) fn pinned(roster: &Roster) -> Self {
        Self(vec![Link { roster: roster.clone(), index: None, at_once: false }])
    }

    /// Number of the newest roster.
    pub(crate) fn newest(&self) -> u64 {
        self.0.last().map_or(0, |link| link.roster.serial())
    }

    /// The roster in force at an instant: the pinned one before any other acts.
    pub(crate) fn in_force(&self, at: Timestamp) -> &Roster {
        let acting = self.0.iter().rfind(|link| link.index.is_some() && link.roster.not_before() <= at);
        acting.map_or(&self.0[0].roster, |link| &link.roster)
    }

    /// Nobody signed with a key that was taken away before: by the time that the record states, or by its place in the
    /// log, which nobody can date back.
    pub(crate) fn check_keys(&self, entry: &Entry, index: u64) -> Result<(), Refusal> {
        let time = entry.body.time;
        let removed = |link: &&Link| {
            let before = link.index.is_some_and(|change| change < index);
            before && (link.at_once || link.roster.not_before() <= time)
        };
        let Some(newest) = self.0.iter().rfind(removed) else { return Ok(()) };
        match entry.approvals.iter().find(|approval| newest.roster.member(&approval.key).is_none()) {
            Some(_) => Err(policy::Refusal::KeyRemoved.into()),
            None => Ok(()),
        }
    }
}

/// The entry publishes this very roster.
pub(crate) fn check_published(entry: &Entry, roster: &Roster) -> Result<(), Refusal> {
    let body = &entry.body;
    let said = serde_json::from_value::<RosterChanged>(body.public.clone());
    let published = said.is_ok_and(|said| (said.serial, said.sha256) == (roster.serial(), roster.hash()));
    let right = (body.kind, body.subject.as_str()) == (Kind::RosterChanged, RosterChanged::SUBJECT);
    if published && right { Ok(()) } else { Err(Refusal::NotPublished("roster")) }
}
