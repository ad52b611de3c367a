//! How long the operator may lower a site's service by mitigations: three hours in any day.
//!
//! What counts is time, for each site: a switch for all visitors, or a ban so broad that ordinary visitors are
//! among those refused. A site's owner may do the same for as long as it likes.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

/// The most in a window.
pub(crate) const CAP: Duration = Duration::from_secs(3 * 3_600);
/// The window.
pub(crate) const WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// What lowers a site's service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LoweredBy {
    /// The switch that has every visitor challenged.
    Switch,
    /// A ban, by its number.
    Entry(u64),
    /// A list that bans by itself, by its name.
    List(String),
}

/// A span of time in which a site's service is lowered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lowering {
    /// Which site; none: every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<SiteId>,
    /// What does it.
    pub(crate) by: LoweredBy,
    /// From.
    pub(crate) since: Timestamp,
    /// To.
    pub(crate) until: Timestamp,
}

/// How much of the window that ends with the last of these spans they cover for a site, each instant once.
/// Spans may reach into the future: it is counted as if it had come.
pub(crate) fn spent(lowerings: &[Lowering], site: Option<SiteId>, now: Timestamp) -> Duration {
    let from = now.minus(WINDOW);
    let concerned =
        lowerings.iter().filter(|own| own.site.is_none() || site.is_none_or(|site| own.site == Some(site)));
    let mut spans: Vec<_> = concerned.map(|own| (own.since.max(from), own.until)).collect();
    spans.sort();
    let mut spent = Duration::ZERO;
    let mut counted = from;
    for (since, until) in spans {
        let since = since.max(counted);
        if since < until {
            spent += until.since(since);
            counted = until;
        }
    }
    spent
}

/// How much is left for a site. For every site at once it is what is left for the one with the least, taken from
/// below: spans of different sites count together.
pub(crate) fn left(lowerings: &[Lowering], site: Option<SiteId>, now: Timestamp) -> Duration {
    CAP.saturating_sub(spent(lowerings, site, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + minutes * 60)
    }

    fn span(site: Option<SiteId>, since: i64, until: i64) -> Lowering {
        Lowering { site, by: LoweredBy::Switch, since: at(since), until: at(until) }
    }

    #[test]
    fn what_was_in_the_last_day_counts_once_for_its_site_and_that_of_all_for_each() {
        let [one, other] = [1, 2].map(|number| SiteId::from_bytes([number; 16]));
        let spans = [
            span(Some(one), -60, -30),
            span(Some(one), -40, -20),
            span(None, -10, -5),
            span(Some(other), -100, -90),
            // Half of it is older than a day.
            span(Some(one), -24 * 60 - 10, -24 * 60 + 10),
        ];
        let minutes = |site| spent(&spans, site, at(0)).as_secs() / 60;
        assert_eq!(minutes(Some(one)), 40 + 5 + 10);
        assert_eq!(minutes(Some(other)), 10 + 5);
        assert_eq!(minutes(None), 40 + 5 + 10 + 10);
        assert_eq!(left(&spans, Some(other), at(0)), CAP - Duration::from_secs(15 * 60));
    }

    #[test]
    fn in_no_window_of_a_day_is_more_than_the_cap_spent_however_it_is_asked_for() {
        let site = Some(SiteId::from_bytes([1; 16]));
        let mut spans = Vec::new();
        // Every half hour somebody asks for as much as there is.
        for step in 0..200 {
            let now = at(step * 30);
            let last: Option<&Lowering> = spans.last();
            if last.is_some_and(|own| own.until > now) {
                continue;
            }
            let left = left(&spans, site, now).min(Duration::from_secs(50 * 60));
            spans.push(Lowering { site, by: LoweredBy::Switch, since: now, until: now.plus(left) });
        }
        for minute in 0..200 * 30 {
            let (from, to) = (at(minute).minus(WINDOW), at(minute));
            let within = |own: &Lowering| own.until.min(to).since(own.since.max(from).min(own.until.min(to)));
            let sum: Duration = spans.iter().map(within).sum();
            assert!(sum <= CAP, "minute {minute}: {sum:?}");
        }
    }
}
