//! HTTP/2 (RFC 9113) on `h2::server`: one task a connection, its streams driven inside it.
//!
//! Owns the bounds of a connection, what of a request HTTP/2 allows and this edge does not, and both ports
//! of the exchange over a stream. Knows no site and no cache.

mod abandonment;
mod answer;
mod connection;
mod content;
mod head;

pub(crate) use connection::serve;
