//! Which of a site's origins a request goes to.
//!
//! Owns the arithmetic of choosing: smooth weighted rotation, least outstanding, consistent hashing with
//! bounded load; what the checks of an origin and the answers of visitors' requests say about it; how it comes
//! back; how many requests may be sent a second time. Knows no socket, no runtime and no HTTP: time and
//! counts come in as arguments.
//!
//! Invariants: an origin without a share is chosen only where none has one; a choice among origins that are
//! there is never empty; nothing here grows with traffic.

mod budget;
mod choice;
mod ejection;
mod health;
mod rendezvous;
mod rotation;

pub use budget::RetryBudget;
pub use choice::{Candidate, Tried, effective_shares, least_outstanding};
pub use ejection::{Ejecting, EjectionLimits, Standing};
pub use health::{Change, Probed, Thresholds, jittered};
pub use rendezvous::{hash_of, rendezvous};
pub use rotation::Rotation;

/// The most origins of one site.
pub const MEMBERS_MAX: usize = 16;

/// A full share: the origin takes all that its weight says.
pub const FULL: u16 = 1000;
