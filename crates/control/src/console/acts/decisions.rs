//! Proposals with their preview, signatures, and the records that follow a decision.

use super::cases::{classes, only_by};
use super::fields::{by, choice, line, officers, span, ticks, words};
use super::scene::{Place, Scene};
use super::sent::{Sent, asked};
use super::{Act, Done, Step, locked, nothing, one, standing};
use crate::api::{Api, cases, decisions, follow_ups, scope_preview};
use crate::pages::act::{Field, Note};
use crate::rim::extract::{Path, Query};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use casework::{Answer, Decision, FollowUp, OrderState, Preview};
use policy::{Feature, Ground, Measure, Role};
use serde_json::{Value, json};
use snapshot::Site;
use vocabulary::{DecisionId, OrderId};

const PROPOSE: &[Step] = &[
    Step { value: "look", label: "Show what it would hit" },
    Step { value: "do", label: "Propose it for signing" },
];
const SIGN: &[Step] = &[one("Hand the signature in")];
const PUT_UP: &[Step] = &[one("Put it up for signing")];
const WITHDRAW: &[Step] = &[one("Take it away")];
/// Most sites of a customer to choose from; beyond them the API takes a scope.
const SITES_MAX: usize = 200;

pub(super) const ACTS: &[Act] = &[
    Act {
        name: "propose",
        title: "Propose a measure",
        about: "Look first: the preview names each host that would be hit, who stands near, and what the gate says to this \
                measure. Choose the smallest list of sites that contains the findings, each with a reason of its own.",
        api: "POST /api/v1/cases/CASE/proposals (and …/scope-preview, …/gate)",
        steps: PROPOSE,
        notes: nothing,
        fields: proposal_fields,
        take: |scene, sent| Box::pin(propose(scene, sent)),
    },
    Act {
        name: "sign",
        title: "Sign",
        about: "Your key never comes here. Save the parcel, sign it beside this window, and put the line that is printed \
                into the form. Read what the program shows you: that is what you answer for.",
        api: "POST /api/v1/decisions/DECISION/approvals",
        steps: SIGN,
        notes: to_sign,
        fields: |_| vec![words("approval", "The signature", "The one line that wardmote sign prints.")],
        take: |scene, sent| Box::pin(sign(scene, sent)),
    },
    Act {
        name: "ratify",
        title: "Ratify an emergency measure",
        about: "By an order, by the independent reviewer, or by the reviewer and an authority that does not object. None of \
                those who proposed or signed it before may sign.",
        api: "POST /api/v1/decisions/DECISION/follow-up",
        steps: PUT_UP,
        notes: nothing,
        fields: ratification_fields,
        take: |scene, sent| Box::pin(ratify(scene, sent)),
    },
    Act {
        name: "renew",
        title: "Renew a measure",
        about: "Once for a ratified emergency; as long as the order lasts for an order. The conditions are checked again, on \
                facts of the last 48 hours.",
        api: "POST /api/v1/decisions/DECISION/follow-up",
        steps: PUT_UP,
        notes: nothing,
        fields: |scene| {
            let mut fields = vec![by(scene)];
            fields.extend(span("lease", "How long it shall run", "", "14", "days"));
            fields.extend(legal_fields(scene));
            fields
        },
        take: |scene, sent| Box::pin(renew(scene, sent)),
    },
    Act {
        name: "lift",
        title: "Lift a measure early",
        about: "Two officers sign. It acts for 30 more minutes, in which every officer is told.",
        api: "POST /api/v1/decisions/DECISION/follow-up",
        steps: PUT_UP,
        notes: nothing,
        fields: |scene| {
            let because = [
                ("cured", "the site removed what it was about"),
                ("gate-closed", "the gate, run again, is closed"),
                ("order-withdrawn", "the demand behind it is gone"),
                ("mistaken", "it rested on a mistake"),
            ];
            vec![by(scene), choice("because", "Why", "", because)]
        },
        take: |scene, sent| Box::pin(lift(scene, sent)),
    },
    Act {
        name: "reverse",
        title: "Put the reversal up",
        about: "The reviewer overturned the decision on appeal and signs that alone: it ends at once.",
        api: "POST /api/v1/decisions/DECISION/follow-up",
        steps: PUT_UP,
        notes: nothing,
        fields: |scene| {
            let appeals = scene.case().map(|case| case.appeals.as_slice()).unwrap_or_default();
            let appeals =
                appeals.iter().map(|one| (one.id.to_string(), format!("{}, {}", one.id, one.state.name())));
            vec![by(scene), choice("appeal", "The appeal that overturned it", "", appeals)]
        },
        take: |scene, sent| Box::pin(reverse(scene, sent)),
    },
    Act {
        name: "withdraw-record",
        title: "Take away what waits for signatures",
        about: "The record that would follow the decision is taken away, unless it is on its way into the log.",
        api: "DELETE /api/v1/decisions/DECISION/follow-up",
        steps: WITHDRAW,
        notes: nothing,
        fields: only_by,
        take: |scene, _| Box::pin(withdraw(scene)),
    },
];

/// The sites of the case's customer.
fn sites(scene: &Scene) -> impl Iterator<Item = &Site> {
    let account = scene.case().ok().map(|case| case.account);
    scene.fleet.sites.iter().filter(move |site| Some(site.account) == account).take(SITES_MAX)
}

fn hosts(site: &Site) -> String {
    site.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn measures() -> impl Iterator<Item = (String, String)> {
    // The measure that most proposals of this page are about stands first.
    let rest = Measure::ALL.into_iter().filter(|measure| !matches!(measure, Measure::M0 | Measure::M5));
    std::iter::once(Measure::M5)
        .chain(rest)
        .map(|measure| (measure.to_string(), format!("{measure}: {}", measure.describe())))
}

fn grounds() -> impl Iterator<Item = (&'static str, &'static str)> {
    let grounds = [Ground::Emergency, Ground::Policy, Ground::Order, Ground::Malware, Ground::Phishing];
    let rest = [Ground::TechnicalAbuse, Ground::Payment];
    grounds.into_iter().chain(rest).map(|ground| (ground.as_str(), ground.as_str()))
}

fn proposal_fields(scene: &Scene) -> Vec<Field> {
    let mut fields = vec![
        by(scene),
        choice("measure", "Measure", "", measures()),
        choice("class", "Class of the service", "", classes()),
        choice("ground", "Ground", "", grounds()),
    ];
    fields.extend(span(
        "lease",
        "How long it shall run",
        "It ends by itself then. Of M7, which acts thirty days from now: how long visitors are told, 14 to 90 days.",
        "48",
        "hours",
    ));
    fields.push(ticks(
        "site",
        "Sites in scope",
        "",
        sites(scene).map(|site| (site.id.to_string(), hosts(site))),
    ));
    for site in sites(scene) {
        let label = format!("Why {} is in scope", hosts(site));
        fields.push(line(&format!("reason-{}", site.id), &label, "What of the findings stands on it."));
        let urls = format!("For M3: addresses of {}", hosts(site));
        fields.push(words(
            &format!("urls-{}", site.id),
            &urls,
            "One path a line, with or without a query. Where one program serves every page, as /index.php does, that \
             path without a query is the whole site.",
        ));
    }
    let features = Feature::ALL.map(|feature| (feature.as_str(), feature.describe()));
    fields.push(ticks("feature", "For M2: features to withdraw", "", features));
    fields.extend(legal_fields(scene));
    fields.extend([
        line(
            "title",
            "The statement’s title",
            "It becomes public: no names, no content, never who reported.",
        ),
        words("summary", "Its summary", "A few sentences, for everybody to read."),
        words("facts", "Further sentences of the statement", "One a line; may stay empty."),
    ]);
    fields
}

/// What the ground order asks for besides.
fn legal_fields(scene: &Scene) -> Vec<Field> {
    let orders = scene.orders.iter().filter(|order| {
        let ours = scene.case().ok().map(|case| case.id);
        order.answers.map(|(case, _)| case) == ours && stands(&order.state)
    });
    let orders = orders.map(|order| (order.id.to_string(), format!("{} ({})", order.id, order.state.name())));
    let none = std::iter::once((String::new(), "none".to_owned()));
    vec![
        choice("order", "For an order: which, accepted before", "", none.chain(orders)),
        line("demand_law", "For an order: under which law", ""),
        line("demand_url", "For an order: where the demand can be read", ""),
        line("territories", "For an order: where it acts", "Codes of countries: DE, FR."),
    ]
}

fn stands(state: &OrderState) -> bool {
    matches!(
        state,
        OrderState::Valid { .. } | OrderState::Executed { .. } | OrderState::EffectReported { .. }
    )
}

/// Who demanded, under which law: the authority is the order's own.
fn demand(scene: &Scene, sent: &Sent) -> Value {
    let Ok(id) = sent.one("order").parse::<OrderId>() else { return Value::Null };
    let order = scene.orders.iter().find(|order| order.id == id);
    let entry = scene.authorities.iter().find(|entry| order.is_some_and(|order| order.authority == entry.id));
    json!({
        "authority": entry.map(|entry| entry.name.clone()), "law": sent.one("demand_law"),
        "url": sent.one("demand_url"),
    })
}

fn scope(scene: &Scene, sent: &Sent) -> Value {
    let ticked = sent.many("site");
    let chosen = sites(scene).filter(|site| ticked.contains(&site.id.to_string().as_str()));
    let entry = |site: &Site| {
        json!({
            "site": site.id, "reason": sent.one(&format!("reason-{}", site.id)),
            "urls": sent.lines(&format!("urls-{}", site.id)), "features": sent.many("feature"),
        })
    };
    chosen.map(entry).collect()
}

async fn propose(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    if sent.one("step") == "look" {
        return look(scene, sent).await;
    }
    let body = json!({
        "by": sent.one("by"), "measure": sent.one("measure"), "class": sent.one("class"),
        "ground": sent.one("ground"), "lease_seconds": sent.span_seconds("lease")?, "sites": scope(scene, sent),
        "order": sent.value("order"), "demand": demand(scene, sent), "territories": sent.list("territories"),
        "title": sent.one("title"), "summary": sent.one("summary"), "facts": sent.lines("facts"),
    });
    decisions::propose(State(scene.api.clone()), Path(scene.case()?.id), asked(body)?).await?;
    Ok(Done::back(scene))
}

/// What the scope would hit, and what the gate says; nothing is proposed.
async fn look(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let case = scene.case()?.id;
    let body = json!({"sites": scope(scene, sent), "territories": sent.list("territories")});
    let preview = scope_preview::preview(State(scene.api.clone()), Path(case), asked(body)?).await?.0;
    let query = json!({
        "measure": sent.value("measure"), "ground": sent.value("ground"), "order": sent.value("order"),
    });
    let query = asked(query)?.0;
    let verdict = cases::gate(State(scene.api.clone()), Path(case), Query(query)).await?.0;
    Ok(Done::Looked(vec![hit(scene, &preview), near(&preview), said(&verdict)]))
}

fn hit(scene: &Scene, preview: &Preview) -> Note {
    let join = |patterns: &mut dyn Iterator<Item = String>| patterns.collect::<Vec<_>>().join(", ");
    let mut lines = Vec::new();
    for hit in &preview.hits {
        lines.push(format!("Hit: {}", join(&mut hit.hosts.iter().map(ToString::to_string))));
        if !hit.open.is_empty() {
            lines.push(format!("Stays open: {}", join(&mut hit.open.iter().map(ToString::to_string))));
        }
        if !hit.except.is_empty() {
            let except = join(&mut hit.except.iter().map(ToString::to_string));
            lines.push(format!("Stays open, because it belongs to another site: {except}"));
        }
    }
    lines.extend(preview.whole.iter().map(|whole| {
        let site = scene.fleet.sites.iter().find(|site| site.id == whole.site).map(hosts);
        format!("{} without a query may be every page of {}", whole.url, site.unwrap_or_default())
    }));
    if preview.hits.is_empty() {
        lines.push("Nothing: tick at least one site.".to_owned());
    }
    Note { heading: "What it would hit".to_owned(), lines, exact: false }
}

fn near(preview: &Preview) -> Note {
    let mut lines: Vec<String> = preview
        .neighbours
        .iter()
        .map(|one| {
            let hosts: Vec<_> = one.hosts.iter().map(ToString::to_string).collect();
            let shares: Vec<_> = one.shares.iter().map(|shared| shared.describe()).collect();
            format!("{}: {}", hosts.join(", "), shares.join(", "))
        })
        .collect();
    lines.push(match preview.neighbours_in_all {
        0 => "Nobody stands near.".to_owned(),
        count => format!("{count} in all, of {} other customers. They stay open.", preview.other_customers),
    });
    Note { heading: "Who stands near".to_owned(), lines, exact: false }
}

fn said(verdict: &Value) -> Note {
    let open = verdict["open"] == json!(true);
    let heading = if open { "The gate is open for this" } else { "The gate is closed for this" };
    let reasons = verdict["reasons"].as_array().into_iter().flatten();
    let text = |reason: &Value| {
        format!(
            "{}: {}",
            reason["condition"].as_str().unwrap_or_default(),
            reason["text"].as_str().unwrap_or_default()
        )
    };
    Note { heading: heading.to_owned(), lines: reasons.map(text).collect(), exact: false }
}

/// The exact bytes, their digest, and how to sign them.
fn to_sign(scene: &Scene) -> Vec<Note> {
    let Some(decision) = scene.decision() else { return Vec::new() };
    let (what, bytes) = waiting(decision);
    let (query, name) = (format!("decision={}", decision.id), decision.id.to_string());
    how_to_sign(vec![what, decision.statement.title.clone()], (&query, &name), bytes)
}

/// What would be signed, how it is done beside the browser, and each byte of it.
pub(super) fn how_to_sign(what: Vec<String>, (query, name): (&str, &str), bytes: &str) -> Vec<Note> {
    let note = |heading: &str, lines: Vec<String>, exact| Note { heading: heading.to_owned(), lines, exact };
    vec![
        note("What you would sign", what, false),
        note(
            "How",
            vec![
                format!("1. Save the parcel: /acts/sign/parcel?{query}"),
                format!("2. wardmote sign --key FILE --parcel {}", parcel_file(name)),
                "3. Put the line that it prints into the form below.".to_owned(),
            ],
            true,
        ),
        note(
            "The digest, which the program shows too",
            vec![policy::approval_digest(bytes.as_bytes()).to_string()],
            true,
        ),
        note("The exact bytes", vec![bytes.to_owned()], true),
    ]
}

/// The record that waits for signatures, and its bytes.
fn waiting(decision: &Decision) -> (String, &str) {
    let Some(pending) = &decision.pending else {
        return (
            format!("{}, as {} proposed it", decision.terms.measure, decision.proposed_by),
            &decision.body,
        );
    };
    let what = match &pending.follow_up {
        FollowUp::Ratification { .. } => "The ratification",
        FollowUp::Renewal { .. } => "The renewal",
        FollowUp::Lift { .. } => "The lift",
        FollowUp::Reversal { .. } => "The reversal",
    };
    (format!("{what} of {}, as {} put it up", decision.terms.measure, pending.by), &pending.body)
}

/// What a parcel of this name is saved as: no sign in it that a file's name cannot have.
fn parcel_file(name: &str) -> String {
    format!("{}.sign.json", name.replace(':', "-"))
}

/// What a parcel is of: a decision, or what `wardmote sign --proposal` calls by a name of its own.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct ParcelOf {
    decision: Option<DecisionId>,
    of: Option<String>,
}

/// `GET /acts/sign/parcel`: everything that `wardmote sign --parcel` asks for, as a file.
pub(in crate::console) async fn parcel(
    State(api): State<Api>,
    Query(of): Query<ParcelOf>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let (parcel, name) = match (of.decision, of.of) {
        (Some(id), _) => {
            let held = decisions::decision(&api.plane, id).await?;
            let (_, bytes) = waiting(&held.value);
            let view = decisions::view(&api.plane, &held);
            (json!({"proposal": id, "bytes": bytes, "decision": view}), id.to_string())
        }
        (None, of) => {
            let of = of.unwrap_or_default();
            let scene = Scene::of(api, principal, Place::default(), None).await?;
            let gone = || Problem::new(Reason::NotFound).detail("nothing of that name waits for signatures");
            let (_, bytes) = standing::waiting(&scene, &of).ok_or_else(gone)?;
            (json!({"proposal": of, "bytes": bytes}), of)
        }
    };
    let name = format!("attachment; filename=\"{}\"", parcel_file(&name));
    let name = HeaderValue::from_str(&name).map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    Ok(([(header::CONTENT_DISPOSITION, name)], axum::Json(parcel)).into_response())
}

async fn sign(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let line: Value = serde_json::from_str(sent.one("approval")).map_err(|_| {
        Problem::new(Reason::Malformed).detail("this is not the line that wardmote sign prints: {\"key\":…}")
    })?;
    let body = asked(json!({ "approval": line }))?;
    decisions::approve(State(scene.api.clone()), Path(scene.of_what()?), body).await?;
    Ok(Done::back(scene))
}

async fn follow(scene: &Scene, sent: &Sent, follow_up: Value) -> Result<Done, Problem> {
    let body = asked(json!({"by": sent.one("by"), "follow_up": follow_up}))?;
    follow_ups::propose(State(scene.api.clone()), Path(scene.of_what()?), body).await?;
    Ok(Done::back(scene))
}

fn ratification_fields(scene: &Scene) -> Vec<Field> {
    let mut reviewers =
        officers(scene, "reviewer", "The independent reviewer who agrees", |role| role == Role::Reviewer);
    let mut referrals = choice("referral", "An authority that does not object", "", [("", "none")]);
    if let crate::pages::act::Input::Choice(choices) = &mut reviewers.input {
        let none =
            crate::pages::act::Choice { value: String::new(), label: "none".to_owned(), chosen: false };
        choices.insert(0, none);
    }
    if let crate::pages::act::Input::Choice(choices) = &mut referrals.input {
        let answered = scene.case().map(|case| case.referrals.as_slice()).unwrap_or_default().iter();
        let free = answered.filter(|one| matches!(one.state.answered(), Some((Answer::NonObjection, _))));
        choices.extend(free.map(|one| crate::pages::act::Choice {
            value: one.id.to_string(),
            label: one.authority.name.to_string(),
            chosen: false,
        }));
    }
    let mut fields = vec![by(scene)];
    fields.extend(span("lease", "How long it shall run", "", "14", "days"));
    fields.extend([reviewers, referrals]);
    fields.extend(legal_fields(scene));
    fields
}

async fn ratify(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let ratification = json!({
        "lease_seconds": sent.span_seconds("lease")?, "order": sent.value("order"),
        "referral": sent.value("referral"), "reviewer": sent.value("reviewer"), "demand": demand(scene, sent),
        "territories": sent.list("territories"),
    });
    follow(scene, sent, json!({ "ratification": ratification })).await
}

async fn renew(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    let renewal = json!({
        "lease_seconds": sent.span_seconds("lease")?, "order": sent.value("order"), "demand": demand(scene, sent),
        "territories": sent.list("territories"),
    });
    follow(scene, sent, json!({ "renewal": renewal })).await
}

async fn lift(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    follow(scene, sent, json!({"lift": {"because": sent.one("because")}})).await
}

async fn reverse(scene: &Scene, sent: &Sent) -> Result<Done, Problem> {
    follow(scene, sent, json!({"reversal": {"appeal": sent.one("appeal")}})).await
}

async fn withdraw(scene: &Scene) -> Result<Done, Problem> {
    follow_ups::withdraw(State(scene.api.clone()), Path(scene.of_what()?)).await?;
    Ok(Done::back(scene))
}
