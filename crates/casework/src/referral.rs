//! A referral to an authority: drafted → sealed → sent → delivered → acknowledged → answered | silent
//! → closed.
//!
//! Owns what counts as delivery (a desk read it, a signed reply, a call to a verified duty line;
//! accepted mail is none), when an authority is silent, and how long an objection holds. An answer from
//! an authority that nobody verified is refused and freezes the inbound channel, nothing else.

mod authority;
mod refusal;
#[cfg(test)]
mod tests;
mod traffic;

use crate::{Officer, clocks};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, ReferralId, Timestamp};

pub use authority::{Addressee, Authority, Inbound, Jurisdiction, JurisdictionError, Verification};
pub use refusal::ReferralRefusal;
pub use traffic::{Attempt, Channel, Delivery, DeliveryProof, Traffic};

/// A referral to one authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Referral {
    /// Which referral.
    pub id: ReferralId,
    /// For which jurisdiction it is.
    pub addressee: Addressee,
    /// Whom it goes to.
    pub authority: Authority,
    /// Whether its authority has objected already; it may renew that once, and not object afresh.
    #[serde(default)]
    pub objected: bool,
    /// How far it is.
    pub state: ReferralState,
}

/// How far a referral is; each state holds what is known in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum ReferralState {
    /// Written.
    Drafted {
        /// By whom.
        by: Officer,
        /// When.
        at: Timestamp,
    },
    /// The packet is fixed.
    Sealed {
        /// Commitment to the packet.
        packet: Digest,
        /// When.
        at: Timestamp,
    },
    /// On its way, not known to have arrived.
    Sent {
        /// Commitment to the packet.
        packet: Digest,
        /// What was tried.
        traffic: Traffic,
    },
    /// Proved to have arrived.
    Delivered {
        /// Commitment to the packet.
        packet: Digest,
        /// What was tried and what arrived.
        traffic: Traffic,
    },
    /// The authority says that it has it.
    Acknowledged {
        /// Commitment to the packet.
        packet: Digest,
        /// What was tried and what arrived.
        traffic: Traffic,
        /// When it said so.
        at: Timestamp,
    },
    /// The authority answered.
    Answered {
        /// Commitment to the packet.
        packet: Digest,
        /// What was tried and what arrived.
        traffic: Traffic,
        /// What it answered.
        answer: Answer,
        /// When.
        at: Timestamp,
    },
    /// The clock ran out on two channels.
    Silent {
        /// Commitment to the packet.
        packet: Digest,
        /// What was tried and what arrived.
        traffic: Traffic,
        /// Since when.
        since: Timestamp,
    },
    /// Done with.
    Closed {
        /// The state it was closed in, answered or silent.
        last: Box<ReferralState>,
        /// By whom.
        by: Officer,
        /// When.
        at: Timestamp,
    },
}

/// What an authority answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An order.
    Order,
    /// A request without the force of an order.
    Request,
    /// It does not object.
    NonObjection,
    /// It objects, because of a live operation.
    Objection(Objection),
    /// It takes its objection back.
    ObjectionWithdrawn,
    /// Not its matter.
    NoJurisdiction,
    /// It wants to know more.
    NeedsInfo,
}

/// An objection; closes the gate for a day, and once more if renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// Its reasons; without them it does not close the gate.
    pub reasons: Option<crate::Text>,
    /// When it was renewed; `None` at first.
    #[serde(default)]
    pub renewed_at: Option<Timestamp>,
}

/// What became of an incoming answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Taken into the record.
    Answered,
    /// Refused: nobody verified the sender. The inbound channel is frozen; a call-back clears it.
    Frozen,
}

impl Referral {
    /// A draft.
    pub fn draft(
        id: ReferralId,
        addressee: Addressee,
        authority: Authority,
        by: Officer,
        at: Timestamp,
    ) -> Self {
        Self { id, addressee, authority, objected: false, state: ReferralState::Drafted { by, at } }
    }

    /// Fixes the packet by its commitment.
    pub fn seal(self, packet: Digest, at: Timestamp) -> Result<Self, ReferralRefusal> {
        match self.state {
            ReferralState::Drafted { .. } => {
                self.state.check_after(at)?;
                Ok(self.into(ReferralState::Sealed { packet, at }))
            }
            _ => Err(self.refuse("sealed")),
        }
    }

    /// Sends it, or tries one more channel.
    pub fn send(mut self, channel: Channel, at: Timestamp) -> Result<Self, ReferralRefusal> {
        self.state.check_after(at)?;
        if let ReferralState::Sealed { packet, .. } = self.state {
            let traffic = Traffic { attempts: vec![Attempt { channel, at }], deliveries: Vec::new() };
            return Ok(self.into(ReferralState::Sent { packet, traffic }));
        }
        let refusal = self.refuse("sent");
        let traffic = self.state.traffic_mut().ok_or(refusal)?;
        traffic.has_room()?;
        traffic.attempts.push(Attempt { channel, at });
        Ok(self)
    }

    /// Records a proved delivery; the first makes the referral *delivered*.
    pub fn deliver(mut self, delivery: Delivery) -> Result<Self, ReferralRefusal> {
        delivery.check()?;
        self.state.check_after(delivery.at)?;
        let refusal = self.refuse("delivered");
        let traffic = self.state.traffic_mut().ok_or(refusal)?;
        traffic.has_room()?;
        let sent = |attempt: &Attempt| attempt.channel == delivery.channel && attempt.at <= delivery.at;
        if !traffic.attempts.iter().any(sent) {
            return Err(ReferralRefusal::NotSentThere(delivery.channel));
        }
        traffic.deliveries.push(delivery);
        Ok(match self.state.clone() {
            ReferralState::Sent { packet, traffic } => {
                self.into(ReferralState::Delivered { packet, traffic })
            }
            _ => self,
        })
    }

    /// The authority says that it has the referral.
    pub fn acknowledge(self, at: Timestamp) -> Result<Self, ReferralRefusal> {
        match self.state.clone() {
            ReferralState::Delivered { packet, traffic } => {
                self.state.check_after(at)?;
                Ok(self.into(ReferralState::Acknowledged { packet, traffic, at }))
            }
            _ => Err(self.refuse("acknowledged")),
        }
    }

    /// Takes an answer; from an unverified sender it is refused and freezes the inbound channel.
    pub fn answer(mut self, answer: Answer, at: Timestamp) -> Result<(Self, Received), ReferralRefusal> {
        let (packet, traffic) = match self.state.clone() {
            ReferralState::Delivered { packet, traffic }
            | ReferralState::Acknowledged { packet, traffic, .. }
            | ReferralState::Silent { packet, traffic, .. }
            | ReferralState::Answered { packet, traffic, .. } => (packet, traffic),
            _ => return Err(self.refuse("answered")),
        };
        self.state.check_after(at)?;
        if !self.authority.is_believed() {
            self.authority.inbound = Inbound::Frozen { since: at };
            return Ok((self, Received::Frozen));
        }
        self.check_objection(&answer, at)?;
        if matches!(answer, Answer::Objection(_)) {
            if self.objected {
                return Err(ReferralRefusal::NothingToRenew);
            }
            self.objected = true;
        }
        Ok((self.into(ReferralState::Answered { packet, traffic, answer, at }), Received::Answered))
    }

    /// An objection holds to its end; only its withdrawal, recorded as such, ends it before.
    fn check_objection(&self, answer: &Answer, at: Timestamp) -> Result<(), ReferralRefusal> {
        let holds = match self.state.answered() {
            Some((Answer::Objection(objection), since)) => objection.until(since).filter(|until| at < *until),
            _ => None,
        };
        match (holds, answer) {
            (Some(_), Answer::ObjectionWithdrawn) | (None, _) => Ok(()),
            (Some(until), _) => Err(ReferralRefusal::ObjectionHolds(until)),
        }
    }

    /// Renews an objection, once, while it holds.
    pub fn renew_objection(mut self, at: Timestamp) -> Result<Self, ReferralRefusal> {
        match &mut self.state {
            ReferralState::Answered { answer: Answer::Objection(objection), at: since, .. }
                if objection.renewed_at.is_none()
                    && *since <= at
                    && at < since.plus(clocks::OBJECTION_HOLDS) =>
            {
                objection.renewed_at = Some(at);
                Ok(self)
            }
            _ => Err(ReferralRefusal::NothingToRenew),
        }
    }

    /// Records that the authority let its clock run out on two channels.
    pub fn fall_silent(self, now: Timestamp) -> Result<Self, ReferralRefusal> {
        match self.state.clone() {
            ReferralState::Delivered { packet, traffic }
            | ReferralState::Acknowledged { packet, traffic, .. } => {
                if traffic.silent_from().is_none_or(|from| now < from) {
                    return Err(ReferralRefusal::ClockRuns);
                }
                Ok(self.into(ReferralState::Silent { packet, traffic, since: now }))
            }
            _ => Err(self.refuse("silent")),
        }
    }

    /// Closes it.
    pub fn close(self, by: Officer, at: Timestamp) -> Result<Self, ReferralRefusal> {
        match self.state {
            ReferralState::Answered { .. } | ReferralState::Silent { .. } => {
                let last = Box::new(self.state.clone());
                Ok(self.into(ReferralState::Closed { last, by, at }))
            }
            _ => Err(self.refuse("closed")),
        }
    }

    fn into(self, state: ReferralState) -> Self {
        Self { state, ..self }
    }

    fn refuse(&self, wanted: &'static str) -> ReferralRefusal {
        ReferralRefusal::WrongState { is: self.state.name(), wanted }
    }
}

impl ReferralState {
    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drafted { .. } => "drafted",
            Self::Sealed { .. } => "sealed",
            Self::Sent { .. } => "sent",
            Self::Delivered { .. } => "delivered",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Answered { .. } => "answered",
            Self::Silent { .. } => "silent",
            Self::Closed { .. } => "closed",
        }
    }

    /// What was tried and what arrived, once it was sent.
    pub fn traffic(&self) -> Option<&Traffic> {
        match self {
            Self::Closed { last, .. } => last.traffic(),
            Self::Sent { traffic, .. }
            | Self::Delivered { traffic, .. }
            | Self::Acknowledged { traffic, .. }
            | Self::Answered { traffic, .. }
            | Self::Silent { traffic, .. } => Some(traffic),
            Self::Drafted { .. } | Self::Sealed { .. } => None,
        }
    }

    /// What the authority answered and when, if it has.
    pub fn answered(&self) -> Option<(&Answer, Timestamp)> {
        match self {
            Self::Answered { answer, at, .. } => Some((answer, *at)),
            Self::Closed { last, .. } => last.answered(),
            _ => None,
        }
    }

    /// The last instant that is recorded in it.
    fn last_at(&self) -> Option<Timestamp> {
        let traffic = self.traffic().and_then(Traffic::last_at);
        let own = match self {
            Self::Drafted { at, .. }
            | Self::Sealed { at, .. }
            | Self::Acknowledged { at, .. }
            | Self::Answered { at, .. }
            | Self::Silent { since: at, .. }
            | Self::Closed { at, .. } => Some(*at),
            Self::Sent { .. } | Self::Delivered { .. } => None,
        };
        own.max(traffic)
    }

    /// No step lies before the one that is recorded already: the clocks of E4 run from these instants.
    fn check_after(&self, at: Timestamp) -> Result<(), ReferralRefusal> {
        match self.last_at() {
            Some(last) if at < last => Err(ReferralRefusal::BackDated { at, last }),
            _ => Ok(()),
        }
    }

    fn traffic_mut(&mut self) -> Option<&mut Traffic> {
        match self {
            Self::Sent { traffic, .. }
            | Self::Delivered { traffic, .. }
            | Self::Acknowledged { traffic, .. }
            | Self::Answered { traffic, .. }
            | Self::Silent { traffic, .. } => Some(traffic),
            Self::Drafted { .. } | Self::Sealed { .. } | Self::Closed { .. } => None,
        }
    }
}

impl Objection {
    /// Until when it holds, raised at `since`: a day, or a day from its renewal. Without reasons it
    /// never holds.
    pub fn until(&self, since: Timestamp) -> Option<Timestamp> {
        let until = self.renewed_at.unwrap_or(since).plus(clocks::OBJECTION_HOLDS);
        self.reasons.as_ref().map(|_| until)
    }
}
