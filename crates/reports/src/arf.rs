//! Mails in the abuse reporting format (RFC 5965), and mails that carry a XARF document.
//!
//! `multipart/report; report-type=feedback-report` with three parts: a text for people, `message/feedback-report`
//! with fields for machines, and the message complained about, whole or its header alone (§2).

use crate::mime::{self, Field, Part};
use crate::submission::bounded;
use crate::xarf::{self, Strictness};
use crate::{Category, Channel, IntakeError, Secret, Submission, TEXT_BYTES_MAX};

/// Fields that stand once and must be there (§3.1).
const REQUIRED: [&str; 3] = ["feedback-type", "user-agent", "version"];
/// Fields that stand at most once (§3.2).
const ONCE: [&str; 7] = [
    "original-envelope-id",
    "original-mail-from",
    "arrival-date",
    "received-date",
    "reporting-mta",
    "source-ip",
    "incidents",
];

/// Reads a mail with a report: ARF, or XARF as an attachment.
pub fn parse(bytes: &[u8]) -> Result<Submission, IntakeError> {
    let message = mime::parse(bytes)?;
    let leaves = message.leaves();
    if let Some(report) = leaves.iter().find(|part| part.media_type == "message/feedback-report") {
        return feedback(&message, report, &leaves);
    }
    let json = leaves
        .iter()
        .find(|part| part.media_type == "application/json" || part.media_type == "application/xarf+json");
    if let Some(part) = json {
        return xarf::parse(&part.decoded()?, Strictness::Tolerant);
    }
    Err(malformed("it has neither a part message/feedback-report nor one application/json"))
}

fn malformed(why: &str) -> IntakeError {
    IntakeError::Malformed { format: "a mail in the abuse reporting format (RFC 5965)", why: why.to_owned() }
}

fn feedback(message: &Part<'_>, report: &Part<'_>, leaves: &[&Part<'_>]) -> Result<Submission, IntakeError> {
    let is_report = message.media_type == "multipart/report"
        && message.parameter("report-type").is_some_and(|kind| kind.eq_ignore_ascii_case("feedback-report"));
    if !is_report {
        return Err(malformed("the message is not multipart/report with report-type=feedback-report"));
    }
    let fields = mime::fields(report.decoded()?.as_slice())?;
    check_counts(&fields)?;
    if value(&fields, "version").is_none_or(|version| !version.starts_with('1') && version != "0.1") {
        return Err(IntakeError::mistaken("Version", "is not 1"));
    }
    let mut read =
        Submission::of(Channel::Arf, category(value(&fields, "feedback-type").unwrap_or_default()));
    for field in fields.iter().filter(|field| field.name == "reported-uri") {
        read.add_url("Reported-URI", &field.value)?;
    }
    for name in ["reported-domain", "source-ip"] {
        let hosts = fields.iter().filter(|field| field.name == name);
        for host in hosts.take(crate::URLS_MAX) {
            let known = field_host(&field_text(host));
            read.hosts.extend(known);
        }
    }
    if read.hosts.is_empty() && read.text.urls.is_empty() {
        return Err(malformed("it names no Reported-URI, Reported-Domain or Source-IP"));
    }
    let words =
        leaves.iter().find(|part| part.media_type == "text/plain").map(|part| part.text()).transpose()?;
    read.text.words = Secret::new(bounded(
        "the text for people, in bytes",
        words.as_deref().unwrap_or_default(),
        TEXT_BYTES_MAX,
    )?);
    read.text.contact = Secret::new(message.field("from").unwrap_or_default());
    read.text.reporter = Secret::new(value(&fields, "reporting-mta").unwrap_or_default());
    read.text.original = Secret::new(original(report, leaves));
    read.reference = message.field("message-id").map(|id| id.chars().take(200).collect());
    Ok(read.lawful())
}

fn field_text(field: &Field) -> String {
    field.value.split([' ', ';']).next().unwrap_or_default().to_owned()
}

fn field_host(text: &str) -> Option<vocabulary::Hostname> {
    vocabulary::Hostname::parse(text).ok().filter(|host| host.ip().is_some() || host.parent().is_some())
}

/// The fields for machines, and the header of the message complained about: never its body, which may hold anything.
fn original(report: &Part<'_>, leaves: &[&Part<'_>]) -> String {
    let mut text = String::from_utf8_lossy(report.raw()).into_owned();
    let complained = leaves.iter().find(|part| {
        matches!(
            part.media_type.as_str(),
            "message/rfc822" | "text/rfc822-headers" | "message/rfc822-headers"
        )
    });
    if let Some(part) = complained {
        let body = String::from_utf8_lossy(part.raw());
        let head = body.split("\r\n\r\n").next().unwrap_or_default();
        let head = head.split("\n\n").next().unwrap_or_default();
        text.push_str("\r\n");
        text.extend(head.chars().take(TEXT_BYTES_MAX));
    }
    text.chars().take(2 * TEXT_BYTES_MAX).collect()
}

fn value<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

fn check_counts(fields: &[Field]) -> Result<(), IntakeError> {
    let count = |name: &str| fields.iter().filter(|field| field.name == name).count();
    for name in REQUIRED {
        match count(name) {
            0 => return Err(IntakeError::Missing { field: name }),
            1 => {}
            _ => return Err(IntakeError::mistaken(name, "stands more than once")),
        }
    }
    match ONCE.into_iter().find(|name| count(name) > 1) {
        Some(name) => Err(IntakeError::mistaken(name, "stands more than once")),
        None => Ok(()),
    }
}

/// The registered types of feedback (§7.3, RFC 6430, RFC 6590 and the registry).
fn category(kind: &str) -> Category {
    match kind.trim().to_ascii_lowercase().as_str() {
        "abuse" | "opt-out" | "opt-out-list" => Category::Spam,
        "fraud" => Category::Phishing,
        "virus" => Category::Malware,
        _ => Category::Other,
    }
}

#[cfg(test)]
#[path = "arf_tests.rs"]
mod tests;
