//! The project's own checks, run as `cargo xtask check`.
//!
//! Owns what a compiler does not see: which crate may depend on which, who may use a heavy
//! dependency, how large files and functions may grow, licences and words. Knows no crate of the
//! project; it reads manifests and sources as text.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its terminal")]

mod arrows;
mod doors;
mod finding;
mod licences;
mod manifests;
mod rust_text;
mod sizes;
mod sources;
mod words;
mod workspace;

use finding::{Finding, Outcome};
use std::process::ExitCode;
use workspace::Workspace;

const USAGE: &str = "usage: cargo xtask check [--notes]

  check     arrows between crates, doors, manifests, sizes, licences, words
  --notes   also list what is over a soft size budget";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["check"] => check(false),
        ["check", "--notes"] => check(true),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn check(with_notes: bool) -> ExitCode {
    let workspace = match Workspace::load() {
        Ok(workspace) => workspace,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            return ExitCode::from(2);
        }
    };
    let outcomes = [
        arrows::check(&workspace),
        doors::check(&workspace),
        manifests::check(&workspace),
        sizes::check(&workspace),
        licences::check(&workspace),
        words::check(&workspace),
    ];
    report(&outcomes, with_notes)
}

fn report(outcomes: &[Outcome], with_notes: bool) -> ExitCode {
    for outcome in outcomes {
        let mark = if outcome.findings.is_empty() { "ok" } else { "!!" };
        println!(" {mark}  {:<10} {}", outcome.name, outcome.summary);
        if with_notes {
            for note in &outcome.notes {
                println!("       {note}");
            }
        }
    }
    let findings: Vec<&Finding> = outcomes.iter().flat_map(|outcome| &outcome.findings).collect();
    for finding in &findings {
        println!("\n{}\n    {}\n    mend: {}", finding.place, finding.problem, finding.mend);
    }
    match findings.len() {
        0 => ExitCode::SUCCESS,
        count => {
            println!("\nxtask check: {count} findings");
            ExitCode::FAILURE
        }
    }
}
