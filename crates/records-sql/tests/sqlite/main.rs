//! Everything that is tested of the SQLite adapter from outside, in one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod backup;
mod contract;
mod crash;
mod guards;
mod opening;
mod speed;
