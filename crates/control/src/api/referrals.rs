//! Referrals to authorities, delivered by hand and written down here.

use super::Api;
use super::cases::answered;
use super::evidence::sealed;
use super::refusals::{changed_case, happened, officer};
use crate::rim::Problem;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::version::Wanted;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{
    Addressee, Answer, Authority, Channel, Delivery, DeliveryProof, Received, Referral, ReferralRefusal, Text,
};
use policy::Pseudonym;
use serde::Deserialize;
use serde_json::json;
use vocabulary::{CaseId, Digest, ReferralId, Timestamp};

/// A referral to draw up and seal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReferral {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `{"jurisdiction": "XX"}` or `"fallback"`.
    #[schema(value_type = Object)]
    addressee: Addressee,
    /// The authority's name.
    #[schema(value_type = String)]
    authority: Text,
    /// Whether the authority was verified by call-back to a number from an independent source.
    #[serde(default)]
    verified: bool,
    /// SHA-256 commitment to the packet: public content, times, addresses; no customer's data.
    #[schema(value_type = String)]
    packet: Digest,
}

/// An attempt on a channel.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sending {
    /// `desk`, `email`, `duty-line`, `by-hand` or `post`.
    #[schema(value_type = String)]
    channel: Channel,
    /// When; now when left out.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// A proved delivery.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delivered {
    /// The channel it was sent over.
    #[schema(value_type = String)]
    channel: Channel,
    /// When it arrived; now when left out.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
    /// `"desk-read"`, `{"signed-reply": {"evidence": ID}}` or
    /// `{"duty-line-call": {"line_verified_at": T, "log": ID}}`. Accepted mail is no delivery.
    #[schema(value_type = Object)]
    proof: DeliveryProof,
}

/// An authority's answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answered {
    /// `"order"`, `"request"`, `"non-objection"`, `{"objection": {"reasons": …}}`,
    /// `"objection-withdrawn"`, `"no-jurisdiction"` or `"needs-info"`.
    #[schema(value_type = Object)]
    answer: Answer,
    /// When it came; now when left out.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// An instant.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    /// When; now when left out.
    #[schema(value_type = Option<String>)]
    at: Option<Timestamp>,
}

/// A call-back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallBack {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
}

type Place = Path<(CaseId, ReferralId)>;

/// Draws a referral up and seals its packet.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals", tag = "referrals", params(("case" = String, Path)),
    request_body = NewReferral, responses((status = 201, description = "`referral` is its id"), (status = 409)))]
pub(crate) async fn add(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewReferral>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let wanted = Wanted::of(&fields)?;
    let id = ReferralId::random(&*api.plane.random);
    let ((), kept) = changed_case(&api.plane, case, wanted, |case, now| {
        let unverified = Authority::unverified(asked.authority.clone());
        let authority = if asked.verified { unverified.called_back(by.clone(), now) } else { unverified };
        let draft = Referral::draft(id, asked.addressee.clone(), authority, by.clone(), now);
        let sealed = draft.seal(asked.packet, now).map_err(casework::CaseRefusal::Referral)?;
        Ok(case.add_referral(sealed)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"referral": id})))
}

/// Moves a referral on by one step.
async fn step(
    api: &Api,
    (case, referral): (CaseId, ReferralId),
    fields: &HeaderMap,
    at: Option<Timestamp>,
    step: impl Fn(Referral, Timestamp) -> Result<(Referral, Option<Received>), ReferralRefusal>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(fields)?;
    let (received, kept) = changed_case(&api.plane, case, wanted, |case, now| {
        let at = happened(at, now)?;
        Ok(case.step_referral(referral, |referral| step(referral, at))?)
    })
    .await?;
    let state =
        kept.value.referrals.iter().find(|other| other.id == referral).map(|other| other.state.name());
    let taken = received != Some(Received::Frozen);
    Ok(answered(StatusCode::OK, &kept, json!({"referral": referral, "state": state, "taken": taken})))
}

/// Sends it, or tries one more channel.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/sent", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = Sending,
    responses((status = 200), (status = 409)))]
pub(crate) async fn send(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<Sending>,
) -> Result<Response, Problem> {
    step(&api, place, &fields, asked.at, |referral, at| Ok((referral.send(asked.channel, at)?, None))).await
}

/// Writes a proved delivery down.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/delivered", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = Delivered,
    responses((status = 200), (status = 409)))]
pub(crate) async fn deliver(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<Delivered>,
) -> Result<Response, Problem> {
    let named: Vec<_> = asked.proof.evidence().into_iter().collect();
    sealed(&api, place.0, &named).await?;
    step(&api, place, &fields, asked.at, |referral, at| {
        let delivery = Delivery { channel: asked.channel, at, proof: asked.proof.clone() };
        Ok((referral.deliver(delivery)?, None))
    })
    .await
}

/// Writes down that the authority says it has it.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/acknowledged", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = At,
    responses((status = 200), (status = 409)))]
pub(crate) async fn acknowledge(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<At>,
) -> Result<Response, Problem> {
    step(&api, place, &fields, asked.at, |referral, at| Ok((referral.acknowledge(at)?, None))).await
}

/// Writes an answer down. From a sender that nobody verified it is not taken (`taken` is false), and the
/// authority's inbound channel is frozen until a call-back.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/answer", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = Answered,
    responses((status = 200), (status = 409)))]
pub(crate) async fn answer(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<Answered>,
) -> Result<Response, Problem> {
    step(&api, place, &fields, asked.at, |referral, at| {
        let (referral, received) = referral.answer(asked.answer.clone(), at)?;
        Ok((referral, Some(received)))
    })
    .await
}

/// Writes down that the authority was verified by call-back; clears a frozen inbound channel.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/call-back", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = CallBack,
    responses((status = 200), (status = 409)))]
pub(crate) async fn call_back(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<CallBack>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    step(&api, place, &fields, None, |mut referral, at| {
        referral.authority = referral.authority.called_back(by.clone(), at);
        Ok((referral, None))
    })
    .await
}

/// Writes down that the authority's clock ran out on two channels.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/silent", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)),
    responses((status = 200), (status = 409)))]
pub(crate) async fn fall_silent(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    step(&api, place, &fields, None, |referral, at| Ok((referral.fall_silent(at)?, None))).await
}
