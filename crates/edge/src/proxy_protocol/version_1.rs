//! Version 1: one line of ASCII (section 2.1).

use super::{Announced, HeaderError, LINE_BYTES_MAX, Step, canonical};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::{FromStr, Split};

/// How the line begins.
pub(super) const BEGINNING: &[u8] = b"PROXY ";

/// Reads a line that begins as it should.
pub(super) fn read(header: &[u8]) -> Result<Step, HeaderError> {
    let Some(end) = memchr::memchr(b'\n', header) else {
        let left = LINE_BYTES_MAX.saturating_sub(header.len());
        return if left == 0 { Err(HeaderError::Line) } else { Ok(Step::TakeLine(left)) };
    };
    if end + 1 != header.len() || header.len() > LINE_BYTES_MAX {
        return Err(HeaderError::Line);
    }
    let line = header.strip_suffix(b"\r\n").ok_or(HeaderError::Line)?;
    if !line.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Err(HeaderError::Line);
    }
    let line = std::str::from_utf8(line).map_err(|_| HeaderError::Line)?;
    announced(line).map(Step::Done)
}

fn announced(line: &str) -> Result<Announced, HeaderError> {
    let mut words = line.split(' ');
    // "PROXY", which was looked at.
    let _ = words.next();
    match words.next() {
        Some("TCP4") => visitor::<Ipv4Addr>(words),
        Some("TCP6") => visitor::<Ipv6Addr>(words),
        // What follows is to be ignored.
        Some("UNKNOWN") => Ok(Announced::Proxy),
        _ => Err(HeaderError::Family),
    }
}

/// Source and destination, each an address of the family and then each a port.
fn visitor<A: FromStr + Into<IpAddr>>(mut words: Split<'_, char>) -> Result<Announced, HeaderError> {
    let source = address::<A>(words.next())?;
    address::<A>(words.next())?;
    let from = port(words.next())?;
    port(words.next())?;
    match words.next() {
        None => Ok(Announced::Visitor(canonical(SocketAddr::new(source.into(), from)))),
        Some(_) => Err(HeaderError::Line),
    }
}

fn address<A: FromStr>(word: Option<&str>) -> Result<A, HeaderError> {
    word.and_then(|word| word.parse().ok()).ok_or(HeaderError::Line)
}

/// Decimal, without leading zeros.
fn port(word: Option<&str>) -> Result<u16, HeaderError> {
    let digits = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.filter(|word| digits(word) && (*word == "0" || !word.starts_with('0')));
    word.and_then(|word| word.parse().ok()).ok_or(HeaderError::Line)
}
