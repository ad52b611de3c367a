//! The cache's figures of each site, second by second.

use super::{HISTORY, grown};
use crate::pages::cache::CacheFigures;
use crate::telemetry::SiteFigures;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

/// Most sites whose last minutes are kept at once; the figures of others begin when a console opens.
const SITES_MAX: usize = 1_000;

/// The last minutes of every site that was visited in them.
#[derive(Debug, Default)]
pub(super) struct SiteHistories(BTreeMap<SiteId, VecDeque<CacheFigures>>);

impl SiteHistories {
    pub(super) fn of(&self, site: SiteId) -> Vec<CacheFigures> {
        self.0.get(&site).map(|history| history.iter().cloned().collect()).unwrap_or_default()
    }

    /// Takes in one second; a site that nobody visited for the whole history is forgotten.
    pub(super) fn keep(&mut self, figures: &BTreeMap<SiteId, CacheFigures>) {
        self.0.retain(|site, history| {
            figures.contains_key(site) && history.iter().any(|second| second.requests_per_second > 0.0)
        });
        for (site, second) in figures {
            let known = self.0.contains_key(site);
            let begins = second.requests_per_second > 0.0 && self.0.len() < SITES_MAX;
            if !known && !begins {
                continue;
            }
            let history = self.0.entry(*site).or_default();
            if history.len() >= HISTORY {
                history.pop_front();
            }
            history.push_back(second.clone());
        }
    }
}

/// What each site's counters grew by, per second.
pub(super) fn rates(
    before: &[SiteFigures],
    after: &[SiteFigures],
    span: Duration,
    time: Timestamp,
) -> BTreeMap<SiteId, CacheFigures> {
    let before: BTreeMap<SiteId, &SiteFigures> =
        before.iter().map(|figures| (figures.site, figures)).collect();
    let rates = after.iter().map(|after| {
        let grew = |read: fn(&SiteFigures) -> u64| {
            grown(before.get(&after.site).map_or(0, |before| read(before)), read(after))
        };
        let per_second = |read| grew(read) as f64 / span.as_secs_f64();
        let held = grew(|site| site.hits).saturating_add(grew(|site| site.stale));
        let looked_up = held.saturating_add(grew(|site| site.misses));
        let figures = CacheFigures {
            time,
            requests_per_second: per_second(|site| site.requests),
            hit_share: (looked_up > 0).then(|| held as f64 / looked_up as f64),
            memory_bytes_per_second: per_second(|site| site.memory_bytes),
            disk_bytes_per_second: per_second(|site| site.disk_bytes),
            origin_bytes_per_second: per_second(|site| site.origin_bytes),
        };
        (after.site, figures)
    });
    rates.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(number: u8, hits: u64, misses: u64) -> SiteFigures {
        SiteFigures {
            site: SiteId::from_bytes([number; 16]),
            requests: hits + misses,
            hits,
            stale: 0,
            misses,
            bytes: 0,
            memory_bytes: hits * 10,
            disk_bytes: 0,
            origin_bytes: misses * 100,
            blocked: 0,
            reasons: vec![],
            top_misses: vec![],
        }
    }

    fn second(after: &[SiteFigures]) -> BTreeMap<SiteId, CacheFigures> {
        rates(&[counted(1, 10, 10)], after, Duration::from_secs(2), Timestamp::from_secs(1_700_000_000))
    }

    #[test]
    fn a_site_s_rates_are_differences_and_a_new_site_counts_from_nothing() {
        let figures = second(&[counted(1, 40, 20), counted(2, 2, 0), counted(3, 0, 0)]);
        let shown: Vec<_> = figures
            .values()
            .map(|f| {
                (f.requests_per_second, f.hit_share, f.memory_bytes_per_second, f.origin_bytes_per_second)
            })
            .collect();
        assert_eq!(
            shown,
            [(20.0, Some(0.75), 150.0, 500.0), (1.0, Some(1.0), 10.0, 0.0), (0.0, None, 0.0, 0.0)]
        );
    }

    #[test]
    fn histories_begin_with_a_visit_and_end_after_a_quiet_while() {
        let mut histories = SiteHistories::default();
        let busy = second(&[counted(1, 40, 20), counted(3, 0, 0)]);
        let quiet = second(&[counted(1, 10, 10), counted(3, 0, 0)]);
        let [one, three] = [1, 3].map(|number| SiteId::from_bytes([number; 16]));
        histories.keep(&quiet);
        assert_eq!(histories.of(one).len(), 0);
        histories.keep(&busy);
        assert_eq!((histories.of(one).len(), histories.of(three).len()), (1, 0));
        for _ in 0..HISTORY - 1 {
            histories.keep(&quiet);
        }
        assert_eq!(histories.of(one).len(), HISTORY);
        histories.keep(&quiet);
        histories.keep(&quiet);
        assert_eq!(histories.of(one).len(), 0);
        let crowd: Vec<_> = (0..=SITES_MAX as u128)
            .map(|n| SiteFigures { site: SiteId::from_bytes(n.to_be_bytes()), ..counted(1, 1, 0) })
            .collect();
        histories.keep(&second(&crowd));
        assert_eq!(histories.0.len(), SITES_MAX);
    }
}
