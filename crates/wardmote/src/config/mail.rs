//! `[mail]`: who takes outgoing mail.

use super::acme::secret;
use post::{MailAddress, MailAddressError};
use smtp::{Login, Relay, RelayError};
use std::path::PathBuf;
use vocabulary::Hostname;
use zeroize::Zeroizing;

/// Outgoing mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mail {
    /// The mail server; none: letters wait.
    pub(crate) smtp: Option<String>,
    pub(crate) from: Option<MailAddress>,
    /// Empty: nobody logs in.
    pub(crate) user: String,
    pub(crate) password: Option<Password>,
    pub(crate) roots: Option<PathBuf>,
}

/// Goes to the mail server and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Mail {
    /// The mail server, ready; none where none is set. `host` is this deployment's public name.
    pub(crate) fn relay(&self, host: &Hostname) -> Result<Option<Relay>, String> {
        let Some(url) = &self.smtp else { return Ok(None) };
        let from = match (&self.from, host.ip()) {
            (Some(from), _) => from.clone(),
            (None, None) => format!("wardmote@{host}").parse().map_err(|_| FROM.to_owned())?,
            (None, Some(_)) => return Err(FROM.to_owned()),
        };
        let login = (!self.user.is_empty()).then(|| Login {
            user: self.user.clone(),
            password: self.password.as_ref().map(|password| password.0.clone()).unwrap_or_default(),
        });
        let relay = Relay::new(url, from, login, self.roots.as_deref());
        relay.map(Some).map_err(|error| format!("mail.smtp: {error}"))
    }
}

const FROM: &str =
    "mail.from: name the sender, such as \"wardmote@example.org\"; control.public_url has no name for it";

pub(super) fn smtp(url: String) -> Result<Option<String>, String> {
    if url.is_empty() {
        return Ok(None);
    }
    Relay::check(&url).map(|()| Some(url)).map_err(|error: RelayError| error.to_string())
}

pub(super) fn from(text: &str) -> Result<Option<MailAddress>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        text.parse().map(Some).map_err(|error: MailAddressError| error.to_string())
    }
}

pub(super) fn password(path: &str) -> Result<Option<Password>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let text = secret(path)?;
    Ok(Some(Password(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))))
}
