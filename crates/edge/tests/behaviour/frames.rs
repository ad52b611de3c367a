//! HTTP/2 frames by hand (RFC 9113 §4, RFC 7541): what no library would send.

use crate::support::{HOST, Stage};
use crate::tls::connect;
use std::time::Duration;
use testkit::Peer;
use tokio::time::timeout;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 0x20;
/// A head that is all there is.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long an edge that says nothing is waited for; only a test that fails waits so long.
const SILENCE: Duration = Duration::from_secs(5);

/// One frame's bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A field section: each field literally, neither indexed nor coded (RFC 7541 §6.2.2). One character a byte.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], string(name), string(value)].concat()).collect()
}

fn string(text: &str) -> Vec<u8> {
    let bytes: Vec<u8> =
        text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a byte")).collect();
    match u8::try_from(bytes.len()).expect("a short string") {
        length @ ..127 => [vec![length], bytes].concat(),
        length => [vec![127, length - 127], bytes].concat(),
    }
}

/// The pseudo-header fields of a request for the site on stage.
pub fn pseudo<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)]
}

/// A HEADERS frame with a GET and these fields.
pub fn get(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(&[&pseudo("GET", "/")[..], fields].concat()))
}

/// A HEADERS frame with a POST whose content is to follow.
pub fn post(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&[&pseudo("POST", "/")[..], fields].concat()))
}

/// What an edge does about what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It answers with this status.
    Status(u16),
    /// RST_STREAM with this code.
    Stream(u32),
    /// GOAWAY with this code, and the end.
    Connection(u32),
    /// Nothing: the connection goes on.
    GoesOn,
    /// The end without a word.
    End,
    /// Nothing at all.
    Silence,
}

/// A visitor's HTTP/2 connection whose frames the test writes.
pub struct Frames {
    peer: Peer,
}

impl Frames {
    /// Greets, and has read the edge's settings.
    pub async fn greet(stage: &Stage) -> Self {
        let mut frames = Self::connect(stage).await;
        frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        while frames.next().await.is_some_and(|(kind, flags, ..)| (kind, flags) != (SETTINGS, ACK)) {}
        frames.send(&frame(SETTINGS, ACK, 0, &[])).await;
        frames
    }

    /// Has shaken hands and said nothing.
    pub async fn connect(stage: &Stage) -> Self {
        Self { peer: Peer::over(connect(stage, HOST, "h2").await.expect("a handshake")) }
    }

    /// The origin's side: has read the edge's preface, and says nothing yet.
    pub async fn of_origin(mut peer: Peer) -> Self {
        assert_eq!(peer.bytes(PREFACE.len()).await, PREFACE, "HTTP/2 is spoken");
        Self { peer }
    }

    /// Sends bytes; the edge may have closed already.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.peer.try_send(bytes).await
    }

    /// Closes the sending side.
    pub async fn end(&mut self) {
        self.peer.end().await;
    }

    /// The next frame: kind, flags, stream, payload. None at the end.
    pub async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let head = self.peer.bytes_or_end(9).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((head[3], head[4], stream, self.peer.bytes_or_end(length).await?))
    }

    /// What comes of everything sent so far.
    pub async fn answer(&mut self) -> Answer {
        timeout(SILENCE, self.first_answer()).await.unwrap_or(Answer::Silence)
    }

    async fn first_answer(&mut self) -> Answer {
        loop {
            match self.next().await {
                None => return Answer::End,
                // Interim answers answer nothing.
                Some((HEADERS, _, _, block)) if status(&block) >= 200 => {
                    return Answer::Status(status(&block));
                }
                Some((RST_STREAM, _, _, code)) => return Answer::Stream(number(&code)),
                Some((GOAWAY, _, _, payload)) => {
                    while self.next().await.is_some() {}
                    return Answer::Connection(number(&payload[4..8]));
                }
                Some(_) => {}
            }
        }
    }

    /// Whether the connection goes on: two PINGs come back, one after the other, and nothing against what was
    /// sent before. (The first may overtake what is still to be said.)
    pub async fn goes_on(&mut self) -> Answer {
        for mark in [1, 2] {
            self.send(&frame(PING, 0, 0, &[mark; 8])).await;
            let pong = async {
                loop {
                    match self.next().await {
                        None => return Answer::End,
                        Some((PING, ACK, 0, payload)) if payload == [mark; 8] => return Answer::GoesOn,
                        Some((RST_STREAM, _, _, code)) => return Answer::Stream(number(&code)),
                        Some((GOAWAY, _, _, payload)) => return Answer::Connection(number(&payload[4..8])),
                        Some(_) => {}
                    }
                }
            };
            match timeout(SILENCE, pong).await {
                Ok(Answer::GoesOn) => {}
                Ok(other) => return other,
                Err(_) => return Answer::Silence,
            }
        }
        Answer::GoesOn
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The `:status` at the front of a first field section (RFC 7541 §6): of the static table, or a literal.
fn status(block: &[u8]) -> u16 {
    let block = match block.iter().position(|byte| byte & 0xe0 != 0x20) {
        Some(at) => &block[at..],
        None => block,
    };
    match *block {
        [indexed @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        [_, length, ref text @ ..] if length & 0x80 == 0 => {
            let digits = text.get(..usize::from(length)).unwrap_or_default();
            String::from_utf8_lossy(digits).parse().expect("a status")
        }
        [_, length, ref text @ ..] => huffman(text.get(..usize::from(length & 0x7f)).unwrap_or_default()),
        // No status: no answer, and the script waits in vain.
        _ => 0,
    }
}

/// Three digits (RFC 7541, appendix B): 0 to 2 take five bits, the others six.
fn huffman(bytes: &[u8]) -> u16 {
    let bits: Vec<u16> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let take = |count: usize| bits[at..at + count].iter().fold(0, |sum, bit| sum * 2 + bit);
        let (digit, taken) = match take(5) {
            digit @ 0..=2 => (digit, 5),
            _ => (take(6) - 0b01_1001 + 3, 6),
        };
        number = number * 10 + digit;
        at += taken;
    }
    number
}

/// An HTTP/2 connection that never greets as it should.
pub async fn misgreeted(stage: &Stage, bytes: &[u8]) -> Answer {
    let mut frames = Frames::connect(stage).await;
    frames.send(bytes).await;
    frames.answer().await
}
