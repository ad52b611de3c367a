//! Visitors over QUIC: one that speaks HTTP/3 by a library of its own, and one that sends exact bytes.

use crate::support::{HOST, Stage};
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, ConnectionId, Endpoint, ReadError, RecvStream, SendStream,
};
use rustls::RootCertStore;
use std::sync::Arc;
use std::time::Duration;

pub type Sender = h3::client::SendRequest<h3_quinn::OpenStreams, Bytes>;
pub type Stream = h3::client::RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// Waits, and fails where a busy machine would have come through long ago.
pub async fn patient<F: Future>(awaited: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), awaited).await.expect("in time")
}

pub fn client(stage: &Stage) -> Endpoint {
    client_with(trusting(stage))
}

/// One that makes up the ids of its first packets in a way of its own.
pub fn client_naming(stage: &Stage, id: impl Fn() -> ConnectionId + Send + Sync + 'static) -> Endpoint {
    let mut settings = settings(trusting(stage));
    settings.initial_dst_cid_provider(Arc::new(id));
    endpoint(settings)
}

fn trusting(stage: &Stage) -> rustls::ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(stage.authority.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.expect("versions").with_root_certificates(roots).with_no_client_auth()
}

/// The same with settings of TLS of a test's own.
pub fn client_with(config: rustls::ClientConfig) -> Endpoint {
    endpoint(settings(config))
}

fn settings(mut config: rustls::ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h3".to_vec()];
    ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).expect("suites")))
}

fn endpoint(settings: ClientConfig) -> Endpoint {
    let mut endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
    endpoint.set_default_client_config(settings);
    endpoint
}

/// A connection on which nothing was said yet.
pub async fn connect(stage: &Stage, name: &str) -> Result<Connection, ConnectionError> {
    let connecting = client(stage).connect(stage.edge.https()[0], name).expect("settings");
    patient(connecting).await
}

/// A visitor, and its connection.
pub async fn visit(stage: &Stage) -> (Sender, Connection) {
    let connection = connect(stage, HOST).await.expect("a handshake");
    let over = h3_quinn::Connection::new(connection.clone());
    let (mut driver, sender) = h3::client::new(over).await.expect("settings");
    tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
    (sender, connection)
}

pub fn request(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("https://{HOST}{path}")).body(()).expect("a request")
}

/// One request without content.
pub async fn ask(sender: &mut Sender, request: Request<()>) -> Stream {
    let mut stream = sender.send_request(request).await.expect("sent");
    stream.finish().await.expect("sent");
    stream
}

/// The whole answer.
pub async fn read(stream: &mut Stream) -> (Response<()>, Vec<u8>, Option<HeaderMap>) {
    let head = patient(stream.recv_response()).await.expect("an answer");
    let mut content = Vec::new();
    while let Some(mut piece) = patient(stream.recv_data()).await.expect("content") {
        content.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
    }
    let trailers = patient(stream.recv_trailers()).await.expect("trailers");
    (head, content, trailers)
}

/// One GET and its answer.
pub async fn get(sender: &mut Sender, path: &str) -> (Response<()>, Vec<u8>) {
    let (head, content, _) = read(&mut ask(sender, request("GET", path)).await).await;
    (head, content)
}

pub fn varint(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().to_vec(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().to_vec(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().to_vec(),
    }
}

pub const DATA: u64 = 0;
pub const HEADERS: u64 = 1;
pub const SETTINGS: u64 = 4;

pub fn frame(kind: u64, content: &[u8]) -> Vec<u8> {
    [varint(kind), varint(content.len() as u64), content.to_vec()].concat()
}

/// A field section of literals.
pub fn section(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    let number = |bits: u32, flags: u8, value: usize| {
        let most = (1 << bits) - 1;
        if value < most {
            return vec![flags | value as u8];
        }
        let (mut bytes, mut left) = (vec![flags | most as u8], value - most);
        while left >= 128 {
            bytes.push(left as u8 & 127 | 128);
            left >>= 7;
        }
        bytes.push(left as u8);
        bytes
    };
    for (name, value) in fields {
        bytes.extend(number(3, 0x20, name.len()));
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend(number(7, 0, value.len()));
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes
}

pub fn usual(path: &str) -> Vec<u8> {
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", path)];
    frame(HEADERS, &section(&fields))
}

/// How the edge answered exact bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// The stream was reset with this code.
    Stream(u64),
    /// The connection was closed with this code.
    Connection(u64),
    /// The stream ended without a head.
    Nothing,
}

/// A visitor that sends exact bytes.
pub struct Exact {
    pub connection: Connection,
    pub control: SendStream,
}

impl Exact {
    /// Shakes hands and sends settings.
    pub async fn greet(stage: &Stage) -> Self {
        Self::greet_with(stage, &frame(SETTINGS, b"")).await
    }

    /// The same, with other bytes on the control stream.
    pub async fn greet_with(stage: &Stage, control: &[u8]) -> Self {
        let connection = connect(stage, HOST).await.expect("a handshake");
        let mut stream = connection.open_uni().await.expect("a stream");
        stream.write_all(&[&[0], control].concat()).await.expect("sent");
        Self { connection, control: stream }
    }

    /// Sends a stream whole, and waits for what comes of it.
    pub async fn ask(&self, bytes: &[u8]) -> Answer {
        let (mut send, receive) = self.connection.open_bi().await.expect("a stream");
        // The edge may have had enough before all of it was sent.
        let _ = (send.write_all(bytes).await, send.finish());
        self.answer(receive).await
    }

    /// The first thing that is told of a stream.
    pub async fn answer(&self, mut stream: RecvStream) -> Answer {
        let mut bytes = BytesMut::new();
        loop {
            match status(&bytes) {
                // An interim answer; another head follows.
                Some(100..200) => drop(bytes.split_to(frame_length(&bytes))),
                Some(status) => return Answer::Status(status),
                None => {}
            }
            match patient(stream.read_chunk(4096, true)).await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
                Ok(None) => return Answer::Nothing,
                Err(ReadError::Reset(code)) => return Answer::Stream(code.into_inner()),
                Err(_) => return Answer::Connection(self.closed().await),
            }
        }
    }

    /// Waits until the edge has closed the connection; with which code.
    pub async fn closed(&self) -> u64 {
        match patient(self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => close.error_code.into_inner(),
            ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
            other => panic!("{other:?}"),
        }
    }
}

/// The length of the frame at the front, which is short.
fn frame_length(bytes: &[u8]) -> usize {
    match bytes[1] {
        length @ 0..0x40 => 2 + usize::from(length),
        length => 3 + (usize::from(length & 0x3f) << 8 | usize::from(bytes[2])),
    }
}

/// The status that a HEADERS frame of the edge begins with.
fn status(bytes: &[u8]) -> Option<u16> {
    const KNOWN: [(u8, u16); 14] = [
        (24, 103),
        (25, 200),
        (26, 304),
        (27, 404),
        (28, 503),
        (63, 100),
        (64, 204),
        (65, 206),
        (66, 302),
        (67, 400),
        (68, 403),
        (69, 421),
        (70, 425),
        (71, 500),
    ];
    let mut bytes = bytes;
    for _ in 0..2 {
        let length = 1 << (bytes.first()? >> 6);
        bytes = bytes.get(length..)?;
    }
    // No table, no base.
    match bytes.get(2..)? {
        [0xff, more, ..] => KNOWN.iter().find(|(index, _)| *index == 63 + more).map(|known| known.1),
        [index @ 0xc0..=0xfe, ..] => KNOWN.iter().find(|known| known.0 == index - 0xc0).map(|known| known.1),
        [0x5f, 9, 3, text @ ..] => std::str::from_utf8(text.get(..3)?).ok()?.parse().ok(),
        _ => None,
    }
}
