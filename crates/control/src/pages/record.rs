//! The public record: every decision, for anyone to read and to check.

mod policies;
mod subscribing;
pub(super) mod texts;

pub use policies::{PoliciesPage, PolicyPage, PolicyRow};
pub use subscribing::{LetterTexts, SubscribePage, Subscribing, Wrong};

use super::languages::Lang;
use super::{Listed, LogView, Standing, render, words};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casework::{AppealOutcome, Relation};
use policy::{EndReason, Ground, Measure, Role, ServiceClass};
use snapshot::Clockwork;
use std::borrow::Borrow;
use std::sync::LazyLock;
use std::time::Duration;
use texts::{Texts, texts};
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

/// In which language a page is, and how that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edition {
    /// The language.
    pub lang: Lang,
    /// Whether the reader chose it: then it stands in the address, and in all that the page leads to. Else the browser's
    /// wish decides each time.
    pub chosen: bool,
    /// The page's place below `/record/`, without a language.
    pub page: String,
}

/// What all pages of one record share.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The record's address without a path, such as `https://record.example.org`.
    pub public_url: String,
    /// Whether the roster's profile is trial.
    pub trial: bool,
    /// The present.
    pub now: Timestamp,
    /// The language.
    pub edition: Edition,
}

impl Frame {
    pub(super) fn host(&self) -> &str {
        self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, host)| host)
    }

    pub(super) fn texts(&self) -> &'static Texts {
        texts(self.edition.lang)
    }

    /// The address of a page below `/record/`, in the language that the reader chose.
    pub(crate) fn at(&self, page: impl AsRef<str>) -> String {
        match &self.edition {
            Edition { chosen: true, lang, .. } => format!("/record/{}/{}", lang.code(), page.as_ref()),
            Edition { chosen: false, .. } => format!("/record/{}", page.as_ref()),
        }
    }

    /// Each language: its two letters, its name, this page's address in it, and whether this is it.
    pub(super) fn languages(&self) -> [(&'static str, &'static str, String, bool); 4] {
        Lang::ALL.map(|lang| {
            let address = format!("/record/{}/{}", lang.code(), self.edition.page);
            (lang.code(), texts(lang).name.as_str(), address, lang == self.edition.lang)
        })
    }

    /// How a decision stands, in two or three words.
    pub(super) fn standing(&self, standing: impl Borrow<Standing>) -> &'static str {
        let texts = self.texts();
        match standing.borrow() {
            Standing::Coming { .. } => &texts.coming,
            Standing::InForce { .. } => &texts.in_force,
            Standing::Lapsed { .. } => &texts.lapsed,
            Standing::Lifted { .. } => &texts.lifted,
        }
    }

    /// The attribute of what officers wrote, where it is not in the page's language: statements are in English.
    pub(super) fn as_written(&self) -> &'static str {
        if self.edition.lang == Lang::English { "" } else { " lang=\"en\"" }
    }

    /// The time between an instant and now, in words.
    pub(super) fn left(&self, instant: impl Borrow<Timestamp>) -> String {
        self.texts().within(instant.borrow().since(self.now))
    }

    /// A decision as a letter tells of it: its title, what is done and how it stands, and its address.
    pub(crate) fn line_of_news(&self, listed: &Listed) -> String {
        let texts = self.texts();
        let title: String = listed.title.chars().filter(|letter| !letter.is_control()).collect();
        format!(
            "* {title}\n  {}, {}: {}, {}\n  {}{}\n",
            texts.measure(listed.measure),
            texts.sites(listed.sites),
            self.standing(listed.standing),
            texts.when(listed.standing.moment()),
            self.public_url,
            self.at(listed.address())
        )
    }

    pub(super) fn ago(&self, instant: impl Borrow<Timestamp>) -> String {
        self.texts().past(self.now.since(*instant.borrow()))
    }
}

/// What the operator's cases add up to: no entry of the log shows it, and small counts are not told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MechanismFigures {
    /// From the first attempt to an authority's word that it has the referral, in the middle; none below the least.
    pub acknowledged: Option<Duration>,
    /// Own captures (grades A and B); none below the least.
    pub captures: Option<u64>,
    /// For each condition of the gate, how many cases it closes the gate of for a provisional block; none below the least.
    pub closed: Vec<(&'static str, Option<u64>)>,
    /// For each jurisdiction of the last whole quarter: acknowledgements, and the time in the middle.
    pub jurisdictions: Vec<(String, u64, Duration)>,
    /// The quarter, as `2026 Q3`.
    pub quarter: String,
}

/// `/record/`: all decisions, newest first.
#[derive(Debug, Clone, Template)]
#[template(path = "record/front.html")]
pub struct Front {
    /// What all pages share.
    pub frame: Frame,
    /// The numbers of the mechanism.
    pub clockwork: Clockwork,
    /// Those that only the operator's cases give.
    pub mechanism: MechanismFigures,
    /// What sets measures aside now.
    pub suspended: Vec<SetAside>,
    /// Decisions about to begin or in force.
    pub running: Vec<Listed>,
    /// Decisions that are over, newest first; the handler bounds the list.
    pub over: Vec<Listed>,
    /// The place below `/record/` of the next page of older decisions, if there are more.
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

/// An earlier decision, and how this one stands to it.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Its id.
    pub id: String,
    /// Its headline.
    pub title: String,
    /// How.
    pub relation: Relation,
    /// Wherein they are alike, or differ; none where it may not be told.
    pub reason: Option<String>,
}

/// One appeal against a decision. Who appealed, and why, is not public.
#[derive(Debug, Clone, Copy)]
pub struct Appealed {
    /// When it came in.
    pub filed: Timestamp,
    /// What became of it.
    pub outcome: Heard,
}

/// What became of an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It is not decided yet.
    Waits {
        /// It has to be by then.
        due: Timestamp,
    },
    /// It was not heard.
    Inadmissible,
    /// The reviewer ruled.
    Ruled(AppealOutcome),
}

/// One step in a decision's life.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub time: Timestamp,
    /// What happened.
    pub what: Happened,
    /// The number of its entry in the log, if it is one.
    pub entry: Option<u64>,
}

/// What may happen in a decision's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was proposed, and its lease began.
    Proposed,
    /// Signed, logged, witnessed.
    Signed,
    /// An emergency was ratified by an order.
    RatifiedByOrder,
    /// An emergency was ratified by the reviewer.
    Ratified,
    /// Its term was renewed.
    Renewed,
    /// Its statement was published.
    Published,
    /// Edges said that they enforce it.
    InForce {
        /// So many.
        edges: usize,
    },
    /// It ran to its end.
    Lapsed,
    /// It was ended before.
    Ended(EndReason),
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
    /// How it stands to earlier decisions.
    pub precedents: Vec<Earlier>,
    /// The appeals against it.
    pub appeals: Vec<Appealed>,
    /// What happened when, in order.
    pub steps: Vec<Step>,
    /// Its place in the log.
    pub proof: Proof,
    /// The log.
    pub log: LogView,
}

impl StatementPage {
    fn policy_address(&self) -> String {
        self.frame.at(format!("policies/{}", self.proof.policy_version))
    }

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
        let texts = self.frame.texts();
        match self.measure {
            Measure::M1 => &texts.reach_warned,
            Measure::M2 => &texts.reach_feature,
            Measure::M3 => &texts.reach_addresses,
            Measure::M4 => &texts.reach_places,
            _ => &texts.reach_closed,
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
