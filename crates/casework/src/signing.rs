//! One more signature under a record that several sign.

use policy::{Approval, Refusal, Roster, examine};

/// Puts a signature beside those that are there: one that holds, of a person who has not signed yet.
pub(crate) fn one_more(
    body: &str,
    mut approvals: Vec<Approval>,
    approval: Approval,
    roster: &Roster,
) -> Result<Vec<Approval>, Refusal> {
    let signer = examine(body.as_bytes(), &approval, roster)?;
    let signed = approvals.iter().filter_map(|given| roster.member(&given.key));
    if signed.into_iter().any(|member| member.person == signer.person) {
        return Err(Refusal::SamePersonTwice);
    }
    approvals.push(approval);
    Ok(approvals)
}
