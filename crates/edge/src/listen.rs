//! Listening sockets: one per worker and address, with connections spread over them by the kernel.

use crate::authority::Scheme;
use crate::options::{Options, StartError};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// A worker's own socket on one of the edge's addresses.
pub(crate) struct Port {
    pub(crate) scheme: Scheme,
    /// Whether trusted proxies begin each connection with who its visitor is.
    pub(crate) speaks_proxy: bool,
    pub(crate) socket: TcpListener,
}

/// All sockets of an edge, open before anything runs.
pub(crate) struct Sockets {
    /// By worker: its own socket for each address.
    pub(crate) visitors: Vec<Vec<Port>>,
    pub(crate) admin: Option<TcpListener>,
}

impl Sockets {
    /// Listens on every address of the options, or on none.
    pub(crate) fn open(options: &Options, workers: usize) -> Result<Self, StartError> {
        let open = |address: SocketAddr, workers: usize| {
            listen(address, workers).map_err(|source| StartError::Listen { address, source })
        };
        let mut visitors: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let plain = options.http.iter().map(|address| (Scheme::Http, *address));
        for (scheme, address) in plain.chain(options.https.iter().map(|address| (Scheme::Https, *address))) {
            let speaks_proxy = options.proxy_protocol.contains(&address);
            for (own, socket) in visitors.iter_mut().zip(open(address, workers)?) {
                own.push(Port { scheme, speaks_proxy, socket });
            }
        }
        let admin = options.admin.map(|address| open(address, 1)).transpose()?;
        Ok(Self { visitors, admin: admin.and_then(|mut sockets| sockets.pop()) })
    }

    /// Where a scheme is spoken, in the order of the options.
    pub(crate) fn addresses(&self, wanted: Scheme) -> Vec<SocketAddr> {
        let first = self.visitors.iter().take(1).flatten();
        let wanted = first.filter(|port| port.scheme == wanted);
        wanted.filter_map(|port| port.socket.local_addr().ok()).collect()
    }
}

/// As many sockets on one address as there are workers. Port 0 becomes one free port for all.
fn listen(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
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
