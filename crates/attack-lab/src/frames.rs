//! HTTP/2 frames as an attacker writes them: any, in any order (RFC 9113 §4, §6).

use crate::target::Target;
use crate::tls::connect_tls;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A field section of a request, without the dynamic table (RFC 7541 §6.1, §6.2.2).
pub(crate) fn section(host: &str, path: &str) -> Vec<u8> {
    // GET and https stand in the static table; path and authority are literals with names from it.
    let mut out = vec![0x82, 0x87];
    literal(&mut out, &[0x04], path.as_bytes());
    literal(&mut out, &[0x01], host.as_bytes());
    literal(&mut out, &[0x0f, 0x2b], b"lab/1");
    out
}

/// A literal field with an indexed name.
pub(crate) fn literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend(name);
    integer(out, 0x7f, value.len());
    out.extend(value);
}

/// A number after a prefix whose bits are all free (RFC 7541 §5.1).
fn integer(out: &mut Vec<u8>, prefix: u8, number: usize) {
    match u8::try_from(number) {
        Ok(small) if small < prefix => out.push(small),
        _ => {
            out.push(prefix);
            let mut rest = number - usize::from(prefix);
            while rest >= 0x80 {
                out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
                rest >>= 7;
            }
            out.push(u8::try_from(rest).unwrap_or(0));
        }
    }
}

/// What the target has said so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Answers that began.
    pub(crate) heads: AtomicU32,
    /// Streams that it reset.
    pub(crate) resets: AtomicU32,
    /// Whether it has said farewell at all.
    pub(crate) farewell: AtomicBool,
    /// Whether nothing more is taken: a farewell with an error, or the end of the connection.
    pub(crate) ended: AtomicBool,
}

/// A connection under attack. Reads in the background.
pub(crate) struct Link {
    writer: WriteHalf<TlsStream<TcpStream>>,
    pub(crate) heard: Arc<Heard>,
    reading: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Link {
    /// Connects and exchanges settings.
    pub(crate) async fn open(from: Ipv4Addr, target: &Target, settings: &[u8]) -> io::Result<Self> {
        let mut stream = connect_tls(from, target, b"h2").await?;
        stream.write_all(PREFACE).await?;
        stream.write_all(&frame(SETTINGS, 0, 0, settings)).await?;
        stream.flush().await?;
        let heard = Arc::<Heard>::default();
        // The target's settings come first.
        let (kind, _) = read_frame(&mut stream).await?;
        if kind != SETTINGS {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.write_all(&frame(SETTINGS, 1, 0, &[])).await?;
        stream.flush().await?;
        let (reader, writer) = tokio::io::split(stream);
        let reading = tokio::spawn(listen(reader, Arc::clone(&heard)));
        Ok(Self { writer, heard, reading })
    }

    /// Writes; false once the connection has ended.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        if self.has_ended() {
            return false;
        }
        let written = async {
            self.writer.write_all(bytes).await?;
            self.writer.flush().await
        };
        matches!(tokio::time::timeout(Duration::from_secs(2), written).await, Ok(Ok(()))) && !self.has_ended()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.heard.ended.load(Ordering::Relaxed)
    }

    /// Waits for the end, at most so long.
    pub(crate) async fn ends_within(&self, limit: Duration) -> bool {
        let end = tokio::time::Instant::now() + limit;
        while !self.has_ended() && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.has_ended()
    }
}

/// Reads the type of the next frame, and its payload.
async fn read_frame<R: AsyncReadExt + Unpin>(reader: &mut R) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    reader.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
    reader.read_exact(&mut payload).await?;
    Ok((head[3], payload))
}

async fn listen(mut reader: ReadHalf<TlsStream<TcpStream>>, heard: Arc<Heard>) {
    while let Ok((kind, payload)) = read_frame(&mut reader).await {
        match kind {
            HEADERS => {
                heard.heads.fetch_add(1, Ordering::Relaxed);
            }
            RST_STREAM => {
                heard.resets.fetch_add(1, Ordering::Relaxed);
            }
            GOAWAY => {
                heard.farewell.store(true, Ordering::Relaxed);
                if payload.get(4..8) != Some(&[0; 4]) {
                    heard.ended.store(true, Ordering::Relaxed);
                }
            }
            _ => {}
        }
    }
    heard.ended.store(true, Ordering::Relaxed);
}
