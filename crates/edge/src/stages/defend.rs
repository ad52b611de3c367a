//! Admitted → Defended: what the site's shield says of a request, and what its rules make of it.
//!
//! The shield's own state and order are the crate `guard`'s. It comes after [`super::admit`], so that a measure in
//! force is never hidden behind a challenge, and after [`super::approach`], so that nobody is challenged before being
//! sent to HTTPS.

use super::Admitted;
use super::approach::is_proof;
use super::identify::Identified;
use crate::authority::Scheme;
use crate::reasons::Reason;
use crate::request::{Request, Ruled};
use crate::trail::{Counting, Trail};
use crate::worker::{Shared, Worker};
use caching::{Rules, TtlRule};
use geo::Location;
use guard::{Asked, COOKIE, COOKIE_OVER_TLS, Errand, Handed, Passage, Refusal, Ruling, SEEN, SEEN_OVER_TLS};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Version, header};
use shield::rules::{CacheSetting, Change};
use shield::{BotClass, Response, Source};
use snapshot::Site;
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::Timestamp;

/// What became of a request.
pub(crate) enum Defence {
    /// It goes on, as rules have changed it; none: as it came.
    Open(Option<Box<Request>>),
    /// The shield answers itself.
    Answers(Box<OwnAnswer>),
}

/// What the shield answers itself.
pub(crate) enum OwnAnswer {
    /// A challenge.
    Challenge(Handed),
    /// What an errand of a challenge came to.
    Errand(Errand),
    /// A rule's redirect.
    Redirect { status: u16, location: String },
}

/// Asks the shield.
pub(crate) fn defend(
    worker: &Worker,
    request: &Request,
    identified: &mut Identified,
    admitted: &Admitted,
    trail: &mut Trail,
) -> Result<Defence, Reason> {
    // What comes by another edge has been looked at there.
    if request.child.is_some() {
        return Ok(Defence::Open(None));
    }
    let Some(counters) = trail.counters.clone() else { return Ok(Defence::Open(None)) };
    let serving = worker.shared.serving.load();
    let settings = serving.snapshot.shield(admitted.site());
    let ray = trail.ray;
    let judged = worker.shared.guard.judge(
        &worker.desk,
        &Asked {
            request: view(request, identified.client, trail.started),
            locate: &|address| locate(&worker.shared, address),
            watch: &counters.watch,
            settings,
            gate: serving.snapshot.gate(),
            ray: &ray,
            is_proof: is_proof(request),
        },
    );
    trail.shield = judged.note.map(String::into_boxed_str);
    match judged.ruling {
        Ruling::Pass(passage) => {
            let Passage { changes, counting, class } = passage;
            identified.class = class;
            if !counting.is_empty() {
                let settings = Arc::clone(settings);
                trail.counting = Some(Box::new(Counting { settings, keys: counting }));
            }
            Ok(Defence::Open(changed(request, admitted.site(), changes).map(Box::new)))
        }
        Ruling::Refuse(refusal) => Err(refused(refusal, trail)),
        Ruling::Challenge(handed) => Ok(Defence::Answers(Box::new(OwnAnswer::Challenge(handed)))),
        Ruling::Errand(errand) => Ok(Defence::Answers(Box::new(OwnAnswer::Errand(errand)))),
        Ruling::Redirect { status, location } => {
            Ok(Defence::Answers(Box::new(OwnAnswer::Redirect { status, location })))
        }
    }
}

/// Counts the answer to a request for the rate rules that count answers.
pub(crate) fn count_answer(
    worker: &Worker,
    request: &Request,
    trail: &Trail,
    status: u16,
    fields: Option<&HeaderMap>,
) {
    let (Some(counting), Some(fields)) = (&trail.counting, fields) else { return };
    let seen = view(request, trail.client, trail.started);
    let seen = shield::Request {
        source: locate(&worker.shared, trail.client),
        response: Some(Response { status, fields }),
        ..seen
    };
    worker.shared.guard.count_answer(&worker.desk, &counting.settings, &seen, &counting.keys);
}

/// A request as the shield sees it.
pub(crate) fn view(request: &Request, client: IpAddr, at: Timestamp) -> shield::Request<'_> {
    shield::Request {
        method: request.method.as_str(),
        host: request.authority.host().as_str(),
        target: request.target.as_str(),
        secure: request.scheme == Scheme::Https,
        version: match request.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_3 => "HTTP/3",
            _ => "HTTP/1.1",
        },
        fields: &request.fields,
        source: Source::at(client),
        tls_fingerprint: request.fingerprints.as_ref().and_then(|own| own.tls()),
        http2_fingerprint: request.fingerprints.as_ref().and_then(|own| own.http2()),
        bot: BotClass::Unknown,
        at,
        response: None,
    }
}

/// Where an address lies, as far as anybody here knows.
fn locate(shared: &Shared, address: IpAddr) -> Source {
    let Location { country, continent, asn } = shared.places.locate(address);
    Source { country, continent, asn, ..Source::at(address) }
}

fn refused(refusal: Refusal, trail: &mut Trail) -> Reason {
    match refusal {
        Refusal::Banned => Reason::Banned,
        Refusal::Rule => Reason::RuleBlocked,
        Refusal::Attack => Reason::AttackBlocked,
        Refusal::Rate(seconds) => {
            trail.retry_after = Some(seconds);
            Reason::RateLimited
        }
    }
}

/// The request as rules have changed it, and without the shield's own cookie; none where it stays as it came.
fn changed(request: &Request, site: &Site, changes: Vec<Change>) -> Option<Request> {
    let carries_ours = request.fields.get_all(header::COOKIE).iter().any(is_ours);
    if changes.is_empty() && !carries_ours {
        return None;
    }
    let mut own = request.clone();
    if carries_ours {
        without_our_cookie(&mut own.fields);
    }
    for change in changes {
        apply(change, &mut own, site);
    }
    Some(own)
}

fn apply(change: Change, request: &mut Request, site: &Site) {
    match change {
        // The rules make a path and a query of visible ASCII; what is none all the same stays as it was.
        Change::Target(target) => {
            if let Ok(target) = PathAndQuery::try_from(target) {
                request.target = target;
            }
        }
        Change::SetHeader(name, value) => drop(request.fields.insert(name, value)),
        Change::RemoveHeader(name) => drop(request.fields.remove(name)),
        Change::Cache(setting) => {
            let ruled = request.ruled.get_or_insert_default();
            // A lifetime does not make another origin's answers ones of this key.
            ruled.passes_cache = setting == CacheSetting::Bypass || ruled.origin.is_some();
            ruled.cache_rules = match setting {
                CacheSetting::TimeToLive(seconds) => Some(lifetime(&site.cache_rules, seconds)),
                CacheSetting::Bypass | CacheSetting::Usual => None,
            };
        }
        Change::Origin(place) => {
            let ruled = request.ruled.get_or_insert_default();
            // Another origin may have something else at the same address, and the key does not tell them apart.
            *ruled.as_mut() = Ruled { passes_cache: true, origin: Some(place.into()), ..Ruled::default() };
        }
    }
}

/// The site's rules with a lifetime before all others.
fn lifetime(rules: &Rules, seconds: u32) -> Rules {
    let mut rules = rules.clone();
    rules.ttl.insert(0, TtlRule { path: "/".to_owned(), status: None, ttl_seconds: seconds });
    rules
}

fn is_ours(line: &HeaderValue) -> bool {
    [COOKIE, SEEN].iter().any(|own| memchr::memmem::find(line.as_bytes(), own.as_bytes()).is_some())
}

/// Takes the shield's cookie out: it is nothing to the origin, and must not make the visitor one who is known.
fn without_our_cookie(fields: &mut HeaderMap) {
    let lines: Vec<_> = fields.get_all(header::COOKIE).iter().cloned().collect();
    fields.remove(header::COOKIE);
    for line in lines {
        let is_other = |pair: &&[u8]| {
            let name = pair.trim_ascii().split(|byte| *byte == b'=').next().unwrap_or_default();
            ![COOKIE, COOKIE_OVER_TLS, SEEN, SEEN_OVER_TLS].iter().any(|own| own.as_bytes() == name)
        };
        let others: Vec<_> = line.as_bytes().split(|byte| *byte == b';').filter(is_other).collect();
        let joined = others.join(&b';');
        if let Ok(value) = HeaderValue::from_bytes(joined.trim_ascii())
            && !value.is_empty()
        {
            fields.append(header::COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::framing::{HeadMemory, HeadReader};
    use bytes::BytesMut;
    use snapshot::fixture::Mote;

    #[test]
    fn what_another_origin_says_is_never_kept_in_whichever_order_rules_say_so() {
        let site = Mote::found(1, Timestamp::from_secs(1)).site(&["a.test"], 1);
        let origin = || Change::Origin(1);
        let cache = || Change::Cache(CacheSetting::TimeToLive(60));
        for changes in [vec![origin(), cache()], vec![cache(), origin()], vec![origin()]] {
            let mut buffer = BytesMut::from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
            let head = HeadReader::default().read(&mut buffer, &mut HeadMemory::default(), Scheme::Http);
            let request = head.expect("well-formed").expect("whole").request;
            let ruled = changed(&request, &site, changes).and_then(|own| own.ruled).expect("rules");
            assert!(ruled.passes_cache && ruled.origin == Some(1));
        }
    }

    #[test]
    fn the_shields_cookie_is_taken_out_and_nothing_else() {
        for (line, left) in [
            ("wm_clearance=abc", None),
            ("a=b; wm_clearance=abc; c=d", Some("a=b; c=d")),
            ("a=b; __Host-wm_clearance=abc; wm_clearance=x", Some("a=b")),
            ("wm_clearance=abc; c=wm_clearance", Some("c=wm_clearance")),
            ("xwm_clearance=1", Some("xwm_clearance=1")),
            ("a=b; wm_seen=abc; __Host-wm_seen=x; c=d", Some("a=b; c=d")),
        ] {
            let mut fields = HeaderMap::new();
            fields.append(header::COOKIE, HeaderValue::from_static(line));
            without_our_cookie(&mut fields);
            assert_eq!(fields.get(header::COOKIE).and_then(|value| value.to_str().ok()), left, "{line}");
        }
    }
}
