//! The auditor of a whole log: takes its bytes in order and says, check by check, what holds.
//!
//! Owns the judgement of everything that the public log itself can show: tree and tiles, signatures and
//! quorum, the transparency report, the chain of each subject, dates, policies and rosters in force, approvals, leases and their
//! ends. Must not know where the bytes come from. Rosters are not in the log, only their digests:
//! approvals are judged with the rosters the reader brings, and each must be one the log published.
//!
//! Invariants: what is not judged is said and never counts as held; one failure hides no other; the
//! outcome depends on the bytes, the keys and `now` alone.

mod chains;
mod decisions;
mod publications;
mod report;

pub use decisions::LAPSE_GRACE;
pub use publications::ROSTER_NOTICE;
pub use report::LogReport;

use crate::verification::steps;
use crate::{CLOCK_SKEW_MAX, Refusal, Seals, Transparency, TransparencyReport};
use chains::Chains;
use decisions::Decisions;
use ledger::checkpoint::{Checkpoint, CheckpointError};
use ledger::merkle::{Tree, leaf_hash};
use ledger::note::Note;
use ledger::tiles::{Tile, split_bundle};
use ledger::tlog_policy::{Opened, TlogPolicy};
use ledger::{Entry, Kind};
use policy::{Profile, Roster};
use publications::Publications;
use report::Tally;
use vocabulary::{Digest, Timestamp};

/// What the reader of a log brings along.
#[derive(Debug, Clone, Default)]
pub struct LogKeys {
    /// Log and witness keys with their quorum; without them the log's own word is taken, which proves
    /// nothing about who keeps it.
    pub tlog_policy: Option<TlogPolicy>,
    /// Rosters, to judge approvals by.
    pub rosters: Vec<Roster>,
}

/// An audit under way. Give it every entry bundle in order, then every hash tile, then ask for the
/// report.
#[derive(Debug)]
pub struct LogAudit {
    note: Note,
    head: Checkpoint,
    keys: LogKeys,
    now: Timestamp,
    tree: Tree,
    entries: Tally,
    tiles: Tally,
    chains: Chains,
    publications: Publications,
    decisions: Decisions,
    seals: Seals,
    sealed: Tally,
    transparency: Transparency,
    /// The operator's transparency report, until the entries it says it counts have been read.
    expected: Option<TransparencyReport>,
    reported: Option<Result<u64, String>>,
}

/// One entry with its place.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    index: u64,
    leaf: Digest,
    entry: &'a Entry,
}

impl LogAudit {
    /// Begins with the log's checkpoint.
    pub fn begin(note: Note, keys: LogKeys, now: Timestamp) -> Result<Self, CheckpointError> {
        let head = Checkpoint::parse(note.text())?;
        let publications = Publications::new(&keys.rosters);
        Ok(Self {
            note,
            head,
            keys,
            now,
            tree: Tree::default(),
            entries: Tally::new("entries"),
            tiles: Tally::new("tiles"),
            chains: Chains::default(),
            publications,
            decisions: Decisions::default(),
            seals: Seals::default(),
            sealed: Tally::new("seals"),
            transparency: Transparency::default(),
            expected: None,
            reported: None,
        })
    }

    /// Has the operator's transparency report compared with the entries. Called before the first of them.
    pub fn expect_report(&mut self, bytes: &[u8]) {
        match TransparencyReport::parse(bytes) {
            Some(report) if report.size <= self.head.size => self.expected = Some(report),
            Some(report) => {
                self.reported = Some(Err(format!("counts {} entries, more than there are", report.size)));
            }
            None => self.reported = Some(Err("is no transparency report in canonical form".to_owned())),
        }
        self.compare_report();
    }

    /// Number of leaves under the checkpoint.
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Takes the next entry bundle.
    pub fn bundle(&mut self, bytes: &[u8]) {
        let Some(entries) = split_bundle(bytes) else {
            let first = self.tree.size();
            return self.entries.fault(first, "the bundle that begins here does not add up");
        };
        entries.into_iter().for_each(|entry| self.entry(entry));
    }

    /// Takes the next entry.
    pub fn entry(&mut self, bytes: &[u8]) {
        let (index, leaf) = (self.tree.size(), leaf_hash(bytes));
        self.tree.push(leaf);
        match Entry::parse(bytes) {
            Ok(entry) => {
                self.entries.held();
                self.place(Placed { index, leaf, entry: &entry });
            }
            Err(error) => self.entries.fault(index, error),
        }
        self.compare_report();
    }

    /// Once all that the operator's report counts was read, folds it anew and compares byte for byte.
    fn compare_report(&mut self) {
        let Some(expected) = self.expected.take_if(|expected| expected.size == self.tree.size()) else {
            return;
        };
        let folded = self.transparency.report(&self.head.origin, self.tree.root());
        self.reported = Some(if folded.to_json() == expected.to_json() {
            Ok(folded.size)
        } else {
            Err("says other counts than the entries give, or names another log".to_owned())
        });
    }

    fn place(&mut self, placed: Placed<'_>) {
        self.chains.place(placed);
        self.publications.place(placed);
        self.decisions.place(placed, &self.publications);
        let judged = self.seals.place(placed.leaf, placed.entry);
        let body = &placed.entry.body;
        let follows = matches!(body.kind, Kind::SealOpened | Kind::SealRenewed | Kind::Tombstone);
        if judged.is_err() || follows || body.commitments.is_some() {
            self.sealed.judge(placed.index, judged);
        }
        self.transparency.count(placed.entry);
    }

    /// Compares a hash tile with what the entries give.
    pub fn tile(&mut self, tile: Tile, bytes: &[u8]) {
        match tile.hashes(&self.tree) {
            Some(rebuilt) if rebuilt == bytes => self.tiles.held(),
            _ => self.tiles.fault_at(tile, "other hashes than the entries give"),
        }
    }

    /// Ends the audit.
    pub fn finish(self) -> LogReport {
        let mut report = LogReport::new(&self.head, self.keys.tlog_policy.is_some());
        self.check_tree(&mut report);
        let opened = self.check_keys(&mut report);
        let newest =
            opened.as_ref().and_then(|opened| opened.cosignatures().iter().map(|one| one.time).max());
        let as_of = newest.unwrap_or(self.now);
        report.tally(&self.entries, "canonical entries of known kinds");
        self.chains.report(&mut report, as_of.plus(CLOCK_SKEW_MAX));
        self.publications.report(&mut report);
        self.decisions.report(&mut report, as_of);
        report_seals((self.seals, self.sealed), &mut report, as_of);
        match self.reported {
            Some(Ok(size)) => report.held("transparency", format!("the report is what {size} entries give")),
            Some(Err(why)) => report.failed("transparency", "report-differs", format!("the report {why}")),
            None if self.expected.is_some() => {
                report.failed("transparency", "report-differs", "entries it counts are missing".to_owned());
            }
            None => report.noted("transparency", "no transparency report lies beside the log"),
        }
        report
    }

    fn check_tree(&self, report: &mut LogReport) {
        let (size, root) = (self.tree.size(), self.tree.root());
        if (size, root) == (self.head.size, self.head.root) {
            report.held("root", format!("{size} entries give the checkpoint's root"));
        } else {
            let text = format!(
                "{size} entries were read and give the root {root}; the checkpoint says {} and {}",
                self.head.size, self.head.root
            );
            report.failed("root", "root-differs", text);
        }
        report.tally(&self.tiles, "hash tiles hold what the entries give");
    }

    /// Log signature, every line by a known key, quorum.
    fn check_keys(&self, report: &mut LogReport) -> Option<Opened> {
        let named = self.publications.named_keys();
        let policy = match (&self.keys.tlog_policy, &named) {
            (Some(pinned), _) => {
                report.held("keys", "log and witness keys were pinned by you".to_owned());
                pinned
            }
            (None, Some(named)) => {
                report.noted("keys", "keys taken from the same log: proves nothing about its keeper");
                named
            }
            (None, None) => {
                report.failed("keys", "no-keys", "the log names no keys, and none were given".to_owned());
                return None;
            }
        };
        let opened = match policy.open(&self.note) {
            Ok(opened) => opened,
            Err(error) => {
                report.refused("log-signature", &Refusal::Checkpoint(error));
                return None;
            }
        };
        report.held("log-signature", format!("{:?} signed the checkpoint", opened.log().name()));
        self.check_witnesses(policy, &opened, report);
        Some(opened)
    }

    fn check_witnesses(&self, policy: &TlogPolicy, opened: &Opened, report: &mut LogReport) {
        let profile = self.profile(policy);
        if let Err(refusal) = steps::check_quorum(policy, opened, profile) {
            return report.refused("witnesses", &refusal);
        }
        let count = opened.cosignatures().len();
        let own = if policy.is_self_witnessed() {
            "; self-witnessed: the operator runs every witness that counts"
        } else {
            ""
        };
        report.held("witnesses", format!("the quorum cosigned ({count} cosignatures){own}"));
        if steps::check_fresh(policy, opened, profile, self.now).is_err() {
            report.noted("freshness", "the quorum's cosignatures are not of the last hour");
        }
    }

    /// A roster that the reader brought says what profile the operator runs; without one only a policy
    /// that knows no other witness than the operator's own is taken for a trial's.
    fn profile(&self, policy: &TlogPolicy) -> Profile {
        let given = self.keys.rosters.iter().max_by_key(|roster| roster.serial());
        match given {
            Some(roster) => roster.profile(),
            None if policy.is_self_witnessed() => Profile::Trial,
            None => Profile::Full,
        }
    }
}

/// What was sealed until a date was opened, renewed or erased by then.
fn report_seals((mut seals, mut sealed): (Seals, Tally), report: &mut LogReport, as_of: Timestamp) {
    for (subject, until) in seals.overdue(as_of) {
        sealed.fault_at(subject, format!("sealed until {until}, and the log has no opening of it"));
    }
    report.tally(&sealed, "entries about sealed fields hold, and no opening is overdue");
}

#[cfg(test)]
mod tests;
