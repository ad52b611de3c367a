//! Admitted → Routed: where the answer may come from.

use crate::authority::Scheme;
use crate::request::Request;
use caching::{CacheMode, KeyRef, Plan, Reason};
use snapshot::{Service, Site};

/// How a request will be answered.
pub(crate) struct Routed<'a> {
    /// The request as the cache sees it.
    pub(crate) asked: caching::Request<'a>,
    /// The key under which its answer is, or would be, stored.
    pub(crate) key: KeyRef<'a>,
    /// Whether the cache takes part.
    pub(crate) plan: Plan,
    /// What may be stored.
    pub(crate) mode: CacheMode,
}

/// Plans a request of a site.
pub(crate) fn route<'a>(site: &Site, request: &'a Request) -> Routed<'a> {
    let asked = caching::Request::read(&request.method, &request.fields);
    let scheme = match request.scheme {
        Scheme::Http => caching::Scheme::Http,
        Scheme::Https => caching::Scheme::Https,
    };
    let target = request.target.as_str().as_bytes();
    let key = KeyRef::of_target(site.id, scheme, request.authority.as_str(), target);
    let plan = match site.services.contains(&Service::Cache) {
        true if request.length != crate::request::Length::None => Plan::Bypass(Reason::RequestContent),
        true if request.child.is_some_and(|child| child.is_ahead) => Plan::Bypass(Reason::Behind),
        true => asked.plan(),
        false => Plan::Bypass(Reason::Off),
    };
    let mode = match site.cache {
        snapshot::CacheMode::Guarded => CacheMode::Guarded,
        snapshot::CacheMode::Origin => CacheMode::Origin,
    };
    Routed { asked, key, plan, mode }
}
