//! How much a rehearsal may do, whatever it is asked for.

use std::time::Duration;

/// Requests a second of all attackers of a row together.
pub(crate) const RATE_MAX: u32 = 20_000;
/// Connections open at a time.
pub(crate) const CONNECTIONS_MAX: usize = 15_000;
/// Entries of each book; later ones are left out, and said to be.
pub(crate) const ENTRIES_MAX: usize = 2_000_000;
/// How long an answer is waited for.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest head of an answer, and the longest body that is read.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;
pub(crate) const BODY_BYTES_MAX: usize = 64 << 20;
