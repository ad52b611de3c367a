//! An origin that answers by itself, always the same until it is told otherwise.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Answers every request in the same way and remembers the heads; stops listening and hangs up when dropped.
pub struct Responder {
    address: SocketAddr,
    told: Arc<Told>,
    listening: JoinHandle<()>,
}

/// What it was told, and what it heard.
#[derive(Default)]
struct Told {
    answer: Mutex<Vec<u8>>,
    heads: Mutex<Vec<String>>,
    names: Mutex<Vec<Option<String>>>,
}

impl Responder {
    /// Listens on a free port of loopback. An empty answer hangs up.
    pub async fn saying(answer: impl AsRef<[u8]>) -> Self {
        Self::listen_at((Ipv4Addr::LOCALHOST, 0).into(), answer).await
    }

    /// Listens where another has stopped to.
    pub async fn listen_at(address: SocketAddr, answer: impl AsRef<[u8]>) -> Self {
        Self::over(address, None, answer).await
    }

    /// The same over TLS, on a free port of loopback.
    pub async fn secured(config: Arc<ServerConfig>, answer: impl AsRef<[u8]>) -> Self {
        Self::over((Ipv4Addr::LOCALHOST, 0).into(), Some(TlsAcceptor::from(config)), answer).await
    }

    async fn over(address: SocketAddr, tls: Option<TlsAcceptor>, answer: impl AsRef<[u8]>) -> Self {
        let listener = TcpListener::bind(address).await;
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let told = Arc::new(Told { answer: Mutex::new(answer.as_ref().to_vec()), ..Told::default() });
        let listening = tokio::spawn(listen(listener, tls, Arc::clone(&told)));
        Self { address, told, listening }
    }

    /// The server names that were asked for, of handshakes that came about.
    pub fn server_names(&self) -> Vec<Option<String>> {
        self.told.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers from here on.
    pub fn say(&self, answer: impl AsRef<[u8]>) {
        *self.told.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.as_ref().to_vec();
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.told.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops listening and hangs up; both are done when this returns.
    pub async fn stop(mut self) {
        self.listening.abort();
        // Aborted, and so an error.
        let _ = (&mut self.listening).await;
    }

    /// How many requests there were.
    pub fn count(&self) -> usize {
        self.heads().len()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, told: Arc<Told>) {
    // Dropped with this task, and its connections with it.
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, told) = (tls.clone(), Arc::clone(&told));
        conversations.spawn(async move {
            let Some(tls) = tls else { return converse(stream, told).await };
            if let Ok(stream) = tls.accept(stream).await {
                let name = stream.get_ref().1.server_name().map(str::to_owned);
                told.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
                converse(stream, told).await;
            }
        });
        while conversations.try_join_next().is_some() {}
    }
}

/// Answers one request after the other; content is expected with its head, or announced by its length.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, told: Arc<Told>) {
    let mut bytes = Vec::new();
    loop {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let content = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let whole = end + 4 + content.unwrap_or(0_usize);
        while bytes.len() < whole {
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        bytes.drain(..whole);
        told.heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
        let answer = told.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if answer.is_empty() || stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}
