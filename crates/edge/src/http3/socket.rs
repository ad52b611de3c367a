//! The socket of an endpoint, where datagrams are looked at before the endpoint sees them.
//!
//! Two processes may hold the same socket while one takes over from the other, and either may be given a datagram of
//! the other's connection. Here each is told by its connection id; one of another generation goes to whoever was named
//! for those, and to nobody else. Without anyone named the endpoint sees it, and tells its sender by a stateless reset
//! that the connection is gone (RFC 9000 §10.3), which is so.

use super::connection_ids::Owner;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::fmt::Debug;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Where datagrams of other generations go.
///
/// Contract: takes a datagram and never waits; one that it has no room for is lost, as on any network.
pub(crate) trait Elsewhere: Debug + Send + Sync {
    /// Takes one datagram, or several of one sender, `meta.stride` bytes apart.
    fn forward(&self, owner: Owner, datagrams: &[u8], meta: &RecvMeta);
}

/// A socket whose datagrams are sorted by the generation they are for.
#[derive(Debug)]
pub(super) struct SortingSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    generation: u8,
    elsewhere: Option<Arc<dyn Elsewhere>>,
}

impl SortingSocket {
    pub(super) fn new(
        inner: Arc<dyn AsyncUdpSocket>,
        generation: u8,
        elsewhere: Option<Arc<dyn Elsewhere>>,
    ) -> Self {
        Self { inner, generation, elsewhere }
    }

    /// Leaves nothing of a buffer that is for another generation. The kernel puts together only what belongs to one
    /// connection, so the first datagram of a buffer speaks for all.
    fn sort(&self, buffer: &[u8], meta: &mut RecvMeta) {
        let Some(elsewhere) = &self.elsewhere else { return };
        let datagrams = buffer.get(..meta.len).unwrap_or_default();
        let owner = Owner::of(datagrams).filter(|owner| owner.generation != self.generation);
        if let Some(owner) = owner {
            elsewhere.forward(owner, datagrams, meta);
            // The endpoint passes over a buffer with nothing in it.
            meta.len = 0;
        }
    }
}

impl AsyncUdpSocket for SortingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.inner.poll_recv(cx, bufs, meta))?;
        for (buffer, meta) in bufs.iter().zip(meta.iter_mut()).take(count) {
            self.sort(buffer, meta);
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quinn::{Runtime, TokioRuntime};
    use std::sync::Mutex;

    #[derive(Debug, Default)]
    struct Desk(Mutex<Vec<(Owner, Vec<u8>)>>);

    impl Elsewhere for Desk {
        fn forward(&self, owner: Owner, datagrams: &[u8], _: &RecvMeta) {
            self.0.lock().expect("not poisoned").push((owner, datagrams.to_vec()));
        }
    }

    async fn receive(socket: &SortingSocket) -> Vec<u8> {
        let mut memory = vec![0; 65_536];
        let mut meta = [RecvMeta::default()];
        let count =
            std::future::poll_fn(|cx| socket.poll_recv(cx, &mut [IoSliceMut::new(&mut memory)], &mut meta));
        assert_eq!(count.await.expect("received"), 1);
        memory.truncate(meta[0].len);
        memory
    }

    #[tokio::test]
    async fn datagrams_of_another_generation_go_elsewhere_where_there_is_an_elsewhere() {
        let ours = [&[0x40, 7, 0], &[1; 30][..]].concat();
        let theirs = [&[0x40, 6, 2], &[2; 30][..]].concat();
        let new = [&[0xc0, 6, 2], &[3; 30][..]].concat();
        for has_elsewhere in [true, false] {
            let desk = Arc::new(Desk::default());
            let bound = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            bound.set_nonblocking(true).expect("nonblocking");
            let address = bound.local_addr().expect("an address");
            let inner = TokioRuntime.wrap_udp_socket(bound).expect("a socket");
            let elsewhere = has_elsewhere.then(|| Arc::clone(&desk) as Arc<dyn Elsewhere>);
            let socket = SortingSocket::new(inner, 7, elsewhere);
            let sender = std::net::UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
            for datagram in [&ours, &theirs, &new] {
                sender.send_to(datagram, address).expect("sent");
                let kept = has_elsewhere && datagram == &theirs;
                assert_eq!(receive(&socket).await, if kept { vec![] } else { datagram.clone() });
            }
            let forwarded = desk.0.lock().expect("not poisoned").clone();
            let owner = Owner { generation: 6, worker: 2 };
            assert_eq!(forwarded, if has_elsewhere { vec![(owner, theirs.clone())] } else { vec![] });
        }
    }
}
