//! One report as it came in, whatever the format: what steers the work, and what belongs into the vault.

use crate::canonical::{self, ReportedUrl};
use crate::{IntakeError, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{Hostname, Timestamp};
use zeroize::Zeroizing;

/// Most addresses in one report.
pub const URLS_MAX: usize = 20;
/// Longest text of one field, in bytes.
pub const TEXT_BYTES_MAX: usize = 20_000;
/// Longest address, in bytes.
const URL_BYTES_MAX: usize = 2_000;

/// What a report is about, in the words of the work that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Somebody's life or health is threatened.
    Threat,
    /// Somebody's private details are published.
    PrivateDetails,
    /// Sexual images or exploitation of children. Kept without address, text or file: a reference alone.
    ChildAbuse,
    /// A site that steals secrets or money.
    Phishing,
    /// Harmful software.
    Malware,
    /// An attack on machines: floods, scans, break-ins.
    Attack,
    /// Unwanted messages.
    Spam,
    /// Somebody's work copied.
    Copyright,
    /// Anything else.
    Other,
}

impl Category {
    /// All, in the order in which forms offer them.
    pub const ALL: [Self; 9] = [
        Self::Threat,
        Self::PrivateDetails,
        Self::ChildAbuse,
        Self::Phishing,
        Self::Malware,
        Self::Attack,
        Self::Spam,
        Self::Copyright,
        Self::Other,
    ];

    /// The stable name, as in forms and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threat => "threat",
            Self::PrivateDetails => "private-details",
            Self::ChildAbuse => "child-abuse",
            Self::Phishing => "phishing",
            Self::Malware => "malware",
            Self::Attack => "attack",
            Self::Spam => "spam",
            Self::Copyright => "copyright",
            Self::Other => "other",
        }
    }

    /// The category of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }
}

/// By which way it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// The web form.
    Form,
    /// The API, as plain JSON.
    Json,
    /// The API or a mail, as XARF.
    Xarf,
    /// A mail in the abuse reporting format.
    Arf,
}

/// What belongs into the vault, one field each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VaultText {
    /// What the reporter wrote.
    pub words: Secret,
    /// The addresses as reported.
    pub urls: Vec<Secret>,
    /// Who is at risk, as far as told.
    pub at_risk: Secret,
    /// Where the reporter can be reached.
    pub contact: Secret,
    /// Who reports, when it is an organisation or a machine.
    pub reporter: Secret,
    /// The original bytes of a machine's report, as text.
    pub original: Secret,
}

/// A report that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub category: Category,
    /// Whether somebody is said to be in danger now.
    pub danger: bool,
    /// The language of the reporter, two letters.
    pub language: String,
    /// The host names it is about.
    pub hosts: BTreeSet<Hostname>,
    /// When it happened, if told.
    pub happened_at: Option<Timestamp>,
    /// The sender's own id of it, if it has one: repeated reports are known by it. A hotline's reference, too.
    pub reference: Option<String>,
    /// Whether the reporter allows that authorities get their words and name.
    pub may_forward: bool,
    /// Whether the reporter wants a mail when there is an answer.
    pub wants_mail: bool,
    /// What belongs into the vault.
    pub text: VaultText,
}

/// The vault's fields as they are sealed; borrowed on the way in, owned on the way out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<T> {
    words: T,
    urls: Vec<T>,
    at_risk: T,
    contact: T,
    reporter: T,
    original: T,
}

impl VaultText {
    /// The bytes to seal.
    pub fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        let plain = Plain {
            words: self.words.expose(),
            urls: self.urls.iter().map(Secret::expose).collect(),
            at_risk: self.at_risk.expose(),
            contact: self.contact.expose(),
            reporter: self.reporter.expose(),
            original: self.original.expose(),
        };
        // Strings always have a JSON form.
        Zeroizing::new(serde_json::to_vec(&plain).unwrap_or_default())
    }

    /// Reads what was sealed; `None` when it is not that.
    pub fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let plain: Plain<String> = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            words: Secret::new(plain.words),
            urls: plain.urls.into_iter().map(Secret::new).collect(),
            at_risk: Secret::new(plain.at_risk),
            contact: Secret::new(plain.contact),
            reporter: Secret::new(plain.reporter),
            original: Secret::new(plain.original),
        })
    }
}

impl Submission {
    /// An empty one to be filled by a reader.
    pub(crate) fn of(channel: Channel, category: Category) -> Self {
        Self {
            channel,
            category,
            danger: false,
            language: "en".to_owned(),
            hosts: BTreeSet::new(),
            happened_at: None,
            reference: None,
            may_forward: false,
            wants_mail: false,
            text: VaultText::default(),
        }
    }

    /// Notes an address: its host steers the work, its text goes into the vault. What is no address stays as text.
    pub(crate) fn add_url(&mut self, field: &'static str, text: &str) -> Result<(), IntakeError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        if self.text.urls.len() >= URLS_MAX {
            return Err(IntakeError::TooLarge { what: field, max: URLS_MAX });
        }
        let text = bounded(field, text, URL_BYTES_MAX)?;
        if let Some(url) = ReportedUrl::parse(text) {
            self.hosts.insert(url.host().clone());
        }
        self.text.urls.push(Secret::new(text));
        Ok(())
    }

    /// The addresses in their canonical form; those that are none are left out.
    pub fn canonical_urls(&self) -> Vec<ReportedUrl> {
        self.text.urls.iter().filter_map(|url| ReportedUrl::parse(url.expose())).collect()
    }

    /// The reporter's words in their canonical form.
    pub fn canonical_words(&self) -> Secret {
        Secret::new(canonical::text(self.text.words.expose()))
    }

    /// Takes out what must never be kept of this category: of child abuse only a reference and the host stay.
    pub(crate) fn lawful(mut self) -> Self {
        if self.category == Category::ChildAbuse {
            let VaultText { contact, reporter, .. } = self.text;
            self.text = VaultText { contact, reporter, ..VaultText::default() };
        }
        self
    }
}

/// A text within its bound.
pub(crate) fn bounded<'a>(field: &'static str, text: &'a str, max: usize) -> Result<&'a str, IntakeError> {
    if text.len() > max { Err(IntakeError::TooLarge { what: field, max }) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_whole() {
        let text = VaultText {
            words: Secret::new("they will come tonight \u{1F6A8}\n\"soon\""),
            urls: vec![Secret::new("http://a.test/1"), Secret::new("not an address")],
            at_risk: Secret::new("my sister"),
            contact: Secret::new("me@a.test"),
            reporter: Secret::new(""),
            original: Secret::new("{}"),
        };
        assert_eq!(VaultText::from_plaintext(&text.to_plaintext()), Some(text));
        assert_eq!(VaultText::from_plaintext(b"{\"words\":1}"), None);
    }

    #[test]
    fn of_child_abuse_nothing_but_reference_host_and_contact_is_kept() {
        let mut sent = Submission::of(Channel::Xarf, Category::ChildAbuse);
        sent.add_url("url", "https://a.test/x").expect("url");
        sent.text.words = Secret::new("words");
        sent.text.original = Secret::new("bytes");
        sent.text.contact = Secret::new("hotline@b.test");
        let kept = sent.lawful();
        assert_eq!(kept.hosts.len(), 1);
        assert!(kept.text.urls.is_empty() && kept.text.words.is_blank() && kept.text.original.is_blank());
        assert_eq!(kept.text.contact.expose(), "hotline@b.test");
    }
}
