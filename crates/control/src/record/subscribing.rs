//! `/record/subscribe`: the form, and the links that letters lead to.
//!
//! A link that is opened changes nothing: programs that look through mail open all of them. What it is for happens when
//! its button is pressed, or when a mail program posts to it by itself (RFC 8058).

use super::{frame, page};
use crate::intake::Source;
use crate::pages::languages::Lang;
use crate::pages::record::{Edition, SubscribePage, Subscribing, Wrong};
use crate::plane::Plane;
use crate::rim::listener::Peer;
use crate::rim::{Problem, body};
use crate::subscriptions::{self, Followed, NotTaken};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use post::MailAddress;
use reports::form;
use std::sync::Arc;
use std::time::Duration;

/// Largest form, in bytes: an address and a token, each byte escaped.
const FORM_BYTES_MAX: usize = 4 << 10;

/// In the language that the browser wishes, and in each that is chosen.
pub(super) fn router() -> Router<Arc<Plane>> {
    let each = |at: &str| {
        Router::new()
            .route(&format!("{at}/subscribe"), get(asks).post(asked))
            .route(&format!("{at}/subscribe/{{token}}"), get(may_confirm).post(confirm))
            .route(&format!("{at}/unsubscribe/{{token}}"), get(may_end).post(end))
    };
    let chosen = Lang::ALL.map(|lang| each(&format!("/record/{}", lang.code())));
    chosen.into_iter().fold(each("/record"), Router::merge)
}

fn shown(plane: &Plane, edition: Edition, status: StatusCode, shown: Subscribing) -> Response {
    let frame = frame(plane, edition.clone());
    page(status, &edition, SubscribePage { frame, shown }.page())
}

fn form_again(
    plane: &Plane,
    edition: Edition,
    status: StatusCode,
    typed: &str,
    wrong: Option<Wrong>,
) -> Response {
    let token = plane.intake.form_token(&*plane.random, plane.clock.now());
    shown(plane, edition, status, Subscribing::Form { token, typed: typed.to_owned(), wrong })
}

async fn asks(State(plane): State<Arc<Plane>>, edition: Edition) -> Response {
    if !subscriptions::is_offered(&plane) {
        return shown(&plane, edition, StatusCode::OK, Subscribing::Off);
    }
    form_again(&plane, edition, StatusCode::OK, "", None)
}

async fn asked(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    edition: Edition,
    body: Body,
) -> Result<Response, Problem> {
    if !subscriptions::is_offered(&plane) {
        return Ok(shown(&plane, edition, StatusCode::SERVICE_UNAVAILABLE, Subscribing::Off));
    }
    let bytes = body::whole(body, FORM_BYTES_MAX).await?;
    let pairs = form::pairs(&bytes).unwrap_or_default();
    let field = |wanted: &str| {
        let found = pairs.iter().find(|(name, _)| name == wanted);
        found.map_or("", |(_, value)| value.as_str().trim())
    };
    let typed: String = field("address").chars().take(254).collect();
    if plane.intake.accept_token(field("token"), plane.clock.now()).is_none() {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(form_again(&plane, edition, status, &typed, Some(Wrong::Expired)));
    }
    let Ok(address) = typed.parse::<MailAddress>() else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(form_again(&plane, edition, status, &typed, Some(Wrong::Address)));
    };
    match subscriptions::ask(&plane, Source::of(peer), edition.lang, &address).await {
        Ok(()) => Ok(shown(&plane, edition, StatusCode::OK, Subscribing::Asked)),
        Err(NotTaken::Slow(wait)) => Ok(busy(&plane, edition, &typed, wait)),
        Err(NotTaken::Full) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Ok(form_again(&plane, edition, status, &typed, Some(Wrong::Busy)))
        }
        Err(NotTaken::Problem(problem)) => Err(problem),
    }
}

fn busy(plane: &Plane, edition: Edition, typed: &str, wait: Duration) -> Response {
    let mut response = form_again(plane, edition, StatusCode::TOO_MANY_REQUESTS, typed, Some(Wrong::Busy));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}

async fn may_confirm(
    State(plane): State<Arc<Plane>>,
    Path(token): Path<String>,
    edition: Edition,
) -> Response {
    match subscriptions::may_confirm(&plane, &token) {
        true => shown(&plane, edition, StatusCode::OK, Subscribing::MayConfirm { token }),
        false => shown(&plane, edition, StatusCode::NOT_FOUND, Subscribing::Gone),
    }
}

async fn confirm(
    State(plane): State<Arc<Plane>>,
    Path(token): Path<String>,
    edition: Edition,
) -> Result<Response, Problem> {
    let followed = subscriptions::confirm(&plane, &token).await?;
    Ok(after(&plane, edition, followed, Subscribing::Confirmed))
}

async fn may_end(State(plane): State<Arc<Plane>>, Path(token): Path<String>, edition: Edition) -> Response {
    match subscriptions::may_end(&plane, &token) {
        true => shown(&plane, edition, StatusCode::OK, Subscribing::MayEnd { token }),
        false => shown(&plane, edition, StatusCode::NOT_FOUND, Subscribing::Gone),
    }
}

/// The button and the mail program's own post alike: no question, no redirect, no cookie.
async fn end(
    State(plane): State<Arc<Plane>>,
    Path(token): Path<String>,
    edition: Edition,
) -> Result<Response, Problem> {
    let followed = subscriptions::unsubscribe(&plane, &token).await?;
    Ok(after(&plane, edition, followed, Subscribing::Ended))
}

fn after(plane: &Plane, edition: Edition, followed: Followed, done: Subscribing) -> Response {
    match followed {
        Followed::Done => shown(plane, edition, StatusCode::OK, done),
        Followed::Gone => shown(plane, edition, StatusCode::NOT_FOUND, Subscribing::Gone),
        Followed::Full => shown(plane, edition, StatusCode::SERVICE_UNAVAILABLE, Subscribing::Full),
    }
}
