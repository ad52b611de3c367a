//! The web form for people, `application/x-www-form-urlencoded` (WHATWG URL §5.1), and the same fields as JSON.

use crate::canonical::ReportedUrl;
use crate::submission::bounded;
use crate::{Category, Channel, IntakeError, Secret, Submission, TEXT_BYTES_MAX};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Largest form, in bytes: every field at its bound, each byte escaped.
pub const FORM_BYTES_MAX: usize = 128 << 10;
/// Most fields.
const FIELDS_MAX: usize = 30;
/// Longest contact or name, in bytes.
const LINE_BYTES_MAX: usize = 400;

/// What a person filled in, field by field; blank fields are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// `category`, by its name.
    pub category: String,
    /// `danger`: `yes` or anything else.
    pub danger: bool,
    /// `where`: addresses, one per line.
    pub places: Secret,
    /// `what`: the reporter's words.
    pub what: Secret,
    /// `who`: who is at risk.
    pub who: Secret,
    /// `contact`: a mail address, if a mail is wanted.
    pub contact: Secret,
    /// `forward`: whether authorities may get words and name.
    pub forward: bool,
    /// `token`: what the form was given out with.
    pub token: String,
    /// `lang`: the language of the page.
    pub language: String,
}

/// The pairs of an urlencoded body, decoded.
pub fn pairs(body: &[u8]) -> Result<Vec<(String, Zeroizing<String>)>, IntakeError> {
    if body.len() > FORM_BYTES_MAX {
        return Err(IntakeError::TooLarge { what: "the form, in bytes", max: FORM_BYTES_MAX });
    }
    let mut pairs = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= FIELDS_MAX {
            return Err(IntakeError::TooLarge { what: "the number of fields", max: FIELDS_MAX });
        }
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(equals);
        pairs.push((decoded(name), Zeroizing::new(decoded(value.get(1..).unwrap_or_default()))));
    }
    Ok(pairs)
}

fn decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        let digits = text.get(place + 1..place + 3).and_then(|two| std::str::from_utf8(two).ok());
        let code = digits
            .filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                place += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        place += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Form {
    /// Reads the body of the form; fields that it does not have are left aside, as browsers' helpers add some.
    pub fn parse(body: &[u8]) -> Result<Self, IntakeError> {
        let mut form = Self::default();
        for (name, value) in pairs(body)? {
            let secret = || Secret::new(value.as_str());
            match name.as_str() {
                "category" => form.category = value.chars().take(40).collect(),
                "danger" => form.danger = value.as_str() == "yes",
                "where" => form.places = secret(),
                "what" => form.what = secret(),
                "who" => form.who = secret(),
                "contact" => form.contact = secret(),
                "forward" => form.forward = value.as_str() == "yes",
                "token" => form.token = value.chars().take(400).collect(),
                "lang" => form.language = value.chars().take(8).collect(),
                _ => {}
            }
        }
        Ok(form)
    }

    /// The report that the form is, if it says where and what.
    pub fn submission(&self) -> Result<Submission, IntakeError> {
        let category = Category::named(&self.category).unwrap_or(if self.danger {
            Category::Threat
        } else {
            Category::Other
        });
        let mut read = Submission::of(Channel::Form, category);
        read.danger = self.danger;
        read.language = language(&self.language);
        read.may_forward = self.forward;
        for line in bounded("where", self.places.expose(), TEXT_BYTES_MAX)?.lines() {
            add_place(&mut read, line)?;
        }
        if read.text.urls.is_empty() {
            return Err(IntakeError::Missing { field: "where" });
        }
        let what = bounded("what", self.what.expose(), TEXT_BYTES_MAX)?;
        if what.trim().is_empty() && category != Category::ChildAbuse {
            return Err(IntakeError::Missing { field: "what" });
        }
        read.text.words = Secret::new(what.trim());
        read.text.at_risk = Secret::new(bounded("who", self.who.expose(), LINE_BYTES_MAX)?.trim());
        read.text.contact = Secret::new(bounded("contact", self.contact.expose(), LINE_BYTES_MAX)?.trim());
        read.wants_mail = read.text.contact.expose().contains('@');
        Ok(read.lawful())
    }
}

/// A line of the field for places: one address, or several in a sentence.
fn add_place(read: &mut Submission, line: &str) -> Result<(), IntakeError> {
    if ReportedUrl::parse(line).is_some() {
        return read.add_url("where", line);
    }
    let mut found = false;
    for word in line.split_whitespace().filter(|word| ReportedUrl::parse(word).is_some()) {
        read.add_url("where", word)?;
        found = true;
    }
    if found { Ok(()) } else { read.add_url("where", line) }
}

fn language(text: &str) -> String {
    let two: String = text.chars().take(2).filter(char::is_ascii_lowercase).collect();
    if two.len() == 2 { two } else { "en".to_owned() }
}

/// The same as JSON, for programs that speak for people. Unknown members are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    category: String,
    #[serde(default)]
    danger: bool,
    urls: Vec<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    at_risk: String,
    #[serde(default)]
    contact: String,
    #[serde(default)]
    may_forward: bool,
    #[serde(default)]
    language: String,
}

/// Reads a report as plain JSON.
pub fn from_json(bytes: &[u8]) -> Result<Submission, IntakeError> {
    let json: Json = serde_json::from_slice(bytes).map_err(|error| IntakeError::Malformed {
        format: "a report in JSON",
        // The reader's own words may repeat what was sent.
        why: format!("line {}, column {}", error.line(), error.column()),
    })?;
    if Category::named(&json.category).is_none() {
        return Err(IntakeError::mistaken("category", "is not one of the nine"));
    }
    if json.urls.iter().any(|url| url.contains('\n')) {
        return Err(IntakeError::mistaken("urls", "has a line feed"));
    }
    let form = Form {
        category: json.category,
        danger: json.danger,
        places: Secret::new(json.urls.join("\n")),
        what: Secret::new(json.text),
        who: Secret::new(json.at_risk),
        contact: Secret::new(json.contact),
        forward: json.may_forward,
        token: String::new(),
        language: json.language,
    };
    Ok(Submission { channel: Channel::Json, ..form.submission()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    #[test]
    fn a_form_in_danger_is_read_with_two_fields() {
        let form = Form::parse(
            b"danger=yes&where=https%3A%2F%2Fboard.test%2F1%0D%0Asee+board.test/2+too&what=they+come%21&x=y",
        )
        .expect("form");
        let read = form.submission().expect("report");
        assert_eq!((read.category, read.danger), (Category::Threat, true));
        assert_eq!(read.text.urls.len(), 2);
        assert_eq!(read.text.words.expose(), "they come!");
        assert_eq!(read.hosts.len(), 1);
        assert!(!read.wants_mail && !read.may_forward, "nobody is told anything unless it was asked for");
    }

    #[test]
    fn what_is_missing_is_named() {
        for (body, field) in [("what=x", "where"), ("where=a.test", "what"), ("", "where")] {
            let refused = Form::parse(body.as_bytes()).expect("form").submission().expect_err(body);
            assert_eq!(refused, IntakeError::Missing { field }, "{body}");
        }
        let long = format!("where=a.test&what={}", "x".repeat(TEXT_BYTES_MAX + 1));
        assert_eq!(
            Form::parse(long.as_bytes()).expect("form").submission().expect_err("long").name(),
            "report-too-large"
        );
        let huge = vec![b'x'; FORM_BYTES_MAX + 1];
        assert_eq!(Form::parse(&huge).expect_err("huge").name(), "report-too-large");
        assert_eq!(Form::parse("a=b&".repeat(31).as_bytes()).expect_err("many").name(), "report-too-large");
    }

    #[test]
    fn a_place_that_is_no_address_is_kept_as_it_is() {
        let form = Form::parse(b"where=the+second+post+on+their+front+page&what=x").expect("form");
        let read = form.submission().expect("report");
        assert!(read.hosts.is_empty());
        assert_eq!(read.text.urls[0].expose(), "the second post on their front page");
    }

    #[test]
    fn json_says_the_same_and_refuses_what_it_does_not_know() {
        let read = from_json(br#"{"category":"threat","urls":["https://board.test/1"],"text":"they come","contact":"a@b.test"}"#);
        let read = read.expect("report");
        assert_eq!((read.channel, read.category, read.wants_mail), (Channel::Json, Category::Threat, true));
        for text in [
            "{}",
            "[]",
            r#"{"category":"gossip","urls":["a.test"]}"#,
            r#"{"category":"other","urls":["a.test"],"organisation":"x"}"#,
            r#"{"category":"other","urls":["a.test\nb.test"],"text":"x"}"#,
            r#"{"category":"other","urls":[],"text":"x"}"#,
        ] {
            let refused = from_json(text.as_bytes()).expect_err(text);
            assert!(!refused.to_string().contains("gossip"));
        }
    }

    /// `fuzz/fuzz_targets/report_form.rs` drives the same entry points with coverage.
    #[test]
    fn no_mutation_of_a_form_panics() {
        let random = SeededRandom::new(8);
        for _ in 0..3_000 {
            let length = random.below(200) as usize;
            let bytes: Vec<u8> =
                (0..length).map(|_| b"where=what&%+a.test/:0\xff\n"[random.below(23) as usize]).collect();
            let _ = Form::parse(&bytes).and_then(|form| form.submission());
            let _ = from_json(&bytes);
        }
    }
}
