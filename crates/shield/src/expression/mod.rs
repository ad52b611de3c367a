//! The rules language: conditions on a request, and values made from one.
//!
//! Owns parsing, types, errors that point at a character, and evaluation. The language is the one
//! documented by Cloudflare for its ruleset engine; `docs/shield.md` lists every difference. Must not
//! know what a rule does when it holds.
//!
//! An expression is parsed once, when rules are published, into a tree of typed nodes whose searchers
//! (regular expressions, substring finders, sorted sets) are built then. Evaluation walks that tree:
//! no dynamic dispatch, no allocation, every visited node counted against a budget.
//!
//! Invariants: an expression has at most 4 KiB and 32 levels; evaluation takes time linear in the
//! request for each node and at most `STEPS_MAX` steps; neither ever panics.

mod ast;
mod error;
mod evaluate;
mod fields;
mod functions;
mod literals;
mod parser;
mod scratch;
mod text;

#[cfg(test)]
mod tests;

use crate::lists::Lists;
use crate::request::Request;
use ast::{Test, Text};
use evaluate::Run;

pub use error::ExpressionError;
pub use scratch::{Overrun, SCRATCH_BYTES, Scratch};

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// How deep parentheses, `not` and calls may nest.
pub const NESTING_MAX: usize = 32;
/// The most nodes and elements that one evaluation may visit.
pub const STEPS_MAX: u32 = 100_000;
/// The memory a regular expression may compile to, in bytes.
pub const REGEX_BYTES_MAX: usize = 256 * 1024;
/// The regular expressions and wildcards of one expression.
pub const PATTERNS_MAX: usize = 32;

/// Which facts exist where the expression will be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the request is answered.
    Request,
    /// After the answer's head is known: a counting expression.
    Response,
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition(Test);

impl Condition {
    /// Compiles a condition; `lists` are those that it may name.
    pub fn parse(source: &str, phase: Phase, lists: &Lists) -> Result<Self, ExpressionError> {
        parser::condition(source, phase, lists).map(Self)
    }

    /// Whether it holds for a request. Costs at least a step for each node visited. `lists` must be those it was compiled with, or newer ones.
    pub fn holds(
        &self,
        request: &Request<'_>,
        lists: &Lists,
        scratch: &mut Scratch,
    ) -> Result<bool, Overrun> {
        Run::new(request, lists, scratch).test(&self.0)
    }
}

/// A compiled value: the new path of a rewrite, the target of a redirect, the content of a header.
#[derive(Debug)]
pub struct Value(Text);

impl Value {
    /// Compiles a value; `regex_replace` may be used here, and only here.
    pub fn parse(source: &str, phase: Phase, lists: &Lists) -> Result<Self, ExpressionError> {
        parser::value(source, phase, lists).map(Self)
    }

    /// Compiles a value that may also be a number, an address or a truth value, which is then printed.
    pub fn parse_printed(source: &str, phase: Phase, lists: &Lists) -> Result<Self, ExpressionError> {
        parser::printed_value(source, phase, lists).map(Self)
    }

    /// Writes the value for a request to the end of `into`; false where it is missing.
    pub fn write(
        &self,
        request: &Request<'_>,
        lists: &Lists,
        scratch: &mut Scratch,
        into: &mut Vec<u8>,
    ) -> Result<bool, Overrun> {
        let mut run = Run::new(request, lists, scratch);
        let piece = run.text(&self.0)?;
        let Some(piece) = piece else { return Ok(false) };
        into.extend_from_slice(run.bytes(piece));
        Ok(true)
    }
}
