//! The sockets of an address that is served by TLS over TCP and by QUIC.

use super::passage::Passage;
use super::socket::Source;
use crate::listen;
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What the system keeps of datagrams until they are read or sent, in bytes; it gives less where it is told to.
pub(super) const SYSTEM_BYTES: usize = 2 << 20;

/// How often another free port is looked for, where only one half of it was free.
const ATTEMPTS: u32 = 16;

/// Where datagrams of visitors come in. It does not block.
pub(crate) struct Socket {
    pub(crate) socket: UdpSocket,
    pub(crate) source: Arc<Source>,
    pub(super) before: Option<Before>,
}

/// A process that had a socket before.
pub(super) struct Before {
    /// Where datagrams of its connections go.
    pub(super) passage: Passage,
    /// Cancelled once it reads the socket no more: two readers would each lose what the other takes.
    pub(super) has_made_way: CancellationToken,
}

impl Socket {
    /// One that nobody had before.
    pub(crate) fn new(socket: UdpSocket) -> Self {
        Self { socket, source: Arc::default(), before: None }
    }

    /// One that another process reads until the token is cancelled.
    pub(crate) fn taken_over(socket: UdpSocket, passage: Passage, has_made_way: CancellationToken) -> Self {
        Self { before: Some(Before { passage, has_made_way }), ..Self::new(socket) }
    }
}

/// As many sockets for TCP as there are workers, and one for UDP on the same port.
pub(crate) fn listen(address: SocketAddr, workers: usize) -> io::Result<(Vec<TcpListener>, UdpSocket)> {
    let mut attempt = 1;
    loop {
        let listeners = listen::listen(address, workers)?;
        let local = listeners.first().map_or(Ok(address), TcpListener::local_addr)?;
        match bind(local) {
            Ok(socket) => return Ok((listeners, socket)),
            Err(error) if address.port() != 0 || attempt == ATTEMPTS => return Err(error),
            Err(_) => attempt += 1,
        }
    }
}

/// A socket on this address, which nobody else has.
pub(crate) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // More room is better, and less serves too.
    let _ = socket.set_recv_buffer_size(SYSTEM_BYTES);
    let _ = socket.set_send_buffer_size(SYSTEM_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_a_port_are_taken_and_others_do_not_get_them() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let (listeners, socket) = listen(any, 2).expect("a free port");
        let address = socket.local_addr().expect("an address");
        assert!(listeners.iter().all(|listener| listener.local_addr().is_ok_and(|local| local == address)));
        drop(listeners);
        let refused = listen(address, 1).map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(io::ErrorKind::AddrInUse));
    }
}
