//! Bodies, read to a bound.

use super::{Problem, Reason};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Largest JSON body, in bytes.
pub(crate) const JSON_BYTES_MAX: usize = 512 << 10;
/// Longest time a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// The whole body, at most `limit` bytes.
pub(crate) async fn whole(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(BODY_TIME_MAX, axum::body::to_bytes(body, limit)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_length_error(&error) => {
            Err(Problem::new(Reason::TooLarge).detail(format!("at most {limit} bytes are taken here")))
        }
        Ok(Err(_)) => Err(Problem::new(Reason::Malformed).detail("the body broke off")),
        Err(_) => Err(Problem::new(Reason::SlowBody)),
    }
}

fn is_length_error(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.to_string().contains("length limit exceeded") {
            return true;
        }
        source = inner.source();
    }
    false
}

/// A JSON body of at most [`JSON_BYTES_MAX`].
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        if media_type(&head.headers) != "application/json" {
            return Err(Problem::new(Reason::NotJson));
        }
        let bytes = whole(body, JSON_BYTES_MAX).await?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|error| Problem::new(Reason::Malformed).detail(error))
    }
}

/// The media type of a body without its parameters, lower case; empty when not given.
pub(crate) fn media_type(fields: &HeaderMap) -> String {
    let value = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
