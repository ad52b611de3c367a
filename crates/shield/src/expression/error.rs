//! What is wrong with an expression, and where.

use std::fmt;

/// A mistake in an expression: where it is, what was expected, what might have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    at: usize,
    column: usize,
    problem: String,
    nearest: Option<&'static str>,
}

impl ExpressionError {
    pub(super) fn new(source: &str, at: usize, problem: impl Into<String>) -> Self {
        let at = at.min(source.len());
        let column = source.char_indices().take_while(|(index, _)| *index < at).count() + 1;
        Self { at, column, problem: problem.into(), nearest: None }
    }

    pub(super) fn or_nearest(mut self, to: &str, known: impl Iterator<Item = &'static str>) -> Self {
        self.nearest = nearest(to, known);
        self
    }

    /// Where the mistake begins, in bytes from the start.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Where the mistake begins, in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The known name nearest to what stands there.
    pub fn nearest(&self) -> Option<&'static str> {
        self.nearest
    }

    /// The line with the mistake and below it a caret that points at it.
    pub fn pointer(&self, source: &str) -> String {
        let at = self.at.min(source.len());
        let (before, after) = source.split_at_checked(at).unwrap_or((source, ""));
        let begin = before.rsplit('\n').next().unwrap_or_default();
        let rest = after.split('\n').next().unwrap_or_default();
        let blank: String = begin.chars().map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
        format!("{begin}{rest}\n{blank}^")
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {}", self.column, self.problem)?;
        match self.nearest {
            Some(name) => write!(f, "; did you mean {name}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExpressionError {}

/// The nearest name by edit distance, if it is near enough to have been meant.
fn nearest(to: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let to: Vec<u8> = to.bytes().take(80).collect();
    let (distance, name) = known.map(|name| (distance(&to, name.as_bytes()), name)).min()?;
    (distance <= 1 + to.len() / 6).then_some(name)
}

/// Levenshtein's distance.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = line + 1;
        for (index, against) in other.iter().enumerate() {
            let change = corner + usize::from(letter != against);
            corner = row[index + 1];
            row[index + 1] = change.min(corner + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}
