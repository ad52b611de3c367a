//! What each profile of operator may do, and what a roster can do: the table behind `doctor`.
//!
//! | Profile | May do |
//! |---|---|
//! | trial | everything, on reserved names only |
//! | solo | orders, and M1 to M3 on hosting, each with a peer's second signature; no emergency |
//! | ward | blocks of at most 24 h by three people from two organisations |
//! | full | everything by three people from two organisations |

use crate::{Ground, Measure, Profile, Refusal, Role, Roster, ServiceClass, Terms, Thresholds};
use std::collections::BTreeSet;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Longest provisional block of profile ward.
const WARD_LEASE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// One thing that a roster can do, or why it cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// What, for people.
    pub what: &'static str,
    /// What is missing; `None` when the roster can do it.
    pub missing: Option<String>,
}

impl Profile {
    /// The least that a roster of this profile asks of a decision.
    pub fn thresholds(self) -> Thresholds {
        let (approvals, roles, organisations) = match self {
            Self::Trial => (2, 2, 1),
            Self::Solo => (2, 1, 2),
            Self::Ward | Self::Full => (3, 2, 2),
        };
        Thresholds { approvals, roles, organisations }
    }

    /// What the profile may do, in words.
    pub fn may(self) -> &'static str {
        match self {
            Self::Trial => "try everything on loopback and reserved names",
            Self::Solo => {
                "refer, preserve, carry out orders and decide M1 to M3 on hosting, each with a peer's second signature"
            }
            Self::Ward => {
                "block for at most 24 h with two of its own and a sworn outsider, and ratify with others"
            }
            Self::Full => {
                "block, ratify and renew with three people from two organisations, and lift with two"
            }
        }
    }

    /// Refuses terms that go beyond the profile.
    pub(crate) fn admits(self, terms: &Terms) -> Result<(), Refusal> {
        let (measure, ground) = (terms.measure, terms.ground);
        let refused = || Err(Refusal::BeyondProfile { profile: self, measure, ground, may: self.may() });
        let lasts = terms.expires.since(terms.not_before);
        match self {
            Self::Trial | Self::Full => Ok(()),
            Self::Solo => {
                let small = matches!(measure, Measure::M1 | Measure::M2 | Measure::M3);
                let own = small && terms.class == ServiceClass::H && ground.falls_under(Ground::Policy);
                if own || ground == Ground::Order { Ok(()) } else { refused() }
            }
            Self::Ward if ground == Ground::Emergency && lasts > WARD_LEASE_MAX => {
                Err(Refusal::LeaseOverProfile { profile: self, max: WARD_LEASE_MAX })
            }
            Self::Ward => Ok(()),
        }
    }
}

/// What this roster's people can do together.
pub fn abilities(roster: &Roster) -> Vec<Ability> {
    let profile = roster.profile();
    let asked = roster.thresholds();
    let (need, own) = (asked.approvals as usize, people(roster, |role| role.may_decide()));
    let reviewers = people(roster, |role| role == Role::Reviewer);
    let raters = people(roster, |role| matches!(role, Role::Assessor | Role::DutyOfficer));
    let legal = people(roster, |role| role == Role::Legal);
    let emergency = profile != Profile::Solo;
    let beyond = || (!emergency).then(|| format!("profile {profile} may only {}", profile.may()));
    let short =
        |have: usize, need: usize, who: &str| (have < need).then(|| format!("{have} of {need} {who}"));
    vec![
        Ability { what: "rate a finding twice", missing: short(raters, 2, "assessors or duty officers") },
        Ability {
            what: "decide a provisional block (M5)",
            missing: beyond()
                .or_else(|| short(own, need, "people who may decide"))
                .or_else(|| short(legal, 1, "legal reviewers")),
        },
        Ability {
            what: "ratify it by the independent reviewer",
            missing: beyond()
                .or_else(|| {
                    short(own, need * 2, "people who may decide, so that others than the deciders ratify")
                })
                .or_else(|| short(reviewers, 1, "independent reviewers")),
        },
        Ability {
            what: "ratify it by an order",
            missing: beyond().or_else(|| {
                short(own, need * 2, "people who may decide, so that others than the deciders ratify")
            }),
        },
        Ability { what: "lift a measure before its time", missing: short(own, 2, "people who may decide") },
        Ability { what: "hear an appeal", missing: short(reviewers, 1, "independent reviewers") },
        Ability {
            what: "hear an appeal against what a reviewer ratified",
            missing: short(reviewers, 2, "independent reviewers"),
        },
    ]
}

/// How many people hold such roles.
fn people(roster: &Roster, role: impl Fn(Role) -> bool) -> usize {
    let members = roster.members().iter().filter(|member| role(member.role));
    members.map(|member| member.person).collect::<BTreeSet<_>>().len()
}
