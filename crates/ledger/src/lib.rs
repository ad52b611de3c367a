//! The record as bytes: entries, commitments, Merkle tree, checkpoints, proofs, witnesses.
//!
//! Owns the encoding of what is logged and the C2SP formats around it: signed-note, tlog-checkpoint,
//! tlog-cosignature, tlog-tiles, tlog-policy, tlog-proof, tlog-witness (documents of C2SP/C2SP).
//! Knows no cases, no storage and no clock: it sees bytes and ids, and time comes in.
//!
//! Invariants: what parses is the one spelling of its value; an [`tlog_policy::Opened`] checkpoint is
//! made only by a policy that the note satisfies; no input from outside panics or grows past its bound.
//!
//! `signed_note` parses note lines. The Merkle arithmetic is our own, because the crate `tlog_tiles`
//! copies the proof at each level and asserts on arithmetic; it serves as the oracle of our tests.

mod base64_text;
pub mod checkpoint;
pub mod commitment;
#[cfg(test)]
mod decoders_tests;
mod entry;
pub mod key;
pub mod merkle;
pub mod note;
mod publication;
pub mod tiles;
pub mod tlog_policy;
pub mod tlog_proof;
pub mod witness;

pub use entry::{Body, ENTRY_BYTES_MAX, Entry, EntryError, EntryFormat, Kind};
pub use publication::{
    CountDaily, DecisionEnded, DecisionLapsed, EnforcementGap, Erasure, ErasureFormat, PolicyPublished,
    RosterChanged, SEALED_MAX, SEALED_UNTIL, SealOpened, SealRenewed, StatementPublished, SuspensionBegun,
    SuspensionConfirmed, Tombstone,
};
