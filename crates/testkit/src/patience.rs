//! How long a script waits.

use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// Waits of a second each, after which a script has failed. Several short ones: a machine that stood still for a
/// while, with every process of the test, takes one of them and not all.
const WAITS: usize = 15;
const WAIT: Duration = Duration::from_secs(1);

/// What comes of something awaited; nothing when it takes too long.
pub(crate) async fn patiently<F: Future>(awaited: F) -> Option<F::Output> {
    let mut awaited = pin!(awaited);
    for _ in 0..WAITS {
        if let Ok(output) = timeout(WAIT, &mut awaited).await {
            return Some(output);
        }
    }
    None
}
