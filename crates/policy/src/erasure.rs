//! Erasing confidential fields of the log: who signs it, and how long they are kept whoever signs.

use crate::suspension::{BEGIN, deciders};
use crate::{Refusal, Roster, Signed};
use std::time::Duration;

/// How long fields are kept after what they are about has ended: as long as complaints must be heard at least
/// (Regulation (EU) 2022/2065 art. 20(1): six months).
pub const KEPT_AFTER_END: Duration = Duration::from_secs(184 * 24 * 3600);

/// Whether the right people signed that fields be erased: it cannot be undone, so as many as open everything.
pub fn may_erase(record: Signed<'_>, roster: &Roster) -> Result<(), Refusal> {
    deciders(record, roster, BEGIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Approval;
    use crate::fixtures::{founding, key};

    #[test]
    fn two_who_may_decide_erase_and_nobody_alone() {
        let founding = founding();
        let judged = |signers: &[&str]| {
            let approvals: Vec<Approval> =
                signers.iter().map(|name| key(&founding, name).approve(b"bytes")).collect();
            let record = Signed { body: b"bytes", approvals: &approvals, proposer: None };
            may_erase(record, &founding.roster).map_err(|refusal| refusal.name())
        };
        assert_eq!(judged(&["legal-1"]), Err("too-few-approvals"));
        assert_eq!(judged(&["legal-1", "legal-1"]), Err("same-person-twice"));
        assert_eq!(judged(&["legal-1", "reviewer-1"]), Err("role-may-not-decide"));
        assert_eq!(judged(&["legal-1", "assessor-1"]), Ok(()));
    }
}
