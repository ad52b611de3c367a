//! From text to the typed tree: recursive descent, one function for each level of precedence.
//!
//! `not` binds strongest, then `and`, `xor`, `or`, as documented. Every error names the character
//! where it was noticed. Depth is counted, so that the parser's own stack is bounded.

use super::ast::{Address, AddressTest, Array, Integer, IntegerTest, Order, Test, Text, TextTest};
use super::error::ExpressionError;
use super::fields::{self, Map, Meaning};
use super::functions;
use super::{EXPRESSION_BYTES_MAX, NESTING_MAX, Phase};
use crate::lists::Lists;

pub(super) type Parsed<T> = Result<T, ExpressionError>;

/// Where an expression stands towards an array whose elements are looked at one by one.
#[derive(Debug, Clone, PartialEq)]
enum Elements {
    /// Outside `any` and `all`: `[*]` has no meaning.
    None,
    /// Inside, and no `[*]` yet.
    Awaited,
    Of(Array),
}

/// How many values something stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    /// A function was applied to each element; `[*]` takes them apart again.
    Mapped,
    /// The element that is being looked at.
    Each,
}

/// What something is.
#[derive(Debug)]
pub(super) enum Kind {
    Text(Text),
    Integer(Integer),
    Address(Address),
    Bool(Test),
    Array(Array),
    Map(Map),
}

impl Kind {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Address(_) => "an address",
            Self::Bool(_) => "true or false",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
        }
    }
}

/// A field, a call or a literal, with where it begins.
#[derive(Debug)]
pub(super) struct Operand {
    pub kind: Kind,
    pub shape: Shape,
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Order(Order),
    Contains,
    Wildcard { strict: bool },
    Matches,
    In,
}

const SYMBOLS: [(&str, Operator); 7] = [
    ("==", Operator::Order(Order::Eq)),
    ("!=", Operator::Order(Order::Ne)),
    ("<=", Operator::Order(Order::Le)),
    (">=", Operator::Order(Order::Ge)),
    ("<", Operator::Order(Order::Lt)),
    (">", Operator::Order(Order::Gt)),
    ("~", Operator::Matches),
];
const WORDS: [(&str, Operator); 10] = [
    ("eq", Operator::Order(Order::Eq)),
    ("ne", Operator::Order(Order::Ne)),
    ("le", Operator::Order(Order::Le)),
    ("ge", Operator::Order(Order::Ge)),
    ("lt", Operator::Order(Order::Lt)),
    ("gt", Operator::Order(Order::Gt)),
    ("contains", Operator::Contains),
    ("wildcard", Operator::Wildcard { strict: false }),
    ("matches", Operator::Matches),
    ("in", Operator::In),
];

pub(super) struct Parser<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
    phase: Phase,
    elements: Elements,
    pub(super) lists: &'s Lists,
    pub(super) patterns: usize,
    /// Whether a value is made, where `regex_replace` may stand.
    pub(super) makes_value: bool,
}

/// Parses a whole condition.
pub(super) fn condition(source: &str, phase: Phase, lists: &Lists) -> Parsed<Test> {
    let mut parser = Parser::new(source, phase, lists, false)?;
    let test = parser.or()?;
    parser.end()?;
    Ok(test)
}

/// Parses a whole value, which must be a string.
pub(super) fn value(source: &str, phase: Phase, lists: &Lists) -> Parsed<Text> {
    whole(source, phase, lists, |kind| match kind {
        Kind::Text(text) => Ok(text),
        other => Err(other),
    })
}

/// Parses a whole value; what is no string but one value is printed.
pub(super) fn printed_value(source: &str, phase: Phase, lists: &Lists) -> Parsed<Text> {
    whole(source, phase, lists, |kind| match kind {
        Kind::Text(text) => Ok(text),
        Kind::Integer(integer) => Ok(Text::OfInteger(Box::new(integer))),
        Kind::Address(address) => Ok(Text::OfAddress(Box::new(address))),
        Kind::Bool(test) => Ok(Text::OfBool(Box::new(test))),
        other => Err(other),
    })
}

fn whole(
    source: &str,
    phase: Phase,
    lists: &Lists,
    as_text: impl Fn(Kind) -> Result<Text, Kind>,
) -> Parsed<Text> {
    let mut parser = Parser::new(source, phase, lists, true)?;
    let operand = parser.argument()?;
    let text = as_text(operand.kind).map_err(|other| {
        let problem = format!("this is {}; a value must be a string, such as to_string(…)", other.words());
        parser.error(operand.at, problem)
    })?;
    parser.end()?;
    Ok(text)
}

impl<'s> Parser<'s> {
    fn new(source: &'s str, phase: Phase, lists: &'s Lists, makes_value: bool) -> Parsed<Self> {
        if source.len() > EXPRESSION_BYTES_MAX {
            let problem = format!(
                "an expression of {} bytes; at most {EXPRESSION_BYTES_MAX} are allowed",
                source.len()
            );
            return Err(ExpressionError::new(source, EXPRESSION_BYTES_MAX, problem));
        }
        Ok(Self { source, at: 0, depth: 0, phase, elements: Elements::None, lists, patterns: 0, makes_value })
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn blank(&mut self) {
        self.at = self.source.len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    pub(super) fn take(&mut self, text: &str) -> bool {
        self.blank();
        let found = self.rest().starts_with(text);
        if found {
            self.skip(text.len());
        }
        found
    }

    pub(super) fn error(&self, at: usize, problem: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.source, at, problem)
    }

    /// An error that says what was expected here and what stands here.
    pub(super) fn expected(&self, what: &str) -> ExpressionError {
        let found = self.rest().split_whitespace().next().map_or_else(
            || "the expression ends".to_owned(),
            |word| format!("found {:?}", word.chars().take(40).collect::<String>()),
        );
        self.error(self.at, format!("expected {what}; {found}"))
    }

    fn end(&mut self) -> Parsed<()> {
        self.blank();
        if self.rest().is_empty() {
            return Ok(());
        }
        let word = self.word().to_ascii_lowercase();
        Err(self.expected("and, or, xor, or the end").or_nearest(&word, ["and", "or", "xor"].into_iter()))
    }

    /// The letters of a name or word that begin here.
    pub(super) fn word(&self) -> &'s str {
        let rest = self.rest();
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
            .count();
        &rest[..length]
    }

    /// Takes a whole word or a sign.
    fn take_word(&mut self, word: &str, sign: &str) -> bool {
        self.blank();
        if self.word() == word {
            self.skip(word.len());
            return true;
        }
        self.take(sign)
    }

    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.error(self.at, format!("nested more than {NESTING_MAX} levels deep")));
        }
        let parsed = inner(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    pub(super) fn or(&mut self) -> Parsed<Test> {
        self.chain("or", "||", Self::xor, Test::Or)
    }

    fn xor(&mut self) -> Parsed<Test> {
        self.chain("xor", "^^", Self::and, Test::Xor)
    }

    fn and(&mut self) -> Parsed<Test> {
        self.chain("and", "&&", Self::unary, Test::And)
    }

    fn chain(
        &mut self,
        word: &str,
        sign: &str,
        part: fn(&mut Self) -> Parsed<Test>,
        join: fn(Vec<Test>) -> Test,
    ) -> Parsed<Test> {
        let first = part(self)?;
        if !self.take_word(word, sign) {
            return Ok(first);
        }
        let mut all = vec![first, part(self)?];
        while self.take_word(word, sign) {
            all.push(part(self)?);
        }
        Ok(join(all))
    }

    fn unary(&mut self) -> Parsed<Test> {
        self.blank();
        let is_sign = self.rest().starts_with('!') && !self.rest().starts_with("!=");
        if is_sign || self.word() == "not" {
            self.skip(if is_sign { 1 } else { 3 });
            return self.deeper(Self::unary).map(|inner| Test::Not(Box::new(inner)));
        }
        if self.take("(") {
            let inner = self.deeper(Self::or)?;
            if !self.take(")") {
                return Err(self.expected("and, or, xor, or )"));
            }
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Test> {
        let operand = self.operand()?;
        let at = operand.at;
        self.blank();
        let place = self.at;
        let Some(operator) = self.operator() else { return self.alone(operand) };
        if operand.shape == Shape::Mapped {
            return Err(self.error(place, "this is a value for each element: write [*] before the operator"));
        }
        self.blank();
        match operand.kind {
            Kind::Text(text) => self.text_test(operator).map(|test| Test::Text(text, test)),
            Kind::Integer(integer) => {
                self.integer_test(operator, place).map(|test| Test::Integer(integer, test))
            }
            Kind::Address(address) => {
                self.address_test(operator, place).map(|test| Test::Address(address, test))
            }
            Kind::Bool(_) => Err(self.error(
                place,
                "this is true or false by itself: leave the comparison out, or write not before it",
            )),
            Kind::Array(_) => {
                Err(self.error(at, "this is an array: take an element such as [0], or write any(…[*] …)"))
            }
            Kind::Map(_) => Err(self.error(at, "this is a map: take a key such as [\"name\"]")),
        }
    }

    /// What stands without an operator must be a truth value.
    fn alone(&self, operand: Operand) -> Parsed<Test> {
        match operand.kind {
            Kind::Bool(test) if operand.shape == Shape::One || self.elements != Elements::None => Ok(test),
            other => {
                let known = WORDS.iter().map(|(word, _)| *word).chain(["strict wildcard"]);
                let problem = format!("a comparison operator such as eq, after {}", other.words());
                let lower = self.word().to_ascii_lowercase();
                Err(self.expected(&problem).or_nearest(&lower, known))
            }
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        let word = self.word();
        if word == "strict" {
            let after = self.rest()[word.len()..].trim_start_matches([' ', '\t', '\r', '\n']);
            let whole = after.strip_prefix("wildcard")?;
            if whole.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_') {
                return None;
            }
            self.at = self.source.len() - whole.len();
            return Some(Operator::Wildcard { strict: true });
        }
        if let Some((word, operator)) = WORDS.iter().find(|(own, _)| *own == word) {
            self.skip(word.len());
            return Some(*operator);
        }
        let (sign, operator) = SYMBOLS.iter().find(|(sign, _)| self.rest().starts_with(sign))?;
        self.skip(sign.len());
        Some(*operator)
    }

    fn text_test(&mut self, operator: Operator) -> Parsed<TextTest> {
        match operator {
            Operator::Order(order) => self.string().map(|literal| TextTest::Order(order, literal)),
            Operator::Contains => self.string().map(|literal| {
                TextTest::Contains(Box::new(memchr::memmem::Finder::new(&literal).into_owned()))
            }),
            Operator::Wildcard { strict } => self.wildcard(strict),
            Operator::Matches => self.pattern().map(TextTest::Matches),
            Operator::In => self.text_set(),
        }
    }

    fn integer_test(&mut self, operator: Operator, place: usize) -> Parsed<IntegerTest> {
        match operator {
            Operator::Order(order) => self.number().map(|literal| IntegerTest::Order(order, literal)),
            Operator::In => self.integer_set(),
            _ => Err(self.error(place, "a number is compared with eq, ne, lt, le, gt, ge or in")),
        }
    }

    fn address_test(&mut self, operator: Operator, place: usize) -> Parsed<AddressTest> {
        match operator {
            Operator::Order(Order::Eq) => self.address_literal().map(AddressTest::Eq),
            Operator::Order(Order::Ne) => self.address_literal().map(AddressTest::Ne),
            Operator::In => self.address_set(),
            _ => Err(self.error(place, "an address is compared with eq, ne or in")),
        }
    }

    /// A field or a call, with what stands in brackets after it.
    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        self.blank();
        let at = self.at;
        let name = self.word();
        if name.is_empty() || !name.as_bytes()[0].is_ascii_alphabetic() {
            return Err(self.expected("a field, a function, not, or ("));
        }
        let after = self.rest()[name.len()..].trim_start_matches([' ', '\t', '\r', '\n']);
        if name == "true" || name == "false" {
            self.skip(name.len());
            return Ok(Operand { kind: Kind::Bool(Test::Literal(name == "true")), shape: Shape::One, at });
        }
        let operand = if after.starts_with('(') && fields::find(name).is_none() {
            self.call(name, at)?
        } else {
            Operand { kind: self.field(name, at)?, shape: Shape::One, at }
        };
        self.indexed(operand)
    }

    fn field(&mut self, name: &str, at: usize) -> Parsed<Kind> {
        let Some(meaning) = fields::find(name) else {
            let known = fields::names().chain(functions::names()).chain(["not"]);
            return Err(self.error(at, format!("unknown field {name:?}")).or_nearest(name, known));
        };
        if !fields::exists(name, self.phase) {
            return Err(
                self.error(at, format!("{name} is known only in a counting expression, after the answer"))
            );
        }
        self.skip(name.len());
        Ok(match meaning {
            Meaning::Text(field) => Kind::Text(Text::Field(field)),
            Meaning::Integer(field) => Kind::Integer(Integer::Field(field)),
            Meaning::Bool(field) => Kind::Bool(Test::Field(field)),
            Meaning::Address => Kind::Address(Address::Source),
            Meaning::Array(array) => Kind::Array(array),
            Meaning::Map(map) => Kind::Map(map),
        })
    }

    fn call(&mut self, name: &'s str, at: usize) -> Parsed<Operand> {
        self.skip(name.len());
        let opened = self.take("(");
        debug_assert!(opened, "the caller saw the parenthesis");
        let (kind, shape) = self.deeper(|parser| parser.arguments(name, at))?;
        if !self.take(")") {
            return Err(self.expected(&format!(") after the arguments of {name}")));
        }
        Ok(Operand { kind, shape, at })
    }

    /// What stands in brackets: a key, an index, or each element.
    fn indexed(&mut self, mut operand: Operand) -> Parsed<Operand> {
        let at = operand.at;
        loop {
            let before = self.at;
            if !self.take("[") {
                self.at = before;
                return Ok(operand);
            }
            self.blank();
            let inside = self.at;
            let (kind, shape) = if self.take("*") {
                self.each(operand, inside)?
            } else if self.at_string() {
                let key = self.string()?;
                let Kind::Map(map) = operand.kind else {
                    return Err(self
                        .error(inside, format!("a key belongs to a map; this is {}", operand.kind.words())));
                };
                let key = std::str::from_utf8(&key).map_err(|_| self.error(inside, "a key must be UTF-8"))?;
                (Kind::Array(map.at(key)), Shape::One)
            } else {
                let index = self.number()?;
                let Kind::Array(array) = operand.kind else {
                    return Err(self.error(
                        inside,
                        format!("an index belongs to an array; this is {}", operand.kind.words()),
                    ));
                };
                let index =
                    usize::try_from(index).map_err(|_| self.error(inside, "an index is not negative"))?;
                (Kind::Text(Text::Indexed(array, index)), Shape::One)
            };
            if !self.take("]") {
                return Err(self.expected("]"));
            }
            operand = Operand { kind, shape, at };
        }
    }

    fn each(&mut self, operand: Operand, inside: usize) -> Parsed<(Kind, Shape)> {
        match (operand.kind, operand.shape) {
            (kind, Shape::Mapped) => Ok((kind, Shape::Each)),
            (Kind::Array(array), Shape::One) => {
                match &self.elements {
                    Elements::None => {
                        return Err(self.error(inside, "[*] stands only inside any(…) or all(…)"));
                    }
                    Elements::Of(other) if *other != array => {
                        return Err(
                            self.error(inside, "[*] may be used several times only with the same array")
                        );
                    }
                    Elements::Of(_) | Elements::Awaited => self.elements = Elements::Of(array),
                }
                Ok((Kind::Text(Text::Element), Shape::Each))
            }
            (kind, _) => {
                Err(self.error(inside, format!("[*] belongs to an array; this is {}", kind.words())))
            }
        }
    }

    /// The inside of `any` or `all`: a condition on each element of one array.
    pub(super) fn over_elements(&mut self, at: usize) -> Parsed<(Array, Test)> {
        if self.elements != Elements::None {
            return Err(self.error(at, "any and all cannot stand inside each other"));
        }
        self.elements = Elements::Awaited;
        let test = self.or()?;
        match std::mem::replace(&mut self.elements, Elements::None) {
            Elements::Of(array) => Ok((array, test)),
            _ => Err(self.error(
                at,
                "expected an array with [*] inside, such as any(http.request.headers.names[*] eq \"x\")",
            )),
        }
    }
}
