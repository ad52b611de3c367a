//! The command line's way to the control plane: a small HTTP client over hyper.
//!
//! Owns finding the control listener of this machine (`running.json` in the data folder, which `up`
//! writes) and the token beside it. Must not know what the answers mean.

mod running;

pub(crate) use running::Running;

use crate::exit::Failure;
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Longest wait for a whole answer.
const ANSWER_SECONDS_MAX: u64 = 60;
const TOKEN_FILE: &str = "admin.token";

/// An answer read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::failed(format!("the server's answer is no JSON: {error}")))
    }

    /// The answer itself when it is a success, else what its problem document says (RFC 9457).
    pub(crate) fn accepted(self) -> Result<Self, Failure> {
        if self.status.is_success() {
            return Ok(self);
        }
        let problem: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = |name: &str| problem.get(name).and_then(Value::as_str).map(crate::output::plain);
        let title = said("title").unwrap_or_else(|| self.status.to_string());
        let mut message = match said("detail") {
            Some(detail) => format!("{title}: {detail}"),
            None => title,
        };
        if let Some(reason) = said("reason") {
            message = format!("{message} ({reason})");
        }
        Err(Failure::failed(message))
    }
}

/// This machine's control plane.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    token: String,
}

impl Client {
    /// Finds the control plane that serves from a data folder.
    pub(crate) fn of(data_dir: &Path) -> Result<Self, Failure> {
        Self::at(Running::read(data_dir)?.control, data_dir)
    }

    /// The control plane at an address, with the token from its data folder.
    pub(crate) fn at(address: SocketAddr, data_dir: &Path) -> Result<Self, Failure> {
        let path = data_dir.join(TOKEN_FILE);
        let token = std::fs::read_to_string(&path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        Ok(Self { address, token: token.trim().to_owned() })
    }

    /// `GET` of a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// `POST` of a body with its media type.
    pub(crate) async fn post(&self, path: &str, media_type: &str, body: Bytes) -> Result<Answer, Failure> {
        self.send(Method::POST, path, Some(media_type), body).await
    }

    /// `PUT` of a JSON document.
    pub(crate) async fn put(&self, path: &str, document: &Value) -> Result<Answer, Failure> {
        self.send(Method::PUT, path, Some("application/json"), document.to_string().into()).await
    }

    /// `DELETE` of a path.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::ACCEPT, "application/json, application/problem+json");
        if let Some(media_type) = media_type {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let request = request.body(Full::new(body)).map_err(Failure::failed)?;
        exchange(self.address, request).await.map_err(|failure| {
            Failure::failed(format!("{failure}; is `wardmote up` running with this data folder?"))
        })
    }
}

/// Fetches `http://host[:port]/path`, without credentials.
pub(crate) async fn fetch(url: &str) -> Result<Answer, Failure> {
    let uri: Uri = url.parse().map_err(|_| Failure::bad_use(format!("{url} is no address")))?;
    if uri.scheme_str() != Some("http") {
        return Err(Failure::bad_use(format!(
            "{url}: only http:// is fetched; save the document with another tool and name the file"
        )));
    }
    let authority = uri.authority().ok_or_else(|| Failure::bad_use(format!("{url} names no host")))?.clone();
    let port = authority.port_u16().unwrap_or(80);
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let mut addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| Failure::failed(format!("cannot find {host}: {error}")))?;
    let address = addresses.next().ok_or_else(|| Failure::failed(format!("{host} has no address")))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .uri(path)
        .header(header::HOST, authority.as_str())
        .header(header::ACCEPT, "application/json")
        .body(Full::new(Bytes::new()))
        .map_err(Failure::failed)?;
    exchange(address, request).await
}

/// One request on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
    let whole = tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), converse(address, request));
    match whole.await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::failed(format!("{address} did not answer within {ANSWER_SECONDS_MAX} s"))),
    }
}

async fn converse(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| Failure::failed(format!("cannot reach {address}: {error}")))?;
    let broken = |error: hyper::Error| Failure::failed(format!("the exchange with {address} broke: {error}"));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body =
            body.map_err(|error| Failure::failed(format!("reading the answer of {address}: {error}")))?;
        Ok(Answer { status, body: body.to_bytes() })
    };
    // The connection is driven here and ends with the answer; nothing is left running.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => {
            // The peer closed; whatever it sent before that is still in the channel.
            ended.map_err(broken)?;
            answer.await
        }
    }
}
