//! Where entries are handed in, and the task that writes them.

use super::batch::{Item, Logged, Refused};
use super::writer::{Published, SharedTree, Writer, WriterError};
use crate::alarms::Alarms;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Digest};

/// How often entries are published that are no decisions.
pub(crate) const BEAT: Duration = Duration::from_secs(10);
/// Most entries that wait for the log; a further one is told so.
const WAITING_MAX: usize = 1_024;
/// Most entries of one flush.
const FLUSH_MAX: usize = 256;
/// First and longest wait after a failed flush.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Longest wait for an entry to be logged: a beat, and room for retries.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// The way to the sequencer.
#[derive(Debug, Clone)]
pub(crate) struct Sequencer {
    inbox: mpsc::Sender<Submission>,
    published: watch::Receiver<Option<Arc<Published>>>,
    tree: SharedTree,
    sealed: SealedWaiting,
}

/// Leaf hashes of the sealed entries that were handed in without waiting and have no answer yet.
#[derive(Debug, Clone, Default)]
struct SealedWaiting(Arc<Mutex<BTreeSet<Digest>>>);

/// An entry on the way to the task.
#[derive(Debug)]
pub(crate) struct Submission {
    item: Item,
    answer: Option<oneshot::Sender<Result<Logged, Refused>>>,
    /// Its mark among the sealed entries that wait; goes with it.
    #[expect(dead_code, reason = "held for what its end does")]
    mark: Option<Mark>,
}

/// Ends the wait of a sealed entry, whatever becomes of it.
#[derive(Debug)]
struct Mark {
    leaf: Digest,
    among: SealedWaiting,
}

/// Why an entry was not logged, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stopped {
    /// Too many wait already.
    #[error("too many entries wait for the log")]
    Full,
    /// The sequencer has ended.
    #[error("the log is not written any more; the alarm says why")]
    Ended,
    /// It takes longer than it should; the entry may still be logged.
    #[error("the log did not take the entry in time")]
    Late,
    /// The log does not take it.
    #[error("{0}")]
    Refused(Refused),
}

impl Sequencer {
    /// The way in, and what the task is run with.
    pub(crate) fn new(writer: &Writer) -> (Self, mpsc::Receiver<Submission>) {
        let (inbox, waiting) = mpsc::channel(WAITING_MAX);
        (
            Self {
                inbox,
                published: writer.published(),
                tree: writer.tree(),
                sealed: SealedWaiting::default(),
            },
            waiting,
        )
    }

    /// Hands an entry in without waiting. Whoever needs to know looks into the log later; handing the
    /// same one in again is harmless.
    pub(crate) fn submit(&self, item: Item) -> Result<(), Stopped> {
        let mark = match &item {
            Item::Sealed(entry) => match entry.leaf_hash().ok().map(|leaf| self.sealed.mark(leaf)) {
                Some(None) if !self.inbox.is_closed() => return Ok(()),
                mark => mark.flatten(),
            },
            Item::Draft(_) => None,
        };
        self.send(Submission { item, answer: None, mark })
    }

    /// Whether a sealed entry was handed in and the log has not taken or refused it yet.
    pub(crate) fn holds(&self, leaf: &Digest) -> bool {
        self.sealed.leaves().contains(leaf)
    }

    /// Hands an entry in and waits until it is logged and published.
    pub(crate) async fn append(&self, item: Item) -> Result<Logged, Stopped> {
        let (answer, logged) = oneshot::channel();
        self.send(Submission { item, answer: Some(answer), mark: None })?;
        match tokio::time::timeout(ANSWER_MAX, logged).await {
            Ok(Ok(result)) => result.map_err(Stopped::Refused),
            Ok(Err(_)) => Err(Stopped::Ended),
            Err(_) => Err(Stopped::Late),
        }
    }

    fn send(&self, submission: Submission) -> Result<(), Stopped> {
        self.inbox.try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Stopped::Full,
            mpsc::error::TrySendError::Closed(_) => Stopped::Ended,
        })
    }

    /// The checkpoint that the public sees.
    pub(crate) fn published(&self) -> Option<Arc<Published>> {
        self.published.borrow().clone()
    }

    /// All hashes; may be ahead of what is published.
    pub(crate) fn tree(&self) -> &SharedTree {
        &self.tree
    }
}

impl SealedWaiting {
    /// Marks an entry as waiting, unless it is already.
    fn mark(&self, leaf: Digest) -> Option<Mark> {
        self.leaves().insert(leaf).then(|| Mark { leaf, among: self.clone() })
    }

    fn leaves(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        // Each change leaves the set whole, so a poisoned one is still good.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.among.leaves().remove(&self.leaf);
    }
}

/// What the task tells others.
pub(crate) struct Surroundings {
    /// Woken after each publication.
    pub(crate) wake: Arc<Notify>,
    /// Where a failing log is reported.
    pub(crate) alarms: Arc<Alarms>,
    /// Now.
    pub(crate) clock: Arc<dyn Clock>,
    /// Time between two flushes of what is not urgent.
    pub(crate) beat: Duration,
}

/// Writes the log until told to stop, then what still waits. An error is final: nothing may be signed
/// any more.
pub(crate) async fn run(
    mut writer: Writer,
    mut inbox: mpsc::Receiver<Submission>,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<(), WriterError> {
    let mut waiting = Waiting { items: Vec::new(), pause: RETRY_MIN, retry: None };
    let mut next_beat = Instant::now() + surroundings.beat;
    loop {
        let due = waiting.due(next_beat);
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            submission = inbox.recv(), if waiting.items.len() < WAITING_MAX => match submission {
                Some(submission) => {
                    waiting.add(submission);
                    while let Some(more) = (waiting.items.len() < WAITING_MAX).then(|| inbox.try_recv().ok()).flatten() {
                        waiting.add(more);
                    }
                }
                None => break,
            },
            () = tokio::time::sleep_until(due) => {
                let beat = Instant::now() >= next_beat;
                if beat {
                    next_beat = Instant::now() + surroundings.beat;
                }
                flush(&mut writer, &mut waiting, beat, &surroundings).await?;
            }
        }
    }
    inbox.close();
    while let Ok(submission) = inbox.try_recv() {
        waiting.add(submission);
    }
    flush(&mut writer, &mut waiting, true, &surroundings).await
}

/// What waits for the log.
struct Waiting {
    items: Vec<Submission>,
    /// How long the next failure makes it wait.
    pause: Duration,
    /// After a failure: when it is tried again, and whether a beat was due.
    retry: Option<(Instant, bool)>,
}

impl Waiting {
    /// Takes an entry in; one that nobody waits for and that is here already is dropped.
    fn add(&mut self, submission: Submission) {
        let known = || self.items.iter().any(|waiting| waiting.item.is_same(&submission.item));
        if submission.answer.is_some() || !known() {
            self.items.push(submission);
        }
    }

    /// When the next flush is due: at once for a decision, else at the beat; after a failure not
    /// before its pause is over.
    fn due(&self, next_beat: Instant) -> Instant {
        if let Some((at, _)) = self.retry {
            return at;
        }
        let urgent = self.items.iter().any(|waiting| waiting.item.is_urgent());
        if urgent { Instant::now() } else { next_beat }
    }

    /// What is flushed now: everything at the beat, decisions alone between beats.
    fn take(&mut self, beat: bool) -> Vec<Submission> {
        let (mut now, mut later): (Vec<_>, Vec<_>) =
            self.items.drain(..).partition(|waiting| beat || waiting.item.is_urgent());
        if now.len() > FLUSH_MAX {
            later.extend(now.drain(FLUSH_MAX..));
        }
        self.items = later;
        now
    }
}

async fn flush(
    writer: &mut Writer,
    waiting: &mut Waiting,
    beat: bool,
    surroundings: &Surroundings,
) -> Result<(), WriterError> {
    let beat = beat || waiting.retry.is_some_and(|(_, beat)| beat);
    let now = waiting.take(beat);
    let items: Vec<Item> = now.iter().map(|submission| submission.item.clone()).collect();
    match writer.flush(&items).await {
        Ok(results) => {
            (waiting.pause, waiting.retry) = (RETRY_MIN, None);
            surroundings.alarms.clear("log-not-written", "log");
            tell_silent(writer.silent(), surroundings);
            for (submission, result) in now.into_iter().zip(results) {
                report(submission, result, surroundings);
            }
            surroundings.wake.notify_one();
            Ok(())
        }
        Err(error) if error.is_final() => {
            surroundings.alarms.raise("log-stopped", "log", &error, surroundings.clock.now());
            Err(error)
        }
        Err(error) => {
            surroundings.alarms.raise("log-not-written", "log", &error, surroundings.clock.now());
            let newer = std::mem::take(&mut waiting.items);
            waiting.items = now.into_iter().chain(newer).collect();
            waiting.retry = Some((Instant::now() + waiting.pause, beat));
            waiting.pause = (waiting.pause * 2).min(RETRY_MAX);
            Ok(())
        }
    }
}

/// One dead witness does not stop the log; somebody should know of it before the next one dies.
fn tell_silent(silent: &str, surroundings: &Surroundings) {
    if silent.is_empty() {
        surroundings.alarms.clear("witness-silent", "log");
    } else {
        let text = format!("witnesses that did not cosign: {silent}");
        surroundings.alarms.raise("witness-silent", "log", &text, surroundings.clock.now());
    }
}

fn report(submission: Submission, result: Result<Logged, Refused>, surroundings: &Surroundings) {
    if let Err(refused) = &result {
        let subject = submission.item.subject();
        surroundings.alarms.raise("entry-refused", subject, refused, surroundings.clock.now());
    }
    if let Some(answer) = submission.answer {
        // Whoever asked may have gone away; the entry is logged all the same.
        let _ = answer.send(result);
    }
}
