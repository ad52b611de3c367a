//! The defence of the edge as pure state: what is counted, what a rule says, what is mitigated and why.
//!
//! Owns the rules language, rules and lists, rate counters, connection and frame budgets, the places of
//! an origin and the queue for them, fingerprints, crawlers and where they come from, the search for the signature of an
//! attack, and challenge tokens. Knows no socket, no clock and no runtime: instants and randomness come in as arguments,
//! verdicts go out as values.
//!
//! Invariants: every table has a fixed size, whatever is sent; nothing in the way of a request
//! allocates in steady state; outside input never panics.

pub mod adaptive;
pub mod admission;
pub mod budgets;
pub mod challenge;
pub mod crawlers;
pub mod events;
pub mod expression;
pub mod fingerprint;
pub mod lists;
#[cfg(test)]
mod mutations;
pub mod rates;
mod request;
pub mod rules;

pub use expression::{Condition, ExpressionError, Overrun, Scratch, Value};
pub use lists::{List, ListError, ListKind, ListName, Lists};
pub use request::{BotClass, Fields, NoFields, Request, Response, Source};
