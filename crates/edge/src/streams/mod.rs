//! What HTTP/2 and HTTP/3 have in common: many exchanges on one connection, heads as lists of fields.
//!
//! Owns the bounds of a connection that both keep, what of a request either protocol allows and this edge does not,
//! how an answer's fields are put together, and when a visitor has abandoned too much. Knows no frames.

pub(crate) mod abandonment;
pub(crate) mod call;
pub(crate) mod fields;
pub(crate) mod head;

use crate::request::Request;
use std::time::Duration;

/// Streams a visitor may have open at once on one connection.
pub(crate) const STREAMS_MAX: u32 = 128;
/// What one stream may have received and not yet passed on, in bytes.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What all streams of a connection may have received and not yet passed on, in bytes.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// How long streams under way may go on once the connection ends.
pub(crate) const ENDING_TIME_MAX: Duration = Duration::from_secs(10);

/// Whether a request is a call (gRPC), which is a conversation: its caller and who is called say nothing for as long as
/// they have nothing to say.
pub(crate) fn is_call(request: &Request) -> bool {
    call::is_call(&request.fields)
}
