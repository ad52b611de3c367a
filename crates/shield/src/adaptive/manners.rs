//! Manners of asking that no crowd of people has: while the origin is well, a crowd that shares no program is acted upon
//! for nothing else.
//!
//! People whose links lead to a page of their own load what belongs to it, and whoever answers at once from a page that is
//! open says where it was sent from. So a manner counts, unless the origin is in distress, only where nearly all of the
//! excess has it, and where it is not how the site is usually asked: by an app, or through links that are shortened.

use super::attributes::{Attribute, Attributes, CacheStatus, NO_COOKIES, NO_REFERRER, OWN_REFERRER};
use super::search::{Bits, Question, and, bits, count};
use std::collections::HashMap;

/// Rows below which they do not show how a crowd asks.
const ROWS_MIN: u32 = 100;
/// The same while the origin is in distress, where the dearest requests are looked at, and they are few.
const ROWS_MIN_DISTRESS: u32 = 40;
/// The part of a crowd that must ask in a manner for it to be the crowd's.
const SHARE: f32 = 0.9;
/// Of calm samples at most one in so many may have a manner that counts.
const USUAL_ONE_IN: u32 = 3;
/// Calm samples from within the site, below which they do not tell whether those carry cookies.
const WITHIN_MIN: u32 = 50;
/// Of them at most one in so many may carry none, where none is no manner of people.
const FORGETFUL_ONE_IN: u32 = 10;
/// Calm samples in which something was sent, below which they do not tell how that is done.
const SENDING_MIN: u32 = 20;
/// Then at least one in so many visitors must say from which page of the site it comes.
const OWN_REFERRER_ONE_IN: u32 = 2;

/// Which rows are asked in a manner that no crowd of people has.
pub(super) struct Manners {
    /// Each for an address of its own, and from nowhere: people follow links, and their links lead to the same pages. Who
    /// says that it comes from within, and carries no cookie where those who do carry one, comes from nowhere, too.
    scattered: Option<Bits>,
    /// Something is sent, from no page.
    sending: Option<Bits>,
    distress: bool,
}

impl Manners {
    pub(super) fn of(question: &Question<'_>) -> Self {
        let now = || question.rows.iter().map(|(row, _)| row);
        let is_rare = |usual: u32, all: u32| usual.saturating_mul(USUAL_ONE_IN) <= all;
        let calm = |is: fn(&Attributes) -> bool| count(&bits(question.calm.iter(), is));
        let within = calm(is_from_within);
        let all_carry = within >= WITHIN_MIN && calm(is_forgetful) * FORGETFUL_ONE_IN <= within;
        let usually_scattered = count(&scattered(|| question.calm.iter(), all_carry));
        let all = question.calm.len() as u32;
        let counts_scattered = question.distress || is_rare(usually_scattered, all);
        let counts_bare = match calm(is_sent) {
            few if few < SENDING_MIN => within * OWN_REFERRER_ONE_IN >= all.max(1),
            sent => is_rare(calm(|row| is_sent(row) && is_from_nowhere(row)), sent),
        };
        Self {
            scattered: counts_scattered.then(|| scattered(now, all_carry)),
            sending: match question.distress {
                true => Some(bits(now(), is_sent)),
                false => counts_bare.then(|| bits(now(), |row| is_sent(row) && is_from_nowhere(row))),
            },
            distress: question.distress,
        }
    }

    /// Whether rows that cover so much of the excess are no crowd of people.
    pub(super) fn are_mechanical(&self, rows: &Bits, coverage: f32) -> bool {
        let all = count(rows);
        let has = |manner: &Option<Bits>| {
            manner.as_ref().is_some_and(|manner| count(&and(rows, manner)) as f32 >= SHARE * all as f32)
        };
        let covers = coverage >= SHARE;
        let least = if self.distress { ROWS_MIN_DISTRESS } else { ROWS_MIN };
        all >= least
            && ((has(&self.scattered) && (covers || self.distress)) || (covers && has(&self.sending)))
    }
}

fn is_sent(row: &Attributes) -> bool {
    row.hash(Attribute::Cache) == CacheStatus::Bypass as u32
}

fn is_from_within(row: &Attributes) -> bool {
    row.hash(Attribute::Referer) == OWN_REFERRER
}

fn is_from_nowhere(row: &Attributes) -> bool {
    row.hash(Attribute::Referer) == NO_REFERRER
}

/// Says that it comes from within, and carries nothing that it would have got there.
fn is_forgetful(row: &Attributes) -> bool {
    is_from_within(row) && row.hash(Attribute::Cookies) == NO_COOKIES
}

fn scattered<'r, I: Iterator<Item = &'r Attributes>>(rows: impl Fn() -> I, all_carry: bool) -> Bits {
    let mut seen: HashMap<u32, u32> = HashMap::new();
    for row in rows() {
        *seen.entry(row.hash(Attribute::Address)).or_default() += 1;
    }
    let is_rootless = |row: &Attributes| is_from_nowhere(row) || (all_carry && is_forgetful(row));
    bits(rows(), |row| seen.get(&row.hash(Attribute::Address)) == Some(&1) && is_rootless(row))
}
