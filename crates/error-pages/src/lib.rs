//! Error pages of customers: what they may say, their tokens, and how they become self-contained.
//!
//! Owns the classes of pages, the grammar of their tokens, the reading and writing anew of a customer's HTML,
//! the inlining of what it refers to, and the policy it is sent with. Pure: assets that are wanted are named,
//! and come in as bytes. Knows no socket, no site and no store.
//!
//! Invariants:
//! - a [`Page`] was written by [`compile`] from tokens that were read, never copied from the source, so that
//!   what was checked is what is sent;
//! - a value filled in can never become markup: it stands in text or in a quoted attribute, escaped;
//! - a page loads nothing: whatever slips through is refused by its own `Content-Security-Policy`.

mod class;
mod compile;
mod css;
mod element;
mod inliner;
mod page;
mod tokens;

#[cfg(test)]
mod tests;

pub use class::PageClass;
pub use compile::{ASSETS_MAX, Asset, Assets, CompileError, Compiled, Mistake, compile};
pub use page::{BYTES_MAX, CONTACT_BYTES_MAX, Page, PageError, Pages};
pub use tokens::{TOKENS_MAX, Values};
