//! One POST on a connection of its own, bounded in time and bytes by the caller.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest answer read, in bytes: some cosignature lines.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends a body and reads status and body of the answer.
pub(crate) async fn post(authority: &str, path: &str, body: String) -> Result<(u16, String), String> {
    let stream = TcpStream::connect(authority).await.map_err(|error| error.to_string())?;
    // One small write each way; waiting to fill a segment would only add delay.
    let _ = stream.set_nodelay(true);
    let broken = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let body = String::from_utf8(body.to_vec()).map_err(|_| "the answer is no text".to_owned())?;
        Ok((status, body))
    };
    // The connection is driven here and ends with the answer; nothing is left running.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended.map_err(broken)?;
            answer.await
        }
    }
}
