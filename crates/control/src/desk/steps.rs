//! What is done at the desk: read, acknowledge, answer, rule.

use super::passes::{Opened, PassFor};
use crate::api::appeals::{decisions_of, review};
use crate::api::refusals::{changed_case, officer};
use crate::plane::Plane;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use casework::{
    Answer, AppealOutcome, Channel, Delivery, DeliveryProof, Paragraphs, Received, Referral, ReferralRefusal,
    ReferralState, Review,
};
use vocabulary::Timestamp;

/// What an authority says.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// It opened the packet.
    Read,
    /// It has it.
    Acknowledged,
    /// Its answer; never an order, which has a record of its own.
    Answered(Answer),
}

/// Takes down what an authority says with its pass. `false`: it was not taken, because nobody verified the authority.
pub(crate) async fn answer(plane: &Plane, opened: &Opened, said: &Said) -> Result<bool, Problem> {
    let PassFor::Referral { case, referral, .. } = opened.pass.opens else {
        return Err(Problem::new(Reason::NotFound));
    };
    let (taken, _) = changed_case(plane, case, Wanted::Any, |case, now| {
        Ok(case.step_referral(referral, |referral| step(referral, said, now))?)
    })
    .await?;
    Ok(taken == Received::Answered)
}

fn step(referral: Referral, said: &Said, now: Timestamp) -> Result<(Referral, Received), ReferralRefusal> {
    let referral = read(referral, now)?;
    match said {
        Said::Read => Ok((referral, Received::Answered)),
        Said::Acknowledged => match &referral.state {
            ReferralState::Delivered { .. } => Ok((referral.acknowledge(now)?, Received::Answered)),
            _ => Ok((referral, Received::Answered)),
        },
        Said::Answered(answer) => referral.answer(answer.clone(), now),
    }
}

/// The desk opened it: sent over the desk, if it was not, and delivered there.
fn read(referral: Referral, now: Timestamp) -> Result<Referral, ReferralRefusal> {
    let traffic = referral.state.traffic();
    let over_desk = |channel: Channel| channel == Channel::Desk;
    let arrived = traffic.is_some_and(|traffic| traffic.deliveries.iter().any(|one| over_desk(one.channel)));
    if arrived || matches!(referral.state, ReferralState::Closed { .. }) {
        return Ok(referral);
    }
    let sent = traffic.is_some_and(|traffic| traffic.attempts.iter().any(|one| over_desk(one.channel)));
    let referral = if sent { referral } else { referral.send(Channel::Desk, now)? };
    referral.deliver(Delivery { channel: Channel::Desk, at: now, proof: DeliveryProof::DeskRead })
}

/// The reviewer's ruling on the appeal that the pass opens; taken up first, if it was not.
pub(crate) async fn rule(
    plane: &Plane,
    opened: &Opened,
    outcome: AppealOutcome,
    reasons: &Paragraphs,
) -> Result<(), Problem> {
    let PassFor::Appeal { case, appeal, reviewer } = &opened.pass.opens else {
        return Err(Problem::new(Reason::NotFound));
    };
    let by = officer(plane, reviewer)?;
    let decisions = decisions_of(plane, *case).await?;
    let heard = opened
        .case
        .value
        .appeals
        .iter()
        .any(|held| held.id == *appeal && held.state.name() == "under-review");
    if !heard {
        review(plane, (*case, *appeal), &by, Review::Hear, &decisions).await?;
    }
    let ruling = Review::Rule { outcome, reasons: reasons.clone() };
    review(plane, (*case, *appeal), &by, ruling, &decisions).await
}
