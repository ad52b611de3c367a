//! Budgets of connections: frames of HTTP/2, connections and handshakes of a network.
//!
//! Owns what is counted on a connection and for a network, and the verdicts. Must not know sockets or
//! any library of the protocol: the edge tells what came and does what the verdict says.
//!
//! Invariants: counting costs no memory; networks are kept in tables of fixed size; without scarcity
//! nobody is refused for the network it comes from.

mod frames;
mod handshakes;
mod prefixes;
#[cfg(test)]
mod tests;

pub use frames::{
    ABANDONED_WITHIN_MS, Breach, FORCED_RESETS_MAX, Frame, FrameBudget, FrameLimits, FrameVerdict,
    STREAMS_BEFORE_JUDGEMENT,
};
pub use handshakes::{Handshakes, Turn, WAITING_MAX};
pub use prefixes::{Prefix, PrefixCounts, Scarcity};
