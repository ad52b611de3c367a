//! Path segments and query parameters, refused as problem documents.

use super::{Problem, Reason};
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The parameters of a path; an id that is none is 404, because nothing can be there.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumPath(value) = AxumPath::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::new(Reason::NotFound).detail(rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// The parameters of a query; unknown ones are refused where the type says so.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let AxumQuery(value) = AxumQuery::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::new(Reason::Malformed).detail(rejection.body_text()))?;
        Ok(Self(value))
    }
}
