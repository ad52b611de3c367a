//! How many new addresses with queries a site may have stored in a short time.
//!
//! Whoever invents queries makes every request a new address: without a bound its answers would push those
//! of all sites out of the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use vocabulary::{SiteId, Timestamp};

/// New addresses with queries that one site may have stored at once.
pub(crate) const BURST: u64 = 2000;
/// And how many a second in the long run.
pub(crate) const PER_SECOND: u64 = 500;

/// One bucket for each site. Grows with the sites that are served, which are bounded.
#[derive(Default)]
pub(crate) struct Admission(Mutex<HashMap<SiteId, Bucket>>);

struct Bucket {
    /// Thousandths of an address.
    left: u64,
    at: Timestamp,
}

impl Admission {
    /// Whether one more may be stored now.
    pub(crate) fn take(&self, site: SiteId, now: Timestamp) -> bool {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = sites.entry(site).or_insert(Bucket { left: BURST * 1000, at: now });
        let earned = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX);
        bucket.left = bucket.left.saturating_add(earned.saturating_mul(PER_SECOND)).min(BURST * 1000);
        bucket.at = now;
        let enough = bucket.left >= 1000;
        bucket.left -= if enough { 1000 } else { 0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_let_in_and_then_a_rate_for_each_site_by_itself() {
        let admission = Admission::default();
        let (one, two) = (SiteId::from_bytes([1; 16]), SiteId::from_bytes([2; 16]));
        let now = Timestamp::from_secs(1_000);
        assert_eq!((0..BURST + 10).filter(|_| admission.take(one, now)).count() as u64, BURST);
        assert!(admission.take(two, now));
        let later = now.plus(Duration::from_secs(2));
        assert_eq!((0..BURST).filter(|_| admission.take(one, later)).count() as u64, 2 * PER_SECOND);
        let much_later = now.plus(Duration::from_secs(3600));
        assert_eq!((0..BURST + 10).filter(|_| admission.take(one, much_later)).count() as u64, BURST);
    }
}
