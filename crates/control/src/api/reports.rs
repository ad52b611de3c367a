//! The desk's work on reports: the queue, opening, answering, closing, erasing.
//!
//! What somebody wrote is given out by `open` alone, to an officer by name, after the reading was noted.

use super::Api;
use super::refusals::officer;
use crate::intake;
use crate::plane::Plane;
use crate::record::{Mode, file_document};
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{Officer, Text};
use policy::{Pseudonym, Role};
use records::{Listing, Page, PutError, Versioned};
use reports::{
    Allegation, AllegationRefusal, MessageFrom, Outcome, RatingsSealed, Secret, Signal, SignalKind,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::{AllegationId, CaseId, ReportId, Timestamp};

/// How often a change is repeated when the allegation was changed meanwhile.
const ATTEMPTS: usize = 5;
/// Reports of an allegation that are listed before its ratings are sealed: enough to read, too few to be impressed.
const SHOWN_UNSEALED: u32 = 3;

/// An officer who acts.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct By {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
}

/// An answer or a question to a reporter.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeskMessage {
    /// The officer's pseudonym; the reporter does not see it.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The text.
    text: String,
}

/// How a report ended.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportClosing {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `actioned`, `referred`, `unfounded` or `duplicate`.
    #[schema(value_type = String)]
    outcome: Outcome,
}

/// An erasure.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasing {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// Why, without names: it stays.
    #[schema(value_type = String)]
    reason: Text,
}

/// A case for an allegation.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assigning {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The case.
    #[schema(value_type = String)]
    case: CaseId,
}

/// Attention seen somewhere else.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSignal {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `press` or `campaign`.
    #[schema(value_type = String)]
    kind: SignalKind,
    /// Where it was seen.
    #[schema(value_type = String)]
    text: Text,
}

/// One allegation of the queue. How many reports claim it shows only once the case's ratings are sealed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AllegationLine {
    /// Its id.
    #[schema(value_type = String)]
    pub(crate) id: AllegationId,
    /// About what.
    pub(crate) category: &'static str,
    /// Whether somebody is said to be in danger.
    pub(crate) danger: bool,
    /// The hosts it is about.
    pub(crate) hosts: Vec<String>,
    /// Those of our sites that have them.
    pub(crate) sites: Vec<String>,
    /// When the first report came in.
    #[schema(value_type = String)]
    pub(crate) opened_at: Timestamp,
    /// The case that looks into it.
    #[schema(value_type = Option<String>)]
    pub(crate) case: Option<CaseId>,
    /// Reports, press and campaigns, once no rating can be biased by them.
    #[schema(value_type = Option<Object>)]
    pub(crate) volume: Option<Value>,
}

/// A page of the queue: danger first, then those that wait longest, in the order of the records. Whatever comes
/// in after it, what is urgent stays in front.
pub(crate) async fn queue(plane: &Plane, page: Page) -> Result<PageOf<AllegationLine>, Problem> {
    let listing = plane.records.allegation_queue(page).await?;
    let mut lines = Vec::with_capacity(listing.items.len());
    for held in &listing.items {
        lines.push(line(plane, &held.value).await?);
    }
    Ok(PageOf::of(Listing { items: lines, next: listing.next }, |line| line))
}

async fn line(plane: &Plane, allegation: &Allegation) -> Result<AllegationLine, Problem> {
    let sealed = sealed(plane, allegation).await?;
    Ok(AllegationLine {
        id: allegation.id,
        category: allegation.category.name(),
        danger: allegation.danger,
        hosts: allegation.hosts.iter().map(ToString::to_string).collect(),
        sites: allegation.sites.iter().map(ToString::to_string).collect(),
        opened_at: allegation.opened_at,
        case: allegation.case,
        volume: sealed.map(|sealed| json!(allegation.volume(sealed))),
    })
}

/// The proof that attention can bias no rating of the allegation's case any more.
async fn sealed(plane: &Plane, allegation: &Allegation) -> Result<Option<RatingsSealed>, Problem> {
    let Some(case) = allegation.case else { return Ok(None) };
    let case = plane.records.case(case).await?;
    let complete = |held: &Versioned<casework::Case>| {
        RatingsSealed::of(
            held.value
                .findings
                .iter()
                .map(|finding| matches!(finding.ratings, casework::Ratings::Opened { .. })),
        )
    };
    Ok(case.as_ref().and_then(complete))
}

/// The officer, if the role works on reports.
fn desk(plane: &Plane, by: &Pseudonym) -> Result<Officer, Problem> {
    let officer = officer(plane, by)?;
    match officer.role {
        Role::Intake | Role::Assessor | Role::Legal | Role::DutyOfficer | Role::VictimLiaison => Ok(officer),
        _ => Err(Problem::new(Reason::RoleMayNot)),
    }
}

/// Lists the queue: open allegations, danger first, then those that wait longest.
#[utoipa::path(get, path = "/api/v1/allegations", tag = "reports", params(PageQuery),
    responses((status = 200, body = PageOf<AllegationLine>)))]
pub(crate) async fn allegations(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<AllegationLine>>, Problem> {
    queue(&api.plane, query.page()?).await.map(axum::Json)
}

/// Lists the reports of an allegation, without their text: three until its ratings are sealed, then all.
#[utoipa::path(get, path = "/api/v1/allegations/{allegation}/reports", tag = "reports",
    params(("allegation" = String, Path), PageQuery), responses((status = 200, body = Object), (status = 404)))]
pub(crate) async fn of_allegation(
    State(api): State<Api>,
    Path(id): Path<AllegationId>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<Value>>, Problem> {
    let plane = &api.plane;
    let held = plane.records.allegation(id).await?.ok_or_else(|| Problem::new(Reason::NotFound))?;
    let sealed = sealed(plane, &held.value).await?.is_some();
    let page = if sealed { query.page()? } else { Page::first(SHOWN_UNSEALED) };
    let mut listing = plane.records.list_reports(Some(id), page).await?;
    listing.next = listing.next.filter(|_| sealed);
    Ok(axum::Json(PageOf::of(listing, |held| {
        let report = held.value;
        json!({"id": report.id, "received_at": report.received_at, "channel": report.channel,
            "danger": report.danger, "language": report.language, "state": report.state,
            "messages": report.thread.len(), "may_forward": report.may_forward})
    })))
}

/// Changes an allegation.
async fn changed(
    plane: &Plane,
    id: AllegationId,
    change: impl Fn(&mut Allegation) -> Result<(), AllegationRefusal>,
) -> Result<(), Problem> {
    for _ in 0..ATTEMPTS {
        let held = plane.records.allegation(id).await?;
        let Versioned { version, mut value } = held.ok_or_else(|| Problem::new(Reason::NotFound))?;
        change(&mut value).map_err(|refusal| Problem::refused(refusal.name(), refusal))?;
        match plane.records.put_allegation(&value, version).await {
            Ok(_) => return Ok(()),
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// Puts an allegation into a case. The case itself is not changed: the gate sees no reports.
#[utoipa::path(post, path = "/api/v1/allegations/{allegation}/case", tag = "reports",
    params(("allegation" = String, Path)), request_body = Assigning, responses((status = 204), (status = 409)))]
pub(crate) async fn assign(
    State(api): State<Api>,
    Path(id): Path<AllegationId>,
    Json(asked): Json<Assigning>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    super::refusals::case(&api.plane, asked.case).await?;
    changed(&api.plane, id, |allegation| allegation.assign(asked.case)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes attention: press, a hashtag, a call to report. It shows once ratings are sealed.
#[utoipa::path(post, path = "/api/v1/allegations/{allegation}/signals", tag = "reports",
    params(("allegation" = String, Path)), request_body = NewSignal, responses((status = 204), (status = 409)))]
pub(crate) async fn signal(
    State(api): State<Api>,
    Path(id): Path<AllegationId>,
    Json(asked): Json<NewSignal>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    let at = api.plane.clock.now();
    let noted = |allegation: &mut Allegation| {
        allegation.note(Signal { kind: asked.kind, text: asked.text.to_string(), at })
    };
    changed(&api.plane, id, noted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes an allegation; the same claim later opens another.
#[utoipa::path(post, path = "/api/v1/allegations/{allegation}/close", tag = "reports",
    params(("allegation" = String, Path)), request_body = By, responses((status = 204), (status = 409)))]
pub(crate) async fn close_allegation(
    State(api): State<Api>,
    Path(id): Path<AllegationId>,
    Json(asked): Json<By>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    let at = api.plane.clock.now();
    changed(&api.plane, id, |allegation| allegation.close(at)).await?;
    api.plane.intake.forget_allegation(id).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Files a machine's report: XARF v4, ARF or plain JSON. The answer has the receipt code, once.
#[utoipa::path(post, path = "/api/v1/reports", tag = "reports",
    params(("mode" = Option<String>, Query, description = "`strict` or `tolerant`, for XARF")),
    request_body(content = Object, description = "application/json or message/rfc822"),
    responses((status = 201, description = "Kept; `code` is the receipt"), (status = 200, description = "Known already"),
        (status = 413), (status = 415), (status = 422)))]
pub(crate) async fn file(
    State(api): State<Api>,
    Query(mode): Query<Mode>,
    fields: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    file_document(&api.plane, &mode, &fields, body).await
}

/// Opens a report for an officer: its text and thread. The reading is noted first, and stays.
#[utoipa::path(post, path = "/api/v1/reports/{report}/open", tag = "reports", params(("report" = String, Path)),
    request_body = By, responses((status = 200, body = Object), (status = 403), (status = 404)))]
pub(crate) async fn open(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
    Json(asked): Json<By>,
) -> Result<axum::Json<Value>, Problem> {
    let by = desk(&api.plane, &asked.by)?;
    let intake::Opened { report, text } = intake::open(&api.plane, id, &by).await?;
    let thread = |lines: Vec<(MessageFrom, Timestamp, Secret)>| -> Vec<Value> {
        let line = |(from, at, text): (_, _, Secret)| json!({"from": from, "at": at, "text": text.expose()});
        lines.into_iter().map(line).collect()
    };
    let text = text.map(|(text, lines)| {
        json!({"words": text.words.expose(), "at_risk": text.at_risk.expose(), "contact": text.contact.expose(),
            "reporter": text.reporter.expose(), "original": text.original.expose(), "thread": thread(lines),
            "urls": text.urls.iter().map(Secret::expose).collect::<Vec<_>>()})
    });
    Ok(axum::Json(json!({"id": report.id, "allegation": report.allegation, "state": report.state,
        "category": report.category, "may_forward": report.may_forward, "text": text})))
}

/// Lists who opened a report, and when.
#[utoipa::path(get, path = "/api/v1/reports/{report}/readings", tag = "reports", params(("report" = String, Path)),
    responses((status = 200, body = Object)))]
pub(crate) async fn readings(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
) -> Result<axum::Json<Value>, Problem> {
    Ok(axum::Json(json!(api.plane.records.report_readings(id).await?)))
}

/// Writes to the reporter, who finds it by the code.
#[utoipa::path(post, path = "/api/v1/reports/{report}/messages", tag = "reports", params(("report" = String, Path)),
    request_body = DeskMessage, responses((status = 204), (status = 409)))]
pub(crate) async fn message(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
    Json(asked): Json<DeskMessage>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    intake::message(&api.plane, id, &Secret::new(asked.text)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that officers looked at what a report claims.
#[utoipa::path(post, path = "/api/v1/reports/{report}/assess", tag = "reports", params(("report" = String, Path)),
    request_body = By, responses((status = 204), (status = 409)))]
pub(crate) async fn assess(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
    Json(asked): Json<By>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    intake::set_state(&api.plane, id, |report, _| report.assess()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes a report; the reporter can still read and answer.
#[utoipa::path(post, path = "/api/v1/reports/{report}/close", tag = "reports", params(("report" = String, Path)),
    request_body = ReportClosing, responses((status = 204), (status = 409)))]
pub(crate) async fn close(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
    Json(asked): Json<ReportClosing>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    intake::close(&api.plane, id, asked.outcome).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Erases a report's text for good: its key is destroyed. Its id, times and outcome stay.
#[utoipa::path(post, path = "/api/v1/reports/{report}/erase", tag = "reports", params(("report" = String, Path)),
    request_body = Erasing, responses((status = 204), (status = 409)))]
pub(crate) async fn erase(
    State(api): State<Api>,
    Path(id): Path<ReportId>,
    Json(asked): Json<Erasing>,
) -> Result<StatusCode, Problem> {
    desk(&api.plane, &asked.by)?;
    intake::erase(&api.plane, id, asked.reason.as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}
