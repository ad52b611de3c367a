//! One request to an origin that several visitors wait for, and the answer that all of them read.
//!
//! A fill writes, readers read; neither knows the other. The head comes first and releases everyone; then
//! pieces of content lie in a window. While the fill gathers the whole answer the window keeps all of it,
//! and readers may still join; afterwards it keeps only what readers have yet to take.
//!
//! Invariants: a reader gets the pieces of one answer in order, all of them or an error; a window that no
//! longer keeps everything holds at most [`WINDOW_BYTES_MAX`] and the piece that came last; a flight that
//! ends without a word from its fill has failed.

use super::window::{Taken, Window};
use crate::reasons::Reason;
use crate::request::Length;
use crate::stages::fetch::Fetched;
use bytes::Bytes;
use caching::Stored;
use http::{HeaderMap, StatusCode};
use object_cache::StoredResponse;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that wait in a window for the slowest reader before the fill waits too.
pub(crate) const WINDOW_BYTES_MAX: usize = 1 << 20;
/// How long readers that have everything wait for one that has not; after that it is left behind.
pub(crate) const LAG_TIME_MAX: Duration = Duration::from_secs(2);
/// Interim answers kept for readers; more are dropped.
const INTERIMS_MAX: usize = 8;

/// What became of the request that a flight stands for.
#[derive(Clone)]
pub(crate) enum Landed {
    /// What was held is good again.
    Stored(Arc<StoredResponse>),
    /// An answer that may be stored is coming in.
    Arriving(Arc<Arriving>),
    /// An answer for the one who asked first, with why it is not for others.
    Personal(caching::Reason),
    /// The origin says itself that it has failed, and what is held may stand in for its answer.
    Refused(StatusCode),
    /// No answer came.
    Failed(Reason),
}

/// The head of an answer that is coming in.
pub(crate) struct Arriving {
    pub(crate) status: StatusCode,
    /// The fields to send, without those that are made anew for each visitor.
    pub(crate) fields: HeaderMap,
    pub(crate) length: Length,
    /// The answer as it will be stored, but for a length that is not known yet.
    pub(crate) stored: Stored,
    /// Whether the origin's answer was an `Age` old already.
    pub(crate) aged: bool,
}

/// A piece of an answer, as a reader gets it.
#[derive(Debug)]
pub(crate) enum Part {
    Content(Bytes),
    End(Option<Arc<HeaderMap>>),
}

/// A request under way, shared by its fill and its readers.
#[derive(Default)]
pub(crate) struct Flight {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    interims: Vec<(StatusCode, HeaderMap)>,
    landed: Option<Landed>,
    handed: Option<Box<Fetched<'static>>>,
    window: Window,
    ended: Option<Result<Option<Arc<HeaderMap>>, Reason>>,
}

/// The fill's side.
impl Flight {
    /// An interim answer, for whoever waits.
    pub(crate) fn interim(&self, status: StatusCode, fields: &HeaderMap) {
        self.change(|state| {
            if state.interims.len() < INTERIMS_MAX {
                state.interims.push((status, fields.clone()));
            }
        });
    }

    /// The head has come. Only the first word counts.
    pub(crate) fn land(&self, landed: Landed) {
        self.change(|state| {
            state.landed.get_or_insert(landed);
        });
    }

    /// The answer is for the one who asked first, and is given to it.
    pub(crate) fn hand_over(&self, handed: Box<Fetched<'static>>, why: caching::Reason) {
        self.change(|state| {
            state.handed = Some(handed);
            state.landed.get_or_insert(Landed::Personal(why));
        });
    }

    /// A piece of content.
    pub(crate) fn push(&self, piece: Bytes) {
        self.change(|state| state.window.push(piece));
    }

    /// From here on only what readers have yet to take is kept, and nobody may join.
    pub(crate) fn keep_no_more(&self) {
        self.change(|state| state.window.keep_no_more());
    }

    /// Waits until there is room for more. Readers that have everything do not wait for others for ever:
    /// who lags then is left behind.
    pub(crate) async fn room(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let starving = {
                let mut state = self.state();
                if state.window.has_room(WINDOW_BYTES_MAX) {
                    return;
                }
                state.window.fill_waits = true;
                state.window.starves()
            };
            if !starving {
                changed.await;
            } else if timeout(LAG_TIME_MAX, changed).await.is_err() {
                self.change(|state| state.window.leave_behind());
            }
        }
    }

    /// Whether anyone reads.
    pub(crate) fn has_readers(&self) -> bool {
        self.state().window.has_readers()
    }

    /// The answer is whole, or will never be. Only the first word counts.
    pub(crate) fn end(&self, ended: Result<Option<HeaderMap>, Reason>) {
        self.change(|state| {
            if let Err(reason) = &ended {
                state.landed.get_or_insert(Landed::Failed(*reason));
            }
            state.ended.get_or_insert(ended.map(|trailers| trailers.map(Arc::new)));
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change leaves the state whole, so a poisoned one is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A visitor's place in a flight.
pub(crate) struct Reader {
    flight: Arc<Flight>,
    id: u64,
    interims_seen: usize,
}

impl Reader {
    /// A place at the beginning; none once the beginning is gone or the flight has failed.
    pub(crate) fn join(flight: &Arc<Flight>) -> Option<Self> {
        let mut state = flight.state();
        if matches!(state.ended, Some(Err(_))) {
            return None;
        }
        let id = state.window.join()?;
        drop(state);
        Some(Self { flight: Arc::clone(flight), id, interims_seen: 0 })
    }

    /// What the head showed; before that, the next interim answer.
    pub(crate) async fn landed(&mut self) -> Result<Landed, (StatusCode, HeaderMap)> {
        loop {
            let flight = Arc::clone(&self.flight);
            let mut changed = pin!(flight.changed.notified());
            changed.as_mut().enable();
            {
                let state = flight.state();
                if let Some(interim) = state.interims.get(self.interims_seen) {
                    self.interims_seen += 1;
                    return Err(interim.clone());
                }
                if let Some(landed) = &state.landed {
                    return Ok(landed.clone());
                }
            }
            changed.await;
        }
    }

    /// The answer that was handed over, for the one who asked first.
    pub(crate) fn take_handed(&self) -> Option<Box<Fetched<'static>>> {
        self.flight.state().handed.take()
    }

    /// The next part, if it is there.
    pub(crate) fn now(&self) -> Option<Result<Part, Reason>> {
        let mut state = self.flight.state();
        let (taken, fill_waits) = (state.window.take(self.id), state.window.fill_waits);
        let part = match taken {
            Taken::Piece(piece) => Ok(Part::Content(piece)),
            Taken::LeftBehind => Err(Reason::VisitorSlow),
            Taken::Nothing => state.ended.clone()?.map(Part::End),
        };
        if fill_waits && part.is_ok() {
            state.window.fill_waits = false;
            drop(state);
            self.flight.changed.notify_waiters();
        }
        Some(part)
    }

    /// Waits for the next part.
    pub(crate) async fn next(&self) -> Result<Part, Reason> {
        loop {
            let mut changed = pin!(self.flight.changed.notified());
            changed.as_mut().enable();
            if let Some(part) = self.now() {
                return part;
            }
            changed.await;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flight.change(|state| state.window.leave(self.id));
    }
}
