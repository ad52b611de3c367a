//! The desk of authorities and reviewers: passes to single matters, and the packets of referrals.
//!
//! Owns who may do what with a pass. A pass is a code of eight words, as of receipts, that opens one referral to its
//! authority or one appeal to its reviewer: they answer, order or rule, and can browse nothing. Only the code's slow
//! hash is kept. What is said at the desk by an authority that nobody verified freezes its inbound channel and nothing
//! else.

mod orders;
mod packet;
mod passes;
mod steps;

pub(crate) use orders::{Taken, answer_referral, bring_order, entry, examine, may_answer, take_in};
pub(crate) use packet::{Sealing, packet_of, seal_packet};
pub(crate) use passes::{Opened, PassFor, end_pass, give_pass};
pub(crate) use steps::{Heard, Said, answer, rule};
