//! The records of one decision, in order: made, then ratified or renewed, then ended before its time.
//!
//! Owns which kinds of entry may follow each other and what each must say; who may sign which is
//! [`policy::Standing`]'s.

use crate::bundle::STEPS_MAX;
use crate::{Bundle, Refusal};
use ledger::{DecisionEnded, Entry, Kind};
use policy::{EndReason, LIFT_WAIT, Pseudonym, Roster, Signed, Standing, Terms};
use vocabulary::{DecisionId, Timestamp};

#[cfg(test)]
mod tests;

/// The entries are of one decision, begin with its making, and go forward.
pub(super) fn check(bundle: &Bundle) -> Result<(), Refusal> {
    let kind = bundle.entry.body.kind;
    if !matches!(kind, Kind::DecisionMade | Kind::DecisionRatified | Kind::DecisionRenewed) {
        return Err(Refusal::NotADecision(kind));
    }
    if bundle.before.len() > STEPS_MAX {
        return Err(Refusal::Chain("there are too many"));
    }
    let chain: Vec<&Entry> = bundle.before.iter().map(|step| &step.entry).chain([&bundle.entry]).collect();
    for (place, entry) in chain.iter().enumerate() {
        if (entry.body.kind == Kind::DecisionMade) != (place == 0) {
            return Err(Refusal::Chain("the first one makes the decision, and only the first"));
        }
    }
    let all: Vec<&Entry> = chain.into_iter().chain(bundle.ending.as_ref().map(|step| &step.entry)).collect();
    for pair in all.windows(2) {
        if pair[0].body.subject != pair[1].body.subject {
            return Err(Refusal::Chain("they are of several decisions"));
        }
        if pair[0].body.sequence >= pair[1].body.sequence {
            return Err(Refusal::Chain("their numbers do not grow"));
        }
    }
    Ok(())
}

/// The terms that an entry states, about its own subject.
pub(crate) fn terms(entry: &Entry) -> Result<Terms, Refusal> {
    let terms: Terms = serde_json::from_value(entry.body.public.clone()).map_err(|_| Refusal::Terms)?;
    let own = entry.body.subject.parse::<DecisionId>() == Ok(terms.decision);
    if own { Ok(terms) } else { Err(Refusal::Terms) }
}

/// What an entry that ends a measure says, about its own subject.
pub(crate) fn ending(entry: &Entry) -> Result<DecisionEnded, Refusal> {
    let unreadable = || Refusal::Ending("its public fields cannot be read");
    let said: DecisionEnded = serde_json::from_value(entry.body.public.clone()).map_err(|_| unreadable())?;
    let own = entry.body.subject.parse::<DecisionId>() == Ok(said.decision);
    if own { Ok(said) } else { Err(unreadable()) }
}

/// One record further.
pub(crate) fn advance(
    standing: Option<Standing>,
    entry: &Entry,
    terms: &Terms,
    roster: &Roster,
) -> Result<Standing, Refusal> {
    let body = entry.body.to_bytes().map_err(Refusal::Entry)?;
    let proposer = proposer(entry);
    let record = Signed { body: &body, approvals: &entry.approvals, proposer: proposer.as_ref() };
    Ok(match (standing, entry.body.kind) {
        (None, Kind::DecisionMade) => Standing::made(record, roster, terms)?,
        (Some(standing), Kind::DecisionRatified) => standing.ratify(record, roster, terms)?,
        (Some(standing), Kind::DecisionRenewed) => standing.renew(record, roster, terms)?,
        _ => return Err(Refusal::Chain("a record stands where it cannot")),
    })
}

/// When the measure ends, if the right people signed that.
pub(crate) fn ends(
    entry: &Entry,
    said: &DecisionEnded,
    roster: &Roster,
    standing: &Standing,
) -> Result<Timestamp, Refusal> {
    let body = entry.body.to_bytes().map_err(Refusal::Entry)?;
    let record = Signed { body: &body, approvals: &entry.approvals, proposer: None };
    let overturned = said.because == EndReason::Overturned;
    match entry.body.kind {
        Kind::DecisionLifted if !overturned => {
            if said.effective < entry.body.time.plus(LIFT_WAIT) {
                return Err(Refusal::Ending("a lift waits 30 minutes before it acts"));
            }
            standing.lift(record, roster)?;
        }
        Kind::DecisionReversed if overturned => standing.reverse(record, roster)?,
        _ => return Err(Refusal::Ending("its kind and its reason do not fit")),
    }
    Ok(said.effective)
}

/// Who proposed it: the first actor, as `role/pseudonym`.
fn proposer(entry: &Entry) -> Option<Pseudonym> {
    entry.body.actors.first()?.rsplit('/').next()?.parse().ok()
}
