//! What officers do, as forms: each act of the API about a case, the directory and orders, on a page of its own.
//!
//! Owns the forms' addresses (`/acts/{act}?case=…&of=…`), their table and how a sent form becomes a call of the API's own
//! function. Decides nothing: what the API refuses, the form shows with its reasons, and keeps what was filled in. Which
//! officer sits at a browser is remembered there by a cookie; it proves nothing, signatures do.

mod appeals;
mod authorities;
mod cases;
mod decisions;
mod evidence;
mod facts;
mod fields;
mod orders;
mod referrals;
mod scene;
mod sent;
mod standing;

pub(super) use decisions::parcel;

use super::page;
use crate::api::Api;
use crate::pages::act::{ActPage, Field, Input, Note, Step};
use crate::pages::console::Notice;
use crate::rim::extract::{Path, Query};
use crate::rim::principal::check_csrf;
use crate::rim::{Problem, Reason};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use policy::Pseudonym;
use scene::{Place, Scene};
use sent::Sent;
use std::future::Future;
use std::pin::Pin;

/// The cookie that remembers which officer sits here.
const OFFICER_COOKIE: &str = "wardmote-officer";

type Taking<'a> = Pin<Box<dyn Future<Output = Result<Done, Problem>> + Send + 'a>>;

/// One act: its words, its form, and what the form does.
struct Act {
    /// Its name in addresses.
    name: &'static str,
    title: &'static str,
    about: &'static str,
    /// The call of the API that does the same.
    api: &'static str,
    /// The buttons.
    steps: &'static [Step],
    /// What to read before it is filled in.
    notes: fn(&Scene) -> Vec<Note>,
    fields: fn(&Scene) -> Vec<Field>,
    take: for<'a> fn(&'a Scene, &'a mut Sent) -> Taking<'a>,
}

/// What came of an act.
enum Done {
    /// It is done; go there.
    There(String),
    /// It is done, and this is shown once.
    Told(Vec<Note>),
    /// It is done, and this is what comes of it.
    File(Response),
    /// Nothing is done yet; the form again, with this beside it.
    Looked(Vec<Note>),
}

impl Done {
    /// Back to where one came from.
    fn back(scene: &Scene) -> Self {
        Self::There(scene.back().0)
    }
}

const fn one(label: &'static str) -> Step {
    Step { value: "do", label }
}

/// An act without anything to read before it.
fn nothing(_: &Scene) -> Vec<Note> {
    Vec::new()
}

/// All acts, by what they are about.
fn all() -> impl Iterator<Item = &'static Act> {
    [
        cases::ACTS,
        evidence::ACTS,
        facts::ACTS,
        referrals::ACTS,
        authorities::ACTS,
        orders::ACTS,
        decisions::ACTS,
        appeals::ACTS,
        standing::ACTS,
    ]
    .into_iter()
    .flatten()
}

fn named(name: &str) -> Result<&'static Act, Problem> {
    all().find(|act| act.name == name).ok_or_else(|| Problem::new(Reason::NotFound))
}

fn locked() -> Response {
    page(StatusCode::UNAUTHORIZED, Notice::sign_in().page())
}

/// `GET /acts/{act}`: the form.
pub(super) async fn show(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let act = named(&name)?;
    let scene = Scene::of(api, principal, place, officer_at(&fields)).await?;
    Ok(page(StatusCode::OK, shown(act, &scene, None).page()))
}

/// `POST /acts/{act}`: does it, or says why not.
pub(super) async fn take(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(place): Query<Place>,
    fields: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let act = named(&name)?;
    let mut sent = Sent::read(&fields, body).await?;
    check_csrf(&principal, sent.csrf())?;
    let scene = Scene::of(api, principal, place, officer_at(&fields)).await?;
    let by = sent.one("by").to_owned();
    let mut response = match (act.take)(&scene, &mut sent).await {
        Ok(Done::There(there)) => Redirect::to(&there).into_response(),
        Ok(Done::Told(notes)) => {
            let told = ActPage { notes, fields: Vec::new(), steps: Vec::new(), ..shown(act, &scene, None) };
            page(StatusCode::OK, told.page())
        }
        Ok(Done::File(file)) => file,
        Ok(Done::Looked(notes)) => {
            let looked = ActPage { notes, ..shown(act, &scene, Some(&sent)) };
            page(StatusCode::OK, looked.page())
        }
        Err(problem) => {
            let (error, reasons) = (Some(problem.words()), problem.reasons());
            let refused = ActPage { error, reasons, ..shown(act, &scene, Some(&sent)) };
            page(problem.status(), refused.page())
        }
    };
    remember(&mut response, &by);
    Ok(response)
}

fn shown(act: &'static Act, scene: &Scene, sent: Option<&Sent>) -> ActPage {
    let mut fields = (act.fields)(scene);
    if let Some(sent) = sent {
        fields.iter_mut().for_each(|field| refill(field, sent));
    }
    ActPage {
        csrf: scene.csrf().to_owned(),
        public_url: scene.api.plane.public_url.to_string(),
        title: act.title.to_owned(),
        about: act.about.to_owned(),
        api: act.api,
        action: scene.address(act.name),
        back: scene.back(),
        error: None,
        reasons: Vec::new(),
        notes: (act.notes)(scene),
        fields,
        steps: act.steps.to_vec(),
    }
}

/// Puts back what was sent, so that a refusal costs nobody their words.
fn refill(field: &mut Field, sent: &Sent) {
    let values = sent.many(&field.name);
    match &mut field.input {
        Input::Line(text) | Input::Words(text) => {
            *text = values.first().map(|value| (*value).to_owned()).unwrap_or_default()
        }
        Input::Choice(choices) | Input::Ticks(choices) => {
            for choice in choices {
                choice.chosen = values.contains(&choice.value.as_str());
            }
        }
        Input::File => {}
    }
}

fn officer_at(fields: &HeaderMap) -> Option<Pseudonym> {
    let lists = fields.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == OFFICER_COOKIE).and_then(|(_, value)| value.parse().ok())
}

/// The next form begins with the same officer.
fn remember(response: &mut Response, by: &str) {
    let Ok(by) = by.parse::<Pseudonym>() else { return };
    let text = format!("{OFFICER_COOKIE}={by}; Path=/acts; Max-Age=43200; HttpOnly; SameSite=Strict");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The address of an act's form, for the pages that lead to it.
pub(super) fn address(act: &'static str, case: Option<&str>, of: Option<&str>) -> String {
    debug_assert!(named(act).is_ok(), "no act {act}");
    let given = [("case", case), ("of", of)].into_iter().filter_map(|(key, value)| Some((key, value?)));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { format!("/acts/{act}") } else { format!("/acts/{act}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_a_name_of_its_own_words_and_a_button() {
        let names: BTreeSet<_> = all().map(|act| act.name).collect();
        assert_eq!(names.len(), all().count());
        for act in all() {
            assert!(
                !act.title.is_empty() && act.about.ends_with('.') && !act.steps.is_empty(),
                "{}",
                act.name
            );
            assert!(act.api.contains(" /api/v1/"), "{}", act.name);
        }
    }
}
