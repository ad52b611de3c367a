//! The console's queue of reports.

use super::{assets, render, words};
use askama::Template;
use std::time::Duration;
use vocabulary::Timestamp;
use vocabulary::moment::span;

/// How long the first look at an allegation may take.
const TRIAGE: Duration = casework::clocks::TRIAGE;

/// One allegation.
#[derive(Debug, Clone)]
pub struct AllegationRow {
    /// Its id.
    pub id: String,
    /// About what.
    pub category: &'static str,
    /// Whether somebody is said to be in danger.
    pub danger: bool,
    /// The hosts it is about.
    pub hosts: Vec<String>,
    /// How many of our sites have them.
    pub sites: usize,
    /// When the first report came in.
    pub opened_at: Timestamp,
    /// The case that looks into it.
    pub case: Option<String>,
    /// How many reports claim it, once no rating can be biased by that.
    pub reports: Option<u64>,
}

/// `/reports`: what waits.
#[derive(Debug, Clone, Template)]
#[template(path = "console/reports.html")]
pub struct ReportsPage {
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// Whether this is where the queue begins.
    pub first: bool,
    /// A page of the queue, in its order.
    pub lines: Vec<AllegationRow>,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl ReportsPage {
    fn count(&self) -> String {
        match self.lines.len() {
            count if !self.first || self.next.is_some() => format!("{count} of the open allegations"),
            1 => "1 allegation is open".to_owned(),
            count => format!("{count} allegations are open"),
        }
    }

    /// What is left of the time for a first look; none once a case has it.
    fn clock(&self, line: &AllegationRow) -> String {
        let due = line.opened_at.plus(TRIAGE);
        match &line.case {
            Some(_) => "seen".to_owned(),
            None if due >= self.now => format!("{} left", span(due.since(self.now))),
            None => format!("{} over", span(self.now.since(due))),
        }
    }

    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
