//! The log by C2SP tlog-tiles: checkpoint, tiles, entry bundles.

use super::{IMMUTABLE, not_found, revalidated};
use crate::pages::record::Edition;
use crate::plane::Plane;
use crate::rim::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use ledger::tiles::{Tile, TileKind, entry_bundle};
use std::sync::Arc;

/// The newest published checkpoint.
pub(super) async fn checkpoint(
    State(plane): State<Arc<Plane>>,
    edition: Edition,
    fields: HeaderMap,
) -> Response {
    match plane.sequencer.published() {
        Some(published) => {
            revalidated(&fields, "text/plain; charset=utf-8", published.note.to_string().into_bytes())
        }
        None => not_found(&plane, edition),
    }
}

/// A tile or an entry bundle, full or partial. Beyond the published checkpoint there is none yet.
pub(super) async fn tile(
    State(plane): State<Arc<Plane>>,
    Path(path): Path<String>,
    edition: Edition,
) -> Result<Response, Problem> {
    let Ok(tile) = format!("tile/{path}").parse::<Tile>() else { return Ok(not_found(&plane, edition)) };
    let size = plane.sequencer.published().map_or(0, |published| published.size);
    if !tile.exists_at(size) {
        return Ok(not_found(&plane, edition));
    }
    let bytes = match tile.kind {
        TileKind::Hashes(_) => tile.hashes(&plane.sequencer.tree().read()),
        TileKind::Entries => entries(&plane, tile).await?,
    };
    let Some(bytes) = bytes else { return Ok(not_found(&plane, edition)) };
    let fields = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, IMMUTABLE)];
    Ok((fields, bytes).into_response())
}

async fn entries(plane: &Plane, tile: Tile) -> Result<Option<Vec<u8>>, Problem> {
    let Some(range) = tile.leaves() else { return Ok(None) };
    let leaves = plane.records.leaves(range.clone()).await?;
    let whole = leaves.len() as u64 == range.end - range.start;
    let bundle = entry_bundle(leaves.iter().map(|leaf| leaf.bytes.as_slice())).ok();
    Ok(bundle.filter(|_| whole))
}
