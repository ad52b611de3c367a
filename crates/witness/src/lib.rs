//! Witnesses over HTTP (C2SP tlog-witness): one as a process of its own, and the asking of remote ones.
//!
//! Owns the durable state of a witness, its HTTP interface, and the client that a log's writer gathers
//! cosignatures with. The judgement itself is `ledger::witness`. Must not know what a log is about.
//!
//! Invariants: what was cosigned is on disk before the answer leaves; judging and keeping are one step
//! per witness; every wait and every body is bounded; a damaged state is an error, never a fresh start.
//!
//! Plain HTTP: a request and its answer carry their own signatures, so a listener in between can
//! withhold them and nothing else.

mod desk;
mod gather;
mod http1;
mod remote;
mod server;
mod state;

pub use desk::{Desk, DeskError};
pub use gather::{Gathered, Proof, Remotes};
pub use remote::{Cosigner, HttpWitness, UrlError};
pub use server::serve;
pub use state::Heads;
