//! Listening sockets: one per worker and address, with connections spread over them by the kernel.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// As many sockets on one address as there are workers. Port 0 becomes one free port for all.
pub(crate) fn listen(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let mut address = address;
    if address.port() != 0 {
        // Sharing a port would also share it with another program that allows it; nobody may be there yet.
        socket(address, false)?;
    }
    let mut listeners = Vec::with_capacity(workers);
    for _ in 0..workers.max(1) {
        let listener: TcpListener = socket(address, true)?.into();
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    // Accepted connections inherit it: an answer must not wait for the one before to be acknowledged.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_share_a_port_and_others_do_not_get_it() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let listeners = listen(any, 3).expect("a free port");
        let addresses: Vec<_> = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        assert_eq!(addresses, vec![addresses[0]; 3]);
        let refused = listen(addresses[0], 1).map_err(|error| error.kind());
        assert_eq!(refused.err(), Some(io::ErrorKind::AddrInUse));
    }
}
