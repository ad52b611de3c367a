//! `/report`: the form for people, their receipt, their way back; and the same for machines.
//!
//! Owns what strangers may send. No cookie, no script, no account, no address kept. A form that cannot be taken comes
//! back with everything that was filled in.

use super::strangers::page;
use crate::intake::{self, NotOpened, Repeat, Source};
use crate::pages::languages::Lang;
use crate::pages::report::{FormError, FormPage, Frame, Front, MessageLine, ReceiptPage, Shown, StatusPage};
use crate::plane::Plane;
use crate::rim::extract::Query;
use crate::rim::listener::Peer;
use crate::rim::{Problem, Reason, body};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use reports::form::{self, FORM_BYTES_MAX, Form};
use reports::mime::MESSAGE_BYTES_MAX;
use reports::xarf::Strictness;
use reports::{IntakeError, MessageFrom, Secret};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const DANGER: &str = "/report/danger";
const OTHER: &str = "/report/other";
const STATUS: &str = "/report/status";

pub(super) fn router() -> Router<Arc<Plane>> {
    Router::new()
        .route("/report", get(front))
        .route(DANGER, get(danger_form).post(danger_sent))
        .route(OTHER, get(other_form).post(other_sent))
        .route(STATUS, get(ask).post(follow))
        .route("/api/v1/reports", post(document))
}

/// `?lang=`; anything else is left aside, as links in mails carry more.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    lang: Option<String>,
}

fn frame(plane: &Plane, lang: Option<&str>, fields: &HeaderMap, path: &'static str) -> Frame {
    let accepted =
        fields.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Frame {
        lang: Lang::choose(lang, accepted).code().to_owned(),
        host: plane.public_url.host().to_string(),
        path,
    }
}

async fn front(State(plane): State<Arc<Plane>>, Query(asked): Query<Asked>, fields: HeaderMap) -> Response {
    let frame = frame(&plane, asked.lang.as_deref(), &fields, "/report");
    page(StatusCode::OK, Front { frame }.page())
}

/// The form, filled in with what was sent.
fn form_page(plane: &Plane, frame: Frame, sent: &Form, error: Option<FormError>) -> String {
    FormPage {
        danger: frame.path == DANGER,
        frame,
        token: plane.intake.form_token(&*plane.random, plane.clock.now()),
        error,
        category: sent.category.clone(),
        places: sent.places.expose().to_owned(),
        what: sent.what.expose().to_owned(),
        who: sent.who.expose().to_owned(),
        contact: sent.contact.expose().to_owned(),
        forward: sent.forward,
    }
    .page()
}

async fn danger_form(
    State(plane): State<Arc<Plane>>,
    Query(asked): Query<Asked>,
    fields: HeaderMap,
) -> Response {
    let frame = frame(&plane, asked.lang.as_deref(), &fields, DANGER);
    page(StatusCode::OK, form_page(&plane, frame, &Form::default(), None))
}

async fn other_form(
    State(plane): State<Arc<Plane>>,
    Query(asked): Query<Asked>,
    fields: HeaderMap,
) -> Response {
    let frame = frame(&plane, asked.lang.as_deref(), &fields, OTHER);
    page(StatusCode::OK, form_page(&plane, frame, &Form::default(), None))
}

async fn danger_sent(State(plane): State<Arc<Plane>>, fields: HeaderMap, body: Body) -> Response {
    sent(&plane, &fields, body, DANGER).await
}

async fn other_sent(State(plane): State<Arc<Plane>>, fields: HeaderMap, body: Body) -> Response {
    sent(&plane, &fields, body, OTHER).await
}

/// Takes a form, or gives it back with what is wrong and everything that was filled in.
async fn sent(plane: &Plane, fields: &HeaderMap, body: Body, path: &'static str) -> Response {
    let empty = Form::default();
    let back = |sent: &Form, error, status| {
        let lang = Some(sent.language.as_str()).filter(|lang| !lang.is_empty());
        page(status, form_page(plane, frame(plane, lang, fields, path), sent, Some(error)))
    };
    let read = match body::whole(body, FORM_BYTES_MAX).await {
        Ok(bytes) => Form::parse(&bytes),
        Err(problem) if problem.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return back(&empty, FormError::Large, StatusCode::PAYLOAD_TOO_LARGE);
        }
        Err(_) => return back(&empty, FormError::Other, StatusCode::BAD_REQUEST),
    };
    let mut form = match read {
        Ok(form) => form,
        Err(_) => return back(&empty, FormError::Large, StatusCode::PAYLOAD_TOO_LARGE),
    };
    form.danger = path == DANGER;
    let submission = match form.submission() {
        Ok(submission) => submission,
        Err(error) => return back(&form, form_error(&error), StatusCode::UNPROCESSABLE_ENTITY),
    };
    let Some(token) = plane.intake.accept_token(&form.token, plane.clock.now()) else {
        return back(&form, FormError::Expired, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let filed = plane.file_report(submission, Repeat::Form { nonce: token.nonce() }).await;
    let receipt = match filed {
        Ok(receipt) => receipt,
        Err(problem) if problem.status() == StatusCode::TOO_MANY_REQUESTS => {
            return back(&form, FormError::Slowed, StatusCode::TOO_MANY_REQUESTS);
        }
        Err(_) => return back(&form, FormError::Busy, StatusCode::SERVICE_UNAVAILABLE),
    };
    let frame = frame(plane, Some(&form.language), fields, "/report");
    let words = receipt.code.map(|code| code.words()).unwrap_or_default();
    page(
        StatusCode::OK,
        ReceiptPage { frame, words, again: !receipt.is_new, warned: receipt.is_warned, danger: form.danger }
            .page(),
    )
}

fn form_error(error: &IntakeError) -> FormError {
    match error {
        IntakeError::Missing { field: "where" } => FormError::Where,
        IntakeError::Missing { field: "what" } => FormError::What,
        IntakeError::TooLarge { .. } => FormError::Large,
        _ => FormError::Other,
    }
}

async fn ask(State(plane): State<Arc<Plane>>, Query(asked): Query<Asked>, fields: HeaderMap) -> Response {
    let frame = frame(&plane, asked.lang.as_deref(), &fields, STATUS);
    page(StatusCode::OK, StatusPage { frame, shown: Shown::Ask { wrong: false, wait: None } }.page())
}

/// What was sent to `/report/status`.
#[derive(Default)]
struct Follow {
    code: Secret,
    message: Secret,
    lang: String,
}

fn follow_form(bytes: &[u8]) -> Follow {
    let mut read = Follow::default();
    for (name, value) in form::pairs(bytes).unwrap_or_default() {
        match name.as_str() {
            "code" => read.code = Secret::new(value.as_str()),
            "message" => read.message = Secret::new(value.as_str()),
            "lang" => read.lang = value.chars().take(8).collect(),
            _ => {}
        }
    }
    read
}

async fn follow(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    fields: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::whole(body, FORM_BYTES_MAX).await?;
    let sent = follow_form(&bytes);
    let frame = frame(&plane, Some(sent.lang.as_str()), &fields, STATUS);
    let ask = |status, wrong, wait| {
        let shown = Shown::Ask { wrong, wait };
        page(status, StatusPage { frame: frame.clone(), shown }.page())
    };
    let source = Source::of(peer);
    let mut written = false;
    let mut followed = match intake::by_code(&plane, source.clone(), sent.code.expose()).await {
        Ok(followed) => followed,
        Err(NotOpened::Wrong) => return Ok(ask(StatusCode::NOT_FOUND, true, None)),
        Err(NotOpened::Slow(wait)) => {
            let seconds = wait.as_secs().max(1);
            let mut response = ask(StatusCode::TOO_MANY_REQUESTS, false, Some(seconds));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(response);
        }
        Err(NotOpened::Problem(problem)) => return Err(problem),
    };
    if !sent.message.is_blank() {
        intake::write(&plane, followed, &sent.message).await?;
        written = true;
        followed = match intake::by_code(&plane, source, sent.code.expose()).await {
            Ok(followed) => followed,
            Err(_) => return Err(Problem::new(Reason::Broken)),
        };
    }
    let line = |(from, at, text): (MessageFrom, _, Secret)| MessageLine {
        from_desk: from == MessageFrom::Desk,
        at,
        text: text.expose().to_owned(),
    };
    let shown = Shown::Report {
        received_at: followed.received_at,
        state: followed.state,
        erased: followed.erased,
        messages: followed.messages.into_iter().map(line).collect(),
        code: sent.code.expose().to_owned(),
        written,
    };
    Ok(page(StatusCode::OK, StatusPage { frame, shown }.page()))
}

/// `?mode=tolerant` for XARF that departs from its schema.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mode {
    mode: Option<String>,
}

impl Mode {
    pub(crate) fn strictness(&self) -> Result<Strictness, Problem> {
        match self.mode.as_deref() {
            None | Some("strict") => Ok(Strictness::Strict),
            Some("tolerant") => Ok(Strictness::Tolerant),
            Some(_) => Err(Problem::new(Reason::Malformed).detail("mode is strict or tolerant")),
        }
    }
}

/// A machine's report. The answer has the code, once.
async fn document(
    State(plane): State<Arc<Plane>>,
    Query(mode): Query<Mode>,
    fields: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    file_document(&plane, &mode, &fields, body).await
}

/// The same for the API behind credentials.
pub(crate) async fn file_document(
    plane: &Plane,
    mode: &Mode,
    fields: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let strictness = mode.strictness()?;
    let bytes = body::whole(body, MESSAGE_BYTES_MAX).await?;
    let read = intake::document(&body::media_type(fields), strictness, &bytes)?;
    let receipt = plane.file_report(read, Repeat::Document { bytes: &bytes }).await?;
    let status = if receipt.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let code = receipt.code.map(|code| code.words().join(" "));
    Ok((status, axum::Json(json!({"new": receipt.is_new, "code": code, "warned": receipt.is_warned})))
        .into_response())
}
