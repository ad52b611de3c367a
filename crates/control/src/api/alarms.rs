//! Alarms that nothing ends but an officer's word.

use super::Api;
use super::refusals::officer;
use crate::rim::body::Json;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::StatusCode;
use casework::Text;
use policy::Pseudonym;
use serde::Deserialize;

/// What was settled, and how.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettledAlarm {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The alarm's name: `entry-refused`, `mail-held-back` or `mail-not-noted`.
    name: String,
    /// Its subject, as it is told.
    subject: String,
    /// How, in a line; it stands in the process's log.
    #[schema(value_type = String)]
    how: Text,
}

/// Ends an alarm about what happened once, after it was seen to. The others end by themselves, when what they are about does.
#[utoipa::path(post, path = "/api/v1/alarms/settled", tag = "system", request_body = SettledAlarm,
    responses((status = 204), (status = 404, description = "No such alarm stands, or it ends by itself")))]
pub(crate) async fn settle(
    State(api): State<Api>,
    Json(asked): Json<SettledAlarm>,
) -> Result<StatusCode, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    if !plane.alarms.settle(&asked.name, &asked.subject) {
        return Err(Problem::new(Reason::NotFound).detail("no such alarm stands, or it ends by itself"));
    }
    tracing::info!(alarm = %asked.name, subject = %asked.subject, %by, how = %asked.how, "alarm settled");
    plane.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
