//! The console: what the operator sees.

use super::{LogView, Standing, assets, render, words};
use askama::Template;
use policy::Measure;
use serde::Serialize;
use vocabulary::Timestamp;
use vocabulary::moment::span;

/// The `Content-Security-Policy` of every page here: everything from this server, nothing inline.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The live figures: one `figures` event of `/api/v1/events/live` is this as JSON, once a second.
#[derive(Debug, Clone, Serialize)]
pub struct LiveFigures {
    /// When they were taken.
    pub time: Timestamp,
    /// Requests answered per second.
    pub requests_per_second: f64,
    /// The share of them served from the cache, 0 to 1; none while there were no requests.
    pub hit_share: Option<f64>,
    /// Bytes of bodies sent to visitors per second.
    pub bytes_per_second: f64,
    /// Connections open now.
    pub open_connections: u64,
    /// Requests answered with a block page per second.
    pub blocked_per_second: f64,
}

/// How a site stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SiteStanding {
    /// It is served.
    Serving,
    /// A measure in force answers for it.
    Blocked {
        /// The decision's id.
        decision: String,
    },
    /// It cannot be served; why, in a sentence.
    Troubled {
        /// Why, and what to do.
        reason: String,
    },
}

/// One site.
#[derive(Debug, Clone)]
pub struct SiteRow {
    /// Its id.
    pub id: String,
    /// Its host names, as patterns.
    pub hosts: Vec<String>,
    /// The account it belongs to.
    pub account: String,
    /// Where its own servers are.
    pub origins: Vec<String>,
    /// Which services it uses.
    pub services: Vec<String>,
    /// How it stands.
    pub standing: SiteStanding,
}

/// How far a decision has come.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Officers are signing.
    Signing {
        /// How many have signed.
        signed: u32,
        /// How many must.
        needed: u32,
    },
    /// It is public.
    Public(Standing),
}

/// One decision.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// Its id.
    pub id: String,
    /// Its headline.
    pub title: String,
    /// What is done.
    pub measure: Measure,
    /// How many sites it covers.
    pub sites: u32,
    /// How far it has come.
    pub stage: Stage,
    /// At how many edges it is applied, of how many.
    pub edges: (u32, u32),
    /// Where its statement stands, once it is public.
    pub statement_url: Option<String>,
}

/// `/`: everything at a glance.
#[derive(Debug, Clone, Template)]
#[template(path = "console/overview.html")]
pub struct Overview {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// Whether the roster's profile is trial.
    pub trial: bool,
    /// This program's version.
    pub version: String,
    /// The figures now, so that the page is of use without a script.
    pub figures: Option<LiveFigures>,
    /// The sites; the handler bounds the list.
    pub sites: Vec<SiteRow>,
    /// How many sites there are in all.
    pub sites_total: u32,
    /// Decisions that are being signed, about to begin or in force, and those that ended lately.
    pub decisions: Vec<DecisionRow>,
    /// The log.
    pub log: LogView,
}

impl Overview {
    fn figure(&self, read: impl Fn(&LiveFigures) -> String) -> String {
        self.figures.as_ref().map_or_else(|| "–".to_owned(), read)
    }

    fn requests(&self) -> String {
        self.figure(|figures| rate(figures.requests_per_second))
    }

    fn hit_share(&self) -> String {
        self.figure(|figures| figures.hit_share.map_or_else(|| "–".to_owned(), percent))
    }

    fn traffic(&self) -> String {
        self.figure(|figures| bytes_rate(figures.bytes_per_second))
    }

    fn connections(&self) -> String {
        self.figure(|figures| figures.open_connections.to_string())
    }

    fn blocked(&self) -> String {
        self.figure(|figures| rate(figures.blocked_per_second))
    }

    fn left(&self, instant: &Timestamp) -> String {
        span(instant.since(self.now))
    }
}

pub(super) fn rate(rate: f64) -> String {
    if rate > 0.0 && rate < 10.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0)
}

pub(super) fn bytes_rate(count: f64) -> String {
    format!("{}/s", amount(count))
}

/// Bytes in the unit that reads best.
pub(super) fn amount(count: f64) -> String {
    let mut count = count.max(0.0);
    for unit in ["B", "KB", "MB", "GB"] {
        if count < 1_000.0 {
            return if unit == "B" { format!("{count:.0} B") } else { format!("{count:.1} {unit}") };
        }
        count /= 1_000.0;
    }
    format!("{count:.1} TB")
}

/// `/setup`: the first visit. A script takes the token from the link's fragment, which no server sees, and posts
/// it; without a script the visitor pastes it.
#[derive(Debug, Clone, Template)]
#[template(path = "console/setup.html")]
pub struct Setup {
    /// What was wrong with the token that was sent, and what to do.
    pub error: Option<String>,
}

/// The token in what a visitor pasted: the part after `t=` of a whole link, else all of it, trimmed.
pub fn token_in(pasted: &str) -> &str {
    let pasted = pasted.trim();
    pasted.split_once("#t=").map_or(pasted, |(_, token)| token)
}

/// A page that says one thing and where to go.
#[derive(Debug, Clone, Template)]
#[template(path = "console/notice.html")]
pub struct Notice {
    /// The headline.
    pub title: String,
    /// What happened, and what to do.
    pub paragraphs: Vec<String>,
    /// Where to go on: label and path.
    pub next: Option<(String, String)>,
}

impl Notice {
    /// For a visitor without a session.
    pub fn sign_in() -> Self {
        Self {
            title: "This console is locked".to_owned(),
            paragraphs: vec![
                "Open it with the one-time link that Wardmote printed when it started. The link works once, \
                 within 30 minutes."
                    .to_owned(),
                "Is the link used up or too old? Start Wardmote again on the machine it runs on: it prints a \
                 new one."
                    .to_owned(),
            ],
            next: Some(("I have a link or a token".to_owned(), "/setup".to_owned())),
        }
    }

    /// For an address that is not there.
    pub fn missing() -> Self {
        Self {
            title: "There is no such page".to_owned(),
            paragraphs: vec!["The address may be wrong or old.".to_owned()],
            next: Some(("To the overview".to_owned(), "/".to_owned())),
        }
    }
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

pages!(Overview, Setup, Notice);
