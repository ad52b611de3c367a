//! Events made of requests: what was done, because of what, who undoes it.

use crate::Guard;
use crate::ruling::{Asked, Refusal};
use crate::watch::{Acting, Watch};
use crate::words;
use shield::Request;
use shield::adaptive::{Evidence, Stage, Undone};
use shield::budgets::Breach;
use shield::events::{EventCause, EventClient, EventKind, EventRecord};
use shield::rules::RuleFault;
use siphasher::sip::SipHasher13;
use snapshot::{Cause, Subject};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::{SiteId, Timestamp};

/// What was done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    Refused(Refusal),
    Challenged,
    Logged,
}

impl Note {
    fn kind(self) -> EventKind {
        match self {
            Self::Refused(Refusal::Rate(_)) => EventKind::Limited,
            Self::Refused(_) => EventKind::Blocked,
            Self::Challenged => EventKind::Challenged,
            Self::Logged => EventKind::Logged,
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Refused(Refusal::Banned) => "banned",
            Self::Refused(Refusal::Rule) => "blocked-by-rule",
            Self::Refused(Refusal::Rate(_)) => "rate-limited",
            Self::Refused(Refusal::Attack) => "blocked-as-attack",
            Self::Challenged => "challenged",
            Self::Logged => "logged-by-rule",
        }
    }
}

/// What asked for it.
#[derive(Debug, Clone)]
pub(crate) enum Because {
    Rule(String),
    Entry(u64, String),
    List(String),
    Signature(Arc<Acting>),
    UnderAttack(&'static str),
    /// It says that it is a browser, and lacks what that browser sends; on the profile `strict` that is enough.
    Impostor,
}

impl Because {
    pub(crate) fn rule(name: &str) -> Self {
        Self::Rule(name.to_owned())
    }

    pub(crate) fn ban(cause: Cause<'_>) -> Self {
        match cause {
            Cause::Entry(entry) => {
                let what = match entry.subject {
                    Subject::Network(network) => network.to_string(),
                    Subject::Asn(number) => format!("AS{number}"),
                };
                Self::Entry(entry.number, format!("{what} is banned until {}: {}", entry.until, entry.reason))
            }
            Cause::List(name) => Self::List(name.to_owned()),
        }
    }

    pub(crate) fn signature(acting: &Arc<Acting>) -> Self {
        Self::Signature(Arc::clone(acting))
    }

    /// The number of the signature; 0 for all else.
    pub(crate) fn number(&self) -> u64 {
        if let Self::Signature(acting) = self { acting.number } else { 0 }
    }

    fn cause(&self) -> EventCause {
        match self {
            Self::Rule(name) => EventCause::Rule(name.clone()),
            Self::Entry(number, _) => EventCause::Entry(*number),
            Self::List(name) => EventCause::List(name.clone()),
            Self::Signature(acting) => EventCause::Signature(acting.id()),
            Self::UnderAttack(whose) => EventCause::UnderAttack(whose),
            Self::Impostor => EventCause::Profile("strict"),
        }
    }

    /// Why, in a sentence.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Rule(name) => format!("the site's rule {name:?} says so"),
            Self::Entry(_, text) => text.clone(),
            Self::List(name) => format!("it is on the operator's list {name:?}"),
            Self::Signature(acting) => {
                format!("it matches the signature {} of an attack: {}", acting.id(), acting.words())
            }
            Self::UnderAttack("owner") => "the site's owner has every visitor challenged".to_owned(),
            Self::UnderAttack("operator") => {
                "the operator has every visitor of the site challenged".to_owned()
            }
            Self::UnderAttack(_) => "the site is under an attack that its signatures do not cover".to_owned(),
            Self::Impostor => "it says that it is a browser and lacks what that browser sends".to_owned(),
        }
    }

    /// Who or what undoes it.
    fn undo(&self) -> &'static str {
        match self {
            Self::Rule(_) => "the site's owner changes the rule",
            Self::Entry(..) | Self::List(_) => "the operator ends the ban, or allows the address",
            Self::Signature(_) => {
                "it ends by itself a minute after the last match; the operator or the owner undoes the signature"
            }
            Self::UnderAttack("automatic") => "it ends by itself when the origin does well again",
            Self::UnderAttack(_) => "whoever has switched it on switches it off",
            Self::Impostor => {
                "the site's owner sets the profile to balanced, or allows the program by a rule"
            }
        }
    }

    /// The same for events that are alike.
    fn alike(&self, site: SiteId, kind: EventKind) -> u64 {
        let mut hasher = SipHasher13::new();
        (site, kind.name()).hash(&mut hasher);
        match self {
            Self::Rule(name) | Self::List(name) => name.hash(&mut hasher),
            Self::Entry(number, _) => number.hash(&mut hasher),
            Self::Signature(acting) => acting.number.hash(&mut hasher),
            Self::UnderAttack(whose) => whose.hash(&mut hasher),
            Self::Impostor => 0u8.hash(&mut hasher),
        }
        hasher.finish()
    }
}

impl Guard {
    /// Notes what was done to a request, or would have been.
    pub(crate) fn note(&self, asked: &Asked<'_>, note: &Note, because: &Because, acted: bool) {
        let (site, at, kind) = (asked.watch.site(), asked.request.at, note.kind());
        self.events.note(because.alike(site, kind), at, |number, stands_for| EventRecord {
            number,
            at,
            site: Some(site),
            ray: Some(asked.ray.to_string()),
            what: kind,
            acted,
            reason: note.reason(),
            cause: because.cause(),
            why: because.text(),
            evidence: String::new(),
            undo: because.undo().to_owned(),
            client: Some(words::client(&asked.request)),
            request: Some(words::request(&asked.request)),
            stands_for,
        });
    }

    /// Notes that a rule was disabled.
    pub(crate) fn note_disabled(&self, asked: &Asked<'_>, rule: &str, fault: RuleFault) {
        self.events.note_state(|number| EventRecord {
            ray: Some(asked.ray.to_string()),
            client: Some(words::client(&asked.request)),
            request: Some(words::request(&asked.request)),
            ..state(number, asked.watch.site(), asked.request.at, EventKind::RuleDisabled, "rule-disabled")
                .because(EventCause::Rule(rule.to_owned()))
                .says(
                    format!("the rule kept failing and was disabled: {}", fault.text()),
                    String::new(),
                    "the site's owner corrects the rule",
                )
        });
    }

    /// Notes that a visitor's connection was ended because of the frames that came by it.
    pub fn note_breach(&self, client: IpAddr, breach: Breach, at: Timestamp) {
        let mut hasher = SipHasher13::new();
        breach.name().hash(&mut hasher);
        self.events.note(hasher.finish(), at, |number, stands_for| EventRecord {
            number,
            at,
            site: None,
            ray: None,
            what: EventKind::Closed,
            acted: true,
            reason: breach.name(),
            cause: EventCause::Budget(breach.name()),
            why: "more frames of a kind came by one connection than any honest program sends".to_owned(),
            evidence: String::new(),
            undo: "nothing has to be undone: the visitor may connect again".to_owned(),
            client: Some(EventClient { address: client, country: None, asn: None, tls: None }),
            request: None,
            stands_for,
        });
    }

    /// Notes that a request had no place at its origin, nor one to wait in for long enough.
    pub fn note_overload(&self, watch: &Watch, request: &Request<'_>, ray: &dyn std::fmt::Display) {
        let (site, at, reason) = (watch.site(), request.at, "origin-overloaded");
        let mut hasher = SipHasher13::new();
        (site, reason).hash(&mut hasher);
        self.events.note(hasher.finish(), at, |number, stands_for| EventRecord {
            number,
            at,
            site: Some(site),
            ray: Some(ray.to_string()),
            what: EventKind::Limited,
            acted: true,
            reason,
            cause: EventCause::Budget("origin-places"),
            why: "the origin has as many requests as it does well with, and too many wait already".to_owned(),
            evidence: String::new(),
            undo: "it ends by itself as soon as the origin answers sooner or less is asked of it".to_owned(),
            client: Some(words::client(request)),
            request: Some(words::request(request)),
            stands_for,
        });
    }

    /// Notes that a signature was found, went a step further, or ended.
    pub(crate) fn note_signature(&self, watch: &Watch, acting: &Acting, turn: SignatureTurn, at: Timestamp) {
        self.events.note_state(|number| {
            state(number, watch.site(), at, EventKind::Signature, turn.reason())
                .because(EventCause::Signature(acting.id()))
                .says(
                    format!("{}: {}", turn.text(), acting.words()),
                    turn.evidence(acting),
                    "it ends by itself a minute after the last match; the operator or the owner undoes it",
                )
        });
    }

    /// Notes that every visitor of a site is challenged, or no longer.
    pub(crate) fn note_alarm(&self, watch: &Watch, began: bool, at: Timestamp) {
        let (why, reason) = match began {
            true => (
                "the origin is still in distress although signatures are acted upon: every visitor is challenged",
                "under-attack-began",
            ),
            false => ("the origin does well again, or the longest time is over", "under-attack-ended"),
        };
        self.events.note_state(|number| {
            state(number, watch.site(), at, EventKind::UnderAttack, reason)
                .because(EventCause::UnderAttack("automatic"))
                .says(why.to_owned(), String::new(), "it ends by itself; the owner sets under_attack to off")
        });
    }
}

/// What happened to a signature.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignatureTurn {
    Began(Evidence),
    Became(Stage),
    Ended(Undone),
}

impl SignatureTurn {
    fn reason(self) -> &'static str {
        match self {
            Self::Began(_) => "signature-found",
            Self::Became(_) => "signature-step",
            Self::Ended(_) => "signature-ended",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Began(_) => "what an attack has in common was found, and is tried",
            Self::Became(Stage::Canary) => "one request in a hundred that matches is challenged",
            Self::Became(Stage::Challenge) => "every request that matches is challenged",
            Self::Became(Stage::Block) => "every request that matches is blocked",
            Self::Ended(Undone::Forgotten) => "nothing has matched for a minute, so it was forgotten",
            Self::Ended(Undone::Mistaken) => "too many of those challenged have passed, so it was undone",
            Self::Ended(Undone::Harmless) => {
                "the origin did well with it when it was tried again, so it was undone until the origin does not"
            }
            Self::Ended(Undone::ByHand) => "somebody has undone it",
        }
    }

    fn evidence(self, acting: &Acting) -> String {
        match self {
            Self::Began(evidence) => {
                let Evidence { distress, rate: (now, usual), coverage, usual_share, lift } = evidence;
                let origin = if distress { "the origin is in distress" } else { "the origin is well" };
                format!(
                    "{origin}; {now:.0} requests a second where {usual:.0} are usual; it covers {:.0} % of the excess \
                     and meets at most {:.1} % of usual visitors; its program is {lift:.0} times as frequent as usual",
                    coverage * 100.0,
                    usual_share * 100.0
                )
            }
            Self::Became(_) | Self::Ended(_) => {
                let [matched, challenged, passed] = acting.total();
                format!("{matched} requests matched, {challenged} were challenged, {passed} of them passed")
            }
        }
    }
}

/// An event of the shield's own state, to be completed.
fn state(number: u64, site: SiteId, at: Timestamp, what: EventKind, reason: &'static str) -> Draft {
    Draft(EventRecord {
        number,
        at,
        site: Some(site),
        ray: None,
        what,
        acted: true,
        reason,
        cause: EventCause::Budget(""),
        why: String::new(),
        evidence: String::new(),
        undo: String::new(),
        client: None,
        request: None,
        stands_for: 1,
    })
}

struct Draft(EventRecord);

impl Draft {
    fn because(mut self, cause: EventCause) -> Self {
        self.0.cause = cause;
        self
    }

    fn says(mut self, why: String, evidence: String, undo: &str) -> EventRecord {
        self.0.why = why;
        self.0.evidence = evidence;
        self.0.undo = undo.to_owned();
        self.0
    }
}
