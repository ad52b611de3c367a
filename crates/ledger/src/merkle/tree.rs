//! A tree that grows leaf by leaf and proves itself at every size it ever had.

use super::{empty_root, node_hash};
use vocabulary::Digest;

/// All hashes of a log, 64 bytes per leaf; rebuilt from its leaf hashes at start.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// `levels[k][i]` is the hash over leaves `i·2^k .. (i+1)·2^k`; complete subtrees only.
    levels: Vec<Vec<Digest>>,
}

/// A size or index that this tree does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree has {size} leaves; {asked} is beyond it")]
pub struct TreeRangeError {
    /// Leaves in the tree.
    pub size: u64,
    /// What was asked for.
    pub asked: u64,
}

impl FromIterator<Digest> for Tree {
    fn from_iter<I: IntoIterator<Item = Digest>>(leaf_hashes: I) -> Self {
        let mut tree = Self::default();
        leaf_hashes.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

impl Tree {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            let [.., left, right] = row.as_slice() else { return };
            if row.len() % 2 == 1 {
                return;
            }
            hash = node_hash(left, right);
        }
    }

    /// Hash of the leaf at `index`.
    pub fn leaf(&self, index: u64) -> Option<&Digest> {
        self.complete(0, index)
    }

    /// Hash of the complete subtree over leaves `index·2^level .. (index+1)·2^level`.
    pub fn complete(&self, level: u8, index: u64) -> Option<&Digest> {
        self.levels.get(usize::from(level))?.get(usize::try_from(index).ok()?)
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.range(0, self.size())
    }

    /// The root this tree had at `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<Digest, TreeRangeError> {
        self.check(size)?;
        Ok(self.range(0, size))
    }

    /// The root this tree would have with these leaves after its own; nothing is appended.
    pub fn root_after(&self, leaves: &[Digest]) -> Digest {
        let mut edge = self.right_edge();
        for leaf in leaves {
            let (mut level, mut hash) = (0, *leaf);
            while let Some((left, _)) = edge.pop_if(|(_, height)| *height == level) {
                hash = node_hash(&left, &hash);
                level += 1;
            }
            edge.push((hash, level));
        }
        let folded =
            edge.into_iter().map(|(hash, _)| hash).rev().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }

    /// The complete subtrees that make up the whole tree, widest first, each with its level.
    fn right_edge(&self) -> Vec<(Digest, u8)> {
        let mut edge = Vec::new();
        for (row, level) in self.levels.iter().zip(0u8..) {
            edge.extend(row.last().filter(|_| row.len() % 2 == 1).map(|hash| (*hash, level)));
        }
        edge.reverse();
        edge
    }

    /// Proof that leaf `index` is in the tree of the first `size` leaves, its sibling first
    /// (RFC 6962 §2.1.1).
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, TreeRangeError> {
        self.check(size)?;
        if index >= size {
            return Err(TreeRangeError { size, asked: index });
        }
        let (mut low, mut high) = (0, size);
        let mut proof = Vec::new();
        while high - low > 1 {
            let middle = low + split(high - low);
            if index < middle {
                proof.push(self.range(middle, high));
                high = middle;
            } else {
                proof.push(self.range(low, middle));
                low = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// Proof that the tree of the first `new` leaves extends that of the first `old`
    /// (RFC 6962 §2.1.2); empty for `old` = 0 and `old` = `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, TreeRangeError> {
        self.check(new)?;
        if old > new {
            return Err(TreeRangeError { size: new, asked: old });
        }
        let mut proof = Vec::new();
        if old == 0 || old == new {
            return Ok(proof);
        }
        let (mut low, mut high) = (0, new);
        while old != high {
            let middle = low + split(high - low);
            if old <= middle {
                proof.push(self.range(middle, high));
                high = middle;
            } else {
                proof.push(self.range(low, middle));
                low = middle;
            }
        }
        // The old tree itself is known to the reader; any other node must be named.
        if low != 0 {
            proof.push(self.range(low, high));
        }
        proof.reverse();
        Ok(proof)
    }

    fn check(&self, size: u64) -> Result<(), TreeRangeError> {
        if size <= self.size() { Ok(()) } else { Err(TreeRangeError { size: self.size(), asked: size }) }
    }

    /// Hash over leaves `low..high`, where `low` is a multiple of the power of two that covers the
    /// range; both lie within the tree.
    fn range(&self, low: u64, high: u64) -> Digest {
        if low == high {
            return empty_root();
        }
        let width = high - low;
        if width.is_power_of_two() {
            let level = width.trailing_zeros();
            let known = self.complete(level as u8, low >> level);
            return *known.expect("callers stay within the tree, and complete subtrees are all stored");
        }
        let middle = low + split(width);
        node_hash(&self.range(low, middle), &self.range(middle, high))
    }
}

/// The largest power of two smaller than `width`, for `width` ≥ 2 (RFC 6962 §2.1).
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}
