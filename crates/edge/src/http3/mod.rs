//! HTTP/3 (RFC 9114) on QUIC: one task a connection, its streams driven inside it.
//!
//! Owns the frames and the field sections of HTTP/3, the bounds of a connection, both ports of the exchange over a
//! stream, and the endpoints that connections come to. What it shares with HTTP/2 is in `streams`; QUIC itself is
//! quinn's. Knows no site and no cache.
//!
//! Invariants: nothing is kept for a length that was announced and has not come; a request that this reader takes is
//! one request to every reader; what it cannot take ends its stream or its connection, and reaches no origin.

mod answer;
mod codes;
mod connection;
mod connection_ids;
mod content;
mod control;
mod endpoint;
mod frames;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod fuzzing;
mod listen;
mod names;
mod passage;
mod qpack;
mod rate;
mod reader;
mod section;
mod socket;

pub(crate) use connection_ids::Owner;
pub(crate) use endpoint::{CONNECTIONS_MAX, Quic, check, settings};
pub(crate) use listen::{Socket, bind, listen};
pub(crate) use passage::Passage;
pub(crate) use socket::Source;
