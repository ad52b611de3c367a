//! End-to-end tests: real processes, real sockets, a real nginx as origin.
//!
//! Needs nginx, curl, node, Chromium (`script/bootstrap` installs them). Each test starts what it
//! needs on ports of its own and ends it; a failed test prints the tail of each process's output.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests of real processes live on the real clock")]

mod bad_input;
mod browser;
mod cache_tests;
mod caching;
mod challenges;
mod defending;
mod drill;
mod due_process;
mod enduring;
mod figures;
mod first_minute;
mod five_people;
mod founding;
mod harness;
mod host_names;
mod kill;
mod large;
mod monitor;
mod mote;
mod record;
mod rogue;
mod settings;
mod story;
mod suspending;
mod upgrading;
mod upkeep;
mod witnesses;
