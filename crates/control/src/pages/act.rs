//! The console's page for one act: what it does, its form, what has to be known beforehand.
//!
//! One shape for all acts, so that each is read, filled in and refused in the same way; works without scripts.

use super::{assets, render};
use askama::Template;

/// One of several to choose from.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// How a field is filled in, with what stands in it.
#[derive(Debug, Clone)]
pub enum Input {
    /// One line.
    Line(String),
    /// Several lines.
    Words(String),
    /// One of these.
    Choice(Vec<Choice>),
    /// Any of these.
    Ticks(Vec<Choice>),
    /// A file.
    File,
}

/// One field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name in the form.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What to put there, if the label does not say it.
    pub hint: &'static str,
    /// How it is filled in.
    pub input: Input,
}

impl Field {
    fn line(&self) -> Option<&str> {
        if let Input::Line(text) = &self.input { Some(text) } else { None }
    }

    fn words(&self) -> Option<&str> {
        if let Input::Words(text) = &self.input { Some(text) } else { None }
    }

    fn choices(&self) -> Option<&[Choice]> {
        if let Input::Choice(choices) = &self.input { Some(choices) } else { None }
    }

    fn ticks(&self) -> Option<&[Choice]> {
        if let Input::Ticks(ticks) = &self.input { Some(ticks) } else { None }
    }

    fn is_file(&self) -> bool {
        matches!(self.input, Input::File)
    }
}

/// Something to read before, or instead of, the form.
#[derive(Debug, Clone)]
pub struct Note {
    /// What it is.
    pub heading: String,
    /// Its lines.
    pub lines: Vec<String>,
    /// Whether each letter counts, as in a command or in bytes to sign.
    pub exact: bool,
}

/// A button.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the form sends.
    pub value: &'static str,
    /// What people read.
    pub label: &'static str,
}

/// `/acts/{act}`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/act.html")]
pub struct ActPage {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// What is done.
    pub title: String,
    /// What that means, in a sentence or two.
    pub about: String,
    /// The call of the API that does the same.
    pub api: &'static str,
    /// Where the form goes.
    pub action: String,
    /// Where one came from: address and name.
    pub back: (String, String),
    /// What was wrong with the form that was sent.
    pub error: Option<String>,
    /// The single reasons, where there are several.
    pub reasons: Vec<String>,
    /// What to read first.
    pub notes: Vec<Note>,
    /// The form; nothing: there is nothing to fill in.
    pub fields: Vec<Field>,
    /// Its buttons; none: the page is only read.
    pub steps: Vec<Step>,
}

impl ActPage {
    fn has_file(&self) -> bool {
        self.fields.iter().any(Field::is_file)
    }

    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
