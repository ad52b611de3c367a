//! Watching, while an answer is under way, for a measure that comes over its request.

use crate::reasons::Reason;
use crate::request::Request;
use crate::stages::admit;
use crate::worker::Shared;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::task::Poll;

/// Lets an answer go on until it ends or a measure in force cuts it. `generation` is the one that gave
/// leave. Costs nothing for an answer that never waits.
pub(crate) async fn keep_vigil<F>(
    shared: &Shared,
    (request, client): (&Request, IpAddr),
    generation: u64,
    mut answering: Pin<&mut F>,
) -> F::Output
where
    F: Future<Output = Result<Reason, Reason>>,
{
    let first = poll_fn(|cx| Poll::Ready(answering.as_mut().poll(cx))).await;
    if let Poll::Ready(outcome) = first {
        return outcome;
    }
    // In a box: the memory is only needed while an answer waits.
    let mut blocked = Box::pin(blocked(shared, (request, client), generation));
    poll_fn(|cx| match answering.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => blocked.as_mut().poll(cx).map(|()| Err(Reason::CutByMeasure)),
    })
    .await
}

/// Ends once a measure is in force that refuses the request.
async fn blocked(shared: &Shared, (request, client): (&Request, IpAddr), generation: u64) {
    let mut replaced = shared.replaced.subscribe();
    loop {
        let news = *replaced.borrow_and_update() != generation;
        if news && admit::blocks(shared, request, client, shared.clock.now()) {
            return;
        }
        if replaced.changed().await.is_err() {
            // The sender lives in `shared`: it cannot end before us.
            std::future::pending::<()>().await;
        }
    }
}
