//! What an authority lets an account do: counts in sliding windows, as data.
//!
//! Pure arithmetic: instants come in, instants come out. A part of each count is kept for renewals, so that
//! a rush of new names never lets a site's certificate end.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use vocabulary::{Hostname, SitePattern, Timestamp};

/// So many in a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub count: usize,
    /// In how long.
    pub window: Duration,
    /// How many of them only renewals may use.
    pub reserve: usize,
}

/// What one account at one authority may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Orders.
    pub orders: Limit,
    /// Certificates below one registered domain.
    pub per_domain: Limit,
    /// Proofs of one host that failed.
    pub failures: Limit,
}

impl Default for Limits {
    /// As the largest public authority publishes them: 300 orders in 3 hours, 50 certificates for each
    /// registered domain in 7 days, 5 failed validations for each host and hour.
    fn default() -> Self {
        let hour = Duration::from_secs(3_600);
        Self {
            orders: Limit { count: 300, window: 3 * hour, reserve: 60 },
            per_domain: Limit { count: 50, window: 7 * 24 * hour, reserve: 10 },
            failures: Limit { count: 5, window: hour, reserve: 0 },
        }
    }
}

/// Whether a name has had a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It has none yet.
    First,
    /// It has one that is to be replaced.
    Renewal,
}

/// What an account has done lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spent {
    orders: VecDeque<Timestamp>,
    domains: BTreeMap<String, VecDeque<Timestamp>>,
    failures: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Spent {
    /// When an order for a name may begin at the earliest; `now` where it may at once.
    pub(crate) fn earliest(
        &self,
        limits: &Limits,
        name: &SitePattern,
        purpose: Purpose,
        now: Timestamp,
    ) -> Timestamp {
        let none = VecDeque::new();
        let domain = self.domains.get(registered_domain(name.base())).unwrap_or(&none);
        let failures = self.failures.get(name.base().as_str()).unwrap_or(&none);
        let orders = limits.orders.earliest(&self.orders, purpose, now);
        let domain = limits.per_domain.earliest(domain, purpose, now);
        let failures = limits.failures.earliest(failures, purpose, now);
        orders.max(domain).max(failures)
    }

    /// An order begins. It counts as a certificate until it fails.
    pub(crate) fn order(&mut self, name: &SitePattern, now: Timestamp) {
        self.orders.push_back(now);
        let domain = registered_domain(name.base()).to_owned();
        self.domains.entry(domain).or_default().push_back(now);
    }

    /// An order that began at an instant has not become a certificate.
    pub(crate) fn order_failed(&mut self, name: &SitePattern, began: Timestamp) {
        if let Some(counted) = self.domains.get_mut(registered_domain(name.base()))
            && let Some(at) = counted.iter().position(|at| *at == began)
        {
            counted.remove(at);
        }
    }

    /// The authority looked for a proof and did not find it.
    pub(crate) fn proof_failed(&mut self, name: &SitePattern, now: Timestamp) {
        self.failures.entry(name.base().as_str().to_owned()).or_default().push_back(now);
    }

    /// Forgets what no window reaches any more: so much is held at most as the limits allow.
    pub(crate) fn forget(&mut self, limits: &Limits, now: Timestamp) {
        limits.orders.forget(&mut self.orders, now);
        for (counted, limit) in
            [(&mut self.domains, &limits.per_domain), (&mut self.failures, &limits.failures)]
        {
            counted.retain(|_, events| {
                limit.forget(events, now);
                !events.is_empty()
            });
        }
    }
}

impl Limit {
    fn earliest(&self, events: &VecDeque<Timestamp>, purpose: Purpose, now: Timestamp) -> Timestamp {
        let count = match purpose {
            Purpose::First => self.count.saturating_sub(self.reserve),
            Purpose::Renewal => self.count,
        };
        // The event that has to leave the window before one more fits.
        let blocking = events.len().checked_sub(count).and_then(|at| events.get(at));
        blocking.map_or(now, |at| at.plus(self.window).max(now))
    }

    fn forget(&self, events: &mut VecDeque<Timestamp>, now: Timestamp) {
        while events.front().is_some_and(|at| at.plus(self.window) <= now) {
            events.pop_front();
        }
    }
}

/// The name that authorities count by: one label below the public suffix
/// (<https://publicsuffix.org/list/>); the name itself where there is none.
pub(crate) fn registered_domain(host: &Hostname) -> &str {
    psl::domain_str(host.as_str()).unwrap_or(host.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_795_348_800 + seconds)
    }

    fn name(text: &str) -> SitePattern {
        text.parse().expect("pattern")
    }

    #[test]
    fn domains_are_counted_below_their_public_suffix() {
        for (host, domain) in [
            ("example.org", "example.org"),
            ("a.b.example.org", "example.org"),
            ("shop.example.co.uk", "example.co.uk"),
            ("me.github.io", "me.github.io"),
            ("a.me.github.io", "me.github.io"),
            ("co.uk", "co.uk"),
        ] {
            assert_eq!(registered_domain(name(host).base()), domain, "{host}");
        }
    }

    #[test]
    fn new_names_leave_a_share_for_renewals_and_wait_for_the_window() {
        let limits = Limits {
            orders: Limit { count: 4, window: Duration::from_secs(100), reserve: 2 },
            ..Limits::default()
        };
        let mut spent = Spent::default();
        let host = name("a.example.org");
        for (now, first, renewal) in [(0, 0, 0), (10, 10, 10), (20, 100, 20), (30, 110, 30), (40, 120, 100)] {
            let earliest = |purpose| spent.earliest(&limits, &host, purpose, at(now));
            assert_eq!(earliest(Purpose::First), at(first), "{now}");
            assert_eq!(earliest(Purpose::Renewal), at(renewal), "{now}");
            spent.order(&host, at(now));
        }
        spent.forget(&limits, at(110));
        assert_eq!(spent.orders.len(), 3, "what began 100 seconds ago counts no more");
    }

    #[test]
    fn a_domain_and_a_host_that_fails_are_held_back_alone() {
        let limits = Limits::default();
        let mut spent = Spent::default();
        for number in 0..40 {
            spent.order(&name(&format!("h{number}.example.org")), at(0));
        }
        let week = 7 * 86_400;
        let asks = [("new.example.org", week), ("other.org", 0)];
        for (host, earliest) in asks {
            assert_eq!(spent.earliest(&limits, &name(host), Purpose::First, at(60)), at(earliest.max(60)));
        }
        assert_eq!(spent.earliest(&limits, &name("h1.example.org"), Purpose::Renewal, at(60)), at(60));
        spent.order_failed(&name("h1.example.org"), at(0));
        assert_eq!(spent.earliest(&limits, &name("new.example.org"), Purpose::First, at(60)), at(60));

        for minute in 0..5 {
            assert_eq!(spent.earliest(&limits, &name("f.net"), Purpose::First, at(minute)), at(minute));
            spent.proof_failed(&name("f.net"), at(minute));
        }
        assert_eq!(spent.earliest(&limits, &name("f.net"), Purpose::Renewal, at(60)), at(3_600));
        assert_eq!(spent.earliest(&limits, &name("*.f.net"), Purpose::First, at(60)), at(3_600), "one host");
        assert_eq!(spent.earliest(&limits, &name("g.net"), Purpose::First, at(60)), at(60));
    }
}
