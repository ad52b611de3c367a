//! Referrals to authorities, delivered by hand and written down here.

use super::Api;
use super::cases::answered;
use super::evidence::sealed;
use super::refusals::{case as one_case, changed_case, happened, officer};
use crate::desk::{self, PassFor, Sealing, packet_of, seal_packet};
use crate::mail::{Queuing, mailed_about};
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use casework::{
    Addressee, Answer, Authority, Channel, Delivery, DeliveryProof, DirectoryEntry, Packet, Received,
    Referral, ReferralRefusal, Text,
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
    /// The authority's entry in the directory: addressee, name and verification are the entry's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    directory: Option<AuthorityId>,
    /// `{"jurisdiction": "XX"}` or `"fallback"`; with `directory` left out, or the same.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    addressee: Option<Addressee>,
    /// The authority's name; with `directory` left out, or the same. An authority outside the directory stays unverified.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    authority: Option<Text>,
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
    let (addressee, known) = addressed(&api.plane, &asked).await?;
    let packet = match asked.packet {
        Some(packet) => packet,
        None => {
            let (addressee, authority) = (addressee.clone(), known.name.clone());
            let held = one_case(&api.plane, case).await?.value;
            seal_packet(&api.plane, &held, Sealing { referral: id, addressee, authority }).await?
        }
    };
    let ((), kept) = changed_case(&api.plane, case, wanted, |case, now| {
        let draft = Referral::draft(id, addressee.clone(), known.clone(), by.clone(), now);
        let sealed = draft.seal(packet, now).map_err(casework::CaseRefusal::Referral)?;
        Ok(case.add_referral(sealed)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"referral": id})))
}

/// For whom a referral is, and who that is: by the directory, or by word alone and unverified.
async fn addressed(plane: &Plane, asked: &NewReferral) -> Result<(Addressee, Authority), Problem> {
    let Some(id) = asked.directory else {
        let (Some(addressee), Some(name)) = (asked.addressee.clone(), asked.authority.clone()) else {
            let why = "a referral names an authority of the directory, or an addressee and a name";
            return Err(Problem::new(Reason::Malformed).detail(why));
        };
        return Ok((addressee, Authority::unverified(name)));
    };
    let entry = listed(plane, id).await?;
    let other = asked.addressee.as_ref().is_some_and(|asked| *asked != entry.stands_for)
        || asked.authority.as_ref().is_some_and(|asked| *asked != entry.name);
    if other {
        let why = format!("the directory knows {id} as {}, for {}", entry.name, entry.stands_for);
        return Err(Problem::refused("authority-of-another", why));
    }
    Ok((entry.stands_for.clone(), Authority::of(&entry, plane.clock.now())))
}

/// An entry of the directory that was not retired.
async fn listed(plane: &Plane, id: AuthorityId) -> Result<DirectoryEntry, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no authority {id}"));
    let entry = plane.records.authority(id).await?.ok_or_else(missing)?.value;
    match entry.retired {
        Some(_) => Err(Problem::refused("authority-retired", format!("{id} was retired from the directory"))),
        None => Ok(entry),
    }
}

/// A referral's own entry in the directory, verified now: whom alone a pass or a letter may go to.
async fn verified_entry(plane: &Plane, referral: &Referral) -> Result<DirectoryEntry, Problem> {
    let Some(id) = referral.authority.directory else {
        let why = "the referral's authority does not stand in the directory; enter it there and draw the referral up anew";
        return Err(Problem::refused("authority-not-in-directory", why));
    };
    let entry = listed(plane, id).await?;
    if entry.stands_for != referral.addressee {
        let why = format!("{id} stands for {}, the referral is for {}", entry.stands_for, referral.addressee);
        return Err(Problem::refused("authority-of-another", why));
    }
    match entry.verified_at(plane.clock.now()) {
        Some(_) => Ok(entry),
        None => {
            Err(Problem::refused("authority-not-verified", format!("call {id} back on its duty line first")))
        }
    }
}

/// One referral of a case.
async fn referral_of(plane: &Plane, (case, id): (CaseId, ReferralId)) -> Result<Referral, Problem> {
    let held = one_case(plane, case).await?.value;
    let found = held.referrals.into_iter().find(|one| one.id == id);
    found.ok_or_else(|| casework::CaseRefusal::NoReferral(id).into())
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

/// Makes a pass to the desk for the authority of a referral, which stands verified in the directory. Its code is shown
/// this once: say it on the duty line or hand it over, and never send it along with the packet.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/pass", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = NewPass,
    responses((status = 201, description = "`code` are the eight words, `pass` is the number it is ended by"), (status = 404),
        (status = 409, description = "The authority is not verified now, was retired, or is in no directory")))]
pub(crate) async fn give_pass(
    State(api): State<Api>,
    Path((case, referral)): Place,
    Json(asked): Json<NewPass>,
) -> Result<Response, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    let entry = verified_entry(&api.plane, &referral_of(&api.plane, (case, referral)).await?).await?;
    let opens = PassFor::Referral { case, referral, authority: entry.id };
    let given = desk::give_pass(&api.plane, opens, by).await?;
    let shown = json!({"code": given.code.words().join(" "), "pass": given.number});
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// Ends a pass, of an authority or a reviewer, for good.
#[utoipa::path(delete, path = "/api/v1/passes/{pass}", tag = "referrals", params(("pass" = String, Path), PassQuery),
    responses((status = 204), (status = 404)))]
pub(crate) async fn end_pass(
    State(api): State<Api>,
    Path(pass): Path<Digest>,
    Query(query): Query<PassQuery>,
) -> Result<StatusCode, Problem> {
    let by = officer(&api.plane, &query.by)?;
    desk::end_pass(&api.plane, pass, &by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who ends a pass.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PassQuery {
    /// The officer's pseudonym.
    #[param(value_type = String)]
    by: Pseudonym,
}

/// Puts a letter with the packet into the queue, to the address that the directory has of the referral's own authority. It
/// is an attempt once a mail server has taken it, and noted as one then; it is no delivery.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/mailed", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)),
    responses((status = 202, description = "It is in the queue"), (status = 404),
        (status = 409, description = "Nothing is queued; `reason` says why")))]
pub(crate) async fn mail(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    Wanted::of(&fields)?.admit(one_case(plane, place.0).await?.version)?;
    let referral = referral_of(plane, place).await?;
    referral.clone().send(Channel::Email, plane.clock.now()).map_err(casework::CaseRefusal::Referral)?;
    if plane.post.carrier.is_none() {
        return Err(Problem::refused(
            "mail-not-set-up",
            "no mail server is set (mail.smtp); use another channel",
        ));
    }
    let missing =
        || Problem::new(Reason::NotFound).detail("the authority has no mail address in the directory");
    let entry = verified_entry(plane, &referral).await?;
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
    let mail = Mail::queued(Purpose::Referral, mailed_about(place), letter, plane.clock.now());
    match plane.queue_mail(&mail).await? {
        Queuing::New => {}
        Queuing::HeldBack => return Err(Problem::new(Reason::VaultText)),
        Queuing::Known => {
            let why = "this referral was mailed to this address before; see GET /api/v1/mails";
            return Err(Problem::refused("mailed-already", why));
        }
    }
    let queued =
        json!({"case": place.0, "referral": referral.id, "state": referral.state.name(), "mail": mail.id});
    Ok((StatusCode::ACCEPTED, axum::Json(queued)).into_response())
}

/// A pass to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPass {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
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

/// Takes over that the directory knows the referral's authority as verified now, by a call back that is noted there;
/// clears a frozen inbound channel.
#[utoipa::path(post, path = "/api/v1/cases/{case}/referrals/{referral}/call-back", tag = "referrals",
    params(("case" = String, Path), ("referral" = String, Path)), request_body = CallBack,
    responses((status = 200), (status = 409)))]
pub(crate) async fn call_back(
    State(api): State<Api>,
    Path(place): Place,
    fields: HeaderMap,
    Json(asked): Json<CallBack>,
) -> Result<Response, Problem> {
    officer(&api.plane, &asked.by)?;
    let entry = verified_entry(&api.plane, &referral_of(&api.plane, place).await?).await?;
    step(&api, place, &fields, None, |mut referral, at| {
        if let Some(verified) = referral.authority.verified_again(&entry, at) {
            referral.authority = verified;
        }
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
