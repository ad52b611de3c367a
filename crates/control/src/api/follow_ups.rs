//! What follows a decision: putting a ratification, renewal, lift or reversal up for signing.
//!
//! Its exact bytes are then those of `/decisions/{decision}/bytes`, and signatures go where those of the
//! decision went, so that whoever signs does the same each time.

use super::Api;
use super::decisions::{broken, check_words, decision, demand_words, shown};
use super::orders;
use super::refusals::{case, officer};
use crate::plane::Plane;
use crate::policies::PolicyVersion;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use crate::sequencer::find_statement;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use casework::{Basis, Case, Continuation, Decision, FollowUp, Officer, Setting};
use ledger::{Body, DecisionEnded, EntryFormat, Kind};
use policy::{Demand, EndReason, Pseudonym, Territory};
use records::Versioned;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{AppealId, DecisionId, OrderId, ReferralId};

/// A record to put up for signing.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFollowUp {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// One of `{"ratification": …}`, `{"renewal": …}`, `{"lift": …}`, `{"reversal": …}`.
    #[schema(value_type = Object)]
    follow_up: Asked,
}

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Asked {
    /// Confirm an emergency: by an order, by a reviewer, or by a reviewer and an authority that does not object.
    Ratification {
        lease_seconds: u64,
        #[serde(default)]
        order: Option<OrderId>,
        #[serde(default)]
        referral: Option<ReferralId>,
        #[serde(default)]
        reviewer: Option<Pseudonym>,
        #[serde(default)]
        demand: Option<Demand>,
        #[serde(default)]
        territories: BTreeSet<Territory>,
    },
    /// Take a confirmed measure up once more.
    /// For the ground order: by the order that it rests on already, or a newer one.
    Renewal {
        lease_seconds: u64,
        #[serde(default)]
        order: Option<OrderId>,
        #[serde(default)]
        demand: Option<Demand>,
        #[serde(default)]
        territories: BTreeSet<Territory>,
    },
    /// End it before its time, in half an hour.
    Lift { because: EndReason },
    /// End it because an appeal overturned it.
    Reversal { appeal: AppealId },
}

impl Asked {
    /// The demand that would become public with it.
    fn demand(&self) -> Option<&Demand> {
        match self {
            Self::Ratification { demand, .. } | Self::Renewal { demand, .. } => demand.as_ref(),
            Self::Lift { .. } | Self::Reversal { .. } => None,
        }
    }
}

/// Puts a record up for signing; one at a time.
#[utoipa::path(post, path = "/api/v1/decisions/{decision}/follow-up", tag = "decisions",
    params(("decision" = String, Path)), request_body = NewFollowUp,
    responses((status = 201, description = "The decision, with the record under `pending`", body = Object),
        (status = 409, description = "Refused; `reason` says why")))]
pub(crate) async fn propose(
    State(api): State<Api>,
    Path(id): Path<DecisionId>,
    Json(asked): Json<NewFollowUp>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let demand = asked.follow_up.demand();
    check_words(plane, demand.into_iter().flat_map(demand_words))?;
    let Versioned { version, value: held } = decision(plane, id).await?;
    let case = case(plane, held.case).await?.value;
    let statement = find_statement(&*plane.records, &id.to_string(), &held.terms.statement).await;
    if held.state.logged().is_some() && statement.map_err(|error| broken(&error))?.is_none() {
        let why = "its statement is on the way into the log; ask again in a few seconds";
        return Err(Problem::refused("statement-not-logged", why));
    }
    let follow_up = compose(plane, &held, &case, asked.follow_up, &by).await?;
    let body = body(plane, &held, &follow_up, &by).await?;
    let next = held.follow(follow_up, by, body, plane.clock.now())?;
    let version = plane.docket.put(next.clone(), version).await?;
    plane.wake.notify_one();
    Ok(shown(plane, StatusCode::CREATED, &Versioned { version, value: next }))
}

/// Takes the record that waits for signatures away, unless it is on its way into the log.
#[utoipa::path(delete, path = "/api/v1/decisions/{decision}/follow-up", tag = "decisions",
    params(("decision" = String, Path)), responses((status = 200, body = Object), (status = 409)))]
pub(crate) async fn withdraw(
    State(api): State<Api>,
    Path(id): Path<DecisionId>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let Versioned { version, value: held } = decision(plane, id).await?;
    let next = held.withdraw()?;
    let version = plane.docket.put(next.clone(), version).await?;
    Ok(shown(plane, StatusCode::OK, &Versioned { version, value: next }))
}

async fn compose(
    plane: &Plane,
    decision: &Decision,
    case: &Case,
    asked: Asked,
    by: &Officer,
) -> Result<FollowUp, Problem> {
    let fleet = plane.fleet().await?;
    let (public_url, contact) = (plane.public_url.to_string(), plane.contact());
    let policy = policy_of(plane, decision)?;
    let setting = Setting {
        matrix: &policy.matrix,
        roster: &plane.founded.roster,
        footprint: plane.footprint(fleet.sites.len()),
        public_url: &public_url,
        contact: &contact,
    };
    let now = plane.clock.now();
    let continuation = |lease_seconds, demand, territories| Continuation {
        lease: Duration::from_secs(lease_seconds),
        demand,
        territories,
    };
    Ok(match asked {
        Asked::Ratification { lease_seconds, order, referral, reviewer, demand, territories } => {
            let reviewer = reviewer.map(|name| officer(plane, &name)).transpose()?;
            let basis = basis(order, referral, reviewer)?;
            let order = orders::named(plane, basis.order()).await?;
            orders::check_demand(plane, order.as_ref(), demand.as_ref()).await?;
            let asked = (basis, continuation(lease_seconds, demand, territories));
            decision.ratification((case, order.as_ref()), asked, by, &setting, now)?
        }
        Asked::Renewal { lease_seconds, order, demand, territories } => {
            let order = orders::named(plane, order.or(decision.order)).await?;
            let demanded = demand.as_ref().or(decision.terms.demand.as_ref());
            orders::check_demand(plane, order.as_ref(), demanded).await?;
            let asked = continuation(lease_seconds, demand, territories);
            decision.renewal((case, order.as_ref()), asked, &setting, now)?
        }
        Asked::Lift { because } => decision.lift(because, now)?,
        Asked::Reversal { appeal } => decision.reversal(case, appeal, now)?,
    })
}

/// What goes on goes on under the policy it began under.
fn policy_of(plane: &Plane, decision: &Decision) -> Result<Arc<PolicyVersion>, Problem> {
    let policy = plane.founded.policies.of(&decision.statement.policy.sha256);
    policy.ok_or_else(|| broken(&"the policy of the decision is not kept"))
}

/// What a ratification rests on: an order alone, a reviewer alone, or a reviewer and an authority's answer.
fn basis(
    order: Option<OrderId>,
    referral: Option<ReferralId>,
    reviewer: Option<Officer>,
) -> Result<Basis, Problem> {
    match (order, referral, reviewer) {
        (Some(order), None, None) => Ok(Basis::Order(order)),
        (None, None, Some(reviewer)) => Ok(Basis::Reviewer(reviewer)),
        (None, Some(referral), Some(reviewer)) => Ok(Basis::NonObjectionAndReviewer(referral, reviewer)),
        _ => Err(Problem::new(Reason::Malformed)
            .detail("a ratification names an order, or a reviewer, or a referral and a reviewer")),
    }
}

/// The exact bytes to sign: the next entry of the decision in the log.
async fn body(
    plane: &Plane,
    decision: &Decision,
    follow_up: &FollowUp,
    by: &Officer,
) -> Result<String, Problem> {
    let subject = decision.id.to_string();
    let last = plane.records.last_of_subject(&subject).await?;
    let last = last.ok_or_else(|| broken(&"the decision is not in the log"))?;
    let kind = match follow_up {
        FollowUp::Ratification { .. } => Kind::DecisionRatified,
        FollowUp::Renewal { .. } => Kind::DecisionRenewed,
        FollowUp::Lift { .. } => Kind::DecisionLifted,
        FollowUp::Reversal { .. } => Kind::DecisionReversed,
    };
    let public = match (follow_up.terms(), follow_up.ends()) {
        (Some(terms), _) => serde_json::to_value(terms),
        (None, Some((effective, because))) => {
            serde_json::to_value(DecisionEnded { decision: decision.id, effective, because })
        }
        (None, None) => return Err(broken(&"it neither goes on nor ends")),
    };
    let body = Body {
        format: EntryFormat::V1,
        kind,
        time: plane.clock.now(),
        actors: vec![by.to_string()],
        subject,
        sequence: last.sequence + 1,
        previous: Some(last.hash),
        policy: follow_up.terms().map(|_| decision.statement.policy.sha256),
        commitments: None,
        public: public.map_err(|error| broken(&error))?,
    };
    let bytes = body.to_bytes().map_err(|error| broken(&error))?;
    String::from_utf8(bytes).map_err(|error| broken(&error))
}
