//! Processes, ports, an HTTP client and patience.

mod browser;
mod http;
mod nginx;
mod ports;
mod process;
mod wardmote;

pub(crate) use browser::{Browser, Form, links};
pub(crate) use http::{Connection, Reply, get};
pub(crate) use nginx::{LARGE_BYTES, Nginx, SLOW_BYTES, marker};
pub(crate) use ports::free_port;
pub(crate) use process::{Finished, Process, run};
pub(crate) use wardmote::{Setup, Wardmote, binary};

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer; panics with `what` when `limit` has passed.
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The seed of this run: `WARDMOTE_SEED`, else a fixed one. Printed by who uses it.
pub(crate) fn seed() -> u64 {
    std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Whether this is `script/test --long`.
pub(crate) fn is_long() -> bool {
    std::env::var_os("WARDMOTE_LONG").is_some()
}
