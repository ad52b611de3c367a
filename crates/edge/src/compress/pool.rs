//! The queue of codings to make, and the few blocking threads that make them.

use super::encode::{encoded, refreshed};
use crate::figures::add;
use object_cache::{Coding, CodingRoom, StoredResponse};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Codings that wait to be made; each holds its response in memory.
pub(crate) const JOBS_MAX: usize = 32;
/// Threads that encode at the same time, at most; half of the cores, at least one.
const THREADS_MAX: usize = 4;

/// What the encoders have done, and what their work takes up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EncodingFigures {
    /// Coded forms made.
    pub made: u64,
    /// Bytes that all of them were shorter than what they were made from.
    pub saved_bytes: u64,
    /// Forms that would not have been worth their room.
    pub not_worth: u64,
    /// Jobs dropped because too many were waiting.
    pub dropped: u64,
    /// Forms dropped because coded forms had taken all their room.
    pub no_room: u64,
    /// Bytes of coded forms held now.
    pub bytes: u64,
}

#[derive(Default)]
struct Tally {
    made: AtomicU64,
    saved_bytes: AtomicU64,
    not_worth: AtomicU64,
    dropped: AtomicU64,
    no_room: AtomicU64,
}

/// One coding to make.
struct Job {
    stored: Arc<StoredResponse>,
    coding: Coding,
}

/// Where jobs are handed in.
pub(crate) struct Encoders {
    jobs: mpsc::Sender<Job>,
    maker: Arc<Maker>,
}

/// What takes the jobs; run it once.
pub(crate) struct EncoderPool {
    jobs: mpsc::Receiver<Job>,
    maker: Arc<Maker>,
}

struct Maker {
    room: CodingRoom,
    tally: Tally,
}

impl Encoders {
    /// An encoder with room for so many bytes of coded forms, and the pool that works for it.
    pub(crate) fn new(room_bytes: u64) -> (Self, EncoderPool) {
        let (sender, jobs) = mpsc::channel(JOBS_MAX);
        let maker = Arc::new(Maker { room: CodingRoom::new(room_bytes), tally: Tally::default() });
        (Self { jobs: sender, maker: Arc::clone(&maker) }, EncoderPool { jobs, maker })
    }

    /// Hands a job in, whose leave was given by `Codings::begin`. Never waits: a full queue drops it.
    pub(super) fn order(&self, stored: &Arc<StoredResponse>, coding: Coding) {
        let job = Job { stored: Arc::clone(stored), coding };
        if self.jobs.try_send(job).is_err() {
            add(&self.maker.tally.dropped, 1);
            stored.codings().give_up(coding);
        }
    }

    /// Adds a form that shares its bytes with one made before; its leave was given by `Codings::begin`.
    pub(super) fn refresh(&self, fresh: &StoredResponse, coding: Coding, form: &StoredResponse) {
        let form = refreshed(fresh, coding, form);
        match self.maker.room.take(form.weight()) {
            Some(taken) => fresh.codings().add(coding, Arc::new(form), taken),
            None => {
                add(&self.maker.tally.no_room, 1);
                fresh.codings().give_up(coding);
            }
        }
    }

    /// What was done, and what is held.
    pub(crate) fn figures(&self) -> EncodingFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Tally { made, saved_bytes, not_worth, dropped, no_room } = &self.maker.tally;
        EncodingFigures {
            made: read(made),
            saved_bytes: read(saved_bytes),
            not_worth: read(not_worth),
            dropped: read(dropped),
            no_room: read(no_room),
            bytes: self.maker.room.used(),
        }
    }
}

impl EncoderPool {
    /// Works until the edge stops; what is being encoded then is given up with its thread.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = Arc::new(Semaphore::new((cores / 2).clamp(1, THREADS_MAX)));
        loop {
            let next = async {
                let thread = Arc::clone(&threads).acquire_owned().await.ok()?;
                Some((thread, self.jobs.recv().await?))
            };
            let (thread, job) = tokio::select! {
                () = stopping.cancelled() => return,
                next = next => match next {
                    Some(next) => next,
                    None => return,
                },
            };
            let maker = Arc::clone(&self.maker);
            tokio::task::spawn_blocking(move || {
                maker.make(&job);
                drop(thread);
            });
        }
    }
}

impl Maker {
    fn make(&self, Job { stored, coding }: &Job) {
        // A form is kept only where it is shorter than this: what is refused costs no work.
        let Some(mut taken) = self.room.take(stored.weight()) else {
            add(&self.tally.no_room, 1);
            return stored.codings().give_up(*coding);
        };
        let Some(form) = encoded(stored, *coding) else {
            // Its leave is kept: nobody tries again.
            return add(&self.tally.not_worth, 1);
        };
        taken.shrink_to(form.weight());
        let saved = stored.stored().length().saturating_sub(form.stored().length());
        stored.codings().add(*coding, Arc::new(form), taken);
        add(&self.tally.made, 1);
        add(&self.tally.saved_bytes, saved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caching::{CacheMode, Exchanged, Limits, storable, stored_fields};
    use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
    use vocabulary::Timestamp;

    fn stored(body: Vec<u8>) -> Arc<StoredResponse> {
        let mut fields = HeaderMap::new();
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        let (nothing, now) = (HeaderMap::new(), Timestamp::from_secs(1_795_305_600));
        let request = caching::Request::read(&Method::GET, &nothing);
        let exchanged = Exchanged { requested: now, received: now };
        let storable =
            storable(&request, StatusCode::OK, &fields, CacheMode::Origin, Limits::default(), exchanged);
        let facts = storable.and_then(|storable| storable.complete(body.len() as u64)).expect("storable");
        let fields = stored_fields(&facts, &fields);
        Arc::new(StoredResponse::new(facts, fields, body))
    }

    #[test]
    fn what_a_full_queue_drops_may_be_ordered_again() {
        let (encoders, _pool) = Encoders::new(1 << 20);
        let pages: Vec<_> = (0..JOBS_MAX + 2).map(|_| stored(vec![b'a'; 1000])).collect();
        for page in &pages {
            assert!(page.codings().begin(Coding::Gzip));
            encoders.order(page, Coding::Gzip);
        }
        assert_eq!(encoders.figures().dropped, 2);
        assert!(!pages[0].codings().begin(Coding::Gzip));
        assert!(pages[JOBS_MAX].codings().begin(Coding::Gzip));
    }

    #[test]
    fn forms_take_no_more_than_their_room_and_give_it_back() {
        let (encoders, pool) = Encoders::new(9_000);
        let pages = [stored(vec![b'a'; 5000]), stored(vec![b'a'; 5000]), stored(vec![b'a'; 20_000])];
        for page in &pages {
            assert!(page.codings().begin(Coding::Zstd));
            pool.maker.make(&Job { stored: Arc::clone(page), coding: Coding::Zstd });
        }
        let figures = encoders.figures();
        assert_eq!((figures.made, figures.no_room), (2, 1), "{figures:?}");
        assert!(figures.bytes > 0 && figures.bytes < 9_000);
        assert!(pages[2].codings().begin(Coding::Zstd), "it may be tried again");
        drop(pages);
        assert_eq!(encoders.figures().bytes, 0);
    }

    #[test]
    fn what_does_not_shrink_is_tried_once() {
        let (encoders, pool) = Encoders::new(1 << 20);
        let mut noise = 1u64;
        let body = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (noise >> 56) as u8
        });
        let page = stored(body.take(5000).collect());
        for coding in Coding::ALL {
            assert!(page.codings().begin(coding));
            pool.maker.make(&Job { stored: Arc::clone(&page), coding });
            assert!(page.codings().ready(coding).is_none() && !page.codings().begin(coding));
        }
        assert_eq!((encoders.figures().not_worth, encoders.figures().bytes), (3, 0));
    }
}
