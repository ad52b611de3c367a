//! The right edge of a tree: enough to grow it and to know its root, without its leaves.

use super::{empty_root, node_hash};
use serde::{Deserialize, Serialize};
use vocabulary::Digest;

/// The complete subtrees that a tree of `size` leaves is made of, widest first: one for each bit of
/// `size`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Frontier {
    size: u64,
    hashes: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    size: u64,
    hashes: Vec<Digest>,
}

/// As many hashes as the size has bits are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves is not made of {hashes} complete subtrees")]
pub struct FrontierError {
    size: u64,
    hashes: usize,
}

impl Frontier {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Digest) {
        let mut hash = leaf;
        // Each trailing one of the size is a subtree as wide as what is carried.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root (RFC 6962 §2.1).
    pub fn root(&self) -> Digest {
        let folded = self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}

impl TryFrom<Unchecked> for Frontier {
    type Error = FrontierError;

    fn try_from(Unchecked { size, hashes }: Unchecked) -> Result<Self, FrontierError> {
        // Without a leaf to spare the size could not grow.
        if size < u64::MAX && size.count_ones() as usize == hashes.len() {
            Ok(Self { size, hashes })
        } else {
            Err(FrontierError { size, hashes: hashes.len() })
        }
    }
}

impl From<Frontier> for Unchecked {
    fn from(Frontier { size, hashes }: Frontier) -> Self {
        Self { size, hashes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Tree, leaf_hash};

    #[test]
    fn a_frontier_has_the_trees_root_at_every_size_and_survives_being_written() {
        let (mut frontier, mut tree) = (Frontier::default(), Tree::default());
        for n in 0..300u32 {
            assert_eq!((frontier.size(), frontier.root()), (tree.size(), tree.root()));
            let text = serde_json::to_string(&frontier).expect("text");
            assert_eq!(serde_json::from_str::<Frontier>(&text).expect("frontier"), frontier);
            let leaf = leaf_hash(&n.to_be_bytes());
            frontier.push(leaf);
            tree.push(leaf);
        }
        let short = serde_json::json!({"size": 3, "hashes": [leaf_hash(b"x")]});
        assert!(serde_json::from_value::<Frontier>(short).is_err());
    }
}
