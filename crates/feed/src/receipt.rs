//! What an edge says became of parcels and purges, and the bounded book of receipts.

use std::collections::BTreeMap;
use vocabulary::DecisionId;

/// The most edges whose receipts are kept; when full, the one that reported longest ago goes.
pub const EDGES_MAX: usize = 1_024;

/// The most applied measures, refused ones and alarms that one receipt names; more are cut off.
pub const ITEMS_MAX: usize = 10_000;

/// The longest text (edge name, reason) of a receipt, in bytes; more is cut off.
pub const TEXT_BYTES_MAX: usize = 300;

/// What an edge says became of the parcels and purges it was given: its whole state, not a change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The edge's name.
    pub edge: String,
    /// The parcel's revision; 0 before the first.
    pub revision: u64,
    /// The revision of the last purge that the edge's cache holds durably: no copy that this purge or an
    /// earlier one names is served there any more. 0 before the first.
    pub purged: u64,
    /// The measures in force there.
    pub applied: Vec<DecisionId>,
    /// What was refused, with the reason; without an id when the bundle could not even be read.
    pub refused: Vec<(Option<DecisionId>, String)>,
    /// What people must look at, besides refusals.
    pub alarms: Vec<String>,
}

impl Receipt {
    /// Brings the receipt within its bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.edge);
        self.applied.truncate(ITEMS_MAX);
        self.refused.truncate(ITEMS_MAX);
        self.alarms.truncate(ITEMS_MAX);
        self.alarms.iter_mut().for_each(cut);
        self.refused.iter_mut().for_each(|(_, reason)| cut(reason));
        self
    }
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
}

/// The latest receipt of each edge.
#[derive(Debug, Default)]
pub(crate) struct ReceiptBook {
    latest: BTreeMap<String, (u64, Receipt)>,
    count: u64,
}

impl ReceiptBook {
    /// Enters a receipt in place of the edge's earlier one, even if that was of a later revision: an edge
    /// that went back must be seen to have gone back.
    pub(crate) fn enter(&mut self, receipt: Receipt) {
        let receipt = receipt.bounded();
        if !self.latest.contains_key(&receipt.edge) && self.latest.len() >= EDGES_MAX {
            self.drop_longest_silent();
        }
        self.count += 1;
        self.latest.insert(receipt.edge.clone(), (self.count, receipt));
    }

    /// How many receipts were ever entered.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The latest of each edge, by name.
    pub(crate) fn all(&self) -> Vec<Receipt> {
        self.latest.values().map(|(_, receipt)| receipt.clone()).collect()
    }

    fn drop_longest_silent(&mut self) {
        let oldest = self.latest.iter().min_by_key(|(_, (entered, _))| *entered);
        if let Some(edge) = oldest.map(|(edge, _)| edge.clone()) {
            self.latest.remove(&edge);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(edge: &str, revision: u64) -> Receipt {
        Receipt {
            edge: edge.to_owned(),
            revision,
            purged: 0,
            applied: vec![],
            refused: vec![],
            alarms: vec![],
        }
    }

    #[test]
    fn the_latest_receipt_of_each_edge_is_kept() {
        let mut book = ReceiptBook::default();
        for (edge, revision) in [("b", 1), ("a", 1), ("a", 3), ("a", 2)] {
            book.enter(receipt(edge, revision));
        }
        assert_eq!(book.all(), [receipt("a", 2), receipt("b", 1)]);
        assert_eq!(book.count(), 4);
    }

    #[test]
    fn a_full_book_forgets_the_edge_silent_longest() {
        let mut book = ReceiptBook::default();
        for edge in 0..EDGES_MAX {
            book.enter(receipt(&format!("edge-{edge}"), 1));
        }
        book.enter(receipt("edge-0", 2));
        book.enter(receipt("newcomer", 1));
        let all = book.all();
        assert_eq!(all.len(), EDGES_MAX);
        assert!(all.iter().any(|kept| kept.edge == "edge-0"));
        assert!(all.iter().any(|kept| kept.edge == "newcomer"));
        assert!(!all.iter().any(|kept| kept.edge == "edge-1"));
    }

    #[test]
    fn an_oversized_receipt_is_cut_between_characters() {
        let mut long = receipt(&"ä".repeat(400), 1);
        long.refused = vec![(None, "ö".repeat(400)); ITEMS_MAX + 5];
        let kept = long.bounded();
        assert_eq!(kept.edge.len(), TEXT_BYTES_MAX);
        assert_eq!(kept.refused.len(), ITEMS_MAX);
        assert!(kept.refused.iter().all(|(_, reason)| reason.len() <= TEXT_BYTES_MAX));
    }
}
