//! Appeals: filed, admitted, heard at the desk, told.

use super::fields::{by, by_of, choice, officers, words};
use super::referrals::told;
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, Step, nothing, one};
use crate::api::appeals as api;
use crate::rim::Problem;
use crate::rim::extract::Path;
use axum::extract::State;
use axum::http::HeaderMap;
use policy::Role;
use serde_json::{Value, json};

const FILE: &[Step] = &[one("File it")];
const STEP: &[Step] = &[one("Do it")];
const PASS: &[Step] = &[one("Make the pass")];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "file-appeal",
        title: "File an appeal",
        about: "Of the customer, a reporter or anyone affected: against a decision, against inaction, against a missed clock.",
        api: "POST /api/v1/cases/CASE/appeals",
        steps: FILE,
        notes: nothing,
        fields: |scene| {
            let appellants = [
                ("customer", "the customer"),
                ("reporter", "a reporter"),
                ("third-party", "somebody else who is affected"),
            ];
            let decisions = scene.decisions.iter();
            let decisions =
                decisions.map(|one| (one.id.to_string(), format!("the decision: {}", one.statement.title)));
            let rest = [
                ("inaction", "that nothing was done"),
                ("triage", "that a report was not looked at in time"),
                ("referral", "that no authority was told in time"),
                ("appeal", "that an earlier appeal was not decided in time"),
                ("notice", "that the customer was not told in time"),
            ];
            let rest = rest.map(|(value, label)| (value.to_owned(), label.to_owned()));
            vec![
                choice("appellant", "Who appeals", "", appellants),
                choice("against", "Against what", "", decisions.chain(rest)),
                words("grounds", "Why, in the appellant’s words", "Not public."),
            ]
        },
        take: |scene, sent| Box::pin(file(scene, sent)),
    },
    Act {
        name: "appeal-step",
        title: "Move an appeal on",
        about: "Dismissed, heard and ruled on by an independent reviewer who took no part in the case; the reviewer may do \
                the same at the desk, with a pass.",
        api: "POST /api/v1/cases/CASE/appeals/APPEAL/steps",
        steps: STEP,
        notes: nothing,
        fields: |scene| {
            let steps = [
                ("admit", "admit it"),
                ("hear", "hear it"),
                ("upheld", "rule: the decision is upheld"),
                ("overturned", "rule: the decision is overturned"),
                ("varied", "rule: the decision is varied"),
                ("dismiss", "dismiss it as inadmissible"),
                ("notified", "the appellant was told"),
            ];
            vec![
                by(scene),
                choice("move", "What to do", "", steps),
                words("reasons", "For a ruling or dismissal: why", ""),
            ]
        },
        take: |scene, sent| Box::pin(step(scene, sent)),
    },
    Act {
        name: "reviewer-pass",
        title: "Make a pass for the reviewer",
        about: "Eight words that open this one appeal at the desk. Made by somebody who took no part in the case.",
        api: "POST /api/v1/cases/CASE/appeals/APPEAL/pass",
        steps: PASS,
        notes: nothing,
        fields: |scene| {
            let reviewer = |role: Role| role == Role::Reviewer;
            vec![
                by_of(scene, |role| role != Role::Reviewer),
                officers(scene, "reviewer", "The reviewer", reviewer),
            ]
        },
        take: |scene, sent| Box::pin(pass(scene, sent)),
    },
];

async fn file(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let against: Value = match sent.one("against") {
        "inaction" => json!("inaction"),
        clock @ ("triage" | "referral" | "appeal" | "notice") => json!({ "missed-clock": clock }),
        decision => json!({ "decision": decision }),
    };
    let body = json!({"by": sent.one("appellant"), "against": against, "grounds": sent.one("grounds")});
    api::file(State(scene.api.clone()), Path(scene.case()?.id), HeaderMap::new(), asked(body)?).await?;
    Ok(Done::back(scene))
}

async fn step(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let step: Value = match sent.one("move") {
        outcome @ ("upheld" | "overturned" | "varied") => {
            json!({"rule": {"outcome": outcome, "reasons": sent.one("reasons")}})
        }
        "dismiss" => json!({"dismiss": sent.one("reasons")}),
        word => json!(word),
    };
    let body = asked(json!({"by": sent.one("by"), "step": step}))?;
    let place = Path((scene.case()?.id, scene.of_what()?));
    api::step(State(scene.api.clone()), place, HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn pass(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "reviewer": sent.one("reviewer")}))?;
    let place = Path((scene.case()?.id, scene.of_what()?));
    told(api::give_pass(State(scene.api.clone()), place, body).await?).await
}
