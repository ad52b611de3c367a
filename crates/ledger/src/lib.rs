//! The record as bytes: entries, commitments, Merkle tree, checkpoints, proofs, witnesses.
