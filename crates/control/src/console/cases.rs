//! The pages of cases: the queue, and one case with everything that officers need to see of it.

use super::agenda::{Due, channel, clocks_of, timeline};
use super::{offers, page};
use crate::api::Api;
use crate::api::appeals::decisions_of;
use crate::api::refusals::case as one_case;
use crate::desk::examine;
use crate::pages::cases::{
    AppealRow, CasePage, CaseRow, CasesPage, Clock, ConditionRow, DecisionLine, EvidenceRow, FindingRow,
    Moment, OrderRow, ReferralRow,
};
use crate::pages::console::Notice;
use crate::plane::Plane;
use crate::rim::Problem;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{
    Answer, Case, CaseStatus, Credibility, Decision, Finding, FollowUp, GateCondition, Held, Order, PostedAt,
    Ratings, Referral, assess,
};
use policy::{Ground, Measure};
use records::{EvidenceSummary, Page};
use serde::Deserialize;
use vocabulary::{CaseId, Timestamp, moment};

/// Most orders that are looked through for those of a case.
const ORDERS_MAX: u32 = 200;

/// What the page is asked to show.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    measure: Option<Measure>,
    ground: Option<Ground>,
    live: Option<String>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    if api.door.identify(&fields).await?.is_none() {
        return Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page()));
    }
    let plane = &api.plane;
    let listing = PageOf::of(plane.records.list_cases(query.page()?).await?, |held| held.value);
    let mut lines = Vec::new();
    for case in listing.items {
        let decisions = decisions_of(plane, case.id).await?;
        lines.push(row(&case, &decisions));
    }
    // Cases without a clock come last, closed ones behind them.
    lines.sort_by_key(|line| (!line.open, line.clock.is_none(), line.clock.as_ref().map(|clock| clock.at)));
    let shown = CasesPage {
        now: plane.clock.now(),
        public_url: plane.public_url.to_string(),
        first: query.after.is_none(),
        lines,
        next: listing.next,
    };
    Ok(page(StatusCode::OK, shown.page()))
}

fn row(case: &Case, decisions: &[Decision]) -> CaseRow {
    CaseRow {
        id: case.id.to_string(),
        allegation: case.allegation.to_string(),
        open: case.status == CaseStatus::Open,
        opened_at: case.opened_at,
        clock: clocks_of(case, decisions).into_iter().next().map(clock),
        findings: case.findings.len(),
        rated: case.is_rated(),
    }
}

pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    Query(asked): Query<Asked>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    if api.door.identify(&fields).await?.is_none() {
        return Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page()));
    }
    let shown = compose(&api.plane, id, &asked).await?;
    Ok(page(StatusCode::OK, shown.page()))
}

async fn compose(plane: &Plane, id: CaseId, asked: &Asked) -> Result<CasePage, Problem> {
    let case = one_case(plane, id).await?.value;
    let decisions = decisions_of(plane, id).await?;
    let evidence = plane.records.evidence_of(id).await?;
    let now = plane.clock.now();
    let measure = asked.measure.unwrap_or(Measure::M5);
    let ground = asked.ground.unwrap_or(Ground::Emergency);
    let orders = orders_of(plane, &case).await?;
    // Of several orders the newest one is meant, which stands first; a proposal names its own.
    let order = orders.first().map(|(order, _)| order).filter(|_| ground == Ground::Order);
    let verdict = assess((&case, order), measure, ground, now);
    Ok(CasePage {
        now,
        public_url: plane.public_url.to_string(),
        id: id.to_string(),
        allegation: case.allegation.to_string(),
        open: case.status == CaseStatus::Open,
        clocks: clocks_of(&case, &decisions).into_iter().map(clock).collect(),
        live: asked.live.is_some(),
        acts: offers::of_case(&case),
        measure,
        ground,
        gate_open: verdict.open,
        conditions: verdict.conditions.iter().map(|one| condition(&case, one)).collect(),
        findings: case.findings.iter().map(|one| finding(&case, one)).collect(),
        evidence: evidence.into_iter().map(|row| file(id, row)).collect(),
        referrals: case.referrals.iter().map(|one| referral(&case, one)).collect(),
        orders: orders
            .iter()
            .map(|(order, row)| OrderRow { acts: offers::of_order(&case, order), ..row.clone() })
            .collect(),
        decisions: decisions.iter().map(|decision| decided(plane, decision)).collect(),
        appeals: case
            .appeals
            .iter()
            .map(|appeal| AppealRow {
                id: appeal.id.to_string(),
                state: appeal.state.name(),
                due: appeal.due,
                acts: offers::of_appeal(&case, appeal),
            })
            .collect(),
        moments: timeline(&case, &decisions).into_iter().map(|(at, what)| Moment { at, what }).collect(),
    })
}

fn clock(due: Due) -> Clock {
    Clock { at: due.at, what: due.what }
}

fn file(case: CaseId, file: EvidenceSummary) -> EvidenceRow {
    let (id, sha256) = (file.id.to_string(), file.sha256.to_string());
    let acts = offers::of_evidence(&case.to_string(), &id);
    EvidenceRow { id, media_type: file.media_type, sha256, at: file.at, acts }
}

fn condition(case: &Case, verdict: &casework::ConditionVerdict) -> ConditionRow {
    let reasons = match &verdict.state {
        Held::Held => Vec::new(),
        Held::Closed { reasons } => reasons.iter().map(ToString::to_string).collect(),
    };
    let acts = offers::of_condition(case, verdict.condition);
    ConditionRow { name: format!("{:?}", verdict.condition), asks: asks(verdict.condition), reasons, acts }
}

/// What a condition asks, in a line.
fn asks(condition: GateCondition) -> &'static str {
    match condition {
        GateCondition::E1 => "Two independent credible items of the last 48 hours",
        GateCondition::E2 => "Somebody or some place can be identified; grave harm, soon",
        GateCondition::E3 => "It is reachable through us, and the measure lowers the risk",
        GateCondition::E4 => "Every authority concerned has it, and has answered or is silent",
        GateCondition::E5 => "Nothing less would do",
        GateCondition::E6 => "Escalation and a safety plan are thought through",
        GateCondition::E7 => "Two ratings without sight of each other agree; the law was heard",
        GateCondition::E8 => "Interests are declared",
        GateCondition::E9 => "What the site did once it was told",
    }
}

/// A lone rating shows who rated, never what.
fn finding(case: &Case, finding: &Finding) -> FindingRow {
    let word = |credibility| if credibility == Credibility::Credible { "credible" } else { "not credible" };
    let ratings = match &finding.ratings {
        Ratings::Awaited => "nobody has rated it".to_owned(),
        Ratings::Sealed(rating) => {
            format!("sealed: {} has rated it; the second rating is awaited", rating.by)
        }
        Ratings::Opened { first, second } => {
            format!(
                "{}: {}, {} · {}: {}, {}",
                first.by,
                word(first.credibility),
                first.reason,
                second.by,
                word(second.credibility),
                second.reason
            )
        }
    };
    FindingRow {
        item: finding.item.to_string(),
        grade: format!("{:?}", finding.source.grade()),
        posted: posted(finding.posted_at),
        ratings,
        acts: offers::of_finding(case, finding),
    }
}

fn posted(posted: PostedAt) -> String {
    match posted {
        PostedAt::Instant(at) => moment::date_and_time(at),
        PostedAt::Interval { from, to } => {
            format!("between {} and {}", moment::date_and_time(from), moment::date_and_time(to))
        }
        PostedAt::Unknown => "not known".to_owned(),
    }
}

fn referral(case: &Case, referral: &Referral) -> ReferralRow {
    let channels = referral.state.traffic().map(|traffic| {
        let names: Vec<_> = traffic.attempts.iter().map(|attempt| channel(attempt.channel)).collect();
        names.join(", ")
    });
    let answer = referral.state.answered().map(|(answer, _)| match answer {
        Answer::Order => "an order",
        Answer::Request => "a request",
        Answer::NonObjection => "no objection",
        Answer::Objection(_) => "an objection",
        Answer::ObjectionWithdrawn => "its objection withdrawn",
        Answer::NoJurisdiction => "not its matter",
        Answer::NeedsInfo => "it needs to know more",
    });
    ReferralRow {
        id: referral.id.to_string(),
        authority: referral.authority.name.to_string(),
        verified: referral.authority.verified.is_some(),
        state: referral.state.name(),
        channels: channels.unwrap_or_default(),
        answer,
        acts: offers::of_referral(case, referral),
    }
}

fn decided(plane: &Plane, decision: &Decision) -> DecisionLine {
    let needed = plane.founded.roster.thresholds().approvals;
    let ends: Timestamp = decision.ends();
    let sites = decision.scope.sites().iter().map(|site| {
        let hosts: Vec<String> = site.hosts.iter().map(ToString::to_string).collect();
        format!("{}: {}", hosts.join(", "), site.reason)
    });
    DecisionLine {
        id: decision.id.to_string(),
        title: decision.statement.title.clone(),
        measure: decision.terms.measure,
        state: decision.state.name(),
        signed: decision.state.approvals().iter().map(|approval| approval.role.to_string()).collect(),
        needed,
        ends,
        sites: sites.collect(),
        public: decision.state.logged().is_some(),
        waits: waits(plane, decision),
        acts: offers::of_decision(decision),
    }
}

/// The record that would follow, and what its signatures lack.
fn waits(plane: &Plane, decision: &Decision) -> Option<String> {
    let pending = decision.pending.as_ref()?;
    let what = match &pending.follow_up {
        FollowUp::Ratification { .. } => "ratification",
        FollowUp::Renewal { .. } => "renewal",
        FollowUp::Lift { .. } => "lift",
        FollowUp::Reversal { .. } => "reversal",
    };
    let lacks = decision.check_signatures(pending, &plane.founded.roster).err();
    let lacks = lacks.map_or_else(|| "on its way into the log".to_owned(), |refusal| refusal.to_string());
    Some(format!("{what} put up by {}: {lacks}", pending.by))
}

/// The orders that answer the case's referrals, last received first, each with its row.
async fn orders_of(plane: &Plane, case: &Case) -> Result<Vec<(Order, OrderRow)>, Problem> {
    let mut found = Vec::new();
    if case.referrals.is_empty() {
        return Ok(found);
    }
    let all = plane.records.list_orders(Page::first(ORDERS_MAX)).await?.items;
    // One that cannot be read has its alarm.
    for order in all.into_iter().flatten().map(|held| held.value) {
        let Some((of, referral)) = order.answers else { continue };
        if of != case.id {
            continue;
        }
        let faults = match examine(plane, &order).await {
            Ok(faults) => faults.into_iter().map(|fault| fault.text).collect(),
            Err(problem) => vec![problem.words()],
        };
        let referral = case.referrals.iter().find(|one| one.id == referral);
        let authority = referral.map(|one| one.authority.name.to_string()).unwrap_or_default();
        let row = OrderRow {
            id: order.id.to_string(),
            authority,
            state: order.state.name(),
            faults,
            acts: Vec::new(),
        };
        found.push((order, row));
    }
    Ok(found)
}
