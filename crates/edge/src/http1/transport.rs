//! What HTTP/1 needs of a connection: two halves, and word of arriving bytes without a buffer to hold them.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::server::TlsStream;

/// A connection to a visitor.
pub(crate) trait Transport: Send + 'static {
    /// The reading half.
    type Read: Readable;
    /// The writing half.
    type Write: Writable;

    /// Both halves.
    fn split(self) -> (Self::Read, Self::Write);
}

/// A reading half that can be waited on before there is a buffer.
pub(crate) trait Readable: AsyncRead + Unpin + Send {
    /// Ready when a read may give something; only asked after a read that gave `Pending`.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A writing half that can also end abruptly.
pub(crate) trait Writable: AsyncWrite + Unpin + Send {
    /// Makes the close that follows a reset instead of an orderly end.
    fn reset_on_close(&mut self);

    /// Ready once the other side is going, as far as the transport can tell before anything is written.
    fn poll_leaving(&mut self, _: &mut Context<'_>) -> Poll<Leaving> {
        Poll::Pending
    }
}

/// How far the other side of a connection has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It will send no more, and may or may not read on.
    Silent,
    /// It has reset the connection.
    Gone,
}

/// Waits for the end of what a peer sends without taking anything. While bytes lie unread before the end,
/// it cannot be seen.
fn poll_leaving(stream: &TcpStream, cx: &mut Context<'_>) -> Poll<Leaving> {
    if ready!(stream.poll_read_ready(cx)).is_err() {
        return Poll::Ready(Leaving::Gone);
    }
    let state = pin!(stream.ready(Interest::READABLE | Interest::WRITABLE));
    match state.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(state)) if !state.is_read_closed() => Poll::Pending,
        Poll::Ready(Ok(state)) if !state.is_write_closed() => Poll::Ready(Leaving::Silent),
        Poll::Ready(_) => Poll::Ready(Leaving::Gone),
        Poll::Pending => Poll::Pending,
    }
}

impl Transport for TcpStream {
    type Read = OwnedReadHalf;
    type Write = TcpWrite;

    fn split(self) -> (Self::Read, Self::Write) {
        let (read, write) = self.into_split();
        (read, TcpWrite(Some(write)))
    }
}

impl Readable for OwnedReadHalf {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.as_ref().poll_read_ready(cx)
    }
}

/// The writing half of a TCP connection, which ends with the connection: tokio's own would shut the
/// connection down first, one system call more on every close.
pub(crate) struct TcpWrite(Option<OwnedWriteHalf>);

impl TcpWrite {
    fn half(&mut self) -> Pin<&mut OwnedWriteHalf> {
        Pin::new(self.0.as_mut().expect("the half is taken only on drop"))
    }
}

impl Writable for TcpWrite {
    fn reset_on_close(&mut self) {
        if let Some(half) = &self.0 {
            // A socket that cannot be told is gone already.
            let _ = half.as_ref().set_zero_linger();
        }
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Leaving> {
        self.0.as_ref().map_or(Poll::Pending, |half| poll_leaving(half.as_ref(), cx))
    }
}

impl Drop for TcpWrite {
    fn drop(&mut self) {
        if let Some(half) = self.0.take() {
            half.forget();
        }
    }
}

impl AsyncWrite for TcpWrite {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.half().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.half().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.half().poll_shutdown(cx)
    }
}

/// One half of a TLS connection; both share its state, which is locked for the length of one call.
pub(crate) struct TlsHalf(Arc<Mutex<Box<TlsStream<TcpStream>>>>);

impl TlsHalf {
    fn stream(&self) -> MutexGuard<'_, Box<TlsStream<TcpStream>>> {
        // rustls leaves its state whole or unusable by its own mark; a poisoned lock adds nothing to that.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Box<TlsStream<TcpStream>> {
    type Read = TlsHalf;
    type Write = TlsHalf;

    fn split(self) -> (Self::Read, Self::Write) {
        let shared = Arc::new(Mutex::new(self));
        (TlsHalf(Arc::clone(&shared)), TlsHalf(shared))
    }
}

impl Writable for TlsHalf {
    fn reset_on_close(&mut self) {
        // A TLS connection that ends without close_notify is cut already; see TcpWrite for the rest.
        let _ = self.stream().get_ref().0.set_zero_linger();
    }

    fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<Leaving> {
        poll_leaving(self.stream().get_ref().0, cx)
    }
}

impl Readable for TlsHalf {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.stream();
        let (socket, session) = stream.get_ref();
        // The handshake may have read a request along with its own last bytes: then rustls has plaintext for
        // us and wants nothing from the socket, which may stay silent for ever.
        if !session.wants_read() {
            return Poll::Ready(Ok(()));
        }
        socket.poll_read_ready(cx)
    }
}

impl AsyncRead for TlsHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsHalf {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.stream()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut **self.stream()).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self.stream()).poll_shutdown(cx)
    }
}
