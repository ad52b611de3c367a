//! One client at one address: a kept connection, one request at a time.

use crate::books::Ending;
use crate::bounds::{ANSWER_TIME_MAX, BODY_BYTES_MAX, HEAD_BYTES_MAX};
use crate::origin::{MARK, field};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Connects from an address of loopback.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((from, 0).into())?;
    let stream = timeout(ANSWER_TIME_MAX, socket.connect(to)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A client.
pub(crate) struct Caller {
    address: Ipv4Addr,
    target: SocketAddr,
    stream: Option<TcpStream>,
}

/// The answer's head, and whether the connection may go on.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) is_origins: bool,
    goes_on: bool,
}

impl Caller {
    pub(crate) fn new(address: Ipv4Addr, target: SocketAddr) -> Self {
        Self { address, target, stream: None }
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Ending {
        match timeout(ANSWER_TIME_MAX, self.exchange(request)).await {
            Ok(Ok(answer)) => {
                if !answer.goes_on {
                    self.stream = None;
                }
                if answer.is_origins { Ending::Served } else { Ending::Refused(answer.status) }
            }
            Ok(Err(_)) | Err(_) => {
                self.stream = None;
                Ending::Cut
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        if let Some(kept) = &mut self.stream {
            // A kept connection may have been closed while it was idle: then a new one is due.
            let answer = match kept.write_all(request).await {
                Ok(()) => read_answer(kept).await,
                Err(error) => Err(error),
            };
            if answer.as_ref().err().is_none_or(|error| !is_closed(error)) {
                return answer;
            }
        }
        self.stream = None;
        let mut stream = connect(self.address, self.target).await?;
        stream.write_all(request).await?;
        let answer = read_answer(&mut stream).await;
        self.stream = Some(stream);
        answer
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Reads one answer to its end.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut buffer = Vec::new();
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    let is_chunked = field(&head, "transfer-encoding").is_some();
    let length = field(&head, "content-length").and_then(|text| text.parse::<usize>().ok());
    let mut body = buffer.split_off(end);
    let whole = |body: &[u8]| match length {
        Some(length) => body.len() >= length,
        None if is_chunked => body.ends_with(b"0\r\n\r\n"),
        None => matches!(status, 204 | 304),
    };
    let mut is_closed = false;
    while !whole(&body) && body.len() < BODY_BYTES_MAX {
        if stream.read_buf(&mut body).await? == 0 {
            is_closed = true;
            break;
        }
    }
    if is_closed && (length.is_some() || is_chunked) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let says_close = field(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Answer { status, is_origins: field(&head, MARK).is_some(), goes_on: !is_closed && !says_close })
}
