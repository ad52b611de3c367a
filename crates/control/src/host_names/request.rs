//! What allows the operator to take or move a name that is served for a customer: the customer's own request, logged.

use super::HostRefusal;
use crate::plane::Plane;
use crate::sites::{ApplyRefusal, Basis, CustomerRequest};
use ownership::Claim;
use serde_json::json;

/// Who wants a claim changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// The account that holds it.
    Holder,
    /// The operator.
    Operator {
        /// The name used in the history.
        actor: &'a str,
        /// What allows lowering a customer's service.
        basis: Option<&'a Basis>,
    },
}

impl Plane {
    /// Refuses the operator what lowers the service of a name without the customer's request, and logs that request.
    pub(super) async fn check_asker(
        &self,
        claim: &Claim,
        change: &'static str,
        asker: Asker<'_>,
    ) -> Result<(), HostRefusal> {
        let Asker::Operator { actor, basis } = asker else { return Ok(()) };
        if !claim.is_served() {
            return Ok(());
        }
        let refuse = |why: &str| {
            let why = format!("{} is served for a customer and would be {change}: {why}", claim.pattern());
            Err(HostRefusal::Request(Box::new(ApplyRefusal::NoBasis(why, Vec::new()))))
        };
        match basis {
            Some(Basis::CustomerRequest(words)) => {
                let steps = vec![json!({"host": claim.pattern(), "site": claim.site(), "change": change})];
                let request = CustomerRequest { account: claim.account(), words, actor, steps };
                Ok(request.record(self).await.map_err(Box::new)?)
            }
            Some(Basis::Decision(_)) => refuse("no decision can do that yet; record the customer's request"),
            None => refuse("no customer_request was given"),
        }
    }
}
