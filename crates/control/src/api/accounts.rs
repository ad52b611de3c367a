//! The tokens of customers' accounts.

use super::Api;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::principal::Caller;
use crate::rim::{Problem, Reason};
use crate::sites;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use records::AccountToken;
use serde::{Deserialize, Serialize};
use vocabulary::{AccountId, Timestamp};

/// Longest name of a token, in letters.
const NAME_MAX: usize = 40;

/// A token to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenBody {
    /// What it is for: 1 to 40 small letters, digits and hyphens. An earlier token of this name ends.
    name: String,
}

/// A fresh token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokenMade {
    /// Its name.
    name: String,
    /// Its text, shown this once. Send it as `Authorization: Bearer`.
    token: String,
}

/// A token, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokenView {
    /// Its name.
    name: String,
    /// When it was made.
    #[schema(value_type = String)]
    made: Timestamp,
}

/// Makes a token with which a customer's programs add host names to its sites. It opens nothing else.
#[utoipa::path(post, path = "/api/v1/accounts/{account}/tokens", tag = "accounts",
    params(("account" = String, Path, description = "The account's id or name")), request_body = TokenBody,
    responses((status = 201, body = TokenMade), (status = 404, description = "No such account")))]
pub(crate) async fn give(
    State(api): State<Api>,
    Path(account): Path<String>,
    Json(body): Json<TokenBody>,
) -> Result<Response, Problem> {
    let account = account_named(&api, &account).await?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=NAME_MAX).contains(&body.name.len()) || !body.name.bytes().all(fits) {
        let why = format!("a token's name has 1 to {NAME_MAX} small letters, digits and hyphens");
        return Err(Problem::new(Reason::Malformed).detail(why));
    }
    let token = api.door.give_token(account, &body.name).await?.to_string();
    Ok((StatusCode::CREATED, axum::Json(TokenMade { name: body.name, token })).into_response())
}

/// Lists an account's tokens.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/tokens", tag = "accounts",
    params(("account" = String, Path, description = "The account's id or name")),
    responses((status = 200, body = Vec<TokenView>), (status = 404, description = "No such account")))]
pub(crate) async fn list(
    State(api): State<Api>,
    Path(account): Path<String>,
) -> Result<axum::Json<Vec<TokenView>>, Problem> {
    let account = account_named(&api, &account).await?;
    let tokens = api.plane.records.account_tokens(account).await?;
    let view = |token: AccountToken| TokenView { name: token.name, made: token.made };
    Ok(axum::Json(tokens.into_iter().map(view).collect()))
}

/// Ends a token.
#[utoipa::path(delete, path = "/api/v1/accounts/{account}/tokens/{name}", tag = "accounts",
    params(("account" = String, Path, description = "The account's id or name"),
        ("name" = String, Path, description = "The token's name")),
    responses((status = 204), (status = 404, description = "No such token")))]
pub(crate) async fn end(
    State(api): State<Api>,
    Path((account, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let account = account_named(&api, &account).await?;
    match api.plane.records.end_account_token(account, &name).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Reason::NotFound).detail(format!("the account has no token {name}"))),
    }
}

/// Gives what is stored of a customer's account and sites, as a sites file: to the operator, and to the customer by a
/// token of its own, so that it can take everything along. Files on the operator's machine are not named.
#[utoipa::path(get, path = "/api/v1/accounts/{account}/export", tag = "accounts",
    params(("account" = String, Path, description = "The account's id or name")),
    responses((status = 200, body = String, content_type = "application/toml"),
        (status = 403, description = "Another customer's"), (status = 404, description = "No such account")))]
pub(crate) async fn export(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(account): Path<String>,
) -> Result<Response, Problem> {
    // Whose it is before whether it is there: a token tells nothing of other accounts.
    let account = match &caller {
        Caller::Operator(_) => account_named(&api, &account).await?,
        Caller::Customer { account: own, .. } => {
            let named = account_named(&api, &account).await;
            named.ok().filter(|named| named == own).ok_or_else(|| Problem::new(Reason::AnothersAccount))?
        }
    };
    let fleet = api.plane.records.fleet().await?;
    let text = sites::export_account(&fleet, account);
    let text = text.ok_or_else(|| Problem::new(Reason::NotFound).detail("there is no such account"))?;
    Ok(([(header::CONTENT_TYPE, "application/toml")], text).into_response())
}

async fn account_named(api: &Api, named: &str) -> Result<AccountId, Problem> {
    let fleet = api.plane.records.fleet().await?;
    let fits = |account: &&records::Account| account.name == named || account.id.to_string() == named;
    let account = fleet.accounts.iter().find(fits).map(|account| account.id);
    account.ok_or_else(|| Problem::new(Reason::NotFound).detail(format!("there is no account {named}")))
}
