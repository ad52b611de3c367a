//! `[acme]`: certificates from public authorities.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use certificates::acme::{Binding, Directory, Limits, Proof, Settings, Webhook, may_be_asked};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// The largest authority without charge.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Longest file with secrets, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Certificates from public authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acme {
    /// Whether the operator agrees to the terms of each authority named: without it none is asked.
    pub(crate) accept_terms: bool,
    pub(crate) directories: Vec<String>,
    pub(crate) contact: Vec<String>,
    /// By directory.
    pub(crate) bindings: Vec<(String, Binding)>,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) proofs: Vec<Proof>,
    pub(crate) dns_webhook: Option<String>,
    pub(crate) dns_token: Option<Token>,
    pub(crate) dns_wait: Duration,
}

/// Goes to the webhook and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(Zeroizing<String>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            accept_terms: false,
            directories: vec![DIRECTORY.to_owned()],
            contact: Vec::new(),
            bindings: Vec::new(),
            roots: None,
            proofs: vec![Proof::Http, Proof::Tls, Proof::Dns],
            dns_webhook: None,
            dns_token: None,
            dns_wait: Duration::from_secs(30),
        }
    }
}

impl Acme {
    /// How certificates are ordered; none where the operator has not agreed to that.
    pub(crate) fn settings(&self) -> Option<Settings> {
        let binding = |url: &String| {
            let bound = self.bindings.iter().find(|(directory, _)| directory == url);
            Directory { url: url.clone(), binding: bound.map(|(_, binding)| binding.clone()) }
        };
        let webhook = self.dns_webhook.as_ref().map(|url| Webhook {
            url: url.clone(),
            token: self.dns_token.as_ref().map(|token| token.0.clone()),
            wait: self.dns_wait,
        });
        self.accept_terms.then(|| Settings {
            directories: self.directories.iter().map(binding).collect(),
            contact: self.contact.clone(),
            roots: self.roots.clone(),
            proofs: self.proofs.clone(),
            webhook,
            limits: Limits::default(),
        })
    }
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

pub(super) fn directories(urls: Vec<String>) -> Result<Vec<String>, String> {
    if urls.is_empty() {
        return Err(format!("name at least one directory, such as {DIRECTORY:?}"));
    }
    urls.into_iter().map(address).collect()
}

pub(super) fn contact(addresses: Vec<String>) -> Result<Vec<String>, String> {
    let fits = |text: &String| text.strip_prefix("mailto:").is_some_and(|mail| mail.contains('@'));
    match addresses.iter().find(|text| !fits(text)) {
        Some(other) => Err(format!("{other:?} is no contact; write \"mailto:ops@example.org\"")),
        None => Ok(addresses),
    }
}

pub(super) fn proofs(names: Vec<String>) -> Result<Vec<Proof>, String> {
    let proof = |name: String| match name.as_str() {
        "http-01" => Ok(Proof::Http),
        "tls-alpn-01" => Ok(Proof::Tls),
        "dns-01" => Ok(Proof::Dns),
        other => Err(format!("{other:?} is no kind of proof; known are http-01, tls-alpn-01, dns-01")),
    };
    match names.is_empty() {
        true => Err("name at least one kind of proof: http-01, tls-alpn-01, dns-01".to_owned()),
        false => names.into_iter().map(proof).collect(),
    }
}

pub(super) fn webhook(url: String) -> Result<Option<String>, String> {
    if url.is_empty() { Ok(None) } else { address(url).map(Some) }
}

pub(super) fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().filter(|seconds| *seconds <= 600);
    let seconds = seconds.ok_or_else(|| format!("{text:?} is no number of seconds from 0 to 600"))?;
    Ok(Duration::from_secs(seconds))
}

pub(super) fn roots(path: String) -> Option<PathBuf> {
    (!path.is_empty()).then(|| PathBuf::from(path))
}

pub(super) fn token(path: &str) -> Result<Option<Token>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let text = secret(path)?;
    let token = Zeroizing::new(text.trim().to_owned());
    let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(Some(Token(token)))
    } else {
        Err(format!("{path}: a token of printable letters is expected"))
    }
}

/// Lines of directory, key id and key, the last in base64url as authorities give it.
pub(super) fn bindings(path: &str) -> Result<Vec<(String, Binding)>, String> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let text = secret(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    let read = |(number, line): (usize, &str)| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [directory, id, key] = words[..] else {
            return Err(format!("{path}:{}: write the directory, the key's id and the key", number + 1));
        };
        let key = BASE64_URL_SAFE_NO_PAD.decode(key.trim_end_matches('='));
        let key = key.map_err(|_| format!("{path}:{}: the key is base64url", number + 1))?;
        Ok((directory.to_owned(), Binding { id: id.to_owned(), key: Zeroizing::new(key) }))
    };
    lines.map(read).collect()
}

fn address(url: String) -> Result<String, String> {
    match may_be_asked(&url) {
        true => Ok(url),
        false => Err(format!("{url:?} is no https:// address")),
    }
}

pub(super) fn secret(path: &str) -> Result<Zeroizing<String>, String> {
    let failed = |error: std::io::Error| format!("{path}: cannot read it: {error}");
    let length = std::fs::metadata(Path::new(path)).map_err(failed)?.len();
    if length > SECRET_BYTES_MAX {
        return Err(format!("{path}: longer than 64 KiB"));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}
