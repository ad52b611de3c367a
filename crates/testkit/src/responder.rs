//! An origin that answers by itself, always the same until it is told otherwise.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

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
}

impl Responder {
    /// Listens on a free port of loopback. An empty answer hangs up.
    pub async fn saying(answer: impl AsRef<[u8]>) -> Self {
        Self::listen_at((Ipv4Addr::LOCALHOST, 0).into(), answer).await
    }

    /// Listens where another has stopped to.
    pub async fn listen_at(address: SocketAddr, answer: impl AsRef<[u8]>) -> Self {
        let listener = TcpListener::bind(address).await;
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let told = Arc::new(Told { answer: Mutex::new(answer.as_ref().to_vec()), ..Told::default() });
        let listening = tokio::spawn(listen(listener, Arc::clone(&told)));
        Self { address, told, listening }
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

async fn listen(listener: TcpListener, told: Arc<Told>) {
    // Dropped with this task, and its connections with it.
    let mut conversations = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        conversations.spawn(converse(stream, Arc::clone(&told)));
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
