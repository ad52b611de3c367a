//! The directory of authorities: entering, calling back, keys, retiring.

use super::fields::{by_of, choice, line};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, Taking, nothing, one};
use crate::api::authorities as api;
use crate::pages::act::{Field, Note, Step};
use crate::rim::Problem;
use crate::rim::extract::Path;
use axum::extract::State;
use policy::Role;
use serde_json::{Value, json};
use vocabulary::AuthorityId;

const ENTER: &[Step] = &[one("Enter it")];
const NOTE: &[Step] = &[one("Note it")];
const STEPS_API: &str = "POST /api/v1/authorities/AUTHORITY/steps";
/// Where the directory is shown.
const DIRECTORY: &str = "/authorities";

const fn step(
    name: &'static str,
    title: &'static str,
    about: &'static str,
    fields: fn(&Scene) -> Vec<Field>,
    take: for<'a> fn(&'a Scene, &'a mut Sent) -> Taking<'a>,
) -> Act {
    Act { name, title, about, api: STEPS_API, steps: NOTE, notes: entry, fields, take }
}

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "enter-authority",
        title: "Enter an authority",
        about: "It is verified by calling back a number from an independent source, and by nothing that it sends.",
        api: "POST /api/v1/authorities",
        steps: ENTER,
        notes: nothing,
        fields: |scene| {
            vec![
                keeper(scene),
                line("name", "Its name", ""),
                line(
                    "stands_for",
                    "For which country",
                    "Its code, such as DE; left empty: it is the fallback.",
                ),
                line("mail", "Where it takes mail", ""),
                line("number", "The number of its duty line", ""),
                line("source", "Where the number was found", "Never in a message of the authority itself."),
            ]
        },
        take: |scene, sent| Box::pin(enter(scene, sent)),
    },
    step(
        "call-authority",
        "Note a call back",
        "You called the number of the directory, and asked whether this is them.",
        |scene| {
            let outcomes = [
                ("confirmed", "they are who they say"),
                ("denied", "they know nothing of it"),
                ("unanswered", "nobody answered"),
            ];
            vec![
                keeper(scene),
                choice("outcome", "What came of it", "", outcomes),
                line("log", "The sealed log of the call", "Its id, where there is one."),
            ]
        },
        |scene, sent| {
            let called = json!({"called": {"outcome": sent.one("outcome"), "log": sent.value("log")}});
            Box::pin(change(scene, sent, called))
        },
    ),
    step(
        "authority-duty-line",
        "Change its duty line",
        "A new number has to be called before anything counts again.",
        |scene| {
            vec![
                keeper(scene),
                line("number", "The number", ""),
                line("source", "Where it was found", "Never in a message of the authority itself."),
            ]
        },
        |scene, sent| {
            let line = json!({"duty-line": {"number": sent.one("number"), "source": sent.one("source")}});
            Box::pin(change(scene, sent, line))
        },
    ),
    step(
        "authority-mail",
        "Change where it takes mail",
        "The packet of a referral may go there once the authority is verified.",
        |scene| vec![keeper(scene), line("mail", "The address", "")],
        |scene, sent| Box::pin(change(scene, sent, json!({"mail": sent.one("mail")}))),
    ),
    step(
        "authority-key",
        "Enter, confirm or end a key",
        "One officer enters a key, another confirms it by a call back. Orders are signed with it.",
        |scene| {
            let steps = [("enter-key", "enter it"), ("confirm-key", "confirm it"), ("end-key", "end it")];
            vec![keeper(scene), choice("what", "What to do", "", steps), line("key", "The key", "")]
        },
        |scene, sent| {
            let step = json!({ sent.one("what"): sent.one("key") });
            Box::pin(change(scene, sent, step))
        },
    ),
    step(
        "retire-authority",
        "Retire it",
        "No referral, letter or pass goes to it from then on. What was done stays explained.",
        |scene| vec![keeper(scene), line("reason", "Why", "")],
        |scene, sent| Box::pin(change(scene, sent, json!({"retire": sent.one("reason")}))),
    ),
];

/// Who keeps the directory.
fn keeper(scene: &Scene) -> Field {
    by_of(scene, |role| matches!(role, Role::AuthorityLiaison | Role::DutyOfficer | Role::Legal))
}

/// Which authority this is about, and which number to call.
fn entry(scene: &Scene) -> Vec<Note> {
    let id = scene.of_what::<AuthorityId>().ok();
    let entry = scene.authorities.iter().find(|entry| Some(entry.id) == id);
    let note = |entry: &casework::DirectoryEntry| {
        let line = entry.duty_line.as_ref();
        let line = line.map_or_else(
            || "It has no duty line yet.".to_owned(),
            |line| format!("Duty line {}, found in: {}", line.number, line.source),
        );
        let lines = vec![format!("For {}", entry.stands_for), line];
        Note { heading: entry.name.to_string(), lines, exact: false }
    };
    entry.map(note).into_iter().collect()
}

async fn enter(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let stands_for = match sent.one("stands_for") {
        "" => json!("fallback"),
        code => json!({ "jurisdiction": code }),
    };
    let duty_line = match sent.one("number") {
        "" => Value::Null,
        number => json!({"number": number, "source": sent.one("source")}),
    };
    let body = json!({
        "by": sent.one("by"), "name": sent.one("name"), "stands_for": stands_for, "mail": sent.value("mail"),
        "duty_line": duty_line,
    });
    api::enter(State(scene.api.clone()), asked(body)?).await?;
    Ok(Done::There(DIRECTORY.to_owned()))
}

async fn change(scene: &Scene, sent: &Sent, step: Value) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "step": step}))?;
    let _shown = api::step(State(scene.api.clone()), Path(scene.of_what()?), body).await?;
    Ok(Done::There(DIRECTORY.to_owned()))
}
