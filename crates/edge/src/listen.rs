//! Listening sockets: one per worker and address, with connections spread over them by the kernel.

use crate::authority::Scheme;
use crate::http3::{self, Passage, Source};
use crate::options::{Options, StartError};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

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

/// Sockets that are open already, from an earlier process or from whoever started this one. Each goes to the address
/// that it is bound to; those of no address in the options are closed.
#[derive(Debug, Clone, Default)]
pub struct Inherited {
    listeners: Arc<Vec<TcpListener>>,
    datagrams: Arc<Vec<Datagrams>>,
    has_made_way: CancellationToken,
}

/// A socket for QUIC that changes hands.
#[derive(Debug)]
pub struct Datagrams {
    /// The socket.
    pub socket: UdpSocket,
    /// The process that has it and gives it; none where nobody had it.
    pub before: Option<Predecessor>,
}

/// A process that has connections over a socket which it gives away.
#[derive(Debug)]
pub struct Predecessor {
    /// What its connections' ids begin with; the next one's begin with another.
    pub generation: u8,
    /// Where their datagrams go.
    pub passage: OwnedFd,
}

impl Inherited {
    /// Takes sockets over. Those with a process before are read from [`Inherited::begin`] on.
    pub fn new(listeners: Vec<TcpListener>, datagrams: Vec<Datagrams>) -> Self {
        let (listeners, datagrams) = (Arc::new(listeners), Arc::new(datagrams));
        Self { listeners, datagrams, has_made_way: CancellationToken::new() }
    }

    /// The process before reads no datagrams any more: those of visitors are read here.
    pub fn begin(&self) {
        self.has_made_way.cancel();
    }

    /// Whether any of them listens on an address.
    pub fn has(&self, address: SocketAddr) -> bool {
        self.listeners.iter().any(|socket| socket.local_addr().is_ok_and(|own| own == address))
    }

    /// Those that listen on an address, ready to be accepted from.
    pub fn of(&self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let own = self.listeners.iter().filter(|socket| socket.local_addr().is_ok_and(|own| own == address));
        let ready = |socket: &TcpListener| {
            socket.set_nonblocking(true)?;
            SockRef::from(socket).set_tcp_nodelay(true)?;
            socket.try_clone()
        };
        own.map(ready).collect()
    }

    /// The one for QUIC on an address, ready to be read.
    fn quic(&self, address: SocketAddr) -> io::Result<Option<http3::Socket>> {
        let is_own = |given: &&Datagrams| given.socket.local_addr().is_ok_and(|own| own == address);
        let Some(Datagrams { socket, before }) = self.datagrams.iter().find(is_own) else { return Ok(None) };
        let socket = socket.try_clone()?;
        socket.set_nonblocking(true)?;
        Ok(Some(match before {
            None => http3::Socket::new(socket),
            Some(Predecessor { passage, .. }) => {
                let passage = passage.try_clone()?.into();
                http3::Socket::taken_over(socket, passage, self.has_made_way.clone())
            }
        }))
    }

    /// The generation of the process before.
    pub fn generation(&self) -> Option<u8> {
        self.datagrams.iter().find_map(|given| given.before.as_ref()).map(|before| before.generation)
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
            let opened = open(&options.inherited, address, workers);
            opened.map_err(|source| StartError::Listen { address, source })
        };
        let mut visitors: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let mut quic = Vec::new();
        let plain = options.http.iter().map(|address| (Scheme::Http, *address));
        for (scheme, address) in plain.chain(options.https.iter().map(|address| (Scheme::Https, *address))) {
            let speaks_proxy = options.proxy_protocol.contains(&address);
            // A proxy in front has no way to say over UDP who its visitor is.
            let speaks_quic = scheme == Scheme::Https && options.http3 && !speaks_proxy;
            let (sockets, http3_port) = if speaks_quic {
                let both = with_quic(&options.inherited, address, workers);
                let (sockets, socket) = both.map_err(|source| StartError::Listen { address, source })?;
                let port = socket.socket.local_addr().ok().map(|address| address.port());
                quic.push(socket);
                (sockets, port)
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
    pub(crate) fn copies(&self) -> io::Result<Copies> {
        let visitors = self.visitors.iter().flatten().map(|port| &port.socket);
        let listeners = visitors.chain(&self.admin).map(TcpListener::try_clone).collect::<io::Result<_>>()?;
        let quic = self.quic.iter();
        let quic = quic.map(|socket| Ok((socket.socket.try_clone()?, Arc::clone(&socket.source))));
        Ok(Copies { listeners, quic: quic.collect::<io::Result<_>>()? })
    }
}

/// An address's sockets for TCP: those that are there, else new ones.
fn open(inherited: &Inherited, address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    match inherited.of(address)? {
        there if there.is_empty() => listen(address, workers),
        there => share(address, there, workers),
    }
}

/// The same, and the one for QUIC.
fn with_quic(
    inherited: &Inherited,
    address: SocketAddr,
    workers: usize,
) -> io::Result<(Vec<TcpListener>, http3::Socket)> {
    match inherited.quic(address)? {
        Some(socket) => Ok((open(inherited, address, workers)?, socket)),
        None if inherited.has(address) => {
            let socket = http3::Socket::new(http3::bind(address)?);
            Ok((open(inherited, address, workers)?, socket))
        }
        None => {
            let (sockets, socket) = http3::listen(address, workers)?;
            Ok((sockets, http3::Socket::new(socket)))
        }
    }
}

/// Copies of all sockets.
#[derive(Default)]
pub(crate) struct Copies {
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) quic: Vec<(UdpSocket, Arc<Source>)>,
}

impl Copies {
    /// What goes to a later process; `generation` is this one's.
    pub(crate) fn handover(&self, generation: u8) -> io::Result<Handover> {
        let listeners = self.listeners.iter().map(TcpListener::try_clone).collect::<io::Result<_>>()?;
        let (mut datagrams, mut making_way) = (Vec::new(), MakingWay(Vec::new()));
        for (socket, source) in &self.quic {
            let (near, far) = Passage::pair()?;
            let before = Some(Predecessor { generation, passage: far.into() });
            datagrams.push(Datagrams { socket: socket.try_clone()?, before });
            making_way.0.push((Arc::clone(source), Some(near)));
        }
        Ok(Handover { listeners, datagrams, making_way })
    }
}

/// All sockets of an edge, for a process that takes over.
#[derive(Debug)]
pub struct Handover {
    /// Those that listen.
    pub listeners: Vec<TcpListener>,
    /// Those for QUIC.
    pub datagrams: Vec<Datagrams>,
    /// What is left to do here.
    pub making_way: MakingWay,
}

/// Leaving the reading of datagrams to the process that takes over.
#[derive(Debug)]
pub struct MakingWay(Vec<(Arc<Source>, Option<Passage>)>);

impl MakingWay {
    /// From now on the other process reads, and passes on what is for connections that are here.
    pub fn step_aside(&mut self) {
        for (source, passage) in &mut self.0 {
            if let Some(passage) = passage.take() {
                source.step_aside(passage);
            }
        }
    }

    /// The other process has failed: this one reads again.
    pub fn step_back(self) {
        for (source, _) in self.0 {
            source.step_back();
        }
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
        let inherited = Inherited::new(sockets, Vec::new());
        assert!(inherited.has(address) && !inherited.has(any));
        for (workers, expected) in [(1, vec![3]), (2, vec![2, 1]), (3, vec![1; 3]), (5, vec![1; 5])] {
            let options = Options { http: vec![address], inherited: inherited.clone(), ..Options::default() };
            let opened = Sockets::open(&options, workers).expect("sockets");
            assert_eq!(opened.visitors.iter().map(Vec::len).collect::<Vec<_>>(), expected);
            assert_eq!(opened.addresses(Scheme::Http), [address]);
            assert_eq!(opened.copies().expect("copies").listeners.len(), workers.max(3));
        }
    }

    #[test]
    fn a_socket_that_may_not_be_joined_is_shared() {
        let socket = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = socket.local_addr().expect("its address");
        let options = Options {
            http: vec![address],
            inherited: Inherited::new(vec![socket], Vec::new()),
            ..Options::default()
        };
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
