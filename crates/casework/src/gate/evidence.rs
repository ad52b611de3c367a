//! E1, and the parts of E7 and E9 that belong to findings.
//!
//! All three must hold for the same pair of findings, so the sets are nested: what counts for E1, of
//! that what two officers agree on, of that what the site left up.

use super::{Age, Closed, NotCounted, Run, same_officer};
use crate::{Appearance, Credibility, Finding, ItemOutcome, Notice, PostedAt, Ratings, clocks};
use std::collections::BTreeSet;
use vocabulary::Timestamp;

/// What the findings show.
pub(super) struct Evidence<'a> {
    /// What closes E1.
    pub(super) independent: Vec<Closed>,
    /// What closes E7, as far as ratings go.
    pub(super) ratings: Vec<Closed>,
    /// What closes E9, as far as items go.
    pub(super) conduct: Vec<Closed>,
    /// Findings that count for E1.
    pub(super) relied: Vec<&'a Finding>,
    /// Findings that count in every respect.
    pub(super) counted: Vec<&'a Finding>,
}

pub(super) fn examine<'a>(run: &Run<'a>) -> Evidence<'a> {
    let all = &run.input.findings;
    let (relied, flaws) = sift(all, |finding| {
        not_counted(finding, run).map(|why| vec![Closed::FindingNotCounted { finding: finding.id, why }])
    });
    let independent = pair_or(&relied, flaws, |apart| {
        let counted = u32::try_from(relied.len()).unwrap_or(u32::MAX);
        if relied.len() < 2 { vec![Closed::TooFewFindings { counted }] } else { apart }
    });
    let (agreed, flaws) = sift(&relied, disagreement);
    let ratings = pair_or(&agreed, flaws, |_| vec![Closed::NoAgreedPair]);
    // Where the ratings carry no pair, E9 speaks about what E1 counts, so that its reasons are its own.
    let examined = if ratings.is_empty() { &agreed } else { &relied };
    let (left, flaws) = sift(examined, |finding| conduct(finding, run));
    let conduct = pair_or(&left, flaws, |_| vec![Closed::NoPairLeft]);
    let counted =
        left.into_iter().filter(|finding| agreed.iter().any(|kept| kept.id == finding.id)).collect();
    Evidence { independent, ratings, conduct, relied, counted }
}

/// The findings that show a breach by themselves: captured, on the site, rated credible by two officers without sight of
/// each other. How old they are and who wrote them is no question of a breach.
pub(super) fn agreed<'a>(run: &Run<'a>) -> Vec<&'a Finding> {
    let shown = |finding: &&&Finding| {
        let captured = !finding.evidence.is_empty() && finding.evidence.len() == finding.sha256.len();
        captured && finding.source.grade().counts() && finding.appearance != Appearance::Elsewhere
    };
    let credible = |finding: &&&Finding| {
        finding.ratings.all().all(|rating| rating.credibility == Credibility::Credible)
            && disagreement(finding).is_none()
    };
    run.input.findings.iter().filter(shown).filter(credible).copied().collect()
}

/// What the site did with all of these once told, where none of them is left that carries a measure.
pub(super) fn cured(run: &Run<'_>, agreed: &[&Finding]) -> Vec<Closed> {
    let (left, flaws) = sift(agreed, |finding| conduct(finding, run));
    if left.is_empty() { flaws } else { Vec::new() }
}

/// Parts findings into those without flaws and the flaws of the others.
fn sift<'a>(
    findings: &[&'a Finding],
    flaws: impl Fn(&Finding) -> Option<Vec<Closed>>,
) -> (Vec<&'a Finding>, Vec<Closed>) {
    let mut kept = Vec::new();
    let mut found = Vec::new();
    for finding in findings {
        match flaws(finding) {
            None => kept.push(*finding),
            Some(reasons) => found.extend(reasons),
        }
    }
    (kept, found)
}

/// Nothing if two of the findings are independent; else the flaws of those left out, and `otherwise`
/// of what keeps the rest from being a pair.
fn pair_or(
    findings: &[&Finding],
    flaws: Vec<Closed>,
    otherwise: impl FnOnce(Vec<Closed>) -> Vec<Closed>,
) -> Vec<Closed> {
    let mut apart = BTreeSet::new();
    for (place, first) in findings.iter().enumerate() {
        for second in &findings[place + 1..] {
            match dependence(first, second) {
                None => return Vec::new(),
                Some(reason) => apart.insert(reason),
            };
        }
    }
    flaws.into_iter().chain(otherwise(apart.into_iter().collect())).collect()
}

/// Why two findings are no independent pair.
fn dependence(one: &Finding, other: &Finding) -> Option<Closed> {
    let (first, second) = (one.id, other.id);
    let same_author = match (&one.author, &other.author) {
        (Some(one), Some(other)) => one.resembles(other),
        _ => true,
    };
    if one.same_item(other) {
        Some(Closed::SameItem { first, second })
    } else if same_author {
        Some(Closed::SameAuthor { first, second })
    } else if one.evidence.iter().any(|capture| other.evidence.contains(capture))
        || one.sha256.iter().any(|bytes| other.sha256.contains(bytes))
    {
        Some(Closed::SameCapture { first, second })
    } else if !one.source.grade().own() && !other.source.grade().own() {
        Some(Closed::NoOwnCapture { first, second })
    } else {
        None
    }
}

/// E1, finding by finding.
fn not_counted(finding: &Finding, run: &Run<'_>) -> Option<NotCounted> {
    if finding.evidence.is_empty() || finding.evidence.len() != finding.sha256.len() {
        return Some(NotCounted::NoCapture);
    }
    if !finding.source.grade().counts() {
        return Some(NotCounted::Grade);
    }
    if finding.appearance == Appearance::Elsewhere {
        return Some(NotCounted::NotOnSite);
    }
    if finding.author.is_none() {
        return Some(NotCounted::AuthorUnknown);
    }
    too_old(finding.posted_at, run.now).or_else(|| not_credible(finding, run))
}

fn too_old(posted_at: PostedAt, now: Timestamp) -> Option<NotCounted> {
    match posted_at.earliest() {
        None => Some(NotCounted::AgeUnknown),
        Some(earliest) if earliest > now => Some(NotCounted::Ahead),
        Some(earliest) if earliest.plus(clocks::POSTED_WITHIN) < now => Some(NotCounted::TooOld),
        Some(_) => None,
    }
}

/// For E1 one credible rating of two is enough; whether they agree is E7's question. A lone rating is
/// sealed: whatever it says, it gives the same reason.
fn not_credible(finding: &Finding, run: &Run<'_>) -> Option<NotCounted> {
    match finding.ratings {
        Ratings::Awaited => return Some(NotCounted::NotRated),
        Ratings::Sealed(_) => return Some(NotCounted::RatedOnce),
        Ratings::Opened { .. } => {}
    }
    if finding.ratings.all().any(|rating| run.age(rating.at) != Age::Fresh) {
        return Some(NotCounted::RatingStale);
    }
    let credible = finding.ratings.all().any(|rating| rating.credibility == Credibility::Credible);
    if credible { None } else { Some(NotCounted::NotCredible) }
}

/// E7, finding by finding.
fn disagreement(finding: &Finding) -> Option<Vec<Closed>> {
    let id = finding.id;
    let mut reasons = Vec::new();
    match &finding.ratings {
        Ratings::Opened { first, second } => {
            if !first.unsighted || !second.unsighted {
                reasons.push(Closed::RatedWithSight { finding: id });
            }
            if same_officer(&first.by, &second.by) {
                reasons.push(Closed::RatedTwiceByOne { finding: id });
            }
            if first.credibility != second.credibility {
                reasons.push(Closed::RatingsDisagree { finding: id });
            }
        }
        Ratings::Sealed(_) | Ratings::Awaited => reasons.push(Closed::SecondRatingMissing { finding: id }),
    }
    if reasons.is_empty() { None } else { Some(reasons) }
}

/// E9, finding by finding: the customer was told of it, and what the site did is recorded. Where telling
/// was unsafe neither is asked, but a prompt removal counts all the same.
fn conduct(finding: &Finding, run: &Run<'_>) -> Option<Vec<Closed>> {
    let fact = &run.fresh(&run.input.facts.site_conduct, "").ok()?.fact;
    let id = finding.id;
    let told_at = match &fact.notice {
        Some(Notice::Given { items, .. }) if !items.contains(&id) => {
            return Some(vec![Closed::NotToldOf { finding: id }]);
        }
        Some(Notice::Given { at, .. }) => Some(*at),
        Some(Notice::Withheld { .. }) | None => None,
    };
    let outcome = fact.items.iter().rev().find(|entry| entry.finding == id).map(|entry| entry.outcome);
    match outcome {
        None if told_at.is_some() => Some(vec![Closed::ConductNotRecorded { finding: id }]),
        None | Some(ItemOutcome::StillUp | ItemOutcome::Reposted { .. }) => None,
        Some(ItemOutcome::Removed { at }) => {
            let since = told_at.into_iter().chain(finding.posted_at.earliest()).max();
            let prompt = since.is_none_or(|since| at <= since.plus(clocks::PROMPT_REMOVAL));
            if prompt { Some(vec![Closed::RemovedPromptly { finding: id }]) } else { None }
        }
    }
}
