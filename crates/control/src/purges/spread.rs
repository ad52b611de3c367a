//! Which edge holds which purges, and since when.

use feed::Receipt;
use std::collections::{BTreeMap, VecDeque};
use vocabulary::Timestamp;

/// Most steps remembered of one edge; of older purges it is only known that they are held.
const STEPS_MAX: usize = 512;

/// What all edges hold, from their receipts.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    /// The present revision of the records: no edge can rightly hold more.
    present: u64,
    /// The revision that was present when this process began; none before its first look.
    begun_at: Option<u64>,
    edges: BTreeMap<String, Steps>,
}

/// The revisions one edge came to hold, with the instant its receipt came.
#[derive(Debug, Default)]
struct Steps {
    /// Rising; the first may be from before this process began.
    steps: VecDeque<(u64, Timestamp)>,
    /// What it held when it was first heard of, or when the oldest step was dropped.
    before: u64,
}

/// How far one revision has spread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spreading {
    /// Edges that hold it.
    pub(crate) held: Vec<Held>,
    /// Edges that report and do not hold it yet.
    pub(crate) missing: Vec<String>,
}

/// One edge that holds a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The edge.
    pub(crate) edge: String,
    /// When its receipt came; `None` when that was not noted: before this process began, or long ago.
    pub(crate) at: Option<Timestamp>,
}

impl Spreading {
    /// Whether at least one edge reports, and all that do hold it.
    pub(crate) fn is_complete(&self) -> bool {
        !self.held.is_empty() && self.missing.is_empty()
    }
}

impl Spread {
    /// Takes the latest receipts in; whether anything is new.
    pub(super) fn note(&mut self, receipts: &[Receipt], present: u64, now: Timestamp) -> bool {
        let mut news = self.present != present;
        self.present = present;
        self.begun_at.get_or_insert(present);
        let known = self.edges.len();
        self.edges.retain(|edge, _| receipts.iter().any(|receipt| receipt.edge == *edge));
        news |= self.edges.len() != known;
        for receipt in receipts {
            news |= match self.edges.get_mut(&receipt.edge) {
                Some(steps) => steps.note(receipt.purged, now),
                None => {
                    let steps = Steps { steps: VecDeque::new(), before: receipt.purged };
                    self.edges.insert(receipt.edge.clone(), steps);
                    true
                }
            };
        }
        news
    }

    /// How far a revision has spread.
    pub(crate) fn of(&self, revision: u64) -> Spreading {
        let mut spreading = Spreading::default();
        for (edge, steps) in &self.edges {
            // An edge that claims more than was ever given knows another history.
            let believed = steps.holds() <= self.present;
            match steps.since(revision).filter(|_| believed) {
                Some(at) => {
                    // An edge that started anew with us takes the whole window anew, which says nothing of
                    // when it first held a purge.
                    let at = at.filter(|_| self.begun_at.is_some_and(|begun_at| revision > begun_at));
                    spreading.held.push(Held { edge: edge.clone(), at });
                }
                None => spreading.missing.push(edge.clone()),
            }
        }
        spreading
    }
}

impl Steps {
    fn holds(&self) -> u64 {
        self.steps.back().map_or(self.before, |(revision, _)| *revision)
    }

    fn note(&mut self, purged: u64, now: Timestamp) -> bool {
        if purged == self.holds() {
            return false;
        }
        if purged < self.holds() {
            // It lost what it held, its cache with it.
            *self = Self { steps: VecDeque::new(), before: purged };
            return true;
        }
        self.steps.push_back((purged, now));
        if self.steps.len() > STEPS_MAX {
            self.before = self.steps.pop_front().map_or(self.before, |(revision, _)| revision);
        }
        true
    }

    /// `None`: it does not hold the revision. `Some(None)`: since an unknown time.
    fn since(&self, revision: u64) -> Option<Option<Timestamp>> {
        if revision <= self.before {
            return Some(None);
        }
        self.steps.iter().find(|(held, _)| *held >= revision).map(|(_, at)| Some(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(edge: &str, purged: u64) -> Receipt {
        let edge = edge.to_owned();
        Receipt { edge, revision: 1, purged, applied: vec![], refused: vec![], alarms: vec![] }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + second)
    }

    fn since(spread: &Spread, revision: u64) -> Vec<(String, Option<Timestamp>)> {
        spread.of(revision).held.into_iter().map(|held| (held.edge, held.at)).collect()
    }

    #[test]
    fn an_edge_holds_a_purge_since_its_first_receipt_that_reaches_it() {
        let mut spread = Spread::default();
        assert!(!spread.of(1).is_complete(), "nobody holds anything before an edge reports");
        assert!(spread.note(&[receipt("a", 1), receipt("b", 2)], 2, at(0)));
        assert!(spread.note(&[receipt("a", 2), receipt("b", 2)], 5, at(1)));
        assert!(spread.note(&[receipt("a", 4), receipt("b", 2)], 5, at(2)));
        assert!(!spread.note(&[receipt("a", 4), receipt("b", 2)], 5, at(3)), "nothing new");
        spread.note(&[receipt("a", 5), receipt("b", 2)], 5, at(4));
        let a = |when| ("a".to_owned(), when);
        assert_eq!(since(&spread, 2), [a(None), ("b".to_owned(), None)], "given before this began");
        assert_eq!(since(&spread, 3), [a(Some(at(2)))]);
        assert_eq!(since(&spread, 4), [a(Some(at(2)))]);
        assert_eq!(since(&spread, 5), [a(Some(at(4)))]);
        assert_eq!(spread.of(5).missing, ["b"]);
        assert!(!spread.of(5).is_complete());
        spread.note(&[receipt("a", 5)], 5, at(5));
        assert!(spread.of(5).is_complete(), "an edge that is gone is not waited for");
    }

    #[test]
    fn an_edge_that_lost_its_place_or_claims_too_much_holds_nothing() {
        let mut spread = Spread::default();
        spread.note(&[receipt("a", 3)], 3, at(1));
        spread.note(&[receipt("a", 0)], 3, at(2));
        assert_eq!(spread.of(1).missing, ["a"]);
        spread.note(&[receipt("a", 9)], 3, at(3));
        assert_eq!(spread.of(1).missing, ["a"], "9 was never given");
        spread.note(&[receipt("a", 9)], 9, at(4));
        assert!(spread.of(9).is_complete());
    }

    #[test]
    fn what_is_remembered_of_an_edge_is_bounded() {
        let mut spread = Spread::default();
        for revision in 0..=2 * STEPS_MAX as u64 {
            spread.note(&[receipt("a", revision)], revision, at(1));
        }
        assert_eq!(spread.edges["a"].steps.len(), STEPS_MAX);
        assert_eq!(since(&spread, 5), [("a".to_owned(), None)]);
        assert_eq!(since(&spread, 2 * STEPS_MAX as u64), [("a".to_owned(), Some(at(1)))]);
    }
}
