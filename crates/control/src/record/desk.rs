//! `/desk`: authorities read, answer and order; reviewers rule. By a code, form by form, without a cookie.

use super::strangers::{not_opened, page};
use crate::desk::{self, Heard, Opened, PassFor, Said};
use crate::intake::Source;
use crate::pages::desk::{DeskAppeal, DeskAsk, DeskReferral, DeskSaid};
use crate::plane::Plane;
use crate::rim::listener::Peer;
use crate::rim::{Problem, Reason, body};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use casework::{Against, Answer, Appeal, AppealOutcome, Objection, ReferralState};
use policy::Signature;
use reports::form::{self, FORM_BYTES_MAX};
use std::collections::BTreeMap;
use std::sync::Arc;
use vocabulary::Digest;

pub(super) fn router() -> Router<Arc<Plane>> {
    Router::new()
        .route("/desk", get(ask).post(open))
        .route("/desk/answer", post(answer))
        .route("/desk/order", post(order))
        .route("/desk/ruling", post(ruling))
}

/// A form's fields by name; of several of one name the last.
type Sent = BTreeMap<String, String>;

async fn read(body: Body) -> Result<Sent, Problem> {
    let bytes = body::whole(body, FORM_BYTES_MAX).await?;
    let pairs = form::pairs(&bytes).map_err(|_| Problem::new(Reason::Malformed))?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.to_string())).collect())
}

fn field<'a>(sent: &'a Sent, name: &str) -> &'a str {
    sent.get(name).map_or("", String::as_str).trim()
}

async fn ask(State(plane): State<Arc<Plane>>) -> Response {
    asked(&plane, StatusCode::OK, false, None)
}

fn asked(plane: &Plane, status: StatusCode, wrong: bool, wait: Option<u64>) -> Response {
    let host = plane.public_url.host().to_string();
    page(status, DeskAsk { host, contact: plane.contact(), wrong, wait }.page())
}

/// What a code opens, or the page that asks for it again.
async fn opened(plane: &Plane, peer: &Peer, sent: &Sent) -> Result<Result<Opened, Response>, Problem> {
    match plane.open_pass(Source::of(peer.0), field(sent, "code")).await {
        Ok(opened) => Ok(Ok(opened)),
        Err(not) => not_opened(not, |status, wrong, wait| asked(plane, status, wrong, wait)).map(Err),
    }
}

/// The matter as it is now, with what was just said about it.
async fn shown(
    plane: &Plane,
    opened: &Opened,
    sent: &Sent,
    said: Option<DeskSaid>,
) -> Result<Response, Problem> {
    let refused = said.as_ref().is_some_and(|said| said.refused);
    let status = if refused { StatusCode::CONFLICT } else { StatusCode::OK };
    let case =
        plane.records.case(opened.pass.opens.case()).await?.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let code = field(sent, "code").to_owned();
    let html = match &opened.pass.opens {
        PassFor::Referral { referral, .. } => {
            let referral = case.value.referrals.iter().find(|held| held.id == *referral);
            let referral = referral.ok_or_else(|| Problem::new(Reason::NotFound))?;
            let packet = desk::packet_of(plane, referral.id).await?;
            DeskReferral {
                host: plane.public_url.host().to_string(),
                said,
                authority: referral.authority.name.to_string(),
                packet_id: referral.id.to_string(),
                standing: standing(&referral.state),
                digest: packet.as_ref().map_or_else(|| Digest::of(b""), |(_, digest)| *digest),
                packet: packet.map(|(packet, _)| packet),
                code,
            }
            .page()
        }
        PassFor::Appeal { appeal, .. } => {
            let appeal = case.value.appeals.iter().find(|held| held.id == *appeal);
            appeal_page(plane, appeal.ok_or_else(|| Problem::new(Reason::NotFound))?, code, said).await?
        }
    };
    Ok(page(status, html))
}

async fn appeal_page(
    plane: &Plane,
    appeal: &Appeal,
    code: String,
    said: Option<DeskSaid>,
) -> Result<String, Problem> {
    let statement = match appeal.against {
        Against::Decision(id) => plane.docket.get(id).await?.map(|held| held.value.statement),
        _ => None,
    };
    let open = matches!(appeal.state.name(), "filed" | "admissible" | "under-review");
    let standing = if open { "It waits for your ruling." } else { "It is decided." };
    let (host, due) = (plane.public_url.host().to_string(), appeal.due);
    let grounds = appeal.grounds.to_string();
    Ok(DeskAppeal {
        host,
        said,
        appeal: appeal.id.to_string(),
        standing,
        due,
        grounds,
        statement,
        open,
        code,
    }
    .page())
}

fn standing(state: &ReferralState) -> &'static str {
    match state {
        ReferralState::Drafted { .. } | ReferralState::Sealed { .. } | ReferralState::Sent { .. } => {
            "It is on its way to you."
        }
        ReferralState::Delivered { .. } => "You have it. Nobody has said yet that you look into it.",
        ReferralState::Acknowledged { .. } => "You have said that you have it. We wait for your answer.",
        ReferralState::Answered { .. } => "You have answered. A further answer takes its place.",
        ReferralState::Silent { .. } => "Its time ran out without an answer. You can still answer.",
        ReferralState::Closed { .. } => "It is closed.",
    }
}

/// Opening the packet is what delivers it.
async fn open(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let sent = read(body).await?;
    let opened = match opened(&plane, &peer, &sent).await? {
        Ok(opened) => opened,
        Err(again) => return Ok(again),
    };
    if opened.referral().is_some() {
        desk::answer(&plane, &opened, &Said::Read).await?;
    }
    shown(&plane, &opened, &sent, None).await
}

async fn answer(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let sent = read(body).await?;
    let opened = match opened(&plane, &peer, &sent).await? {
        Ok(opened) => opened,
        Err(again) => return Ok(again),
    };
    let said = match said(&sent) {
        Ok(said) => desk::answer(&plane, &opened, &said).await.map(|heard| match heard {
            Heard::Taken => "Your answer is taken down. Thank you.",
            Heard::Nothing => "Nothing was changed: you said so before, or have answered, or the matter is closed.",
            Heard::NotBelieved => {
                "We could not verify you yet, so nothing of this is believed. Our liaison calls you back on a number \
                 that we look up ourselves; then answer once more."
            }
        }),
        Err(why) => Err(Problem::new(Reason::Malformed).detail(why)),
    };
    let told = told(said.map(str::to_owned));
    shown(&plane, &opened, &sent, Some(told)).await
}

fn said(sent: &Sent) -> Result<Said, &'static str> {
    let reasons = field(sent, "reasons").replace(['\r', '\n'], " ");
    Ok(match field(sent, "answer") {
        "acknowledged" => Said::Acknowledged,
        "request" => Said::Answered(Answer::Request),
        "non-objection" => Said::Answered(Answer::NonObjection),
        "objection" => {
            let reasons =
                reasons.parse().map_err(|_| "An objection needs reasons, in at most a few lines.")?;
            Said::Answered(Answer::Objection(Objection { reasons: Some(reasons), renewed_at: None }))
        }
        "objection-withdrawn" => Said::Answered(Answer::ObjectionWithdrawn),
        "no-jurisdiction" => Said::Answered(Answer::NoJurisdiction),
        "needs-info" => Said::Answered(Answer::NeedsInfo),
        _ => return Err("Choose one of the answers."),
    })
}

fn told(outcome: Result<String, Problem>) -> DeskSaid {
    match outcome {
        Ok(text) => DeskSaid { refused: false, text },
        Err(problem) => DeskSaid { refused: true, text: problem.said() },
    }
}

async fn order(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let sent = read(body).await?;
    let opened = match opened(&plane, &peer, &sent).await? {
        Ok(opened) => opened,
        Err(again) => return Ok(again),
    };
    let outcome = match Signature::parse(field(&sent, "signature")) {
        Ok(signature) => {
            desk::bring_order(&plane, &opened, field(&sent, "text").to_owned(), &signature).await
        }
        Err(error) => Err(Problem::new(Reason::Malformed).detail(error)),
    };
    let words = outcome.map(|id| {
        format!("Your order is taken in as {id}. We call you back about it now; it acts once it is accepted.")
    });
    shown(&plane, &opened, &sent, Some(told(words))).await
}

async fn ruling(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let sent = read(body).await?;
    let opened = match opened(&plane, &peer, &sent).await? {
        Ok(opened) => opened,
        Err(again) => return Ok(again),
    };
    let outcome = match field(&sent, "outcome") {
        "upheld" => Some(AppealOutcome::Upheld),
        "overturned" => Some(AppealOutcome::Overturned),
        "varied" => Some(AppealOutcome::Varied),
        _ => None,
    };
    let reasons = field(&sent, "reasons").replace('\r', "").parse().ok();
    let ruled = match (outcome, reasons) {
        (Some(outcome), Some(reasons)) => desk::rule(&plane, &opened, outcome, &reasons).await,
        _ => Err(Problem::new(Reason::Malformed).detail("Choose a ruling and give your reasons.")),
    };
    let words = ruled.map(|()| "Your ruling is taken down.".to_owned());
    shown(&plane, &opened, &sent, Some(told(words))).await
}
