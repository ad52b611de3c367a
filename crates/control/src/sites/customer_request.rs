//! The customer's own request: what lets the operator lower the customer's service, sealed, kept and logged.

use super::ApplyRefusal;
use crate::plane::Plane;
use crate::sequencer::{Draft, Item};
use casework::Paragraphs;
use ledger::Kind;
use ledger::commitment::{CommitmentError, Sealed};
use records::{DocumentName, WriteOnceError};
use serde_json::{Value, json};
use vocabulary::{AccountId, canonical};

/// What a customer has asked for.
#[derive(Debug)]
pub(crate) struct CustomerRequest<'a> {
    /// Whose service is lowered.
    pub(crate) account: AccountId,
    /// The customer's words.
    pub(crate) words: &'a Paragraphs,
    /// The operator who acts on them.
    pub(crate) actor: &'a str,
    /// What is done to the customer's sites; not empty.
    pub(crate) steps: Vec<Value>,
}

impl CustomerRequest<'_> {
    /// Keeps the words in the vault and logs their commitment. Once it returns, the service may be lowered.
    pub(crate) async fn record(self, plane: &Plane) -> Result<(), ApplyRefusal> {
        let Self { account, words, actor, steps } = self;
        let sites = steps.len();
        let fields = [("request".to_owned(), json!(words)), ("steps".to_owned(), Value::Array(steps))];
        let sealed = Sealed::new(&*plane.random, fields).map_err(ApplyRefusal::Commitment)?;
        let root = sealed.root().map_err(ApplyRefusal::Commitment)?;
        // A commitment to what was never kept could not be opened by anybody.
        let bytes = canonical::to_bytes(sealed.fields()).map_err(|source| {
            ApplyRefusal::Commitment(CommitmentError::Encoding { name: "request".to_owned(), source })
        })?;
        let now = plane.clock.now();
        let name = DocumentName::new("vault", format!("tenant.request/{root}"));
        plane.records.put_document(&name, &bytes, now).await.map_err(|error| match error {
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
            public: json!({"account": account, "sites": sites}),
        };
        plane.sequencer.append(Item::Draft(draft)).await.map(drop).map_err(ApplyRefusal::Log)
    }
}
