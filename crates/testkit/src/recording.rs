//! An origin that answers whatever it hears and keeps every byte.

use crate::heard::Reading;
use crate::patience::patiently;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The bytes of each connection, in the order of their accepting.
type Log = Arc<Mutex<Vec<Vec<u8>>>>;

/// Answers each whole request with 200 and what it was taken for: method, target, host, length of content.
pub struct RecordingOrigin {
    address: SocketAddr,
    log: Log,
    accepting: JoinHandle<()>,
}

impl RecordingOrigin {
    pub(crate) fn over(listener: TcpListener, address: SocketAddr) -> Self {
        let log = Log::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&log)));
        Self { address, log, accepting }
    }

    /// Waits until every connection made so far has ended, and says what each came to. Whoever connects has
    /// to have closed, or this takes too long and the test fails.
    pub async fn readings(self) -> Vec<Reading> {
        // Connections are accepted in order: once this one is there, so are all others.
        let last = TcpStream::connect(self.address).await;
        let mut last = last.unwrap_or_else(|error| panic!("the origin is gone: {error}"));
        if let Err(error) = last.write_all(END).await {
            panic!("the origin is gone: {error}");
        }
        drop(last);
        match patiently(self.accepting).await {
            Some(Ok(())) => {}
            other => panic!("a connection to the origin stays open: {other:?}"),
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|bytes| *bytes != END).map(|bytes| Reading::of(bytes)).collect()
    }
}

/// What only [`RecordingOrigin::readings`] sends.
const END: &[u8] = b"\0end";

async fn accept(listener: TcpListener, log: Log) {
    let mut connections = JoinSet::new();
    let ended = Arc::new(tokio::sync::Notify::new());
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                let place = {
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push(Vec::new());
                    log.len() - 1
                };
                connections.spawn(converse(stream, Arc::clone(&log), place, Arc::clone(&ended)));
            }
            () = ended.notified() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn converse(mut stream: TcpStream, log: Log, place: usize, ended: Arc<tokio::sync::Notify>) {
    let mut answered = 0;
    let mut buffer = [0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        let reading = {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log[place].extend_from_slice(&buffer[..read]);
            if log[place] == END {
                ended.notify_one();
            }
            Reading::of(&log[place])
        };
        for heard in reading.whole.iter().skip(answered) {
            let text = format!("{} {} {} {}", heard.method, heard.target, heard.host, heard.body.len());
            let body = if heard.method == "HEAD" { "" } else { text.as_str() };
            let head = format!(
                "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\r\n",
                text.len()
            );
            if stream.write_all([head.as_str(), body].concat().as_bytes()).await.is_err() {
                return;
            }
        }
        answered = reading.whole.len();
        // Nobody answers what is not a request; what else comes is kept all the same.
        if reading.fault.is_some() && stream.shutdown().await.is_err() {
            return;
        }
    }
}
