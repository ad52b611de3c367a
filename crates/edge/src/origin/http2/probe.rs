//! A check of an origin that is spoken to in HTTP/2 alone: one request on a connection of its own.

use super::session::open;
use super::windows::Share;
use crate::origin::OriginStream;
use crate::origin::answer::{Asked, Framing};
use crate::request::Length;
use bytes::BytesMut;
use snapshot::Scheme;
use std::future::poll_fn;
use std::sync::Arc;

/// The status of the answer to what `write` writes.
pub(crate) async fn status(
    stream: OriginStream,
    scheme: Scheme,
    write: impl FnOnce(&mut BytesMut),
) -> Option<u16> {
    // Checks have a bound of their own, and no origin is found sick because visitors elsewhere are slow.
    let window = Share::new(&Arc::default(), &Arc::default()).reserve()?;
    let (_session, mut exchange, driver) = open(stream, scheme, window).await.ok()?;
    exchange.begin(Asked { is_head: false, upgrade: false }, Length::None, write);
    let asking = async {
        loop {
            let head = poll_fn(|cx| exchange.poll_head(cx)).await.ok()?;
            if head.framing != Framing::Interim {
                return Some(head.status.as_u16());
            }
        }
    };
    tokio::select! {
        biased;
        status = asking => status,
        () = driver.run() => None,
    }
}
