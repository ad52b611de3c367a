//! The HTTP interface of a witness: `POST /add-checkpoint`, and nothing else.

use crate::{Desk, DeskError};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ledger::note::NOTE_BYTES_MAX;
use ledger::witness::Refused;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vocabulary::Clock;

/// Connections at a time; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long a request's head may take, and how long a connection may wait for the next one.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request's body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// How long answers under way may take once the end was called.
const FAREWELL: Duration = Duration::from_secs(2);
/// A note, the line of the old size, and 63 hashes of 45 bytes.
const BODY_BYTES_MAX: usize = NOTE_BYTES_MAX + 4 * 1024;
/// The media type of a size (tlog-witness).
const SIZE_TYPE: &str = "text/x.tlog.size";
/// Names the reason of a refusal, for people who look into why a log is not cosigned.
const REASON: &str = "wardmote-reason";

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, desk: Arc<Desk>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed, so a place always comes.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (desk, clock, stop) = (desk.clone(), clock.clone(), stop.clone());
                    connections.spawn(async move {
                        converse(stream, desk, clock, stop).await;
                        drop(place);
                    });
                }
                // Out of descriptors, or the client left the queue: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
        while connections.try_join_next().is_some() {}
    }
    let _ = tokio::time::timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

async fn converse(stream: TcpStream, desk: Arc<Desk>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let service = service_fn(|request| {
        let (desk, clock) = (desk.clone(), clock.clone());
        async move { Ok::<_, Infallible>(answer(request, desk, clock).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // An error is the other side's: it broke the rules or left. There is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(request: Request<Incoming>, desk: Arc<Desk>, clock: Arc<dyn Clock>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return plain(StatusCode::NOT_FOUND, "no such page; POST /add-checkpoint is what a witness does\n");
    }
    if request.method() != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "POST it\n");
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(BODY_TIME_MAX, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long, or broke off\n"),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the request took too long\n"),
    };
    let Ok(body) = String::from_utf8(body.to_vec()) else {
        return plain(StatusCode::BAD_REQUEST, "the request is no text\n");
    };
    let judged = tokio::task::spawn_blocking(move || desk.answer(&body, clock.now())).await;
    match judged {
        Ok(Ok(line)) => plain(StatusCode::OK, &line),
        Ok(Err(error)) => refusal(&error),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the witness broke down\n"),
    }
}

fn refusal(error: &DeskError) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (reason, size) = match error {
        DeskError::Refused(refused) => (
            refused.name(),
            match refused {
                Refused::OtherSize { size } | Refused::OtherRoot { size } => Some(size),
                _ => None,
            },
        ),
        DeskError::State(_) => ("state", None),
    };
    match error {
        // What other clients get wrong is theirs; a conflict may be a log with two faces.
        DeskError::Refused(Refused::OtherRoot { .. } | Refused::Inconsistent) => {
            tracing::warn!(reason, "refused: {error}");
        }
        DeskError::Refused(_) => tracing::info!(reason, "refused: {error}"),
        DeskError::State(_) => tracing::error!(reason, "{error}"),
    }
    let mut answer = match size {
        Some(size) => plain(status, &format!("{size}\n")),
        None => plain(status, &format!("{error}\n")),
    };
    if size.is_some() {
        answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(SIZE_TYPE));
    }
    answer.headers_mut().insert(REASON, http::HeaderValue::from_static(reason));
    answer
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *answer.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}
