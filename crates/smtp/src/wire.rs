//! A connection as the mail library takes it, whatever it runs over.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Read and written.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

/// The connection.
pub(crate) struct Wire {
    inner: Box<dyn Duplex>,
    peer: SocketAddr,
    /// What is read before anything of the connection: after STARTTLS a server does not greet again, and the
    /// library waits for a greeting.
    before: &'static [u8],
}

impl Wire {
    /// A connection whose server will greet.
    pub(crate) fn fresh(inner: impl Duplex + 'static, peer: SocketAddr) -> Self {
        Self { inner: Box::new(inner), peer, before: b"" }
    }

    /// A connection whose server has greeted already.
    pub(crate) fn greeted(inner: impl Duplex + 'static, peer: SocketAddr) -> Self {
        Self { inner: Box::new(inner), peer, before: b"220 secured\r\n" }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.peer)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, into);
        }
        let (now, later) = self.before.split_at(self.before.len().min(into.remaining()));
        into.put_slice(now);
        self.before = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
