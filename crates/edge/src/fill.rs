//! One fill, from the order to what is stored: the only place that leads a fill from step to step.
//!
//! A fill is a task of its own, owned by the cache and not by the visitor whose miss began it: that one may
//! leave, and others follow. It asks the origin once, shows the head to everyone in its flight, gathers what
//! may be stored while it goes out, and publishes it once it is whole.
//!
//! Invariants: what it brings is stored only under the key it was ordered for; a cut answer is never
//! published; a fill that nobody reads goes on only where little is left; a measure that comes over the host
//! ends it.

use crate::flights::{Arriving, Flight, Landed, Listing};
use crate::origin_request::OnBehalf;
use crate::ports::{Piece, Waiting};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use crate::stages::Admitted;
use crate::stages::fetch::{Fetched, fetch_without_content};
use crate::stages::identify::Identified;
use crate::stages::keep::{Filling, LargeFilling, Received, admitted};
use crate::stages::relay::{passed_on, permitted};
use crate::stages::route::{Routed, route};
use crate::vigil::keep_vigil;
use crate::worker::Worker;
use crate::{compress, ray::Ray};
use bytes::Bytes;
use caching::{Exchanged, Limits, Revalidated, conditional_fields, has_failed, revalidated};
use http::{HeaderMap, StatusCode, header};
use object_cache::{Fill, StoredResponse};
use shield::admission::Class;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What may still be to come of a body that nobody reads.
pub(crate) const UNREAD_BYTES_MAX: u64 = 8 << 20;

/// What a fill needs to know.
pub(crate) struct Order {
    pub(crate) worker: Arc<Worker>,
    pub(crate) admitted: Admitted,
    /// A GET of its own, without conditions and range, with the target of the key.
    pub(crate) request: Request,
    /// On whose behalf.
    pub(crate) identified: Identified,
    pub(crate) ray: Ray,
    /// What is held and to be revalidated.
    pub(crate) held: Option<Arc<StoredResponse>>,
    /// Whether what is held may stand in for the answer of an origin that fails.
    pub(crate) stands_in: bool,
    /// Whether it goes on although nobody reads.
    pub(crate) unattended: bool,
}

/// Begins a fill on this worker.
pub(crate) fn begin(order: Order, listing: Listing) {
    let worker = Arc::clone(&order.worker);
    worker.fills.spawn(run(order, listing));
}

async fn run(order: Order, listing: Listing) {
    let shared = &order.worker.shared;
    let flying = pin!(fly(&order, listing.flight()));
    // What is fetched for all is nobody's in particular: only what acts everywhere cuts it. Each who waits for it keeps
    // a vigil of its own.
    let nobody = Ipv4Addr::UNSPECIFIED.into();
    let under_way = (&order.request, order.request.target.as_str(), nobody);
    if let Err(reason) = keep_vigil(&order.worker, under_way, order.admitted.generation(), flying).await {
        let (away, now) = (&shared.flights.away, shared.clock.now());
        match failure(reason) {
            Some(Failure::Origin) => away.of_site(order.admitted.site().id).set(now),
            Some(Failure::Key) => {
                let (site, request) = (order.admitted.site(), &order.request);
                away.of_key(&route(site, request, request.target.as_str().as_bytes()).key).set(now);
            }
            None => {}
        }
        listing.flight().end(Err(reason));
    }
}

/// Who is not asked again for a while.
enum Failure {
    /// The site's origins: none is there at all.
    Origin,
    /// They are there, but this key is slow to come.
    Key,
}

fn failure(reason: Reason) -> Option<Failure> {
    match reason {
        Reason::OriginName
        | Reason::OriginUnreachable
        | Reason::OriginTls
        | Reason::OriginLoop
        | Reason::OriginInside
        | Reason::OriginSettings
        | Reason::OriginConnectSlow => Some(Failure::Origin),
        Reason::OriginSlow | Reason::OriginOvertime => Some(Failure::Key),
        _ => None,
    }
}

/// Ordered → Fetched → Revalidated | Refused | Personal | Arriving.
async fn fly(order: &Order, flight: &Flight) -> Result<Reason, Reason> {
    let Order { worker, admitted, request, .. } = order;
    let routed = route(admitted.site(), request, request.target.as_str().as_bytes());
    let fill = worker.shared.cache.begin(&routed.key);
    let (mut fetched, mut exchanged) = ask(order, &routed, order.held.as_deref(), flight).await?;
    if let Some(held) = &order.held {
        worker.counters.revalidations.observe(exchanged.received.since(exchanged.requested));
        let policy = routed.policy(Limits::default());
        let theirs = compress::unannounced(held);
        match revalidated(held.stored(), &theirs, fetched.status, &fetched.fields, &policy, exchanged) {
            Revalidated::Updated(stored, mut fields) => {
                compress::announce_stored(&mut fields, stored.status(), Some(stored.length()));
                let (_, fresh) = worker.shared.cache.update(&routed.key, fill, held, stored, fields);
                compress::carry_over(&worker.shared.encoders, held, &fresh);
                flight.land(Landed::Stored(fresh));
                flight.end(Ok(None));
                fetched.transfer.end();
                return Ok(Reason::NotModified);
            }
            Revalidated::Replaced if order.stands_in && has_failed(fetched.status) => {
                worker.shared.flights.away.of_key(&routed.key).set(exchanged.received);
                flight.land(Landed::Refused(fetched.status));
                flight.end(Ok(None));
                return Ok(Reason::Passed);
            }
            Revalidated::Replaced => {}
            Revalidated::Mismatch => (fetched, exchanged) = ask(order, &routed, None, flight).await?,
        }
    }
    take_in(order, &routed, fill, fetched, exchanged, flight).await
}

/// Asks the origin, on condition that what is held has changed.
async fn ask(
    order: &Order,
    routed: &Routed<'_>,
    held: Option<&StoredResponse>,
    flight: &Flight,
) -> Result<(Fetched<'static>, Exchanged), Reason> {
    let Order { worker, admitted, request, identified, ray, .. } = order;
    let mut normalised = routed.asked.normalised_fields();
    normalised.extend(held.into_iter().flat_map(|held| conditional_fields(held.stored())));
    let behalf = OnBehalf {
        peer: identified.peer,
        client: identified.client,
        trusted: identified.by_trusted_proxy,
        ray: *ray,
        normalised: Some(normalised),
        target: None,
        joins_trace: admitted.site().front.trace,
        class: if order.unattended { Class::Unattended } else { identified.class },
    };
    let fetched = fetch_without_content(worker, admitted, request, &behalf, &mut Heralds(flight)).await?;
    let exchanged = fetched.exchanged;
    Ok((fetched, exchanged))
}

/// Fetched → Personal | Arriving.
async fn take_in(
    order: &Order,
    routed: &Routed<'_>,
    fill: Fill,
    fetched: Fetched<'static>,
    exchanged: Exchanged,
    flight: &Flight,
) -> Result<Reason, Reason> {
    let worker = &order.worker;
    let Fetched { status, fields, length, delimited, .. } = &fetched;
    let length = *length;
    let head = Received { status: *status, fields, delimited: *delimited, exchanged };
    let policy = routed.policy(Limits { body_bytes_max: worker.shared.body_bytes_max });
    let begun = Filling::begin(worker, (routed.key, fill), &routed.asked, &head, &policy);
    let begun = begun.and_then(|filling| match order.held {
        Some(_) => Ok(filling),
        None => admitted(worker, &routed.key, exchanged.received).map(|()| filling),
    });
    match begun {
        Err(why) => {
            // An origin that fails now may be well again at once, and credentials say nothing of those without.
            let passing = matches!(why, caching::Reason::Admission | caching::Reason::Authorization);
            if !status.is_server_error() && !passing {
                worker.shared.flights.alone.of_key(&routed.key).set(exchanged.received);
            }
            if let Some(held) = &order.held
                && matches!(*status, StatusCode::NOT_FOUND | StatusCode::GONE)
            {
                worker.shared.cache.drop_response(&routed.key, held);
            }
            flight.hand_over(Box::new(fetched), why);
            Ok(Reason::Passed)
        }
        Ok(filling) => {
            let date = worker.date.at(exchanged.received);
            flight.land(Landed::Arriving(Arc::new(arriving(&fetched, &filling, length, &date)?)));
            stream(order, fetched, length, filling, flight).await
        }
    }
}

fn arriving(
    fetched: &Fetched<'_>,
    filling: &Filling<'_>,
    length: Length,
    date: &[u8],
) -> Result<Arriving, Reason> {
    let stored = filling.stored(length.known().unwrap_or(0)).map_err(|_| Reason::OriginMalformed)?;
    let mut fields = passed_on(fetched.fields.clone(), date);
    let aged = fields.remove(header::AGE).is_some();
    compress::announce(&mut fields, fetched.status, length.known());
    Ok(Arriving { status: fetched.status, fields, length, stored, aged })
}

/// How an answer that comes in is kept.
enum Keeping<'a> {
    /// Whole, in one record.
    Small(Box<Filling<'a>>),
    /// In slices.
    Large(Box<LargeFilling<'a>>),
    /// Not at all: it has become too much.
    Not,
}

impl Keeping<'_> {
    async fn add(self, piece: &Bytes) -> Self {
        let mut large = match self {
            Self::Small(mut filling) => {
                if filling.add(piece) {
                    return Self::Small(filling);
                }
                let Some(large) = filling.into_large() else { return Self::Not };
                Box::new(large)
            }
            Self::Large(large) => large,
            Self::Not => return Self::Not,
        };
        if large.add(piece).await { Self::Large(large) } else { Self::Not }
    }
}

/// Arriving → stored.
async fn stream(
    order: &Order,
    fetched: Fetched<'_>,
    length: Length,
    filling: Box<Filling<'_>>,
    flight: &Flight,
) -> Result<Reason, Reason> {
    let Fetched { mut transfer, .. } = fetched;
    let (mut keeping, mut trailers, mut left) = (Keeping::Small(filling), None, length.known());
    while !transfer.is_whole() {
        match transfer.next_piece().await? {
            Piece::Content(bytes) => {
                left = left.map(|left| left.saturating_sub(bytes.len() as u64));
                flight.push(bytes.clone());
                keeping = transfer.during(keeping.add(&bytes)).await?;
            }
            Piece::End(fields) => {
                trailers = (!fields.is_empty()).then(|| permitted(fields));
                break;
            }
        }
        if !matches!(keeping, Keeping::Small(_)) {
            flight.keep_no_more();
            transfer.during(flight.room()).await?;
        }
        let little = !matches!(keeping, Keeping::Not) && left.is_some_and(|left| left <= UNREAD_BYTES_MAX);
        if !little && !order.unattended && !flight.has_readers() {
            return Err(Reason::VisitorGone);
        }
    }
    match keeping {
        Keeping::Small(filling) => filling.publish(),
        Keeping::Large(large) => transfer.during(large.publish()).await?,
        Keeping::Not => {}
    }
    flight.end(Ok(trailers));
    transfer.end();
    Ok(Reason::Passed)
}

/// Everyone who waits in a flight, and nobody in particular.
struct Heralds<'a>(&'a Flight);

impl Waiting for Heralds<'_> {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        self.0.interim(status, fields);
        Ok(())
    }

    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
