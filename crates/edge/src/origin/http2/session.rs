//! One HTTP/2 connection to an origin: made, shared, moved, ended.

use super::exchange::Http2Exchange;
use super::meter::Metered;
use super::vitals::{Beat, Pulse, Vitals};
use super::windows::{Share, Width, Window};
use super::{SEND_BYTES_MAX, STREAMS_MAX, unanswered};
use crate::origin::OriginStream;
use crate::origin::answer::ORIGIN_HEAD_BYTES_MAX;
use crate::reasons::Reason;
use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use snapshot::Scheme;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Exchanges on one connection: streams have numbers, and those come to an end (RFC 9113 §5.1.1).
const EXCHANGES_MAX: u64 = 1 << 24;
/// Streams that were left and are still known, and for how long.
const RESETS_KEPT_MAX: usize = 1024;
const RESETS_KEPT_TIME: Duration = Duration::from_secs(10);
/// How long a connection sleeps that has nothing to wait for.
const SLEEP: Duration = Duration::from_secs(3600);

/// A connection that exchanges may be begun on.
pub(crate) struct Session {
    requests: SendRequest<Bytes>,
    vitals: Arc<Vitals>,
    scheme: Scheme,
    share: Share,
    /// The windows of all its streams.
    width: Width,
    /// The address at the other end.
    pub(crate) peer: Option<IpAddr>,
    /// Which of its name's answers its address was last found in; its pool's.
    pub(crate) names_revision: u64,
}

/// What moves a connection; run it until it ends.
pub(crate) struct Driver {
    connection: Connection<Metered, Bytes>,
    pings: Option<PingPong>,
    vitals: Arc<Vitals>,
}

/// Greets an origin, and has seen its settings: whoever does not speak HTTP/2 is found out before anything is asked. The
/// first exchange has the window that was reserved for it.
pub(crate) async fn open(
    stream: OriginStream,
    scheme: Scheme,
    window: Window,
) -> Result<(Session, Http2Exchange, Driver), Reason> {
    let (vitals, peer, width) = (Arc::new(Vitals::new()), stream.peer(), window.width());
    let metered = Metered::new(stream, Arc::clone(&vitals));
    let greeting = bounds(width.bytes()).handshake(metered);
    let (requests, mut connection) = greeting.await.map_err(|error| unanswered(&error))?;
    let pings = connection.ping_pong();
    let mut driver = Driver { connection, pings, vitals: Arc::clone(&vitals) };
    driver.greet().await?;
    let share = window.share().clone();
    let session = Session { requests, vitals, scheme, share, width, peer, names_revision: 0 };
    let exchange = session.exchange_in(window).ok_or(Reason::OriginBusy)?;
    Ok((session, exchange, driver))
}

fn bounds(width: u32) -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_max_send_streams(STREAMS_MAX)
        .initial_window_size(width)
        // Room for every stream's window, so that a visitor who reads slowly keeps none from others.
        .initial_connection_window_size(width.saturating_mul(STREAMS_MAX as u32))
        .max_header_list_size(u32::try_from(ORIGIN_HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BYTES_MAX)
        // What still comes for streams that visitors have left is known for what it is, and ends nothing.
        .max_concurrent_reset_streams(RESETS_KEPT_MAX)
        .reset_stream_duration(RESETS_KEPT_TIME);
    builder
}

impl Session {
    /// A place for one exchange, where there is one.
    pub(crate) fn exchange(&self) -> Option<Http2Exchange> {
        self.exchange_in(self.share.grant(self.width)?)
    }

    fn exchange_in(&self, window: Window) -> Option<Http2Exchange> {
        let places = self.requests.current_max_send_streams().min(STREAMS_MAX);
        let free = self.vitals.streams() < places && !self.is_over();
        free.then(|| Http2Exchange::new(self.requests.clone(), (self.vitals.slot(), window), self.scheme))
    }

    /// How wide its windows are.
    pub(crate) fn width(&self) -> Width {
        self.width
    }

    /// Whether the origin takes no more on it.
    pub(crate) fn is_over(&self) -> bool {
        // Asked of a copy: this one waits for nothing.
        let gone = self.requests.clone().poll_ready(&mut Context::from_waker(Waker::noop()));
        self.vitals.is_over() || self.vitals.begun() >= EXCHANGES_MAX || matches!(gone, Poll::Ready(Err(_)))
    }

    /// Whether it has carried an exchange, and so may have been closed meanwhile.
    pub(crate) fn has_served(&self) -> bool {
        self.vitals.begun() > 0
    }

    /// How long nobody has used it; none while somebody does.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.vitals.rest()
    }
}

impl Driver {
    /// Moves the connection until the origin has greeted.
    async fn greet(&mut self) -> Result<(), Reason> {
        poll_fn(|cx| match Pin::new(&mut self.connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(Reason::OriginClosed)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(unanswered(&error))),
            Poll::Pending if self.vitals.is_greeted() => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Moves the connection until either side has ended it, or the origin has proved dead. It ends when nobody
    /// holds its [`Session`] any more and its exchanges are over.
    pub(crate) async fn run(mut self) {
        let (mut pulse, mut timer) = (Pulse::default(), pin!(sleep(SLEEP)));
        poll_fn(|cx| {
            // How it ended is told to each exchange.
            if Pin::new(&mut self.connection).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            self.poll_pulse(&mut pulse, timer.as_mut(), cx)
        })
        .await;
        self.vitals.ends();
    }

    fn poll_pulse(
        &mut self,
        pulse: &mut Pulse,
        mut timer: Pin<&mut Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(pings) = &mut self.pings {
            // Anything that is heard will do; the answer itself is only taken away, so that another can be asked.
            let _ = pings.poll_pong(cx);
        }
        loop {
            let wait = match pulse.next(&self.vitals) {
                Beat::Dead => return Poll::Ready(()),
                Beat::Wait(wait) => wait.unwrap_or(SLEEP),
                Beat::Ping => {
                    if let Some(pings) = &mut self.pings {
                        let _ = pings.send_ping(Ping::opaque());
                    }
                    // It leaves when the connection is polled again.
                    cx.waker().wake_by_ref();
                    continue;
                }
            };
            timer.as_mut().reset(Instant::now() + wait);
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
