//! The stored responses' figures as Prometheus reads them.

use object_cache::Figures;
use std::fmt::Write as _;

type Row = (&'static str, &'static str, &'static str, fn(&Figures) -> u64);

const ROWS: [Row; 20] = [
    ("wardmote_cache_bytes", "gauge", "Bytes of stored responses.", |f| f.bytes),
    ("wardmote_cache_capacity_bytes", "gauge", "Bytes that may be stored.", |f| f.capacity),
    ("wardmote_cache_keys", "gauge", "Keys of stored responses.", |f| f.keys),
    ("wardmote_cache_inserts_total", "counter", "Responses stored.", |f| f.inserts),
    ("wardmote_cache_evictions_total", "counter", "Keys dropped to make room.", |f| f.evictions),
    ("wardmote_cache_removals_total", "counter", "Keys dropped on request.", |f| f.removals),
    ("wardmote_cache_refusals_total", "counter", "Responses too heavy to hold.", |f| f.refusals),
    (
        "wardmote_cache_share_refusals_total",
        "counter",
        "Times something was left out of memory because its account had had its share.",
        |f| f.share_refusals,
    ),
    ("wardmote_cache_disk_capacity_bytes", "gauge", "Bytes that may be kept on disk.", |f| f.disk_capacity),
    ("wardmote_cache_disk_queued_bytes", "gauge", "Bytes that wait for the disk.", |f| f.disk_queued),
    ("wardmote_cache_disk_hits_total", "counter", "Lookups that only the disk answered.", |f| f.disk_hits),
    ("wardmote_cache_disk_writes_total", "counter", "Records given to the disk.", |f| f.disk_writes),
    ("wardmote_cache_disk_rewrites_total", "counter", "Records written again.", |f| f.disk_rewrites),
    ("wardmote_cache_disk_drops_total", "counter", "Records the queue had no room for.", |f| f.disk_drops),
    ("wardmote_cache_disk_timeouts_total", "counter", "Reads that took too long.", |f| f.disk_timeouts),
    ("wardmote_cache_disk_errors_total", "counter", "Reads and writes that failed.", |f| f.disk_errors),
    (
        "wardmote_cache_disk_reopenings_total",
        "counter",
        "Times the disk was opened anew after losses.",
        |f| f.disk_reopenings,
    ),
    ("wardmote_cache_disk_skips_total", "counter", "Reads left out.", |f| f.disk_skips),
    ("wardmote_cache_disk_unreadable_total", "counter", "Damaged or foreign records.", |f| f.disk_unreadable),
    ("wardmote_cache_disk_outdated_total", "counter", "Records purged or replaced.", |f| f.disk_outdated),
];

/// Writes them all.
pub(crate) fn write(text: &mut String, figures: &Figures) {
    for (name, kind, help, value) in ROWS {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}\n", value(figures));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_figure() {
        let mut text = String::new();
        write(&mut text, &Figures { evictions: 3, disk_drops: 5, ..Figures::default() });
        for line in ["wardmote_cache_evictions_total 3", "wardmote_cache_disk_drops_total 5"] {
            assert!(text.lines().any(|written| written == line), "{line}");
        }
        assert_eq!(text.lines().filter(|line| line.ends_with(" 0")).count(), ROWS.len() - 2);
    }
}
