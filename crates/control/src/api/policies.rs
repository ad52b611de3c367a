//! Versions of the policy: the list, and publishing the next one.

use super::Api;
use crate::policies::PolicyVersion;
use crate::rim::{Problem, Reason, body};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use vocabulary::{Digest, Timestamp};

/// Largest policy file, in bytes; the parser's own bound is the same.
const POLICY_BYTES_MAX: usize = 64 << 10;

/// One version of the policy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyLine {
    /// Its number.
    version: u32,
    /// The digest of its text, which stands at `/record/policy/SHA256`.
    #[schema(value_type = String)]
    sha256: Digest,
    /// The number of its entry in the log.
    entry: u64,
    /// When it was published.
    #[schema(value_type = String)]
    published: Timestamp,
    /// From when it is applied: to what was posted, and to cases that were opened, from then on.
    #[schema(value_type = String)]
    acts: Timestamp,
}

impl PolicyLine {
    fn of(version: &PolicyVersion) -> Self {
        Self {
            version: version.matrix.version(),
            sha256: version.matrix.hash(),
            entry: version.entry.index,
            published: version.entry.entry.body.time,
            acts: version.acts,
        }
    }
}

/// Lists all versions, the first one first.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies",
    responses((status = 200, body = [PolicyLine])))]
pub(crate) async fn list(State(api): State<Api>) -> axum::Json<Vec<PolicyLine>> {
    axum::Json(api.plane.founded.policies.all().iter().map(|version| PolicyLine::of(version)).collect())
}

/// Publishes the next version, given as its text. It acts 15 days later; the answer says when. The same text once more
/// is the same version.
#[utoipa::path(post, path = "/api/v1/policies", tag = "policies",
    request_body(content = String, content_type = "text/plain"),
    responses((status = 201, body = PolicyLine),
        (status = 409, description = "It has a mistake, is looser than the floor, or its number was used; `reason` says which")))]
pub(crate) async fn publish(State(api): State<Api>, sent: Body) -> Result<Response, Problem> {
    let bytes = body::whole(sent, POLICY_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Problem::new(Reason::Malformed).detail("a policy is text in UTF-8"))?;
    let version = api.plane.publish_policy(text).await?;
    Ok((StatusCode::CREATED, axum::Json(PolicyLine::of(&version))).into_response())
}
