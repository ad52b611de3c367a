//! Referrals to authorities, delivered by hand and written down here.

use super::Api;
use super::cases::answered;
use super::evidence::sealed;
use super::refusals::{case as one_case, changed_case, happened, officer};
use crate::desk::{self, PassFor, Sealing, packet_of, seal_packet};
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use casework::{
    Addressee, Answer, Authority, Channel, Delivery, DeliveryProof, Packet, Received, Referral,
    ReferralRefusal, Text,
};
use policy::Pseudonym;
use post::{Letter, Mail, Purpose};
use serde::Deserialize;
use serde_json::json;
use vocabulary::{AuthorityId, CaseId, Digest, ReferralId, Timestamp};

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
    /// Its entry in the directory, in place of `verified`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    directory: Option<AuthorityId>,
    /// SHA-256 commitment to a packet made elsewhere; left out, the packet is made from the case and kept.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    packet: Option<Digest>,
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
    /// `"request"`, `"non-objection"`, `{"objection": {"reasons": …}}`,
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
    let verified = match asked.directory {
        Some(authority) => verified_by_directory(&api, authority).await?,
        None => asked.verified,
    };
    let packet = match asked.packet {
        Some(packet) => packet,
        None => {
            let (addressee, authority) = (asked.addressee.clone(), asked.authority.clone());
            let held = one_case(&api.plane, case).await?.value;
            seal_packet(&api.plane, &held, Sealing { referral: id, addressee, authority }).await?
        }
    };
    let ((), kept) = changed_case(&api.plane, case, wanted, |case, now| {
        let unverified = Authority::unverified(asked.authority.clone());
        let authority = if verified { unverified.called_back(by.clone(), now) } else { unverified };
        let draft = Referral::draft(id, asked.addressee.clone(), authority, by.clone(), now);
        let sealed = draft.seal(packet, now).map_err(casework::CaseRefusal::Referral)?;
        Ok(case.add_referral(sealed)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"referral": id})))
}

/// Whether the directory knows the authority as verified now.
async fn verified_by_directory(api: &Api, authority: AuthorityId) -> Result<bool, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no authority {authority}"));
    let entry = api.plane.records.authority(authority).await?.ok_or_else(missing)?.value;
    Ok(entry.verified_at(api.plane.clock.now()).is_some())
}

/// Gives a referral's packet.
#[utoipa::path(get, path = "/api/v1/cases/{case}/referrals/{referral}/packet", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)),
    responses((status = 200, description = "The packet, as the authority gets it", body = Object),
        (status = 404, description = "It was made elsewhere")))]
pub(crate) async fn packet(
    State(api): State<Api>,
    Path(place): Place,
) -> Result<axum::Json<Packet>, Problem> {
    let (packet, _) = packet_of(&api.plane, place.1).await?.ok_or_else(|| Problem::new(Reason::NotFound))?;
    Ok(axum::Json(packet))
}

/// Makes a pass to the desk for the authority of a referral. Its code is shown this once: say it on the duty line or
/// hand it over, and never send it along with the packet.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/pass", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = NewPass,
    responses((status = 201, description = "`code` are the eight words"), (status = 404)))]
pub(crate) async fn give_pass(
    State(api): State<Api>,
    Path((case, referral)): Place,
    Json(asked): Json<NewPass>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let held = one_case(&api.plane, case).await?.value;
    if !held.referrals.iter().any(|one| one.id == referral) {
        return Err(casework::CaseRefusal::NoReferral(referral).into());
    }
    if let Some(authority) = asked.directory {
        verified_by_directory(&api, authority).await?;
    }
    let opens = PassFor::Referral { case, referral, authority: asked.directory };
    let code = desk::give_pass(&api.plane, opens, by).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({"code": code.words().join(" ")}))).into_response())
}

/// Puts a letter with the packet into the queue, to the address in the directory. Accepted mail is no delivery.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/mailed", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = Mailing,
    responses((status = 200), (status = 404), (status = 409)))]
pub(crate) async fn mail(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<Mailing>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let missing =
        || Problem::new(Reason::NotFound).detail("there is no such authority, or it has no mail address");
    let entry = plane.records.authority(asked.directory).await?.ok_or_else(missing)?.value;
    let to = entry.mail.as_ref().and_then(|mail| mail.as_str().parse().ok()).ok_or_else(missing)?;
    let (packet, digest) = packet_of(plane, place.1).await?.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let body = format!(
        "{}\nSHA-256 OF THE PACKET\n{digest}\n\nTo answer, object or order, go to {}/desk with the code that our \
         liaison gives you on your duty line. A reply to this letter is not read.\n",
        packet.to_text(),
        plane.public_url
    );
    let letter = Letter::new(to, format!("Referral {} of a threat", place.1), body);
    let letter = letter.map_err(|error| Problem::new(Reason::Malformed).detail(error))?;
    let mail = Mail::queued(Purpose::Referral, place.1.to_string(), letter, plane.clock.now());
    plane.queue_mail(&mail).await?;
    step(&api, place, &fields, None, |referral, at| Ok((referral.send(Channel::Email, at)?, None))).await
}

/// A pass to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPass {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The authority's entry in the directory; without one it can answer and not order.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    directory: Option<AuthorityId>,
}

/// A letter to send.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mailing {
    /// The authority's entry in the directory.
    #[schema(value_type = String)]
    directory: AuthorityId,
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
    if asked.answer == Answer::Order {
        let why =
            "an order acts only by its own record: signed, called back and accepted (POST /api/v1/orders)";
        return Err(Problem::refused("order-needs-its-record", why));
    }
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
