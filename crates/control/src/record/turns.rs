//! Costly readings by strangers, one after another: however many ask, they take no more than one core and leave the
//! records to the officers.

use crate::rim::{Problem, Reason};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Readings at once.
const AT_ONCE: usize = 1;
/// Longest wait for a turn.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Semaphore,
    wait: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self { free: Semaphore::new(AT_ONCE), wait: WAIT_MAX }
    }
}

impl Turns {
    /// Waits for a turn, which ends when it is dropped; 503 where others keep it for too long.
    pub(super) async fn take(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(self.wait, self.free.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Problem::new(Reason::RecordsBusy)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_again_and_the_next_has_its_turn() {
        let turns = Turns { wait: Duration::from_millis(1), ..Turns::default() };
        let first = turns.take().await.expect("a turn");
        assert!(turns.take().await.is_err());
        drop(first);
        assert!(turns.take().await.is_ok());
    }
}
