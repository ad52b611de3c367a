//! Fields of forms, and what there is to choose from.

use super::scene::Scene;
use crate::pages::act::{Choice, Field, Input};
use casework::Finding;
use policy::Role;

/// One line, empty.
pub(super) fn line(name: &str, label: &str, hint: &'static str) -> Field {
    line_with(name, label, hint, String::new())
}

/// One line with something in it.
pub(super) fn line_with(name: &str, label: &str, hint: &'static str, text: String) -> Field {
    Field { name: name.to_owned(), label: label.to_owned(), hint, input: Input::Line(text) }
}

/// Several lines.
pub(super) fn words(name: &str, label: &str, hint: &'static str) -> Field {
    Field { name: name.to_owned(), label: label.to_owned(), hint, input: Input::Words(String::new()) }
}

/// One of these; the first stands chosen.
pub(super) fn choice<S: Into<String>, L: Into<String>>(
    name: &str,
    label: &str,
    hint: &'static str,
    options: impl IntoIterator<Item = (S, L)>,
) -> Field {
    let choices = options.into_iter().map(|(value, label)| pick(value, label)).collect();
    Field { name: name.to_owned(), label: label.to_owned(), hint, input: Input::Choice(choices) }
}

/// Any of these; none stands ticked.
pub(super) fn ticks<S: Into<String>, L: Into<String>>(
    name: &str,
    label: &str,
    hint: &'static str,
    options: impl IntoIterator<Item = (S, L)>,
) -> Field {
    let ticks = options.into_iter().map(|(value, label)| pick(value, label)).collect();
    Field { name: name.to_owned(), label: label.to_owned(), hint, input: Input::Ticks(ticks) }
}

/// A single box.
pub(super) fn tick(name: &str, label: &str, says: &str) -> Field {
    ticks(name, label, "", [("yes", says)])
}

/// A file.
pub(super) fn file(name: &str, label: &str, hint: &'static str) -> Field {
    Field { name: name.to_owned(), label: label.to_owned(), hint, input: Input::File }
}

fn pick(value: impl Into<String>, label: impl Into<String>) -> Choice {
    Choice { value: value.into(), label: label.into(), chosen: false }
}

/// Who acts: anybody on the roster.
pub(super) fn by(scene: &Scene) -> Field {
    by_of(scene, |_| true)
}

/// Who acts: somebody of these roles.
pub(super) fn by_of(scene: &Scene, may: impl Fn(Role) -> bool) -> Field {
    let mut field = officers(scene, "by", "You are", may);
    if let (Input::Choice(choices), Some(officer)) = (&mut field.input, &scene.officer) {
        for choice in choices {
            choice.chosen = choice.value == officer.as_str();
        }
    }
    field
}

/// Officers to choose from, each once however many keys it has.
pub(super) fn officers(scene: &Scene, name: &str, label: &str, may: impl Fn(Role) -> bool) -> Field {
    let mut seen: Vec<(String, String)> = Vec::new();
    for member in scene.api.plane.founded.roster.members().iter().filter(|member| may(member.role)) {
        let pseudonym = member.pseudonym.to_string();
        if !seen.iter().any(|(other, _)| *other == pseudonym) {
            seen.push((pseudonym.clone(), format!("{pseudonym} ({})", member.role)));
        }
    }
    seen.sort();
    choice(name, label, "", seen)
}

/// A span of time: number and unit.
pub(super) fn span(name: &str, label: &str, hint: &'static str, number: &str, unit: &str) -> [Field; 2] {
    let units = [("hours", "hours"), ("minutes", "minutes"), ("seconds", "seconds"), ("days", "days")];
    let mut units = choice(&format!("{name}_unit"), "Unit", "", units);
    if let Input::Choice(choices) = &mut units.input {
        for choice in choices {
            choice.chosen = choice.value == unit;
        }
    }
    [line_with(name, label, hint, number.to_owned()), units]
}

/// The case's files to choose from, with none as the first.
pub(super) fn evidence_choice(scene: &Scene, name: &str, label: &str) -> Field {
    let files = scene.evidence.iter().map(|file| (file.id.to_string(), evidence_label(file)));
    choice(name, label, "", std::iter::once((String::new(), "none".to_owned())).chain(files))
}

/// A file in one line.
pub(super) fn evidence_label(file: &records::EvidenceSummary) -> String {
    format!(
        "{} of {} ({} bytes, {})",
        file.media_type,
        vocabulary::moment::date_and_time(file.at),
        file.size,
        file.id
    )
}

/// The case's findings to tick.
pub(super) fn findings_ticks(scene: &Scene, name: &str, label: &str, hint: &'static str) -> Field {
    let label_of = |finding: &Finding| (finding.id.to_string(), finding.item.to_string());
    ticks(name, label, hint, scene.findings().iter().map(label_of))
}
