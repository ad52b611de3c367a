//! The versions of the policy as pages: the list, and each with what it changed.

use super::{frame, not_found, page};
use crate::pages::difference::difference;
use crate::pages::record::{Edition, PoliciesPage, PolicyPage, PolicyRow};
use crate::plane::Plane;
use crate::policies::PolicyVersion;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// Versions on the list, newest first; all of them have pages of their own.
const LISTED_MAX: usize = 200;

/// The list.
pub(super) async fn list(State(plane): State<Arc<Plane>>, edition: Edition) -> Response {
    let all = plane.founded.policies.all();
    let versions = (0..all.len()).rev().take(LISTED_MAX).map(|place| row(&all, place)).collect();
    let frame = frame(&plane, edition.clone());
    page(StatusCode::OK, &edition, PoliciesPage { frame, versions }.page())
}

/// One version, by its number.
pub(super) async fn one(
    State(plane): State<Arc<Plane>>,
    Path(number): Path<String>,
    edition: Edition,
) -> Response {
    let all = plane.founded.policies.all();
    let place = all.iter().position(|version| version.matrix.version().to_string() == number);
    let Some((place, version)) = place.and_then(|place| Some((place, all.get(place)?))) else {
        return not_found(&plane, edition);
    };
    let before = place.checked_sub(1).and_then(|place| all.get(place));
    let shown = PolicyPage {
        frame: frame(&plane, edition.clone()),
        version: row(&all, place),
        before: before.map(|before| before.matrix.version()),
        changes: before.map(|before| difference(&before.text, &version.text)).unwrap_or_default(),
        text: version.text.clone(),
    };
    page(StatusCode::OK, &edition, shown.page())
}

fn row(all: &[Arc<PolicyVersion>], place: usize) -> PolicyRow {
    let version = &all[place];
    PolicyRow {
        version: version.matrix.version(),
        sha256: version.matrix.hash(),
        entry: version.entry.index,
        published: version.entry.entry.body.time,
        acts: version.acts,
        until: all.get(place + 1).map(|next| next.acts),
    }
}
