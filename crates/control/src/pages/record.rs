//! The public record: every decision, for anyone to read and to check.

use super::{Listed, LogView, Standing, render, words};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::{Ground, Measure, Role, ServiceClass};
use snapshot::Clockwork;
use std::borrow::Borrow;
use std::sync::LazyLock;
use vocabulary::moment::span;
use vocabulary::{Digest, Timestamp};

pub(super) const STYLE: &str =
    concat!(include_str!("../../assets/base.css"), include_str!("../../assets/record.css"));

/// The `Content-Security-Policy` of every page here: no script, nothing fetched, only the page's own style
/// sheet and icon, and forms for this server alone.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
});

/// How many host names a statement lists; the rest stands in the proof. Keeps the page light.
const HOSTS_SHOWN: usize = 200;

/// What all pages of one record share.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The record's address without a path, such as `https://record.example.org`.
    pub public_url: String,
    /// Whether the roster's profile is trial.
    pub trial: bool,
    /// The present.
    pub now: Timestamp,
}

impl Frame {
    pub(super) fn host(&self) -> &str {
        self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, host)| host)
    }

    /// The time between an instant and now, in words.
    fn left(&self, instant: impl Borrow<Timestamp>) -> String {
        span(instant.borrow().since(self.now))
    }

    fn ago(&self, instant: impl Borrow<Timestamp>) -> String {
        span(self.now.since(*instant.borrow()))
    }
}

/// `/record/`: all decisions, newest first.
#[derive(Debug, Clone, Template)]
#[template(path = "record/front.html")]
pub struct Front {
    /// What all pages share.
    pub frame: Frame,
    /// The numbers of the mechanism.
    pub clockwork: Clockwork,
    /// What sets measures aside now.
    pub suspended: Vec<SetAside>,
    /// Decisions about to begin or in force.
    pub running: Vec<Listed>,
    /// Decisions that are over, newest first; the handler bounds the list.
    pub over: Vec<Listed>,
    /// Where the next page of older decisions is, if there are more.
    pub older: Option<String>,
    /// The log.
    pub log: LogView,
}

/// A suspension of every measure without an order.
#[derive(Debug, Clone, Copy)]
pub struct SetAside {
    /// Since when.
    pub since: Timestamp,
    /// When the measures return by themselves; none: they stay aside to the end of their leases.
    pub until: Option<Timestamp>,
    /// The number of its newest entry in the log.
    pub entry: u64,
}

/// A legal demand behind a decision.
#[derive(Debug, Clone)]
pub struct Demand {
    /// Who demanded.
    pub authority: String,
    /// Under which law.
    pub law: String,
    /// Where it is described.
    pub url: String,
}

/// One officer's approval.
#[derive(Debug, Clone)]
pub struct Signer {
    /// In which role.
    pub role: Role,
    /// Under which name.
    pub pseudonym: String,
    /// Of which organisation.
    pub organisation: String,
    /// The public key, as on the roster.
    pub key: String,
}

/// One step in a decision's life.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub time: Timestamp,
    /// What happened, in a few words.
    pub what: String,
    /// The number of its entry in the log, if it is one.
    pub entry: Option<u64>,
}

/// Where a decision stands in the log, and what it is checked against.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The number of its entry, from 0.
    pub entry: u64,
    /// The hash of the entry's leaf (RFC 6962).
    pub leaf: Digest,
    /// The version of the policy it was made under.
    pub policy_version: String,
    /// The hash of that policy.
    pub policy: Digest,
    /// The hash of the roster it was signed under.
    pub roster: Digest,
    /// The hash of the floor compiled into edges and verifiers.
    pub floor: Digest,
}

/// `/record/decisions/ID`: one decision, its reasons and its proof.
#[derive(Debug, Clone, Template)]
#[template(path = "record/statement.html")]
pub struct StatementPage {
    /// What all pages share.
    pub frame: Frame,
    /// The decision's id.
    pub decision: String,
    /// The headline.
    pub title: String,
    /// What happened, in a few sentences.
    pub summary: String,
    /// What was found, one fact each.
    pub facts: Vec<String>,
    /// On what the decision rests.
    pub ground: Ground,
    /// Why the ground holds here.
    pub ground_text: String,
    /// What is done.
    pub measure: Measure,
    /// To which kind of service.
    pub class: ServiceClass,
    /// How it stands.
    pub standing: Standing,
    /// When it was made.
    pub not_before: Timestamp,
    /// When it ends, or ended, by itself.
    pub expires: Timestamp,
    /// Whether authorities were asked: `no`, `informally` or `formally`.
    pub authorities_asked: String,
    /// What it means for visitors.
    pub meaning: String,
    /// How to appeal.
    pub redress: String,
    /// Whom to reach.
    pub contact: String,
    /// The legal demand behind it, if there is one.
    pub demand: Option<Demand>,
    /// How many sites it covers.
    pub sites: u32,
    /// The host names it covers, as patterns; empty once they are withheld.
    pub hosts: Vec<String>,
    /// Who signed.
    pub signers: Vec<Signer>,
    /// What happened when, in order.
    pub steps: Vec<Step>,
    /// Its place in the log.
    pub proof: Proof,
    /// The log.
    pub log: LogView,
}

impl StatementPage {
    fn url(&self) -> String {
        format!("{}/record/decisions/{}", self.frame.public_url, self.decision)
    }

    /// The address behind the contact, when it is a mailbox or a page.
    fn contact_href(&self) -> Option<String> {
        if words::is_web_address(&self.contact) {
            return Some(self.contact.clone());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        let mailbox = self.contact.matches('@').count() == 1 && self.contact.chars().all(plain);
        mailbox.then(|| format!("mailto:{}", self.contact))
    }

    /// What the list of hosts is a list of.
    fn reach(&self) -> &'static str {
        match self.measure {
            Measure::M1 => "Visitors of these are warned",
            Measure::M2 => "A feature is withdrawn from these",
            Measure::M3 => "Addresses of these are disabled",
            Measure::M4 => "Closed by it in some territories",
            _ => "Closed by it",
        }
    }

    /// The part of the lease that is gone, for the bar, in whole percent.
    fn percent_gone(&self) -> u128 {
        let whole = self.expires.since(self.not_before).as_millis().max(1);
        let end = if self.standing.is_over() { self.standing.moment() } else { self.frame.now };
        // Never quite empty, so that the bar is seen to be one.
        (end.since(self.not_before).as_millis() * 100 / whole).clamp(1, 100)
    }
}

/// Any other address of the record.
#[derive(Debug, Clone, Template)]
#[template(path = "record/missing.html")]
pub struct Missing {
    /// What all pages share.
    pub frame: Frame,
}

macro_rules! pages {
    ($($page:ident),*) => {$(
        impl $page {
            /// The whole page, to be sent with [`CONTENT_SECURITY_POLICY`].
            pub fn page(&self) -> String {
                render(self)
            }
        }
    )*};
}

pages!(Front, StatementPage, Missing);
