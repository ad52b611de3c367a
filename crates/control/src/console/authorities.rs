//! The page of the directory of authorities.

use super::{acts, page};
use crate::api::Api;
use crate::pages::authorities::{AuthoritiesPage, AuthorityRow};
use crate::pages::cases::ActLink;
use crate::pages::console::Notice;
use crate::rim::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::{DirectoryEntry, DirectoryKey};
use vocabulary::Timestamp;

/// What can be done with an entry that was not retired.
const ACTS: [(&str, &str); 5] = [
    ("call-authority", "Note a call back"),
    ("authority-key", "Keys"),
    ("authority-duty-line", "Duty line"),
    ("authority-mail", "Mail"),
    ("retire-authority", "Retire it"),
];

/// `GET /authorities`.
pub(super) async fn show(State(api): State<Api>, fields: HeaderMap) -> Result<Response, Problem> {
    if api.door.identify(&fields).await?.is_none() {
        return Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page()));
    }
    let plane = &api.plane;
    let now = plane.clock.now();
    let rows = plane.records.authorities().await?.iter().map(|held| row(&held.value, now)).collect();
    let shown = AuthoritiesPage { public_url: plane.public_url.to_string(), rows };
    Ok(page(StatusCode::OK, shown.page()))
}

fn row(entry: &DirectoryEntry, now: Timestamp) -> AuthorityRow {
    let id = entry.id.to_string();
    let link = |(act, label)| ActLink { href: acts::address(act, None, Some(&id)), label };
    AuthorityRow {
        name: entry.name.to_string(),
        stands_for: entry.stands_for.to_string(),
        duty_line: entry.duty_line.as_ref().map(|line| (line.number.to_string(), line.source.to_string())),
        mail: entry.mail.as_ref().map(ToString::to_string),
        verified: entry.verified_at(now),
        keys: entry.keys.iter().map(key).collect(),
        retired: entry.retired.as_ref().map(|retired| retired.reason.to_string()),
        acts: if entry.retired.is_none() { ACTS.map(link).into() } else { Vec::new() },
        id,
    }
}

fn key(key: &DirectoryKey) -> (String, &'static str) {
    let state = match (key.ended, &key.confirmed) {
        (Some(_), _) => "ended",
        (None, Some(_)) => "confirmed",
        (None, None) => "not confirmed yet",
    };
    (key.key.to_string(), state)
}
