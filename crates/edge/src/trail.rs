//! What an exchange leaves behind for its record, gathered as it goes.

use crate::ports::{Answer, Head, OwnFields, Waiting};
use crate::ray::Ray;
use crate::reasons::Reason;
use crate::site_figures::SiteCounters;
use bytes::Bytes;
use caching::CacheStatus;
use http::{HeaderMap, StatusCode};
use policy::Territory;
use shield::rates::RateKey;
use snapshot::{Hsts, Site, SiteShield};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use vocabulary::{DecisionId, Timestamp};

/// The facts of one exchange.
pub(crate) struct Trail {
    /// The request's id.
    pub(crate) ray: Ray,
    /// When its head was read.
    pub(crate) started: Timestamp,
    /// Who asked: the peer, or whom a trusted proxy names.
    pub(crate) client: IpAddr,
    /// The site, once known.
    pub(crate) site: Option<Arc<Site>>,
    /// Where the site's exchanges are counted.
    pub(crate) counters: Option<Arc<SiteCounters>>,
    /// Where the visitor is, where a measure asks for it and anybody knows.
    pub(crate) country: Option<Territory>,
    /// The decision whose measure answered.
    pub(crate) decision: Option<DecisionId>,
    /// What the cache did.
    pub(crate) cache: Option<CacheStatus>,
    /// What the site tells browsers about TLS, where the visitor came by it.
    pub(crate) hsts: Option<Hsts>,
    /// Whether the body of a stored response was read from disk.
    pub(crate) from_disk: bool,
    /// What the shield found against the request; none: nothing.
    pub(crate) shield: Option<Box<str>>,
    /// The counters of the site's rate rules that the answer may count for.
    pub(crate) counting: Option<Box<Counting>>,
    /// When it may be tried again, in seconds, where the shield says so.
    pub(crate) retry_after: Option<u32>,
}

impl Trail {
    pub(crate) fn new(ray: Ray, started: Timestamp, peer: IpAddr) -> Self {
        Self {
            ray,
            started,
            client: peer,
            site: None,
            counters: None,
            country: None,
            decision: None,
            cache: None,
            hsts: None,
            from_disk: false,
            shield: None,
            counting: None,
            retry_after: None,
        }
    }

    /// The edge's own fields for an answer made now.
    pub(crate) fn own_fields(&self) -> OwnFields {
        OwnFields { ray: self.ray, cache: self.cache, age: None, hsts: self.hsts }
    }
}

/// The counters that an answer may count for, and the settings that say so.
pub(crate) struct Counting {
    pub(crate) settings: Arc<SiteShield>,
    pub(crate) keys: Vec<(u16, RateKey)>,
}

/// Counts what goes out by an answer port.
pub(crate) struct Counted<'a, A> {
    answer: &'a mut A,
    /// The status that was sent; 0 before that.
    pub(crate) status: u16,
    /// Bytes of content handed over.
    pub(crate) bytes: u64,
    /// Whether the fields of the answer are kept, for rules that count answers.
    pub(crate) keeps_fields: bool,
    /// The fields that were sent, where they are kept.
    pub(crate) fields: Option<HeaderMap>,
}

impl<'a, A: Answer> Counted<'a, A> {
    pub(crate) fn new(answer: &'a mut A) -> Self {
        Self { answer, status: 0, bytes: 0, keeps_fields: false, fields: None }
    }
}

impl<A: Answer> Waiting for Counted<'_, A> {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        self.answer.informational(status, fields).await
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.answer.poll_gone(cx)
    }
}

impl<A: Answer> Answer for Counted<'_, A> {
    async fn head(&mut self, head: Head<'_>) -> Result<(), Reason> {
        self.status = head.status.as_u16();
        if self.keeps_fields {
            self.fields = Some(head.fields.to_map());
        }
        self.answer.head(head).await
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Reason> {
        self.bytes += bytes.len() as u64;
        self.answer.data(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        self.answer.flush().await
    }

    async fn finish(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Reason> {
        self.answer.finish(trailers).await
    }

    fn has_begun(&self) -> bool {
        self.answer.has_begun()
    }
}
