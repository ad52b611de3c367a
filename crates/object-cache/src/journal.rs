//! What must not be forgotten in a crash: purges and invalidations, on disk before they are answered.

/// A purge is in force, but it is not sure that it outlives a crash.
#[derive(Debug)]
pub struct JournalError(pub(crate) std::io::Error);

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the purge journal cannot be written, and what it guards cannot be given up")
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
