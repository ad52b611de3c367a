//! One HTTP/1 connection from its first byte to its last: heads read, exchanges served in order, memory
//! given back while nothing happens, and no exchange begun where the one before left any doubt about
//! where it ended.

use super::answer::{Asked, Http1Answer};
use super::content::Http1Content;
use super::framing::{HeadMemory, HeadReader, RequestHead};
use super::scratch::{Scratch, ScratchPool};
use super::transport::{Readable, Transport, Writable};
use super::wire::{Incoming, Outgoing};
use crate::authority::Scheme;
use crate::fingerprints::Fingerprints;
use crate::ports::{Answer, Content};
use crate::presence::Presence;
use crate::reasons::Reason;
use crate::request::Request;
use crate::timer::poll_deadline;
use bytes::BytesMut;
use http::{Method, Version};
use shield::budgets::Breach;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, Sleep, timeout};

/// From a head's first byte to its last.
pub(crate) const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Between two exchanges, and before the first byte.
pub(crate) const IDLE_TIME_MAX: Duration = Duration::from_secs(75);
/// Content that an answered exchange left unread is drained up to this many bytes, else the connection
/// ends.
pub(crate) const DRAIN_BYTES_MAX: u64 = 64 * 1024;
/// How long draining, and waiting for the visitor to close, may take.
pub(crate) const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// What is read and dropped while the visitor closes.
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// What a connection hands its requests to.
pub(crate) trait Service: Sync {
    /// Serves one exchange; when it returns, it is over and recorded.
    fn serve<C: Content, A: Answer>(
        &self,
        request: &Request,
        content: &mut C,
        answer: &mut A,
    ) -> impl Future<Output = ()> + Send;

    /// The port on which the same hosts are served by HTTP/3; none where they are not.
    fn http3_port(&self) -> Option<u16> {
        None
    }

    /// Whether the connection is a trusted proxy's, which speaks for many visitors.
    fn is_forwarder(&self) -> bool {
        false
    }

    /// What the connection gives away of the visitor's program; none: nothing.
    fn fingerprints(&self) -> Option<&Arc<Fingerprints>> {
        None
    }

    /// Hears that the visitor's connection was ended because of what came by it.
    fn breached(&self, _breach: Breach) {}

    /// Answers a head that could not be read.
    fn refuse<A: Answer>(&self, reason: Reason, answer: &mut A) -> impl Future<Output = ()> + Send;

    /// Its place among those that may have to leave; none where nobody has to.
    fn presence(&self) -> Option<&Presence> {
        None
    }

    /// Whether the process winds down: each answer is then the last one of its connection.
    fn winding_down(&self) -> &AtomicBool;
}

/// Serves a connection until either side ends it. Where the process winds down, an idle connection stays until its
/// visitor asks once more and is told to close, for it may be asking just now; who owns the connection ends those that
/// stay idle.
pub(crate) async fn serve<T: Transport, S: Service>(
    transport: T,
    scheme: Scheme,
    service: &S,
    pool: &ScratchPool,
) {
    let (read, write) = transport.split();
    let mut connection = Connection::<T> {
        incoming: Incoming { io: read, buffer: BytesMut::new() },
        outgoing: Outgoing::new(write),
        memory: HeadMemory::default(),
        reader: HeadReader::default(),
        head_began: None,
        head: None,
        pool,
    };
    let mut sleep = pin!(tokio::time::sleep(IDLE_TIME_MAX));
    loop {
        let next = connection.next_head(scheme, sleep.as_mut(), service.presence()).await;
        let lingering = match next {
            Next::Head => match connection.exchange(service).await {
                After::Continue => continue,
                After::Close => true,
                After::Cut => false,
            },
            Next::Refused(reason) => {
                Box::pin(connection.refuse(reason, service)).await;
                true
            }
            Next::Over => false,
        };
        if lingering {
            Box::pin(connection.linger()).await;
        }
        connection.release();
        return;
    }
}

struct Connection<'a, T: Transport> {
    incoming: Incoming<T::Read>,
    outgoing: Outgoing<T::Write>,
    memory: HeadMemory,
    reader: HeadReader,
    head_began: Option<Instant>,
    /// The request that is served now.
    head: Option<RequestHead>,
    pool: &'a ScratchPool,
}

enum Next {
    Head,
    Refused(Reason),
    Over,
}

/// What an exchange left behind.
enum After {
    /// The connection stands at the next request.
    Continue,
    /// It ends in order.
    Close,
    /// It ends at once, so that the visitor sees the cut.
    Cut,
}

impl<T: Transport> Connection<'_, T> {
    async fn next_head(
        &mut self,
        scheme: Scheme,
        mut sleep: Pin<&mut Sleep>,
        presence: Option<&Presence>,
    ) -> Next {
        let idle_until = Instant::now() + IDLE_TIME_MAX;
        loop {
            match self.reader.read(&mut self.incoming.buffer, &mut self.memory, scheme) {
                Ok(Some(head)) => {
                    self.head_began = None;
                    self.head = Some(head);
                    return Next::Head;
                }
                Err(reason) => return Next::Refused(reason),
                Ok(None) => {}
            }
            if self.outgoing.flush().await.is_err() {
                return Next::Over;
            }
            let began = !self.incoming.buffer.is_empty();
            let until = match self.head_began {
                Some(instant) => instant + HEAD_TIME_MAX,
                None if began => *self.head_began.insert(Instant::now()) + HEAD_TIME_MAX,
                None => idle_until,
            };
            let woken = poll_fn(|cx| {
                if let Poll::Ready(read) = self.poll_incoming(cx) {
                    presence.inspect(|presence| presence.is_busy());
                    return Poll::Ready(Woken::Read(read.unwrap_or(0)));
                }
                let is_to_leave = |presence: &Presence| presence.poll_leave(cx).is_ready();
                if !began && presence.is_some_and(is_to_leave) {
                    return Poll::Ready(Woken::Late);
                }
                poll_deadline(sleep.as_mut(), until, cx).map(|()| Woken::Late)
            });
            match woken.await {
                Woken::Read(0) => return Next::Over,
                Woken::Read(_) => {}
                Woken::Late if began => return Next::Refused(Reason::HeadSlow),
                Woken::Late => return Next::Over,
            }
        }
    }

    /// Reads; while nothing is there and nothing is kept, the memory goes back to the pool.
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        loop {
            if self.incoming.buffer.capacity() > 0 {
                let read = self.incoming.poll_fill(cx);
                if read.is_pending() && self.incoming.buffer.is_empty() {
                    self.release();
                }
                return read;
            }
            if let Err(error) = ready!(self.incoming.io.poll_readable(cx)) {
                return Poll::Ready(Err(error));
            }
            self.acquire();
        }
    }

    fn acquire(&mut self) {
        let Scratch { read, write, head } = self.pool.take();
        self.incoming.buffer = read;
        self.outgoing.buffer = write;
        self.memory = head;
    }

    fn release(&mut self) {
        let read = std::mem::take(&mut self.incoming.buffer);
        let write = std::mem::take(&mut self.outgoing.buffer);
        if read.capacity() > 0 {
            self.pool.give(Scratch { read, write, head: std::mem::take(&mut self.memory) });
        }
    }

    async fn exchange<S: Service>(&mut self, service: &S) -> After {
        let Some(RequestHead { request, keep_alive }) = &mut self.head else { return After::Close };
        let is_head = request.method == Method::HEAD;
        request.fingerprints = service.fingerprints().cloned();
        let http3_port = service.http3_port();
        let asked = Asked { version: request.version, is_head, keep_alive: *keep_alive, http3_port };
        self.outgoing.begin_exchange();
        let mut content = Http1Content::new(&mut self.incoming, request.length);
        let mut answer = Http1Answer::new(&mut self.outgoing, asked, service.winding_down());
        service.serve(request, &mut content, &mut answer).await;
        let (whole, may_continue) = (answer.is_finished(), answer.may_continue());
        let until_close = answer.is_until_close();
        // The visitor may send the rest only once it has its answer.
        let clean = content.is_ended()
            || (may_continue && answer.flush().await.is_ok() && Box::pin(drained(&mut content)).await);
        request.fields.clear();
        std::mem::swap(&mut self.memory.fields, &mut request.fields);
        self.head = None;
        match (whole, may_continue && clean) {
            (false, _) => {
                Box::pin(self.cut(until_close)).await;
                After::Cut
            }
            (true, true) => After::Continue,
            (true, false) => After::Close,
        }
    }

    /// Ends so that the visitor can tell the answer is not whole: a length or a chunk is missing; where the
    /// end of the connection is the end of the answer, a reset says it.
    async fn cut(&mut self, until_close: bool) {
        // The visitor may have what there is; whether it can be sent decides nothing.
        let _ = self.outgoing.flush().await;
        if until_close {
            self.outgoing.io.reset_on_close();
        }
    }

    async fn refuse<S: Service>(&mut self, reason: Reason, service: &S) {
        let http3_port = service.http3_port();
        let asked = Asked { version: Version::HTTP_11, is_head: false, keep_alive: false, http3_port };
        self.outgoing.begin_exchange();
        let mut answer = Http1Answer::new(&mut self.outgoing, asked, service.winding_down());
        service.refuse(reason, &mut answer).await;
    }

    /// Ends in order: what was written must reach the visitor, and unread bytes in the socket would make
    /// the kernel send a reset that destroys it (RFC 9112 §9.6).
    async fn linger(&mut self) {
        if self.outgoing.flush().await.is_err() || self.outgoing.io.shutdown().await.is_err() {
            return;
        }
        let incoming = &mut self.incoming;
        let drop_the_rest = async {
            let mut dropped = 0;
            while dropped < LINGER_BYTES_MAX {
                incoming.buffer.clear();
                match incoming.fill().await {
                    Ok(read) if read > 0 => dropped += read,
                    Ok(_) | Err(_) => return,
                }
            }
        };
        // Whether the visitor closed in time makes no difference: the connection is dropped now.
        let _ = timeout(LINGER_TIME_MAX, drop_the_rest).await;
    }
}

enum Woken {
    Read(usize),
    Late,
}

async fn drained<R: Readable>(content: &mut Http1Content<'_, R>) -> bool {
    timeout(LINGER_TIME_MAX, content.drain(DRAIN_BYTES_MAX)).await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
