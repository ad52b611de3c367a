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

/// What became of what an authority said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is taken down.
    Taken,
    /// Nothing of it is believed: nobody has verified the authority.
    NotBelieved,
    /// It changes nothing: it was said before, or comes too late.
    Nothing,
}

/// Takes down what an authority says with its pass.
pub(crate) async fn answer(plane: &Plane, opened: &Opened, said: &Said) -> Result<Heard, Problem> {
    let PassFor::Referral { case, referral, .. } = opened.pass.opens else {
        return Err(Problem::new(Reason::NotFound));
    };
    let (heard, _) = changed_case(plane, case, Wanted::Any, |case, now| {
        Ok(case.step_referral(referral, |referral| step(referral, said, now))?)
    })
    .await?;
    Ok(heard)
}

fn step(referral: Referral, said: &Said, now: Timestamp) -> Result<(Referral, Heard), ReferralRefusal> {
    let referral = read(referral, now)?;
    match said {
        Said::Read => Ok((referral, Heard::Taken)),
        Said::Acknowledged => match &referral.state {
            _ if !referral.authority.is_believed() => Ok((referral, Heard::NotBelieved)),
            ReferralState::Delivered { .. } => Ok((referral.acknowledge(now)?, Heard::Taken)),
            _ => Ok((referral, Heard::Nothing)),
        },
        Said::Answered(answer) => {
            let (referral, received) = referral.answer(answer.clone(), now)?;
            let taken = received == Received::Answered;
            Ok((referral, if taken { Heard::Taken } else { Heard::NotBelieved }))
        }
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
