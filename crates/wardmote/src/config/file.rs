//! Reading `wardmote.toml` with the line of everything said in it.

use super::keys::{Form, KEYS, Key, Value};
use super::{Draft, Place, unknown};
use std::ops::Range;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Longest file read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Reads the file into the draft; what is wrong becomes mistakes there.
pub(super) fn read(path: &Path, draft: &mut Draft) {
    let text = match content(path) {
        Ok(text) => text,
        Err(message) => return draft.complain(Place::File(path.to_path_buf()), message),
    };
    let reader = Reader { path, text: &text };
    match DeTable::parse(&text) {
        Ok(table) => reader.root(table.get_ref(), draft),
        Err(error) => {
            let place = error.span().map_or(Place::File(path.to_path_buf()), |span| reader.place(&span));
            draft.complain(place, error.message().trim_end());
        }
    }
}

fn content(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("cannot read it: {error}"))?.len();
    if length > BYTES_MAX {
        return Err(format!("{length} bytes is too long for a configuration; at most {BYTES_MAX} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot read it: {error}"))
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        Place::Line { file: self.path.to_path_buf(), line: before.matches('\n').count() + 1 }
    }

    fn root(&self, table: &DeTable<'_>, draft: &mut Draft) {
        for (name, value) in table {
            let section = name.get_ref();
            match value.get_ref() {
                DeValue::Table(inner) if is_section(section) => {
                    for (key, value) in inner {
                        let full = format!("{section}.{}", key.get_ref());
                        self.entry(&full, &key.span(), value.get_ref(), draft);
                    }
                }
                DeValue::Table(_) => {
                    let message = unknown("section", section, &sections());
                    draft.complain(self.place(&name.span()), message);
                }
                other => self.entry(section, &name.span(), other, draft),
            }
        }
    }

    fn entry(&self, full: &str, span: &Range<usize>, value: &DeValue<'_>, draft: &mut Draft) {
        let place = self.place(span);
        let Some(key) = KEYS.iter().find(|key| key.name == full) else {
            return draft.complain(place, unknown_key(full));
        };
        match in_form(key.form, value) {
            Some(value) => draft.set(key, value, place),
            None => draft.complain(place, format!("{} must be {}", key.name, key.form.example())),
        }
    }
}

fn sections() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        KEYS.iter().filter_map(|key| key.name.split_once('.')).map(|(section, _)| section).collect();
    names.dedup();
    names
}

fn is_section(name: &str) -> bool {
    sections().contains(&name)
}

/// A key that stands in the wrong section is more likely than a slip in its letters.
fn unknown_key(full: &str) -> String {
    let (section, last) = full.rsplit_once('.').unwrap_or(("", full));
    let elsewhere = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(last));
    if let Some(key) = elsewhere {
        return format!("unknown key {full}; did you mean {}?", key.name);
    }
    let inside: Vec<&str> = KEYS
        .iter()
        .map(|key| key.name)
        .filter(|name| name.rsplit_once('.').map_or("", |(section, _)| section) == section)
        .collect();
    let near = control::sites_toml::nearest(full, &inside);
    let all: Vec<&str> = KEYS.iter().map(|key: &Key| key.name).collect();
    match near {
        Some(near) => format!("unknown key {full}; did you mean {near}?"),
        None => unknown("key", full, &all),
    }
}

fn in_form(form: Form, value: &DeValue<'_>) -> Option<Value> {
    match (form, value) {
        (Form::Text | Form::Size, DeValue::String(text)) => Some(Value::Text(text.to_string())),
        (Form::Count | Form::Size, DeValue::Integer(number)) => {
            let digits = number.as_str().replace('_', "");
            (number.radix() == 10).then_some(Value::Text(digits))
        }
        (Form::Switch, DeValue::Boolean(on)) => Some(Value::Text(on.to_string())),
        (Form::List, DeValue::Array(parts)) => {
            let texts = parts.iter().map(|part| part.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}
