//! Who is asking: the operator by token, a console session by cookie, or a customer by a token of its account.

use super::secret::{self, SecretKind};
use super::{Problem, Reason};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use records::{AccountToken, Records, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{AccountId, Clock, Digest, Random, Timestamp};
use zeroize::Zeroizing;

/// How long a session lasts.
const SESSION_LASTS: Duration = Duration::from_secs(12 * 3600);
/// How long a setup link can be used, once.
const SETUP_LASTS: Duration = Duration::from_secs(30 * 60);

/// Whoever a request speaks for on the operator's behalf; only [`Door::identify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    actor: String,
    session: Option<SessionSeen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct SessionSeen {
    hash: Digest,
    csrf: String,
    expires: Timestamp,
}

impl Principal {
    /// The name used in the history.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// The CSRF token that pages of this session carry; none for a bearer token.
    pub(crate) fn csrf(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.csrf.as_str())
    }

    /// When the session ends by itself; none for a bearer token.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.session.as_ref().map(|session| session.expires)
    }
}

/// Whoever may speak for an account; only [`Door::identify_any`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The operator, for every account.
    Operator(Principal),
    /// A customer, for its own.
    Customer {
        /// Its account.
        account: AccountId,
        /// The name used in the history.
        actor: String,
    },
}

impl Caller {
    /// The account that is meant: a customer's own, whatever it names; for the operator the one that is named.
    pub(crate) fn account(&self, named: Option<AccountId>) -> Result<Option<AccountId>, Problem> {
        match self {
            Self::Operator(_) => Ok(named),
            Self::Customer { account, .. } if named.is_none_or(|named| named == *account) => {
                Ok(Some(*account))
            }
            Self::Customer { .. } => Err(Problem::new(Reason::AnothersAccount)),
        }
    }

    /// The name used in the history.
    pub(crate) fn actor(&self) -> &str {
        match self {
            Self::Operator(principal) => principal.actor(),
            Self::Customer { actor, .. } => actor,
        }
    }
}

/// What decides who may enter the control listener.
#[derive(Clone)]
pub(crate) struct Door {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    admin_token: Digest,
    cookie: &'static str,
    secure: bool,
}

impl Door {
    /// `admin_token` is the digest of the text of `admin.token`.
    pub(crate) fn new(
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        admin_token: Digest,
        listen: SocketAddr,
    ) -> Self {
        // A `__Host-` cookie needs TLS, which loopback does not have.
        let secure = !listen.ip().to_canonical().is_loopback();
        let cookie = if secure { "__Host-wardmote" } else { "wardmote" };
        Self { records, clock, random, admin_token, cookie, secure }
    }

    /// Finds out who is asking where customers may ask, too; `None` for a request without credentials.
    pub(crate) async fn identify_any(&self, fields: &HeaderMap) -> Result<Option<Caller>, Problem> {
        match fields.get(header::AUTHORIZATION) {
            Some(value) => self.by_token(value).await.map(Some),
            None => Ok(self.identify(fields).await?.map(Caller::Operator)),
        }
    }

    /// Finds out who is asking of the operator; `None` for a request without credentials.
    pub(crate) async fn identify(&self, fields: &HeaderMap) -> Result<Option<Principal>, Problem> {
        if let Some(value) = fields.get(header::AUTHORIZATION) {
            return match self.by_token(value).await? {
                Caller::Operator(principal) => Ok(Some(principal)),
                Caller::Customer { .. } => Err(Problem::new(Reason::OperatorOnly)),
            };
        }
        let Some(cookie) = cookie(fields, self.cookie) else { return Ok(None) };
        let hash = SecretKind::Session.digest(cookie);
        let Some(session) = self.records.session(&hash, self.clock.now()).await? else { return Ok(None) };
        let csrf = SecretKind::Csrf.digest(cookie).to_string();
        let seen = SessionSeen { hash, csrf, expires: session.expires };
        Ok(Some(Principal { actor: session.actor, session: Some(seen) }))
    }

    async fn by_token(&self, value: &HeaderValue) -> Result<Caller, Problem> {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Problem::new(Reason::Unauthenticated));
        }
        let token = token.trim();
        if secret::same(&SecretKind::AdminToken.digest(token), &self.admin_token) {
            return Ok(Caller::Operator(Principal { actor: "operator:token".to_owned(), session: None }));
        }
        // Found by its digest: how far a guess agrees with a kept one says nothing about the secret.
        let kept = self.records.account_token(&SecretKind::AccountToken.digest(token)).await?;
        let kept = kept.ok_or_else(|| Problem::new(Reason::Unauthenticated))?;
        let actor = format!("{}:{}", kept.account, kept.name);
        Ok(Caller::Customer { account: kept.account, actor })
    }

    /// Makes a token for an account, in place of an earlier one of that name; it is shown this once.
    pub(crate) async fn give_token(
        &self,
        account: AccountId,
        name: &str,
    ) -> Result<Zeroizing<String>, Problem> {
        let token = secret::fresh(&*self.random);
        let hash = SecretKind::AccountToken.digest(&token);
        let kept = AccountToken { account, name: name.to_owned(), hash, made: self.clock.now() };
        self.records.put_account_token(&kept).await?;
        Ok(token)
    }

    /// Makes a fresh setup token, in place of all earlier ones. It works once, for 30 minutes.
    pub(crate) async fn offer_setup(&self) -> Result<String, Problem> {
        let token = secret::fresh(&*self.random);
        let expires = self.clock.now().plus(SETUP_LASTS);
        self.records.offer_setup(&SecretKind::SetupToken.digest(&token), expires).await?;
        Ok(token.to_string())
    }

    /// Uses a setup token up; the value for `Set-Cookie` of the session it opens.
    pub(crate) async fn redeem_setup(&self, token: &str) -> Result<HeaderValue, Problem> {
        let cookie = secret::fresh(&*self.random);
        let opened = self.clock.now();
        let session = Session {
            token_hash: SecretKind::Session.digest(&cookie),
            actor: "operator:console".to_owned(),
            opened,
            expires: opened.plus(SESSION_LASTS),
        };
        let token = token.trim().to_ascii_uppercase();
        let opened = self.records.redeem_setup(&SecretKind::SetupToken.digest(&token), &session).await?;
        if !opened {
            return Err(Problem::new(Reason::SetupTokenRefused));
        }
        Ok(self.set_cookie(&cookie, SESSION_LASTS.as_secs()))
    }

    /// Ends the principal's session, if it has one; the value for `Set-Cookie` that removes the cookie.
    pub(crate) async fn leave(&self, principal: &Principal) -> Result<HeaderValue, Problem> {
        if let Some(session) = &principal.session {
            self.records.close_session(&session.hash).await?;
        }
        Ok(self.set_cookie("", 0))
    }

    fn set_cookie(&self, value: &str, max_age: u64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}", self.cookie);
        let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

/// The value of one cookie.
fn cookie<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lists = fields.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lists.flat_map(|list| list.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

/// Lets a request of the API pass with its [`Principal`] as extension, or answers why not.
pub(crate) async fn authenticated(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let safe = request.method().is_safe();
    match admit(&door, safe, request.headers()).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(door: &Door, safe: bool, fields: &HeaderMap) -> Result<Principal, Problem> {
    let principal = door.identify(fields).await?;
    let principal = principal.ok_or_else(|| Problem::new(Reason::Unauthenticated))?;
    if safe {
        return Ok(principal);
    }
    let sent = fields.get("x-csrf-token").and_then(|value| value.to_str().ok());
    check_csrf(&principal, sent.unwrap_or_default())?;
    Ok(principal)
}

/// The same where customers may ask, too; with the [`Caller`] as extension.
pub(crate) async fn any_account(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let caller = match door.identify_any(request.headers()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return Problem::new(Reason::Unauthenticated).into_response(),
        Err(problem) => return problem.into_response(),
    };
    if let Caller::Operator(principal) = &caller {
        let sent = request.headers().get("x-csrf-token").and_then(|value| value.to_str().ok());
        let checked = check_csrf(principal, sent.unwrap_or_default());
        if let (false, Err(problem)) = (request.method().is_safe(), checked) {
            return problem.into_response();
        }
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Refuses a session's change without its token; a bearer token needs none, no browser sends it by itself.
pub(crate) fn check_csrf(principal: &Principal, sent: &str) -> Result<(), Problem> {
    let Some(wanted) = principal.csrf() else { return Ok(()) };
    let right = secret::same(&Digest::of(sent.as_bytes()), &Digest::of(wanted.as_bytes()));
    if right { Ok(()) } else { Err(Problem::new(Reason::CsrfMissing)) }
}
