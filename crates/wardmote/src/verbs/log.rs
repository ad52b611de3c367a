//! `wardmote log verify`: does a whole log hold? Reads every bundle and every tile.
//!
//! Exit 0 when all of it was judged by the reader's own keys and holds, 1 when a check failed, 3 when it
//! holds but the keys are the log's own, or rosters are missing to judge approvals by.

use super::{block_on, verify};
use crate::ambient::SystemClock;
use crate::command_line::{Log, LogVerb, LogVerify, Trusted};
use crate::exit::{Exit, Failure};
use crate::log_source::LogSource;
use crate::output::{self, plain};
use ledger::tiles::{Tile, TileKind};
use serde_json::json;
use snapshot::{LogAudit, LogKeys, LogReport, REPORT_BYTES_MAX};
use vocabulary::Clock as _;

/// Most entries audited: their tree is kept in memory, some hundred bytes for each.
const ENTRIES_MAX: u64 = 50_000_000;

pub(crate) fn run(arguments: &Log, json: bool) -> Result<Exit, Failure> {
    match &arguments.verb {
        LogVerb::Verify(arguments) => check(arguments, json),
    }
}

fn check(arguments: &LogVerify, json: bool) -> Result<Exit, Failure> {
    let keys = keys(&arguments.trusted)?;
    let report = block_on(audit(&arguments.place, keys))?;
    let exit = verdict(&report);
    if json {
        output::json(&json!({
            "origin": report.origin,
            "size": report.size,
            "holds": exit == Exit::Done,
            "keys": if report.pinned { "pinned" } else { "from the log" },
            "conclusion": conclusion(&report),
            "checks": verify::as_json(&report.checks),
        }));
    } else {
        let (origin, size) = (plain(&report.origin), report.size);
        println!("{}log {origin} of {size} entries {}", verify::rows(&report.checks), conclusion(&report));
    }
    Ok(exit)
}

/// Reads what the reader trusts.
pub(super) fn keys(trusted: &Trusted) -> Result<LogKeys, Failure> {
    if trusted.policy.is_none() && !trusted.roster.is_empty() {
        return Err(Failure::bad_use("--roster without --policy proves nothing; give both"));
    }
    let tlog_policy = trusted.policy.as_deref().map(verify::tlog_policy).transpose()?;
    let rosters = trusted.roster.iter().map(|path| verify::roster(path)).collect::<Result<_, _>>()?;
    Ok(LogKeys { tlog_policy, rosters })
}

async fn audit(place: &str, keys: LogKeys) -> Result<LogReport, Failure> {
    let source = LogSource::find(place).await?;
    // Before the checkpoint, which then covers every entry that it counts.
    let reported = source.beside("transparency.json", REPORT_BYTES_MAX).await?;
    let note = source.checkpoint().await?;
    let audit = LogAudit::begin(note, keys, SystemClock.now());
    let mut audit = audit.map_err(|error| Failure::failed(format!("{place}: {error}")))?;
    if audit.size() > ENTRIES_MAX {
        return Err(Failure::failed(format!("{place}: at most {ENTRIES_MAX} entries are audited")));
    }
    if let Some(reported) = reported {
        audit.expect_report(&reported);
    }
    let (bundles, tiles): (Vec<_>, Vec<_>) =
        Tile::new_at(0, audit.size()).into_iter().partition(|tile| tile.kind == TileKind::Entries);
    for bundle in bundles {
        audit.bundle(&source.tile(bundle).await?);
    }
    for tile in tiles {
        audit.tile(tile, &source.tile(tile).await?);
    }
    Ok(audit.finish())
}

fn verdict(report: &LogReport) -> Exit {
    match (report.holds(), report.proves()) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Unproved,
        (true, true) => Exit::Done,
    }
}

fn conclusion(report: &LogReport) -> &'static str {
    match (verdict(report), report.pinned) {
        (Exit::Done, _) => "holds",
        (Exit::Unproved, false) => {
            "is whole, but the keys were taken from it: proves nothing about its keeper"
        }
        (Exit::Unproved, true) => "is whole, but approvals were not judged: give --roster",
        _ => "does not hold",
    }
}
