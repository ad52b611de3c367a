//! Reading a TOML table field by field, with every mistake placed in the text.

use super::{HostsSeen, MISTAKES_MAX, Mistake, SITES_MAX, SitesError, nearest};
use snapshot::OperatorShield;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use vocabulary::SitePattern;

/// A place in the text, in bytes.
pub(super) type Place = Range<usize>;

/// The mistakes found so far, and what has been seen once already.
pub(super) struct Complaints<'t> {
    text: &'t str,
    /// Whose lists rules may name.
    operator: &'t OperatorShield,
    found: Vec<(Place, String)>,
    hosts: HostsSeen,
    accounts: BTreeSet<String>,
    sites: usize,
}

impl<'t> Complaints<'t> {
    pub(super) fn new(text: &'t str, operator: &'t OperatorShield) -> Self {
        Self {
            text,
            operator,
            found: Vec::new(),
            hosts: HostsSeen::new(),
            accounts: BTreeSet::new(),
            sites: 0,
        }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn operator(&self) -> &'t OperatorShield {
        self.operator
    }

    /// How many mistakes were found so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    pub(super) fn add(&mut self, place: Place, message: String) {
        self.found.push((place, message));
    }

    pub(super) fn first_use_of_account(&mut self, name: &str) -> bool {
        self.accounts.insert(name.to_owned())
    }

    /// Counts a site; false when there are more than one file may hold.
    pub(super) fn site_fits(&mut self) -> bool {
        self.sites += 1;
        self.sites <= SITES_MAX
    }

    /// Notes a host; the line of its first use when it was used before.
    pub(super) fn host_line_before(&mut self, host: &SitePattern, place: &Place) -> Option<usize> {
        match self.hosts.get(host) {
            Some(first) => Some(line_and_column(self.text, *first).0),
            None => {
                self.hosts.insert(host.clone(), place.start);
                None
            }
        }
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, SitesError> {
        if self.found.is_empty() { Ok(value) } else { Err(self.into_error()) }
    }

    pub(super) fn into_error(mut self) -> SitesError {
        self.found.sort_by_key(|(place, _)| place.start);
        let mistakes = self.found.into_iter().take(MISTAKES_MAX).map(|(place, message)| {
            let (line, column) = line_and_column(self.text, place.start);
            Mistake { line, column, message }
        });
        SitesError { mistakes: mistakes.collect() }
    }
}

/// Both counted from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}

/// One table's fields; making it complains about every unknown key.
pub(super) struct Fields<'a, 'i, 'c, 't> {
    table: &'a DeTable<'i>,
    span: Place,
    /// Keys that an unknown one was taken for: nobody is told as well that they are missing.
    misspelt: Vec<String>,
    complaints: &'c mut Complaints<'t>,
}

impl<'a, 'i, 'c, 't> Fields<'a, 'i, 'c, 't> {
    pub(super) fn new(
        table: &'a DeTable<'i>,
        span: Place,
        known: &[&str],
        complaints: &'c mut Complaints<'t>,
    ) -> Self {
        let mut misspelt = Vec::new();
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&&**key.get_ref())) {
            let near = nearest(key.get_ref(), known);
            let hint = match near {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known keys here: {}", known.join(", ")),
            };
            misspelt.extend(near.map(str::to_owned));
            complaints.add(key.span(), format!("unknown key {:?}; {hint}", short(key.get_ref())));
        }
        Self { table, span, misspelt, complaints }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// The tables under `[[key]]`; none when the key is absent.
    pub(super) fn tables(&mut self, key: &str) -> Vec<(&'a DeTable<'i>, Place)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.complaints.add(value.span(), format!("{key} is written [[…{key}]], in double brackets"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span())),
                _ => {
                    self.complaints.add(item.span(), format!("{key} is a list of tables, written [[…{key}]]"))
                }
            }
        }
        tables
    }

    /// The table under `key`; `sample` says how it is written.
    pub(super) fn table(&mut self, key: &str, sample: &str) -> Option<(&'a DeTable<'i>, Place)> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some((table, value.span())),
            _ => {
                self.complaints.add(value.span(), format!("{key:?} is a table, written {sample}"));
                None
            }
        }
    }

    pub(super) fn truth(&mut self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => {
                self.complaints.add(value.span(), format!("{key:?} is true or false"));
                None
            }
        }
    }

    pub(super) fn number(&mut self, key: &str) -> Option<(i64, Place)> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.complaints.add(value.span(), format!("{key:?} is a whole number"));
        }
        number.map(|number| (number, value.span()))
    }

    pub(super) fn required_text(&mut self, key: &str) -> Option<(String, Place)> {
        self.complain_if_missing(key, "");
        self.text(key)
    }

    /// `hint` follows the word "missing".
    pub(super) fn complain_if_missing(&mut self, key: &str, hint: &str) {
        if self.get(key).is_none() && !self.misspelt.iter().any(|near| near == key) {
            self.complaints.add(self.span.clone(), format!("{key:?} is missing{hint}"));
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<(String, Place)> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => {
                self.complaints.add(value.span(), format!("{key:?} is a text in quotation marks"));
                None
            }
        }
    }

    /// A list of texts; `None` when absent or no list.
    pub(super) fn texts(&mut self, key: &str) -> Option<(Vec<(String, Place)>, Place)> {
        let value = self.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.complaints.add(value.span(), format!("{key:?} is a list of texts: [\"…\", \"…\"]"));
            return None;
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.to_string(), item.span())),
                _ => self.complaints.add(item.span(), format!("{key:?} is a list of texts: [\"…\", \"…\"]")),
            }
        }
        Some((texts, value.span()))
    }

    pub(super) fn complain(&mut self, place: Place, message: String) {
        self.complaints.add(place, message);
    }

    pub(super) fn complaints(&mut self) -> &mut Complaints<'t> {
        self.complaints
    }
}

/// A word of a file as an error may repeat it.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
