//! The public listener: statements, decisions with their proofs, what they add up to, and the log itself.
//!
//! Owns what anyone may read without asking, and the forms that anyone may send. Serves nothing beyond the published
//! checkpoint, sets no cookie, takes in reports and askings for mail alone.

mod appeal;
mod desk;
mod documents;
mod dsa;
mod edition;
mod forms;
mod log;
mod mechanism;
mod policies;
mod reports;
mod search;
mod statements;
mod strangers;
mod submission;
mod subscribing;
mod turns;
mod view;

pub(crate) use forms::{Mode, file_document};
pub(crate) use mechanism::{Mechanism, reconcile as count_mechanism};
pub(crate) use reports::Reports;
pub(crate) use turns::Turns;
pub(crate) use view::{listed, log_view, standing};

use crate::pages::HTML;
use crate::pages::languages::Lang;
use crate::pages::record::{CONTENT_SECURITY_POLICY, Edition, Frame, Missing};
use crate::plane::Plane;
use crate::rim::{Problem, headers};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::sync::Arc;
use vocabulary::Digest;

/// The whole listener.
pub(crate) fn router(plane: Arc<Plane>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/record/") }))
        .route("/record", get(|| async { Redirect::permanent("/record/") }))
        .route("/record/feed.atom", get(search::feed))
        .route("/record/dsa.json", get(submission::dsa))
        .route("/record/transparency.json", get(reports::json))
        .route("/record/transparency.csv", get(reports::csv))
        .merge(pages("/record"))
        .route("/record/log/checkpoint", get(log::checkpoint))
        .route("/record/log/tile/{*path}", get(log::tile))
        .route("/record/policy/{name}", get(documents::policy))
        .route("/record/roster/{name}", get(documents::roster))
        .route("/record/tlog-policy", get(documents::tlog_policy))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(missing)
        .method_not_allowed_fallback(|| async { Problem::new(crate::rim::Reason::NotAllowed) })
        .layer(from_fn(headers::record))
        .merge(
            forms::router()
                .merge(desk::router())
                .merge(appeal::router())
                .merge(subscribing::router())
                .layer(from_fn(headers::report)),
        )
        .with_state(plane)
}

/// The pages for people, below a place: in the language that the browser wishes, and in each that is chosen.
fn pages(at: &str) -> Router<Arc<Plane>> {
    let each = |at: &str| {
        Router::new()
            .route(&format!("{at}/"), get(statements::front))
            .route(&format!("{at}/older/{{after}}"), get(statements::older))
            .route(&format!("{at}/search"), get(search::search))
            .route(&format!("{at}/transparency"), get(reports::transparency))
            .route(&format!("{at}/policies"), get(policies::list))
            .route(&format!("{at}/policies/{{number}}"), get(policies::one))
            .route(&format!("{at}/decisions/{{name}}"), get(statements::decision))
    };
    let chosen = Lang::ALL.map(|lang| each(&format!("{at}/{}", lang.code())));
    chosen.into_iter().fold(each(at), Router::merge)
}

/// What all pages share.
pub(crate) fn frame(plane: &Plane, edition: Edition) -> Frame {
    Frame {
        public_url: plane.public_url.to_string(),
        trial: plane.founded.roster.profile() == policy::Profile::Trial,
        now: plane.clock.now(),
        edition,
    }
}

/// A page of the record. One whose language the browser's wish decided is another for another wish.
fn page(status: StatusCode, edition: &Edition, html: String) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, HTML)], html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(edition.lang.code()));
    if !edition.chosen {
        fields.insert(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

async fn missing(State(plane): State<Arc<Plane>>, edition: Edition) -> Response {
    not_found(&plane, edition)
}

/// The page that says so; its other languages are those of the front page, for what is not there has none.
fn not_found(plane: &Plane, edition: Edition) -> Response {
    let edition = Edition { page: String::new(), ..edition };
    page(StatusCode::NOT_FOUND, &edition.clone(), Missing { frame: frame(plane, edition) }.page())
}

/// What is never another under the same name.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Bytes that may change: asked for again each time, and spared when they are still the same.
fn revalidated(fields: &HeaderMap, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let tag = format!("\"{}\"", Digest::of(&bytes));
    let same = fields.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).is_some_and(|list| {
        list.trim() == "*" || list.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
    });
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media_type)], bytes).into_response()
    };
    let answer = response.headers_mut();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, tag);
    }
    response
}
