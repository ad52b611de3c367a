//! Entering and leaving the console.

use super::Api;
use crate::rim::body::Json;
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// Who is asking.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Present {
    /// The name used in the history.
    actor: String,
    /// The token to send as `X-CSRF-Token` with every change; none for a bearer token.
    csrf: Option<String>,
    /// When the session ends by itself.
    #[schema(value_type = Option<String>)]
    expires: Option<Timestamp>,
}

/// The one-time token of a setup link.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupToken {
    /// The part of the link after `#t=`.
    token: String,
}

/// A fresh link to the console.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SetupLink {
    /// Works once, for 30 minutes; earlier ones no longer work.
    token: String,
}

/// Uses a setup token up and gives the value for `Set-Cookie` of the session it opens.
pub(crate) async fn enter(api: &Api, pasted: &str) -> Result<HeaderValue, Problem> {
    let token = crate::pages::console::token_in(pasted);
    if token.is_empty() || token.len() > 100 {
        return Err(Problem::new(Reason::SetupTokenRefused));
    }
    api.door.redeem_setup(token).await
}

/// Opens a session with the one-time token.
#[utoipa::path(post, path = "/api/v1/session/setup", tag = "session", security(()), request_body = SetupToken,
    responses((status = 204, description = "A session cookie is set"), (status = 403, description = "Used or too old")))]
pub(crate) async fn setup(
    State(api): State<Api>,
    Json(asked): Json<SetupToken>,
) -> Result<Response, Problem> {
    let cookie = enter(&api, &asked.token).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Says who is asking.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Present)))]
pub(crate) async fn present(Extension(principal): Extension<Principal>) -> axum::Json<Present> {
    axum::Json(Present {
        actor: principal.actor().to_owned(),
        csrf: principal.csrf().map(str::to_owned),
        expires: principal.expires(),
    })
}

/// Ends the session.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub(crate) async fn leave(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
) -> Result<Response, Problem> {
    let cookie = api.door.leave(&principal).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Makes a fresh setup token.
#[utoipa::path(post, path = "/api/v1/setup-links", tag = "session", responses((status = 201, body = SetupLink)))]
pub(crate) async fn setup_link(State(api): State<Api>) -> Result<Response, Problem> {
    let token = api.door.offer_setup().await?;
    Ok((StatusCode::CREATED, axum::Json(SetupLink { token })).into_response())
}
