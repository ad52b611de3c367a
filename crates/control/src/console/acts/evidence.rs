//! Evidence, findings, ratings.

use super::fields::{by, choice, evidence_label, file, line, line_with, tick, ticks, words};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, nothing, one};
use crate::api::{evidence, findings};
use crate::pages::act::{Field, Note, Step};
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use serde_json::{Value, json};
use vocabulary::FindingId;

const SEAL: &[Step] = &[one("Seal it")];
const FIND: &[Step] = &[one("Add the finding")];
const RATE: &[Step] = &[one("Seal my rating")];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "seal-evidence",
        title: "Seal a piece of evidence",
        about: "A file of at most 8 MiB. It is never changed, and every reading is noted. Never a child-abuse image: \
                for that, only the hotline’s reference.",
        api: "POST /api/v1/cases/CASE/evidence",
        steps: SEAL,
        notes: nothing,
        fields: |_| {
            vec![
                file("file", "The file", "A capture, the log of a call, a signed reply."),
                words("text", "Or its text", "Sealed as plain text where no file is chosen."),
            ]
        },
        take: |scene, sent| Box::pin(seal(scene, sent)),
    },
    Act {
        name: "add-finding",
        title: "Add a finding",
        about: "One item, with the captures that show it. Two officers rate it, each without sight of the other.",
        api: "POST /api/v1/cases/CASE/findings",
        steps: FIND,
        notes: nothing,
        fields: finding_fields,
        take: |scene, sent| Box::pin(find(scene, sent)),
    },
    Act {
        name: "rate",
        title: "Rate a finding",
        about: "Nobody sees what you say until the second rating is in.",
        api: "POST /api/v1/cases/CASE/findings/FINDING/ratings",
        steps: RATE,
        notes: item,
        fields: |scene| {
            vec![
                by(scene),
                choice(
                    "credibility",
                    "You hold it to be",
                    "",
                    [("", "choose"), ("credible", "credible"), ("not-credible", "not credible")],
                ),
                tick("unsighted", "The other rating", "I have not seen it"),
                line("reason", "Why", "What it names, whom, when; no names of people here."),
            ]
        },
        take: |scene, sent| Box::pin(rate(scene, sent)),
    },
];

fn finding_fields(scene: &Scene) -> Vec<Field> {
    let files = scene.evidence.iter().map(|file| (file.id.to_string(), evidence_label(file)));
    let grades = [
        ("A", "A: own capture, from two vantages"),
        ("B", "B: own capture, from one vantage"),
        ("C", "C: signed package of an authority or trusted flagger"),
        ("D", "D: a reporter’s screenshot (does not count)"),
        ("E", "E: press or other secondary text (does not count)"),
    ];
    let appearances = [
        ("posted", "it was posted on the site"),
        ("promoted", "the site pinned or featured it"),
        ("elsewhere", "it stands elsewhere"),
    ];
    vec![
        by(scene),
        ticks("evidence", "The captures behind it", "Seal them first.", files),
        choice("grade", "Where they come from", "", grades),
        line("supplier", "Who signed the package", "For grade C alone."),
        line("item", "The item", "Its permanent address, or a mark that is the same for each capture of it."),
        line("author", "The apparent author, if anything tells authors apart", ""),
        choice("appearance", "What the site did", "", appearances),
        line_with(
            "posted_at",
            "When it was posted",
            "With its zone, as 2026-11-23T14:05:00.000Z. Leave it empty where nobody can tell.",
            String::new(),
        ),
        line("posted_until", "Or posted between that and", "For a time that is only known as an interval."),
        line("captured_at", "When it was captured", "Now, if left empty."),
    ]
}

/// The item that is rated.
fn item(scene: &Scene) -> Vec<Note> {
    let id = scene.of_what::<FindingId>().ok();
    let found = scene.findings().iter().find(|finding| Some(finding.id) == id);
    let note = |finding: &casework::Finding| Note {
        heading: "What you rate".to_owned(),
        lines: vec![finding.item.to_string(), format!("Grade {:?}", finding.source.grade())],
        exact: false,
    };
    found.map(note).into_iter().collect()
}

async fn seal(scene: &Scene, sent: &mut Sent) -> Result<Done, Problem> {
    let (media_type, bytes) = match sent.take_file() {
        Some(file) => (file.media_type, file.bytes),
        None => ("text/plain".to_owned(), sent.one("text").as_bytes().to_vec()),
    };
    let request = Request::post("/").header(header::CONTENT_TYPE, media_type).body(Body::from(bytes));
    let request = request.map_err(|error| Problem::new(Reason::Malformed).detail(error))?;
    evidence::put(State(scene.api.clone()), Path(scene.case()?.id), request).await?;
    Ok(Done::back(scene))
}

/// When an item was posted: an instant, an interval, or nobody knows.
fn posted(sent: &Sent) -> Value {
    match (sent.one("posted_at"), sent.one("posted_until")) {
        ("", _) => json!("unknown"),
        (at, "") => json!({ "instant": at }),
        (from, to) => json!({"interval": {"from": from, "to": to}}),
    }
}

async fn find(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let mut source = json!({"grade": sent.one("grade")});
    if sent.one("grade") == "C" {
        source["supplier"] = sent.value("supplier");
    }
    let body = json!({
        "by": sent.one("by"), "evidence": sent.many("evidence"), "source": source,
        "item": sent.one("item"), "author": sent.value("author"), "appearance": sent.one("appearance"),
        "posted_at": posted(sent), "captured_at": sent.value("captured_at"),
    });
    let place = Path(scene.case()?.id);
    findings::add(State(scene.api.clone()), place, HeaderMap::new(), asked(body)?).await?;
    Ok(Done::back(scene))
}

async fn rate(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = json!({
        "by": sent.one("by"), "credibility": sent.one("credibility"), "unsighted": sent.ticked("unsighted"),
        "reason": sent.one("reason"),
    });
    let place = Path((scene.case()?.id, scene.of_what()?));
    findings::rate(State(scene.api.clone()), place, HeaderMap::new(), asked(body)?).await?;
    Ok(Done::back(scene))
}
