//! Orders of authorities: taken in, authenticated, accepted or refused, carried out, reported back.

use super::Api;
use super::decisions::decision;
use super::refusals::{changed_case, officer};
use crate::desk::{entry, examine};
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use casework::{Answer, DecisionState, Fault, Order, OrderRefusal, OrderState, RefusedBecause, Text};
use policy::{Pseudonym, Signature};
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

/// Lists orders, last received first.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(PageQuery),
    responses((status = 200, body = Object)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<Value>>, Problem> {
    let listing = api.plane.records.list_orders(query.page()?).await?;
    Ok(axum::Json(PageOf::of(listing, |held| shown(&held, &[]))))
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

/// Takes an order in. Nothing of it is believed until it is signed, called back and accepted.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = NewOrder,
    responses((status = 201, body = Object), (status = 409, description = "It is unreadable, or not of an authority of the directory")))]
pub(crate) async fn receive(
    State(api): State<Api>,
    Json(asked): Json<NewOrder>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let held = super::refusals::case(plane, asked.case).await?.value;
    if !held.referrals.iter().any(|one| one.id == asked.referral) {
        return Err(casework::CaseRefusal::NoReferral(asked.referral).into());
    }
    let (id, now) = (OrderId::random(&*plane.random), plane.clock.now());
    let order = Order::receive(id, asked.text, Some((asked.case, asked.referral)), now);
    let mut order = order.map_err(|error| Problem::refused("order-unreadable", error))?;
    let entry = entry(plane, &order).await?.value;
    if let Some(signature) = asked.signature {
        order = order.signed(&signature, &entry, now).map_err(refused)?;
    }
    let faults = examine(plane, &order).await?;
    let version = plane.records.put_order(&order, 0).await?;
    plane.wake.notify_one();
    Ok((StatusCode::CREATED, axum::Json(shown(&Versioned { version, value: order }, &faults)))
        .into_response())
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
        Step::Accept => value.accept(&faults, by, now),
        Step::Refuse { because, words } => value.refuse(because, words, by, now),
        Step::Executed(decision) => {
            carries_out(plane, &value, decision).await?;
            value.executed(decision, now)
        }
        Step::Report(effect) => value.report(effect, now),
        Step::Withdraw => value.withdraw(by, now),
    };
    let next = next.map_err(refused)?;
    if let OrderState::Valid { .. } = next.state {
        // First: an order that is accepted while its referral is not answered would be of no use, and nobody would see why.
        answered(plane, &next).await?;
    }
    let version = plane.records.put_order(&next, version).await?;
    plane.wake.notify_one();
    Ok(axum::Json(shown(&Versioned { version, value: next }, &faults)))
}

/// The decision rests on this order: it demands what the order demands, and acts where it may.
async fn carries_out(plane: &Plane, order: &Order, id: DecisionId) -> Result<(), Problem> {
    let held = decision(plane, id).await?.value;
    let demanded = order.demanded().map_err(|error| Problem::refused("order-unreadable", error))?;
    let named = held.terms.demand.as_ref().is_some_and(|demand| demand.law == demanded.law.as_str());
    let same_case = order.answers.is_some_and(|(case, _)| case == held.case);
    if !same_case || !named {
        let why = "the decision does not rest on this order: another case, or no demand under the same law";
        return Err(Problem::refused("order-not-behind-it", why));
    }
    match held.state {
        DecisionState::InForce { .. } => Ok(()),
        state => Err(Problem::new(Reason::WrongState)
            .detail(format!("the decision is {}, not in force", state.name()))),
    }
}

async fn answered(plane: &Plane, order: &Order) -> Result<(), Problem> {
    let Some((case, referral)) = order.answers else { return Ok(()) };
    changed_case(plane, case, Wanted::Any, |case, now| {
        Ok(case.step_referral(referral, |held| match held.state.answered() {
            Some((Answer::Order, _)) => Ok((held, ())),
            _ => held.answer(Answer::Order, now).map(|(held, _)| (held, ())),
        })?)
    })
    .await?;
    Ok(())
}

async fn order(plane: &Plane, id: OrderId) -> Result<Versioned<Order>, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no order {id}"));
    plane.records.order(id).await?.ok_or_else(missing)
}
