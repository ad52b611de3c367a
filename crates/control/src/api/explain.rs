//! Why requests are answered as they are.

use super::Api;
use crate::questions::{Questions, Unanswered};
use crate::rim::extract::Query;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// What to explain: exactly one of both.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExplainQuery {
    /// An address: how would a browser's plain GET be answered now?
    url: Option<String>,
    /// A ray, as in the field `wardmote-ray` of an answer: why was it answered so?
    ray: Option<String>,
}

/// Explains an answer that was given, or one that would be given now, step by step.
#[utoipa::path(get, path = "/api/v1/explain", tag = "cache", params(ExplainQuery),
    responses((status = 200, description = "`verdict` and `steps`, each with a text for people", body = Object),
        (status = 400, description = "Neither an address nor a ray"),
        (status = 404, description = "The ray is not remembered"),
        (status = 503, description = "No edge runs here")))]
pub(crate) async fn explain(
    State(api): State<Api>,
    Query(query): Query<ExplainQuery>,
) -> Result<axum::Json<Value>, Problem> {
    let edge = edge(&api)?;
    let answer = match (&query.url, &query.ray) {
        (Some(url), None) => edge.explain_url(url).await,
        (None, Some(ray)) => edge.explain_ray(ray).await,
        _ => return Err(Problem::new(Reason::Malformed).detail("name either url or ray")),
    };
    answer.map(axum::Json).map_err(Problem::from)
}

/// The data plane, where it can be asked.
pub(super) fn edge(api: &Api) -> Result<Arc<dyn Questions>, Problem> {
    api.plane.telemetry.questions().ok_or_else(|| Problem::new(Reason::EdgeAway))
}

impl From<Unanswered> for Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::NotFound(why) => Self::new(Reason::NotFound).detail(why),
            Unanswered::Mistaken(why) => Self::new(Reason::Malformed).detail(why),
            Unanswered::Busy(why) => Self::new(Reason::EdgeAway).detail(why),
        }
    }
}
