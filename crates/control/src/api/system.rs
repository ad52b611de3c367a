//! The system as a whole: status, backup, reasons, this description.

use super::Api;
use super::certificates::{CertificatesView, notable};
use crate::alarms::Alarm;
use crate::rim::reasons::{ReasonLine, table};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use records::BackupError;
use serde::Serialize;
use std::collections::BTreeMap;
use vocabulary::{DecisionId, Timestamp};

/// How everything stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Status {
    /// This program's version.
    version: &'static str,
    /// The present instant by the server's clock.
    #[schema(value_type = String)]
    now: Timestamp,
    /// The operator's profile.
    #[schema(value_type = String)]
    profile: policy::Profile,
    /// Where the public record is.
    public_url: String,
    /// Whether the data plane serves; else why not.
    ready: bool,
    /// Why it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// The sites' revision.
    revision: u64,
    /// How many sites there are.
    sites: usize,
    /// The log.
    log: LogStatus,
    /// How many open decisions there are in each state.
    decisions: BTreeMap<&'static str, usize>,
    /// The edges that have reported.
    edges: Vec<EdgeStatus>,
    /// The certificates of the edge beside this control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<CertificatesView>,
    /// What somebody must look at.
    alarms: Vec<Alarm>,
}

/// The log as it is published.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LogStatus {
    /// Its name.
    origin: String,
    /// How many entries are published.
    size: u64,
    /// When the newest checkpoint was cosigned.
    #[schema(value_type = Option<String>)]
    cosigned: Option<Timestamp>,
}

/// What one edge reported last.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EdgeStatus {
    /// Its name.
    edge: String,
    /// The revision it serves.
    revision: u64,
    /// The measures in force there.
    #[schema(value_type = Vec<String>)]
    applied: Vec<DecisionId>,
    /// How many bundles it refused.
    refused: usize,
}

/// A copy of what is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Backup {
    /// The copy of the records, whole and consistent; on this machine, readable by its owner.
    path: String,
    /// Its size in bytes.
    bytes: u64,
    /// The local witness' state, copied before the records, so that the copy never lags behind it.
    /// Absent before the first entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness_state: Option<String>,
}

/// Says how everything stands.
#[utoipa::path(get, path = "/api/v1/status", tag = "system", responses((status = 200, body = Status)))]
pub(crate) async fn status(State(api): State<Api>) -> Result<axum::Json<Status>, Problem> {
    let plane = &api.plane;
    let fleet = plane.fleet().await?;
    let mut decisions = BTreeMap::new();
    for held in plane.docket.open().await? {
        *decisions.entry(held.value.state.name()).or_insert(0) += 1;
    }
    let published = plane.sequencer.published();
    let ready = plane.telemetry.ready();
    let edges = plane.publisher.receipts().into_iter().map(|receipt| EdgeStatus {
        edge: receipt.edge,
        revision: receipt.revision,
        applied: receipt.applied,
        refused: receipt.refused.len(),
    });
    Ok(axum::Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        now: plane.clock.now(),
        profile: plane.founded.roster.profile(),
        public_url: plane.public_url.to_string(),
        ready: ready.is_ok(),
        trouble: ready.err(),
        revision: fleet.revision,
        sites: fleet.sites.len(),
        log: LogStatus {
            origin: plane.founded.origin.clone(),
            size: published.as_ref().map_or(0, |published| published.size),
            cosigned: published.map(|published| published.cosigned),
        },
        decisions,
        certificates: notable(&api).await?,
        edges: edges.collect(),
        alarms: plane.alarms.all(),
    }))
}

/// Copies the records into the data folder, while everything goes on.
#[utoipa::path(post, path = "/api/v1/backup", tag = "system", responses((status = 201, body = Backup)))]
pub(crate) async fn backup(State(api): State<Api>) -> Result<Response, Problem> {
    let plane = &api.plane;
    let files = &plane.founded.files;
    let stamp: String = plane.clock.now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let witness_state = copy_witness(files, &stamp).await;
    let witness_state = witness_state.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    let path = files.backups().join(format!("records-{stamp}.db"));
    let bytes = plane.records.backup(&path).await.map_err(|error| match error {
        BackupError::Store(error) => error.into(),
        BackupError::Exists(_) => Problem::new(Reason::Contended).detail(error),
        error => Problem::new(Reason::Broken).detail(error),
    })?;
    let view = Backup { path: path.to_string_lossy().into_owned(), bytes, witness_state };
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

async fn copy_witness(files: &crate::DataDir, stamp: &str) -> std::io::Result<Option<String>> {
    let to = files.backups().join(format!("witness-{stamp}.json"));
    let bytes = match tokio::fs::read(files.witness_state()).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let path = to.to_string_lossy().into_owned();
    let written = tokio::task::spawn_blocking(move || crate::founding::write_atomically(&to, &bytes, true));
    written.await.map_err(std::io::Error::other)??;
    Ok(Some(path))
}

/// Lists the reasons of problem documents.
#[utoipa::path(get, path = "/api/v1/reasons", tag = "system", security(()),
    responses((status = 200, body = Vec<ReasonLine>)))]
pub(crate) async fn reasons() -> axum::Json<Vec<ReasonLine>> {
    axum::Json(table())
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "system", security(()),
    responses((status = 200, body = Object)))]
pub(crate) async fn openapi() -> Response {
    match super::openapi().to_json() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => Problem::new(Reason::Broken).detail(error).into_response(),
    }
}
