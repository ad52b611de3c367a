//! What is answered when an exchange came to nothing before its answer had begun.

use super::admit::{Judgement, judge};
use super::record::record;
use super::reply;
use crate::ports::Answer;
use crate::reasons::Reason;
use crate::request::Request;
use crate::trail::{Counted, Trail};
use crate::worker::Worker;
use snapshot::ProvedMeasure;
use std::net::IpAddr;

/// The page of a measure that acts on the request as it came.
pub(crate) async fn blocked<A: Answer>(
    worker: &Worker,
    measure: &ProvedMeasure,
    request: &Request,
    trail: &Trail,
    answer: &mut A,
) -> Result<Reason, Reason> {
    reply::blocked(measure, request, trail, trail.started, &worker.date.at(trail.started), answer).await
}

/// A measure came into force before anything was answered: the visitor gets its page.
pub(crate) async fn blocked_after_all<A: Answer>(
    worker: &Worker,
    request: &Request,
    trail: &mut Trail,
    answer: &mut A,
) -> Reason {
    let now = worker.shared.clock.now();
    trail.cache = None;
    match judge(worker, request, trail, now) {
        Judgement::Blocked(measure) => {
            let sent = reply::blocked(&measure, request, trail, now, &worker.date.at(now), answer).await;
            sent.unwrap_or_else(|reason| reason)
        }
        // It has ended already.
        Judgement::Admitted(_) | Judgement::Unknown => Reason::CutByMeasure,
    }
}

/// Answers and records a request whose head could not be read, or that is for another connection.
pub(crate) async fn refuse<A: Answer>(
    worker: &Worker,
    peer: IpAddr,
    reason: Reason,
    request: Option<&Request>,
    answer: &mut A,
) {
    let trail = Trail::new(worker.rays.next(), worker.shared.clock.now(), peer);
    let mut answer = Counted::new(answer);
    let reason = or_error_page(worker, reason, request, &trail, &mut answer).await;
    record(worker, request, &trail, reason, (answer.status, answer.bytes));
}

/// Answers with a page for a reason that has one, as long as nothing else was answered.
pub(crate) async fn or_error_page<A: Answer>(
    worker: &Worker,
    reason: Reason,
    request: Option<&Request>,
    trail: &Trail,
    answer: &mut A,
) -> Reason {
    if reason.status() > 0 {
        let date = worker.date.at(trail.started);
        // A visitor that has left meanwhile changes nothing about why the exchange failed.
        let serving = worker.shared.serving.load_full();
        let _ = reply::error(&serving.snapshot, reason, request, trail, &date, answer).await;
    }
    reason
}
