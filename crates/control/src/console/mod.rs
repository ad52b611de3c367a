//! The control listener's pages, and what machines ask of it without credentials.
//!
//! Owns the console's addresses; what the pages look like is [`crate::pages`]' work, what they may
//! change is the API's.

mod acts;
mod agenda;
mod authorities;
mod cache;
mod cases;
mod defence;
mod hosts;
mod offers;
mod on_site;
mod overview;
mod pages;
mod reach;
mod reports;
mod ways_in;

use crate::api::{Api, enter};
use crate::pages::console::{CONTENT_SECURITY_POLICY, Notice, Setup};
use crate::pages::{HTML, assets};
use crate::rim::guard::{OwnNames, own_site_only};
use crate::rim::{Problem, Reason, body, headers};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;

/// Largest form taken, in bytes.
const FORM_BYTES_MAX: usize = 32 << 10;

/// The whole listener: console, API, and the addresses for machines.
pub(crate) fn router(api: Api, names: OwnNames) -> Router {
    let pages = Router::new()
        .route("/", get(overview))
        .route("/hosts", get(hosts::show).post(hosts::add))
        .route("/hosts/look", post(hosts::look))
        .route("/hosts/release", post(hosts::release))
        .route("/cases", get(cases::list))
        .route("/cases/{case}", get(cases::show))
        .route("/reports", get(reports::show))
        .route("/authorities", get(authorities::show))
        .route("/acts/sign/parcel", get(acts::parcel))
        .route("/acts/{act}", get(acts::show).post(acts::take))
        .route("/setup", get(setup).post(redeem))
        .route("/sites/{site}/cache", get(cache::show))
        .route("/sites/{site}/purges", post(cache::purge))
        .route("/sites/{site}/shield", get(defence::show))
        .route("/sites/{site}/shield/rules", post(defence::put_rule))
        .route("/sites/{site}/shield/switch", post(defence::switch))
        .route("/sites/{site}/shield/undo", post(defence::undo))
        .route("/sites/{site}/ways-in", get(ways_in::show).post(ways_in::put))
        .route("/sites/{site}/reach", get(reach::show))
        .route("/sites/{site}/pages", get(pages::show))
        .route("/sites/{site}/pages/{class}", get(pages::framed))
        .route("/assets/{name}", get(asset))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(missing)
        .with_state(api.clone());
    crate::api::router(&api)
        .merge(pages)
        .layer(from_fn_with_state(names, own_site_only))
        .layer(from_fn(headers::console))
}

fn page(status: StatusCode, html: String) -> Response {
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static(HTML)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, fields, html).into_response()
}

async fn overview(State(api): State<Api>, fields: HeaderMap) -> Result<Response, Problem> {
    match api.door.identify(&fields).await? {
        Some(principal) => {
            let csrf = principal.csrf().unwrap_or_default().to_owned();
            let overview = overview::compose(&api.plane, csrf).await?;
            Ok(page(StatusCode::OK, overview.page()))
        }
        None => Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page())),
    }
}

async fn setup() -> Response {
    page(StatusCode::OK, Setup { error: None }.page())
}

#[derive(Deserialize)]
struct PastedToken {
    #[serde(default)]
    token: String,
}

/// The form that a browser without scripts sends.
async fn redeem(State(api): State<Api>, body: Body) -> Response {
    let pasted = match body::whole(body, FORM_BYTES_MAX).await {
        Ok(bytes) => serde_urlencoded_token(&bytes),
        Err(problem) => return problem.into_response(),
    };
    match enter(&api, &pasted).await {
        Ok(cookie) => {
            let mut response = Redirect::to("/").into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(problem) => page(problem.status(), Setup { error: Some(problem.title().to_owned()) }.page()),
    }
}

/// The field `token` of a form body.
fn serde_urlencoded_token(bytes: &[u8]) -> String {
    form::<PastedToken>(bytes).map(|form| form.token).unwrap_or_default()
}

/// A form body (`application/x-www-form-urlencoded` is written as a query is).
fn form<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let text = String::from_utf8_lossy(bytes);
    let uri: Uri = format!("/?{text}").parse().ok()?;
    axum::extract::Query::<T>::try_from_uri(&uri).ok().map(|form| form.0)
}

async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = assets::find(&name) else {
        return page(StatusCode::NOT_FOUND, Notice::missing().page());
    };
    let fields = [(header::CONTENT_TYPE, asset.media_type()), (header::CACHE_CONTROL, assets::CACHE_CONTROL)];
    (fields, asset.content()).into_response()
}

async fn missing(fields: HeaderMap) -> Response {
    let wants = fields.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wants.contains("text/html") {
        page(StatusCode::NOT_FOUND, Notice::missing().page())
    } else {
        Problem::new(Reason::NotFound).into_response()
    }
}

/// Ready when the data plane serves, the records answer and the log is written.
async fn ready(State(api): State<Api>) -> Response {
    let mut trouble = Vec::new();
    trouble.extend(api.plane.telemetry.ready().err());
    trouble.extend(api.plane.records.ready().await.err().map(|error| error.to_string()));
    let stopped = api.plane.alarms.all().into_iter().find(|alarm| alarm.name == "log-stopped");
    trouble.extend(stopped.map(|alarm| alarm.text));
    match trouble.is_empty() {
        true => "ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, trouble.join("\n") + "\n").into_response(),
    }
}

/// The data plane's metrics and the control plane's own, in Prometheus' text format.
async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let plane = &api.plane;
    let mut text = plane.telemetry.prometheus();
    let published = plane.sequencer.published();
    let size = published.as_ref().map_or(0, |published| published.size);
    let age = published.map(|published| plane.clock.now().since(published.cosigned).as_secs());
    let mut gauge = |name: &str, help: &str, value: u64| {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    };
    gauge("wardmote_log_entries", "Entries under the published checkpoint.", size);
    gauge("wardmote_log_cosignature_age_seconds", "Age of its newest cosignature.", age.unwrap_or(0));
    gauge("wardmote_alarms", "Alarms standing.", plane.alarms.all().len() as u64);
    gauge(
        "wardmote_decisions_open",
        "Decisions with something still to come.",
        plane.docket.open().await?.len() as u64,
    );
    gauge("wardmote_edges_reporting", "Edges that have reported.", plane.publisher.receipts().len() as u64);
    let media_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}
