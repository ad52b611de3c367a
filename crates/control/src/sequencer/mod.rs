//! The sequencer: the one writer of the log.
//!
//! Owns the order of steps from an entry to a published checkpoint: number, sign, append (compare and
//! swap), cosign by the local witness (which stores before it answers) and by those elsewhere until the quorum
//! is reached, publish. Must not know what an
//! entry decides.
//!
//! Invariants: an entry is logged at most once, however often it is submitted; a checkpoint once
//! published is never contradicted; killed between any two steps, the next start goes on by the same
//! steps. Decision entries are flushed at once, all others at the beat, so that times tell nothing.

mod batch;
mod desk;
mod witness;
mod writer;

#[cfg(test)]
mod simulation;

pub(crate) use batch::{Draft, Item, find_gap, find_kind, find_statement, find_tombstone};
pub(crate) use desk::{BEAT, Sequencer, Stopped, Surroundings, run};
pub(crate) use witness::{LocalWitness, WitnessFile, Witnesses};
pub(crate) use writer::{Published, Writer, WriterError};
