//! The catalogue: each row an attack, its bars, and visitors beside it.

mod carpet;
mod families;
mod flood;
mod held;
mod refusals;
mod scene;
mod slow;
mod smuggling;
mod streams;
mod unfinished;

pub use families::sites;

use crate::books::{Books, Ending};
use crate::caller::Caller;
use crate::population::browser;
use crate::report::Report;
use crate::stage::{Stage, StageError};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A row of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    attack: Attack,
}

/// A row of the catalogue that is tested elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere {
    /// What it is about.
    pub what: &'static str,
    /// Where it is tested.
    pub place: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Attack {
    Flood(flood::Flood),
    Slow(slow::Slow),
    Streams(streams::Streams),
    Unfinished(unfinished::Unfinished),
    Refusals,
    Smuggling,
    Families(Option<families::Kind>),
    Carpet,
}

const fn row(name: &'static str, what: &'static str, attack: Attack) -> Row {
    Row { name, what, attack }
}

/// Every row that the lab runs.
pub const ROWS: &[Row] = &[
    row("flood-cached", "a page from the cache, from many addresses", Attack::Flood(flood::Flood::Cached)),
    row("flood-uncached", "pages past the cache, from many addresses", Attack::Flood(flood::Flood::Uncached)),
    row("slow-header", "heads that never end", Attack::Slow(slow::Slow::Header)),
    row("slow-body", "content that hardly comes", Attack::Slow(slow::Slow::Body)),
    row("slow-read", "answers that are hardly taken", Attack::Slow(slow::Slow::Read)),
    row(
        "rapid-reset",
        "HTTP/2 streams reset as they are opened",
        Attack::Streams(streams::Streams::RapidReset),
    ),
    row("made-you-reset", "six ways to have the edge reset", Attack::Streams(streams::Streams::MadeYouReset)),
    row("continuation", "a head of HTTP/2 without end", Attack::Streams(streams::Streams::Continuation)),
    row("hpack-bomb", "small heads that unpack to large ones", Attack::Streams(streams::Streams::HpackBomb)),
    row("ping-flood", "PING frames", Attack::Streams(streams::Streams::Ping)),
    row("settings-flood", "SETTINGS frames", Attack::Streams(streams::Streams::Settings)),
    row("empty-data", "DATA frames without content", Attack::Streams(streams::Streams::EmptyData)),
    row(
        "zero-window",
        "large answers, and no window to send them",
        Attack::Streams(streams::Streams::ZeroWindow),
    ),
    row(
        "tls-flood",
        "handshakes, one after the other",
        Attack::Unfinished(unfinished::Unfinished::Handshakes),
    ),
    row(
        "half-handshakes",
        "handshakes that stop",
        Attack::Unfinished(unfinished::Unfinished::HalfHandshakes),
    ),
    row("idle", "connections that say nothing", Attack::Unfinished(unfinished::Unfinished::Idle)),
    row("refusals", "heads too large, loops, unknown hosts", Attack::Refusals),
    row("smuggling", "requests that can be read in two ways", Attack::Smuggling),
    row(
        "families",
        "crowds of attackers of several kinds, each on a site",
        Attack::Families(Some(families::Kind::Hostile)),
    ),
    row("benign", "crowds that mean well", Attack::Families(Some(families::Kind::Benign))),
    row("crowds", "both at the same time", Attack::Families(None)),
    row("carpet", "a flood spread over 500 sites", Attack::Carpet),
];

/// Rows of the catalogue that are tested where what they are about is.
pub const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        what: "HTTP/3: floods, spoofed sources, resets, drip",
        place: "edge, tests/behaviour (http3)",
    },
    Elsewhere { what: "smuggling in HTTP/2 and HTTP/3 fields", place: "edge, tests/behaviour" },
    Elsewhere {
        what: "cache busting, poisoning, deception, ranges",
        place: "edge, tests/behaviour; docs/cache.md",
    },
    Elsewhere {
        what: "bombs of JSON, XML, compression",
        place: "pending: the application firewall is not built",
    },
];

/// Runs the rows of these names one after the other.
pub async fn run(stage: &Stage, names: &[&str]) -> Result<Vec<Report>, StageError> {
    let mut chosen = Vec::new();
    for name in names {
        let found = ROWS.iter().find(|row| row.name == *name);
        let known = || ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        chosen.push(*found.ok_or_else(|| StageError::UnknownRow((*name).to_owned(), known()))?);
    }
    let mut reports = Vec::new();
    for row in chosen {
        let speaks_tls = match row.attack {
            Attack::Streams(_) => true,
            Attack::Unfinished(kind) => kind.speaks_tls(),
            _ => false,
        };
        if speaks_tls && stage.target().tls.is_none() {
            return Err(StageError::NoTls(row.name));
        }
        stage.origin.forget();
        if !matches!(row.attack, Attack::Families(_) | Attack::Carpet) {
            ready(stage, &stage.target().host).await?;
        }
        reports.push(one(stage, row).await?);
    }
    Ok(reports)
}

async fn one(stage: &Stage, row: Row) -> Result<Report, StageError> {
    Ok(match row.attack {
        Attack::Flood(kind) => flood::run(stage, row.name, kind).await,
        Attack::Slow(kind) => slow::run(stage, row.name, kind).await,
        Attack::Streams(kind) => streams::run(stage, row.name, kind).await,
        Attack::Unfinished(kind) => unfinished::run(stage, row.name, kind).await,
        Attack::Refusals => refusals::run(stage, row.name).await,
        Attack::Smuggling => smuggling::run(stage, row.name).await,
        Attack::Families(kind) => families::run(stage, row.name, kind).await?,
        Attack::Carpet => carpet::run(stage, row.name).await?,
    })
}

/// Whether a visitor is served from the lab's origin before anything begins: else every bar would be about
/// something else.
async fn ready(stage: &Stage, host: &str) -> Result<(), StageError> {
    let mut caller = Caller::new(Ipv4Addr::new(127, 0, 0, 1), stage.target().http);
    match caller.ask(&browser(0, host, "/news/ready", None)).await {
        Ending::Served => Ok(()),
        Ending::Refused(status) => {
            Err(StageError::NotReady { host: host.to_owned(), ending: format!("status {status}") })
        }
        Ending::Cut => Err(StageError::NotReady { host: host.to_owned(), ending: "no answer".to_owned() }),
    }
}

/// Books for one site of one row.
fn new_books() -> Arc<Books> {
    Arc::default()
}
