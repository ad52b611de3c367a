//! Listening sockets: one per worker and address, with connections spread over them by the kernel.

use crate::authority::Scheme;
use crate::http3;
use crate::options::{Options, StartError};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// A worker's own socket on one of the edge's addresses.
pub(crate) struct Port {
    pub(crate) scheme: Scheme,
    /// Whether trusted proxies begin each connection with who its visitor is.
    pub(crate) speaks_proxy: bool,
    /// The port for HTTP/3 at the same address, if it is served there.
    pub(crate) http3_port: Option<u16>,
    pub(crate) socket: TcpListener,
}

/// Sockets that listen already, from an earlier process or from whoever started this one. Each goes to the address
/// that it is bound to; those of no address in the options are closed.
#[derive(Debug, Clone, Default)]
pub struct Inherited(Arc<Vec<TcpListener>>);

impl Inherited {
    /// Takes the sockets over.
    pub fn new(sockets: Vec<TcpListener>) -> Self {
        Self(Arc::new(sockets))
    }

    /// Whether any of them listens on an address.
    pub fn has(&self, address: SocketAddr) -> bool {
        self.0.iter().any(|socket| socket.local_addr().is_ok_and(|own| own == address))
    }

    /// Those that listen on an address, ready to be accepted from.
    pub fn of(&self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let own = self.0.iter().filter(|socket| socket.local_addr().is_ok_and(|own| own == address));
        let ready = |socket: &TcpListener| {
            socket.set_nonblocking(true)?;
            SockRef::from(socket).set_tcp_nodelay(true)?;
            socket.try_clone()
        };
        own.map(ready).collect()
    }
}

/// All sockets of an edge, open before anything runs.
pub(crate) struct Sockets {
    /// By worker: its own socket for each address.
    pub(crate) visitors: Vec<Vec<Port>>,
    /// For HTTP/3.
    pub(crate) quic: Vec<http3::Socket>,
    pub(crate) admin: Option<TcpListener>,
}

impl Sockets {
    /// Listens on every address of the options, or on none.
    pub(crate) fn open(options: &Options, workers: usize) -> Result<Self, StartError> {
        let open = |address: SocketAddr, workers: usize| {
            let sockets = match options.inherited.of(address)? {
                inherited if inherited.is_empty() => listen(address, workers)?,
                inherited => share(address, inherited, workers)?,
            };
            Ok(sockets)
        };
        let open = |address: SocketAddr, workers: usize| {
            open(address, workers).map_err(|source: io::Error| StartError::Listen { address, source })
        };
        let mut visitors: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let mut quic = Vec::new();
        let plain = options.http.iter().map(|address| (Scheme::Http, *address));
        for (scheme, address) in plain.chain(options.https.iter().map(|address| (Scheme::Https, *address))) {
            let speaks_proxy = options.proxy_protocol.contains(&address);
            // A proxy in front has no way to say over UDP who its visitor is.
            let speaks_quic = scheme == Scheme::Https && options.http3 && !speaks_proxy;
            let (sockets, http3_port) = if speaks_quic && !options.inherited.has(address) {
                let both = http3::listen(address, workers);
                let (sockets, socket) = both.map_err(|source| StartError::Listen { address, source })?;
                let port = socket.local_addr().ok().map(|address| address.port());
                quic.push(http3::Socket::Bound(socket));
                (sockets, port)
            } else if speaks_quic {
                // The process before may still be using the other half of the port.
                quic.push(http3::Socket::Awaited(address));
                (open(address, workers)?, Some(address.port()))
            } else {
                (open(address, workers)?, None)
            };
            for (index, socket) in sockets.into_iter().enumerate() {
                visitors[index % workers].push(Port { scheme, speaks_proxy, http3_port, socket });
            }
        }
        let admin = options.admin.map(|address| open(address, 1)).transpose()?;
        Ok(Self { visitors, quic, admin: admin.and_then(|mut sockets| sockets.pop()) })
    }

    /// Where a scheme is spoken, in the order of the options.
    pub(crate) fn addresses(&self, wanted: Scheme) -> Vec<SocketAddr> {
        let first = self.visitors.iter().take(1).flatten();
        let wanted = first.filter(|port| port.scheme == wanted);
        let mut addresses: Vec<_> = wanted.filter_map(|port| port.socket.local_addr().ok()).collect();
        // A worker may have several sockets of one address, one after the other.
        addresses.dedup();
        addresses
    }

    /// The same sockets once more, to hand them to a later process.
    pub(crate) fn copies(&self) -> io::Result<Vec<TcpListener>> {
        let visitors = self.visitors.iter().flatten().map(|port| &port.socket);
        visitors.chain(&self.admin).map(TcpListener::try_clone).collect()
    }
}

/// Inherited sockets of an address for some workers. Each of them must be accepted from, or the connections that wait in
/// it are lost; where there are too few, new ones are put beside them, or they are shared where that is not allowed.
fn share(address: SocketAddr, inherited: Vec<TcpListener>, workers: usize) -> io::Result<Vec<TcpListener>> {
    let mut sockets = inherited;
    let given = sockets.len();
    while sockets.len() < workers {
        let more = match socket(address, true) {
            Ok(socket) => socket.into(),
            Err(_) => sockets[sockets.len() % given].try_clone()?,
        };
        sockets.push(more);
    }
    Ok(sockets)
}

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
    fn inherited_sockets_are_all_used_whatever_the_number_of_workers() {
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let sockets = listen(any, 3).expect("a free port");
        let address = sockets[0].local_addr().expect("its address");
        let inherited = Inherited::new(sockets);
        assert!(inherited.has(address) && !inherited.has(any));
        for (workers, expected) in [(1, vec![3]), (2, vec![2, 1]), (3, vec![1; 3]), (5, vec![1; 5])] {
            let options = Options { http: vec![address], inherited: inherited.clone(), ..Options::default() };
            let opened = Sockets::open(&options, workers).expect("sockets");
            assert_eq!(opened.visitors.iter().map(Vec::len).collect::<Vec<_>>(), expected);
            assert_eq!(opened.addresses(Scheme::Http), [address]);
            assert_eq!(opened.copies().expect("copies").len(), workers.max(3));
        }
    }

    #[test]
    fn a_socket_that_may_not_be_joined_is_shared() {
        let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = socket.local_addr().expect("its address");
        let options =
            Options { http: vec![address], inherited: Inherited::new(vec![socket]), ..Options::default() };
        let opened = Sockets::open(&options, 2).expect("sockets");
        let own = opened.visitors.iter().flatten().map(|port| port.socket.local_addr().ok());
        assert_eq!(own.collect::<Vec<_>>(), [Some(address); 2]);
    }

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
