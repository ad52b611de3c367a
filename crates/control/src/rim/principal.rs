//! Who is asking: the operator by token, or a console session by cookie.

use super::secret::{self, SecretKind};
use super::{Problem, Reason};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use records::{Records, Session};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Clock, Digest, Random, Timestamp};

/// How long a session lasts.
const SESSION_LASTS: Duration = Duration::from_secs(12 * 3600);
/// How long a setup link can be used, once.
const SETUP_LASTS: Duration = Duration::from_secs(30 * 60);

/// Whoever a request speaks for; only [`Door::identify`] makes one.
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

    /// Finds out who is asking; `None` for a request without credentials.
    pub(crate) async fn identify(&self, fields: &HeaderMap) -> Result<Option<Principal>, Problem> {
        if let Some(value) = fields.get(header::AUTHORIZATION) {
            return self.by_token(value).map(Some);
        }
        let Some(cookie) = cookie(fields, self.cookie) else { return Ok(None) };
        let hash = SecretKind::Session.digest(cookie);
        let Some(session) = self.records.session(&hash, self.clock.now()).await? else { return Ok(None) };
        let csrf = SecretKind::Csrf.digest(cookie).to_string();
        let seen = SessionSeen { hash, csrf, expires: session.expires };
        Ok(Some(Principal { actor: session.actor, session: Some(seen) }))
    }

    fn by_token(&self, value: &HeaderValue) -> Result<Principal, Problem> {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or_default();
        let right = secret::same(&SecretKind::AdminToken.digest(token.trim()), &self.admin_token);
        if scheme.eq_ignore_ascii_case("bearer") && right {
            Ok(Principal { actor: "operator:token".to_owned(), session: None })
        } else {
            Err(Problem::new(Reason::Unauthenticated))
        }
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

/// Refuses a session's change without its token; a bearer token needs none, no browser sends it by itself.
pub(crate) fn check_csrf(principal: &Principal, sent: &str) -> Result<(), Problem> {
    let Some(wanted) = principal.csrf() else { return Ok(()) };
    let right = secret::same(&Digest::of(sent.as_bytes()), &Digest::of(wanted.as_bytes()));
    if right { Ok(()) } else { Err(Problem::new(Reason::CsrfMissing)) }
}
