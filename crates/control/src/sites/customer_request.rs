//! The customer's own request: what lets the operator lower the customer's service, sealed, kept and logged.

use super::ApplyRefusal;
use crate::plane::Plane;
use crate::sequencer::{Draft, Item};
use casework::Paragraphs;
use ledger::Kind;
use serde_json::{Value, json};
use vocabulary::AccountId;

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
        let fields = vec![("request".to_owned(), json!(words)), ("steps".to_owned(), Value::Array(steps))];
        // A commitment to what was never kept could not be opened by anybody.
        let root = plane.seal_fields(fields).await.map_err(ApplyRefusal::Sealing)?;
        let draft = Draft {
            kind: Kind::TenantRequest,
            time: plane.clock.now(),
            actors: vec![actor.to_owned()],
            subject: account.to_string(),
            policy: None,
            commitments: Some(root),
            public: json!({"account": account, "sites": sites}),
        };
        plane.sequencer.append(Item::Draft(draft)).await.map(drop).map_err(ApplyRefusal::Log)
    }
}
