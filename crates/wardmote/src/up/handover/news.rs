//! What a process tells the one before it while that one lets its visitors finish: measures and purges, so that an answer
//! which is still under way there, or is the last one of an idle connection, keeps to them too.
//!
//! Over the stream that the two have spoken on. Each piece of news is the whole of the feed's latest: a letter, four bytes
//! of length, JSON. The process before checks it as it checks its feed; nothing is believed for the way it came.

use super::STEP_TIME_MAX;
use caching::PurgeWindow;
use feed::{Publisher, Subscription};
use serde::Serialize;
use serde::de::DeserializeOwned;
use snapshot::Parcel;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::net::UnixStream as BlockingStream;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// One piece of news; a longer one is not told, and not heard.
const BYTES_MAX: usize = replica::PARCEL_BYTES_MAX;
const PARCEL: u8 = b'p';
const PURGES: u8 = b'w';

/// The way from one process to the other, once the latter makes way.
#[derive(Debug)]
pub(in super::super) struct Way(BlockingStream);

impl Way {
    pub(super) fn new(stream: BlockingStream) -> Self {
        Self(stream)
    }

    fn stream(self) -> Result<UnixStream> {
        self.0.set_nonblocking(true)?;
        UnixStream::from_std(self.0)
    }
}

/// Tells the process before what the feed says, until that one has ended.
pub(in super::super) async fn tell(way: Way, feed: Subscription) {
    if let Err(error) = tell_all(way, feed).await {
        tracing::debug!(%error, "the process before hears no more");
    }
}

async fn tell_all(way: Way, mut feed: Subscription) -> Result<()> {
    let mut stream = way.stream()?;
    // Each waits for one of the two.
    let mut purges = feed.clone();
    if let Some(window) = purges.purges() {
        write(&mut stream, PURGES, &*window).await?;
    }
    if let Some(parcel) = feed.current() {
        write(&mut stream, PARCEL, &*parcel).await?;
    }
    let mut byte = [0];
    loop {
        tokio::select! {
            parcel = feed.changed() => {
                let parcel = parcel.map_err(Error::other)?;
                write(&mut stream, PARCEL, &*parcel).await?;
            }
            window = purges.purges_changed() => {
                let window = window.map_err(Error::other)?;
                write(&mut stream, PURGES, &*window).await?;
            }
            // It says nothing any more; this is its end.
            ended = stream.read(&mut byte) => return ended.map(drop),
        }
    }
}

async fn write<T: Serialize>(stream: &mut UnixStream, kind: u8, news: &T) -> Result<()> {
    let json = serde_json::to_vec(news)?;
    let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= BYTES_MAX);
    let length = length.ok_or_else(|| Error::other("too long to be told"))?;
    let telling = async {
        stream.write_u8(kind).await?;
        stream.write_u32(length).await?;
        stream.write_all(&json).await
    };
    timeout(STEP_TIME_MAX, telling).await?
}

/// Hears what the next process tells, as if its own control plane did, until that one has ended.
pub(in super::super) async fn hear(way: Way, publisher: Publisher) {
    if let Err(error) = hear_all(way, publisher).await {
        tracing::warn!(%error, "the next process tells no more; known measures run on to their end");
    }
}

async fn hear_all(way: Way, publisher: Publisher) -> Result<()> {
    let mut stream = way.stream()?;
    loop {
        let kind = stream.read_u8().await?;
        match kind {
            PARCEL => {
                let parcel: Parcel = read(&mut stream).await?;
                // The first that is told is often what was known here already.
                if publisher.current().is_none_or(|known| known.revision < parcel.revision) {
                    publisher.publish(Arc::new(parcel)).await.map_err(Error::other)?;
                }
            }
            PURGES => {
                let window: PurgeWindow = read(&mut stream).await?;
                if publisher.purges().is_none_or(|known| known.revision() < window.revision()) {
                    publisher.purge(window).await.map_err(Error::other)?;
                }
            }
            _ => return Err(Error::new(ErrorKind::InvalidData, "unknown news")),
        }
    }
}

async fn read<T: DeserializeOwned>(stream: &mut UnixStream) -> Result<T> {
    let length = stream.read_u32().await?;
    let length = usize::try_from(length).ok().filter(|length| *length <= BYTES_MAX);
    let length = length.ok_or_else(|| Error::new(ErrorKind::InvalidData, "too long to be heard"))?;
    // What is announced costs memory only as it comes.
    let mut json = Vec::new();
    let taken = timeout(STEP_TIME_MAX, stream.take(length as u64).read_to_end(&mut json)).await??;
    if taken < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&json).map_err(Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_process_is_told_the_other_hears() {
        let (near, far) = BlockingStream::pair().unwrap();
        let (told, feed) = feed::in_process();
        let (publisher, mut heard) = feed::in_process();
        let parcel = |revision| Arc::new(Parcel { revision, ..Parcel::default() });
        told.publish(parcel(6)).await.unwrap();
        publisher.publish(parcel(6)).await.unwrap();
        assert_eq!(heard.changed().await.unwrap().revision, 6, "known to both");
        let telling = tokio::spawn(tell(Way::new(near), feed));
        let hearing = tokio::spawn(hear(Way::new(far), publisher));
        told.publish(parcel(8)).await.unwrap();
        assert_eq!(heard.changed().await.unwrap().revision, 8);
        let window = PurgeWindow { after: 3, purges: Vec::new() };
        told.purge(window.clone()).await.unwrap();
        assert_eq!(*heard.purges_changed().await.unwrap(), window);
        telling.abort();
        let ended = tokio::time::timeout(STEP_TIME_MAX, hearing).await;
        assert!(ended.is_ok(), "it ends with the other");
    }

    #[tokio::test]
    async fn an_announced_length_beyond_the_bound_ends_the_hearing() {
        let (near, far) = BlockingStream::pair().unwrap();
        let (publisher, _heard) = feed::in_process();
        std::io::Write::write_all(&mut &near, &[PARCEL, 0xff, 0xff, 0xff, 0xff]).unwrap();
        let ended = tokio::time::timeout(STEP_TIME_MAX, hear_all(Way::new(far), publisher)).await;
        assert_eq!(ended.unwrap().unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn news_that_break_off_and_news_nobody_knows_end_the_hearing() {
        for (bytes, kind) in [
            (&[PURGES, 0, 0, 0, 9, b'{'][..], ErrorKind::UnexpectedEof),
            (&[b'?', 0, 0, 0, 0], ErrorKind::InvalidData),
        ] {
            let (near, far) = BlockingStream::pair().unwrap();
            let (publisher, _heard) = feed::in_process();
            std::io::Write::write_all(&mut &near, bytes).unwrap();
            drop(near);
            let ended = tokio::time::timeout(STEP_TIME_MAX, hear_all(Way::new(far), publisher)).await;
            assert_eq!(ended.unwrap().unwrap_err().kind(), kind, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn what_was_known_here_already_is_not_told_again() {
        let (near, far) = BlockingStream::pair().unwrap();
        let (publisher, mut heard) = feed::in_process();
        let parcel = |revision| Parcel { revision, ..Parcel::default() };
        publisher.publish(Arc::new(parcel(6))).await.unwrap();
        let window = PurgeWindow { after: 6, purges: Vec::new() };
        publisher.purge(window).await.unwrap();
        heard.changed().await.unwrap();
        heard.purges_changed().await.unwrap();
        let mut stream = Way::new(near).stream().unwrap();
        write(&mut stream, PARCEL, &parcel(5)).await.unwrap();
        write(&mut stream, PURGES, &PurgeWindow { after: 5, purges: Vec::new() }).await.unwrap();
        write(&mut stream, PARCEL, &parcel(7)).await.unwrap();
        drop(stream);
        let _ = hear_all(Way::new(far), publisher).await;
        let next = heard.changed().await.unwrap();
        assert_eq!((next.revision, heard.purges().unwrap().after), (7, 6));
    }
}
