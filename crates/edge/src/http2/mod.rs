//! HTTP/2 (RFC 9113) on `h2::server`: one task a connection, its streams driven inside it.
//!
//! Owns the bounds of a connection that are HTTP/2's alone, and both ports of the exchange over a stream. What it shares
//! with HTTP/3 is in `streams`. Knows no site and no cache.

mod answer;
mod connection;
mod content;
mod tap;

pub(crate) use connection::serve;
