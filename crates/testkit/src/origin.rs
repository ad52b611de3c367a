//! The origin's side of a script.

use crate::patience::patiently;
use crate::{Peer, RecordingHttp2Origin, RecordingOrigin};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Listens where an edge looks for an origin, and hands each connection to the test.
pub struct Origin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Origin {
    /// Listens on a free port of loopback.
    pub async fn listen() -> Self {
        Self::listen_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Listens where another has stopped to.
    pub async fn listen_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await;
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        Self { listener, address }
    }

    /// From now on every connection is answered and recorded, none handed to the test.
    pub fn record(self) -> RecordingOrigin {
        RecordingOrigin::over(self.listener, self.address)
    }

    /// The same for an origin that speaks HTTP/2.
    pub fn record_http2(self) -> RecordingHttp2Origin {
        RecordingHttp2Origin::over(self.listener, self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection.
    pub async fn accept(&self) -> Peer {
        match patiently(self.listener.accept()).await {
            Some(Ok((stream, _))) => Peer::over(stream),
            other => panic!("nobody connects to the origin: {:?}", other.map(|accepted| accepted.is_ok())),
        }
    }

    /// The next connection, unread.
    pub async fn accept_stream(&self) -> TcpStream {
        match patiently(self.listener.accept()).await {
            Some(Ok((stream, _))) => stream,
            other => panic!("nobody connects to the origin: {:?}", other.map(|accepted| accepted.is_ok())),
        }
    }

    /// The same, for an origin that stands beside a script: waits however long nobody comes.
    pub async fn wait_for(&self) -> Peer {
        match self.listener.accept().await {
            Ok((stream, _)) => Peer::over(stream),
            Err(error) => panic!("{error}"),
        }
    }

    /// Whether a connection waits to be accepted now.
    pub async fn is_called(&self) -> bool {
        timeout(Duration::from_millis(50), self.listener.accept()).await.is_ok()
    }
}
