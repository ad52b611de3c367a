//! One end of a connection in a test's hand.

use crate::patience::patiently;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One end of a connection.
pub struct Peer {
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
    received: Vec<u8>,
}

/// The first line and the fields of a message, as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The whole head with its empty line.
    pub text: String,
}

impl Peer {
    /// Connects to an address.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        stream.set_nodelay(true).unwrap_or_else(|error| panic!("{error}"));
        Self::over(stream)
    }

    /// Speaks over any stream.
    pub fn over(wire: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self { wire: Box::new(wire), unread: Vec::new(), received: Vec::new() }
    }

    /// Sends exactly these bytes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = async {
            self.wire.write_all(bytes.as_ref()).await?;
            self.wire.flush().await
        };
        match patiently(sending).await {
            Some(Ok(())) => {}
            other => panic!("cannot send: {other:?}"),
        }
    }

    /// Sends, where the other side may have closed already.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        matches!(patiently(self.wire.write_all(bytes.as_ref())).await, Some(Ok(())))
    }

    /// Closes the sending side.
    pub async fn end(&mut self) {
        // The other side may have gone first.
        let _ = self.wire.shutdown().await;
    }

    /// Reads a message's head.
    pub async fn head(&mut self) -> Head {
        loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.unread.drain(..at + 4).collect();
                return Head { text: String::from_utf8_lossy(&head).into_owned() };
            }
            self.more("a head").await;
        }
    }

    /// Reads exactly so many bytes.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            self.more(&format!("{count} bytes")).await;
        }
        self.unread.drain(..count).collect()
    }

    /// Reads exactly so many bytes; none where the other side closes before.
    pub async fn bytes_or_end(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.try_more(&format!("{count} bytes")).await {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// Reads exactly this text.
    pub async fn text(&mut self, expected: &str) {
        let got = self.bytes(expected.len()).await;
        assert_eq!(String::from_utf8_lossy(&got), expected);
    }

    /// Reads until the other side closes; a reset counts as the end.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.try_more("the end").await {}
        std::mem::take(&mut self.unread)
    }

    /// Waits until the other side has closed, having sent nothing more.
    pub async fn closed(&mut self) {
        let rest = self.rest().await;
        assert!(rest.is_empty(), "more came before the end: {:?}", String::from_utf8_lossy(&rest));
    }

    /// Everything that ever came, in order.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    async fn more(&mut self, wanted: &str) {
        assert!(self.try_more(wanted).await, "closed before {wanted}: {}", self.seen());
    }

    async fn try_more(&mut self, wanted: &str) -> bool {
        let mut buffer = [0; 16 * 1024];
        let read = patiently(self.wire.read(&mut buffer)).await;
        let read = read.unwrap_or_else(|| panic!("{wanted} did not come: {}", self.seen())).unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..read]);
        self.received.extend_from_slice(&buffer[..read]);
        read > 0
    }

    fn seen(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.unread))
    }
}

impl Head {
    /// The first line.
    pub fn line(&self) -> &str {
        self.text.split("\r\n").next().unwrap_or_default()
    }

    /// The status code, of an answer.
    pub fn status(&self) -> u16 {
        let code = self.line().split(' ').nth(1).and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status in {:?}", self.text))
    }

    /// The values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.text.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The one value of a field; empty when it is not there.
    pub fn field(&self, name: &str) -> &str {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} stands more than once in {:?}", self.text);
        all.first().copied().unwrap_or_default()
    }

    /// The value of Content-Length.
    pub fn length(&self) -> usize {
        self.field("content-length").parse().unwrap_or_else(|_| panic!("no length in {:?}", self.text))
    }
}
