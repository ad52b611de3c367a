//! Lists that are fed from outside: when each is read again, what is taken, what edges get.
//!
//! A version that cannot be read, is too large, names too wide a network or has lost most of its items is not
//! taken; the former one stays, however old. The latest good version of each feed lies in a file of the data
//! folder and is read before the first parcel is planned, so that a restart needs no network. At an edge a feed
//! keeps its items for as long as it is named.

use super::desk;
use crate::DataDir;
use crate::founding::write_atomically;
use crate::plane::Plane;
use outbound::Limits;
use serde::Serialize;
use shield::lists::{FEED_BYTES_MAX, List, ListError, ListKind};
use snapshot::{FeedVersion, feeds_named};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;
use vocabulary::{Digest, Hasher, Timestamp};

/// Most feeds that are read.
const FEEDS_MAX: usize = 256;
/// Most bytes of all feeds together: what each edge keeps of them.
const BYTES_MAX: usize = 64 << 20;
/// How long one fetch may take.
const FETCH_TIME: Duration = Duration::from_secs(60);
/// How long a file may take: one on a network's file system may never answer.
const FILE_TIME: Duration = Duration::from_secs(10);
/// Most fetches at once: one that is slow holds up no others, and so many versions are in memory at most.
const FETCHES_MAX: usize = 8;
/// After a failure it is read again so much later, or sooner where it is read more often.
const RETRY: Duration = Duration::from_secs(300);
/// Between two looks at which feeds are due.
const TICK: Duration = Duration::from_secs(1);

type Key = (String, ListKind);

/// Every feed that is named, as it stands.
#[derive(Default)]
pub(crate) struct Feeds(Mutex<BTreeMap<Key, Held>>);

/// One feed.
#[derive(Debug, Clone)]
struct Held {
    version: Option<(FeedVersion, Arc<List>)>,
    state: FeedState,
    due: Timestamp,
}

/// How a feed stands, for people.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct FeedState {
    /// Where it is read.
    pub(crate) address: String,
    /// What it holds.
    #[schema(value_type = String)]
    pub(crate) kind: ListKind,
    /// Items of the version in use; none: nothing was read yet.
    pub(crate) items: Option<usize>,
    /// When that version was read.
    #[schema(value_type = Option<String>)]
    pub(crate) read_at: Option<Timestamp>,
    /// Why the last reading was not taken; the version before it stays in use.
    pub(crate) trouble: Option<String>,
}

/// Why a version is not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error("it cannot be read: {0}")]
    Unread(String),
    #[error("it is answered with status {0}")]
    Status(u16),
    #[error("it is no UTF-8 text")]
    NotText,
    #[error("{0}")]
    List(ListError),
    // A file may hold what is nobody's to read: not a word of it is told.
    #[error("line {0} is no item of a list of {1}")]
    Line(usize, ListKind),
    #[error("all feeds together would be over {} MiB", BYTES_MAX >> 20)]
    NoRoom,
}

impl Feeds {
    /// What edges get.
    pub(crate) fn versions(&self) -> Vec<FeedVersion> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.values().filter_map(|held| held.version.as_ref()).map(|(version, _)| version.clone()).collect()
    }

    /// How each stands.
    pub(crate) fn states(&self) -> Vec<FeedState> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.values().map(|held| held.state.clone()).collect()
    }

    fn of(&self, key: &Key) -> Option<Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Those that are named and due, the operator's first, and their times between two readings. Forgets those
    /// named no more.
    fn due(&self, named: &Named, now: Timestamp) -> Vec<(Key, u32)> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|key, _| named.feeds.contains_key(key));
        let due = |key: &Key| feeds.get(key).is_none_or(|held| held.due <= now);
        let all = named.in_order().filter(|(key, _)| due(key));
        all.map(|(key, seconds)| (key.clone(), seconds)).collect()
    }

    /// Keeps what came of a reading; whether edges are to get something new.
    fn keep(&self, key: Key, held: Held) -> bool {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = |held: &Held| held.version.as_ref().map(|(version, _)| version.digest);
        let after = digest(&held);
        let before = feeds.insert(key, held);
        before.as_ref().and_then(digest) != after
    }

    fn bytes_besides(&self, key: &Key) -> usize {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = feeds.iter().filter(|(other, _)| *other != key);
        others.filter_map(|(_, held)| held.version.as_ref()).map(|(version, _)| version.text.len()).sum()
    }
}

/// Reads what is due, until stopped.
pub(crate) async fn read_feeds(plane: Arc<Plane>, stop: CancellationToken) {
    let mut named = Named::default();
    loop {
        let round = async {
            if let Err(error) = pass(&plane, &mut named).await {
                tracing::warn!(%error, "the feeds of lists were not looked after");
            }
            tokio::time::sleep(TICK).await;
        };
        // A fetch that is under way is let go of: the next start does it again.
        tokio::select! {
            () = stop.cancelled() => return,
            () = round => {}
        }
    }
}

/// The feeds that sites and operator name, as they were when both were last read.
#[derive(Default)]
struct Named {
    /// The sites' revision and the book's version.
    at: Option<(u64, u64)>,
    /// Each with the seconds from one reading to the next.
    feeds: BTreeMap<Key, u32>,
    /// Those that the operator names.
    operators: BTreeSet<Key>,
}

impl Named {
    /// Those that are read, the operator's first.
    fn in_order(&self) -> impl Iterator<Item = (&Key, u32)> {
        let of = |own: bool| self.feeds.iter().filter(move |(key, _)| self.operators.contains(key) == own);
        of(true).chain(of(false)).take(FEEDS_MAX).map(|(key, seconds)| (key, *seconds))
    }

    async fn look(&mut self, plane: &Plane) -> Result<(), records::StoreError> {
        let book = desk::book(&*plane.records).await?;
        let at = Some((plane.records.revision().await?, book.version));
        if self.at == at {
            return Ok(());
        }
        let fleet = plane.records.fleet().await?;
        let owned =
            |((address, kind), seconds): ((&str, ListKind), u32)| ((address.to_owned(), kind), seconds);
        let feeds = feeds_named(&fleet.sites, &book.value.shield).into_iter().map(owned).collect();
        let operators = feeds_named([], &book.value.shield).into_iter().map(|named| owned(named).0).collect();
        *self = Self { at, feeds, operators };
        Ok(())
    }
}

/// Reads the versions that were kept before a restart: without them the first parcel would have none.
pub(crate) async fn recall_feeds(plane: &Plane) -> Result<(), records::StoreError> {
    let mut named = Named::default();
    named.look(plane).await?;
    let now = plane.clock.now();
    for (key, _) in named.in_order() {
        let held = remembered(&kept_at(plane, key), key, now).await;
        if held.version.is_some() {
            plane.feeds.keep(key.clone(), held);
        }
    }
    Ok(())
}

async fn pass(plane: &Arc<Plane>, named: &mut Named) -> Result<(), records::StoreError> {
    named.look(plane).await?;
    let now = plane.clock.now();
    let mut due = plane.feeds.due(named, now).into_iter();
    let mut fetches = JoinSet::new();
    loop {
        while fetches.len() < FETCHES_MAX
            && let Some((key, seconds)) = due.next()
        {
            let plane = Arc::clone(plane);
            fetches.spawn(async move {
                let fetched = fetch(&plane, &key.0).await;
                (key, seconds, fetched)
            });
        }
        match fetches.join_next().await {
            Some(Ok((key, seconds, fetched))) => {
                if settle(plane, key, seconds, fetched, now).await {
                    plane.wake.notify_one();
                }
            }
            Some(Err(error)) => tracing::warn!(%error, "a feed of a list was not read"),
            None => return Ok(()),
        }
    }
}

/// Where the latest good version of a feed lies.
fn kept_at(plane: &Plane, key: &Key) -> PathBuf {
    plane.founded.files.lists().join(format!("{}.txt", file_name(key)))
}

/// Takes or refuses what was read of a feed; whether edges are to get something new.
async fn settle(
    plane: &Plane,
    key: Key,
    seconds: u32,
    fetched: Result<Vec<u8>, NotTaken>,
    now: Timestamp,
) -> bool {
    let file = kept_at(plane, &key);
    let known = match plane.feeds.of(&key) {
        Some(held) => held,
        None => remembered(&file, &key, now).await,
    };
    let room = BYTES_MAX.saturating_sub(plane.feeds.bytes_besides(&key));
    let before = known.version.as_ref().map(|(_, list)| &**list);
    let taken = fetched.and_then(|bytes| take(&key, bytes, before, room));
    let refresh = Duration::from_secs(seconds.into());
    let held = match taken {
        Ok(version) => {
            store(&file, &version.0).await;
            let items = Some(version.1.len());
            let state = FeedState { items, read_at: Some(now), trouble: None, ..known.state };
            Held { version: Some(version), state, due: now.plus(refresh) }
        }
        Err(error) => {
            let state = FeedState { trouble: Some(error.to_string()), ..known.state };
            Held { version: known.version, state, due: now.plus(refresh.min(RETRY)) }
        }
    };
    plane.feeds.keep(key, held)
}

/// What a reading is worth. Pure.
fn take(
    key: &Key,
    bytes: Vec<u8>,
    before: Option<&List>,
    room: usize,
) -> Result<(FeedVersion, Arc<List>), NotTaken> {
    let text = String::from_utf8(bytes).map_err(|_| NotTaken::NotText)?;
    if text.len() > room {
        return Err(NotTaken::NoRoom);
    }
    let list = List::parse(key.1, &text, true).map_err(|error| match error {
        ListError::Item { line, kind, .. } if !is_web(&key.0) => NotTaken::Line(line, kind),
        error => NotTaken::List(error),
    })?;
    if let Some(before) = before.filter(|before| before.shrinks_to(&list)) {
        let (before, now) = (before.len(), list.len());
        return Err(NotTaken::List(ListError::Shrunk { before, now }));
    }
    let digest = Digest::of(text.as_bytes());
    let version = FeedVersion { address: key.0.clone(), kind: key.1, digest, text: text.into() };
    Ok((version, Arc::new(list)))
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

/// Whether a feed may be read there: a file must be a regular one, and none of the deployment's own.
pub(crate) async fn check_feed_place(address: &str, files: &DataDir) -> Result<(), String> {
    if is_web(address) {
        return Ok(());
    }
    let (path, files) = (PathBuf::from(address), files.clone());
    let looked = tokio::task::spawn_blocking(move || files.check_foreign(&path));
    looked.await.map_err(|error| error.to_string()).flatten()
}

async fn fetch(plane: &Plane, address: &str) -> Result<Vec<u8>, NotTaken> {
    if !is_web(address) {
        let read = async {
            // Again at each reading: what a path leads to may change.
            check_feed_place(address, &plane.founded.files).await?;
            read_file(PathBuf::from(address)).await.map_err(|error| error.to_string())
        };
        let read = tokio::time::timeout(FILE_TIME, read).await;
        let late = |_| Err(format!("{} s were not enough", FILE_TIME.as_secs()));
        return read.unwrap_or_else(late).map_err(NotTaken::Unread);
    }
    let url = Url::parse(address).map_err(|error| NotTaken::Unread(error.to_string()))?;
    let limits = Limits { bytes: FEED_BYTES_MAX, time: FETCH_TIME, redirects: true };
    let fetched = plane.web.get(&url, &limits).await.map_err(|error| NotTaken::Unread(error.to_string()))?;
    if fetched.status == 200 { Ok(fetched.bytes) } else { Err(NotTaken::Status(fetched.status)) }
}

/// A file, up to the longest text of a feed; of a longer one just so much that it is seen to be too long.
async fn read_file(path: PathBuf) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let read = move || {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(FEED_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

/// What was kept before a restart, if it is still a version; due at once.
async fn remembered(file: &Path, key: &Key, now: Timestamp) -> Held {
    let bytes = read_file(file.to_owned()).await.ok();
    let version = bytes.and_then(|bytes| take(key, bytes, None, BYTES_MAX).ok());
    let items = version.as_ref().map(|(_, list)| list.len());
    let state = FeedState { address: key.0.clone(), kind: key.1, items, read_at: None, trouble: None };
    Held { version, state, due: now }
}

/// Keeps a version for the next start. Without it the next start reads the feed anew.
async fn store(file: &Path, version: &FeedVersion) {
    let (path, text, digest) = (file.to_owned(), Arc::clone(&version.text), version.digest);
    let written = tokio::task::spawn_blocking(move || write_atomically(&path, text.as_bytes(), true)).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::warn!(%digest, "a list's version was not kept on disk");
    }
}

fn file_name((address, kind): &Key) -> Digest {
    Hasher::domain("wardmote-feed/1").part(address.as_bytes()).part(format!("{kind:?}").as_bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        ("https://lists.test/bad".to_owned(), ListKind::Address)
    }

    fn lines(count: u32) -> Vec<u8> {
        (0..count)
            .flat_map(|n| format!("{}\n", std::net::Ipv4Addr::from(0x0a00_0000 + n * 2)).into_bytes())
            .collect()
    }

    fn taken(bytes: Vec<u8>, before: Option<&List>) -> Result<usize, String> {
        take(&key(), bytes, before, BYTES_MAX).map(|(_, list)| list.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_version_that_looks_like_a_mistake_is_not_taken() {
        let (_, before) = take(&key(), lines(100), None, BYTES_MAX).expect("a first version");
        for (bytes, says) in [
            (b"<html>gone</html>".to_vec(), "is no item"),
            (vec![0xff, 0xfe], "no UTF-8"),
            (b"10.0.0.0/7".to_vec(), "wider than /8"),
            (lines(49), "49 items where there were 100"),
            (vec![b' '; FEED_BYTES_MAX + 1], "at most"),
        ] {
            let refused = taken(bytes, Some(&before)).expect_err(says);
            assert!(refused.contains(says), "{refused}");
        }
        assert_eq!(taken(lines(50), Some(&before)), Ok(50));
        assert_eq!(taken(Vec::new(), None), Ok(0));
        assert!(take(&key(), lines(10), None, 20).is_err(), "no room");
    }

    #[test]
    fn what_a_file_holds_is_not_told() {
        let file = ("/etc/secret".to_owned(), ListKind::Address);
        let told = take(&file, b"hunter2".to_vec(), None, BYTES_MAX).expect_err("no item").to_string();
        assert_eq!(told, "line 1 is no item of a list of addresses");
    }

    #[test]
    fn the_operators_feeds_come_first_and_are_not_crowded_out() {
        let site = |n: usize| ((format!("https://a.test/{n:03}"), ListKind::Address), 600);
        let mut feeds: BTreeMap<Key, u32> = (0..FEEDS_MAX).map(site).collect();
        let operators = ("https://z.test/".to_owned(), ListKind::Address);
        feeds.insert(operators.clone(), 300);
        let named = Named { at: None, feeds, operators: [operators.clone()].into() };
        let due = Feeds::default().due(&named, Timestamp::from_secs(1_700_000_000));
        assert_eq!((due.len(), due.first()), (FEEDS_MAX, Some(&(operators, 300))));
    }

    #[test]
    fn a_feed_is_due_when_its_time_has_come_and_forgotten_when_nobody_names_it() {
        let feeds = Feeds::default();
        let now = Timestamp::from_secs(1_700_000_000);
        let named = Named { feeds: BTreeMap::from([(key(), 600)]), ..Named::default() };
        assert_eq!(feeds.due(&named, now), [(key(), 600)]);
        let state = FeedState { address: key().0, kind: key().1, items: None, read_at: None, trouble: None };
        let held = Held { version: None, state, due: now.plus(Duration::from_secs(600)) };
        assert!(!feeds.keep(key(), held), "nothing new for edges");
        assert_eq!(feeds.due(&named, now.plus(Duration::from_secs(599))), []);
        assert_eq!(feeds.due(&named, now.plus(Duration::from_secs(600))).len(), 1);
        assert_eq!(feeds.due(&Named::default(), now), []);
        assert!(feeds.states().is_empty());
    }
}
