//! Ports for servers that must know their port before they start.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

/// Below the range from which the system takes ports of outgoing connections, so that none of
/// those can sit on a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port of 127.0.0.1 that nobody listens on and no other test of this run was given.
pub(crate) fn free_port() -> u16 {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    // Runs at the same time begin at different places.
    let start = std::process::id() as u16 % COUNT;
    for step in 0..COUNT {
        let port = FIRST + (start + step) % COUNT;
        if !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.insert(port);
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
