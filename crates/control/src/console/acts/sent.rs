//! A form that was sent, and the bodies of the API that are made of it.
//!
//! Read from `application/x-www-form-urlencoded` or, where a file comes along, `multipart/form-data` (RFC 7578). What
//! is made of it goes through the types of the API, so that a form can ask for nothing that the API would refuse.

use crate::rim::body::{self, Json};
use crate::rim::{Problem, Reason};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use reports::mime;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded;

/// Largest form without a file, in bytes.
const FORM_BYTES_MAX: usize = 256 << 10;
/// Largest form with a file: the largest evidence, and room for the other fields.
const FILE_FORM_BYTES_MAX: usize = records::bounds::EVIDENCE_BYTES_MAX + (64 << 10);

/// A file that came with a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentFile {
    /// Its media type, as the browser says.
    pub(super) media_type: String,
    /// What is in it.
    pub(super) bytes: Vec<u8>,
}

/// A form that was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pairs: Vec<(String, String)>,
    file: Option<SentFile>,
}

impl Sent {
    /// Reads the body of a request, to a bound.
    pub(super) async fn read(fields: &HeaderMap, body: Body) -> Result<Self, Problem> {
        if body::media_type(fields) != "multipart/form-data" {
            let bytes = body::whole(body, FORM_BYTES_MAX).await?;
            let pairs = form_urlencoded::parse(&bytes).map(|(name, value)| (name.into(), value.into()));
            return Ok(Self { pairs: pairs.collect(), file: None });
        }
        let bytes = body::whole(body, FILE_FORM_BYTES_MAX).await?;
        let kind = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self::of_parts(kind, &bytes)
    }

    fn of_parts(content_type: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let whole = [b"Content-Type: ", content_type.as_bytes(), b"\r\n\r\n", bytes].concat();
        let malformed = |error: reports::IntakeError| Problem::new(Reason::Malformed).detail(error);
        let mut sent = Self::default();
        for part in &mime::parse(&whole).map_err(malformed)?.parts {
            let disposition = part.field("content-disposition").unwrap_or_default();
            let Some(name) = mime::parameter(disposition, "name") else { continue };
            if mime::parameter(disposition, "filename").is_none() {
                sent.pairs.push((name, String::from_utf8_lossy(part.raw()).into_owned()));
            } else if !part.raw().is_empty() {
                sent.file =
                    Some(SentFile { media_type: part.media_type.clone(), bytes: part.raw().to_vec() });
            }
        }
        Ok(sent)
    }

    /// A field's value without the white space around it; empty where it is missing.
    pub(super) fn one(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// All values of a field.
    pub(super) fn many(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a box is ticked.
    pub(super) fn ticked(&self, name: &str) -> bool {
        !self.many(name).is_empty()
    }

    /// A field's value for JSON; nothing where it is empty.
    pub(super) fn value(&self, name: &str) -> Value {
        match self.one(name) {
            "" => Value::Null,
            text => json!(text),
        }
    }

    /// The lines of a field that say something.
    pub(super) fn lines(&self, name: &str) -> Vec<&str> {
        self.one(name).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// What stands in a field, separated by commas or white space.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let parts = self.one(name).split([',', ' ', '\t', '\r', '\n']);
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// A span of time from a number and its unit, in seconds.
    pub(super) fn span_seconds(&self, name: &str) -> Result<u64, Problem> {
        let unit = match self.one(&format!("{name}_unit")) {
            "seconds" => 1,
            "minutes" => 60,
            "days" => 86_400,
            _ => 3_600,
        };
        let number: u64 = self.one(name).parse().map_err(|_| {
            Problem::new(Reason::Malformed).detail("how long it shall run is a whole number and its unit")
        })?;
        number.checked_mul(unit).ok_or_else(|| Problem::new(Reason::Malformed).detail("that is too long"))
    }

    /// The file that came along.
    pub(super) fn take_file(&mut self) -> Option<SentFile> {
        self.file.take()
    }

    /// The token against forged requests.
    pub(super) fn csrf(&self) -> &str {
        self.one("csrf")
    }
}

/// A body of the API, as if it had come as JSON.
pub(super) fn asked<T: DeserializeOwned>(value: Value) -> Result<Json<T>, Problem> {
    serde_json::from_value(value).map(Json).map_err(|error| Problem::new(Reason::Malformed).detail(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_with_a_file_is_read_like_one_without() {
        let body = "--X\r\nContent-Disposition: form-data; name=\"by\"\r\n\r\nintake-1\r\n--X\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
                    one\r\n\r\ntwo\r\n--X--\r\n";
        let mut sent = Sent::of_parts("multipart/form-data; boundary=X", body.as_bytes()).expect("a form");
        assert_eq!((sent.one("by"), sent.one("none")), ("intake-1", ""));
        let file = sent.take_file().expect("a file");
        assert_eq!((file.media_type.as_str(), file.bytes.as_slice()), ("image/png", &b"one\r\n\r\ntwo"[..]));
        Sent::of_parts("multipart/form-data", b"--X").expect_err("no boundary");
    }

    #[test]
    fn a_span_is_a_number_and_its_unit() {
        let sent = |number: &str, unit: &str| Sent {
            pairs: vec![("lease".into(), number.into()), ("lease_unit".into(), unit.into())],
            file: None,
        };
        assert_eq!(sent("48", "hours").span_seconds("lease"), Ok(172_800));
        assert_eq!(sent(" 20 ", "seconds").span_seconds("lease"), Ok(20));
        for (number, unit) in
            [("", "hours"), ("-1", "hours"), ("1.5", "days"), ("18446744073709551615", "days")]
        {
            sent(number, unit).span_seconds("lease").expect_err(number);
        }
    }
}
