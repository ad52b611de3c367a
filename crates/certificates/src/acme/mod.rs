//! Certificates from public authorities over ACME (RFC 8555).
//!
//! Owns when a certificate is ordered, from whom, and how control over its name is proved. `plan` decides
//! and knows neither clock nor network; `budget` counts; `keeper` carries out; `order` is the only file that
//! speaks ACME. Must not know sites: it is given names, and puts what it gets into the store.
//!
//! Invariants: no authority is asked whose terms the operator has not accepted; of one name there is never
//! more than one order under way; what an account has spent is written down before it is spent; the
//! certificate in use stays until the next one is sealed.

mod board;
mod budget;
mod chance;
mod http;
mod keeper;
mod memory;
mod order;
mod plan;
mod settings;
#[cfg(test)]
mod tests;
mod webhook;

pub use board::{Board, Pinned};
pub use budget::{Limit, Limits, Purpose};
pub use http::{RootsError, may_be_asked};
pub use keeper::Keeper;
pub use plan::Outlook;
pub use settings::{Binding, Directory, Proof, Settings, Webhook};
