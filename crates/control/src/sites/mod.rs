//! Putting customers' sites behind the edge.
//!
//! Owns the comparison of a sites file with what is stored, and the rule that no act of the operator
//! lowers a customer's service without the customer's recorded request or a decision. Must not know
//! HTTP.

mod apply;
mod customer_request;
mod defence;
mod export;
mod export_front;
mod export_shield;
mod origin_files;
mod plan;
mod transport;
mod ways_in;

#[cfg(test)]
mod tests;

pub(crate) use apply::{Application, Applied, ApplyRefusal, Basis, Terms, apply, set_defence, set_ways_in};
pub(crate) use customer_request::CustomerRequest;
pub(crate) use export::{export, export_account, quoted};
pub(crate) use export_front::text as ways_in_text;
pub(crate) use export_shield::{name as action_name, text as shield_text};
pub(crate) use plan::Step;
#[cfg(test)]
use plan::{Plan, PlanError, plan};
pub(crate) use ways_in::WaysInVersion;
