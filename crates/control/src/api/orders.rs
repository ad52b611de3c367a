//! Orders of authorities: taken in, authenticated, accepted or refused, carried out, reported back.

use super::Api;
use super::decisions::decision;
use super::refusals::officer;
use crate::desk::{Taken, answer_referral, entry, examine, may_answer, take_in};
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::{DecisionState, Fault, Order, OrderRefusal, OrderState, RefusedBecause, Text};
use policy::{Demand, Pseudonym, Signature};
use records::Versioned;
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::{CaseId, DecisionId, OrderId, ReferralId};

/// An order that came in another way than over the desk.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrder {
    /// Its exact text: canonical JSON of the form `wardmote-order/1`.
    text: String,
    /// The case that it answers a referral of.
    #[schema(value_type = String)]
    case: CaseId,
    /// The referral it answers.
    #[schema(value_type = String)]
    referral: ReferralId,
    /// The authority's signature, if it came along.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    signature: Option<Signature>,
}

/// A step with an order.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderStep {
    /// The officer's pseudonym; of the role legal for `accept` and `refuse`.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `{"signed": SIGNATURE}`, `"called-back"` after the call was noted in the directory, `"accept"`,
    /// `{"refuse": {"because", "words"}}` with a reason of the list, `{"executed": DECISION}`, `{"report": TEXT}` or
    /// `"withdraw"`.
    #[schema(value_type = Object)]
    step: Step,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    Signed(Signature),
    CalledBack,
    Accept,
    Refuse { because: RefusedBecause, words: Text },
    Executed(DecisionId),
    Report(Text),
    Withdraw,
}

fn shown(held: &Versioned<Order>, faults: &[Fault]) -> Value {
    let demanded = held.value.demanded().ok();
    json!({"order": held.value, "demanded": demanded, "faults": faults, "version": held.version})
}

fn refused(refusal: OrderRefusal) -> Problem {
    Problem::refused(refusal.name(), refusal)
}

/// Lists orders, last received first. One that cannot be read says why (`damaged`).
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(PageQuery),
    responses((status = 200, body = Object)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<Value>>, Problem> {
    let listing = api.plane.records.list_orders(query.page()?).await?;
    Ok(axum::Json(PageOf::of(listing, |held| match held {
        Ok(held) => shown(&held, &[]),
        Err(error) => json!({"damaged": error.to_string()}),
    })))
}

/// Gives one order, with what can be seen to stand against it (`faults`).
#[utoipa::path(get, path = "/api/v1/orders/{order}", tag = "orders", params(("order" = String, Path)),
    responses((status = 200, body = Object), (status = 404)))]
pub(crate) async fn one(
    State(api): State<Api>,
    Path(id): Path<OrderId>,
) -> Result<axum::Json<Value>, Problem> {
    let held = order(&api.plane, id).await?;
    let faults = examine(&api.plane, &held.value).await?;
    Ok(axum::Json(shown(&held, &faults)))
}

/// Takes an order in; the same text brought again is the order that is there. Nothing of it is believed until it is
/// signed, called back and accepted.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = NewOrder,
    responses((status = 201, body = Object), (status = 200, description = "It was there already", body = Object),
        (status = 409, description = "It is unreadable, or not of an authority of the directory")))]
pub(crate) async fn receive(
    State(api): State<Api>,
    Json(asked): Json<NewOrder>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let held = super::refusals::case(plane, asked.case).await?.value;
    if !held.referrals.iter().any(|one| one.id == asked.referral) {
        return Err(casework::CaseRefusal::NoReferral(asked.referral).into());
    }
    let order = Order::receive(asked.text, Some((asked.case, asked.referral)), plane.clock.now());
    let order = order.map_err(|error| Problem::refused("order-unreadable", error))?;
    let (taken, held) = take_in(plane, order, asked.signature.as_ref()).await?;
    let faults = examine(plane, &held.value).await?;
    let status = if taken == Taken::New { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(shown(&held, &faults))).into_response())
}

/// Moves an order on by one step. Once it is accepted, the referral it answers is answered with it.
#[utoipa::path(post, path = "/api/v1/orders/{order}/steps", tag = "orders", params(("order" = String, Path)),
    request_body = OrderStep, responses((status = 200, body = Object), (status = 404), (status = 409)))]
pub(crate) async fn step(
    State(api): State<Api>,
    Path(id): Path<OrderId>,
    Json(asked): Json<OrderStep>,
) -> Result<axum::Json<Value>, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let Versioned { version, value } = order(plane, id).await?;
    let now = plane.clock.now();
    let entry = entry(plane, &value).await?.value;
    let faults = examine(plane, &value).await?;
    let next = match asked.step {
        Step::Signed(signature) => value.signed(&signature, &entry, now),
        Step::CalledBack => value.called_back(&entry, now),
        Step::Accept => {
            let accepted = value.accept(&faults, by, now).map_err(refused)?;
            may_answer(plane, &accepted).await?;
            Ok(accepted)
        }
        Step::Refuse { because, words } => value.refuse(because, words, by, now),
        Step::Executed(decision) => {
            carries_out(plane, &value, decision).await?;
            value.executed(decision, now)
        }
        Step::Report(effect) => value.report(effect, now),
        Step::Withdraw => value.withdraw(by, now),
    };
    let next = next.map_err(refused)?;
    let version = plane.records.put_order(&next, version).await?;
    // After it: what answers the referral is an accepted order. Should this fail or never run, the reconciler of orders
    // does it.
    if let (OrderState::Valid { .. }, Err(problem)) = (&next.state, answer_referral(plane, &next).await) {
        tracing::warn!(order = %next.id, "the referral is not answered yet: {}", problem.said());
    }
    plane.wake.notify_one();
    Ok(axum::Json(shown(&Versioned { version, value: next }, &faults)))
}

/// The decision rests on this order.
async fn carries_out(plane: &Plane, order: &Order, id: DecisionId) -> Result<(), Problem> {
    let held = decision(plane, id).await?.value;
    if held.order != Some(order.id) {
        return Err(Problem::refused("order-not-behind-it", "the decision does not rest on this order"));
    }
    match held.state {
        DecisionState::InForce { .. } => Ok(()),
        state => Err(Problem::new(Reason::WrongState)
            .detail(format!("the decision is {}, not in force", state.name()))),
    }
}

/// An order that is named, if one is.
pub(super) async fn named(plane: &Plane, id: Option<OrderId>) -> Result<Option<Order>, Problem> {
    match id {
        Some(id) => Ok(Some(order(plane, id).await?.value)),
        None => Ok(None),
    }
}

/// Who is said to have demanded a measure is who gave the order.
pub(super) async fn check_demand(
    plane: &Plane,
    order: Option<&Order>,
    demand: Option<&Demand>,
) -> Result<(), Problem> {
    let (Some(order), Some(demand)) = (order, demand) else { return Ok(()) };
    let name = entry(plane, order).await?.value.name;
    if demand.authority == name.as_str() {
        return Ok(());
    }
    let why = format!("the order is of {name}; the demand names {:?}", demand.authority);
    Err(Problem::refused("demand-of-another", why))
}

async fn order(plane: &Plane, id: OrderId) -> Result<Versioned<Order>, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no order {id}"));
    plane.records.order(id).await?.ok_or_else(missing)
}
