//! The book: what the operator has set, and what may still be set.
//!
//! Pure: instants come in, refusals are values. Each entry and switch has an end; what lowers a site's service
//! is capped.

use super::cap::{self, LoweredBy, Lowering, WINDOW};
use serde::{Deserialize, Serialize};
use shield::lists::{AddressRange, List, ListError, ListKind};
use snapshot::{
    Acting, ENTRIES_MAX, Effect, Entry, ListSource, OPERATOR_LISTS_MAX, OperatorList, OperatorShield,
    ShieldError, Subject, UnderAttackSwitch,
};
use std::net::IpAddr;
use std::time::Duration;
use vocabulary::{SiteId, Timestamp};

/// Longest ban, and longest acting of a list.
pub(crate) const BAN_MAX: Duration = Duration::from_secs(90 * 24 * 3_600);
/// Longest allowance.
pub(crate) const ALLOWANCE_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);
/// Most spans of lowered service that a site has behind it; of more the oldest two are counted as one.
const SPANS_MAX: usize = 64;
/// Longest reason, in characters.
pub(crate) const REASON_MAX: usize = 200;

/// Everything the operator has set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    /// The number of the last entry.
    last: u64,
    /// What edges get.
    pub(crate) shield: OperatorShield,
    /// What lowered a site's service in the last day, or does.
    lowerings: Vec<Lowering>,
}

/// A ban or an allowance that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) effect: Effect,
    pub(crate) subject: Subject,
    pub(crate) site: Option<SiteId>,
    pub(crate) lasts: Duration,
    pub(crate) reason: String,
    pub(crate) by: String,
}

/// A switch that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct SwitchOrder {
    pub(crate) site: SiteId,
    pub(crate) lasts: Duration,
    pub(crate) reason: String,
    pub(crate) by: String,
}

/// Why the book stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BookRefusal {
    #[error(
        "{0} is wider than /8 (IPv4) or /16 (IPv6), or has all of IPv4 in it; that would shut out much of the world"
    )]
    TooWide(Subject),
    #[error("it must end: write from 1 second to {} days", .0.as_secs() / 86_400)]
    Length(Duration),
    #[error("write a reason in 1 to {REASON_MAX} visible characters, for those who ask later")]
    Reason,
    #[error("there are {ENTRIES_MAX} entries; end some first")]
    Full,
    #[error(
        "ordinary visitors would be among those kept out. That may last 3 h in 24 h for a site; {} min are left. \
         For longer the site's owner sets it in its own settings",
        .0.as_secs() / 60
    )]
    Capped(Duration),
    #[error("there is no entry {0}, or it has ended")]
    NoEntry(u64),
    #[error("the operator's switch is not on for that site")]
    NotOn,
    #[error("there is no list {0:?}")]
    NoList(String),
    #[error("there are {OPERATOR_LISTS_MAX} lists; remove one first")]
    TooManyLists,
    #[error("{0}")]
    List(ShieldError),
    #[error("a list of host names cannot ban or allow by itself: a source of traffic has no name")]
    ActingHosts,
    #[error("rules of {0} name this list; change those first")]
    InUse(String),
}

/// Whether a subject is so broad that ordinary visitors are among those it means.
fn is_broad(subject: &Subject) -> bool {
    let Subject::Network(network) = subject else { return true };
    AddressRange::parse(&network.to_string()).is_none_or(is_broad_range)
}

fn is_broad_range(range: AddressRange) -> bool {
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => u32::from(last) - u32::from(first) > 0xffff,
        (IpAddr::V6(first), IpAddr::V6(last)) => u128::from(last) - u128::from(first) >= 1 << 96,
        _ => true,
    }
}

/// Whether a list that bans by itself keeps ordinary visitors out. A feed of addresses counts as narrow: its
/// networks are not known yet.
fn is_broad_list(name: &str, list: &OperatorList) -> Result<bool, BookRefusal> {
    let wrong = |error: ListError| BookRefusal::List(ShieldError::List { name: name.to_owned(), error });
    match &list.source {
        ListSource::Feed(_) => Ok(list.kind != ListKind::Address),
        ListSource::Items(items) => {
            // What acts by itself may name no wider networks than a feed.
            Ok(match List::parse(list.kind, &items.join("\n"), true).map_err(wrong)? {
                List::Address(set) => set.ranges().any(is_broad_range),
                _ => true,
            })
        }
    }
}

impl Book {
    /// Enters a ban or an allowance.
    pub(crate) fn enter(&mut self, order: Order, now: Timestamp) -> Result<Entry, BookRefusal> {
        self.prune(now);
        let longest = if order.effect == Effect::Ban { BAN_MAX } else { ALLOWANCE_MAX };
        check_length(order.lasts, longest)?;
        check_reason(&order.reason)?;
        if let Subject::Network(network) = order.subject
            && AddressRange::parse(&network.to_string()).is_none_or(AddressRange::too_wide)
        {
            return Err(BookRefusal::TooWide(order.subject));
        }
        if self.shield.entries.len() >= ENTRIES_MAX {
            return Err(BookRefusal::Full);
        }
        let until = now.plus(order.lasts);
        if order.effect == Effect::Ban && is_broad(&order.subject) {
            let by = LoweredBy::Entry(self.last + 1);
            self.lower(Lowering { site: order.site, by, since: now, until }, now)?;
        }
        self.last += 1;
        let Order { effect, subject, site, reason, by, .. } = order;
        let entry = Entry { number: self.last, effect, subject, site, since: now, until, reason, by };
        self.shield.entries.push(entry.clone());
        Ok(entry)
    }

    /// Ends an entry before its time.
    pub(crate) fn end(&mut self, number: u64, now: Timestamp) -> Result<Entry, BookRefusal> {
        self.prune(now);
        let place = self.shield.entries.iter().position(|entry| entry.number == number);
        let entry = self.shield.entries.remove(place.ok_or(BookRefusal::NoEntry(number))?);
        self.cut(now, |own| own.by == LoweredBy::Entry(number));
        Ok(entry)
    }

    /// Has every visitor of a site challenged. One that is on is replaced.
    pub(crate) fn switch_on(
        &mut self,
        order: SwitchOrder,
        now: Timestamp,
    ) -> Result<UnderAttackSwitch, BookRefusal> {
        check_reason(&order.reason)?;
        check_length(order.lasts, cap::CAP)?;
        let mut changed = self.clone();
        // That it is not on is no obstacle.
        let _ = changed.switch_off(order.site, now);
        let SwitchOrder { site, lasts, reason, by } = order;
        let until = now.plus(lasts);
        changed.lower(Lowering { site: Some(site), by: LoweredBy::Switch, since: now, until }, now)?;
        let switch = UnderAttackSwitch { site, since: now, until, reason, by };
        changed.shield.under_attack.push(switch.clone());
        *self = changed;
        Ok(switch)
    }

    /// Ends that before its time.
    pub(crate) fn switch_off(&mut self, site: SiteId, now: Timestamp) -> Result<(), BookRefusal> {
        self.prune(now);
        let place = self.shield.under_attack.iter().position(|switch| switch.site == site);
        self.shield.under_attack.remove(place.ok_or(BookRefusal::NotOn)?);
        self.cut(now, |own| own.by == LoweredBy::Switch && own.site == Some(site));
        Ok(())
    }

    /// Puts a list, or replaces the one of its name. One that keeps ordinary visitors out by itself is capped.
    pub(crate) fn put_list(
        &mut self,
        name: &str,
        list: OperatorList,
        now: Timestamp,
    ) -> Result<(), BookRefusal> {
        let mut changed = self.clone();
        changed.prune(now);
        changed.cut(now, |own| own.by == LoweredBy::List(name.to_owned()));
        if let Some(Acting { effect, until }) = list.acting {
            let longest = if effect == Effect::Ban { BAN_MAX } else { ALLOWANCE_MAX };
            check_length(until.since(now), longest)?;
            if list.kind == ListKind::Host {
                return Err(BookRefusal::ActingHosts);
            }
            if is_broad_list(name, &list)? && effect == Effect::Ban {
                let by = LoweredBy::List(name.to_owned());
                changed.lower(Lowering { site: None, by, since: now, until }, now)?;
            }
        }
        changed.shield.lists.insert(name.to_owned(), list);
        if changed.shield.lists.len() > OPERATOR_LISTS_MAX {
            return Err(BookRefusal::TooManyLists);
        }
        // Settings without rules compile whenever the lists do.
        snapshot::SiteShield::check(&snapshot::ShieldSettings::default(), 1, &changed.shield)
            .map_err(BookRefusal::List)?;
        *self = changed;
        Ok(())
    }

    /// Removes a list.
    pub(crate) fn remove_list(&mut self, name: &str, now: Timestamp) -> Result<(), BookRefusal> {
        self.shield.lists.remove(name).ok_or_else(|| BookRefusal::NoList(name.to_owned()))?;
        self.cut(now, |own| own.by == LoweredBy::List(name.to_owned()));
        Ok(())
    }

    /// How much of the cap a site has spent in the last day, what runs counted to its end.
    pub(crate) fn spent(&self, site: SiteId, now: Timestamp) -> Duration {
        cap::spent(&self.lowerings, Some(site), now)
    }

    /// The sites whose service was lowered in the last day.
    pub(crate) fn lowered(&self) -> impl Iterator<Item = &Lowering> {
        self.lowerings.iter()
    }

    fn lower(&mut self, lowering: Lowering, now: Timestamp) -> Result<(), BookRefusal> {
        let left = cap::left(&self.lowerings, lowering.site, now);
        if lowering.until.since(now) > left {
            return Err(BookRefusal::Capped(left));
        }
        self.join_ended(lowering.site, now);
        self.lowerings.push(lowering);
        Ok(())
    }

    /// Counts the oldest ended spans of a site as one, with the time between them, until there are few enough:
    /// never too little is counted.
    fn join_ended(&mut self, site: Option<SiteId>, now: Timestamp) {
        self.lowerings.sort_by_key(|own| own.until);
        let is_ended = |own: &Lowering| own.site == site && own.until <= now;
        let mut over = self.lowerings.iter().filter(|own| is_ended(own)).count().saturating_sub(SPANS_MAX);
        let mut joined: Option<Timestamp> = None;
        self.lowerings.retain_mut(|own| {
            if !is_ended(own) {
                return true;
            }
            own.since = joined.take().map_or(own.since, |since| since.min(own.since));
            if over > 0 {
                over -= 1;
                joined = Some(own.since);
                return false;
            }
            true
        });
    }

    /// Ends spans now.
    fn cut(&mut self, now: Timestamp, whose: impl Fn(&Lowering) -> bool) {
        for own in self.lowerings.iter_mut().filter(|own| whose(own)) {
            own.until = own.until.min(now);
        }
        self.lowerings.retain(|own| own.since < own.until);
    }

    /// Forgets what has ended and counts no more.
    pub(crate) fn prune(&mut self, now: Timestamp) {
        self.shield.entries.retain(|entry| now < entry.until);
        self.shield.under_attack.retain(|switch| now < switch.until);
        self.lowerings.retain(|own| now.minus(WINDOW) < own.until);
    }
}

fn check_length(lasts: Duration, longest: Duration) -> Result<(), BookRefusal> {
    let fits = (Duration::from_secs(1)..=longest).contains(&lasts);
    if fits { Ok(()) } else { Err(BookRefusal::Length(longest)) }
}

fn check_reason(reason: &str) -> Result<(), BookRefusal> {
    let seen = !reason.trim().is_empty() && reason.chars().count() <= REASON_MAX;
    let plain = !reason.chars().any(|letter| letter.is_control() || casework::is_hidden(letter));
    if seen && plain { Ok(()) } else { Err(BookRefusal::Reason) }
}

#[cfg(test)]
mod tests;
