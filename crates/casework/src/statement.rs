//! The words of a statement of reasons.
//!
//! Sentences about what the gate found are fixed texts: they name no person, no jurisdiction and no
//! number of either, so two cases that differ only there get the same words.

use crate::{Case, Notice, Request, Setting, WithheldBecause};
use policy::{
    AuthoritiesAsked, Ground, Language, PolicyReference, Profile, Statement, StatementFormat, Terms, floor,
};
use vocabulary::{Timestamp, moment};

pub(crate) fn compose(
    case: &Case,
    request: &Request,
    setting: &Setting<'_>,
    (not_before, expires): (Timestamp, Timestamp),
) -> Statement {
    let profile = setting.roster.profile();
    let url = format!("{}/record/decisions/{}", setting.public_url.trim_end_matches('/'), request.decision);
    Statement {
        format: StatementFormat,
        decision: request.decision,
        title: request.title.to_string(),
        summary: stamped(profile, request.summary.as_str()),
        facts: facts(case, request),
        ground: request.ground,
        ground_text: GROUND.to_owned(),
        measure: request.measure,
        class: request.class,
        not_before,
        expires,
        profile,
        policy: PolicyReference { version: setting.matrix.version(), sha256: setting.matrix.hash() },
        floor: floor::hash(),
        authorities_asked: AuthoritiesAsked::Formally,
        meaning: meaning(expires),
        redress: format!(
            "The customer, a reporter, or anyone affected may ask for a review by someone who took no part: \
             write to {} and name {}.",
            setting.contact, request.decision
        ),
        contact: setting.contact.to_owned(),
        url,
        language: Language::En,
    }
}

/// The statement of a decision that goes on under new terms: what was found stays, what it rests on and
/// how long it lasts is said anew.
pub(crate) fn continued(before: &Statement, terms: &Terms, setting: &Setting<'_>) -> Statement {
    let ground_text = match (terms.ground, &terms.demand) {
        (Ground::Order, Some(demand)) => format!("An order of {} under {}.", demand.authority, demand.law),
        (Ground::RatifiedEmergency, _) => RATIFIED.to_owned(),
        _ => before.ground_text.clone(),
    };
    Statement {
        ground: terms.ground,
        ground_text,
        measure: terms.measure,
        not_before: terms.not_before,
        expires: terms.expires,
        policy: PolicyReference { version: setting.matrix.version(), sha256: setting.matrix.hash() },
        meaning: meaning(terms.expires),
        ..before.clone()
    }
}

fn meaning(expires: Timestamp) -> String {
    format!(
        "Until {} this network does not show the sites in scope to visitors, unless the decision is \
         lifted before. The sites are not deleted, and they stay protected against attacks. The \
         block ends by itself.",
        moment::date_and_time(expires)
    )
}

const RATIFIED: &str = "Danger to human life. Two people who took no part in the first decision and the independent \
                        reviewer confirmed it.";

const GROUND: &str = "Danger to human life: legal process would be slower than the risk. The measure is \
                      provisional and ends by itself.";

/// A trial says so wherever its decision is read.
fn stamped(profile: Profile, summary: &str) -> String {
    match profile {
        Profile::Trial => format!("TRIAL, self-witnessed: no real decision. {summary}"),
        Profile::Solo | Profile::Ward | Profile::Full => summary.to_owned(),
    }
}

fn facts(case: &Case, request: &Request) -> Vec<String> {
    let told = match case.facts.site_conduct.as_ref().and_then(|recorded| recorded.fact.notice.as_ref()) {
        Some(Notice::Given { reply: Some(_), .. }) => {
            "The customer was told, had time to act, and answered; its answer is on the record."
        }
        Some(Notice::Given { reply: None, .. }) => "The customer was told and had time to act.",
        Some(Notice::Withheld { because: WithheldBecause::EndangersSomeone, .. }) => {
            "The customer was not told before, because the warning would have endangered someone."
        }
        Some(Notice::Withheld { because: WithheldBecause::HorizonShorter, .. }) | None => {
            "The customer was not told before, because there was no time."
        }
    };
    let found = [
        "Independent items that threaten death or serious injury were posted or promoted within 48 hours.",
        "Officers rated them credible without sight of each other's rating, and a legal reviewer concluded that \
         the measure is lawful.",
        "The matter was referred to every authority concerned before the decision.",
        "Each lesser measure was considered; none would do.",
        told,
    ];
    let own = request.facts.iter().map(|fact| fact.to_string());
    found.into_iter().map(str::to_owned).chain(own).collect()
}
