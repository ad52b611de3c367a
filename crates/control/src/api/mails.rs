//! The queue of outgoing mail, for those who look after it.

use super::Api;
use super::refusals::officer;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use casework::Text;
use policy::Pseudonym;
use post::{Mail, MailRefusal, MailState, Purpose};
use records::Versioned;
use serde::{Deserialize, Serialize};
use vocabulary::{MailId, Timestamp};

/// Which mails are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MailsQuery {
    /// Only those that were given up.
    dead: bool,
    /// Items wanted, 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// One mail, without its words.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MailLine {
    /// Its id.
    #[schema(value_type = String)]
    id: MailId,
    /// What it is for.
    #[schema(value_type = String)]
    purpose: Purpose,
    /// What it is about.
    about: String,
    /// To whom it goes.
    to: String,
    /// Since when it is in the queue.
    #[schema(value_type = String)]
    queued_at: Timestamp,
    /// `waiting`, `sent`, `dead` or `settled`.
    state: &'static str,
    /// When it is tried next, was sent, was given up or was settled.
    #[schema(value_type = String)]
    at: Timestamp,
    /// How often it was tried.
    tries: u32,
    /// What the mail server said last.
    said: Option<String>,
}

impl From<Mail> for MailLine {
    fn from(mail: Mail) -> Self {
        let state = mail.state.name();
        let (at, tries, said) = match mail.state {
            MailState::Waiting { tries, next_at, said, .. } => (next_at, tries, said),
            MailState::Sent { tries, at, said, .. } | MailState::Dead { tries, at, said, .. } => {
                (at, tries, Some(said))
            }
            MailState::Settled { tries, at, how, .. } => (at, tries, Some(how)),
        };
        let Mail { id, purpose, about, to, queued_at, .. } = mail;
        Self { id, purpose, about, to: to.to_string(), queued_at, state, at, tries, said }
    }
}

/// How somebody was told in another way.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settling {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// How, in a line.
    #[schema(value_type = String)]
    how: Text,
}

/// Lists outgoing mails, last queued first.
#[utoipa::path(get, path = "/api/v1/mails", tag = "mails", params(MailsQuery),
    responses((status = 200, body = PageOf<MailLine>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<MailsQuery>,
) -> Result<axum::Json<PageOf<MailLine>>, Problem> {
    let MailsQuery { dead, limit, after } = query;
    let listing = api.plane.records.list_mails(dead, PageQuery { limit, after }.page()?).await?;
    Ok(axum::Json(PageOf::of(listing, |held| held.value.into())))
}

/// Puts a mail that was given up back into the queue.
#[utoipa::path(post, path = "/api/v1/mails/{mail}/again", tag = "mails", params(("mail" = String, Path)),
    responses((status = 200, body = MailLine), (status = 404), (status = 409, description = "It was not given up")))]
pub(crate) async fn again(
    State(api): State<Api>,
    Path(id): Path<MailId>,
) -> Result<axum::Json<MailLine>, Problem> {
    let moved = moved(&api, id, |mail, now| mail.again(now)).await?;
    api.plane.post.wake.notify_one();
    Ok(moved)
}

/// Says that the addressee of a mail that was given up was told in another way.
#[utoipa::path(post, path = "/api/v1/mails/{mail}/settled", tag = "mails", params(("mail" = String, Path)),
    request_body = Settling,
    responses((status = 200, body = MailLine), (status = 404), (status = 409, description = "It was not given up")))]
pub(crate) async fn settle(
    State(api): State<Api>,
    Path(id): Path<MailId>,
    Json(asked): Json<Settling>,
) -> Result<axum::Json<MailLine>, Problem> {
    let by = officer(&api.plane, &asked.by)?;
    moved(&api, id, |mail, now| mail.settle(&by.to_string(), asked.how.as_str(), now)).await
}

async fn moved(
    api: &Api,
    id: MailId,
    step: impl Fn(Mail, Timestamp) -> Result<Mail, MailRefusal>,
) -> Result<axum::Json<MailLine>, Problem> {
    let plane = &api.plane;
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no mail {id}"));
    let Versioned { version, value } = plane.records.mail(id).await?.ok_or_else(missing)?;
    let next = step(value, plane.clock.now());
    let next = next.map_err(|refusal| Problem::new(Reason::WrongState).detail(refusal))?;
    plane.records.put_mail(&next, version).await?;
    Ok(axum::Json(next.into()))
}
