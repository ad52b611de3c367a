//! Which clocks of a case run, and what has happened in it: read off the case and its decisions.

use casework::{Case, CaseStatus, Credibility, Decision, Ratings, ReferralState, clocks};
use vocabulary::Timestamp;

/// How long the first referral may take after the first credible finding.
const FIRST_REFERRAL: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Something that has to be done by an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// By when.
    pub(super) at: Timestamp,
    /// What.
    pub(super) what: String,
}

/// The clocks that run, those that run out first in front.
pub(super) fn clocks_of(case: &Case, decisions: &[Decision]) -> Vec<Due> {
    let mut due = Vec::new();
    if case.status == CaseStatus::Open {
        due.extend(first_referral(case));
    }
    for referral in &case.referrals {
        due.extend(of_referral(&referral.authority.name.to_string(), &referral.state));
    }
    let open = |name: &str| matches!(name, "filed" | "admissible" | "under-review");
    for appeal in case.appeals.iter().filter(|appeal| open(appeal.state.name())) {
        due.push(Due { at: appeal.due, what: format!("decide {}", appeal.id) });
    }
    for decision in decisions {
        let what = match decision.state.name() {
            "proposed" | "approving" => format!("sign {}", decision.id),
            "logged" | "published" | "in-force" => {
                due.push(Due { at: decision.ends(), what: format!("{} ends by itself", decision.id) });
                continue;
            }
            _ => continue,
        };
        due.push(Due { at: decision.terms.proposed_at().plus(clocks::VERDICT_HOLDS), what });
    }
    due.sort_by_key(|due| due.at);
    due
}

fn first_referral(case: &Case) -> Option<Due> {
    let sent = case.referrals.iter().any(|referral| referral.state.traffic().is_some());
    let credible = case.findings.iter().filter_map(|finding| match &finding.ratings {
        Ratings::Opened { first, second }
            if [first, second].iter().all(|rating| rating.credibility == Credibility::Credible) =>
        {
            Some(first.at.max(second.at))
        }
        _ => None,
    });
    let first = credible.min().filter(|_| !sent)?;
    Some(Due { at: first.plus(FIRST_REFERRAL), what: "send the first referral".to_owned() })
}

fn of_referral(authority: &str, state: &ReferralState) -> Option<Due> {
    let traffic = state.traffic()?;
    let first = traffic.first_delivery()?;
    match state {
        ReferralState::Delivered { .. } if traffic.silent_from().is_none() => Some(Due {
            at: first.plus(clocks::SECOND_CHANNEL_AFTER),
            what: format!("try a second channel to {authority}"),
        }),
        ReferralState::Delivered { .. } | ReferralState::Acknowledged { .. } => {
            let at = traffic.silent_from().unwrap_or_else(|| first.plus(clocks::SILENT_AFTER));
            Some(Due { at, what: format!("{authority} counts as silent") })
        }
        _ => None,
    }
}

/// What has happened, the last thing first. Counts of reports are no part of it.
pub(super) fn timeline(case: &Case, decisions: &[Decision]) -> Vec<(Timestamp, String)> {
    let mut lines = vec![(case.opened_at, format!("{} opened the case", case.opened_by))];
    captured(case, &mut lines);
    referred(case, &mut lines);
    for decision in decisions {
        lines.push((
            decision.verdict.at,
            format!("{} proposed {}", decision.proposed_by, decision.terms.measure),
        ));
        if let Some(logged) = decision.state.logged() {
            lines.push((logged.at, format!("{} is entry {} of the log", decision.id, logged.index)));
        }
    }
    if let CaseStatus::Closed { by, at, reason } = &case.status {
        lines.push((*at, format!("{by} closed the case: {reason}")));
    }
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    lines
}

fn captured(case: &Case, lines: &mut Vec<(Timestamp, String)>) {
    for finding in &case.findings {
        lines.push((finding.captured_at, format!("captured {}", finding.item)));
        match &finding.ratings {
            Ratings::Awaited => {}
            Ratings::Sealed(rating) => {
                lines.push((rating.at, format!("{} rated {}", rating.by, finding.item)))
            }
            Ratings::Opened { first, second } => {
                for rating in [first, second] {
                    lines.push((rating.at, format!("{} rated {}", rating.by, finding.item)));
                }
            }
        }
    }
}

fn referred(case: &Case, lines: &mut Vec<(Timestamp, String)>) {
    for referral in &case.referrals {
        let name = &referral.authority.name;
        for attempt in referral.state.traffic().into_iter().flat_map(|traffic| &traffic.attempts) {
            lines.push((attempt.at, format!("sent to {name} ({})", channel(attempt.channel))));
        }
        for delivery in referral.state.traffic().into_iter().flat_map(|traffic| &traffic.deliveries) {
            lines.push((delivery.at, format!("arrived at {name} ({})", channel(delivery.channel))));
        }
        if let Some((_, at)) = referral.state.answered() {
            lines.push((at, format!("{name} answered")));
        }
    }
}

/// A channel in words.
pub(super) fn channel(channel: casework::Channel) -> &'static str {
    match channel {
        casework::Channel::Desk => "desk",
        casework::Channel::Email => "mail",
        casework::Channel::DutyLine => "duty line",
        casework::Channel::ByHand => "by hand",
        casework::Channel::Post => "post",
    }
}
