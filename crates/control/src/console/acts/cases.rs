//! Opening, comparing, forwarding and closing.

use super::fields::{by, choice, findings_ticks, line, ticks};
use super::referrals::json_of;
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, nothing, one};
use crate::api::{appeals, cases, forwards, links, reports};
use crate::pages::act::{Field, Note, Step};
use crate::rim::Problem;
use crate::rim::extract::Path;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use casework::{CaseStatus, Mark};
use policy::ServiceClass;
use serde_json::json;

const OPEN: &[Step] = &[one("Open the case")];
const ASSIGN: &[Step] = &[one("Put it into this case")];
const FORWARD: &[Step] =
    &[Step { value: "look", label: "Write the message" }, Step { value: "send", label: "Send it by mail" }];
const COMPARE: &[Step] = &[one("Note it")];
const CONFIRM: &[Step] = &[one("Confirm it, and open its case")];
const CLOSE: &[Step] = &[one("Close the case")];

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "open-case",
        title: "Open a case",
        about: "A case is about one customer and one allegation. Nothing happens to the customer by it.",
        api: "POST /api/v1/cases",
        steps: OPEN,
        notes: nothing,
        fields: |scene| {
            let accounts =
                scene.fleet.accounts.iter().map(|account| (account.id.to_string(), account.name.clone()));
            vec![
                by(scene),
                choice("account", "About which customer", "", accounts),
                line("allegation", "What is alleged, in one line", "No names of people."),
            ]
        },
        take: |scene, sent| Box::pin(open(scene, sent)),
    },
    Act {
        name: "assign-reports",
        title: "Put an allegation into a case",
        about: "The reports stay sealed, and the gate never counts them: the case only says where they are looked into.",
        api: "POST /api/v1/allegations/ALLEGATION/case",
        steps: ASSIGN,
        notes: nothing,
        fields: |scene| {
            let open = scene.cases.iter().filter(|case| case.status == CaseStatus::Open);
            let cases = open.map(|case| (case.id.to_string(), case.allegation.to_string()));
            vec![by(scene), choice("case", "Which case", "Open one first where there is none.", cases)]
        },
        take: |scene, sent| Box::pin(assign(scene, sent)),
    },
    Act {
        name: "forward",
        title: "Forward the items to the customer (M0)",
        about: "The message is written from findings alone: where an item stands, when it was posted and captured. Never \
                who reported, nor who is at risk.",
        api: "POST /api/v1/cases/CASE/forward",
        steps: FORWARD,
        notes: nothing,
        fields: |scene| {
            vec![
                by(scene),
                choice("class", "Class of the service", "", classes()),
                findings_ticks(scene, "findings", "Which items", ""),
            ]
        },
        take: |scene, sent| Box::pin(forward(scene, sent)),
    },
    Act {
        name: "compare",
        title: "Compare with an earlier decision",
        about: "Says how this case stands to a decision made before. It moves no verdict.",
        api: "POST /api/v1/cases/CASE/precedents",
        steps: COMPARE,
        notes: nothing,
        fields: |scene| {
            let relations = [
                ("follows", "follows it: the same rule leads to the same end"),
                ("distinguished", "differs from it in what matters"),
                ("overruled", "holds it to be wrong by now"),
            ];
            vec![
                by(scene),
                line("decision", "The earlier decision’s id", ""),
                choice("relation", "This case", "", relations),
                line("reason", "Wherein they are alike, or differ", ""),
            ]
        },
        take: |scene, sent| Box::pin(compare(scene, sent)),
    },
    Act {
        name: "link",
        title: "Note a linked site",
        about: "A site elsewhere that seems to be run by the same people. It is no scope: once another officer confirms it, it \
                gets a case, a record and a notice of its own.",
        api: "POST /api/v1/cases/CASE/links",
        steps: COMPARE,
        notes: nothing,
        fields: |scene| {
            let voices = [
                ("as", "speaks as the site of the case"),
                ("about", "speaks about it: quotes, criticises, reports, archives"),
            ];
            vec![
                by(scene),
                line("host", "Its host", ""),
                ticks("marks", "What it shares", "Likeness alone links nothing.", Mark::ALL.map(Mark::words)),
                choice("voice", "It", "", voices),
                line("reason", "Why you take it for the same", ""),
            ]
        },
        take: |scene, sent| Box::pin(link(scene, sent)),
    },
    Act {
        name: "confirm-link",
        title: "Confirm a linked site",
        about: "You take it for the same, too, and did not note it yourself. A case of its own is opened about it.",
        api: "POST /api/v1/cases/CASE/links/confirmed",
        steps: CONFIRM,
        notes: nothing,
        fields: |scene| {
            let links = scene.case().map(|case| case.links.as_slice()).unwrap_or_default().iter();
            let waiting = links.filter(|link| link.confirmed.is_none());
            let waiting =
                waiting.map(|link| (link.host.to_string(), format!("{}: {}", link.host, link.reason)));
            vec![by(scene), choice("host", "Which", "", waiting)]
        },
        take: |scene, sent| Box::pin(confirm(scene, sent)),
    },
    Act {
        name: "close-case",
        title: "Close the case",
        about: "What is in force stays in force to its end. A closed case can still be appealed against.",
        api: "POST /api/v1/cases/CASE/close",
        steps: CLOSE,
        notes: nothing,
        fields: |scene| vec![by(scene), line("reason", "Why", "")],
        take: |scene, sent| Box::pin(close(scene, sent)),
    },
];

/// The classes of service, the shield first.
pub(super) fn classes() -> [(&'static str, &'static str); 3] {
    let class = |class: ServiceClass, label| (class.as_str(), label);
    [
        class(ServiceClass::S, "S: shield and cache in front of the customer’s own server"),
        class(ServiceClass::H, "H: hosting, own error pages included"),
        class(ServiceClass::C, "C: core services, such as names"),
    ]
}

async fn open(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body =
        json!({"account": sent.one("account"), "allegation": sent.one("allegation"), "by": sent.one("by")});
    let opened = cases::open(State(scene.api.clone()), asked(body)?).await?;
    let place = opened.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let id = place.and_then(|place| place.rsplit('/').next()).unwrap_or_default();
    Ok(Done::There(format!("/cases/{id}")))
}

async fn assign(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "case": sent.one("case")}))?;
    reports::assign(State(scene.api.clone()), Path(scene.of_what()?), body).await?;
    Ok(Done::There(format!("/cases/{}", sent.one("case"))))
}

async fn forward(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let mut body =
        json!({"by": sent.one("by"), "class": sent.one("class"), "findings": sent.many("findings")});
    let send = sent.one("step") == "send";
    if send {
        body["send"] = json!(true);
    }
    let message = forwards::forward(State(scene.api.clone()), Path(scene.case()?.id), asked(body)?).await?.0;
    let mut notes = vec![Note { heading: message.subject, lines: vec![message.body], exact: true }];
    if !send {
        return Ok(Done::Looked(notes));
    }
    let mail = message.mail.map(|mail| mail.to_string()).unwrap_or_default();
    let told = format!("It is on its way to the customer’s address, as {mail}.");
    notes.insert(0, Note { heading: "Sent".to_owned(), lines: vec![told], exact: false });
    Ok(Done::Told(notes))
}

async fn compare(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = json!({
        "by": sent.one("by"), "decision": sent.one("decision"), "relation": sent.one("relation"),
        "reason": sent.one("reason"),
    });
    let place = Path(scene.case()?.id);
    appeals::compare(State(scene.api.clone()), place, HeaderMap::new(), asked(body)?).await?;
    Ok(Done::back(scene))
}

async fn link(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = json!({
        "by": sent.one("by"), "host": sent.one("host"), "marks": sent.many("marks"), "voice": sent.one("voice"),
        "reason": sent.one("reason"),
    });
    links::note(State(scene.api.clone()), Path(scene.case()?.id), HeaderMap::new(), asked(body)?).await?;
    Ok(Done::back(scene))
}

async fn confirm(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "host": sent.one("host")}))?;
    let place = Path(scene.case()?.id);
    let confirmed = links::confirm(State(scene.api.clone()), place, HeaderMap::new(), body).await?;
    let opened = json_of(confirmed).await?["opened"].as_str().unwrap_or_default().to_owned();
    Ok(Done::There(format!("/cases/{opened}")))
}

async fn close(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "reason": sent.one("reason")}))?;
    cases::close(State(scene.api.clone()), Path(scene.case()?.id), HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

/// Nothing but who acts.
pub(super) fn only_by(scene: &Scene) -> Vec<Field> {
    vec![by(scene)]
}
