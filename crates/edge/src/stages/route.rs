//! Admitted → Routed: where the answer may come from.

use crate::authority::Scheme;
use crate::request::Request;
use caching::{CacheMode, KeyRef, Limits, Plan, Policy, Reason, Rules};
use http::uri::PathAndQuery;
use snapshot::{Service, Site};
use std::borrow::Cow;

/// How a request will be answered.
pub(crate) struct Routed<'a> {
    /// The request as the cache sees it.
    pub(crate) asked: caching::Request<'a>,
    /// The key under which its answer is, or would be, stored.
    pub(crate) key: KeyRef<'a>,
    /// Whether the cache takes part.
    pub(crate) plan: Plan,
    /// What may be stored.
    mode: CacheMode,
    rules: &'a Rules,
}

impl Routed<'_> {
    /// What the site allows, for bodies within the limits.
    pub(crate) fn policy(&self, limits: Limits) -> Policy<'_> {
        Policy { mode: self.mode, limits, rules: self.rules, path: self.key.path }
    }
}

/// The target that is keyed and sent on, where the site's rules make it another than the request's.
pub(crate) fn rewritten(site: &Site, request: &Request) -> Option<PathAndQuery> {
    match site.cache_rules.rewritten(request.target.as_str().as_bytes()) {
        Cow::Borrowed(_) => None,
        // Parts of a target make a target.
        Cow::Owned(target) => PathAndQuery::from_maybe_shared(target).ok(),
    }
}

/// Plans a request of a site. `target` is the request's, as the site's rules have rewritten it.
pub(crate) fn route<'a>(site: &'a Site, request: &'a Request, target: &'a [u8]) -> Routed<'a> {
    let ruled = request.ruled.as_deref();
    let rules = ruled.and_then(|ruled| ruled.cache_rules.as_ref()).unwrap_or(&site.cache_rules);
    let asked = caching::Request::read(&request.method, &request.fields).spoken(&rules.languages);
    let scheme = match request.scheme {
        Scheme::Http => caching::Scheme::Http,
        Scheme::Https => caching::Scheme::Https,
    };
    let key = KeyRef::of_target(site.id, scheme, request.authority.host().as_str(), target);
    let key = KeyRef { port: request.authority.port(), ..key };
    let plan = match site.services.contains(&Service::Cache) && !site.front.bypass {
        // Before all others: what a POST says of a GET's answer is for the holder alone as well.
        true if request.client_certificate.is_some() => Plan::Bypass(Reason::ClientCertificate),
        true if request.length != crate::request::Length::None => Plan::Bypass(Reason::RequestContent),
        true if ruled.is_some_and(|ruled| ruled.passes_cache) => Plan::Bypass(Reason::Rule),
        true if request.child.is_some_and(|child| child.is_ahead) => Plan::Bypass(Reason::Behind),
        true => match asked.plan() {
            Plan::Lookup => rules.bypass(&asked).map_or(Plan::Lookup, Plan::Bypass),
            bypass @ Plan::Bypass(_) => bypass,
        },
        false => Plan::Bypass(Reason::Off),
    };
    let mode = match site.cache {
        snapshot::CacheMode::Guarded => CacheMode::Guarded,
        snapshot::CacheMode::Origin => CacheMode::Origin,
    };
    Routed { asked, key, plan, mode, rules }
}
