//! The documents that decisions are checked against: policy, roster, tlog-policy.

use super::{IMMUTABLE, not_found, revalidated};
use crate::pages::record::Edition;
use crate::plane::Plane;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use vocabulary::Digest;

const TEXT: &str = "text/plain; charset=utf-8";

/// A policy file by version or digest.
pub(super) async fn policy(
    State(plane): State<Arc<Plane>>,
    Path(name): Path<String>,
    edition: Edition,
) -> Response {
    let policies = &plane.founded.policies;
    let found = match name.parse::<Digest>() {
        Ok(sha256) => policies.of(&sha256),
        Err(_) => name.parse().ok().and_then(|number| policies.numbered(number)),
    };
    match found {
        Some(version) => named(TEXT, version.text.clone()),
        None => not_found(&plane, edition),
    }
}

/// A roster by digest, with or without `.json`.
pub(super) async fn roster(
    State(plane): State<Arc<Plane>>,
    Path(name): Path<String>,
    edition: Edition,
) -> Response {
    let name = name.strip_suffix(".json").unwrap_or(&name);
    if name != plane.founded.roster.hash().to_string() {
        return not_found(&plane, edition);
    }
    named("application/json", plane.founded.roster_text.clone())
}

/// Log and witness keys with the quorum. A reader who takes them from here trusts this server.
pub(super) async fn tlog_policy(State(plane): State<Arc<Plane>>, fields: HeaderMap) -> Response {
    revalidated(&fields, TEXT, plane.founded.tlog_policy.clone().into_bytes())
}

fn named(media_type: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, IMMUTABLE)], text).into_response()
}
