//! The policy file's grammar: lines of words, read into cells with the place of every mistake.
//!
//! ```text
//! file    = { blank | comment | line }
//! line    = "wardmote-policy/1" | "version" N | "measure" M text | class ("never" | clause)
//!         | "never-block" text pattern {pattern}
//! clause  = ground [N ("s"|"m"|"h"|"d")] ["renewable" [N]] ["after" condition { "and" condition }]
//! comment = "#" …                       anywhere outside quotes, to the end of the line
//! ```
//!
//! The format line comes first, the version second, then M0 to M7 in order, each with lines for H, S
//! and C in order. A cell is stated even where it is empty, so nothing is forgotten silently. Behind the
//! cells may stand the categories of sites that are never blocked whole, each with its host patterns.

use super::{Clause, Condition, PolicyError, Problem, Protected, Renewals, looser_than_floor};
use crate::{Ground, Measure, ServiceClass};
use std::time::Duration;
use vocabulary::SitePattern;

const FORMAT_LINE: &str = "wardmote-policy/1";
/// Longest policy file, in bytes.
const FILE_MAX: usize = 64 * 1024;

/// What a policy file says.
pub(super) struct File {
    pub(super) version: u32,
    pub(super) clauses: Vec<(Measure, ServiceClass, Clause)>,
    pub(super) protected: Vec<Protected>,
}

/// A word with the column it begins at, counted in characters from 1.
#[derive(Clone, Copy)]
struct Word<'a> {
    column: usize,
    text: &'a str,
}

/// The words of one line, and where the line ends.
struct Line<'a> {
    number: usize,
    words: std::vec::IntoIter<Word<'a>>,
    end: usize,
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<File, PolicyError> {
    if text.len() > FILE_MAX {
        return Err(error(1, 1, format!("a policy file has at most {FILE_MAX} bytes")));
    }
    let mut lines = text.lines().enumerate().map(|(place, text)| Line::new(place + 1, text));
    let mut lines = lines.by_ref().filter(|line| line.words.len() > 0);
    let last = text.lines().count().max(1);
    let ended = |wanted: &str| error(last, 1, format!("the file ends where {wanted} should stand"));

    let mut line = lines.next().ok_or_else(|| ended(FORMAT_LINE))?;
    line.exactly(FORMAT_LINE)?;
    line.finish()?;
    let mut line = lines.next().ok_or_else(|| ended("version N"))?;
    line.exactly("version")?;
    let version = line.number("a version number from 1", 1)?;
    line.finish()?;

    let mut cells = Cells::default();
    for line in lines {
        cells.line(line)?;
    }
    let (clauses, protected) = cells.finish(last)?;
    Ok(File { version, clauses, protected })
}

/// All cells, and the categories never blocked.
type Whole = (Vec<(Measure, ServiceClass, Clause)>, Vec<Protected>);

/// The cells read so far. `open` counts the measures begun and the classes begun in the last one.
#[derive(Default)]
struct Cells {
    measures: usize,
    classes: usize,
    never: bool,
    clauses: Vec<(Measure, ServiceClass, Clause)>,
    protected: Vec<Protected>,
}

impl Cells {
    fn line(&mut self, mut line: Line<'_>) -> Result<(), PolicyError> {
        let first = line.word("\"measure\" or a class")?;
        match ServiceClass::ALL.into_iter().find(|class| class.as_str() == first.text) {
            Some(class) if self.protected.is_empty() => self.cell(class, first, line),
            Some(class) => Err(line.at(first, format!("{class} stands before the never-block lines"))),
            None if first.text == "measure" => self.measure(line),
            None if first.text == "never-block" => self.never_block(line),
            None => {
                Err(line.at(first, format!("{:?} is neither \"measure\" nor a class H, S or C", first.text)))
            }
        }
    }

    fn measure(&mut self, mut line: Line<'_>) -> Result<(), PolicyError> {
        self.measure_is_whole(line.number)?;
        let word = line.word("a measure")?;
        let Some(expected) = Measure::ALL.get(self.measures) else {
            return Err(line.at(word, "every measure is stated already".to_owned()));
        };
        if word.text != expected.as_str() {
            return Err(line.at(word, format!("{expected} comes here, not {:?}", word.text)));
        }
        let title = line.word("what the measure does, in double quotes")?;
        if title.text.len() < 3 || !title.text.starts_with('"') || !title.text.ends_with('"') {
            return Err(line.at(title, "say what the measure does, in double quotes".to_owned()));
        }
        (self.measures, self.classes, self.never) = (self.measures + 1, 0, false);
        line.finish()
    }

    /// A category of sites that are never blocked whole.
    fn never_block(&mut self, mut line: Line<'_>) -> Result<(), PolicyError> {
        self.measures_are_whole(line.number)?;
        let title = line.word("what the category is, in double quotes")?;
        let category = title.text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let Some(category) = category.filter(|text| !text.trim().is_empty()) else {
            return Err(line.at(title, "say what the category is, in double quotes".to_owned()));
        };
        let mut word = line.word("a host pattern")?;
        let mut patterns = Vec::new();
        loop {
            let pattern = word.text.parse::<SitePattern>();
            patterns.push(pattern.map_err(|error| line.at(word, error.to_string()))?);
            match line.words.next() {
                Some(next) => word = next,
                None => break,
            }
        }
        self.protected.push(Protected { category: category.to_owned(), patterns });
        Ok(())
    }

    fn cell(&mut self, class: ServiceClass, first: Word<'_>, mut line: Line<'_>) -> Result<(), PolicyError> {
        let Some(measure) = self.measures.checked_sub(1).map(|place| Measure::ALL[place]) else {
            return Err(line.at(first, "a class needs a measure line before it".to_owned()));
        };
        let current = self.classes.checked_sub(1).map(|place| ServiceClass::ALL[place]);
        if current != Some(class) {
            if ServiceClass::ALL.get(self.classes) != Some(&class) {
                return Err(
                    line.at(first, format!("{measure} states H, then S, then C; {class} is out of order"))
                );
            }
            (self.classes, self.never) = (self.classes + 1, false);
        } else if self.never {
            return Err(line.at(first, format!("{measure} {class} is never already")));
        }
        let word = line.word("\"never\" or a ground")?;
        if word.text == "never" {
            if current == Some(class) {
                return Err(line.at(word, format!("{measure} {class} has grounds already")));
            }
            self.never = true;
            return line.finish();
        }
        let clause = line.clause(measure, word)?;
        if self
            .clauses
            .iter()
            .any(|(of, on, other)| *of == measure && *on == class && other.ground == clause.ground)
        {
            return Err(line.at(word, format!("{measure} {class} lists {} twice", clause.ground)));
        }
        if let Some(why) = looser_than_floor(measure, class, &clause) {
            return Err(PolicyError {
                line: line.number,
                column: word.column,
                problem: Problem::Looser(why),
            });
        }
        self.clauses.push((measure, class, clause));
        Ok(())
    }

    fn measure_is_whole(&self, line: usize) -> Result<(), PolicyError> {
        match ServiceClass::ALL.get(self.classes) {
            Some(missing) if self.measures > 0 => {
                let measure = Measure::ALL[self.measures - 1];
                Err(error(
                    line,
                    1,
                    format!(
                        "{measure} has no line for class {missing}; write \"{missing} never\" or a ground"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    fn measures_are_whole(&self, line: usize) -> Result<(), PolicyError> {
        self.measure_is_whole(line)?;
        match Measure::ALL.get(self.measures) {
            Some(missing) => Err(error(line, 1, format!("{missing} is missing"))),
            None => Ok(()),
        }
    }

    fn finish(self, last: usize) -> Result<Whole, PolicyError> {
        self.measures_are_whole(last)?;
        Ok((self.clauses, self.protected))
    }
}

impl<'a> Line<'a> {
    fn new(number: usize, text: &'a str) -> Self {
        let words = split(text);
        let end = text.chars().count() + 1;
        Self { number, words: words.into_iter(), end }
    }

    fn clause(&mut self, measure: Measure, ground: Word<'_>) -> Result<Clause, PolicyError> {
        let Some(of) = Ground::ALL.into_iter().find(|known| known.as_str() == ground.text) else {
            let known: Vec<_> = Ground::ALL.iter().map(|known| known.as_str()).collect();
            return Err(
                self.at(ground, format!("{:?} is no ground; known are {}", ground.text, known.join(", ")))
            );
        };
        let lease = self.lease(measure, ground)?;
        let renewals = self.renewals()?;
        let after = self.after()?;
        self.finish()?;
        Ok(Clause { ground: of, lease, renewals, after })
    }

    fn lease(&mut self, measure: Measure, ground: Word<'_>) -> Result<Option<Duration>, PolicyError> {
        let number = self.peek().filter(|word| word.text.starts_with(|first: char| first.is_ascii_digit()));
        match (number, measure.is_lease()) {
            (None, false) => Ok(None),
            (Some(word), false) => Err(self.at(word, format!("{measure} is an act and has no lease"))),
            (None, true) => {
                Err(self.at(ground, format!("{} needs its longest lease, such as 48h", ground.text)))
            }
            (Some(word), true) => {
                self.words.next();
                match span(word.text) {
                    Some(lease) => Ok(Some(lease)),
                    None => {
                        Err(self.at(word, format!("{:?} is no span; write 90s, 30m, 48h or 14d", word.text)))
                    }
                }
            }
        }
    }

    fn renewals(&mut self) -> Result<Renewals, PolicyError> {
        if self.peek().is_none_or(|word| word.text != "renewable") {
            return Ok(Renewals::Times(0));
        }
        self.words.next();
        match self.peek() {
            Some(word) if word.text != "after" => self.number("a number of renewals", 1).map(Renewals::Times),
            _ => Ok(Renewals::Unlimited),
        }
    }

    fn after(&mut self) -> Result<Vec<Condition>, PolicyError> {
        let mut conditions = Vec::new();
        if self.peek().is_none_or(|word| word.text != "after") {
            return Ok(conditions);
        }
        loop {
            self.words.next();
            let word = self.word("a condition")?;
            let Some(condition) = Condition::ALL.into_iter().find(|known| known.as_str() == word.text) else {
                let known: Vec<_> = Condition::ALL.iter().map(|known| known.as_str()).collect();
                return Err(
                    self.at(word, format!("{:?} is no condition; known are {}", word.text, known.join(", ")))
                );
            };
            if conditions.contains(&condition) {
                return Err(self.at(word, format!("{} is listed twice", word.text)));
            }
            conditions.push(condition);
            if self.peek().is_none_or(|word| word.text != "and") {
                return Ok(conditions);
            }
        }
    }

    fn peek(&self) -> Option<Word<'a>> {
        self.words.as_slice().first().copied()
    }

    fn word(&mut self, wanted: &str) -> Result<Word<'a>, PolicyError> {
        self.words.next().ok_or_else(|| error(self.number, self.end, format!("{wanted} is missing")))
    }

    fn exactly(&mut self, wanted: &str) -> Result<(), PolicyError> {
        let word = self.word(wanted)?;
        if word.text == wanted { Ok(()) } else { Err(self.at(word, format!("{wanted} must stand here"))) }
    }

    fn number(&mut self, wanted: &str, least: u32) -> Result<u32, PolicyError> {
        let word = self.word(wanted)?;
        let number = decimal(word.text).and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| *number >= least)
            .ok_or_else(|| self.at(word, format!("{wanted} must stand here")))
    }

    fn finish(&mut self) -> Result<(), PolicyError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(self.at(word, format!("{:?} is one word too many", word.text))),
        }
    }

    fn at(&self, word: Word<'_>, text: String) -> PolicyError {
        error(self.number, word.column, text)
    }
}

fn error(line: usize, column: usize, text: String) -> PolicyError {
    PolicyError { line, column, problem: Problem::Syntax(text) }
}

/// Words between white space; a quoted text is one word with its quotes; `#` begins a comment.
fn split(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut begun: Option<(usize, usize)> = None;
    let mut quoted = false;
    for (column, (at, letter)) in line.char_indices().enumerate() {
        let ends = !quoted && (letter == '#' || letter.is_whitespace());
        if ends {
            words.extend(begun.take().map(|(column, from)| Word { column, text: &line[from..at] }));
            if letter == '#' {
                return words;
            }
            continue;
        }
        if letter == '"' {
            quoted = !quoted;
        }
        begun.get_or_insert((column + 1, at));
    }
    words.extend(begun.map(|(column, from)| Word { column, text: &line[from..] }));
    words
}

/// Digits only, no sign, no leading zero: one spelling for each number.
fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn span(text: &str) -> Option<Duration> {
    let unit = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count = decimal(&text[..text.len() - 1])?;
    count.checked_mul(unit).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
