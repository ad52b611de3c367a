//! The operator on a simulated clock.
//!
//! Owns a simulated operator (log, witness, officers, one edge) made of the real parts, the stories that
//! are played with it, and the invariants that are asked after each step. The scenario table of due
//! process is in `tests/scenarios`. Must not know any service: no sockets, no files, no tasks.
//!
//! Invariants: the same seed gives the same bytes; what is signed here acts nowhere else, because the
//! log has a name that no edge outside pins.

mod court;
mod desk;
mod invariants;
mod operator;
mod simulation;
#[cfg(test)]
mod tests;
mod timeline;

pub use operator::{Broken, Operator};
pub use simulation::{Planted, Run, simulate};
pub use timeline::{Ending, Script, Told, timeline};
