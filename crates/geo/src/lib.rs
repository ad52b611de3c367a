//! Where an address is, and whose network it belongs to, from files in the format of MaxMind's databases.
//!
//! Owns reading those files ([the format, version 2](https://maxmind.github.io/MaxMind-DB/)), holding them in
//! memory and taking a new version when a file changes. Knows no request and no rule. No file comes with the
//! project: the operator supplies them.
//!
//! Invariants: no file can make a look-up panic, or take more than a bounded number of steps; a new version that
//! cannot be read leaves the former in use; a look-up never waits for a file.

mod database;
mod location;
mod places;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod values;
mod watch;

pub use database::{Database, DatabaseError};
pub use location::Location;
pub use places::Places;
pub use watch::{FILE_BYTES_MAX, FILES_MAX, INTERVAL, Unreadable, Watch, Why, open};
