//! The console's pages about one site's cache: how it does, and purging.

use super::{assets, render, words};
use crate::pages::console::{amount, bytes_rate, percent, rate};
use askama::Template;
use serde::Serialize;
use std::time::Duration;
use vocabulary::Timestamp;
use vocabulary::moment::span;

/// The cache's figures of one site over one second: a `figures` event of `/api/v1/sites/{site}/cache/live`
/// is this as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CacheFigures {
    /// When they were taken.
    pub time: Timestamp,
    /// Requests answered per second.
    pub requests_per_second: f64,
    /// The share served from copies, 0 to 1, of what was looked up; none while nothing was.
    pub hit_share: Option<f64>,
    /// Bytes of bodies from memory per second.
    pub memory_bytes_per_second: f64,
    /// Bytes of bodies from disk per second.
    pub disk_bytes_per_second: f64,
    /// Bytes of bodies from the origin per second.
    pub origin_bytes_per_second: f64,
}

/// What was counted since the site is served.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Answers from copies, stale ones among them.
    pub held: u64,
    /// Answers from stale copies.
    pub stale: u64,
    /// Answers that needed the origin.
    pub missed: u64,
    /// Bytes from memory, from disk, from the origin.
    pub bytes: [u64; 3],
}

/// Why answers needed the origin.
#[derive(Debug, Clone)]
pub struct ReasonRow {
    /// In words.
    pub text: &'static str,
    /// The stable name.
    pub name: &'static str,
    /// How often.
    pub count: u64,
    /// The share of all misses, 0 to 1.
    pub share: f64,
}

/// An address that often needed the origin.
#[derive(Debug, Clone)]
pub struct MissRow {
    /// Host, path and query.
    pub target: String,
    /// Why, the last time, in words.
    pub text: &'static str,
    /// How often, at least.
    pub count: u64,
}

/// A purge.
#[derive(Debug, Clone)]
pub struct PurgeRow {
    /// Its revision.
    pub revision: u64,
    /// When it was asked for.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What it names.
    pub target: PurgeTargetView,
    /// Whether copies stay as stale ones.
    pub soft: bool,
    /// Edges that hold it, and since when; none: that was not noted.
    pub held: Vec<(String, Option<Timestamp>)>,
    /// Edges that do not hold it yet.
    pub missing: Vec<String>,
}

/// What a purge names: its kind (`url`, `tag`, `prefix`, `host`, `everything`) and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeTargetView {
    /// The kind.
    pub kind: &'static str,
    /// The text; empty with `everything`.
    pub text: String,
}

impl PurgeTargetView {
    fn words(&self) -> &'static str {
        match self.kind {
            "url" => "Address",
            "tag" => "Tag",
            "prefix" => "Begins with",
            "host" => "Host",
            _ => "Everything",
        }
    }
}

/// The purge form as it stands.
#[derive(Debug, Clone, Default)]
pub struct PurgeFormView {
    /// The chosen kind; empty: the first.
    pub kind: String,
    /// What was typed.
    pub target: String,
    /// Whether softly.
    pub soft: bool,
    /// What was wrong with it, and what to write.
    pub error: Option<String>,
}

/// The kinds that the form offers: value and words.
const KINDS: [(&str, &str); 5] = [
    ("url", "One address"),
    ("tag", "Everything with a tag"),
    ("prefix", "What begins with a path"),
    ("host", "One host"),
    ("everything", "Everything of this site"),
];

/// The site that a page is about.
#[derive(Debug, Clone)]
pub struct SiteHead {
    /// Its id.
    pub id: String,
    /// Its host names, as patterns; at least one.
    pub hosts: Vec<String>,
}

impl SiteHead {
    pub(super) fn name(&self) -> &str {
        self.hosts.first().map_or(&self.id, String::as_str)
    }
}

/// `/sites/{site}/cache`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/cache.html")]
pub struct CachePage {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// The site.
    pub site: SiteHead,
    /// The site's cache mode and rules, each in a sentence.
    pub rules: Vec<String>,
    /// The last second's figures, so that the page is of use without a script.
    pub figures: Option<CacheFigures>,
    /// What was counted; none when no edge serves the site.
    pub totals: Option<Totals>,
    /// The misses by reason, the most frequent first.
    pub reasons: Vec<ReasonRow>,
    /// The addresses missed most.
    pub misses: Vec<MissRow>,
    /// The form.
    pub form: PurgeFormView,
    /// What became of the purge just asked for.
    pub outcome: Option<String>,
    /// The latest purges of the site.
    pub purges: Vec<PurgeRow>,
}

impl CachePage {
    fn figure(&self, read: impl Fn(&CacheFigures) -> String) -> String {
        self.figures.as_ref().map_or_else(|| "–".to_owned(), read)
    }

    fn requests(&self) -> String {
        self.figure(|figures| rate(figures.requests_per_second))
    }

    fn hit_share(&self) -> String {
        self.figure(|figures| figures.hit_share.map_or_else(|| "–".to_owned(), percent))
    }

    fn memory(&self) -> String {
        self.figure(|figures| bytes_rate(figures.memory_bytes_per_second))
    }

    fn disk(&self) -> String {
        self.figure(|figures| bytes_rate(figures.disk_bytes_per_second))
    }

    fn origin(&self) -> String {
        self.figure(|figures| bytes_rate(figures.origin_bytes_per_second))
    }
}

impl PurgeRow {
    /// How long the edge took.
    fn after(&self, held: Timestamp) -> String {
        let took = held.since(self.at);
        if took < Duration::from_secs(1) { format!("{} ms", took.as_millis()) } else { span(took) }
    }
}

impl ReasonRow {
    fn percent(&self) -> String {
        percent(self.share)
    }
}

impl Totals {
    fn share(&self) -> String {
        match self.held.saturating_add(self.missed) {
            0 => "–".to_owned(),
            all => percent(self.held as f64 / all as f64),
        }
    }

    fn size(&self, place: usize) -> String {
        amount(self.bytes.get(place).map_or(0.0, |bytes| *bytes as f64))
    }
}

/// What `POST /sites/{site}/purges` shows first: what would be purged.
#[derive(Debug, Clone, Template)]
#[template(path = "console/purge.html")]
pub struct PurgePreview {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// The site.
    pub site: SiteHead,
    /// The form as it was sent; it is sent once more.
    pub form: PurgeFormView,
    /// What it comes to.
    pub targets: Vec<PurgeTargetView>,
    /// How many edges report.
    pub edges: usize,
}

macro_rules! pages {
    ($($page:ident),*) => {$(
        impl $page {
            /// The whole page, to be sent with the console's content security policy.
            pub fn page(&self) -> String {
                render(self)
            }
        }
    )*};
}

pages!(CachePage, PurgePreview);
