//! What allows the operator to take or move a name that is served for a customer: the customer's own request, logged.

use super::HostRefusal;
use crate::plane::Plane;
use crate::sequencer::{Draft, Item};
use crate::sites::{ApplyRefusal, Basis};
use casework::Paragraphs;
use ledger::Kind;
use ledger::commitment::Sealed;
use ownership::Claim;
use records::{DocumentName, WriteOnceError};
use serde_json::json;
use vocabulary::canonical;

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
                self.log_request(claim, change, (actor, words)).await.map_err(Box::new)?;
                Ok(())
            }
            Some(Basis::Decision(_)) => refuse("no decision can do that yet; record the customer's request"),
            None => refuse("no customer_request was given"),
        }
    }

    /// The words stay in the vault; the log holds their commitment.
    async fn log_request(
        &self,
        claim: &Claim,
        change: &'static str,
        (actor, words): (&str, &Paragraphs),
    ) -> Result<(), ApplyRefusal> {
        let account = claim.account();
        let steps = json!([{"host": claim.pattern(), "site": claim.site(), "change": change}]);
        let fields = [("request".to_owned(), json!(words)), ("steps".to_owned(), steps)];
        let sealed = Sealed::new(&*self.random, fields).map_err(ApplyRefusal::Commitment)?;
        let root = sealed.root().map_err(ApplyRefusal::Commitment)?;
        let now = self.clock.now();
        let name = DocumentName::new("vault", format!("tenant.request/{root}"));
        let bytes = canonical::to_bytes(sealed.fields()).unwrap_or_default();
        self.records.put_document(&name, &bytes, now).await.map_err(|error| match error {
            WriteOnceError::Store(error) => ApplyRefusal::Store(error),
            error => ApplyRefusal::NoBasis(error.to_string(), Vec::new()),
        })?;
        let draft = Draft {
            kind: Kind::TenantRequest,
            time: now,
            actors: vec![actor.to_owned()],
            subject: account.to_string(),
            policy: None,
            commitments: Some(root),
            public: json!({"account": account, "sites": 1}),
        };
        self.sequencer.append(Item::Draft(draft)).await.map_err(ApplyRefusal::Log)?;
        Ok(())
    }
}
