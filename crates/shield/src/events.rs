//! What the shield did, for people: one record for each refusal, each mitigation and each change of its own state.
//!
//! Owns the records' shape and the conditions that a rule can be made of from one. Must not know where records
//! are kept or how many of them.

use crate::rules::RULE_NAME_BYTES_MAX;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::IpAddr;
use vocabulary::{SiteId, Timestamp};

/// Something that the shield did, or would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRecord {
    /// Counted up by the edge that made it.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// At which site; none where the connection told none.
    pub site: Option<SiteId>,
    /// The request's ray, as in `wardmote-ray`; none where there was no request.
    pub ray: Option<String>,
    /// What was done.
    pub what: EventKind,
    /// Whether it was done: under the profile `monitor` it is only noted.
    pub acted: bool,
    /// The reason's stable name.
    pub reason: &'static str,
    /// What asked for it.
    pub cause: EventCause,
    /// Why, in a sentence for people.
    pub why: String,
    /// What was seen, in a sentence; empty where the reason says it all.
    pub evidence: String,
    /// Who or what undoes it, in a sentence.
    pub undo: String,
    /// Who asked.
    pub client: Option<EventClient>,
    /// What was asked for.
    pub request: Option<EventRequest>,
    /// Of how many like it this is the one that was kept; 1: all are.
    pub stands_for: u32,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Answered with a refusal.
    Blocked,
    /// Answered with a challenge.
    Challenged,
    /// Refused because of a rate.
    Limited,
    /// Let through because an allowance beats what else said no.
    Allowed,
    /// A rule wanted it noted.
    Logged,
    /// A connection or stream was ended.
    Closed,
    /// A challenge was passed.
    Passed,
    /// A signature was found, went a step further, or ended.
    Signature,
    /// Every visitor of a site is challenged, or no longer.
    UnderAttack,
    /// A rule was disabled because it kept failing.
    RuleDisabled,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Blocked,
        Self::Challenged,
        Self::Limited,
        Self::Allowed,
        Self::Logged,
        Self::Closed,
        Self::Passed,
        Self::Signature,
        Self::UnderAttack,
        Self::RuleDisabled,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Challenged => "challenged",
            Self::Limited => "limited",
            Self::Allowed => "allowed",
            Self::Logged => "logged",
            Self::Closed => "closed",
            Self::Passed => "passed",
            Self::Signature => "signature",
            Self::UnderAttack => "under-attack",
            Self::RuleDisabled => "rule-disabled",
        }
    }

    /// The kind of a stable name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum EventCause {
    /// A rule of the site.
    Rule(String),
    /// An entry of the operator, by its number.
    Entry(u64),
    /// A list of the operator.
    List(String),
    /// A signature, by the id that [`ActiveSignature::id`] gives.
    Signature(String),
    /// The switch for a site under attack: `owner`, `operator` or `automatic`.
    UnderAttack(&'static str),
    /// The profile, by its name.
    Profile(&'static str),
    /// A budget of the edge, by its name.
    Budget(&'static str),
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventClient {
    /// The address.
    pub address: IpAddr,
    /// ISO 3166-1 alpha-2, where it is known.
    pub country: Option<String>,
    /// The autonomous system, where it is known.
    pub asn: Option<u32>,
    /// The TLS fingerprint, where there is one.
    pub tls: Option<String>,
}

/// What was asked for. Texts come from visitors: each is cut to 512 bytes, and is shown as text alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRequest {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// Path and query.
    pub target: String,
    /// The user agent; empty without one.
    pub user_agent: String,
}

/// A signature that is acted upon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveSignature {
    /// How it is named in events and where it is undone: 16 hexadecimal digits.
    pub id: String,
    /// At which site.
    pub site: SiteId,
    /// What its requests share.
    pub items: Vec<SignatureItem>,
    /// How far it has gone: `canary`, `challenge` or `block`.
    pub stage: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Whether the origin was in distress when it was found.
    pub distress: bool,
    /// Requests a second when it was found, and usually.
    pub rate: (f32, f32),
    /// The part of the excess that it covers.
    pub coverage: f32,
    /// The share of usual visitors that it may meet, estimated from above.
    pub usual_share: f32,
    /// Requests that matched.
    pub matched: u64,
    /// Challenges given.
    pub challenged: u32,
    /// Challenges passed.
    pub passed: u32,
}

/// One thing that the requests of a signature share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureItem {
    /// [`crate::adaptive::Attribute::name`].
    pub attribute: &'static str,
    /// The value, as one matching request had it; none where only its hash is known.
    pub value: Option<String>,
}

/// A condition that a rule can be made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What it looks at.
    pub label: &'static str,
    /// In the rules language.
    pub expression: String,
}

impl EventRecord {
    /// The conditions that the request of this event fulfils, each by itself, the narrowest first.
    pub fn suggestions(&self) -> Vec<Suggestion> {
        let mut all = Vec::new();
        let mut add = |label, expression| all.push(Suggestion { label, expression });
        if let Some(client) = &self.client {
            add("address", format!("ip.src eq {}", client.address));
            add("network", format!("ip.src in {{{}}}", network(client.address)));
            if let Some(tls) = &client.tls {
                add("TLS fingerprint", format!("tls.fingerprint eq {}", quoted(tls)));
            }
            if let Some(asn) = client.asn {
                add("autonomous system", format!("ip.src.asnum eq {asn}"));
            }
            if let Some(country) = &client.country {
                add("country", format!("ip.src.country eq {}", quoted(country)));
            }
        }
        if let Some(request) = &self.request {
            let path = request.target.split('?').next().unwrap_or_default();
            add("path", format!("http.request.uri.path eq {}", quoted(path)));
            add("user agent", format!("http.user_agent eq {}", quoted(&request.user_agent)));
        }
        all
    }

    /// A name for a rule made from it.
    pub fn rule_name(&self) -> String {
        let mut name = format!("from-event-{}", self.number);
        name.truncate(RULE_NAME_BYTES_MAX);
        name
    }
}

/// The /24 or /48 around an address.
fn network(address: IpAddr) -> String {
    let bits = if address.is_ipv4() { 24 } else { 48 };
    format!("{}/{bits}", crate::lists::network(address, bits))
}

/// A string of the rules language: whatever is no visible ASCII is written as its bytes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::{Condition, Phase};
    use crate::lists::Lists;
    use crate::request::{BotClass, Request, Source};
    use crate::{Scratch, rules};
    use http::HeaderMap;

    fn record(user_agent: &str) -> EventRecord {
        EventRecord {
            number: 7,
            at: Timestamp::from_secs(1_700_000_000),
            site: None,
            ray: Some("00ff00ff00ff00ff".to_owned()),
            what: EventKind::Blocked,
            acted: true,
            reason: "rule",
            cause: EventCause::Rule("r".to_owned()),
            why: String::new(),
            evidence: String::new(),
            undo: String::new(),
            client: Some(EventClient {
                address: "192.0.2.77".parse().expect("an address"),
                country: Some("DE".to_owned()),
                asn: Some(64_500),
                tls: Some("t13d1516h2".to_owned()),
            }),
            request: Some(EventRequest {
                method: "GET".to_owned(),
                host: "a.test".to_owned(),
                target: "/x\\y?z=1".to_owned(),
                user_agent: user_agent.to_owned(),
            }),
            stands_for: 1,
        }
    }

    #[test]
    fn every_suggestion_compiles_and_holds_for_the_request_it_was_made_from() {
        for user_agent in ["curl/8", "", "a \"quoted\" \\ one", "gr\u{fc}\u{df}e"] {
            let event = record(user_agent);
            let client = event.client.clone().expect("a client");
            let value = http::HeaderValue::from_bytes(user_agent.as_bytes()).expect("a value");
            let fields = HeaderMap::from_iter([(http::header::USER_AGENT, value)]);
            let request = Request {
                method: "GET",
                host: "a.test",
                target: &event.request.as_ref().expect("a request").target,
                secure: true,
                version: "HTTP/2",
                fields: &fields,
                source: Source { country: Some(*b"DE"), asn: client.asn, ..Source::at(client.address) },
                tls_fingerprint: client.tls.as_deref(),
                http2_fingerprint: None,
                bot: BotClass::Unknown,
                at: event.at,
                response: None,
            };
            let suggested = event.suggestions();
            assert_eq!(suggested.len(), 7);
            for Suggestion { label, expression } in suggested {
                let lists = Lists::none();
                let condition = Condition::parse(&expression, Phase::Request, &lists)
                    .unwrap_or_else(|error| panic!("{label}: {expression}: {error}"));
                let mut scratch = Scratch::default();
                scratch.begin();
                assert_eq!(condition.holds(&request, &lists, &mut scratch), Ok(true), "{expression}");
            }
        }
        assert!(record("x").rule_name().len() <= rules::RULE_NAME_BYTES_MAX);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::named(kind.name()), Some(kind));
        }
        assert_eq!(EventKind::named("else"), None);
    }
}
