//! A letter: to whom, in one line about what, and what it says.

use crate::MailAddress;
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, Hasher};

/// Longest subject, in characters.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest address to unsubscribe at, in bytes.
const URL_BYTES_MAX: usize = 1_000;

/// A letter in plain text. It has no attachments, no markup and nothing that tells when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Draft", into = "Draft")]
pub struct Letter {
    to: MailAddress,
    subject: String,
    body: String,
    unsubscribe: Option<String>,
}

/// A letter as it is written down, before it is checked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    to: MailAddress,
    subject: String,
    body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unsubscribe: Option<String>,
}

/// Why a text is no letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LetterError {
    /// The subject is empty, too long or not one visible line.
    #[error("a subject is one line of 1 to {SUBJECT_CHARS_MAX} visible characters")]
    Subject,
    /// The body is empty, too long or holds control characters.
    #[error("a letter has 1 to {BODY_BYTES_MAX} bytes of text, and no control characters but line feeds")]
    Body,
    /// The address to unsubscribe at is none.
    #[error(
        "an address to unsubscribe at begins with https:// or http:// and has no blanks or angle brackets"
    )]
    Unsubscribe,
}

impl Letter {
    /// A letter.
    pub fn new(
        to: MailAddress,
        subject: impl Into<String>,
        body: impl Into<String>,
    ) -> Result<Self, LetterError> {
        Draft { to, subject: subject.into(), body: body.into(), unsubscribe: None }.try_into()
    }

    /// The same with an address that ends a subscription when it is posted to, without any question asked
    /// (RFC 8058).
    pub fn with_unsubscribe(self, url: impl Into<String>) -> Result<Self, LetterError> {
        Draft { unsubscribe: Some(url.into()), ..self.into() }.try_into()
    }

    /// To whom it goes.
    pub fn to(&self) -> &MailAddress {
        &self.to
    }

    /// About what it is.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it says.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Where to unsubscribe.
    pub fn unsubscribe(&self) -> Option<&str> {
        self.unsubscribe.as_deref()
    }

    /// The digest of what it says, to compare letters by once the words are gone.
    pub fn digest(&self) -> Digest {
        Hasher::domain("wardmote-letter")
            .part(self.to.as_str().as_bytes())
            .part(&[0])
            .part(self.subject.as_bytes())
            .part(&[0])
            .part(self.body.as_bytes())
            .finish()
    }
}

impl From<Letter> for Draft {
    fn from(Letter { to, subject, body, unsubscribe }: Letter) -> Self {
        Self { to, subject, body, unsubscribe }
    }
}

impl TryFrom<Draft> for Letter {
    type Error = LetterError;

    fn try_from(Draft { to, subject, body, unsubscribe }: Draft) -> Result<Self, LetterError> {
        let length = subject.chars().count();
        let blank = subject.trim().is_empty();
        if blank || length > SUBJECT_CHARS_MAX || subject.chars().any(char::is_control) {
            return Err(LetterError::Subject);
        }
        let strange = |letter: char| letter.is_control() && letter != '\n';
        if body.trim().is_empty() || body.len() > BODY_BYTES_MAX || body.chars().any(strange) {
            return Err(LetterError::Body);
        }
        if unsubscribe.as_deref().is_some_and(|url| !is_address(url)) {
            return Err(LetterError::Unsubscribe);
        }
        Ok(Self { to, subject, body, unsubscribe })
    }
}

fn is_address(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b',' | b'"'));
    web && plain && url.len() <= URL_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to() -> MailAddress {
        "desk@example.org".parse().expect("an address")
    }

    #[test]
    fn a_subject_cannot_add_a_field_to_the_message() {
        for subject in ["", "  ", "a\r\nBcc: other@example.org", "a\nb", "a\u{0}b"] {
            assert_eq!(Letter::new(to(), subject, "text"), Err(LetterError::Subject), "{subject:?}");
        }
        assert!(Letter::new(to(), "x".repeat(SUBJECT_CHARS_MAX + 1), "text").is_err());
        assert!(Letter::new(to(), "Größe", "text").is_ok());
    }

    #[test]
    fn a_body_is_bounded_plain_text() {
        for body in ["", " \n", "a\rb", "a\u{1b}[31m"] {
            assert_eq!(Letter::new(to(), "s", body), Err(LetterError::Body), "{body:?}");
        }
        assert!(Letter::new(to(), "s", "x".repeat(BODY_BYTES_MAX + 1)).is_err());
        assert!(Letter::new(to(), "s", "one\n\ntwo\n").is_ok());
    }

    #[test]
    fn what_was_written_down_is_checked_when_it_is_read() {
        let letter =
            Letter::new(to(), "s", "text").and_then(|one| one.with_unsubscribe("https://a.test/u/1"));
        let letter = letter.expect("a letter");
        let json = serde_json::to_string(&letter).expect("json");
        assert_eq!(serde_json::from_str::<Letter>(&json).expect("read"), letter);
        let forged = json.replace("\"s\"", "\"s\\r\\nBcc: x@y.test\"");
        assert!(serde_json::from_str::<Letter>(&forged).is_err());
        for url in ["ftp://a.test", "https://a.test/<b>", "https://a.test/ b", "https://a.test/\r\nX: y"] {
            let refused = letter.clone().with_unsubscribe(url);
            assert_eq!(refused, Err(LetterError::Unsubscribe), "{url}");
        }
    }
}
