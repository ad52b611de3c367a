//! Rehearsed attacks on an edge of one's own.
//!
//! Each row of the catalogue attacks a target on loopback while visitors use it, and says which of its bars held.
//! Clients come from addresses of 127.0.0.0/8, and the lab is the target's origin, so that it sees both sides.
//! Who attacks is known to the lab alone: no request carries a label, they are told apart by its own books.
//!
//! Owns generators, books, table and plots. Must not know how the target defends itself: the same rows run against
//! any proxy. Invariants: nothing but loopback is ever connected to; every row ends, within its stated time and
//! rate; the same seed makes the same requests.

mod books;
mod bounds;
mod caller;
mod crowd;
mod draw;
mod frames;
mod origin;
mod population;
mod report;
mod rows;
mod stage;
mod target;
mod tls;

pub use report::{Bar, Held, Kind, Report, table};
pub use rows::{ELSEWHERE, Elsewhere, ROWS, Row, run, sites};
pub use stage::{Effort, Settings, Stage, StageError};
pub use target::{Refused, Target};
