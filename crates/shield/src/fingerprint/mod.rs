//! What a connection gives away of the program behind it: how it greets in TLS and in HTTP/2.
//!
//! Owns the reading of a ClientHello ([`of_hello`]) and of the first frames of an HTTP/2 connection ([`Opening`]), and the
//! texts that name what was found. Must not know sockets or any library of either protocol, and judges nothing: what
//! cannot be read has no fingerprint.
//!
//! Invariants: memory and time are bounded, whatever comes; the text of a fingerprint is short, visible ASCII.

mod hello;
mod opening;
mod pseudo;

pub use hello::{HELLO_BYTES_MAX, of_hello, of_records};
pub use opening::{FINGERPRINT_BYTES_MAX, OPENING_BYTES_MAX, Opening};

/// What a hello came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}
