//! The demonstration site: a small-town library with a small origin server of its own.
//!
//! Owns what `wardmote up` without arguments puts behind the edge, so that the first look shows a real site:
//! pages and files with lifetimes, validators and one page that must never be cached. It stands in for
//! somebody else's server and so knows nothing of the edge, the records or decisions.
//!
//! Invariants: every answer says how long it may be kept; bodies and connections are bounded; it binds
//! nothing by itself, and ends when told to.

mod answer;
mod catalogue;
mod pages;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Connections at a time; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 512;

/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long open answers may take once the end was called.
const FAREWELL: Duration = Duration::from_secs(2);

/// Serves the site on a listener until `shutdown` is cancelled; then open answers are finished, briefly.
pub(crate) async fn serve(listener: TcpListener, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed, so a place always comes.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let shutdown = shutdown.clone();
                    connections.spawn(async move {
                        converse(stream, shutdown).await;
                        drop(place);
                    });
                }
                // Out of descriptors, or the visitor left the queue: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
        while connections.try_join_next().is_some() {}
    }
    let _ = tokio::time::timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
}

/// One connection, to its end.
async fn converse(stream: TcpStream, shutdown: CancellationToken) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(answer::answer(&request)) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // An error is the other side's: it broke the rules or left. There is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

#[cfg(test)]
mod tests;
