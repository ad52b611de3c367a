//! The console's page about one site's defence: what it does now, and what may be done about it.

use super::{assets, render, words};
use crate::pages::cache::SiteHead;
use crate::pages::console::percent;
use askama::Template;
use vocabulary::Timestamp;

/// Columns of the timeline.
pub const COLUMNS: usize = 40;
/// How tall the plot is, in its own units.
const HEIGHT: u64 = 100;

/// What was done in one span of time, each event counted as often as it stands for.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// When it begins.
    pub at: Timestamp,
    /// Refused: blocked, limited, closed.
    pub refused: u64,
    /// Challenged.
    pub challenged: u64,
    /// Let through and noted: passed, allowed, logged.
    pub noted: u64,
}

impl Column {
    /// One in which nothing was done.
    pub fn quiet(at: Timestamp) -> Self {
        Self { at, refused: 0, challenged: 0, noted: 0 }
    }
}

/// One bar of the plot.
struct Bar {
    class: &'static str,
    x: usize,
    y: u64,
    height: u64,
}

/// The values that were seen most of one attribute.
#[derive(Debug, Clone)]
pub struct TopList {
    /// The attribute in words.
    pub title: &'static str,
    /// Its values, the most frequent first.
    pub rows: Vec<TopRow>,
}

/// One value of an attribute.
#[derive(Debug, Clone)]
pub struct TopRow {
    /// The value.
    pub value: String,
    /// How often, each event counted as often as it stands for.
    pub count: u64,
    /// The share of all events that have the attribute, 0 to 1.
    pub share: f64,
}

impl TopRow {
    fn percent(&self) -> String {
        percent(self.share)
    }
}

/// A signature that is acted upon.
#[derive(Debug, Clone)]
pub struct SignatureRow {
    /// Its id.
    pub id: String,
    /// What its requests share, in words.
    pub what: Vec<String>,
    /// How far it has gone, in words.
    pub stage: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Why it is believed, in a sentence.
    pub evidence: String,
}

/// One event.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What was done: the stable name.
    pub what: &'static str,
    /// Of how many this is one.
    pub stands_for: u32,
    /// Whether it was only noted.
    pub noted: bool,
    /// Why.
    pub why: String,
    /// What undoes it.
    pub undo: String,
    /// The ray.
    pub ray: String,
    /// Who asked.
    pub client: String,
    /// What was asked for.
    pub asked: String,
}

/// The form for a rule.
#[derive(Debug, Clone, Default)]
pub struct RuleFormView {
    /// The rule's name.
    pub name: String,
    /// Its condition.
    pub when: String,
    /// What it does.
    pub action: String,
    /// The customer's words.
    pub request: String,
    /// Conditions that could stand there, each with what it looks at.
    pub suggestions: Vec<(&'static str, String)>,
    /// What was wrong, and what to write.
    pub error: Option<String>,
    /// What putting it would lower; the second time it is put.
    pub lowers: Option<Vec<String>>,
}

/// The actions that the form offers: value and words.
const ACTIONS: [(&str, &str); 5] = [
    ("challenge", "Challenge: browsers pass after a moment"),
    ("block", "Block: refused with 403"),
    ("log", "Only note it"),
    ("skip-challenge", "Never challenge it"),
    ("allow", "Allow it, whatever else says no"),
];

/// The operator's switch for a site under attack.
#[derive(Debug, Clone)]
pub struct SwitchView {
    /// Until when it is on.
    pub until: Option<Timestamp>,
    /// Minutes that are left of the 3 hours in 24.
    pub left_minutes: u64,
    /// What was wrong with the form.
    pub error: Option<String>,
}

/// `/sites/{site}/shield`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/defence.html")]
pub struct DefencePage {
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
    /// The profile's name.
    pub profile: &'static str,
    /// When every visitor is challenged, as the owner says.
    pub owner_switch: &'static str,
    /// The site's rules: name, action, condition.
    pub rules: Vec<(String, &'static str, String)>,
    /// What was done in the last ten minutes; none while no edge can be asked.
    pub timeline: Option<Vec<Column>>,
    /// What was seen most in it.
    pub tops: Vec<TopList>,
    /// The signatures acted upon.
    pub signatures: Vec<SignatureRow>,
    /// The latest events.
    pub events: Vec<EventRow>,
    /// The operator's switch.
    pub switch: SwitchView,
    /// The form for a rule.
    pub form: RuleFormView,
    /// What became of what was just asked for.
    pub outcome: Option<&'static str>,
}

impl DefencePage {
    fn columns(&self) -> &[Column] {
        self.timeline.as_deref().unwrap_or_default()
    }

    fn is_quiet(&self) -> bool {
        self.columns().iter().all(|column| column.refused + column.challenged + column.noted == 0)
    }

    fn highest(&self) -> u64 {
        let sum = |column: &Column| column.refused + column.challenged + column.noted;
        self.columns().iter().map(sum).max().unwrap_or_default().max(1)
    }

    /// The bars from the ground up, each column's parts one upon the other.
    fn bars(&self) -> Vec<Bar> {
        let highest = self.highest();
        let mut bars = Vec::new();
        for (place, column) in self.columns().iter().enumerate() {
            let mut y = HEIGHT;
            for (class, count) in
                [("refused", column.refused), ("challenged", column.challenged), ("noted", column.noted)]
            {
                let height = (count * HEIGHT).div_ceil(highest).min(y);
                y -= height;
                if height > 0 {
                    bars.push(Bar { class, x: place * 10, y, height });
                }
            }
        }
        bars
    }

    /// The columns in which anything happened, the newest first.
    fn spans(&self) -> impl Iterator<Item = &Column> {
        let busy = |column: &&Column| column.refused + column.challenged + column.noted > 0;
        self.columns().iter().rev().filter(busy)
    }

    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
