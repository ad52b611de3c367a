//! What the forms for strangers share: the page they answer with, and what comes of a code that opens nothing.

use crate::intake::NotOpened;
use crate::pages::HTML;
use crate::pages::report::CONTENT_SECURITY_POLICY;
use crate::rim::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A page of theirs.
pub(super) fn page(status: StatusCode, html: String) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, HTML)], html).into_response();
    if let Ok(policy) = HeaderValue::from_str(&CONTENT_SECURITY_POLICY) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The answer to a code that opens nothing. `asked` makes the page that asks for it again: its status, whether the code was
/// wrong, and the seconds to wait.
pub(super) fn not_opened(
    why: NotOpened,
    asked: impl FnOnce(StatusCode, bool, Option<u64>) -> Response,
) -> Result<Response, Problem> {
    match why {
        NotOpened::Wrong => Ok(asked(StatusCode::NOT_FOUND, true, None)),
        NotOpened::Slow(wait) => {
            let seconds = wait.as_secs().max(1);
            let mut response = asked(StatusCode::TOO_MANY_REQUESTS, false, Some(seconds));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
        NotOpened::Problem(problem) => Err(problem),
    }
}
