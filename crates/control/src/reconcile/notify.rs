//! Tells customers what was decided about their sites: one letter for each record of a decision that changes what
//! happens to them, with reasons, ground, scope, end, and how to appeal.
//!
//! The letter's id is made of the decision and the record, so looking again queues nothing twice.

use super::{Moved, ReconcileError};
use crate::mail::Queuing;
use crate::plane::Plane;
use casework::{Decision, Told};
use post::{Letter, Mail, MailAddress, Purpose, SUBJECT_CHARS_MAX};
use records::Account;
use std::collections::BTreeSet;
use vocabulary::AccountId;

/// A customer that no letter reaches.
const UNTOLD: &str = "customer-untold";

pub(super) async fn reconcile(plane: &Plane) -> Result<Moved, ReconcileError> {
    let mut untold = BTreeSet::new();
    let mut accounts: Option<Vec<Account>> = None;
    for held in plane.docket.open().await? {
        let decision = &held.value;
        for account in concerned(decision) {
            let appeal = plane.appeal_address(decision.id, account).await;
            let appeal = appeal.map_err(|error| ReconcileError::Damaged(error.to_string()))?;
            let Some(told) = decision.told(account, &appeal) else { continue };
            if accounts.is_none() {
                accounts = Some(plane.records.fleet().await?.accounts);
            }
            let named = accounts.iter().flatten().find(|known| known.id == account);
            if !tell(plane, decision, named, (told, &appeal)).await {
                untold.insert(subject(decision, account));
            }
        }
    }
    plane.alarms.clear_where(UNTOLD, |about| !untold.contains(about));
    Ok(Moved::No)
}

fn concerned(decision: &Decision) -> BTreeSet<AccountId> {
    decision.scope.sites().iter().map(|site| site.account).collect()
}

fn subject(decision: &Decision, account: AccountId) -> String {
    format!("{} {account}", decision.id)
}

/// Whether the customer is told, or will be.
async fn tell(
    plane: &Plane,
    decision: &Decision,
    account: Option<&Account>,
    (told, appeal): (Told, &str),
) -> bool {
    let Some(account) = account else { return true };
    let Some(to) = account.mail.clone() else {
        let text = format!(
            "account {:?} has no mail address: tell it of {} in another way, with the page on which it can appeal \
             ({appeal}), and set `mail` in sites.toml",
            account.name, decision.id
        );
        plane.alarms.raise(UNTOLD, subject(decision, account.id), text, plane.clock.now());
        return false;
    };
    match queue(plane, decision, to, told).await {
        Ok(Queuing::New) => {
            tracing::info!(decision = %decision.id, account = %account.id, "a letter to the customer is queued");
            true
        }
        Ok(Queuing::Known | Queuing::HeldBack) => true,
        // One letter that cannot be queued holds back nobody else's.
        Err(why) => {
            let text = format!(
                "the letter about {} to account {:?} is not queued: {why}",
                decision.id, account.name
            );
            plane.alarms.raise(UNTOLD, subject(decision, account.id), text, plane.clock.now());
            false
        }
    }
}

async fn queue(plane: &Plane, decision: &Decision, to: MailAddress, told: Told) -> Result<Queuing, String> {
    let line: String = told.subject.chars().take(SUBJECT_CHARS_MAX).collect();
    let letter = Letter::new(to, line, told.body).map_err(|error| error.to_string())?;
    let mail = Mail::queued(Purpose::CustomerNotice, about(decision), letter, plane.clock.now());
    plane.queue_mail(&mail).await.map_err(|error| error.to_string())
}

/// The matter: the decision under its present statement, or its end.
fn about(decision: &Decision) -> String {
    match decision.state.ending() {
        Some(_) => format!("{} ended", decision.id),
        None => format!("{} {}", decision.id, decision.terms.statement),
    }
}
