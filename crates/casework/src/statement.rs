//! The words of a statement of reasons.
//!
//! Sentences about what the gate found are fixed texts: they name no person, no jurisdiction and no
//! number of either, so two cases that differ only there get the same words.

use crate::{Case, Notice, Referral, Request, Setting, Traffic, WithheldBecause, clocks};
use policy::{
    AuthoritiesAsked, Demand, Ground, Language, ListedUrl, Measure, PolicyReference, Profile, Statement,
    StatementFormat, Terms, Territory, floor,
};
use std::collections::BTreeSet;
use vocabulary::{Timestamp, moment};

pub(crate) fn compose(
    case: &Case,
    request: &Request,
    setting: &Setting<'_>,
    (not_before, expires): (Timestamp, Timestamp),
    now: Timestamp,
) -> Statement {
    let profile = setting.roster.profile();
    let url = format!("{}/record/decisions/{}", setting.public_url.trim_end_matches('/'), request.decision);
    Statement {
        format: StatementFormat,
        decision: request.decision,
        title: request.title.to_string(),
        summary: stamped(profile, request.summary.as_str()),
        facts: facts(case, request, now),
        ground: request.ground,
        ground_text: ground_text(request.ground, request.demand.as_ref(), setting),
        measure: request.measure,
        class: request.class,
        not_before,
        expires,
        profile,
        policy: PolicyReference { version: setting.matrix.version(), sha256: setting.matrix.hash() },
        floor: floor::hash(),
        authorities_asked: asked(case, request.ground),
        meaning: meaning(request.measure, &request.territories, (not_before, expires)),
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
    let ground_text = match terms.ground {
        Ground::Order | Ground::RatifiedEmergency => {
            ground_text(terms.ground, terms.demand.as_ref(), setting)
        }
        _ => before.ground_text.clone(),
    };
    Statement {
        ground: terms.ground,
        ground_text,
        measure: terms.measure,
        not_before: terms.not_before,
        expires: terms.expires,
        policy: PolicyReference { version: setting.matrix.version(), sha256: setting.matrix.hash() },
        meaning: meaning(terms.measure, &terms.territories, (terms.not_before, terms.expires)),
        ..before.clone()
    }
}

/// What a measure means for visitors: what is closed, where, until when, and what stays as it was.
fn meaning(
    measure: Measure,
    territories: &BTreeSet<Territory>,
    (begins, expires): (Timestamp, Timestamp),
) -> String {
    let until = moment::date_and_time(expires);
    let place = if territories.is_empty() {
        String::new()
    } else {
        let named: Vec<_> = territories.iter().map(Territory::to_string).collect();
        format!(" in these territories: {}", named.join(", "))
    };
    if measure == Measure::M7 {
        return farewell(&place, begins, expires, territories.is_empty());
    }
    let (what, stays) = match measure {
        Measure::M1 => {
            ("shows visitors this warning before the sites in scope", "Whoever wants to go on may do so.")
        }
        Measure::M2 => (
            "does not offer the named features to the sites in scope",
            "The sites are shown as before, they are cached, and they stay protected against attacks.",
        ),
        Measure::M3 => (
            "does not show the listed addresses to visitors, however they are spelled",
            "Every other page of the sites is shown as before. Nothing is deleted.",
        ),
        _ => (
            "does not show the sites in scope to visitors",
            "The sites are not deleted, and they stay protected against attacks.",
        ),
    };
    let ends = match measure {
        Measure::M1 => "The warning ends by itself.",
        Measure::M2 => "The features come back by themselves.",
        _ => "The block ends by itself.",
    };
    format!("Until {until} this network {what}{place}, unless the decision is lifted before. {stays} {ends}")
}

/// What the end of a service means: first for visitors, then for the customer, with every date.
fn farewell(place: &str, begins: Timestamp, expires: Timestamp, for_good: bool) -> String {
    let from = moment::date_and_time(begins);
    let until = moment::date_and_time(expires);
    let gone = moment::date_and_time(expires.minus(clocks::SETTINGS_GO_BEFORE));
    let settings = if for_good {
        format!(
            "The settings of the sites are kept until {gone} and handed to the customer on request; then they are \
             deleted. Until then a review can restore everything."
        )
    } else {
        "Everywhere else the sites are served as before.".to_owned()
    };
    format!(
        "From {from} this network no longer serves the sites in scope{place}; until {until} visitors are told so. Until \
         it begins nothing changes, so that the sites can move elsewhere. What is on the customer’s own servers is \
         not touched; from then on this network does not shield them. {settings}"
    )
}

/// What it rests on, in words.
fn ground_text(ground: Ground, demand: Option<&Demand>, setting: &Setting<'_>) -> String {
    let version = setting.matrix.version();
    let breach =
        |what: &str| format!("{what}, which version {version} of the published policy does not allow.");
    match (ground, demand) {
        (Ground::Order, Some(demand)) => format!("An order of {} under {}.", demand.authority, demand.law),
        (Ground::Order, None) => "An order of an authority.".to_owned(),
        (Ground::Emergency, _) => GROUND.to_owned(),
        (Ground::RatifiedEmergency, _) => RATIFIED.to_owned(),
        (Ground::Policy, _) => {
            format!("A breach of version {version} of the published policy. No emergency is claimed.")
        }
        (Ground::TechnicalAbuse, _) => breach("Abuse of the service itself"),
        (Ground::Malware, _) => breach("Malware is spread"),
        (Ground::Phishing, _) => breach("Visitors are tricked into giving away secrets"),
        (Ground::Payment, _) => "The customer does not pay for the service.".to_owned(),
    }
}

/// An emergency and an order have been before an authority; of a breach, what the case shows.
fn asked(case: &Case, ground: Ground) -> AuthoritiesAsked {
    let arrived = |referral: &Referral| referral.state.traffic().and_then(Traffic::first_delivery).is_some();
    let delivered = case.referrals.iter().any(arrived);
    match ground {
        Ground::Emergency | Ground::RatifiedEmergency | Ground::Order => AuthoritiesAsked::Formally,
        _ if delivered => AuthoritiesAsked::Formally,
        _ => AuthoritiesAsked::No,
    }
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

fn facts(case: &Case, request: &Request, now: Timestamp) -> Vec<String> {
    let told = match case.facts.site_conduct.as_ref().and_then(|recorded| recorded.fact.notice.as_ref()) {
        Some(Notice::Given { reply: Some(_), .. }) => {
            "The customer was told, and answered; its answer is on the record."
        }
        Some(Notice::Given { at, .. }) if now >= at.plus(clocks::HEARING_MIN) => {
            "The customer was told and had time to act."
        }
        Some(Notice::Given { .. }) => "The customer was told less than an hour before.",
        Some(Notice::Withheld { because: WithheldBecause::EndangersSomeone, .. }) => {
            "The customer was not told before, because the warning would have endangered someone."
        }
        Some(Notice::Withheld { because: WithheldBecause::HorizonShorter, .. }) | None => {
            "The customer was not told before, because there was no time."
        }
    };
    let found: &[&str] = match request.ground {
        Ground::Emergency | Ground::RatifiedEmergency => &[
            "Independent items that threaten death or serious injury were posted or promoted within 48 hours.",
            "Officers rated them credible without sight of each other's rating, and a legal reviewer concluded that \
             the measure is lawful.",
            "The matter was referred to every authority concerned before the decision.",
            "Each lesser measure was considered; none would do.",
            told,
        ],
        Ground::Order => &[
            "An authority answered with an order, and a legal reviewer concluded that carrying it out is lawful.",
            "It is carried out where the order reaches, and nowhere else.",
        ],
        _ => &[
            "Officers rated what was found without sight of each other's rating, and they agree.",
            "A legal reviewer concluded that the measure is lawful.",
            "Each lesser measure was considered; none would do.",
            told,
        ],
    };
    let own = request.facts.iter().map(|fact| fact.to_string());
    found.iter().map(|fact| (*fact).to_owned()).chain(whole_program(request)).chain(own).collect()
}

/// A listed address may be a program that serves every page: the statement must not say that the others are open.
fn whole_program(request: &Request) -> Option<String> {
    let mut listed = request.scope.sites().iter().flat_map(|site| &site.urls);
    listed.any(ListedUrl::is_whole_program).then(|| {
        "A listed address is that of a program: all that this program serves is closed, which may be every page of \
         the site."
            .to_owned()
    })
}
