//! An origin that speaks HTTP/2 and keeps every request as it took it.

use crate::heard::{Heard, Reading};
use crate::patience::patiently;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::{Request, Response};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Each stream that came, in the order of their ends.
type Log = Arc<Mutex<Vec<Reading>>>;

/// Answers each whole request as [`RecordingOrigin`](crate::RecordingOrigin) does. HTTP/2 is known beforehand.
pub struct RecordingHttp2Origin {
    address: SocketAddr,
    log: Log,
    last: Arc<Mutex<Option<SocketAddr>>>,
    accepting: JoinHandle<()>,
}

impl RecordingHttp2Origin {
    pub(crate) fn over(listener: TcpListener, address: SocketAddr) -> Self {
        let (log, last) = (Log::default(), Arc::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&log), Arc::clone(&last)));
        Self { address, log, last, accepting }
    }

    /// Waits until every connection made so far has ended, and says what each of their streams came to: a whole
    /// request, or the target of one that broke off. Whoever connects has to have closed, or this takes too long and
    /// the test fails.
    pub async fn readings(self) -> Vec<Reading> {
        // Connections are accepted in order: once this one is there, so are all others.
        if let Err(error) = self.connect_last().await {
            panic!("the origin is gone: {error}");
        }
        match patiently(self.accepting).await {
            Some(Ok(())) => {}
            other => panic!("a connection to the origin stays open: {other:?}"),
        }
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn connect_last(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.local_addr()?);
        socket.connect(self.address).await
    }
}

async fn accept(listener: TcpListener, log: Log, last: Arc<Mutex<Option<SocketAddr>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, peer)) = listener.accept().await {
        if *last.lock().unwrap_or_else(PoisonError::into_inner) == Some(peer) {
            break;
        }
        connections.spawn(converse(stream, Arc::clone(&log)));
    }
    while connections.join_next().await.is_some() {}
}

async fn converse(stream: TcpStream, log: Log) {
    let fault = |fault: String| Reading { fault: Some(fault), ..Reading::default() };
    let note = |reading| log.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
    let mut connection = match server::handshake(stream).await {
        Ok(connection) => connection,
        Err(error) => return note(fault(format!("no greeting: {error}"))),
    };
    let mut streams = JoinSet::new();
    while let Some(accepted) = connection.accept().await {
        match accepted {
            Ok((request, respond)) => _ = streams.spawn(answer(request, respond, Arc::clone(&log))),
            // The other end hangs up as it likes; only what it says must be right.
            Err(error) if error.is_io() => {}
            Err(error) => note(fault(error.to_string())),
        }
    }
    while streams.join_next().await.is_some() {}
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, log: Log) {
    let (parts, mut content) = request.into_parts();
    let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let mut body = Vec::new();
    let whole = loop {
        match content.data().await {
            Some(Ok(bytes)) => {
                let _ = content.flow_control().release_capacity(bytes.len());
                body.extend_from_slice(&bytes);
            }
            Some(Err(_)) => break false,
            None => break content.trailers().await.is_ok(),
        }
    };
    let fields = parts.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let host = parts.uri.authority().map_or_else(String::new, ToString::to_string);
    let heard = Heard {
        method: parts.method.to_string(),
        target: target.clone(),
        host,
        fields: fields.collect(),
        body,
    };
    let text = format!("{} {} {} {}", heard.method, heard.target, heard.host, heard.body.len());
    let reading = match whole {
        false => Reading { rest: target.into_bytes(), ..Reading::default() },
        true if heard.fields.iter().any(|(name, _)| name == "host") => {
            Reading { fault: Some("a Host field beside :authority".to_owned()), ..Reading::default() }
        }
        true => Reading { whole: vec![heard], ..Reading::default() },
    };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
    if whole {
        say(&mut respond, parts.method == http::Method::HEAD, text);
    }
}

/// Whoever asked may have left by now.
fn say(respond: &mut SendResponse<Bytes>, is_head: bool, text: String) {
    let response =
        Response::builder().header("cache-control", "no-store").header("content-length", text.len());
    let Ok(response) = response.body(()) else { return };
    if let Ok(mut stream) = respond.send_response(response, is_head)
        && !is_head
    {
        let _ = stream.send_data(Bytes::from(text), true);
    }
}
