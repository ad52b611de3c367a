//! Fetching through a parent edge.
//!
//! An edge may name a parent: what may be stored is then asked of the parent, whose cache many children share,
//! and only where the parent is away of the origin. Between them travels one field, `Wardmote-Tier`, with what
//! the connection does not show: the visitor's scheme and the purges the child has seen.
//!
//! Invariants: the field is believed from the named children only and never reaches an origin: a proxy that is trusted to
//! name visitors passes on what they write; a request that
//! has passed this node before, or too many, goes round in a circle and is refused (RFC 8586); a parent that
//! has seen fewer purges than its child neither answers from its cache nor stores.

use crate::authority::{Authority, Scheme};
use crate::figures::add;
use crate::origin::Member;
use crate::origin_request::CDN_LOOP;
use crate::ports::{NAME, RAY_FIELD};
use crate::request::Request;
use crate::worker::Shared;
use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use vocabulary::{Clock, Random, Timestamp};

/// The field between a child and its parent.
pub(crate) const TIER_FIELD: &str = "wardmote-tier";
pub(crate) const TIER: HeaderName = HeaderName::from_static(TIER_FIELD);
/// Edges that a request may pass.
const HOPS_MAX: usize = 4;
/// How long a parent that was away is not asked again.
const AWAY_TIME: Duration = Duration::from_secs(5);
/// How long a connection to a parent may take.
pub(crate) const PARENT_CONNECT_TIME_MAX: Duration = Duration::from_secs(1);

/// This node's place among the tiers.
pub(crate) struct Tier {
    /// Told apart from every other node by chance: 64 bits.
    node: u64,
    parent: Option<Member>,
    /// Until when the parent is taken to be away, in milliseconds.
    away_until: AtomicI64,
    pub(crate) answers: AtomicU64,
    pub(crate) refusals: AtomicU64,
    failures: AtomicU64,
}

/// What became of requests to the parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParentFigures {
    /// It answered for the site.
    pub answers: u64,
    /// It refused, or could not reach the origin itself; the origin was asked.
    pub refusals: u64,
    /// It did not answer; the origin was asked, and for a while the parent is left alone.
    pub failures: u64,
}

/// What a child says with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child {
    /// It has seen purges that have not come here yet.
    pub(crate) is_ahead: bool,
}

/// What goes to a parent with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToParent {
    node: u64,
    scheme: Scheme,
    purged: u64,
}

impl Tier {
    pub(crate) fn new(parent: Option<Member>, random: &dyn Random) -> Self {
        Self {
            node: u64::from_le_bytes(random.bytes()),
            parent,
            away_until: AtomicI64::new(i64::MIN),
            answers: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// The parent to ask, unless there is none or it was away just now.
    pub(crate) fn parent(&self, clock: &dyn Clock) -> Option<&Member> {
        let parent = self.parent.as_ref()?;
        (clock.now().as_millis() >= self.away_until.load(Ordering::Relaxed)).then_some(parent)
    }

    /// The parent did not answer: it is left alone for a while.
    pub(crate) fn parent_is_away(&self, now: Timestamp) {
        add(&self.failures, 1);
        tracing::warn!(
            parent = self.parent.as_ref().map(tracing::field::display),
            "the parent edge is away; origins are asked"
        );
        self.away_until.store(now.plus(AWAY_TIME).as_millis(), Ordering::Relaxed);
    }

    /// What became of requests to the parent.
    pub(crate) fn figures(&self) -> ParentFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (answers, refusals) = (read(&self.answers), read(&self.refusals));
        ParentFigures { answers, refusals, failures: read(&self.failures) }
    }

    /// What to tell the parent.
    pub(crate) fn to_parent(&self, shared: &Shared, request: &Request) -> ToParent {
        ToParent { node: self.node, scheme: request.scheme, purged: purges_seen(shared) }
    }

    /// Whether a request that came by way of other nodes may go on from here.
    fn lets_pass(&self, fields: &HeaderMap) -> bool {
        let own = format!("node={:016x}", self.node);
        let lines = fields.get_all(CDN_LOOP).iter();
        let hops = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let mut ours = 0;
        for hop in hops {
            let mut parts = hop.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            if parts.next().is_some_and(|name| name.eq_ignore_ascii_case(NAME.as_bytes())) {
                ours += 1;
                if ours > HOPS_MAX || parts.any(|part| part == own.as_bytes()) {
                    return false;
                }
            }
        }
        true
    }
}

impl ToParent {
    /// Writes what a parent hears and an origin does not.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let spelled = spelled(self.scheme, self.purged);
        // Writing to a buffer cannot fail.
        let _ = write!(out.writer(), "cdn-loop: {NAME};node={:016x}\r\n", self.node);
        let _ = write!(out.writer(), "{TIER_FIELD}: {spelled}\r\n");
    }
}

/// The revision of the last purge that holds here.
fn purges_seen(shared: &Shared) -> u64 {
    shared.cache.held_revision()
}

/// A child's request as its visitor made it; none where the request is no child's, which is nearly always.
pub(crate) fn adopt(shared: &Shared, peer: IpAddr, request: &Request) -> Option<Request> {
    let field = request.fields.get(TIER)?;
    let is_child = shared.children.iter().any(|network| network.contains(peer));
    // What a visitor made up goes no further than here, and what has been here already is refused as before.
    if !is_child || !shared.tier.lets_pass(&request.fields) {
        return None;
    }
    let (scheme, purged) = read(field.as_bytes())?;
    let mut adopted = request.clone();
    adopted.fields.remove(TIER);
    adopted.authority = Authority::parse(request.authority.as_str().as_bytes(), scheme).ok()?;
    adopted.scheme = scheme;
    adopted.child = Some(Child { is_ahead: purged > purges_seen(shared) });
    Some(adopted)
}

/// The field's value.
pub(crate) fn spelled(scheme: Scheme, purged: u64) -> String {
    format!("scheme={}, purged={purged}", scheme.as_str())
}

/// Reads the field's value in its one spelling.
pub(crate) fn read(field: &[u8]) -> Option<(Scheme, u64)> {
    let text = std::str::from_utf8(field).ok()?;
    let (scheme, purged) = text.split_once(", ")?;
    let scheme = match scheme {
        "scheme=http" => Scheme::Http,
        "scheme=https" => Scheme::Https,
        _ => return None,
    };
    let purged = purged.strip_prefix("purged=")?.parse().ok()?;
    (spelled(scheme, purged) == text).then_some((scheme, purged))
}

/// Whether an answer is the parent's own and not the site's: the parent does not know the site, is in a circle,
/// or could not reach the origin, which this node can try itself.
pub(crate) fn is_parents_own(status: StatusCode, fields: &HeaderMap) -> bool {
    let refused = status.is_server_error() || status == StatusCode::MISDIRECTED_REQUEST;
    let speaks_for_site = |line: &HeaderValue| {
        let line = line.as_bytes();
        let says = |words: &[u8]| line.windows(words.len()).any(|window| window == words);
        line.starts_with(NAME.as_bytes()) && (says(b"; fwd-status=") || says(b"; hit"))
    };
    refused && !fields.get_all("cache-status").iter().any(speaks_for_site)
}

/// What a parent's answer says of the parent alone.
pub(crate) fn strip(fields: &mut HeaderMap) {
    fields.remove(RAY_FIELD);
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::{ManualClock, SeededRandom};

    fn fields(hops: &[&str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for hop in hops {
            fields.append(CDN_LOOP, HeaderValue::from_str(hop).expect("a value"));
        }
        fields
    }

    #[test]
    fn a_request_passes_each_node_once_and_few_in_all() {
        let tier = Tier::new(None, &SeededRandom::new(1));
        let own = format!("wardmote;node={:016x}", tier.node);
        for (hops, passes) in [
            (vec!["wardmote;node=0000000000000001"], true),
            (vec!["other.test", "wardmote; node=0000000000000001"], true),
            (vec![own.as_str()], false),
            (vec!["wardmote;node=0000000000000001", own.as_str()], false),
            (vec!["wardmote;node=1, wardmote;node=2, wardmote;node=3, wardmote;node=4"], true),
            (vec!["wardmote;node=1, wardmote;node=2, wardmote;node=3, wardmote;node=4, Wardmote"], false),
        ] {
            assert_eq!(tier.lets_pass(&fields(&hops)), passes, "{hops:?}");
        }
    }

    #[test]
    fn what_goes_to_a_parent_names_this_node_and_what_it_knows() {
        let mut out = BytesMut::new();
        ToParent { node: 0xab, scheme: Scheme::Https, purged: 7 }.write(&mut out);
        let text = String::from_utf8(out.to_vec()).expect("text");
        let (hop, told) = text.split_once("\r\n").expect("two lines");
        assert_eq!(hop, "cdn-loop: wardmote;node=00000000000000ab");
        let told = told.strip_prefix("wardmote-tier: ").expect("the tier field").trim_end();
        assert_eq!(read(told.as_bytes()), Some((Scheme::Https, 7)));
        for text in
            ["", "scheme=ftp, purged=1", "scheme=http", "scheme=http, purged=-1", "scheme=http, purged=+1"]
        {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_failing_origin_is_told_from_a_failing_parent() {
        let bad = StatusCode::BAD_GATEWAY;
        for (status, line, own) in [
            (bad, None, true),
            (bad, Some("wardmote; fwd=uri-miss"), true),
            (bad, Some("wardmote; fwd=uri-miss; fwd-status=502; detail=absent"), false),
            (bad, Some("wardmote; hit; ttl=5"), false),
            (bad, Some("other; fwd=uri-miss; fwd-status=502"), true),
            (StatusCode::MISDIRECTED_REQUEST, None, true),
            (StatusCode::LOOP_DETECTED, None, true),
            (StatusCode::NOT_FOUND, None, false),
        ] {
            let mut fields = HeaderMap::new();
            if let Some(line) = line {
                fields.insert("cache-status", HeaderValue::from_static(line));
            }
            assert_eq!(is_parents_own(status, &fields), own, "{status} {line:?}");
        }
    }

    #[test]
    fn a_parent_that_was_away_is_asked_again_after_a_while() {
        let host = vocabulary::Hostname::parse("p.test").expect("a name");
        let parent = snapshot::Origin::new(snapshot::Scheme::Http, host, 80);
        let tier =
            Tier::new(Some(Member::new(parent, snapshot::OriginTls::default(), 1)), &SeededRandom::new(1));
        let now = Timestamp::from_secs(1000);
        let asked_at = |at| tier.parent(&ManualClock::at(at)).is_some();
        assert!(asked_at(now));
        tier.parent_is_away(now);
        assert!(!asked_at(now.plus(AWAY_TIME / 2)) && asked_at(now.plus(AWAY_TIME)));
        assert_eq!(tier.figures().failures, 1);
    }
}
