//! How long things took, as counts in buckets.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in milliseconds, with their text in seconds; one more bucket has none.
const BOUNDS: [(u64, &str); 14] = [
    (1, "0.001"),
    (2, "0.002"),
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (500, "0.5"),
    (1_000, "1"),
    (2_500, "2.5"),
    (5_000, "5"),
    (10_000, "10"),
    (60_000, "60"),
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// One worker's counts.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    total_ms: AtomicU64,
}

impl Histogram {
    /// Counts one span.
    pub(crate) fn observe(&self, span: Duration) {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| ms <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.total_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

/// The counts of all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    buckets: [u64; BUCKETS],
    total_ms: u64,
}

impl Latency {
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        for (slot, counter) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *slot += counter.load(Ordering::Relaxed);
        }
        self.total_ms += histogram.total_ms.load(Ordering::Relaxed);
    }

    /// How many spans were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The spans together, in milliseconds.
    pub fn total_ms(&self) -> u64 {
        self.total_ms
    }

    /// Writes a histogram in seconds as Prometheus reads it; the name ends in `_seconds`.
    pub(crate) fn write(&self, text: &mut String, name: &str, help: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
        let mut sum = 0;
        let bounds = BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
        for (bound, count) in bounds.zip(self.buckets) {
            sum += count;
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}");
        }
        let (seconds, ms) = (self.total_ms / 1000, self.total_ms % 1000);
        let _ = write!(text, "{name}_sum {seconds}.{ms:03}\n{name}_count {sum}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_the_last_one_holds_all() {
        let histogram = Histogram::default();
        for ms in [0, 1, 2, 70, 100, 100_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let mut latency = Latency::default();
        latency.add(&histogram);
        let mut text = String::new();
        latency.write(&mut text, "x_seconds", "X.");
        for line in [
            "x_seconds_bucket{le=\"0.001\"} 2",
            "x_seconds_bucket{le=\"0.002\"} 3",
            "x_seconds_bucket{le=\"0.05\"} 3",
            "x_seconds_bucket{le=\"0.1\"} 5",
            "x_seconds_bucket{le=\"60\"} 5",
            "x_seconds_bucket{le=\"+Inf\"} 6",
            "x_seconds_sum 100.173",
            "x_seconds_count 6",
        ] {
            assert!(text.lines().any(|written| written == line), "{line}\n{text}");
        }
    }
}
