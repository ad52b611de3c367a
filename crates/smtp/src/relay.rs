//! Which mail server, how it is reached, and one try.

use crate::Carrier;
use crate::connection::{self, Roots};
use crate::message;
use async_trait::async_trait;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use post::{Failure, Letter, Mail, MailAddress};
use rustls::ClientConfig;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::{Host, Url};
use vocabulary::Timestamp;
use zeroize::Zeroizing;

/// Longest try, from the name to the last answer.
pub const TRY_MAX: Duration = Duration::from_secs(60);
/// The ports of mail submission (RFC 8314 §3.3 and RFC 6409 §3.1).
const PORTS: (u16, u16) = (465, 587);

/// How the connection is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// STARTTLS, and nothing without it (`smtp://`).
    StartTls,
    /// None: the server is on this machine (`smtp://` to loopback).
    Plain,
}

/// What a mail server asks of those who hand it mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({:?})", self.user)
    }
}

/// One mail server that takes this deployment's mail.
pub struct Relay {
    host: String,
    port: u16,
    security: Security,
    login: Option<Login>,
    from: MailAddress,
    tls: Arc<ClientConfig>,
}

/// Why a mail server cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The address is none.
    #[error("{0:?} is no mail server; write smtps://mail.example.org or smtp://mail.example.org:587")]
    Address(String),
    /// The roots cannot be read.
    #[error("{0}")]
    Roots(String),
}

impl Relay {
    /// A mail server by its address: `smtps://host[:465]` or `smtp://host[:587]`. `from` is the sender of every
    /// letter; `roots` is a file of authorities to trust instead of the system's.
    pub fn new(
        url: &str,
        from: MailAddress,
        login: Option<Login>,
        roots: Option<&Path>,
    ) -> Result<Self, RelayError> {
        let (host, port, security) = place(url)?;
        let tls = connection::tls(roots.map_or(Roots::System, Roots::File)).map_err(RelayError::Roots)?;
        Ok(Self { host, port, security, login, from, tls })
    }

    /// Whether an address names a mail server.
    pub fn check(url: &str) -> Result<(), RelayError> {
        place(url).map(drop)
    }

    /// How its connections are kept secret.
    pub fn security(&self) -> Security {
        self.security
    }

    /// For tests, whose mail servers are all on loopback: as if this one were elsewhere.
    #[cfg(test)]
    pub(crate) fn demand_tls(&mut self) {
        if self.security == Security::Plain {
            self.security = Security::StartTls;
        }
    }

    async fn converse(&self, mail: &Mail, letter: &Letter, now: Timestamp) -> Result<String, Failure> {
        let bytes = message::write(mail, letter, &self.from, now).map_err(Failure::Never)?;
        let (from, to) = (message::address(&self.from), message::address(letter.to()));
        let (from, to) = (from.map_err(Failure::Later)?, to.map_err(Failure::Never)?);
        let wire = connection::open(&self.host, self.port, self.security, &self.tls, self.from.domain());
        let wire = Box::new(wire.await.map_err(Failure::Later)?);
        let hello = ClientId::Domain(self.from.domain().to_owned());
        let mut server =
            AsyncSmtpConnection::connect_with_transport(wire, &hello).await.map_err(|error| ours(&error))?;
        if let Some(Login { user, password }) = &self.login {
            let credentials = Credentials::new(user.clone(), password.to_string());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            server.auth(&mechanisms, &credentials).await.map_err(|error| ours(&error))?;
        }
        server.command(MailFrom::new(Some(from), Vec::new())).await.map_err(|error| ours(&error))?;
        server.command(Rcpt::new(to, Vec::new())).await.map_err(|error| theirs(&error))?;
        server.command(Data).await.map_err(|error| ours(&error))?;
        let taken = server.message(&bytes).await.map_err(|error| theirs(&error))?;
        // It has the letter; whether it takes leave is its own matter.
        let _ = server.quit().await;
        Ok(said(&taken))
    }
}

#[async_trait]
impl Carrier for Relay {
    async fn carry(&self, mail: &Mail, letter: &Letter, now: Timestamp) -> Result<String, Failure> {
        let late = || Failure::Later(format!("no answer within {} s", TRY_MAX.as_secs()));
        timeout(TRY_MAX, self.converse(mail, letter, now)).await.unwrap_or_else(|_| Err(late()))
    }

    fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn place(text: &str) -> Result<(String, u16, Security), RelayError> {
    let refuse = || RelayError::Address(text.chars().take(100).collect());
    let url = Url::parse(text).map_err(|_| refuse())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(refuse());
    }
    // Schemes the standard does not know leave the host as it was written.
    let host = Host::parse(url.host_str().ok_or_else(refuse)?).map_err(|_| refuse())?;
    let (name, loopback) = match &host {
        Host::Domain(name) => (name.clone(), name == "localhost"),
        Host::Ipv4(address) => (address.to_string(), address.is_loopback()),
        Host::Ipv6(address) => (address.to_string(), address.is_loopback()),
    };
    match url.scheme() {
        "smtps" => Ok((name, url.port().unwrap_or(PORTS.0), Security::Tls)),
        "smtp" if loopback => Ok((name, url.port().unwrap_or(PORTS.1), Security::Plain)),
        "smtp" => Ok((name, url.port().unwrap_or(PORTS.1), Security::StartTls)),
        _ => Err(refuse()),
    }
}

/// What our own mail server says against us is a matter of our settings, and mended there.
fn ours(error: &lettre::transport::smtp::Error) -> Failure {
    Failure::Later(error.to_string())
}

/// What is said about the addressee or the letter may be final.
fn theirs(error: &lettre::transport::smtp::Error) -> Failure {
    if error.is_permanent() { Failure::Never(error.to_string()) } else { Failure::Later(error.to_string()) }
}

fn said(response: &Response) -> String {
    let words: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), words.join(" "))
}
