//! What would become of a request for an address now.

use super::{Explanation, Step, StoredFacts, Unexplained};
use crate::authority::{Authority, Scheme};
use crate::insight::Insight;
use crate::request::{Length, Request};
use crate::stages::route::{Routed, rewritten, route};
use crate::worker::Shared;
use caching::{KeyRef, Plan, Reuse, StaleLeave, reuse, reuse_purged};
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use object_cache::{Coding, Lookup, StoredResponse};
use snapshot::{Facts, ProvedMeasure, Verdict};
use std::sync::Arc;
use vocabulary::Timestamp;

/// What browsers accept: the request that is imagined is one of theirs.
const ENCODINGS: &str = "gzip, deflate, br, zstd";

impl Insight {
    /// How a browser's plain GET of an address would be answered now.
    pub async fn explain_url(&self, url: &str) -> Result<Explanation, Unexplained> {
        let request = imagined(url).ok_or_else(|| Unexplained::NoUrl(url.to_owned()))?;
        let shared = &self.shared;
        let now = shared.clock.now();
        let mut explanation = Explanation {
            asked: url.to_owned(),
            at: now,
            verdict: "unknown-host",
            site: None,
            steps: vec![],
            stored: None,
        };
        let snapshot = Arc::clone(&shared.serving.load().snapshot);
        let facts = Facts { target: request.target.as_str(), ..Facts::of(request.authority.host()) };
        match snapshot.evaluate(&facts, now) {
            Verdict::Unknown => {
                let text = format!("no site here has the host {}", request.authority.host());
                explanation.steps.push(Step::new("site", text));
            }
            Verdict::Blocked(measure) => {
                explanation.verdict = "blocked";
                explanation.steps.push(blocked(measure));
            }
            Verdict::Serve(site) => {
                explanation.site = Some(site.id);
                let text = format!("no measure stands against it; it belongs to site {}", site.id);
                explanation.steps.push(Step::new("site", text));
                let target = rewritten(site, &request);
                let target = target.as_ref().unwrap_or(&request.target).as_str();
                let routed = route(site, &request, target.as_bytes());
                explain_routed(shared, &routed, &mut explanation).await;
            }
        }
        Ok(explanation)
    }
}

/// The request that a browser would make.
pub(crate) fn imagined(url: &str) -> Option<Request> {
    let uri: Uri = url.parse().ok()?;
    let scheme = match uri.scheme_str()? {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return None,
    };
    let authority = Authority::parse(uri.authority()?.as_str().as_bytes(), scheme).ok()?;
    let mut fields = HeaderMap::new();
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(ENCODINGS));
    Some(Request {
        method: Method::GET,
        scheme,
        authority,
        target: uri.path_and_query()?.clone(),
        fields,
        version: Version::HTTP_11,
        length: Length::None,
        expects_continue: false,
        upgrade: false,
        client_certificate: None,
        fingerprints: None,
        child: None,
        ruled: None,
    })
}

fn blocked(measure: &ProvedMeasure) -> Step {
    let (id, until) = (measure.id(), measure.expires());
    Step::new("measure", format!("decision {id} blocks this host until {until}; the origin is not asked"))
}

async fn explain_routed(shared: &Shared, routed: &Routed<'_>, told: &mut Explanation) {
    let key = &routed.key;
    let (scheme, host) = (key.scheme.as_str(), key.host);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = key.port.map_or(String::new(), |port| format!(":{port}"));
    let query = key.query.map_or(String::new(), |query| format!("?{}", query.escape_ascii()));
    let text = format!("stored, if at all, as {scheme}://{host}{port}{}{query}", key.path.escape_ascii());
    told.steps.push(Step::new("key", text));
    if let Plan::Bypass(reason) = routed.plan {
        told.verdict = "bypass";
        told.steps.push(Step::because("plan", reason));
        return;
    }
    let revision = shared.cache.held_revision();
    told.steps.push(Step::new("purges", format!("all purges up to revision {revision} hold here")));
    let (stored, verdict) = match shared.cache.load(key, &routed.asked).await {
        Lookup::Absent => {
            marks(shared, key, told);
            return miss(caching::Reason::Absent, told);
        }
        Lookup::OtherVariant => return miss(caching::Reason::Vary, told),
        Lookup::Found(stored) => (Arc::clone(&stored), reuse(&routed.asked, stored.stored(), told.at)),
        Lookup::Soft(stored) => (Arc::clone(&stored), reuse_purged(&routed.asked, stored.stored(), told.at)),
    };
    marks(shared, key, told);
    let facts = facts(&stored, told.at);
    let text = format!("{} with {} bytes, received {}", facts.status, facts.bytes, facts.received);
    told.steps.push(Step::new("store", text));
    let text = format!("{} of {} seconds old", facts.age, facts.lifetime);
    told.steps.push(Step::new("freshness", text));
    explain_verdict(&verdict, told);
    if let Some(text) = forms(&facts) {
        told.steps.push(Step::new("forms", text));
    }
    told.stored = Some(facts);
}

/// What was noted about the key and its origin a moment ago.
fn marks(shared: &Shared, key: &KeyRef<'_>, told: &mut Explanation) {
    let flights = &shared.flights;
    if flights.alone.of_key(key).stands(told.at) {
        let text = "the last answer was for its visitor alone, so for a while each request goes alone";
        told.steps.push(Step::new("origin", text));
    }
    if flights.away.of_site(key.site).stands(told.at) {
        told.steps.push(Step::new("origin", "the site's origin could not be reached a moment ago"));
    }
}

fn miss(reason: caching::Reason, told: &mut Explanation) {
    told.verdict = "miss";
    told.steps.push(Step::because("store", reason));
    told.steps
        .push(Step::new("answer", "the origin would be asked, and the answer stored if it allows that"));
}

fn explain_verdict(verdict: &Reuse, told: &mut Explanation) {
    let step = match verdict {
        Reuse::Fresh { ttl, .. } => {
            told.verdict = "hit";
            Step::new("answer", format!("it would be sent at once, and for {ttl} more seconds"))
        }
        Reuse::Stale { leave, reason, .. } => {
            told.steps.push(Step::because("cache", *reason));
            let (verdict, text) = match leave {
                StaleLeave::WhileRevalidate => {
                    ("stale", "it would be sent at once and revalidated meanwhile")
                }
                StaleLeave::IfError => ("miss", "the origin would be asked first; it is sent if that fails"),
                StaleLeave::Forbidden => {
                    ("miss", "the origin would be asked first; without it, nothing is sent")
                }
            };
            told.verdict = verdict;
            Step::new("answer", text)
        }
        Reuse::Forward(reason) => {
            told.verdict = "miss";
            Step::because("answer", *reason)
        }
    };
    told.steps.push(step);
}

fn forms(facts: &StoredFacts) -> Option<String> {
    let ready = facts.codings.join(", ");
    (!ready.is_empty()).then(|| format!("ready besides identity: {ready}"))
}

fn facts(stored: &StoredResponse, now: Timestamp) -> StoredFacts {
    let known = stored.stored();
    let freshness = known.freshness();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let codings = Coding::ALL.iter().filter(|coding| stored.codings().ready(**coding).is_some());
    StoredFacts {
        status: stored.status().as_u16(),
        bytes: known.length(),
        received: freshness.received(),
        age: freshness.age(now).as_secs(),
        lifetime: freshness.lifetime().as_secs(),
        ttl: freshness.remaining(now),
        etag: known.validators().etag().map(text),
        varies: !known.variant().is_empty(),
        sliced: stored.body().whole().is_none(),
        tags: known.tags().each().map(text).collect(),
        codings: codings.map(|coding| coding.name()).collect(),
    }
}
