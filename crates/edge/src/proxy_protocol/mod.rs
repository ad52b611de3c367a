//! The PROXY protocol, versions 1 and 2 (HAProxy's `doc/proxy-protocol.txt`): who the visitor is, in the word of the
//! trusted proxy that passes its connection on.
//!
//! Owns the reader of the header, which has no socket: it says what to take next, and what the header means
//! once it is whole. [`receive`] is its only user that has one. Must not know whom to trust.
//!
//! Invariants: a header is read to its last byte and no further, for what follows is TLS or HTTP; nothing is
//! guessed: what is not exactly a header of one of the two versions is an error, and the connection ends.

mod receive;
mod version_1;
mod version_2;

#[cfg(test)]
mod tests;

pub(crate) use receive::{HEADER_TIME_MAX, receive};

use std::net::SocketAddr;

/// The longest header of version 1, its CR LF included (section 2.1).
pub(crate) const LINE_BYTES_MAX: usize = 107;
/// The longest header of version 2. The protocol has room for 64 KiB; what proxies send is some hundred bytes.
pub(crate) const BLOCK_BYTES_MAX: usize = 4096;
/// What both versions have at least, and what tells them apart.
const BEGINNING_BYTES: usize = 12;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// The proxy's own, such as a health check (`LOCAL`), or one of which it knows nothing (`UNKNOWN`, `UNSPEC`).
    Proxy,
    /// This visitor's, as far as the proxy sees; an IPv4-mapped address is told as IPv4.
    Visitor(SocketAddr),
}

/// What to do with the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Take this many bytes more.
    Take(usize),
    /// Take bytes up to the first line feed, and this many at most.
    TakeLine(usize),
    /// The header is whole.
    Done(Announced),
}

/// Why this is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeaderError {
    /// Neither version begins like this.
    #[error("it does not begin as a PROXY header does")]
    NotAHeader,
    /// A line that is too long, or not as section 2.1 wants it.
    #[error("its line is malformed")]
    Line,
    /// Another version than 2, or an unknown command.
    #[error("its version or command is unknown")]
    Version,
    /// Datagrams, Unix sockets or nothing known at all: no visitor comes by those.
    #[error("its address family or transport is not that of a TCP connection")]
    Family,
    /// The block is longer than is read, or too short for its addresses.
    #[error("its length is not one that its addresses have, or over the bound")]
    Length,
    /// The type-length-value fields do not fill the block.
    #[error("its fields do not fill it exactly")]
    Fields,
    /// The CRC-32c is another one, or said twice.
    #[error("its checksum is wrong")]
    Checksum,
}

/// Reads the header so far: asks for more, tells what it means, or why it is none. What is asked for never
/// goes beyond the end of the header.
pub(crate) fn read(header: &[u8]) -> Result<Step, HeaderError> {
    let Some((beginning, _)) = header.split_at_checked(BEGINNING_BYTES) else {
        return begins(header).map(|()| Step::Take(BEGINNING_BYTES - header.len()));
    };
    if beginning == version_2::SIGNATURE {
        version_2::read(header)
    } else if beginning.starts_with(version_1::BEGINNING) {
        version_1::read(header)
    } else {
        Err(HeaderError::NotAHeader)
    }
}

/// Whether a header can still begin like this, so that a peer that speaks something else is not waited for.
fn begins(bytes: &[u8]) -> Result<(), HeaderError> {
    let line = bytes.len().min(version_1::BEGINNING.len());
    let begins = version_2::SIGNATURE.starts_with(bytes) || version_1::BEGINNING.starts_with(&bytes[..line]);
    if begins { Ok(()) } else { Err(HeaderError::NotAHeader) }
}

/// IPv4 that was written as IPv6 is IPv4: rules and lists know it by that name.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
