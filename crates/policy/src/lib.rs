//! Who may decide what: measures, grounds, roster, matrix, floor and the check of approvals.
//!
//! Owns the documents that officers sign (terms, scope, statement), the policy file with its grammar,
//! the floor that no policy can loosen, the roster, and the two checks an edge repeats offline:
//! [`admissible`] (may this measure exist at all) and [`approve`] (did the right people sign it).
//! Knows no cases, no storage, no log.
//!
//! Invariants: a [`Matrix`] is never looser than the floor, a [`Roster`] never holds one person in two
//! roles; [`Admissible`] and [`Approved`] are made only by the checks they are named after.

mod admissible;
mod amendment;
mod approval;
mod document;
mod duress;
mod erasure;
#[cfg(test)]
mod fixtures;
pub mod floor;
mod format;
mod key;
mod listed_url;
mod matrix;
mod measure;
mod profile;
mod refusal;
mod role;
mod roster;
mod scope;
mod succession;
mod suspension;
mod territory;

pub use admissible::{Admissible, Footprint, admissible};
pub use amendment::{ROSTER_NOTICE, may_amend};
pub use approval::{APPROVALS_MAX, Approval, Approved, approval_digest, approve, examine, signer};
pub use document::{AuthoritiesAsked, Demand, Language, PolicyReference, ScopeReference, Statement, Terms};
pub use duress::{DuressError, DuressKeys};
pub use erasure::{KEPT_AFTER_END, may_erase};
pub use floor::LEASE_MIN;
pub use format::{RosterFormat, ScopeFormat, StatementFormat};
pub use key::{KeyError, OfficerKey, PublicKey, Signature};
pub use listed_url::{AskedUrl, ListedUrl, ListedUrlError, unescaped};
pub use matrix::{Clause, Condition, Matrix, PolicyError, Renewals, default_policy_text};
pub use measure::{Feature, Ground, Measure, ServiceClass};
pub use profile::{Ability, abilities};
pub use refusal::Refusal;
pub use role::{Profile, Pseudonym, PseudonymError, Role, RoleError};
pub use roster::{Founding, MEMBERS_MAX, Member, Roster, RosterError, Thresholds};
pub use scope::{SITES_MAX, Salt, Scope, ScopeError, ScopeSite, lies_below};
pub use succession::{EndReason, LIFT_WAIT, Signed, Standing};
pub use suspension::{SUSPENSION, SUSPENSION_AGAIN, is_suspended_by, may_confirm, may_suspend};
pub use territory::{Territory, TerritoryError};
