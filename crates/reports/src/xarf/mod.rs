//! XARF v4: abuse reports as JSON (`xarf-core.json` and the schemas of its types).
//!
//! Strict takes what the schema allows and names the first field that it does not. Tolerant takes what the meaning
//! survives: an unknown type, a missing contact, a time in another spelling, the nested form of version 3. Neither
//! keeps evidence files: a report's evidence is grade D at most, and officers capture by themselves. An address
//! with the host is what an officer needs.

mod types;

use crate::submission::bounded;
use crate::{Category, Channel, IntakeError, Secret, Submission, TEXT_BYTES_MAX};
use serde_json::{Map, Value};
use vocabulary::{Hostname, Timestamp};

/// Largest document, in bytes: fifty files of evidence never get so far.
pub const DOCUMENT_BYTES_MAX: usize = 10 << 20;
/// Most files of evidence (the schema's `maxItems`).
const EVIDENCE_MAX: usize = 50;
/// Most tags.
const TAGS_MAX: usize = 20;

/// How closely a document has to follow the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// To the letter.
    Strict,
    /// As far as its meaning is clear.
    Tolerant,
}

/// Reads a document.
pub fn parse(bytes: &[u8], strictness: Strictness) -> Result<Submission, IntakeError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(IntakeError::TooLarge { what: "the document, in bytes", max: DOCUMENT_BYTES_MAX });
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| malformed(format!("no JSON at line {}, column {}", error.line(), error.column())))?;
    let Value::Object(document) = value else { return Err(malformed("it is no object".to_owned())) };
    let document = match strictness {
        Strictness::Strict => {
            check(&document)?;
            document
        }
        Strictness::Tolerant => version_3_unwrapped(document),
    };
    read(&document)
}

fn malformed(why: String) -> IntakeError {
    IntakeError::Malformed { format: "a XARF document", why }
}

fn text<'a>(document: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    document.get(field).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// What XARF v3 put under `Report` and `ReporterInfo`, with version 4's names.
fn version_3_unwrapped(document: Map<String, Value>) -> Map<String, Value> {
    let Some(report) = document.get("Report").and_then(Value::as_object) else { return document };
    let mut flat = Map::new();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            flat.insert(name.to_owned(), value.clone());
        }
    };
    put("type", report.get("ReportType"));
    put("category", report.get("ReportClass"));
    put("source_identifier", report.get("SourceIp").or_else(|| report.get("SourceUrl")));
    put("url", report.get("SourceUrl").or_else(|| report.get("Url")));
    put("timestamp", report.get("Date"));
    put("description", report.get("AdditionalInfo"));
    let info = document.get("ReporterInfo").and_then(Value::as_object);
    if let Some(info) = info {
        let mut reporter = Map::new();
        for (from, to) in
            [("ReporterOrg", "org"), ("ReporterOrgEmail", "contact"), ("ReporterOrgDomain", "domain")]
        {
            if let Some(value) = info.get(from) {
                reporter.insert(to.to_owned(), value.clone());
            }
        }
        flat.insert("reporter".to_owned(), Value::Object(reporter));
    }
    flat
}

fn read(document: &Map<String, Value>) -> Result<Submission, IntakeError> {
    let kind = text(document, "type").ok_or(IntakeError::Missing { field: "type" })?;
    let class = text(document, "category").unwrap_or_default();
    let mut read = Submission::of(Channel::Xarf, types::meaning(class, kind));
    for field in ["url", "infringing_url", "source_url"] {
        if let Some(url) = text(document, field) {
            read.add_url("url", url)?;
        }
    }
    for field in ["source_identifier", "domain"] {
        let host = text(document, field).and_then(|host| Hostname::parse(host).ok());
        read.hosts.extend(host);
    }
    if read.hosts.is_empty() {
        return Err(IntakeError::Missing { field: "source_identifier" });
    }
    read.happened_at = text(document, "timestamp").and_then(instant);
    read.reference = reference(document);
    let words =
        bounded("description, in bytes", text(document, "description").unwrap_or_default(), TEXT_BYTES_MAX)?;
    read.text.words = Secret::new(words);
    let contact = |party: &str, field: &str| {
        let party = document.get(party).and_then(Value::as_object);
        party.and_then(|party| text(party, field)).unwrap_or_default().chars().take(400).collect::<String>()
    };
    let reporter = contact("reporter", "contact");
    read.text.contact =
        Secret::new(if reporter.is_empty() { contact("sender", "contact") } else { reporter });
    read.text.reporter = Secret::new(contact("reporter", "org"));
    read.text.original = Secret::new(without_files(document)?);
    Ok(read.lawful())
}

/// The id by which the sender knows it; for child abuse the hotline's own.
fn reference(document: &Map<String, Value>) -> Option<String> {
    let id = text(document, "ncmec_report_id").or_else(|| text(document, "report_id"))?;
    Some(id.chars().filter(char::is_ascii_graphic).take(100).collect())
}

/// The document without the payloads of its evidence.
fn without_files(document: &Map<String, Value>) -> Result<String, IntakeError> {
    let mut kept = document.clone();
    kept.remove("_internal");
    if let Some(Value::Array(files)) = kept.get_mut("evidence") {
        for file in files.iter_mut().filter_map(Value::as_object_mut) {
            file.remove("payload");
        }
    }
    let text = Value::Object(kept).to_string();
    bounded("the document without its files, in bytes", &text, 10 * TEXT_BYTES_MAX).map(str::to_owned)
}

/// An instant as RFC 3339 spells it, in any zone.
fn instant(text: &str) -> Option<Timestamp> {
    types::rfc_3339(text)
}

/// The schema's own demands, in its order.
fn check(document: &Map<String, Value>) -> Result<(), IntakeError> {
    for field in types::REQUIRED {
        if !document.contains_key(*field) {
            return Err(IntakeError::Missing { field });
        }
    }
    let wrong = |field: &str, why| Err(IntakeError::mistaken(field, why));
    let version = text(document, "xarf_version").unwrap_or_default();
    let mut numbers = version.split('.');
    let digits = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    if numbers.next() != Some("4")
        || !digits(numbers.next())
        || !digits(numbers.next())
        || numbers.next().is_some()
    {
        return wrong("xarf_version", "is not 4.x.y");
    }
    if !text(document, "report_id").is_some_and(types::is_uuid) {
        return wrong("report_id", "is no UUID");
    }
    if text(document, "timestamp").and_then(instant).is_none() {
        return wrong("timestamp", "is no RFC 3339 time");
    }
    for party in ["reporter", "sender"] {
        check_party(document, party)?;
    }
    if text(document, "source_identifier").is_none() {
        return wrong("source_identifier", "is no text");
    }
    if document
        .get("source_port")
        .is_some_and(|port| !port.as_u64().is_some_and(|port| (1..=65_535).contains(&port)))
    {
        return wrong("source_port", "is no number from 1 to 65535");
    }
    check_type(document)?;
    check_lists(document)
}

fn check_party(document: &Map<String, Value>, party: &str) -> Result<(), IntakeError> {
    let wrong = |field: String, why| Err(IntakeError::mistaken(field, why));
    let Some(fields) = document.get(party).and_then(Value::as_object) else {
        return wrong(party.to_owned(), "is no object");
    };
    for field in ["org", "contact", "domain"] {
        if text(fields, field).is_none() {
            return wrong(format!("{party}.{field}"), "is missing");
        }
    }
    if fields.len() > 3 {
        return wrong(party.to_owned(), "has a field that the schema does not have");
    }
    let contact = text(fields, "contact").unwrap_or_default();
    let mailbox = contact
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && Hostname::parse(domain).is_ok());
    if !mailbox {
        return wrong(format!("{party}.contact"), "is no mail address");
    }
    if Hostname::parse(text(fields, "domain").unwrap_or_default()).is_err() {
        return wrong(format!("{party}.domain"), "is no host name");
    }
    if text(fields, "org").is_some_and(|org| org.chars().count() > 200) {
        return wrong(format!("{party}.org"), "is longer than 200 characters");
    }
    Ok(())
}

fn check_type(document: &Map<String, Value>) -> Result<(), IntakeError> {
    let class = text(document, "category").unwrap_or_default();
    if !types::CATEGORIES.contains(&class) {
        return Err(IntakeError::mistaken("category", "is not one of the schema's"));
    }
    let kind = text(document, "type").unwrap_or_default();
    let required = types::required(class, kind)
        .ok_or_else(|| IntakeError::mistaken("type", "is not one of this category's"))?;
    match required.iter().find(|field| !document.contains_key(**field)) {
        Some(field) => Err(IntakeError::Missing { field }),
        None => Ok(()),
    }
}

fn check_lists(document: &Map<String, Value>) -> Result<(), IntakeError> {
    let wrong = |field: &str, why| Err(IntakeError::mistaken(field, why));
    if let Some(evidence) = document.get("evidence") {
        let Some(files) = evidence.as_array() else { return wrong("evidence", "is no list") };
        if files.len() > EVIDENCE_MAX {
            return Err(IntakeError::TooLarge { what: "the number of files of evidence", max: EVIDENCE_MAX });
        }
        let whole = |file: &Value| {
            file.get("content_type").is_some_and(Value::is_string)
                && file.get("payload").is_some_and(Value::is_string)
        };
        if !files.iter().all(whole) {
            return wrong("evidence", "has a file without content_type or payload");
        }
    }
    if let Some(tags) = document.get("tags") {
        let Some(tags) = tags.as_array() else { return wrong("tags", "is no list") };
        if tags.len() > TAGS_MAX || !tags.iter().all(|tag| tag.as_str().is_some_and(types::is_tag)) {
            return wrong("tags", "has more than 20, or one that is not namespace:value");
        }
    }
    if document.get("confidence").is_some_and(|c| !c.as_f64().is_some_and(|c| (0.0..=1.0).contains(&c))) {
        return wrong("confidence", "is no number from 0 to 1");
    }
    if document.get("description").is_some_and(|d| d.as_str().is_none_or(|d| d.chars().count() > 1_000)) {
        return wrong("description", "is no text of at most 1,000 characters");
    }
    if document.contains_key("_internal") {
        return wrong("_internal", "is never sent to others");
    }
    Ok(())
}

/// What a document means for the work, told from its category and type.
pub fn meaning(class: &str, kind: &str) -> Category {
    types::meaning(class, kind)
}

#[cfg(test)]
mod tests;
