//! The target's origin: answers every request, and keeps a book of what came.
//!
//! Reads requests by the letter of RFC 9112 and no more leniently, so that whatever a proxy lets through as one
//! request is counted as one here.

use crate::bounds::{ENTRIES_MAX, HEAD_BYTES_MAX};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// By this field an answer of the origin is told from one of the proxy's own.
pub(crate) const MARK: &str = "lab-origin";
/// How long the expensive page takes, and how many of a site are made at a time.
const EXPENSIVE: Duration = Duration::from_millis(400);
const EXPENSIVE_AT_ONCE: usize = 8;
const LARGE_BYTES: usize = 16 << 20;
/// Shared by all answers, of which thousands may be under way.
static PIECE: [u8; 16 << 10] = [b'.'; 16 << 10];

/// One request that came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    /// The first address of `X-Forwarded-For` that is one.
    pub(crate) client: Option<Ipv4Addr>,
    pub(crate) path: String,
}

/// Answers until it is dropped.
pub(crate) struct Origin {
    arrivals: Arc<Mutex<Vec<Arrival>>>,
    serving: JoinHandle<()>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Origin {
    pub(crate) async fn listen(address: SocketAddr, began: Instant) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(4096)?;
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let rooms = Rooms::default();
        let book = Arc::clone(&arrivals);
        let serving = tokio::spawn(async move { accept(listener, book, rooms, began).await });
        Ok(Self { arrivals, serving })
    }

    /// How many of those that came are so.
    pub(crate) fn count(&self, is: impl Fn(&Arrival) -> bool) -> usize {
        open(&self.arrivals).iter().filter(|arrival| is(arrival)).count()
    }

    /// Begins a new book.
    pub(crate) fn forget(&self) {
        open(&self.arrivals).clear();
    }
}

fn open<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, book: Arc<Mutex<Vec<Arrival>>>, rooms: Rooms, began: Instant) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Head and content are written apart: else the second waits for the first's acknowledgement.
                let _ = stream.set_nodelay(true);
                // The connection's end is the proxy's affair.
                let conversation = Conversation {
                    stream, buffer: Vec::new(), book: Arc::clone(&book), rooms: rooms.clone(), began,
                };
                connections.spawn(async move { conversation.run().await; });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Conversation {
    stream: TcpStream,
    /// Read and not yet used.
    buffer: Vec<u8>,
    book: Arc<Mutex<Vec<Arrival>>>,
    rooms: Rooms,
    began: Instant,
}

/// Where expensive pages are made: of each site so many at a time.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

impl Rooms {
    fn of(&self, host: &str) -> Arc<Semaphore> {
        let mut rooms = open(&self.0);
        let new = || Arc::new(Semaphore::new(EXPENSIVE_AT_ONCE));
        Arc::clone(rooms.entry(host.to_owned()).or_insert_with(new))
    }
}

impl Conversation {
    async fn run(mut self) -> Option<()> {
        loop {
            let head = self.head().await?;
            let text = String::from_utf8_lossy(&head).into_owned();
            let path = text.split(' ').nth(1)?.to_owned();
            let method = text.split(' ').next()?.to_owned();
            // A request that breaks off is none.
            self.content(&text).await?;
            self.note(&text, &path);
            self.answer(&method, &path, field(&text, "host").unwrap_or_default()).await?;
        }
    }

    fn note(&self, head: &str, path: &str) {
        let client = field(head, "x-forwarded-for")
            .and_then(|all| all.split(',').find_map(|one| one.trim().parse::<Ipv4Addr>().ok()));
        let mut book = open(&self.book);
        if book.len() < ENTRIES_MAX {
            book.push(Arrival { at: self.began.elapsed(), client, path: path.to_owned() });
        }
    }

    async fn head(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                return Some(self.buffer.drain(..end + 4).collect());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        if self.buffer.len() > HEAD_BYTES_MAX {
            return None;
        }
        let mut piece = [0; 8192];
        let count = self.stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Some(())
    }

    async fn content(&mut self, head: &str) -> Option<()> {
        if field(head, "transfer-encoding").is_some() {
            loop {
                let line = loop {
                    match self.buffer.windows(2).position(|window| window == b"\r\n") {
                        Some(end) => break self.buffer.drain(..end + 2).collect::<Vec<u8>>(),
                        None => self.more().await?,
                    }
                };
                let text = String::from_utf8_lossy(&line).into_owned();
                let size = usize::from_str_radix(text.split(';').next()?.trim(), 16).ok()?;
                self.skip(size + 2).await?;
                if size == 0 {
                    return Some(());
                }
            }
        }
        let length = field(head, "content-length").map_or(Some(0), |text| text.trim().parse().ok())?;
        self.skip(length).await
    }

    async fn skip(&mut self, count: usize) -> Option<()> {
        let mut left = count;
        loop {
            let there = left.min(self.buffer.len());
            self.buffer.drain(..there);
            left -= there;
            if left == 0 {
                return Some(());
            }
            self.more().await?;
        }
    }

    async fn answer(&mut self, method: &str, path: &str, host: &str) -> Option<()> {
        if path.starts_with("/expensive") {
            let room = self.rooms.of(host);
            let _place = room.acquire().await.ok()?;
            tokio::time::sleep(EXPENSIVE).await;
        }
        let fresh = if path.starts_with("/cached") { "max-age=3600" } else { "no-store" };
        let length = if path.starts_with("/large") { LARGE_BYTES } else { 1024 };
        let head = format!(
            "HTTP/1.1 200 OK\r\n{MARK}: 1\r\nContent-Type: text/html\r\nCache-Control: {fresh}\r\nContent-Length: {length}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.ok()?;
        if method != "HEAD" {
            let mut left = length;
            while left > 0 {
                let piece = left.min(PIECE.len());
                self.stream.write_all(&PIECE[..piece]).await.ok()?;
                left -= piece;
            }
        }
        Some(())
    }
}

/// The first field of a name (lower case) in a head.
pub(crate) fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
