//! A browser without scripts: keeps cookies, follows links of a page, fills in forms as they stand there.
//!
//! A field that the page does not have cannot be filled in, and a link that it does not have cannot be followed.

use super::{Connection, Reply};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// One person's browser.
pub(crate) struct Browser {
    to: SocketAddr,
    cookies: BTreeMap<String, String>,
}

/// A page's form, with what stands in it.
#[derive(Debug)]
pub(crate) struct Form {
    action: String,
    is_multipart: bool,
    /// Every field by name with the value it has now; boxes that are not ticked have none.
    values: Vec<(String, String)>,
    /// Names of all fields, and the values to choose from where there is a choice.
    known: BTreeMap<String, Vec<String>>,
    /// What stands beside each box, and its value.
    boxes: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self { to, cookies: BTreeMap::new() }
    }

    /// A page.
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, &[], None)
    }

    fn ask(&mut self, method: &str, path: &str, more: &[(&str, &str)], body: Option<&[u8]>) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut fields = more.to_vec();
        if !cookies.is_empty() {
            fields.push(("Cookie", &cookies));
        }
        let reply = Connection::to(self.to).ask(method, &self.to.to_string(), path, &fields, body);
        for (name, value) in &reply.fields {
            let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
            if let (true, Some((name, value))) = (name.eq_ignore_ascii_case("set-cookie"), pair) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Sends a form with one of its buttons; the page that it leads to.
    pub(crate) fn press(&mut self, form: Form, step: &str) -> Reply {
        let mut values = form.values;
        values.push(("step".to_owned(), step.to_owned()));
        let (media_type, body) = if form.is_multipart { multipart(&values) } else { urlencoded(&values) };
        let reply = self.ask("POST", &form.action, &[("Content-Type", &media_type)], Some(&body));
        match (reply.status, reply.field("location")) {
            (303, Some(there)) => self.get(&there).status(200),
            _ => reply,
        }
    }
}

fn multipart(values: &[(String, String)]) -> (String, Vec<u8>) {
    let part = |(name, value): &(String, String)| {
        format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let empty = "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n\r\n--b0undary--\r\n";
    let body: String = values.iter().map(part).collect();
    ("multipart/form-data; boundary=b0undary".to_owned(), (body + empty).into_bytes())
}

fn urlencoded(values: &[(String, String)]) -> (String, Vec<u8>) {
    let escaped = |text: &str| -> String {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    };
    let pairs: Vec<String> =
        values.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    ("application/x-www-form-urlencoded".to_owned(), pairs.join("&").into_bytes())
}

/// The addresses that a page links to.
pub(crate) fn links(page: &str) -> Vec<String> {
    page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(plain).collect()
}

fn plain(text: &str) -> String {
    let pairs = [
        ("&#38;", "&"),
        ("&amp;", "&"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&lt;", "<"),
        ("&#62;", ">"),
        ("&gt;", ">"),
    ];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!(" {name}=\""))?.1;
    rest.split('"').next().map(plain)
}

impl Form {
    /// The page's form that posts.
    pub(crate) fn of(page: &str) -> Self {
        let start = page.find("method=\"post\"").unwrap_or_else(|| panic!("no form in {page}"));
        let start = page[..start].rfind("<form").expect("a form");
        let whole = &page[start..start + page[start..].find("</form>").expect("its end")];
        let head = whole.split('>').next().unwrap_or_default();
        let action = attribute(head, "action").expect("where it goes");
        let mut form = Self {
            action,
            is_multipart: head.contains("multipart/form-data"),
            values: Vec::new(),
            known: BTreeMap::new(),
            boxes: BTreeMap::new(),
        };
        for rest in whole.split('<').skip(1) {
            form.take(rest);
        }
        form
    }

    fn take(&mut self, rest: &str) {
        let (tag, text) = rest.split_once('>').unwrap_or((rest, ""));
        let (kind, name) = (tag.split(' ').next().unwrap_or_default(), attribute(tag, "name"));
        match (kind, name) {
            ("input", Some(name)) if tag.contains("type=\"checkbox\"") => {
                let value = attribute(tag, "value").unwrap_or_default();
                self.known.entry(name.clone()).or_default().push(value.clone());
                self.boxes.insert(plain(text), value.clone());
                if tag.contains(" checked") {
                    self.values.push((name, value));
                }
            }
            ("input", Some(_)) if tag.contains("type=\"file\"") => {}
            ("input", Some(name)) => {
                self.known.entry(name.clone()).or_default();
                self.values.push((name, attribute(tag, "value").unwrap_or_default()));
            }
            ("textarea", Some(name)) => {
                self.known.entry(name.clone()).or_default();
                self.values.push((name, plain(text)));
            }
            ("select", Some(name)) => {
                self.known.entry(name.clone()).or_default();
                self.values.push((name, String::new()));
            }
            ("option", _) => {
                let value = attribute(tag, "value").unwrap_or_else(|| plain(text));
                let (name, chosen) = self.values.last_mut().expect("an option stands in a choice");
                let choices = self.known.get_mut(name).expect("known");
                if choices.is_empty() || tag.contains(" selected") {
                    chosen.clone_from(&value);
                }
                choices.push(value);
            }
            _ => {}
        }
    }

    /// Fills a field in, or chooses among its values by a part of one.
    #[track_caller]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let choices =
            self.known.get(name).unwrap_or_else(|| panic!("no field {name}: {:?}", self.known.keys()));
        assert!(
            choices.is_empty() || choices.iter().any(|choice| choice == value),
            "{name}: {value} of {choices:?}"
        );
        self.values.retain(|(other, _)| other != name);
        self.values.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Ticks the box that these words stand beside; its value.
    #[track_caller]
    pub(crate) fn tick(mut self, name: &str, words: &str) -> (Self, String) {
        let value =
            self.boxes.get(words).unwrap_or_else(|| panic!("no box {words}: {:?}", self.boxes)).clone();
        self.values.push((name.to_owned(), value.clone()));
        (self, value)
    }

    /// The values to choose from.
    pub(crate) fn choices(&self, name: &str) -> &[String] {
        self.known.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of fields that begin like this.
    pub(crate) fn names(&self, begin: &str) -> Vec<String> {
        self.known.keys().filter(|name| name.starts_with(begin)).cloned().collect()
    }

    /// What stands in a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }
}
