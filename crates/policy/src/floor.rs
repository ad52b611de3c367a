//! The floor: what no policy can loosen, compiled into edge and verifier.
//!
//! It holds the never-cells, the longest leases (48 hours for a provisional block and for anything on
//! the ground emergency, 90 days for an order in named territories, 14 days otherwise), the
//! renewals (none of a provisional block, one of a ratified emergency) and the notice of a termination.
//! Its hash stands in every statement and every set of terms, so two builds that differ here refuse each
//! other's decisions.

use crate::{Ground, Measure, Renewals, ServiceClass};
use std::fmt::Write as _;
use std::time::Duration;
use vocabulary::{Digest, Hasher};

#[cfg(test)]
mod tests;

const HOUR: Duration = Duration::from_secs(3_600);
/// Shortest lease.
pub const LEASE_MIN: Duration = Duration::from_secs(2);
/// Longest provisional block, and longest lease on the ground emergency.
pub const PROVISIONAL_LEASE_MAX: Duration = HOUR.saturating_mul(48);
/// Longest lease of most measures.
pub const LEASE_MAX: Duration = HOUR.saturating_mul(24 * 14);
/// Longest lease of an order in named territories.
pub const ORDER_LEASE_MAX: Duration = HOUR.saturating_mul(24 * 90);
/// How long before it acts a termination is decided, published and told: not shorter, and not longer, so that
/// anybody can read off the terms when it was proposed.
pub const TERMINATION_NOTICE: Duration = HOUR.saturating_mul(24 * 30);
/// How long edges say that a terminated customer's sites are no longer here: long enough for an appeal to be heard
/// while everything can still be restored, and no longer than an order.
pub const TERMINATION_TOLD_MIN: Duration = HOUR.saturating_mul(24 * 14);
/// The longest that they say so; after it the hosts are nobody's.
pub const TERMINATION_TOLD_MAX: Duration = HOUR.saturating_mul(24 * 90);
/// How often a ratified emergency may be renewed without an order.
pub const RATIFIED_RENEWALS_MAX: u32 = 1;

/// Whether a measure never acts on a class.
pub fn never(measure: Measure, class: ServiceClass) -> bool {
    let content = matches!(measure, Measure::M1 | Measure::M2 | Measure::M3 | Measure::M5);
    class == ServiceClass::C && content
}

/// The shortest lease of a measure.
pub fn lease_min(measure: Measure) -> Duration {
    if measure == Measure::M7 { TERMINATION_TOLD_MIN } else { LEASE_MIN }
}

/// The longest lease of a measure on a ground; nothing for the act M0. M7 is final: what has an end is how long edges
/// tell of it.
pub fn lease_max(measure: Measure, ground: Ground) -> Option<Duration> {
    if measure == Measure::M0 {
        return None;
    }
    Some(match (measure, ground) {
        (Measure::M7, _) => TERMINATION_TOLD_MAX,
        (Measure::M5, _) | (_, Ground::Emergency) => PROVISIONAL_LEASE_MAX,
        (Measure::M4, Ground::Order) => ORDER_LEASE_MAX,
        _ => LEASE_MAX,
    })
}

/// How often a measure on a ground may be renewed.
pub fn renewals_max(measure: Measure, ground: Ground) -> Renewals {
    match (measure, ground) {
        (Measure::M0 | Measure::M7 | Measure::M5, _) => Renewals::Times(0),
        (Measure::M4 | Measure::M6, Ground::Emergency) => Renewals::Times(0),
        (_, Ground::RatifiedEmergency) => Renewals::Times(RATIFIED_RENEWALS_MAX),
        _ => Renewals::Unlimited,
    }
}

/// The floor in words, one line for each rule, made from the rules themselves.
pub fn text() -> String {
    let mut text = String::from("wardmote-floor/1\n");
    let notice = TERMINATION_NOTICE.as_secs() / 3_600;
    let told = TERMINATION_TOLD_MIN.as_secs() / 3_600;
    let _ = writeln!(text, "M7 notice {notice}h told at least {told}h");
    for measure in Measure::ALL {
        for class in ServiceClass::ALL.into_iter().filter(|class| never(measure, *class)) {
            let _ = writeln!(text, "{measure} {class} never");
        }
        for ground in Ground::ALL {
            let Some(lease) = lease_max(measure, ground) else { continue };
            let renewals = renewals_max(measure, ground);
            let _ = writeln!(text, "{measure} {ground} {}h renewals {renewals}", lease.as_secs() / 3_600);
        }
    }
    text
}

/// The hash of the floor.
pub fn hash() -> Digest {
    Hasher::domain("wardmote/floor/v1").part(text().as_bytes()).finish()
}
