//! HTTP/2 to origins (RFC 9113): few connections, each shared by many exchanges of one worker.
//!
//! An origin is taken for hostile here as a visitor is elsewhere: streams, windows, heads and frames that bring
//! nothing are bounded. A connection is moved by a task of its own, the driver, which its worker's
//! [`Origins`](super::Origins) owns; everything else waits for what the driver has brought.
//!
//! Invariants: a request that the origin says it never looked at is told apart from every other failure; no answer
//! passes that a strict reader of HTTP/2 would call malformed.

mod exchange;
mod head;
mod meter;
mod probe;
mod session;
mod vitals;
mod windows;

pub(super) use exchange::Http2Exchange;
pub(super) use probe::status;
pub(super) use session::{Driver, Session, open};
pub(super) use windows::{Holding, Share, Width, Windows};

use crate::reasons::Reason;

/// Exchanges of one worker on one connection, where the origin does not allow fewer.
pub(super) const STREAMS_MAX: usize = 100;
/// What one answer may have brought that nobody has taken yet, in bytes, while not [too much](Windows) is granted.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// What of one request's content may wait to be written, in bytes.
pub(super) const SEND_BYTES_MAX: usize = 64 * 1024;

/// What an error means that came before any of the answer.
fn unanswered(error: &h2::Error) -> Reason {
    // RFC 9113 §8.7: streams behind a GOAWAY's last one, and refused ones, were not looked at.
    let untouched = error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM);
    match (error.is_remote(), error.is_reset()) {
        (true, _) if untouched => Reason::OriginRefused,
        (true, true) => Reason::OriginReset,
        _ if error.is_io() => Reason::OriginClosed,
        _ => Reason::OriginMalformed,
    }
}
