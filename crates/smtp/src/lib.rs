//! Carries letters to one mail server, which brings them further: SMTP (RFC 5321) as a client.
//!
//! Owns the port [`Carrier`], the adapter [`Relay`], and the only door to the mail library. That library
//! writes the message and leads the conversation; connecting and TLS are done here, so that TLS is the one of
//! the rest of this program, and so that nothing a stranger put between the plain and the secured part of a
//! conversation is read as an answer (RFC 3207 §6).
//!
//! Invariants: no password and no letter goes over a connection without TLS, except to loopback; a try ends
//! within [`TRY_MAX`]; an answer that only the addressee's server gives (to RCPT, to the message) may be final,
//! every other failure is tried again.

mod carrier;
mod connection;
mod message;
mod relay;
mod wire;

#[cfg(test)]
mod tests;

pub use carrier::Carrier;
pub use relay::{Login, Relay, RelayError, Security, TRY_MAX};
