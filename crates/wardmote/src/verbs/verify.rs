//! `wardmote verify`: does a decision hold? Every check with its result; offline when given a file.
//!
//! With `--policy` the keys are the reader's own. Without it they come from the answer itself, which
//! shows that the answer is whole and nothing about who made it: said so, and exit 3.

use super::block_on;
use crate::ambient::SystemClock;
use crate::client;
use crate::command_line::Verify;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use ledger::tlog_policy::TlogPolicy;
use policy::Roster;
use serde_json::{Value, json};
use snapshot::{Audit, AuditKeys, BUNDLE_BYTES_MAX, Check, Outcome, audit};
use std::io::Read as _;
use std::path::Path;
use vocabulary::Clock as _;

/// Longest document read, in bytes.
const BYTES_MAX: u64 = BUNDLE_BYTES_MAX as u64;
const NOT_PINNED: &str = "keys taken from the same server: proves nothing about the server";

const ROSTER_FROM_LOG: &str = "the log itself names; --roster FILE asks for those you know";

pub(crate) fn run(arguments: &Verify, json: bool) -> Result<Exit, Failure> {
    let policy = arguments.policy.as_deref().map(tlog_policy).transpose()?;
    let roster = arguments.roster.as_deref().map(roster).transpose()?;
    let bytes = document(&arguments.decision)?;
    let keys = match &policy {
        Some(tlog_policy) => AuditKeys::Pinned { tlog_policy, roster: roster.as_ref() },
        None if roster.is_some() => {
            return Err(Failure::bad_use("--roster without --policy proves nothing; give both"));
        }
        None => AuditKeys::Answer,
    };
    let audit = audit(&bytes, keys, SystemClock.now());
    let exit = verdict(&audit);
    if json {
        print_json(&audit, exit)
    } else {
        print!("{}", text(&audit, exit))
    }
    Ok(exit)
}

pub(super) fn tlog_policy(path: &Path) -> Result<TlogPolicy, Failure> {
    let text = read(path)?;
    let text = String::from_utf8(text)
        .map_err(|_| Failure::bad_use(format!("--policy {}: is no text", path.display())))?;
    TlogPolicy::parse(&text)
        .map_err(|error| Failure::bad_use(format!("--policy {}: {error}", path.display())))
}

pub(super) fn roster(path: &Path) -> Result<Roster, Failure> {
    Roster::parse(&read(path)?)
        .map_err(|error| Failure::bad_use(format!("--roster {}: {error}", path.display())))
}

fn document(place: &str) -> Result<Vec<u8>, Failure> {
    if !place.contains("://") {
        return read(Path::new(place));
    }
    let url = if place.ends_with(".json") { place.to_owned() } else { format!("{place}.json") };
    let answer = block_on(client::fetch(&url))?.accepted()?;
    Ok(answer.body.to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let problem = |error| Failure::bad_use(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    // Not by the file's own word about its length: a device says 0 and never ends.
    let mut file = std::fs::File::open(path).map_err(problem)?.take(BYTES_MAX + 1);
    file.read_to_end(&mut bytes).map_err(problem)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(Failure::bad_use(format!("{}: longer than {BYTES_MAX} bytes", path.display())));
    }
    Ok(bytes)
}

/// An audit that checked nothing holds nothing.
fn verdict(audit: &Audit) -> Exit {
    let held = audit.checks.iter().any(|check| check.outcome == Outcome::Held);
    match (held && audit.holds(), audit.pinned) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Unproved,
        (true, true) => Exit::Done,
    }
}

fn conclusion(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "holds",
        Exit::Unproved => NOT_PINNED,
        _ => "does not hold",
    }
}

fn text(audit: &Audit, exit: Exit) -> String {
    let decision = audit.decision.map_or_else(|| "the decision".into(), |id| format!("decision {id}"));
    let mut text = rows(&audit.checks);
    match exit {
        Exit::Unproved => text.push_str(&format!("{decision} is whole, but {NOT_PINNED}\n")),
        Exit::Done if !audit.roster_pinned => {
            text.push_str(&format!("{decision} holds, by the officers that {ROSTER_FROM_LOG}\n"));
        }
        _ => text.push_str(&format!("{decision} {}\n", conclusion(exit))),
    }
    text
}

/// One row for each check.
pub(super) fn rows(checks: &[Check]) -> String {
    let mut rows: Vec<[String; 3]> = Vec::new();
    for check in checks {
        let mark = match check.outcome {
            Outcome::Held => "ok",
            Outcome::Failed(_) => "!!",
            Outcome::Noted => "--",
        };
        rows.push([format!(" {mark}"), check.name.into(), plain(&check.text)]);
    }
    output::table(&rows)
}

/// The same as JSON.
pub(super) fn as_json(checks: &[Check]) -> Vec<Value> {
    checks
        .iter()
        .map(|check| {
            let (outcome, reason) = match check.outcome {
                Outcome::Held => ("held", None),
                Outcome::Failed(reason) => ("failed", Some(reason)),
                Outcome::Noted => ("noted", None),
            };
            json!({ "name": check.name, "outcome": outcome, "reason": reason, "text": check.text })
        })
        .collect()
}

fn print_json(audit: &Audit, exit: Exit) {
    output::json(&json!({
        "decision": audit.decision.map(|id| id.to_string()),
        "holds": exit == Exit::Done,
        "keys": if audit.pinned { "pinned" } else { "from the answer" },
        "roster": if audit.roster_pinned { "pinned" } else { "from the log" },
        "conclusion": conclusion(exit),
        "checks": as_json(&audit.checks),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit_of(pinned: bool, outcomes: &[Outcome]) -> Audit {
        let check =
            |outcome: &Outcome| Check { name: "check", outcome: outcome.clone(), text: "text".into() };
        Audit { decision: None, pinned, roster_pinned: pinned, checks: outcomes.iter().map(check).collect() }
    }

    #[test]
    fn only_checks_that_all_held_against_pinned_keys_prove_anything() {
        use Outcome::{Held, Noted};
        let failed = Outcome::Failed("not-included");
        for (pinned, outcomes, exit) in [
            (true, [Held, Noted], Exit::Done),
            (false, [Held, Noted], Exit::Unproved),
            (true, [Held, failed.clone()], Exit::Failed),
            (false, [Held, failed.clone()], Exit::Failed),
            (true, [Noted, Noted], Exit::Failed),
        ] {
            let audit = audit_of(pinned, &outcomes);
            assert_eq!(verdict(&audit), exit, "{audit:?}");
        }
        assert_eq!(verdict(&audit_of(true, &[])), Exit::Failed);
    }

    #[test]
    fn without_an_own_roster_the_text_says_who_names_the_officers() {
        let audit = Audit { roster_pinned: false, ..audit_of(true, &[Outcome::Held]) };
        assert_eq!(verdict(&audit), Exit::Done);
        assert!(text(&audit, Exit::Done).contains(ROSTER_FROM_LOG));
        let own = audit_of(true, &[Outcome::Held]);
        assert!(!text(&own, Exit::Done).contains("--roster"));
    }

    #[test]
    fn without_own_keys_the_text_says_what_that_is_worth() {
        let audit = audit_of(false, &[Outcome::Held]);
        assert!(text(&audit, verdict(&audit)).contains(NOT_PINNED));
    }
}
