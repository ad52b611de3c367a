//! The way out to the public web: bounded fetches that reach no private address.
//!
//! A customer names what is fetched, so nothing here trusts an address: it is resolved once, each of its
//! addresses is checked, and the connection goes to one that was checked, so that a name cannot mean one thing
//! when it is looked at and another when it is used. A redirect is a new address and is checked as one.
//!
//! Owns the guard, the port [`Web`] with its adapter [`PublicWeb`], and the bounds of one fetch. Knows no page,
//! no site and no account.

mod fetch;
mod guard;
mod wire;

#[cfg(test)]
mod tests;

pub use fetch::{Fetched, Limits, Names, PublicWeb, SystemNames, Unfetched, Web};
pub use guard::is_public;
