//! HTTP/1.1 towards visitors: our own server loop (RFC 9112).
//!
//! httparse splits a head into tokens; what the tokens mean for framing is decided here and strictly: a
//! message that two readers could frame differently is refused with a reason, and the connection closed.

mod answer;
pub(crate) mod chunked;
pub(crate) mod connection;
mod content;
pub(crate) mod framing;
pub(crate) mod lines;
pub(crate) mod scan;
pub(crate) mod scratch;
pub(crate) mod transport;
pub(crate) mod wire;

pub(crate) use content::BODY_BYTES_MAX;
