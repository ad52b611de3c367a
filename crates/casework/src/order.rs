//! An authority's order: received → authenticating → valid | refused → executed → effect reported; or withdrawn.
//!
//! Owns how an order is authenticated (a confirmed key of the authority under its exact text, and a call back to the
//! number of the directory, both), what is wrong with one by itself ([`examine`]), and that it is refused with a reason
//! from the list. An order acts where it says and nowhere else ([`Order::stands_behind`]). Its id is made of its text, so
//! that the same order brought twice is one; the authority's signature stays with it, so that anybody can check later
//! who ordered. Knows neither sites' settings nor the edge.

mod behind;
mod demanded;
mod refused;
#[cfg(test)]
mod tests;

pub use behind::{Footing, NotBehind};
pub use demanded::{Demanded, DemandedError, Served, order_digest};
pub use refused::{Fault, OrderRefusal, RefusedBecause};

use crate::{CallOutcome, DirectoryEntry, Officer, Text};
use policy::{PublicKey, Role, Signature};
use serde::{Deserialize, Serialize};
use vocabulary::{AuthorityId, CaseId, DecisionId, OrderId, ReferralId, Timestamp};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Which order.
    pub id: OrderId,
    /// Who gave it, by its own word until that is checked.
    pub authority: AuthorityId,
    /// The case and the referral it answers.
    pub answers: Option<(CaseId, ReferralId)>,
    /// Its exact text: canonical JSON of a [`Demanded`].
    pub text: String,
    /// When it came.
    pub received_at: Timestamp,
    /// How far it is.
    pub state: OrderState,
}

/// How far an order is; each state holds what is known in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum OrderState {
    /// It came; nothing of it is believed.
    Received,
    /// Some of what authenticates it is there.
    Authenticating {
        /// The confirmed key that signed it, and the signature.
        signed: Option<SignedBy>,
        /// Who called back, and when.
        call_back: Option<(Officer, Timestamp)>,
    },
    /// It is the authority's, and nothing stands against it.
    Valid {
        /// What authenticated it.
        authentic: Authentic,
        /// Who accepted it.
        by: Officer,
        /// When.
        at: Timestamp,
    },
    /// Refused.
    Refused {
        /// Why.
        because: RefusedBecause,
        /// In words, for the authority.
        words: Text,
        /// By whom.
        by: Officer,
        /// When.
        at: Timestamp,
    },
    /// A decision carries it out.
    Executed {
        /// What authenticated it.
        authentic: Authentic,
        /// Which decision.
        decision: DecisionId,
        /// When.
        at: Timestamp,
    },
    /// The authority was told what it did.
    EffectReported {
        /// What authenticated it.
        authentic: Authentic,
        /// Which decision.
        decision: DecisionId,
        /// What the authority was told.
        effect: Text,
        /// When.
        at: Timestamp,
    },
    /// The authority took it back.
    Withdrawn {
        /// The decision that carried it out, which must be lifted.
        decision: Option<DecisionId>,
        /// Who wrote that down.
        by: Officer,
        /// When.
        at: Timestamp,
    },
}

/// A signature over [`order_digest`] of an order's text, and the key that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// The key, confirmed when the signature came.
    pub key: PublicKey,
    /// The signature.
    pub signature: Signature,
}

/// What authenticated an order: both, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authentic {
    /// The confirmed key that signed it, and the signature.
    pub signed: SignedBy,
    /// Who called back.
    pub called_by: Officer,
    /// When.
    pub called_at: Timestamp,
}

impl Order {
    /// Takes an order in, under the id that its text gives. Its text must be an order; whose it is shows later.
    pub fn receive(
        text: String,
        answers: Option<(CaseId, ReferralId)>,
        at: Timestamp,
    ) -> Result<Self, DemandedError> {
        let (authority, id) = (Demanded::parse(&text)?.authority, id_of(&text));
        Ok(Self { id, authority, answers, text, received_at: at, state: OrderState::Received })
    }

    /// What it demands.
    pub fn demanded(&self) -> Result<Demanded, DemandedError> {
        Demanded::parse(&self.text)
    }

    /// Takes the signature under its text: by one of the authority's confirmed keys, or refused.
    pub fn signed(
        self,
        signature: &Signature,
        entry: &DirectoryEntry,
        now: Timestamp,
    ) -> Result<Self, OrderRefusal> {
        self.check_entry(entry)?;
        let (_, call_back) = self.authenticating("signed")?;
        let digest = order_digest(&self.text);
        let signer = entry.keys_at(now).find(|key| key.verifies(&digest, signature));
        let key = *signer.ok_or(OrderRefusal::ForeignSignature)?;
        let signed = Some(SignedBy { key, signature: *signature });
        Ok(self.into(OrderState::Authenticating { signed, call_back }))
    }

    /// Takes the call back that the directory notes last: the authority confirmed this order on its duty line, after
    /// the order came.
    pub fn called_back(self, entry: &DirectoryEntry, now: Timestamp) -> Result<Self, OrderRefusal> {
        self.check_entry(entry)?;
        let (signed, _) = self.authenticating("called back about")?;
        let line = entry.duty_line.as_ref().map(|line| &line.number);
        let call = entry.calls.last().filter(|call| Some(&call.number) == line && call.at <= now);
        let call = call.filter(|call| call.at >= self.received_at).ok_or(OrderRefusal::NotCalledBack)?;
        if call.outcome != CallOutcome::Confirmed {
            return Err(OrderRefusal::CallNotConfirmed);
        }
        let call_back = Some((call.by.clone(), call.at));
        Ok(self.into(OrderState::Authenticating { signed, call_back }))
    }

    /// A legal reviewer accepts it: it is authentic, and [`examine`] finds nothing against it.
    pub fn accept(self, faults: &[Fault], by: Officer, at: Timestamp) -> Result<Self, OrderRefusal> {
        check_legal(&by)?;
        let (signed, call_back) = self.authenticating("accepted")?;
        let (Some(signed), Some((called_by, called_at))) = (signed, call_back) else {
            return Err(OrderRefusal::NotAuthentic);
        };
        if let Some(fault) = faults.first() {
            return Err(OrderRefusal::Faulty(fault.clone()));
        }
        let authentic = Authentic { signed, called_by, called_at };
        Ok(self.into(OrderState::Valid { authentic, by, at }))
    }

    /// A legal reviewer refuses it, with a reason from the list and words for the authority.
    pub fn refuse(
        self,
        because: RefusedBecause,
        words: Text,
        by: Officer,
        at: Timestamp,
    ) -> Result<Self, OrderRefusal> {
        check_legal(&by)?;
        match self.state {
            OrderState::Received | OrderState::Authenticating { .. } | OrderState::Valid { .. } => {
                Ok(self.into(OrderState::Refused { because, words, by, at }))
            }
            _ => Err(self.in_wrong_state("refused")),
        }
    }

    /// A decision carries it out.
    pub fn executed(self, decision: DecisionId, at: Timestamp) -> Result<Self, OrderRefusal> {
        match self.state.clone() {
            OrderState::Valid { authentic, .. } => {
                Ok(self.into(OrderState::Executed { authentic, decision, at }))
            }
            _ => Err(self.in_wrong_state("executed")),
        }
    }

    /// The authority was told what the order did.
    pub fn report(self, effect: Text, at: Timestamp) -> Result<Self, OrderRefusal> {
        match self.state.clone() {
            OrderState::Executed { authentic, decision, .. } => {
                Ok(self.into(OrderState::EffectReported { authentic, decision, effect, at }))
            }
            _ => Err(self.in_wrong_state("reported back")),
        }
    }

    /// The authority took it back. What carries it out must be lifted.
    pub fn withdraw(self, by: Officer, at: Timestamp) -> Result<Self, OrderRefusal> {
        let decision = match &self.state {
            OrderState::Executed { decision, .. } | OrderState::EffectReported { decision, .. } => {
                Some(*decision)
            }
            OrderState::Refused { .. } | OrderState::Withdrawn { .. } => {
                return Err(self.in_wrong_state("withdrawn"));
            }
            OrderState::Received | OrderState::Authenticating { .. } | OrderState::Valid { .. } => None,
        };
        Ok(self.into(OrderState::Withdrawn { decision, by, at }))
    }

    /// What of the authentication is there, in the states where more may come.
    fn authenticating(&self, wanted: &'static str) -> Result<Proofs, OrderRefusal> {
        match &self.state {
            OrderState::Received => Ok((None, None)),
            OrderState::Authenticating { signed, call_back } => Ok((signed.clone(), call_back.clone())),
            _ => Err(self.in_wrong_state(wanted)),
        }
    }

    fn check_entry(&self, entry: &DirectoryEntry) -> Result<(), OrderRefusal> {
        match entry.id == self.authority && entry.retired.is_none() {
            true => Ok(()),
            false => Err(OrderRefusal::NotInDirectory),
        }
    }

    fn in_wrong_state(&self, wanted: &'static str) -> OrderRefusal {
        OrderRefusal::WrongState { is: self.state.name(), wanted }
    }

    fn into(self, state: OrderState) -> Self {
        Self { state, ..self }
    }
}

/// Who signed, and who called back when.
type Proofs = (Option<SignedBy>, Option<(Officer, Timestamp)>);

/// The id of an order with this text: the first half of what its authority signs.
fn id_of(text: &str) -> OrderId {
    let digest = order_digest(text);
    OrderId::from_bytes(std::array::from_fn(|place| digest.as_bytes()[place]))
}

fn check_legal(by: &Officer) -> Result<(), OrderRefusal> {
    if by.role == Role::Legal { Ok(()) } else { Err(OrderRefusal::NotLegal(by.clone())) }
}

impl OrderState {
    /// The state's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Authenticating { .. } => "authenticating",
            Self::Valid { .. } => "valid",
            Self::Refused { .. } => "refused",
            Self::Executed { .. } => "executed",
            Self::EffectReported { .. } => "effect-reported",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}
