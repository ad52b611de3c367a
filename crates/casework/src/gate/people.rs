//! The parts of E7, E8 and E9 that belong to people: the legal reviewer, everybody's interests, and
//! the customer's hearing.

use super::{Closed, Run, same_officer};
use crate::{Finding, LegalConclusion, Notice, Officer, WithheldBecause, clocks};
use policy::{Ground, Measure, Role};
use std::collections::BTreeSet;

/// E7: the legal reviewer's conclusion.
pub(super) fn legal(run: &Run<'_>, relied: &[&Finding]) -> Vec<Closed> {
    let recorded = match run.fresh(&run.input.facts.legal_review, "the legal conclusion (E7)") {
        Ok(recorded) => recorded,
        Err(closed) => return closed,
    };
    let mut closed = Vec::new();
    if recorded.by.role != Role::Legal {
        closed.push(Closed::NotByLegal);
    }
    let mut ratings = relied.iter().flat_map(|finding| finding.ratings.all());
    if ratings.any(|rating| same_officer(&rating.by, &recorded.by)) {
        closed.push(Closed::LegalAlsoRated);
    }
    if recorded.fact.conclusion != LegalConclusion::Lawful {
        closed.push(Closed::NotFoundLawful);
    }
    if recorded.fact.dissent.is_none() {
        closed.push(Closed::DissentNotRecorded);
    }
    closed
}

/// E8: everybody who rated, concluded or recorded a fact has declared that nothing stands in the way.
pub(super) fn interests(run: &Run<'_>, relied: &[&Finding]) -> Vec<Closed> {
    participants(run, relied)
        .into_iter()
        .filter_map(|by| {
            let mut declarations = run.input.facts.declarations.iter();
            let own = declarations.find(|declaration| same_officer(&declaration.by, &by)).cloned();
            match run.fresh(&own, &format!("the interests of {by} (E8)")) {
                Ok(declaration) if declaration.fact.conflict.is_some() => Some(Closed::Conflicted { by }),
                Ok(_) => None,
                Err(_) if own.is_none() => Some(Closed::NotDeclared { by }),
                Err(mut closed) => closed.pop(),
            }
        })
        .collect()
}

fn participants(run: &Run<'_>, relied: &[&Finding]) -> BTreeSet<Officer> {
    let facts = &run.input.facts;
    let recorders = [
        facts.danger.as_ref().map(|fact| &fact.by),
        facts.nexus.as_ref().map(|fact| &fact.by),
        facts.concerned.as_ref().map(|fact| &fact.by),
        facts.lesser_measures.as_ref().map(|fact| &fact.by),
        facts.safety.as_ref().map(|fact| &fact.by),
        facts.legal_review.as_ref().map(|fact| &fact.by),
        facts.site_conduct.as_ref().map(|fact| &fact.by),
    ];
    let raters = relied.iter().flat_map(|finding| finding.ratings.all()).map(|rating| &rating.by);
    recorders.into_iter().flatten().chain(raters).cloned().collect()
}

/// Whether a measure waits until the customer has had its hour to cure or answer: a provisional block, and by policy every
/// block. Listed addresses that spread malware, trick visitors or abuse the service do not wait: each minute of theirs harms
/// somebody who was not told either.
pub(super) fn waits_for_hearing(measure: Measure, ground: Ground) -> bool {
    match measure {
        Measure::M5 | Measure::M6 | Measure::M7 => true,
        Measure::M3 => matches!(ground, Ground::Policy | Ground::Payment),
        _ => false,
    }
}

/// E9: the customer was told and had its hour, or why not. Of which items, `evidence` asks.
pub(super) fn notice(run: &Run<'_>, ground: Ground) -> Vec<Closed> {
    let fact = match run.fresh(&run.input.facts.site_conduct, "what the site did (E9)") {
        Ok(recorded) => &recorded.fact,
        Err(closed) => return closed,
    };
    match &fact.notice {
        None => vec![Closed::CustomerNotTold],
        Some(Notice::Given { at, .. }) => {
            let until = at.plus(clocks::HEARING_MIN);
            let runs = waits_for_hearing(run.input.measure, ground) && run.now < until;
            if runs { vec![Closed::HearingRuns { until }] } else { Vec::new() }
        }
        Some(Notice::Withheld { because: WithheldBecause::EndangersSomeone, .. }) => Vec::new(),
        Some(Notice::Withheld { because: WithheldBecause::HorizonShorter, .. }) => {
            let hour = run.now.plus(clocks::HEARING_MIN);
            let shorter = run.horizon().is_some_and(|horizon| horizon < hour);
            if shorter { Vec::new() } else { vec![Closed::HorizonLongEnough] }
        }
    }
}
