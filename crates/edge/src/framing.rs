//! What the HTTP/1.1 reader makes of a whole stream of bytes: for fuzzing and mutation tests only.
//!
//! Reads messages one after another as a connection does, without sockets and exchanges.

use crate::authority::Scheme;
use crate::http1::chunked::{ChunkedDecoder, Step};
use crate::http1::framing::{HeadMemory, HeadReader, RequestHead};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::BytesMut;

/// One message as it was framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Method, target, host and fields, spelled one way.
    pub head: Vec<u8>,
    /// The content, without its coding.
    pub content: Vec<u8>,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// More bytes could follow.
    Open,
    /// The reader refused it: answered and closed.
    Refused(Reason),
    /// The last message asked for the connection to close.
    Closed,
}

impl Ending {
    /// The same verdict. Of two faults in one stream either may be named first, and a fault in what has
    /// not ended yet may be seen early or late.
    pub fn is_like(self, other: Self) -> bool {
        (self == Self::Closed) == (other == Self::Closed)
    }
}

/// Reads a stream that arrives in pieces.
pub fn read_stream<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Message>, Ending) {
    let mut stream = Stream::default();
    for piece in pieces {
        stream.buffer.extend_from_slice(piece);
        while stream.ending == Ending::Open && stream.step() {}
        if stream.ending != Ending::Open {
            break;
        }
    }
    (stream.messages, stream.ending)
}

/// A message spelled so that the reader frames it again: one length, no coding.
pub fn spelled(message: &Message) -> Vec<u8> {
    let mut bytes = message.head.clone();
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", message.content.len()).as_bytes());
    bytes.extend_from_slice(&message.content);
    bytes
}

struct Stream {
    buffer: BytesMut,
    reader: HeadReader,
    memory: HeadMemory,
    content: Option<(RequestHead, Content)>,
    messages: Vec<Message>,
    ending: Ending,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            reader: HeadReader::default(),
            memory: HeadMemory::default(),
            content: None,
            messages: Vec::new(),
            ending: Ending::Open,
        }
    }
}

/// Content under way.
enum Content {
    Known { left: u64, so_far: Vec<u8> },
    Chunked { decoder: ChunkedDecoder, so_far: Vec<u8> },
}

impl Stream {
    /// Takes one step; whether another may follow without more bytes.
    fn step(&mut self) -> bool {
        match self.content.take() {
            None => self.head(),
            Some((head, Content::Known { left, mut so_far })) => {
                let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                so_far.extend_from_slice(&self.buffer.split_to(take));
                let left = left - take as u64;
                if left == 0 {
                    self.finish(&head, so_far);
                } else {
                    self.content = Some((head, Content::Known { left, so_far }));
                }
                left == 0
            }
            Some((head, Content::Chunked { mut decoder, mut so_far })) => {
                match decoder.step(&mut self.buffer) {
                    Ok(Step::Content(piece)) => so_far.extend_from_slice(&piece),
                    Ok(Step::End(_)) => {
                        self.finish(&head, so_far);
                        return true;
                    }
                    Ok(Step::NeedMore) => {
                        self.content = Some((head, Content::Chunked { decoder, so_far }));
                        return false;
                    }
                    Err(reason) => self.ending = Ending::Refused(reason),
                }
                self.content = Some((head, Content::Chunked { decoder, so_far }));
                true
            }
        }
    }

    fn head(&mut self) -> bool {
        match self.reader.read(&mut self.buffer, &mut self.memory, Scheme::Http) {
            Ok(None) => false,
            Ok(Some(head)) => {
                let so_far = Vec::new();
                match head.request.length {
                    Length::None => self.finish(&head, so_far),
                    Length::Known(left) => self.content = Some((head, Content::Known { left, so_far })),
                    Length::Unknown => {
                        let decoder = ChunkedDecoder::default();
                        self.content = Some((head, Content::Chunked { decoder, so_far }));
                    }
                }
                true
            }
            Err(reason) => {
                self.ending = Ending::Refused(reason);
                true
            }
        }
    }

    fn finish(&mut self, head: &RequestHead, content: Vec<u8>) {
        let request = &head.request;
        let line = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\n",
            request.method,
            request.target,
            request.authority.as_str()
        );
        let mut bytes = line.into_bytes();
        for (name, value) in &request.fields {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        self.messages.push(Message { head: bytes, content });
        if !head.keep_alive {
            self.ending = Ending::Closed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    const STREAMS: [&str; 6] = [
        "GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET /b?c=d HTTP/1.1\r\nHost: a.test:81\r\nX-Y: z\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\nHEAD /",
        "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    ];

    #[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
    fn seed() -> u64 {
        std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    fn mutated(text: &str, random: &SeededRandom) -> Vec<u8> {
        let pieces: [&[u8]; 10] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b" ",
            b":",
            b"Content-Length: 3\r\n",
            b"chunked",
            b"\r\n\r\n",
            b"\xff",
        ];
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64 + 1) as usize;
            match random.below(4) {
                0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, pieces[random.below(10) as usize].iter().copied())),
            }
        }
        bytes
    }

    #[test]
    fn whole_streams_are_read_to_their_end() {
        for (text, messages) in STREAMS.iter().zip([2, 2, 1, 1, 1, 1]) {
            assert_eq!(read_stream([text.as_bytes()]).0.len(), messages, "{text}");
        }
    }

    #[test]
    fn mutated_streams_are_framed_alike_however_they_arrive_and_however_often() {
        let seed = seed();
        println!("seed {seed}");
        let random = SeededRandom::new(seed);
        for round in 0..20_000_usize {
            let bytes = mutated(STREAMS[round % STREAMS.len()], &random);
            check(&bytes, &format!("seed {seed}, round {round}: {}", bytes.escape_ascii()));
        }
    }

    fn check(bytes: &[u8], what: &str) {
        let whole = read_stream([bytes]);
        let parted = read_stream(bytes.chunks(1));
        assert_eq!(parted.0, whole.0, "byte by byte, {what}");
        assert!(parted.1.is_like(whole.1), "byte by byte, {:?} {:?}, {what}", parted.1, whole.1);
        for message in &whole.0 {
            let (again, _) = read_stream([spelled(message).as_slice()]);
            assert_eq!(again.as_slice(), std::slice::from_ref(message), "spelled again, {what}");
        }
    }
}
