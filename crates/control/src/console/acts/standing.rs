//! What concerns no case alone: setting every measure aside, erasing what an entry hides, ending a pass, reading a file.

use super::cases::only_by;
use super::decisions::how_to_sign;
use super::fields::{by, choice, line, words};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, Step, nothing, one};
use crate::api::{erasures, evidence, referrals, suspension};
use crate::pages::act::Note;
use crate::rim::extract::{Path, Query};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use ledger::SuspensionBegun;
use serde_json::{Value, json};

const PUT_UP: &[Step] = &[one("Put it up for signing")];
const SIGN: &[Step] = &[one("Hand the signature in")];
const WITHDRAW: &[Step] = &[one("Take it away")];
const END: &[Step] = &[one("End the pass for good")];
const READ: &[Step] = &[one("Note that I read it, and give me the file")];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "suspend-all",
        title: "Set every measure aside",
        about: "Everything that no order demands is open again for an hour, at every edge, once two officers have signed; \
                three may have it stay so. For when officers were forced, or the system is misused. One measure alone is \
                lifted on its own page.",
        api: "POST /api/v1/suspension",
        steps: PUT_UP,
        notes: suspended,
        fields: |scene| {
            let steps =
                [("", "set everything aside for an hour"), ("confirm", "keep aside what is aside now")];
            vec![by(scene), choice("confirm", "What", "", steps)]
        },
        take: |scene, sent| Box::pin(suspend(scene, sent)),
    },
    Act {
        name: "withdraw-suspension",
        title: "Take the suspension away that waits",
        about: "Unless it is on its way into the log already.",
        api: "DELETE /api/v1/suspension",
        steps: WITHDRAW,
        notes: suspended,
        fields: only_by,
        take: |scene, _| Box::pin(withdraw(scene)),
    },
    Act {
        name: "erase-fields",
        title: "Erase what an entry of the log hides",
        about: "The confidential fields behind one entry are destroyed for good once two officers have signed; the log gets \
                a tombstone, and every proof stays valid. What is still kept is refused, with the day until which.",
        api: "POST /api/v1/entries/INDEX/erasure",
        steps: PUT_UP,
        notes: erasing,
        fields: |scene| {
            vec![
                by(scene),
                line("index", "The entry’s number in the log", "As its statement names it, from 0."),
                line("reason", "Why", "For the operator; it is not published."),
            ]
        },
        take: |scene, sent| Box::pin(erase(scene, sent)),
    },
    Act {
        name: "sign-standing",
        title: "Sign",
        about: "Your key never comes here. Save the parcel, sign it beside this window, and put the line that is printed \
                into the form. Read what the program shows you: that is what you answer for.",
        api: "POST /api/v1/suspension/approvals (or …/entries/INDEX/erasure/approvals)",
        steps: SIGN,
        notes: to_sign,
        fields: |_| vec![words("approval", "The signature", "The one line that wardmote sign prints.")],
        take: |scene, sent| Box::pin(sign(scene, sent)),
    },
    Act {
        name: "end-pass",
        title: "End a pass to the desk",
        about: "The eight words open nothing from then on. For a pass that was lost, given to the wrong person, or is no \
                longer needed; what was said with it stays.",
        api: "DELETE /api/v1/passes/PASS",
        steps: END,
        notes: nothing,
        fields: |scene| {
            vec![
                by(scene),
                line("pass", "The pass’s number", "Shown beside its words when it was made; not the words."),
            ]
        },
        take: |scene, sent| Box::pin(end_pass(scene, sent)),
    },
    Act {
        name: "read-evidence",
        title: "Read a piece of evidence",
        about: "That you read it is noted first, with your name and the time, and stays with the file. It is saved, never \
                shown in this window: it came from elsewhere.",
        api: "GET /api/v1/evidence/EVIDENCE",
        steps: READ,
        notes: nothing,
        fields: only_by,
        take: |scene, sent| Box::pin(read(scene, sent)),
    },
];

/// What waits for signatures, with the way to sign it.
fn suspended(scene: &Scene) -> Vec<Note> {
    let Some(draft) = &scene.suspension else { return Vec::new() };
    let text = format!(
        "{} put one up; it is void from {}. Sign it: {}",
        draft.by,
        draft.void_from(),
        super::address("sign-standing", None, Some(SuspensionBegun::SUBJECT))
    );
    vec![Note { heading: "One waits for signatures".to_owned(), lines: vec![text], exact: false }]
}

fn erasing(scene: &Scene) -> Vec<Note> {
    let line = |draft: &casework::ErasureDraft| {
        let sign = super::address("sign-standing", None, Some(&format!("erasure:{}", draft.index)));
        format!("entry {}, put up by {}, void from {}. Sign it: {sign}", draft.index, draft.by, draft.until)
    };
    let lines: Vec<String> = scene.erasures.iter().map(line).collect();
    if lines.is_empty() {
        return Vec::new();
    }
    vec![Note { heading: "Waiting for signatures".to_owned(), lines, exact: false }]
}

async fn suspend(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = json!({"by": sent.one("by"), "confirm": sent.one("confirm") == "confirm"});
    suspension::propose(State(scene.api.clone()), asked(body)?).await?;
    Ok(Done::There(super::address("sign-standing", None, Some(SuspensionBegun::SUBJECT))))
}

async fn withdraw(scene: &Scene) -> Result<Done, Problem> {
    suspension::withdraw(State(scene.api.clone())).await?;
    Ok(Done::back(scene))
}

async fn erase(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let index = number(sent.one("index"))?;
    let body = json!({"by": sent.one("by"), "reason": sent.one("reason")});
    erasures::propose(State(scene.api.clone()), Path(index), asked(body)?).await?;
    Ok(Done::There(super::address("sign-standing", None, Some(&format!("erasure:{index}")))))
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Reason::Malformed).detail("an entry’s number is a whole number, from 0"))
}

/// The bytes that wait, of what `wardmote sign --proposal` calls by this name.
pub(super) fn waiting<'a>(scene: &'a Scene, of: &str) -> Option<(String, &'a str)> {
    if of == SuspensionBegun::SUBJECT {
        let draft = scene.suspension.as_ref()?;
        return Some((format!("The setting aside of every measure, as {} put it up", draft.by), &draft.body));
    }
    let index: u64 = of.strip_prefix("erasure:")?.parse().ok()?;
    let draft = scene.erasures.iter().find(|draft| draft.index == index)?;
    let what =
        format!("The erasing of what entry {index} hides, as {} put it up: {}", draft.by, draft.reason);
    Some((what, &draft.body))
}

fn to_sign(scene: &Scene) -> Vec<Note> {
    let of: String = scene.of_what().unwrap_or_default();
    match waiting(scene, &of) {
        Some((what, bytes)) => how_to_sign(vec![what], (&format!("of={of}"), &of), bytes),
        None => vec![Note {
            heading: "Nothing waits".to_owned(),
            lines: vec!["It was signed by enough, was taken away, or its hour is over.".to_owned()],
            exact: false,
        }],
    }
}

async fn sign(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let line: Value = serde_json::from_str(sent.one("approval")).map_err(|_| {
        Problem::new(Reason::Malformed).detail("this is not the line that wardmote sign prints: {\"key\":…}")
    })?;
    let (of, body): (String, _) = (scene.of_what()?, json!({ "approval": line }));
    let state = State(scene.api.clone());
    match of.strip_prefix("erasure:") {
        Some(index) => erasures::approve(state, Path(number(index)?), asked(body)?).await?,
        None => suspension::approve(state, asked(body)?).await?,
    };
    Ok(Done::back(scene))
}

async fn end_pass(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let pass = sent.one("pass").parse();
    let pass = pass.map_err(|_| {
        Problem::new(Reason::Malformed).detail("a pass’s number is 64 digits and letters a to f")
    })?;
    let query = asked(json!({"by": sent.one("by")}))?.0;
    referrals::end_pass(State(scene.api.clone()), Path(pass), Query(query)).await?;
    Ok(Done::back(scene))
}

async fn read(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let id = scene.of_what()?;
    // Within its case: the address of a form leads to no other case's files.
    if !scene.evidence.iter().any(|file| file.id == id) {
        return Err(Problem::new(Reason::EvidenceUnknown).detail(id));
    }
    let query = asked(json!({"by": sent.one("by")}))?.0;
    Ok(Done::File(evidence::read(State(scene.api.clone()), Path(id), Query(query)).await?))
}
