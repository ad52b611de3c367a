//! `/appeal`: a customer appeals against a decision about its sites, and sees what becomes of it. By the code in its
//! letter, form by form, without a cookie.

use super::strangers::{not_opened, page};
use crate::appeals::Opened;
use crate::intake::Source;
use crate::pages::appeal::{AppealAsk, AppealLine, AppealPage};
use crate::pages::desk::DeskSaid;
use crate::plane::Plane;
use crate::rim::extract::Path;
use crate::rim::listener::Peer;
use crate::rim::{Problem, body};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use casework::{Appeal, AppealOutcome, AppealState, Paragraphs, TEXT_MAX};
use policy::Measure;
use reports::form::{self, FORM_BYTES_MAX};
use std::sync::Arc;

/// Most hosts that the page names; the statement has all of them.
const HOSTS_SHOWN: usize = 20;

pub(super) fn router() -> Router<Arc<Plane>> {
    Router::new()
        .route("/appeal", get(ask).post(open))
        .route("/appeal/file", post(file))
        .route("/appeal/{code}", get(named))
}

/// What a form says.
#[derive(Default)]
struct Sent {
    code: String,
    grounds: String,
}

async fn read(body: Body) -> Result<Sent, Problem> {
    let bytes = body::whole(body, FORM_BYTES_MAX).await?;
    let mut sent = Sent::default();
    for (name, value) in form::pairs(&bytes).unwrap_or_default() {
        match name.as_str() {
            "code" => sent.code = value.to_string(),
            "grounds" => sent.grounds = value.to_string(),
            _ => {}
        }
    }
    Ok(sent)
}

async fn ask(State(plane): State<Arc<Plane>>) -> Response {
    asked(&plane, StatusCode::OK, false, None)
}

fn asked(plane: &Plane, status: StatusCode, wrong: bool, wait: Option<u64>) -> Response {
    let host = plane.public_url.host().to_string();
    page(status, AppealAsk { host, contact: plane.contact(), wrong, wait }.page())
}

/// What a code opens, or the page that asks for it again.
async fn opened(plane: &Plane, peer: &Peer, code: &str) -> Result<Result<Opened, Response>, Problem> {
    match plane.open_appeal(Source::of(peer.0), code).await {
        Ok(opened) => Ok(Ok(opened)),
        Err(not) => not_opened(not, |status, wrong, wait| asked(plane, status, wrong, wait)).map(Err),
    }
}

async fn named(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    show(&plane, &peer, Sent { code, grounds: String::new() }).await
}

async fn open(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let sent = read(body).await?;
    show(&plane, &peer, sent).await
}

async fn show(plane: &Plane, peer: &Peer, sent: Sent) -> Result<Response, Problem> {
    Ok(match opened(plane, peer, &sent.code).await? {
        Ok(opened) => page(StatusCode::OK, shown(plane, &opened, &sent, None)),
        Err(again) => again,
    })
}

/// Files the appeal; what cannot be taken comes back with every word.
async fn file(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    body: Body,
) -> Result<Response, Problem> {
    let mut sent = read(body).await?;
    let held = match opened(&plane, &peer, &sent.code).await? {
        Ok(opened) => opened,
        Err(again) => return Ok(again),
    };
    let filed = match sent.grounds.replace('\r', "").parse::<Paragraphs>() {
        Ok(grounds) => plane.appeal_by_code(&held, &grounds).await.map_err(|problem| problem.said()),
        Err(error) => Err(error.to_string()),
    };
    let (status, said) = match filed {
        Ok(_) => {
            sent.grounds.clear();
            let text = "Your appeal is filed. Come back to this page to see what becomes of it.".to_owned();
            (StatusCode::OK, DeskSaid { refused: false, text })
        }
        Err(text) => (StatusCode::CONFLICT, DeskSaid { refused: true, text }),
    };
    match opened(&plane, &peer, &sent.code).await? {
        Ok(opened) => Ok(page(status, shown(&plane, &opened, &sent, Some(said)))),
        Err(again) => Ok(again),
    }
}

fn shown(plane: &Plane, opened: &Opened, sent: &Sent, said: Option<DeskSaid>) -> String {
    let decision = &opened.decision;
    let own = decision.scope.sites().iter().filter(|site| site.account == opened.account);
    let mut hosts: Vec<String> = own.flat_map(|site| &site.hosts).map(ToString::to_string).collect();
    let more = hosts.len().saturating_sub(HOSTS_SHOWN);
    if more > 0 {
        hosts.truncate(HOSTS_SHOWN);
        hosts.push(format!("and {more} more"));
    }
    AppealPage {
        host: plane.public_url.host().to_string(),
        said,
        decision: decision.id.to_string(),
        title: decision.statement.title.clone(),
        meaning: decision.statement.meaning.clone(),
        statement_url: decision.statement.url.clone(),
        hosts: hosts.join(", "),
        lines: opened.appeals().map(line).collect(),
        may_file: opened.may_file(),
        expedited: decision.terms.measure == Measure::M5,
        most: TEXT_MAX,
        grounds: sent.grounds.clone(),
        code: sent.code.clone(),
    }
    .page()
}

fn line(appeal: &Appeal) -> AppealLine {
    let (standing, reasons) = match &appeal.state {
        AppealState::Filed => ("We have it. Nobody has looked at it yet.", None),
        AppealState::Admissible { .. } => ("It will be heard. A reviewer takes it up next.", None),
        AppealState::Inadmissible { reason, .. } => ("It will not be heard.", Some(reason)),
        AppealState::UnderReview { .. } => {
            ("A reviewer who took no part in the decision is reading it.", None)
        }
        AppealState::Decided { outcome, reasons, .. } | AppealState::Notified { outcome, reasons, .. } => {
            (ruled(*outcome), Some(reasons))
        }
    };
    AppealLine {
        id: appeal.id.to_string(),
        filed: appeal.filed_at,
        standing,
        due: appeal.is_open().then_some(appeal.due),
        reasons: reasons.map(ToString::to_string),
        grounds: appeal.grounds.to_string(),
    }
}

fn ruled(outcome: AppealOutcome) -> &'static str {
    match outcome {
        AppealOutcome::Upheld => "The reviewer decided that the decision stands.",
        AppealOutcome::Overturned => {
            "The reviewer overturned the decision. It ends once the reviewer has signed that, and the public statement \
             says that it was wrong."
        }
        AppealOutcome::Varied => {
            "The reviewer decided that it stands in another form; a record of that follows."
        }
    }
}
