//! Answers that the edge writes itself: errors, and the page of a measure in force.

use crate::date::DateText;
use crate::http1::connection::DRAIN_BYTES_MAX;
use crate::pages::{
    BlockView, CONTENT_SECURITY_POLICY, Closed, DemandView, ErrorView, Form, HTML, PROBLEM_JSON, SiteTokens,
    block_page, error_page, render_site_page,
};
use crate::ports::{Answer, Fields, Head};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::streams::is_call;
use crate::trail::Trail;
use bytes::Bytes;
use error_pages::{Page, Values};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use policy::{Feature, Ground, Measure, Profile};
use snapshot::{Facts, ProvedMeasure, Service, Site, Snapshot};
use std::sync::Arc;
use vocabulary::Timestamp;
use vocabulary::moment::date_and_time;

/// The field that names the decision behind a block.
const DECISION: HeaderName = HeaderName::from_static("wardmote-decision");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// After how many seconds a visitor may try again where the edge gave way under its bounds.
const RETRY_SECONDS: u32 = 5;

/// Answers with an error page, in the form that the visitor asked for.
pub(crate) async fn error<A: Answer>(
    snapshot: &Snapshot,
    reason: Reason,
    request: Option<&Request>,
    trail: &Trail,
    date: &[u8],
    answer: &mut A,
) -> Result<(), Reason> {
    let entry = reason.entry();
    let view = ErrorView {
        status: entry.status,
        title: entry.title,
        text: entry.text,
        reason: entry.name,
        ray: &trail.ray.to_string(),
        host: request.map_or("", |request| request.authority.host().as_str()),
        side: reason.side(),
        retry_after: trail.retry_after.or_else(|| retry_after(reason, trail.site.as_deref())),
    };
    let mut fields = HeaderMap::with_capacity(12);
    let own_page = request.and_then(|request| own_page(snapshot, request, trail, reason));
    // Who is told to come again is no browser that waits for a page.
    let form = if reason == Reason::ComeAgain { Form::Problem } else { form_for(request) };
    let body = match (form, own_page) {
        (Form::Problem, _) => problem(&mut fields, view.problem_json()),
        (Form::Html, Some(OwnPage::OfClass(page))) => class_page(&mut fields, &page, &view, trail),
        (Form::Html, Some(OwnPage::OfAll(site))) => {
            site_page(&mut fields, site.error_page.as_deref().unwrap_or_default(), &view)
        }
        (Form::Html, None) => page(&mut fields, error_page(&view)),
    };
    if reason == Reason::MethodRefused {
        const ALLOWED: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        fields.insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    }
    if let Some(seconds) = view.retry_after {
        fields.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    send(entry.status, fields, body, request, trail, date, answer).await
}

/// When to come back: what the owner of a closed site says, else soon.
fn retry_after(reason: Reason, site: Option<&Site>) -> Option<u32> {
    let maintenance = site.and_then(|site| site.front.maintenance.as_ref());
    match (reason, maintenance) {
        (Reason::Maintenance, Some(maintenance)) => Some(maintenance.retry_after_seconds),
        _ => (reason.status() == 503).then_some(RETRY_SECONDS),
    }
}

/// Sends a visitor on to HTTPS. 301 where there is no method to lose, for the oldest clients know it; else 308,
/// after which the method and the content stay what they were (RFC 9110 §15.4.2, §15.4.9).
pub(crate) async fn to_https<A: Answer>(
    address: &str,
    request: &Request,
    trail: &Trail,
    date: &DateText,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let status = if matches!(request.method, Method::GET | Method::HEAD) { 301 } else { 308 };
    let mut fields = HeaderMap::with_capacity(8);
    put(&mut fields, header::LOCATION, address);
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let body = "This site is served over HTTPS.\n".to_owned();
    send(status, fields, body, Some(request), trail, &date.at(trail.started), answer).await?;
    Ok(Reason::ToHttps)
}

/// A site's own page for an answer.
enum OwnPage {
    /// Made for the class.
    OfClass(Arc<Page>),
    /// The one text for all classes.
    OfAll(Arc<Site>),
}

/// The site's own page, where it has one for what happened and uses them, unless a decision has withdrawn that (M2).
fn own_page(snapshot: &Snapshot, request: &Request, trail: &Trail, reason: Reason) -> Option<OwnPage> {
    let class = reason.page_class()?;
    let site = trail.site.as_ref().filter(|site| site.services.contains(&Service::Errors))?;
    let facts = Facts { country: trail.country, ..Facts::of(request.authority.host()) };
    if snapshot.withdraws(&facts, Feature::ErrorPages, trail.started) {
        return None;
    }
    let page = snapshot.page(site, class).map(|page| OwnPage::OfClass(Arc::clone(page)));
    page.or_else(|| site.error_page.is_some().then(|| OwnPage::OfAll(Arc::clone(site))))
}

/// Answers for a measure in force.
pub(crate) async fn blocked<A: Answer>(
    measure: &ProvedMeasure,
    request: &Request,
    trail: &Trail,
    now: Timestamp,
    date: &[u8],
    answer: &mut A,
) -> Result<Reason, Reason> {
    let decision = measure.id().to_string();
    let elsewhere = measure.is_elsewhere(trail.country).then(|| elsewhere(measure.until(trail.country)));
    let view = BlockView {
        host: request.authority.host().as_str(),
        decision: &decision,
        statement_url: measure.statement_url(),
        title: measure.title(),
        meaning: elsewhere.as_deref().unwrap_or(measure.meaning()),
        contact: measure.contact(),
        site_contact: trail.site.as_ref().and_then(|site| site.pages.contact.as_deref()),
        until: measure.until(trail.country),
        now,
        ray: &trail.ray.to_string(),
        emergency: elsewhere.is_some()
            || matches!(measure.terms().ground, Ground::Emergency | Ground::RatifiedEmergency),
        closed: closed(measure, elsewhere.is_some()),
        trial: measure.profile() == Profile::Trial,
        demand: measure.demand_in(trail.country).map(|demand| DemandView {
            authority: &demand.authority,
            law: &demand.law,
            url: &demand.url,
        }),
    };
    let mut fields = HeaderMap::with_capacity(12);
    let body = match form_for(Some(request)) {
        _ if is_call(request) => refused_call(&mut fields, &decision, view.statement_url),
        Form::Problem => problem(&mut fields, view.problem_json()),
        Form::Html => page(&mut fields, block_page(&view)),
    };
    link(&mut fields, view.statement_url, "describedby");
    if let Some(demand) = &view.demand {
        link(&mut fields, demand.url, "blocked-by");
    }
    put(&mut fields, DECISION, &decision);
    send(view.status(), fields, body, Some(request), trail, date, answer).await?;
    Ok(Reason::Blocked)
}

/// The end of a call (gRPC over HTTP/2, "Responses": trailers only), which reads a status and a message of its own and
/// no page: `PERMISSION_DENIED`.
fn refused_call(fields: &mut HeaderMap, decision: &str, statement: &str) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    fields.insert(GRPC_STATUS, HeaderValue::from_static("7"));
    put(fields, GRPC_MESSAGE, &format!("blocked by decision {decision}; see {statement}"));
    String::new()
}

/// What a provisional measure means where the order that took it up does not reach: the statement in force speaks of
/// the order's territories, and of its end.
fn elsewhere(until: Timestamp) -> String {
    format!(
        "Until {} the provisional measure goes on here, and then it ends by itself. An order carries the decision on in \
         other places alone.",
        date_and_time(until)
    )
}

/// What a measure closes, for a visitor where the order behind it reaches or elsewhere.
fn closed(measure: &ProvedMeasure, elsewhere: bool) -> Closed {
    match measure.measure() {
        Measure::M3 => Closed::Page,
        Measure::M7 => Closed::Ended,
        _ if elsewhere || measure.terms().territories.is_empty() => Closed::Site,
        _ => Closed::Here,
    }
}

/// Answers an authority with the proof it looks for.
pub(crate) async fn proved<A: Answer>(
    proof: &str,
    request: &Request,
    trail: &Trail,
    date: &DateText,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut fields = HeaderMap::with_capacity(4);
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    send(200, fields, proof.to_owned(), Some(request), trail, &date.at(trail.started), answer).await?;
    Ok(Reason::Proved)
}

pub(super) fn form_for(request: Option<&Request>) -> Form {
    let accept = request.and_then(|request| request.fields.get(header::ACCEPT));
    Form::preferred(accept.and_then(|value| value.to_str().ok()))
}

pub(super) fn page(fields: &mut HeaderMap, text: String) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    put(fields, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    text
}

/// A page of ours about a measure that visitors can pass, with what says so to programs.
pub(super) fn sent_page(
    fields: &mut HeaderMap,
    page: String,
    policy: &'static str,
    measure: &ProvedMeasure,
) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    put(fields, header::CONTENT_SECURITY_POLICY, policy);
    // What a form of the page sends is checked by where it comes from.
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    link(fields, measure.statement_url(), "describedby");
    put(fields, DECISION, &measure.id().to_string());
    page
}

fn site_page(fields: &mut HeaderMap, template: &str, view: &ErrorView<'_>) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    let ErrorView { status, title, ray, reason, host, .. } = *view;
    render_site_page(template, &SiteTokens { status, title, ray, reason, host })
}

fn class_page(fields: &mut HeaderMap, page: &Page, view: &ErrorView<'_>, trail: &Trail) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    put(fields, header::CONTENT_SECURITY_POLICY, page.policy());
    page.fill(&Values {
        ray: view.ray,
        client: &trail.client.to_string(),
        // Nobody here knows where an address is.
        geo: "unknown",
        status: view.status,
        title: view.title,
        text: view.text,
        reason: view.reason,
        challenge: "",
    })
}

fn problem(fields: &mut HeaderMap, text: String) -> String {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    text
}

fn link(fields: &mut HeaderMap, target: &str, relation: &str) {
    let line = format!("<{target}>; rel=\"{relation}\"");
    if let Ok(value) = HeaderValue::try_from(line) {
        fields.append(header::LINK, value);
    }
}

/// For texts that are field values by their own making: ids, our own policy.
pub(super) fn put(fields: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        fields.insert(name, value);
    }
}

pub(super) async fn send<A: Answer>(
    status: u16,
    mut fields: HeaderMap,
    body: String,
    request: Option<&Request>,
    trail: &Trail,
    date: &[u8],
    answer: &mut A,
) -> Result<(), Reason> {
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(date) = HeaderValue::from_bytes(date) {
        fields.insert(header::DATE, date);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let length = Length::Known(body.len() as u64);
    // Who is to come again later holds no connection meanwhile: a crowd would hold as many as it likes.
    let close = status == StatusCode::SERVICE_UNAVAILABLE || request.is_some_and(leaves_much_unread);
    let own = trail.own_fields();
    answer.head(Head { status, fields: Fields::Map(&fields), length, own, close }).await?;
    if request.is_none_or(|request| request.method != Method::HEAD) {
        answer.data(Bytes::from(body)).await?;
    }
    answer.finish(None).await
}

/// Whether the request's content, which nobody will read, is more than is worth draining.
fn leaves_much_unread(request: &Request) -> bool {
    match request.length {
        Length::None => false,
        Length::Known(length) => length > DRAIN_BYTES_MAX || request.expects_continue,
        Length::Unknown => true,
    }
}
