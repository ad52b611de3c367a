//! The facts that the gate asks for, E2 to E9, each a form.

use super::fields::{by, by_of, choice, evidence_choice, findings_ticks, line, tick, words};
use super::scene::Scene;
use super::sent::{Sent, asked};
use super::{Act, Done, Taking, nothing, one};
use crate::api::cases;
use crate::pages::act::{Field, Step};
use crate::rim::Problem;
use crate::rim::extract::Path;
use axum::extract::State;
use axum::http::HeaderMap;
use policy::{Measure, Role};
use serde_json::{Value, json};

const RECORD: &[Step] = &[one("Record it")];
const API: &str = "PUT /api/v1/cases/CASE/facts";
const WHEN: &str = "With its zone, as 2026-11-23T14:05:00.000Z.";

const fn fact(
    name: &'static str,
    title: &'static str,
    about: &'static str,
    fields: fn(&Scene) -> Vec<Field>,
    take: for<'a> fn(&'a Scene, &'a mut Sent) -> Taking<'a>,
) -> Act {
    Act { name, title, about, api: API, steps: RECORD, notes: nothing, fields, take }
}

pub(super) const ACTS: &[Act] = &[
    fact(
        "danger",
        "E2: who or what is in danger",
        "What can be identified, never who. The harm and when it is to be expected.",
        danger_fields,
        |scene, sent| Box::pin(record(scene, sent, "danger", danger(sent))),
    ),
    fact(
        "nexus",
        "E3: what our service has to do with it",
        "The items are reachable through us now, and the measure plausibly lowers the risk.",
        |scene| {
            vec![
                by(scene),
                tick("reachable", "The items", "are reachable through our binding now"),
                line("lowers_risk", "Why the measure plausibly lowers the risk", ""),
            ]
        },
        |scene, sent| {
            let nexus =
                json!({"reachable": sent.ticked("reachable"), "lowers_risk": sent.value("lowers_risk")});
            Box::pin(record(scene, sent, "nexus", nexus))
        },
    ),
    fact(
        "concerned",
        "E4: which jurisdictions are concerned",
        "Referrals must be delivered to each of them. What nobody knows is left empty: the fallback is asked then.",
        |scene| {
            vec![
                by(scene),
                line("offence", "Where the offence is committed", "Codes of countries: DE, FR."),
                line("suspect", "Where the suspect is", ""),
                line("person_at_risk", "Where the person at risk is", ""),
                words(
                    "endangering",
                    "Authorities that themselves endanger the person",
                    "One a line, with the reason: XX: it holds her brother. The fallback stands in for them.",
                ),
            ]
        },
        |scene, sent| Box::pin(record(scene, sent, "concerned", concerned(sent))),
    ),
    fact(
        "lesser-measures",
        "E5: each lesser measure considered",
        "A block fails where a lesser measure would do. That something came back after it was removed is the counter-proof.",
        lesser_fields,
        |scene, sent| Box::pin(record(scene, sent, "lesser-measures", lesser(sent))),
    ),
    fact(
        "safety",
        "E6: risk of escalation, and the safety plan",
        "What the measure may provoke, and what protects people meanwhile. The dispatcher is warned of false calls only \
         with consent.",
        safety_fields,
        |scene, sent| Box::pin(record(scene, sent, "safety", safety(sent))),
    ),
    fact(
        "legal-review",
        "E7: the legal reviewer’s conclusion",
        "The view itself stays sealed; the case holds its digest. Dissent is attached word by word and stays.",
        legal_fields,
        |scene, sent| Box::pin(record(scene, sent, "legal-review", legal(sent))),
    ),
    fact(
        "declaration",
        "E8: your own interests",
        "Everybody who takes part declares. A declared conflict stands: who has one stays out.",
        |scene| vec![by(scene), line("conflict", "A conflict of interest", "Left empty: there is none.")],
        |scene, sent| {
            let declaration = json!({"conflict": sent.value("conflict")});
            Box::pin(record(scene, sent, "declaration", declaration))
        },
    ),
    fact(
        "site-conduct",
        "E9: what the customer was told, and what the site did",
        "Before a block the customer gets the items and at least an hour, unless telling it endangers somebody.",
        conduct_fields,
        |scene, sent| {
            let conduct = conduct(scene, sent);
            Box::pin(record(scene, sent, "site-conduct", conduct))
        },
    ),
];

async fn record(scene: &Scene, sent: &Sent, kind: &'static str, fact: Value) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "fact": {kind: fact}}))?;
    cases::record_fact(State(scene.api.clone()), Path(scene.case()?.id), HeaderMap::new(), body).await?;
    Ok(Done::back(scene))
}

fn danger_fields(scene: &Scene) -> Vec<Field> {
    vec![
        by(scene),
        choice(
            "identified",
            "What can be identified",
            "",
            [("person", "a person"), ("place", "a place"), ("gathering", "a gathering"), ("", "nothing")],
        ),
        choice(
            "harm",
            "The harm",
            "",
            [
                ("death", "death"),
                ("serious-injury", "serious injury"),
                ("self-harm-urged", "self-harm that is urged on somebody"),
                ("lesser", "anything less"),
            ],
        ),
        choice(
            "horizon",
            "When",
            "",
            [("ongoing", "it is going on"), ("by", "by the time below"), ("unknown", "nobody can tell")],
        ),
        line("horizon_by", "By when", WHEN),
    ]
}

fn danger(sent: &Sent) -> Value {
    let horizon = match sent.one("horizon") {
        "by" => json!({"by": sent.one("horizon_by")}),
        word => json!(word),
    };
    json!({"identified": sent.value("identified"), "harm": sent.one("harm"), "horizon": horizon})
}

fn concerned(sent: &Sent) -> Value {
    let placed = |name: &str| match sent.list(name) {
        none if none.is_empty() => json!("unknown"),
        codes => json!({ "in": codes }),
    };
    let endangering = sent.lines("endangering").into_iter().map(|line| {
        let (code, reason) = line.split_once(':').unwrap_or((line, ""));
        json!({"jurisdiction": code.trim(), "reason": reason.trim()})
    });
    json!({
        "offence": placed("offence"), "suspect": placed("suspect"), "person_at_risk": placed("person_at_risk"),
        "endangering": endangering.collect::<Vec<_>>(),
    })
}

/// The measures that a greater one is held against.
const LESSER: [Measure; 6] = [Measure::M0, Measure::M1, Measure::M2, Measure::M3, Measure::M4, Measure::M5];

fn lesser_fields(scene: &Scene) -> Vec<Field> {
    let mut fields = vec![by(scene)];
    for measure in LESSER {
        let label = format!("{measure}: {}", measure.describe());
        let outcomes = [
            ("would-not-do", "would not do, because"),
            ("would-do", "would do"),
            ("failed", "was tried, and the items came back"),
            ("", "is not considered"),
        ];
        fields.push(choice(&format!("outcome-{measure}"), &label, "", outcomes));
        fields.push(line(&format!("reason-{measure}"), "Why it would not do", ""));
        if measure == Measure::M1 || measure == Measure::M3 {
            fields.push(line(&format!("reposted-{measure}"), "When they came back", WHEN));
            fields.push(evidence_choice(scene, &format!("evidence-{measure}"), "The capture that shows it"));
        }
    }
    fields
}

fn lesser(sent: &Sent) -> Value {
    let considered = LESSER.into_iter().filter_map(|measure| {
        let of = |what: &str| sent.one(&format!("{what}-{measure}"));
        let outcome = match (of("outcome"), of("reason")) {
            // A reason left empty says that nothing was considered yet.
            ("", _) | ("would-not-do", "") => return None,
            ("failed", _) => json!({"failed": {"reposted_at": of("reposted"), "evidence": of("evidence")}}),
            ("would-do", _) => json!("would-do"),
            (_, reason) => json!({"would-not-do": {"reason": reason}}),
        };
        Some(json!({"measure": measure, "outcome": outcome}))
    });
    json!({"considered": considered.collect::<Vec<_>>()})
}

fn safety_fields(scene: &Scene) -> Vec<Field> {
    let dispatchers = [
        ("warned", "was warned of false calls, with the consent of the person at risk, at the time below"),
        ("consent-withheld", "was not warned: the person at risk did not consent"),
        ("nobody-to-ask", "was not warned: there is nobody to ask, because"),
        ("", "is not settled yet"),
    ];
    vec![
        by(scene),
        line("escalation", "What the measure may provoke", ""),
        words("plan", "The safety plan", "Who is told, when, by whom; no names."),
        choice("dispatcher", "The dispatcher", "", dispatchers),
        line("dispatcher_at", "When it was warned", WHEN),
        line("dispatcher_reason", "Why there is nobody to ask", ""),
    ]
}

fn safety(sent: &Sent) -> Value {
    let dispatcher = match sent.one("dispatcher") {
        "warned" => json!({"warned-with-consent": {"at": sent.one("dispatcher_at")}}),
        "consent-withheld" => json!("consent-withheld"),
        "nobody-to-ask" => json!({"nobody-to-ask": {"reason": sent.one("dispatcher_reason")}}),
        _ => Value::Null,
    };
    json!({"escalation": sent.value("escalation"), "plan": sent.value("plan"), "dispatcher": dispatcher})
}

fn legal_fields(scene: &Scene) -> Vec<Field> {
    let conclusions =
        [("lawful", "lawful and proportionate"), ("doubtful", "open"), ("unlawful", "not lawful")];
    let dissents = [
        ("none-voiced", "everybody was asked, nobody dissents"),
        ("attached", "it is attached below"),
        ("", "nobody was asked yet"),
    ];
    vec![
        by_of(scene, |role| role == Role::Legal),
        choice("conclusion", "The measure is", "", conclusions),
        line("sealed_view", "SHA-256 of the sealed view", "64 hexadecimal digits, as sha256sum says."),
        choice("dissent", "Dissent", "", dissents),
        words("dissents", "The dissent", "Word by word."),
    ]
}

fn legal(sent: &Sent) -> Value {
    let dissent = match sent.one("dissent") {
        "attached" => json!({"attached": [sent.one("dissents")]}),
        "none-voiced" => json!("none-voiced"),
        _ => Value::Null,
    };
    json!({"conclusion": sent.one("conclusion"), "sealed_view": sent.one("sealed_view"), "dissent": dissent})
}

fn conduct_fields(scene: &Scene) -> Vec<Field> {
    let notices = [
        ("given", "was told, at the time below"),
        ("withheld", "was not told, for the reason below"),
        ("", "was not told yet"),
    ];
    let because = [
        ("endangers-someone", "the warning would endanger somebody"),
        ("horizon-shorter", "the horizon is shorter than its hour"),
    ];
    let mut fields = vec![
        by(scene),
        choice("notice", "The customer", "", notices),
        line("told_at", "When it was told", WHEN),
        findings_ticks(
            scene,
            "told",
            "Which items it was told of",
            "Never who reported, nor who is at risk.",
        ),
        words("reply", "What it answered", "Stands beside the statement."),
        choice("because", "Why it was not told", "", because),
        line("withheld_reason", "That in words", ""),
    ];
    for finding in scene.findings() {
        let outcomes = [
            ("still-up", "is still up"),
            ("removed", "was removed, at the time below"),
            ("reposted", "was removed and came back, at the time below"),
            ("", "was not looked at"),
        ];
        fields.push(choice(&format!("outcome-{}", finding.id), finding.item.as_str(), "", outcomes));
        fields.push(line(&format!("at-{}", finding.id), "When", WHEN));
    }
    fields
}

fn conduct(scene: &Scene, sent: &Sent) -> Value {
    let notice = match sent.one("notice") {
        "given" => json!({"given": {
            "at": sent.one("told_at"), "items": sent.many("told"), "reply": sent.value("reply"),
        }}),
        "withheld" => {
            json!({"withheld": {"because": sent.one("because"), "reason": sent.one("withheld_reason")}})
        }
        _ => Value::Null,
    };
    let items = scene.findings().iter().filter_map(|finding| {
        let at = sent.one(&format!("at-{}", finding.id));
        let outcome = match sent.one(&format!("outcome-{}", finding.id)) {
            "" => return None,
            "removed" => json!({"removed": {"at": at}}),
            "reposted" => json!({"reposted": {"at": at}}),
            word => json!(word),
        };
        Some(json!({"finding": finding.id, "outcome": outcome}))
    });
    json!({"notice": notice, "items": items.collect::<Vec<_>>()})
}
