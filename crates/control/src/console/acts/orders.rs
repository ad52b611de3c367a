//! Orders: taken in, authenticated, accepted or refused, carried out, reported back, withdrawn.

use super::fields::{by, choice, line, words};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, nothing, one};
use crate::api::orders as api;
use crate::pages::act::{Field, Note, Step};
use crate::rim::Problem;
use crate::rim::extract::Path;
use axum::extract::State;
use casework::RefusedBecause;
use serde_json::{Value, json};
use vocabulary::{OrderId, ReferralId};

const TAKE_IN: &[Step] = &[one("Take it in")];
const STEP: &[Step] = &[one("Do it")];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "receive-order",
        title: "Take an order in",
        about: "Nothing of it is believed until it is signed with a confirmed key, called back and accepted. An authority \
                with a pass brings it at its desk by itself.",
        api: "POST /api/v1/orders",
        steps: TAKE_IN,
        notes: nothing,
        fields: |_| {
            vec![
                words("text", "Its exact text", "Canonical JSON of the form wardmote-order/1."),
                line("signature", "Its signature", "If it came along."),
            ]
        },
        take: |scene, sent| Box::pin(receive(scene, sent)),
    },
    Act {
        name: "order-step",
        title: "Move an order on",
        about: "Signed and called back, it is accepted or refused by a legal reviewer; refused only with a reason from the list.",
        api: "POST /api/v1/orders/ORDER/steps",
        steps: STEP,
        notes: order,
        fields: step_fields,
        take: |scene, sent| Box::pin(step(scene, sent)),
    },
];

fn step_fields(scene: &Scene) -> Vec<Field> {
    let steps = [
        ("called-back", "the call back is noted in the directory"),
        ("signed", "its signature came, below"),
        ("accept", "accept it"),
        ("refuse", "refuse it, for the reason below"),
        ("executed", "a decision carries it out, below"),
        ("report", "the authority was told of the effect, below"),
        ("withdraw", "the authority took it back"),
    ];
    let because = RefusedBecause::ALL.map(|because| (because.name(), because.name().replace('-', " ")));
    let decisions = scene.decisions.iter().map(|one| (one.id.to_string(), one.statement.title.clone()));
    vec![
        by(scene),
        choice("move", "What to do", "", steps),
        choice("because", "For a refusal: why", "", because),
        line("words", "For a refusal: in words. For a report: what the authority was told", ""),
        line("signature", "The signature", ""),
        choice("decision", "The decision that carries it out", "", decisions),
    ]
}

fn order(scene: &Scene) -> Vec<Note> {
    let id = scene.of_what::<OrderId>().ok();
    let order = scene.orders.iter().find(|order| Some(order.id) == id);
    let note = |order: &casework::Order| {
        let text =
            Note { heading: "Its exact text".to_owned(), lines: vec![order.text.clone()], exact: true };
        let state = format!("It is {}.", order.state.name());
        vec![Note { heading: order.id.to_string(), lines: vec![state], exact: false }, text]
    };
    order.map(note).unwrap_or_default()
}

async fn receive(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = json!({
        "text": sent.one("text"), "case": scene.case()?.id, "referral": scene.of_what::<ReferralId>()?,
        "signature": sent.value("signature"),
    });
    api::receive(State(scene.api.clone()), asked(body)?).await?;
    Ok(Done::back(scene))
}

async fn step(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let step: Value = match sent.one("move") {
        "signed" => json!({"signed": sent.one("signature")}),
        "refuse" => json!({"refuse": {"because": sent.one("because"), "words": sent.one("words")}}),
        "executed" => json!({"executed": sent.one("decision")}),
        "report" => json!({"report": sent.one("words")}),
        word => json!(word),
    };
    let body = asked(json!({"by": sent.one("by"), "step": step}))?;
    let _shown = api::step(State(scene.api.clone()), Path(scene.of_what()?), body).await?;
    Ok(Done::back(scene))
}
