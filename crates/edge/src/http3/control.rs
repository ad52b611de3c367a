//! The streams that carry no request (RFC 9114 §6.2): the edge's own control stream, and what a visitor opens.

use super::codes::{Code, close};
use super::frames::{self, Fault, Frame, Frames, varint};
use super::reader::{Broken, Held, Reader};
use crate::http1::framing::HEAD_BYTES_MAX;
use bytes::{Bytes, BytesMut};
use quinn::{Connection, RecvStream, SendStream};
use std::collections::HashSet;

/// Streams in one direction that a visitor may have open at once.
pub(crate) const UNI_STREAMS_MAX: u32 = 8;
/// Those of a type nobody knows, in the life of a connection: nothing is done with them.
pub(crate) const UNKNOWN_STREAMS_MAX: u32 = 64;

const CONTROL: u64 = 0x0;
const PUSH: u64 = 0x1;
const ENCODER: u64 = 0x2;
const DECODER: u64 = 0x3;
/// Settings (RFC 9114 §7.2.4.1, RFC 9220 §3). Those of QPACK are left at nought: no dynamic table.
const MAX_FIELD_SECTION_SIZE: u64 = 0x6;
const ENABLE_CONNECT_PROTOCOL: u64 = 0x8;
/// Settings of HTTP/2 that HTTP/3 has not.
const OF_HTTP_2: [u64; 4] = [0x2, 0x3, 0x4, 0x5];
/// What an encoder says to a table that holds nothing: that it holds nothing (RFC 9204 §4.3.1).
const CAPACITY_NOUGHT: u8 = 0x20;

/// Opens the edge's control stream and says what it takes.
pub(super) async fn open(connection: &Connection) -> Option<SendStream> {
    let mut stream = connection.open_uni().await.ok()?;
    let settings =
        frames::settings(&[(MAX_FIELD_SECTION_SIZE, HEAD_BYTES_MAX as u64), (ENABLE_CONNECT_PROTOCOL, 1)]);
    let mut begin = BytesMut::new();
    frames::put_varint(&mut begin, CONTROL);
    begin.extend_from_slice(&settings);
    stream.write_all_chunks(&mut [begin.freeze()]).await.ok()?;
    Some(stream)
}

/// What a visitor has opened besides its requests.
#[derive(Default)]
pub(super) struct Opened {
    kinds: HashSet<u64>,
    unknown: u32,
}

impl Opened {
    /// Takes a stream of this type; what it breaks the rules with, if it does.
    pub(super) fn take(&mut self, kind: u64) -> Result<(), Code> {
        let taken = match kind {
            CONTROL | ENCODER | DECODER => self.kinds.insert(kind),
            // RFC 9114 §6.2.2: only servers push.
            PUSH => false,
            _ => {
                self.unknown += 1;
                let few = self.unknown <= UNKNOWN_STREAMS_MAX;
                return if few { Ok(()) } else { Err(Code::ExcessiveLoad) };
            }
        };
        if taken { Ok(()) } else { Err(Code::StreamCreation) }
    }
}

/// The type of a stream in one direction, and what came with it; none where it ended before.
pub(super) async fn kind_of(stream: &mut RecvStream) -> Option<(u64, Bytes)> {
    let mut begin = BytesMut::new();
    loop {
        let mut ahead = Bytes::copy_from_slice(&begin);
        if let Some(kind) = varint(&mut ahead) {
            return Some((kind, ahead));
        }
        begin.extend_from_slice(&stream.read_chunk(16, true).await.ok()??.bytes);
    }
}

/// Reads a stream of a known type to its end, and ends the connection where it breaks the rules.
pub(super) async fn listen(
    kind: u64,
    begun: Bytes,
    mut stream: RecvStream,
    connection: &Connection,
    held: Held,
) {
    let fault = match kind {
        CONTROL => control(Reader::new(stream, Frames::of_control(), held).behind(begun)).await,
        ENCODER => encoder(begun, stream).await,
        DECODER => decoder(stream).await,
        _ => {
            // RFC 9114 §9: what is unknown is let go.
            let _ = stream.stop(Code::StreamCreation.into());
            None
        }
    };
    if let Some(code) = fault {
        close(connection, code);
    }
}

async fn control(mut reader: Reader) -> Option<Code> {
    loop {
        match reader.next().await {
            Ok(Some(Frame::Settings(content))) => {
                if !are_settings(content) {
                    return Some(Code::Settings);
                }
            }
            // The edge pushes nothing: neither what a visitor would take nor what it has left off matters.
            Ok(Some(_)) => {}
            Ok(None) | Err(Broken::Reset) => return Some(Code::ClosedCriticalStream),
            Err(Broken::Fault(Fault::Connection(code))) => return Some(code),
            Err(Broken::Fault(_)) => return Some(Code::FrameMalformed),
            Err(Broken::Lost) => return None,
        }
    }
}

/// RFC 9114 §7.2.4: whole pairs, none twice, none of HTTP/2.
fn are_settings(mut content: Bytes) -> bool {
    let mut seen = HashSet::new();
    while !content.is_empty() {
        let (Some(id), Some(_)) = (varint(&mut content), varint(&mut content)) else { return false };
        if OF_HTTP_2.contains(&id) || !seen.insert(id) {
            return false;
        }
    }
    true
}

/// RFC 9204 §4.3: nothing may be put into a table that holds nothing.
async fn encoder(begun: Bytes, mut stream: RecvStream) -> Option<Code> {
    let mut piece = begun;
    loop {
        if piece.iter().any(|byte| *byte != CAPACITY_NOUGHT) {
            return Some(Code::EncoderStream);
        }
        piece = match next_of(&mut stream).await? {
            Some(piece) => piece,
            None => return Some(Code::ClosedCriticalStream),
        };
    }
}

/// RFC 9204 §4.4: no section that the edge writes needs to be acknowledged, so nothing here is waited for.
async fn decoder(mut stream: RecvStream) -> Option<Code> {
    while next_of(&mut stream).await?.is_some() {}
    Some(Code::ClosedCriticalStream)
}

/// The next piece; within it none at the end of the stream; none once the connection is over.
async fn next_of(stream: &mut RecvStream) -> Option<Option<Bytes>> {
    match stream.read_chunk(1024, true).await {
        Ok(chunk) => Some(chunk.map(|chunk| chunk.bytes)),
        Err(quinn::ReadError::Reset(_)) => Some(None),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_opens_one_stream_of_each_kind() {
        let mut opened = Opened::default();
        for (kind, outcome) in [
            (CONTROL, Ok(())),
            (ENCODER, Ok(())),
            (DECODER, Ok(())),
            (0x21, Ok(())),
            (0x21, Ok(())),
            (CONTROL, Err(Code::StreamCreation)),
            (ENCODER, Err(Code::StreamCreation)),
            (DECODER, Err(Code::StreamCreation)),
            (PUSH, Err(Code::StreamCreation)),
        ] {
            assert_eq!(opened.take(kind), outcome, "{kind}");
        }
        let mut more = Opened::default();
        let few = (0..UNKNOWN_STREAMS_MAX).map(|_| more.take(0x54)).all(|taken| taken.is_ok());
        assert!(few && more.take(0x54) == Err(Code::ExcessiveLoad));
    }

    #[test]
    fn settings_are_pairs_of_http_3_without_repetition() {
        for (content, good) in [
            (&b""[..], true),
            (b"\x06\x40\x80\x01\x00", true),
            (b"\x33\x01\x08\x01", true),
            (b"\x06", false),
            (b"\x06\x01\x06\x01", false),
            (b"\x02\x01", false),
            (b"\x03\x01", false),
            (b"\x04\x01", false),
            (b"\x05\x01", false),
        ] {
            assert_eq!(are_settings(Bytes::from_static(content)), good, "{content:?}");
        }
    }
}
