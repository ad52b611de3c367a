//! More of the public record: what it adds up to, what a reader looks for, and the feed.

use super::record::texts;
use super::record::{Frame, MechanismFigures};
use super::{Listed, Standing, render, words};
use askama::Template;
use snapshot::{Clockwork, TransparencyReport};
use std::collections::BTreeMap;
use vocabulary::Timestamp;

/// Months that the page shows; all of them stand in the files.
const MONTHS_SHOWN: usize = 24;

/// `/record/transparency`: the report over the whole log, for people.
#[derive(Debug, Clone, Template)]
#[template(path = "record/transparency.html")]
pub struct TransparencyPage {
    /// What all pages share.
    pub frame: Frame,
    /// The numbers of the mechanism.
    pub clockwork: Clockwork,
    /// Those that only the operator's cases give.
    pub mechanism: MechanismFigures,
    /// The report.
    pub report: TransparencyReport,
}

/// One month on the page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct MonthLine {
    made: u64,
    ratified: u64,
    lapsed: u64,
    lifted: u64,
    reversed: u64,
    entries: u64,
}

impl MonthLine {
    fn ended(&self) -> u64 {
        self.lapsed + self.lifted + self.reversed
    }
}

impl TransparencyPage {
    /// The newest months, oldest first.
    fn months(&self) -> Vec<(String, MonthLine)> {
        let mut months: BTreeMap<&str, MonthLine> = BTreeMap::new();
        for row in &self.report.rows {
            let line = months.entry(&row.month).or_default();
            line.entries += row.count;
            match row.kind.as_str() {
                "decision.made" => line.made += row.count,
                "decision.ratified" => line.ratified += row.count,
                "decision.lapsed" => line.lapsed += row.count,
                "decision.lifted" => line.lifted += row.count,
                "decision.reversed" => line.reversed += row.count,
                _ => {}
            }
        }
        let beyond = months.len().saturating_sub(MONTHS_SHOWN);
        months.into_iter().skip(beyond).map(|(month, line)| (month.to_owned(), line)).collect()
    }

    /// Heights of the plot's bars in its own units of 0 to 100, for decisions made and ended.
    fn bars(&self) -> Vec<(String, u64, u64)> {
        let months = self.months();
        let most = months.iter().map(|(_, line)| line.made.max(line.ended())).max().unwrap_or(0).max(1);
        let height = |count: u64| count * 100 / most;
        let bar = |(month, line): (String, MonthLine)| (month, height(line.made), height(line.ended()));
        months.into_iter().map(bar).collect()
    }

    /// Whether any decision stands in the months shown.
    fn has_plot(&self) -> bool {
        self.months().iter().any(|(_, line)| line.made + line.ended() > 0)
    }
}

/// `/record/search`: the decisions whose published words hold what was looked for.
#[derive(Debug, Clone, Template)]
#[template(path = "record/search.html")]
pub struct SearchPage {
    /// What all pages share.
    pub frame: Frame,
    /// What was looked for; empty before anything was.
    pub sought: String,
    /// What was found, newest first; the handler bounds the list.
    pub found: Vec<Listed>,
    /// Whether there may be more than was looked through or is shown.
    pub more: bool,
}

/// `/record/feed.atom`: the newest decisions as an Atom feed (RFC 4287).
#[derive(Debug, Clone, Template)]
#[template(path = "record/feed.xml")]
pub struct Feed {
    /// What all pages share.
    pub frame: Frame,
    /// Newest first; the handler bounds the list.
    pub entries: Vec<FeedEntry>,
}

/// One decision in the feed.
#[derive(Debug, Clone)]
pub struct FeedEntry {
    /// The decision as lists show it.
    pub listed: Listed,
    /// When it was entered in the log.
    pub published: Timestamp,
    /// The statement's summary.
    pub summary: String,
}

impl FeedEntry {
    /// When its standing changed last.
    fn updated(&self) -> Timestamp {
        match self.listed.standing {
            Standing::Lapsed { at } | Standing::Lifted { at } => at,
            Standing::Coming { .. } | Standing::InForce { .. } => self.published,
        }
    }
}

impl Feed {
    /// When anything in it changed last; an empty one has always been so.
    fn updated(&self) -> Timestamp {
        self.entries.iter().map(FeedEntry::updated).max().unwrap_or(Timestamp::from_secs(0))
    }

    /// The whole feed.
    pub fn document(&self) -> String {
        render(self)
    }
}

impl TransparencyPage {
    /// The whole page, to be sent with [`super::record::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}

impl SearchPage {
    /// The whole page, to be sent with [`super::record::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}
