//! The Merkle tree of RFC 6962 §2.1 over SHA-256, and the checks of its proofs.
//!
//! Owns the arithmetic; knows neither what a leaf says nor who signs a root. Verification follows the
//! algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2, which compute the same trees.

mod frontier;
mod tree;

pub use frontier::{Frontier, FrontierError};
pub use tree::{Tree, TreeRangeError};

use vocabulary::{Digest, Hasher};

/// No proof is longer: a tree has fewer than 2^64 leaves, and a consistency proof adds one hash.
pub const PROOF_HASHES_MAX: usize = 65;

/// The proof does not lead to the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Merkle proof does not lead to the root")]
pub struct ProofError;

/// Hash of a leaf: `SHA-256(0x00 ‖ bytes)`.
pub fn leaf_hash(bytes: &[u8]) -> Digest {
    Hasher::default().part(&[0]).part(bytes).finish()
}

/// Hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    Hasher::default().part(&[1]).part(left.as_bytes()).part(right.as_bytes()).finish()
}

/// Root of the tree without leaves.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// Checks that `leaf` stands at `index` of the tree of `size` leaves under `root`.
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root { Ok(()) } else { Err(ProofError) }
}

/// Checks that the tree of `new_size` leaves extends the tree of `old_size` leaves.
///
/// Between equal sizes the proof is empty. From size 0 nothing can be proved and nothing is: every
/// tree extends the empty one, and callers say so themselves.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if old_size == 0 || old_size > new_size {
        return Err(ProofError);
    }
    if old_size == new_size {
        return if old_root == new_root && proof.is_empty() { Ok(()) } else { Err(ProofError) };
    }
    match implied(old_size, old_root, new_size, proof) {
        Some(roots) if roots == (*old_root, *new_root) => Ok(()),
        _ => Err(ProofError),
    }
}

/// Whether a consistency proof shows that two trees contradict each other: its hashes are those of the
/// newer tree, because they give `new_root`, and the older tree inside it has another root than `old_root`.
///
/// A proof that merely does not hold shows nothing, since anybody can make one. From an older size that is
/// a power of two a proof takes the older root as given, and can never show this.
pub fn contradicts(
    old_size: u64,
    old_root: &Digest,
    new_size: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> bool {
    if old_size == 0 || old_size >= new_size || old_size.is_power_of_two() {
        return false;
    }
    implied(old_size, old_root, new_size, proof)
        .is_some_and(|(old, new)| new == *new_root && old != *old_root)
}

/// The roots of both trees as the proof gives them (RFC 9162 §2.1.4.2); none if it has a wrong length.
/// Sizes are different and not 0.
fn implied(old_size: u64, old_root: &Digest, new_size: u64, proof: &[Digest]) -> Option<(Digest, Digest)> {
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    // A complete old tree is itself the first node of the path; the proof leaves it out.
    let mut hashes = proof.iter();
    let start = if old_size.is_power_of_two() { old_root } else { hashes.next()? };
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sibling in hashes {
        if last == 0 {
            return None;
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    (last == 0).then_some((old_hash, new_hash))
}

#[cfg(test)]
mod tests;
