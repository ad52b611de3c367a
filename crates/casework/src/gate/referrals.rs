//! E4: every jurisdiction concerned has the referral, and has answered or let its clock run out.

use super::{Closed, Run};
use crate::{Addressee, Answer, Concerned, Placement, Referral, ReferralState, Traffic};
use std::collections::BTreeSet;
use vocabulary::Timestamp;

/// What the referrals show.
pub(super) struct Referrals {
    /// What closes E4.
    pub(super) closed: Vec<Closed>,
    /// Whether an authority's silence was not waited for, so that the lease is short.
    pub(super) short: bool,
}

pub(super) fn examine(run: &Run<'_>) -> Referrals {
    let fact = match run.fresh(&run.input.facts.concerned, "the jurisdictions concerned (E4)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return Referrals { closed, short: false },
    };
    let mut found = Referrals { closed: unnamed(fact), short: false };
    for addressee in addressees(fact) {
        found.add(run, addressee);
    }
    found
}

/// Placements that name nothing: neither a jurisdiction nor that it is unknown.
fn unnamed(fact: &Concerned) -> Vec<Closed> {
    placements(fact)
        .into_iter()
        .filter(|(_, placement)| matches!(placement, Placement::In(list) if list.is_empty()))
        .map(|(what, _)| Closed::NoJurisdiction { what: what.to_owned() })
        .collect()
}

fn placements(fact: &Concerned) -> [(&'static str, &Placement); 3] {
    [("offence", &fact.offence), ("suspect", &fact.suspect), ("person at risk", &fact.person_at_risk)]
}

/// Whom the referrals must have reached.
fn addressees(fact: &Concerned) -> BTreeSet<Addressee> {
    let mut addressees = BTreeSet::new();
    for (_, placement) in placements(fact) {
        match placement {
            Placement::Unknown => {
                addressees.insert(Addressee::Fallback);
            }
            Placement::In(list) => addressees.extend(list.iter().map(|jurisdiction| {
                let endangers = fact.endangering.iter().any(|entry| entry.jurisdiction == *jurisdiction);
                if endangers { Addressee::Fallback } else { Addressee::Jurisdiction(*jurisdiction) }
            })),
        }
    }
    addressees
}

impl Referrals {
    /// Adds what is to be said about one addressee. Of several referrals to it the best counts, but
    /// any objection that holds closes the gate.
    fn add(&mut self, run: &Run<'_>, to: Addressee) {
        let delivered: Vec<_> = run
            .input
            .referrals
            .iter()
            .filter(|referral| referral.addressee == to)
            .filter_map(|referral| Some((*referral, delivered_at(referral, run.now)?)))
            .collect();
        if delivered.is_empty() {
            return self.closed.push(Closed::NotReferred { to });
        }
        let objections = delivered.iter().filter_map(|(referral, _)| objects_until(referral, run.now));
        if let Some(until) = objections.max() {
            return self.closed.push(Closed::Objection { to, until });
        }
        if delivered.iter().any(|(referral, _)| settled(referral, run.now)) {
            return;
        }
        let hurried = |(referral, _): &(&Referral, Timestamp)| {
            let Some(traffic) = referral.state.traffic() else { return false };
            let clock = traffic.silent_from();
            let shorter = run.horizon().zip(clock).is_some_and(|(horizon, clock)| horizon < clock);
            shorter && traffic.on_two_channels(run.now)
        };
        if delivered.iter().any(hurried) {
            self.short = true;
        } else {
            self.closed.push(Closed::AwaitingAnswer { referral: delivered[0].0.id, to });
        }
    }
}

fn delivered_at(referral: &Referral, now: Timestamp) -> Option<Timestamp> {
    referral.state.traffic()?.first_delivery().filter(|at| *at <= now)
}

/// Answered, or silent past its clock on two channels.
fn settled(referral: &Referral, now: Timestamp) -> bool {
    let answered = referral.state.answered().is_some_and(|(_, at)| at <= now);
    let silent = match &referral.state {
        ReferralState::Closed { last, .. } => matches!(**last, ReferralState::Silent { .. }),
        ReferralState::Silent { .. } => true,
        state => state.traffic().and_then(Traffic::silent_from).is_some_and(|from| from <= now),
    };
    answered || silent
}

/// Until when an objection of a verified authority closes the gate.
fn objects_until(referral: &Referral, now: Timestamp) -> Option<Timestamp> {
    let (answer, since) = referral.state.answered()?;
    match answer {
        Answer::Objection(objection) if referral.authority.verified.is_some() => {
            objection.until(since).filter(|until| now < *until)
        }
        _ => None,
    }
}
