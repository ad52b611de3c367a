//! What one run of rows works with: the target, the origin behind it, the seed, the time.

use crate::books::Label;
use crate::origin::Origin;
use crate::target::Target;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;
use vocabulary::SeededRandom;

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Enough for counts: seconds a row.
    Short,
    /// As the bars are written.
    Full,
}

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is attacked.
    pub target: Target,
    /// Where the lab answers as the target's origin.
    pub origin: SocketAddr,
    /// The same seed makes the same requests.
    pub seed: u64,
    /// How much is done.
    pub effort: Effort,
    /// The target's process, to watch its memory.
    pub pid: Option<u32>,
    /// Requests a second of the attackers of a flood; none: by effort.
    pub rate: Option<u32>,
}

/// The rehearsal cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The origin's address cannot be listened on.
    #[error("cannot be the origin at {address}: {source}")]
    Origin {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// No row has this name.
    #[error("no row {0:?}; known are {1}")]
    UnknownRow(String, String),
    /// The row needs the address of the target's TLS listener.
    #[error("row {0} speaks TLS; name the target's TLS listener")]
    NoTls(&'static str),
    /// The target did not serve a visitor before anything began.
    #[error("the target does not serve {host} from the lab's origin before anything begins: {ending}")]
    NotReady {
        /// The site.
        host: String,
        /// What came instead.
        ending: String,
    },
}

/// The stage of one row after the other.
pub struct Stage {
    pub(crate) settings: Settings,
    pub(crate) origin: Origin,
    /// Times of all books count from here.
    pub(crate) began: Instant,
}

impl Stage {
    /// Takes the origin's place.
    pub async fn set(settings: Settings) -> Result<Self, StageError> {
        let began = Instant::now();
        let address = settings.origin;
        let origin =
            Origin::listen(address, began).await.map_err(|source| StageError::Origin { address, source })?;
        Ok(Self { settings, origin, began })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.settings.target
    }

    pub(crate) fn is_short(&self) -> bool {
        self.settings.effort == Effort::Short
    }

    /// One of two by effort.
    pub(crate) fn by_effort<T>(&self, short: T, full: T) -> T {
        if self.is_short() { short } else { full }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) async fn until(&self, at: Duration) {
        tokio::time::sleep_until(self.began + at).await;
    }

    /// Numbers for one purpose of this run.
    pub(crate) fn dice(&self, purpose: u64) -> SeededRandom {
        SeededRandom::new(self.settings.seed.wrapping_mul(0x9E37_79B9).wrapping_add(purpose))
    }

    /// What the target's process holds, in MiB.
    pub(crate) fn memory_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.settings.pid?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
    }

    /// Requests of a label that have come to the origin since `from`, by the books of a row.
    pub(crate) fn arrivals(&self, books: &crate::books::Books, label: Label, from: Duration) -> usize {
        self.origin.count(|arrival| {
            arrival.at >= from && arrival.client.and_then(|client| books.label(client)) == Some(label)
        })
    }
}
