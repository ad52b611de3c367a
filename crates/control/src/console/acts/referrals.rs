//! Referrals: drawn up, sent, delivered, answered; the pass to the desk.

use super::cases::only_by;
use super::fields::{by, choice, evidence_choice, line};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, nothing, one};
use crate::api::referrals as api;
use crate::pages::act::{Note, Step};
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason, body};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use vocabulary::{CaseId, ReferralId};

const REFER: &[Step] = &[one("Draw it up and seal it")];
const NOTE: &[Step] = &[one("Note it")];
const PASS: &[Step] = &[one("Make the pass")];
const MAIL: &[Step] = &[one("Put the letter into the queue")];

/// The channels of a referral.
const CHANNELS: [(&str, &str); 5] = [
    ("desk", "its desk here"),
    ("email", "mail"),
    ("duty-line", "its duty line"),
    ("by-hand", "by hand"),
    ("post", "letter post"),
];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "refer",
        title: "Refer the matter to an authority",
        about: "The packet is made from the case: public content with time and zone, why it is suspected, how to locate \
                it. Names only by consent, or for dispatch.",
        api: "POST /api/v1/cases/CASE/referrals",
        steps: REFER,
        notes: nothing,
        fields: |scene| {
            let entries = scene.authorities.iter().filter(|entry| entry.retired.is_none());
            let entries = entries
                .map(|entry| (entry.id.to_string(), format!("{}, for {}", entry.name, entry.stands_for)));
            vec![by(scene), choice("directory", "To whom", "Enter it in the directory first.", entries)]
        },
        take: |scene, sent| Box::pin(refer(scene, sent)),
    },
    Act {
        name: "send-referral",
        title: "Note an attempt to deliver",
        about: "An attempt is no delivery: accepted mail has reached nobody yet.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/sent",
        steps: NOTE,
        notes: nothing,
        fields: |_| {
            vec![
                choice("channel", "Over which channel", "", CHANNELS),
                line("at", "When", "Now, if left empty."),
            ]
        },
        take: |scene, sent| Box::pin(send(scene, sent)),
    },
    Act {
        name: "mail-referral",
        title: "Send the packet by mail",
        about: "A letter with the packet, to the address that the directory has. The code for the desk never goes along.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/mailed",
        steps: MAIL,
        notes: nothing,
        fields: |_| Vec::new(),
        take: |scene, _| Box::pin(mail(scene)),
    },
    Act {
        name: "deliver-referral",
        title: "Note a delivery",
        about: "Proved by the desk that opened it, by a signed reply, or by a call to a duty line that was verified within \
                90 days.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/delivered",
        steps: NOTE,
        notes: nothing,
        fields: |scene| {
            let proofs = [
                ("desk-read", "the desk opened it"),
                ("signed-reply", "a signed reply, sealed as the file below"),
                ("duty-line-call", "a call to the duty line, its log sealed as the file below"),
            ];
            vec![
                choice("channel", "Over which channel", "", CHANNELS),
                choice("proof", "What proves it", "", proofs),
                evidence_choice(scene, "evidence", "The file"),
                line(
                    "line_verified_at",
                    "When the duty line was last verified",
                    "For a call: as 2026-11-23T14:05:00.000Z.",
                ),
                line("at", "When it arrived", "Now, if left empty."),
            ]
        },
        take: |scene, sent| Box::pin(deliver(scene, sent)),
    },
    Act {
        name: "acknowledge-referral",
        title: "Note that the authority has it",
        about: "The authority said that it has the packet; it has not answered yet.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/acknowledged",
        steps: NOTE,
        notes: nothing,
        fields: |_| vec![line("at", "When", "Now, if left empty.")],
        take: |scene, sent| Box::pin(acknowledge(scene, sent)),
    },
    Act {
        name: "answer-referral",
        title: "Note the authority’s answer",
        about: "An order is no answer: it has a record of its own, signed, called back and accepted. Of an authority that \
                nobody verified nothing is taken, and its channel is frozen until a call back.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/answer",
        steps: NOTE,
        notes: nothing,
        fields: |_| {
            let answers = [
                ("non-objection", "it does not object"),
                ("objection", "it objects, with the reasons below"),
                ("objection-withdrawn", "it takes its objection back"),
                ("request", "it asks for something"),
                ("no-jurisdiction", "it is not its matter"),
                ("needs-info", "it needs to know more"),
            ];
            vec![
                choice("answer", "What it said", "", answers),
                line("reasons", "The reasons of an objection", ""),
                line("at", "When", "Now, if left empty."),
            ]
        },
        take: |scene, sent| Box::pin(answer(scene, sent)),
    },
    Act {
        name: "call-back-referral",
        title: "Take a call back over",
        about: "The directory knows the authority as verified now; a frozen channel is open again.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/call-back",
        steps: NOTE,
        notes: nothing,
        fields: only_by,
        take: |scene, sent| Box::pin(call_back(scene, sent)),
    },
    Act {
        name: "silent-referral",
        title: "Note that the authority stays silent",
        about: "Its clock ran out on two channels.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/silent",
        steps: NOTE,
        notes: nothing,
        fields: |_| Vec::new(),
        take: |scene, _| Box::pin(silent(scene)),
    },
    Act {
        name: "pass-referral",
        title: "Make a pass to the desk",
        about: "Eight words that open this one referral to its authority. Say them on its duty line; never send them along \
                with the packet.",
        api: "POST /api/v1/cases/CASE/referrals/REFERRAL/pass",
        steps: PASS,
        notes: nothing,
        fields: only_by,
        take: |scene, sent| Box::pin(pass(scene, sent)),
    },
];

type Place = Path<(CaseId, ReferralId)>;

fn place(scene: &Scene) -> Result<Place, Problem> {
    Ok(Path((scene.case()?.id, scene.of_what()?)))
}

async fn refer(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "directory": sent.one("directory")}))?;
    api::add(State(scene.api.clone()), Path(scene.case()?.id), HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn send(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"channel": sent.one("channel"), "at": sent.value("at")}))?;
    api::send(State(scene.api.clone()), place(scene)?, HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn mail(scene: &Scene) -> Result<Done, Problem> {
    api::mail(State(scene.api.clone()), place(scene)?, HeaderMap::new()).await?;
    Ok(Done::back(scene))
}

async fn deliver(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let proof = match sent.one("proof") {
        "signed-reply" => json!({"signed-reply": {"evidence": sent.one("evidence")}}),
        "duty-line-call" => json!({"duty-line-call": {
            "line_verified_at": sent.one("line_verified_at"), "log": sent.one("evidence"),
        }}),
        word => json!(word),
    };
    let body = asked(json!({"channel": sent.one("channel"), "at": sent.value("at"), "proof": proof}))?;
    api::deliver(State(scene.api.clone()), place(scene)?, HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn acknowledge(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"at": sent.value("at")}))?;
    api::acknowledge(State(scene.api.clone()), place(scene)?, HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn answer(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let answer = match sent.one("answer") {
        "objection" => json!({"objection": {"reasons": sent.one("reasons")}}),
        word => json!(word),
    };
    let body = asked(json!({"answer": answer, "at": sent.value("at")}))?;
    let answered = api::answer(State(scene.api.clone()), place(scene)?, HeaderMap::new(), body).await?;
    if json_of(answered).await?["taken"] == json!(false) {
        return Err(Problem::refused(
            "authority-not-verified",
            "It is not taken: nobody verified this authority. Its channel is frozen until you call it back.",
        ));
    }
    Ok(Done::back(scene))
}

async fn call_back(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by")}))?;
    api::call_back(State(scene.api.clone()), place(scene)?, HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

async fn silent(scene: &Scene) -> Result<Done, Problem> {
    api::fall_silent(State(scene.api.clone()), place(scene)?, HeaderMap::new()).await?;
    Ok(Done::back(scene))
}

async fn pass(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by")}))?;
    let given = api::give_pass(State(scene.api.clone()), place(scene)?, body).await?;
    told(given).await
}

/// A pass as it is shown, once.
pub(super) async fn told(given: Response) -> Result<Done, Problem> {
    let given = json_of(given).await?;
    let word = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
    Ok(Done::Told(vec![
        Note { heading: "The code, shown this once".to_owned(), lines: vec![word("code")], exact: true },
        Note {
            heading: "Its number, to end it by".to_owned(),
            lines: vec![format!("DELETE /api/v1/passes/{}", word("pass"))],
            exact: true,
        },
    ]))
}

/// An answer of the API, read.
pub(super) async fn json_of(response: Response) -> Result<Value, Problem> {
    let bytes = body::whole(response.into_body(), body::JSON_BYTES_MAX).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::new(Reason::Broken).detail(error))
}
