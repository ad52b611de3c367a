//! The transparency report: what the log shows of a deployment, month by month, as counts.
//!
//! Owns the fold over a log's entries and the two files it gives, JSON and CSV. Must not know records,
//! pages or the present: whoever reads the same entries gets the same bytes, which is how an auditor
//! checks the report of an operator.
//!
//! Invariants: every entry is counted once under its kind; entries about a decision also say its
//! measure, class and ground; rows stand in one order; nothing is counted that is not in the log.

use ledger::{CountDaily, DecisionEnded, Entry, Kind};
use policy::{Ground, Measure, ServiceClass, Terms};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use vocabulary::{DecisionId, Digest, Timestamp, canonical};

/// Counts over a log, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transparency {
    entries: u64,
    reports: u64,
    rows: BTreeMap<Counted, u64>,
    made: BTreeMap<DecisionId, Made>,
}

/// What one row counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    month: Month,
    kind: &'static str,
    about: Option<About>,
}

/// What a decision does, to what, and on which ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct About {
    measure: Measure,
    class: ServiceClass,
    ground: Ground,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Made {
    about: About,
    not_before: Timestamp,
    expires: Timestamp,
    ended: Option<Timestamp>,
}

/// `2026-11`, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
struct Month(String);

/// The report as a file, and the state of the log it was folded from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransparencyReport {
    format: ReportFormat,
    /// The log's name.
    pub origin: String,
    /// Number of entries counted, from the first.
    pub size: u64,
    /// Their Merkle root (RFC 6962 §2.1).
    pub root: Digest,
    /// The counts, by month, then kind.
    pub rows: Vec<ReportRow>,
}

/// One count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRow {
    /// `2026-11`, by the entries' own times in UTC.
    pub month: String,
    /// The kind of entry, as the log names it.
    pub kind: String,
    /// What was or is done; only of entries about a decision, like the two that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// To which class of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ServiceClass>,
    /// On which ground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ground: Option<Ground>,
    /// How many entries.
    pub count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ReportFormat {
    #[serde(rename = "wardmote-transparency/1")]
    V1,
}

/// The few numbers of the mechanism that a front page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clockwork {
    /// Leases that run at the instant asked about.
    pub in_force: u64,
    /// Decisions ever made.
    pub made: u64,
    /// Ended by themselves.
    pub lapsed: u64,
    /// Ratified.
    pub ratified: u64,
    /// Ended early.
    pub lifted: u64,
    /// Found wrong.
    pub reversed: u64,
    /// Reports that came in, on days of five and more.
    pub reports: u64,
    /// How long a measure lasted, in the middle; none before one ended.
    pub lasted: Option<Duration>,
}

impl Transparency {
    /// Counts the next entry.
    pub fn count(&mut self, entry: &Entry) {
        let body = &entry.body;
        let about = self.about(entry);
        self.entries += 1;
        if body.kind == Kind::CountDaily {
            let said = serde_json::from_value::<CountDaily>(body.public.clone()).ok();
            let reports = said.and_then(|said| said.reports).unwrap_or(0);
            self.reports = self.reports.saturating_add(reports);
        }
        let row = Counted { month: Month::of(body.time), kind: body.kind.as_str(), about };
        *self.rows.entry(row).or_default() += 1;
    }

    /// Number of entries counted.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What an entry about a decision says of it; remembers decisions as they are made and ended.
    fn about(&mut self, entry: &Entry) -> Option<About> {
        let body = &entry.body;
        if body.kind == Kind::DecisionMade {
            let terms: Terms = serde_json::from_value(body.public.clone()).ok()?;
            let about = About { measure: terms.measure, class: terms.class, ground: terms.ground };
            let (not_before, expires) = (terms.not_before, terms.expires);
            self.made.entry(terms.decision).or_insert(Made { about, not_before, expires, ended: None });
            return Some(about);
        }
        let made = self.made.get_mut(&body.subject.parse().ok()?)?;
        if matches!(body.kind, Kind::DecisionRatified | Kind::DecisionRenewed)
            && let Ok(terms) = serde_json::from_value::<Terms>(body.public.clone())
        {
            made.expires = terms.expires;
        }
        if matches!(body.kind, Kind::DecisionLapsed | Kind::DecisionLifted | Kind::DecisionReversed) {
            // A lift says when it takes effect; a lapse does at its own time.
            let said = serde_json::from_value::<DecisionEnded>(body.public.clone());
            let at = said.map_or(body.time, |said| said.effective);
            made.ended.get_or_insert(at.min(made.expires));
        }
        Some(made.about)
    }

    /// The report, for the log under this name and root.
    pub fn report(&self, origin: &str, root: Digest) -> TransparencyReport {
        let row = |(row, count): (&Counted, &u64)| ReportRow {
            month: row.month.0.clone(),
            kind: row.kind.to_owned(),
            measure: row.about.map(|about| about.measure),
            class: row.about.map(|about| about.class),
            ground: row.about.map(|about| about.ground),
            count: *count,
        };
        TransparencyReport {
            format: ReportFormat::V1,
            origin: origin.to_owned(),
            size: self.entries,
            root,
            rows: self.rows.iter().map(row).collect(),
        }
    }

    /// The numbers of a front page, at an instant.
    pub fn clockwork(&self, now: Timestamp) -> Clockwork {
        let of = |kind: Kind| {
            let counts = self.rows.iter().filter(|(row, _)| row.kind == kind.as_str());
            counts.map(|(_, count)| count).sum()
        };
        let runs = |made: &&Made| {
            let end = made.ended.map_or(made.expires, |ended| ended.min(made.expires));
            made.not_before <= now && now < end
        };
        let ended = |made: &Made| made.ended.map(|at| at.since(made.not_before));
        let mut lasted: Vec<_> = self.made.values().filter_map(ended).collect();
        lasted.sort_unstable();
        Clockwork {
            in_force: self.made.values().filter(runs).count() as u64,
            made: of(Kind::DecisionMade),
            lapsed: of(Kind::DecisionLapsed),
            ratified: of(Kind::DecisionRatified),
            lifted: of(Kind::DecisionLifted),
            reversed: of(Kind::DecisionReversed),
            reports: self.reports,
            lasted: lasted.get(lasted.len() / 2).copied(),
        }
    }
}

impl Month {
    fn of(instant: Timestamp) -> Self {
        Self(instant.to_string().chars().take(7).collect())
    }
}

/// Most bytes of a report that are read: some ten thousand months.
pub const REPORT_BYTES_MAX: usize = 16 << 20;

impl TransparencyReport {
    /// The JSON file, in canonical form.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, whole numbers and digests always encode; nothing here is anything else.
        canonical::to_bytes(self).unwrap_or_default()
    }

    /// Reads a JSON file; none where it is not one report in canonical form.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        canonical::parse(bytes).ok()
    }

    /// The CSV file (RFC 4180), with the log it was folded from in the name of no column: that stands in the
    /// JSON.
    pub fn to_csv(&self) -> String {
        let mut csv = "month,kind,measure,class,ground,count\r\n".to_owned();
        for row in &self.rows {
            let text = |value: Option<&'static str>| value.unwrap_or_default();
            let (measure, class) = (row.measure.map(Measure::as_str), row.class.map(ServiceClass::as_str));
            let ground = row.ground.map(Ground::as_str);
            // Names are plain words; no field needs quotes.
            let _ = write!(
                csv,
                "{},{},{},{},{},{}\r\n",
                row.month,
                row.kind,
                text(measure),
                text(class),
                text(ground),
                row.count
            );
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Mote;
    use ledger::DecisionLapsed;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn folded(mote: &Mote) -> Transparency {
        let mut fold = Transparency::default();
        mote.entries().iter().for_each(|entry| fold.count(entry));
        fold
    }

    #[test]
    fn counts_are_by_month_and_kind_and_say_what_a_decision_did() {
        let now = Timestamp::from_secs(1_795_320_000);
        let mut mote = Mote::found(1, now);
        let draft = mote.draft(&[mote.site(&["board.test"], 9000)], now, 48 * HOUR);
        mote.decide(&draft, now);
        let terms = &draft.terms;
        let running = folded(&mote).clockwork(now.plus(HOUR));
        assert_eq!((running.in_force, running.made, running.lapsed, running.lasted), (1, 1, 0, None));

        let lapsed = DecisionLapsed { decision: terms.decision, expires: terms.expires };
        let entry = mote.entry(Kind::DecisionLapsed, &terms.decision.to_string(), &lapsed, terms.expires);
        mote.log(entry);
        let fold = folded(&mote);
        let over = fold.clockwork(terms.expires);
        assert_eq!((over.in_force, over.made, over.lapsed), (0, 1, 1));
        assert_eq!(over.lasted, Some(terms.expires.since(terms.not_before)));

        let report = fold.report("log.test", Digest::of(b"root"));
        let csv = report.to_csv();
        for line in ["2026-11,policy.published,,,,1\r\n", "2026-11,decision.lapsed,M5,S,emergency,1\r\n"] {
            assert!(csv.contains(line), "{line:?} is not in\n{csv}");
        }
        let total: u64 = report.rows.iter().map(|row| row.count).sum();
        assert_eq!(total, fold.entries());
        assert_eq!(TransparencyReport::parse(&report.to_json()), Some(report));
    }

    #[test]
    fn the_same_entries_give_the_same_bytes_and_others_do_not() {
        let now = Timestamp::from_secs(1_795_320_000);
        let mut mote = Mote::found(1, now);
        let json = |mote: &Mote| folded(mote).report("log.test", Digest::of(b"root")).to_json();
        let before = json(&mote);
        assert_eq!(before, json(&mote));
        let draft = mote.draft(&[mote.site(&["board.test"], 9000)], now, 48 * HOUR);
        mote.decide(&draft, now);
        assert_ne!(before, json(&mote));
    }
}
