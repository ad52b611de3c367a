//! Orders as they come in, over the desk or by an officer's hand, and the answer that an accepted one is.
//!
//! One text is one order, however often and over whichever way it is brought.

use super::passes::{Opened, PassFor};
use crate::api::refusals::{case as one_case, changed_case};
use crate::plane::Plane;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use casework::{
    Answer, DirectoryEntry, Fault, Order, OrderRefusal, OrderState, Received, Referral, ReferralRefusal,
    Served,
};
use policy::Signature;
use records::{PutError, Versioned};
use vocabulary::{OrderId, SitePattern, Timestamp};

/// What became of an order that was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is new.
    New,
    /// It was there; a signature that it lacked was added.
    Known,
}

/// Takes an order in, signed with one of the authority's keys. It acts on nothing until it is called back and accepted.
pub(crate) async fn bring_order(
    plane: &Plane,
    opened: &Opened,
    text: String,
    signature: &Signature,
) -> Result<OrderId, Problem> {
    let PassFor::Referral { case, referral, authority } = opened.pass.opens else {
        return Err(Problem::new(Reason::NotFound));
    };
    let order = Order::receive(text, Some((case, referral)), plane.clock.now());
    let order = order.map_err(|error| Problem::refused("order-unreadable", error))?;
    if order.authority != authority {
        let why = "the order names another authority than the one this code was given to";
        return Err(Problem::refused("order-of-another", why));
    }
    let (_, held) = take_in(plane, order, Some(signature)).await?;
    Ok(held.value.id)
}

/// Keeps an order that came, or finds the one of the same text; a signature has to be the authority's.
pub(crate) async fn take_in(
    plane: &Plane,
    order: Order,
    signature: Option<&Signature>,
) -> Result<(Taken, Versioned<Order>), Problem> {
    let entry = entry(plane, &order).await?.value;
    let now = plane.clock.now();
    let signed = |order: Order| match signature {
        Some(signature) => order.signed(signature, &entry, now).map_err(refused),
        None => Ok(order),
    };
    let held = plane.records.order(order.id).await?;
    let (taken, expected, value) = match held {
        None => (Taken::New, 0, signed(order)?),
        Some(held) if held.value.answers != order.answers => {
            let why = format!("this text came before, as {}, and answers another referral", held.value.id);
            return Err(Problem::refused("order-known", why));
        }
        // A forged signature is refused whether the order is known or not.
        Some(held) if lacks_signature(&held.value) => (Taken::Known, held.version, signed(held.value)?),
        Some(held) => {
            signed(order)?;
            return Ok((Taken::Known, held));
        }
    };
    let version = match plane.records.put_order(&value, expected).await {
        Err(PutError::Conflict { .. }) => return Err(Problem::new(Reason::Contended)),
        kept => kept?,
    };
    plane.wake.notify_one();
    Ok((taken, Versioned { version, value }))
}

fn lacks_signature(order: &Order) -> bool {
    matches!(order.state, OrderState::Received | OrderState::Authenticating { signed: None, .. })
}

fn refused(refusal: OrderRefusal) -> Problem {
    Problem::refused(refusal.name(), refusal)
}

/// The directory's entry of the authority that an order names.
pub(crate) async fn entry(plane: &Plane, order: &Order) -> Result<Versioned<DirectoryEntry>, Problem> {
    let found = plane.records.authority(order.authority).await?;
    found.ok_or_else(|| refused(OrderRefusal::NotInDirectory))
}

/// What can be seen to stand against an order now.
pub(crate) async fn examine(plane: &Plane, order: &Order) -> Result<Vec<Fault>, Problem> {
    let demanded = order.demanded().map_err(|error| Problem::refused("order-unreadable", error))?;
    let entry = entry(plane, order).await?.value;
    let fleet = plane.fleet().await?;
    let hosts: Vec<SitePattern> = fleet.sites.iter().flat_map(|site| site.hosts.iter().cloned()).collect();
    Ok(demanded.examine(&entry, Served(&hosts), plane.clock.now()))
}

/// Refuses an order whose referral would not take it as its answer, before anything is kept.
pub(crate) async fn may_answer(plane: &Plane, order: &Order) -> Result<(), Problem> {
    let Some((case, id)) = order.answers else { return Ok(()) };
    let case = one_case(plane, case).await?.value;
    let missing = || Problem::from(casework::CaseRefusal::NoReferral(id));
    let referral = case.referrals.into_iter().find(|held| held.id == id).ok_or_else(missing)?;
    let answered = answered(referral, plane.clock.now()).map_err(casework::CaseRefusal::Referral)?;
    believed(answered.1)
}

/// Answers an accepted order's referral with it, unless it is answered so already.
pub(crate) async fn answer_referral(plane: &Plane, order: &Order) -> Result<(), Problem> {
    let Some((case, id)) = order.answers else { return Ok(()) };
    let held = one_case(plane, case).await?.value;
    if held.referrals.iter().any(|held| held.id == id && is_answered(held)) {
        return Ok(());
    }
    changed_case(plane, case, Wanted::Any, |case, now| {
        let received = case.step_referral(id, |held| answered(held, now))?;
        believed(received)
    })
    .await?;
    Ok(())
}

fn is_answered(referral: &Referral) -> bool {
    matches!(referral.state.answered(), Some((Answer::Order, _)))
}

fn answered(referral: Referral, now: Timestamp) -> Result<(Referral, Received), ReferralRefusal> {
    if is_answered(&referral) {
        Ok((referral, Received::Answered))
    } else {
        referral.answer(Answer::Order, now)
    }
}

/// An order of an authority that the referral does not know as verified is kept nowhere, and freezes nothing: the
/// order was authenticated, the referral was not.
fn believed(received: Received) -> Result<(), Problem> {
    match received {
        Received::Answered => Ok(()),
        Received::Frozen => {
            let why = "the referral's authority is not verified, or its inbound channel is frozen: call it back first";
            Err(Problem::refused("referral-not-verified", why))
        }
    }
}
