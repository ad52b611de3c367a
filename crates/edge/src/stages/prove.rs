//! Proofs of control that certificate authorities look for (RFC 8555 §8.3): answered before anything else,
//! so that neither a redirect nor a rule, a challenge or a measure keeps a site from its certificate.
//!
//! Only what an order of ours waits for is answered here; a site that proves itself elsewhere gets its own
//! requests.

use crate::request::Request;
use certificates::acme::Board;
use std::sync::Arc;

/// Where authorities look.
const PLACE: &str = "/.well-known/acme-challenge/";

/// The text of the proof that a request asks for.
pub(crate) fn proof(board: &Board, request: &Request) -> Option<Arc<str>> {
    let token = request.target.as_str().strip_prefix(PLACE)?;
    board.response(request.authority.host().as_str(), token)
}
