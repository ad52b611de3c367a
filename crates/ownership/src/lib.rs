//! Whose a host name is: claims, their proofs, contests and quarantine.
//!
//! Owns what may be claimed, what proves a claim, and the life of a claim from the first word to the end of its
//! quarantine (docs/host-names.md). Pure: observations and time come in, claims in their next state go out. Knows
//! no resolver, no store, no request, and no site beyond its id.
//!
//! Invariants, held by the tests:
//! - a name is served for one account at a time, whatever others claim or prove;
//! - nothing is served before it is proved, and nothing that was let go of or lost its proof passes to another
//!   account before its quarantine is over;
//! - a wildcard takes no name from another account, and stands over no public suffix;
//! - what could not be looked up proves nothing and, for a long while, disproves nothing.

mod claim;
mod look;
mod name;
mod proof;
mod register;

#[cfg(test)]
mod tests;

pub use claim::{
    CLAIM_LASTS, CONTEST_LASTS, CONTEST_REST, Claim, ClaimState, FAILING_MAX, PROOF_FRESH, PROOF_LASTS,
    QUARANTINE_LASTS, Unfit, Why,
};
pub use look::{Found, Look, Looked};
pub use name::{NameRefusal, check_claimable, needs_no_proof};
pub use proof::{Answer, Challenge, Method, Observed, Proof, Verdict, View};
pub use register::{ACCOUNT_CLAIMS_MAX, CLAIMS_MAX, ClaimRefusal, PutUp, Register, Wish};
