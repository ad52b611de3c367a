//! One exchange, from a request's head to its record: the only place that leads from step to step.
//!
//! `Accepted → Identified → Admitted → Warned → Defended → Routed → Hit | Stale | Miss → Following | Fetched →
//! Answered → recorded`. Each step is a file in `stages/` and knows none of the others; whatever ends an exchange early
//! is a [`Reason`]. What is fetched for the cache and not for one visitor is a fill's (`fill.rs`).
//!
//! Invariants: every exchange is recorded, as the last thing that happens; nothing is served without
//! [`Admitted`], which only the admit stage makes.

use crate::copy::{boxed, send, stale};
use crate::flights::Landed;
use crate::passage::{Facts, answer_on, pass};
use crate::ports::{Answer, Content, OwnFields};
use crate::reasons::{Outcome, Reason};
use crate::request::Request;
use crate::stages::admit::{Judgement, judge, listed};
use crate::stages::approach::{Approach, approach};
use crate::stages::board::{Boarded, Held, Voyage};
use crate::stages::close::{blocked, blocked_after_all, or_error_page};
use crate::stages::defend::{Defence, count_answer, defend};
use crate::stages::follow::{follow, landed};
use crate::stages::identify::identify;
use crate::stages::look_up::{Found, load, look_up};
use crate::stages::prove::proof;
use crate::stages::record::record;
use crate::stages::route::{rewritten, route};
use crate::stages::warn::{self, warn};
use crate::stages::{challenged, reply};
use crate::trail::{Counted, Trail};
use crate::vigil::keep_vigil;
use crate::worker::Worker;
use caching::{CacheStatus, Plan, StaleGround, StaleLeave};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

/// Serves one request of a visitor.
pub(crate) async fn exchange<C: Content, A: Answer>(
    worker: &Arc<Worker>,
    peer: IpAddr,
    request: &Request,
    content: &mut C,
    answer: &mut A,
) {
    let mut trail = Trail::new(worker.rays.next(), worker.shared.clock.now(), peer);
    let mut answer = Counted::new(answer);
    let outcome = lead(worker, peer, request, &mut trail, content, &mut answer).await;
    let reason = match outcome {
        Ok(reason) => reason,
        Err(reason) if answer.has_begun() => reason,
        Err(Reason::CutByMeasure) => boxed(blocked_after_all(worker, request, &mut trail, &mut answer)).await,
        Err(reason) => boxed(or_error_page(worker, reason, Some(request), &trail, &mut answer)).await,
    };
    count_answer(worker, request, &trail, answer.status, answer.fields.as_ref());
    record(worker, Some(request), &trail, reason, (answer.status, answer.bytes));
}

/// Accepted → Identified → Admitted → Defended → Routed, and on from there under the eyes of the vigil.
async fn lead<C: Content, A: Answer>(
    worker: &Arc<Worker>,
    peer: IpAddr,
    request: &Request,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut Counted<'_, A>,
) -> Result<Reason, Reason> {
    if let Some(proof) = proof(&worker.shared.board, request) {
        return boxed(reply::proved(&proof, request, trail, &worker.date, answer)).await;
    }
    let mut identified = identify(peer, &worker.shared.forwarders, request)?;
    trail.client = identified.client;
    let admitted = match judge(worker, request, trail, trail.started) {
        Judgement::Admitted(admitted) => admitted,
        Judgement::Unknown => return Err(Reason::UnknownHost),
        Judgement::Blocked(measure) => return boxed(blocked(worker, &measure, request, trail, answer)).await,
    };
    match approach(admitted.site(), request, &identified, worker.shared.https_port) {
        Approach::Open => {}
        Approach::Closed(reason) => return Err(reason),
        Approach::Elsewhere(address) => {
            return boxed(reply::to_https(&address, request, trail, &worker.date, answer)).await;
        }
    }
    if let Some(warning) = warn(worker, request, trail) {
        return boxed(warn::answer(worker, warning, request, trail, &worker.date, answer)).await;
    }
    let defended = match defend(worker, request, &mut identified, &admitted, trail)? {
        Defence::Open(defended) => defended,
        Defence::Answers(own) => {
            return boxed(challenged::answer(*own, request, trail, &worker.date, answer)).await;
        }
    };
    answer.keeps_fields = trail.counting.is_some();
    let (asked, request) = (request, defended.as_deref().unwrap_or(request));
    let target = rewritten(admitted.site(), request);
    let keyed = target.as_ref().unwrap_or(&request.target);
    if let Some(measure) = listed(worker, asked, keyed.as_str(), trail) {
        return boxed(blocked(worker, &measure, request, trail, answer)).await;
    }
    let routed = route(admitted.site(), request, keyed.as_str().as_bytes());
    let facts =
        Facts { worker, request, target: target.as_ref(), identified, admitted: &admitted, routed: &routed };
    let serving = pin!(serve(&facts, trail, content, answer));
    keep_vigil(worker, (asked, keyed.as_str(), facts.identified.client), admitted.generation(), serving).await
}

/// Routed → Hit | Stale or Miss | passed by.
async fn serve<C: Content, A: Answer>(
    facts: &Facts<'_>,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, routed, .. } = facts;
    match routed.plan {
        Plan::Bypass(why) => boxed(pass(facts, why, trail, content, answer)).await,
        Plan::Lookup => match look_up(&worker.shared.cache, &routed.key, &routed.asked, trail.started) {
            Found::Hit(selected) => {
                let status = CacheStatus::Hit { ttl: selected.ttl };
                match send(facts, selected, status, trail, answer).await {
                    // The origin has something else by now than what is held in part, or nothing at the moment.
                    Err(Reason::OriginChanged | Reason::OriginPartFailed) if !answer.has_begun() => {
                        boxed(pass(facts, caching::Reason::Slices, trail, content, answer)).await
                    }
                    sent => sent,
                }
            }
            // What was not for everyone a moment ago asks nobody but the origin.
            Found::Miss(why) if !routed.asked.only_if_cached() && facts.voyage(trail).is_marked() => {
                boxed(pass(facts, why, trail, content, answer)).await
            }
            found => boxed(without_hit(facts, found, trail, content, answer)).await,
        },
    }
}

/// Stale or Miss → Hit on disk | sent stale | Following | Fetched.
async fn without_hit<C: Content, A: Answer>(
    facts: &Facts<'_>,
    found: Found,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let Facts { worker, routed, .. } = facts;
    let voyage = facts.voyage(trail);
    let found = match found {
        Found::Miss(caching::Reason::Absent) if worker.shared.on_disk => {
            load(&worker.shared.cache, &routed.key, &routed.asked, trail.started).await
        }
        found => found,
    };
    let (held, why) = match found {
        Found::Hit(selected) => {
            trail.from_disk = true;
            let status = CacheStatus::Hit { ttl: selected.ttl };
            return send(facts, selected, status, trail, answer).await;
        }
        Found::Stale { held, leave, why } => (Some(Held { selected: held, leave }), why),
        Found::Miss(why) => (None, why),
    };
    match held.as_ref().map(|held| (held, held.leave)) {
        Some((held, StaleLeave::WhileRevalidate)) => {
            voyage.revalidate_in_background(held);
            stale(facts, held, StaleGround::WhileRevalidate, trail, answer).await
        }
        _ if routed.asked.only_if_cached() => {
            trail.cache = Some(CacheStatus::Local { why });
            Err(Reason::OnlyIfCached)
        }
        Some((held, StaleLeave::IfError)) if voyage.origin_is_away() => {
            stale(facts, held, StaleGround::Unreachable, trail, answer).await
        }
        _ => fly(facts, &voyage, held, why, trail, content, answer).await,
    }
}

/// Stale or Miss → Following, for all who want the same; else → Fetched.
async fn fly<C: Content, A: Answer>(
    facts: &Facts<'_>,
    voyage: &Voyage<'_>,
    held: Option<Held>,
    why: caching::Reason,
    trail: &mut Trail,
    content: &mut C,
    answer: &mut A,
) -> Result<Reason, Reason> {
    // Once with others, where that is possible; then, to revalidate what is held, alone.
    for alone in [false, true] {
        let Some(mut boarded) = voyage.board(held.as_ref(), why, alone) else { break };
        trail.cache = Some(CacheStatus::Forwarded { why, status: None, kept: Err(None) });
        match (landed(&mut boarded.reader, answer).await?, &held) {
            (Landed::Failed(_), Some(held)) if held.leave != StaleLeave::Forbidden => {
                return stale(facts, held, StaleGround::Unreachable, trail, answer).await;
            }
            (Landed::Failed(reason), _) => return Err(reason),
            (Landed::Refused(status), Some(held)) if held.leave != StaleLeave::Forbidden => {
                return stale(facts, held, StaleGround::Error(status), trail, answer).await;
            }
            (landed, _) => {
                if let Some(outcome) = disembark(facts, boarded, landed, why, trail, answer).await {
                    return outcome;
                }
            }
        }
        if held.is_none() {
            break;
        }
    }
    match (boxed(pass(facts, why, trail, content, answer)).await, &held) {
        (Err(reason), Some(held))
            if reason.outcome() == Outcome::OriginFailed
                && held.leave != StaleLeave::Forbidden
                && !answer.has_begun() =>
        {
            stale(facts, held, StaleGround::Unreachable, trail, answer).await
        }
        (outcome, _) => outcome,
    }
}

/// Following → Answered; none where what has come is not for this request.
async fn disembark<A: Answer>(
    facts: &Facts<'_>,
    boarded: Boarded,
    landed: Landed,
    why: caching::Reason,
    trail: &mut Trail,
    answer: &mut A,
) -> Option<Result<Reason, Reason>> {
    let Facts { worker, routed, .. } = facts;
    let now = worker.shared.clock.now();
    match landed {
        Landed::Stored(stored) => {
            let (selected, status) = boarded.selects(&routed.asked, stored, now)?;
            Some(send(facts, selected, status, trail, answer).await)
        }
        Landed::Arriving(arriving) => {
            let suited = boarded.suits(&routed.asked, &arriving, now)?;
            trail.cache = Some(suited.status);
            let own = OwnFields { age: suited.age, ..trail.own_fields() };
            Some(follow(&boarded.reader, &arriving, suited.form, own, answer).await)
        }
        Landed::Personal(reason) => {
            let fetched = boarded.handed()?;
            Some(answer_on(facts, (why, Err(Some(reason))), *fetched, None, trail, answer).await)
        }
        Landed::Refused(_) | Landed::Failed(_) => None,
    }
}
