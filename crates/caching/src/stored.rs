//! Whether a response may be stored (RFC 9111 §3), and what is remembered of it.

use crate::conditional::Validators;
use crate::content_kind::agrees;
use crate::directives::ResponseDirectives;
use crate::fields::{Fields, end_to_end, http_date};
use crate::freshness::{Basis, Exchanged, Freshness, Grounds};
use crate::head::Head;
use crate::invalidation::{Target, is_content_of};
use crate::mode::{CacheMode, Limits};
use crate::reason::Reason;
use crate::request::{Kind, Plan, Request};
use crate::rules::Rules;
use crate::stale::StaleRules;
use crate::tags::Tags;
use crate::vary::Variant;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// A response head that may be stored once its body has come whole. Only [`storable`] makes one.
#[derive(Debug, Clone)]
pub struct Storable {
    stored: Stored,
    content_length: Option<u64>,
    limits: Limits,
}

/// What the cache knows of a response it holds. Only [`Storable::complete`] makes one.
#[derive(Debug, Clone)]
pub struct Stored {
    pub(crate) status: StatusCode,
    pub(crate) freshness: Freshness,
    pub(crate) stale: StaleRules,
    pub(crate) variant: Variant,
    pub(crate) validators: Validators,
    pub(crate) tags: Tags,
    pub(crate) length: u64,
    /// Fresh by guess only, on a guarded site: not for requests with a cookie.
    pub(crate) cookieless: bool,
    pub(crate) no_transform: bool,
}

impl Storable {
    /// The body has ended after `length` bytes. A body that is not as long as Content-Length said is
    /// incomplete and not kept (RFC 9111 §3.3).
    pub fn complete(mut self, length: u64) -> Result<Stored, Reason> {
        if self.content_length.is_some_and(|stated| stated != length) {
            return Err(Reason::Incomplete);
        }
        if length > self.limits.body_bytes_max {
            return Err(Reason::TooLarge);
        }
        self.stored.length = length;
        Ok(self.stored)
    }

    /// What is known of the response but for its length.
    pub fn stored(&self) -> &Stored {
        &self.stored
    }

    /// The length that Content-Length states.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// How long the response stays fresh.
    pub fn freshness(&self) -> &Freshness {
        &self.stored.freshness
    }
}

impl Stored {
    /// Whether the secondary key fits a request (RFC 9111 §4.1).
    pub fn matches(&self, request: &Request<'_>) -> bool {
        self.variant.matches(request)
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Age and lifetime.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// The secondary key.
    pub fn variant(&self) -> &Variant {
        &self.variant
    }

    /// Entity-tag and Last-Modified.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// The names it can be purged by.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Whether the origin forbids to change the body's form (RFC 9111 §5.2.2.6).
    pub fn no_transform(&self) -> bool {
        self.no_transform
    }

    /// Length of the body in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The same response in another content coding, in which it has `length` bytes: equivalent, but not byte
    /// for byte the same, so a strong entity-tag turns weak (RFC 9110 §8.8.1).
    pub fn recoded(&self, length: u64) -> Self {
        let mut recoded = self.clone();
        recoded.length = length;
        recoded.validators.etag = self.validators.etag().map(crate::conditional::weakened);
        recoded
    }

    /// Whether a field goes with a 304 made from this response (RFC 9110 §15.4.5): not what describes the
    /// representation, except a Last-Modified that is its only validator.
    pub fn goes_with_not_modified(&self, name: &HeaderName) -> bool {
        match name.as_str() {
            "content-type" | "content-encoding" | "content-language" | "content-length" | "content-range" => {
                false
            }
            "last-modified" => self.validators.etag.is_none(),
            _ => true,
        }
    }

    /// Bytes on the heap beyond the value itself, for weighing.
    pub fn heap_bytes(&self) -> usize {
        self.variant.heap_bytes() + self.validators.etag().map_or(0, <[u8]>::len) + self.tags.heap_bytes()
    }
}

/// What a site allows, for one request.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// How far the cache goes.
    pub mode: CacheMode,
    /// Bounds.
    pub limits: Limits,
    /// The site's rules.
    pub rules: &'a Rules,
    /// The path of the request's key.
    pub path: &'a [u8],
}

/// Whether a response to `request` may be stored (RFC 9111 §3), for a site without rules and a path that
/// promises nothing; see [`storable_under`].
pub fn storable(
    request: &Request<'_>,
    status: StatusCode,
    fields: &dyn Fields,
    mode: CacheMode,
    limits: Limits,
    exchanged: Exchanged,
) -> Result<Storable, Reason> {
    let policy = Policy { mode, limits, rules: &Rules::default(), path: b"" };
    storable_under(request, status, fields, &policy, exchanged)
}

/// Whether a response to `request` may be stored (RFC 9111 §3). What must be revalidated before each use is
/// stored if it can be: it has a validator, or leave to be sent stale.
///
/// `request` is the visitor's; the fields of [`Request::normalised_fields`] have gone to the origin in its
/// stead. `fields` are the origin's, as received.
pub fn storable_under(
    request: &Request<'_>,
    status: StatusCode,
    fields: &dyn Fields,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> Result<Storable, Reason> {
    if let Plan::Bypass(reason) = request.plan() {
        return Err(reason);
    }
    if request.method == Kind::Head {
        return Err(Reason::Head);
    }
    judge(request, status, fields, policy, exchanged)
}

/// Whether a response to a POST may be stored as what a GET of the same target would bring (RFC 9110
/// §9.3.3): it says itself that it is, by a Content-Location that is the target, and how long it stays
/// fresh. Only where the origin alone decides. The fill is begun after what the POST invalidates is dropped.
pub fn storable_post(
    request: &Request<'_>,
    target: Target<'_>,
    status: StatusCode,
    fields: &dyn Fields,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> Result<Storable, Reason> {
    let wanted = request.is_post() && request.bypass_but_for_method().is_none();
    if !wanted || policy.mode != CacheMode::Origin || !status.is_success() || !is_content_of(target, fields) {
        return Err(Reason::Method);
    }
    let storable = judge(request, status, fields, policy, exchanged)?;
    let Stored { freshness, variant, .. } = &storable.stored;
    // A POST goes on with the fields it came with, so nothing it varies by is as it would be keyed.
    let kept =
        freshness.basis() == Basis::Explicit && freshness.is_fresh(exchanged.received) && variant.is_empty();
    if kept { Ok(storable) } else { Err(Reason::Method) }
}

fn judge(
    request: &Request<'_>,
    status: StatusCode,
    fields: &dyn Fields,
    policy: &Policy<'_>,
    exchanged: Exchanged,
) -> Result<Storable, Reason> {
    ResponseDirectives::of(fields).check(status, request.is_authorized())?;
    let head = Head::read(fields);
    let judged = Judged::of(request.cookie, status, &head, policy, exchanged)?;
    let variant = head.vary.variant(request, head.content_language)?;
    let stored = judged.stored(status, variant, head.tags.clone(), head.no_transform);
    Ok(Storable { stored, content_length: head.content_length, limits: policy.limits })
}

/// What a response head comes to under a policy, but for its variant.
pub(crate) struct Judged {
    freshness: Freshness,
    stale: StaleRules,
    validators: Validators,
    cookieless: bool,
}

impl Judged {
    /// `cookie`: whether the request carried one.
    pub(crate) fn of(
        cookie: bool,
        status: StatusCode,
        head: &Head<'_>,
        policy: &Policy<'_>,
        exchanged: Exchanged,
    ) -> Result<Self, Reason> {
        let guarded = policy.mode == CacheMode::Guarded;
        if guarded && head.set_cookie {
            return Err(Reason::SetCookie);
        }
        if head.content_length.is_some_and(|length| length > policy.limits.body_bytes_max) {
            return Err(Reason::TooLarge);
        }
        let rule = policy.rules.lifetime(policy.path, status).filter(|_| !head.set_cookie);
        let agree = policy.rules.agree_content_type.unwrap_or(guarded || rule.is_some());
        if agree && status.is_success() && !agrees(policy.path, head.content_type) {
            return Err(Reason::ContentType);
        }
        let grounds = Grounds {
            status,
            directives: &head.directives,
            expires: !head.targeted,
            last_modified: head.last_modified,
            rule,
        };
        let (freshness, fresh) = Freshness::of(grounds, &head.times, exchanged);
        let stale = StaleRules::of(&head.directives);
        let validators = head.validators(exchanged.received);
        let by_status = grounds.status_allows_reuse();
        check_use(fresh, &stale, &validators, by_status)?;
        // Nothing tells a page made for one visitor from one for all but the origin's word; where there is
        // none, a cookie is a hint that it may be the former.
        let unsaid = freshness.basis() == Basis::Heuristic || fresh.is_err() || stale.always_revalidate;
        let cautious = guarded && unsaid && !head.directives.public && rule.is_none();
        if cautious && cookie {
            return Err(Reason::Cookie);
        }
        let cookieless = cautious && freshness.basis() == Basis::Heuristic;
        Ok(Self { freshness, stale, validators, cookieless })
    }

    pub(crate) fn stored(
        self,
        status: StatusCode,
        variant: Variant,
        tags: Tags,
        no_transform: bool,
    ) -> Stored {
        let Self { freshness, stale, validators, cookieless } = self;
        Stored { status, freshness, stale, variant, validators, tags, length: 0, cookieless, no_transform }
    }
}

/// What is stale on arrival or must always be revalidated is kept only if something can come of it.
/// `by_status`: whether it may be stored without explicit lifetime (RFC 9111 §3).
fn check_use(
    fresh: Result<(), Reason>,
    stale: &StaleRules,
    validators: &Validators,
    by_status: bool,
) -> Result<(), Reason> {
    let validates = validators.etag().is_some() || validators.last_modified().is_some();
    match fresh {
        _ if stale.always_revalidate && !validates => Err(Reason::NoCache),
        Err(Reason::NoFreshness) if stale.always_revalidate && by_status => Ok(()),
        Err(Reason::NoFreshness) => Err(Reason::NoFreshness),
        Err(reason) if !validates && !stale.has_leave() => Err(reason),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The fields to keep and send again: those of the connection left out, a missing Date put in (RFC 9110
/// §6.6.1).
pub fn stored_fields(stored: &Stored, fields: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let mut kept: Vec<_> = end_to_end(fields).map(|(name, value)| (name.clone(), value.clone())).collect();
    if !fields.contains_key(header::DATE) {
        let date = http_date(stored.freshness.received());
        kept.extend(HeaderValue::try_from(date).ok().map(|date| (header::DATE, date)));
    }
    kept
}
