//! The sockets of an address that is served by TLS over TCP and by QUIC.

use crate::listen;
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;
use tokio::time::sleep;

/// What the system keeps of datagrams until they are read or sent, in bytes; it gives less where it is told to.
const SYSTEM_BYTES: usize = 2 << 20;

/// How often an address is asked for that another process still has.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// How often another free port is looked for, where only one half of it was free.
const ATTEMPTS: u32 = 16;

/// Where datagrams of visitors come in.
pub(crate) enum Socket {
    /// Bound, and it does not block.
    Bound(UdpSocket),
    /// To be bound once the process that listened there before has ended: datagrams have no queue that could be
    /// handed over, and two readers of one address would each lose what the other takes.
    Awaited(SocketAddr),
}

impl Socket {
    /// Waits until the address is free.
    pub(crate) async fn bound(self) -> io::Result<UdpSocket> {
        let address = match self {
            Self::Bound(socket) => return Ok(socket),
            Self::Awaited(address) => address,
        };
        loop {
            match bind(address) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => sleep(ASK_AGAIN).await,
                bound => return bound,
            }
        }
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
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
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

    #[tokio::test]
    async fn an_address_that_another_process_still_has_is_waited_for() {
        let (_, before) = listen(([127, 0, 0, 1], 0).into(), 1).expect("a free port");
        let address = before.local_addr().expect("an address");
        let mut waiting = std::pin::pin!(Socket::Awaited(address).bound());
        let early = tokio::time::timeout(3 * ASK_AGAIN, &mut waiting).await;
        assert!(early.is_err(), "two sockets on one address");
        drop(before);
        let bound = waiting.await.expect("it is free now");
        assert_eq!(bound.local_addr().expect("an address"), address);
    }

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
