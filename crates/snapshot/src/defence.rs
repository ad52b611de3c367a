//! The defence of sites as it is published: what owners and operator set, and what an edge makes of it.
//!
//! Owns the settings' form on the wire and their compilation. Knows no request's way and no counters.
//! [`ShieldSettings`] and [`OperatorShield`] are text; [`SiteShield`] and [`Gate`] are proof that the text was
//! compiled. A site whose settings stay equal keeps its compiled form, and with it the health of its rules; all
//! sites with the usual settings share one.

mod compiled;
mod gate;
mod operator;
mod settings;
mod table;
#[cfg(test)]
mod tests;

pub use compiled::{ShieldError, SiteShield};
pub use gate::{Cause, Gate, Standing};
pub use operator::{
    Acting, ENTRIES_MAX, Effect, Entry, FeedVersion, OPERATOR_LISTS_MAX, OperatorList, OperatorShield,
    Subject, UnderAttackSwitch,
};
pub use settings::{
    ChallengeSettings, Feed, ListSource, Profile, RateTerms, RuleAction, ShieldRule, ShieldSettings,
    SiteList, UnderAttack,
};
pub use table::feeds_named;
pub(crate) use table::{ShieldTable, Shields};
