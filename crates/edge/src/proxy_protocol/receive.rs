//! Taking a header off a connection, and nothing of what follows it.

use super::{Announced, HeaderError, Step, read};
use std::io::{Error, ErrorKind, Result};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// From the first byte of a connection to the end of its header (section 2 asks for 3 s at least).
pub(crate) const HEADER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Reads the header. The time is the caller's.
pub(crate) async fn receive(stream: &mut TcpStream) -> Result<Announced> {
    let mut header = Vec::with_capacity(64);
    loop {
        match read(&header).map_err(malformed)? {
            Step::Take(count) => take(stream, &mut header, count).await?,
            Step::TakeLine(most) => {
                let count = until_line_feed(stream, most).await?;
                take(stream, &mut header, count).await?;
            }
            Step::Done(announced) => return Ok(announced),
        }
    }
}

fn malformed(error: HeaderError) -> Error {
    Error::new(ErrorKind::InvalidData, error)
}

/// Appends some bytes, at least one and at most as many.
async fn take(stream: &mut TcpStream, header: &mut Vec<u8>, count: usize) -> Result<()> {
    match stream.take(count as u64).read_buf(header).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// How many of the bytes that have come belong to the line. What was looked at is then taken, so that the next
/// look waits for news.
async fn until_line_feed(stream: &TcpStream, most: usize) -> Result<usize> {
    let mut seen = [0; super::LINE_BYTES_MAX];
    let most = most.min(seen.len());
    let count = stream.peek(&mut seen[..most]).await?;
    if count == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(memchr::memchr(b'\n', &seen[..count]).map_or(count, |end| end + 1))
}
