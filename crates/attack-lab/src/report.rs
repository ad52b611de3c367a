//! What a row found: its bars, and its plot.

use crate::draw::Plot;
use std::fmt::Write as _;

/// One row, run.
#[derive(Debug)]
pub struct Report {
    /// The row's name.
    pub row: &'static str,
    /// What it was measured by.
    pub bars: Vec<Bar>,
    pub(crate) plot: Plot,
}

/// What one bar is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A count, the same on a busy machine.
    Count,
    /// A time, which depends on the machine.
    Time,
}

/// Whether a bar held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It did.
    Yes,
    /// It did not.
    No,
    /// It could not be measured here.
    Unmeasured,
}

impl From<bool> for Held {
    fn from(held: bool) -> Self {
        if held { Self::Yes } else { Self::No }
    }
}

/// One bar of a row.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What was looked at.
    pub what: String,
    /// How it should be.
    pub bar: String,
    /// How it was.
    pub figure: String,
    /// Whether it held.
    pub held: Held,
    /// Whether it is a count or a time.
    pub kind: Kind,
}

impl Bar {
    pub(crate) fn count(
        what: &str,
        bar: impl Into<String>,
        figure: impl Into<String>,
        held: impl Into<Held>,
    ) -> Self {
        Self {
            what: what.into(),
            bar: bar.into(),
            figure: figure.into(),
            held: held.into(),
            kind: Kind::Count,
        }
    }

    pub(crate) fn time(
        what: &str,
        bar: impl Into<String>,
        figure: impl Into<String>,
        held: impl Into<Held>,
    ) -> Self {
        Self { kind: Kind::Time, ..Self::count(what, bar, figure, held) }
    }
}

impl Report {
    /// Whether every count held. Times are told, and do not decide.
    pub fn counts_held(&self) -> bool {
        self.bars.iter().all(|bar| bar.kind == Kind::Time || bar.held != Held::No)
    }

    /// The row's course as a PNG.
    pub fn png(&self) -> Vec<u8> {
        self.plot.png()
    }
}

/// The reports as a table of text: row, what, bar, figure, held.
pub fn table(reports: &[Report]) -> String {
    let mut lines = vec![["row", "what", "bar", "figure", "held"].map(str::to_owned)];
    for report in reports {
        for (number, bar) in report.bars.iter().enumerate() {
            let row = if number == 0 { report.row } else { "" };
            let held = match (bar.held, bar.kind) {
                (Held::Yes, _) => "yes",
                (Held::No, Kind::Count) => "NO",
                (Held::No, Kind::Time) => "no (a time)",
                (Held::Unmeasured, _) => "not measured",
            };
            lines.push([row, &bar.what, &bar.bar, &bar.figure, held].map(str::to_owned));
        }
    }
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut out = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let pad = widths.get(column).map_or(0, |width| width + 2 - cell.chars().count());
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', pad));
        }
        out.truncate(out.trim_end().len());
        // Writing to a String cannot fail.
        let _ = writeln!(out);
    }
    out
}
