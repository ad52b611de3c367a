//! Literals: strings, raw strings, patterns, numbers, addresses, sets and names of lists.

use super::ast::{AddressTest, IntegerTest, Replacement, ReplacementPart, TextTest};
use super::parser::{Parsed, Parser};
use super::{PATTERNS_MAX, REGEX_BYTES_MAX};
use crate::lists::{AddressRange, AddressSet, ListIndex, ListKind};
use regex::bytes::{Regex, RegexBuilder};
use std::net::IpAddr;

/// The references that one replacement may hold.
const REFERENCES_MAX: usize = 8;

/// A string as it stands in the source, its escapes not yet undone.
pub(super) enum Quoted<'s> {
    /// Between quotes; `\"` does not end it.
    Plain(&'s str),
    Raw(&'s str),
}

impl<'s> Parser<'s> {
    /// Whether a string begins here.
    pub(super) fn at_string(&self) -> bool {
        let rest = self.rest();
        rest.starts_with('"') || (rest.starts_with('r') && rest[1..].trim_start_matches('#').starts_with('"'))
    }

    /// A string with basic escapes undone: `\"`, `\\` and `\xHH`.
    pub(super) fn string(&mut self) -> Parsed<Box<[u8]>> {
        let at = self.at();
        match self.quoted()? {
            Quoted::Raw(text) => Ok(text.as_bytes().into()),
            Quoted::Plain(text) => self.unescaped(text, at + 1),
        }
    }

    fn unescaped(&self, text: &str, at: usize) -> Parsed<Box<[u8]>> {
        let bytes = text.as_bytes();
        let (mut out, mut index) = (Vec::with_capacity(bytes.len()), 0);
        while let Some(byte) = bytes.get(index) {
            let (value, taken) = match (byte, bytes.get(index + 1)) {
                (b'\\', Some(next @ (b'"' | b'\\'))) => (*next, 2),
                (b'\\', Some(b'x')) => {
                    let digits = text
                        .get(index + 2..index + 4)
                        .filter(|two| two.bytes().all(|d| d.is_ascii_hexdigit()));
                    let value = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
                    let problem = "expected two hexadecimal digits after \\x";
                    (value.ok_or_else(|| self.error(at + index, problem))?, 4)
                }
                (b'\\', _) => {
                    let problem =
                        "unknown escape: write \\\", \\\\ or \\xHH, or a raw string such as r\"\\d\"";
                    return Err(self.error(at + index, problem));
                }
                (byte, _) => (*byte, 1),
            };
            out.push(value);
            index += taken;
        }
        Ok(out.into())
    }

    fn quoted(&mut self) -> Parsed<Quoted<'s>> {
        let at = self.at();
        if !self.at_string() {
            return Err(self.expected("a string in double quotes"));
        }
        let rest = self.rest();
        if let Some(raw) = rest.strip_prefix('r') {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if hashes > 255 {
                return Err(self.error(at, "a raw string may begin with at most 255 #"));
            }
            let inside = &raw[hashes + 1..];
            let end = format!("\"{}", &raw[..hashes]);
            let length = inside
                .find(&end)
                .ok_or_else(|| self.error(at, format!("this raw string has no end: expected {end}")))?;
            self.skip(1 + hashes + 1 + length + end.len());
            return Ok(Quoted::Raw(&inside[..length]));
        }
        let inside = &rest[1..];
        let mut escaped = false;
        for (index, byte) in inside.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.skip(index + 2);
                    return Ok(Quoted::Plain(&inside[..index]));
                }
                _ => {}
            }
        }
        Err(self.error(at, "this string has no end: expected \""))
    }

    /// The pattern of `matches`: in a quoted string only `\"` is an escape, the rest is the pattern's own.
    pub(super) fn pattern(&mut self) -> Parsed<Box<Regex>> {
        let at = self.at();
        let pattern = match self.quoted()? {
            Quoted::Raw(text) => text.to_owned(),
            Quoted::Plain(text) => text.replace("\\\"", "\""),
        };
        self.regex(&pattern, at)
    }

    /// A pattern given to a function, where basic escapes come first.
    pub(super) fn pattern_argument(&mut self) -> Parsed<Box<Regex>> {
        let at = self.at();
        let bytes = self.string()?;
        let pattern =
            String::from_utf8(bytes.into()).map_err(|_| self.error(at, "a pattern must be UTF-8"))?;
        self.regex(&pattern, at)
    }

    fn regex(&mut self, pattern: &str, at: usize) -> Parsed<Box<Regex>> {
        self.patterns += 1;
        if self.patterns > PATTERNS_MAX {
            return Err(self.error(at, format!("more than {PATTERNS_MAX} patterns in one expression")));
        }
        let built = RegexBuilder::new(pattern)
            .unicode(false)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .nest_limit(32)
            .build();
        built.map(Box::new).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            let last = last.trim().trim_start_matches("error: ");
            self.error(at, format!("this pattern cannot be used: {last}"))
        })
    }

    /// A literal with wildcards, as a pattern that spans the whole text.
    pub(super) fn wildcard(&mut self, strict: bool) -> Parsed<TextTest> {
        let at = self.at();
        let literal = match self.quoted()? {
            Quoted::Raw(text) => text.to_owned(),
            Quoted::Plain(text) => text.replace("\\\"", "\""),
        };
        let mut pattern = String::from(if strict { "(?s)^" } else { "(?si)^" });
        let mut letters = literal.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '*' if letters.peek() == Some(&'*') => {
                    return Err(self.error(at, "two * in a row; write one, or \\* for the character itself"));
                }
                '*' => pattern.push_str(".*"),
                '\\' => match letters.next() {
                    Some(next @ ('*' | '\\')) => {
                        pattern.push_str(&regex::escape(next.encode_utf8(&mut [0; 4])))
                    }
                    _ => return Err(self.error(at, "in a wildcard \\ stands only before * or \\")),
                },
                other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        self.regex(&pattern, at).map(TextTest::Matches)
    }

    /// The replacement of `regex_replace`: `${1}` is a group, `$$` the sign itself.
    pub(super) fn replacement(&mut self, groups: usize) -> Parsed<Replacement> {
        let at = self.at();
        let bytes = self.string()?;
        let (mut parts, mut literal, mut rest) = (Vec::new(), Vec::new(), &bytes[..]);
        while let [first, after @ ..] = rest {
            if *first != b'$' {
                literal.push(*first);
                rest = after;
                continue;
            }
            if let [b'$', after @ ..] = after {
                literal.push(b'$');
                rest = after;
                continue;
            }
            let (number, after) =
                reference(after).ok_or_else(|| self.error(at, "after $ expected {number} or another $"))?;
            if number >= groups {
                return Err(self.error(at, format!("the pattern has no group {number}")));
            }
            parts.push(ReplacementPart::Literal(std::mem::take(&mut literal).into()));
            parts.push(ReplacementPart::Group(number));
            rest = after;
        }
        parts.push(ReplacementPart::Literal(literal.into()));
        if parts.iter().filter(|part| matches!(part, ReplacementPart::Group(_))).count() > REFERENCES_MAX {
            return Err(self.error(at, format!("more than {REFERENCES_MAX} references")));
        }
        Ok(Replacement(parts))
    }

    /// A whole number.
    pub(super) fn number(&mut self) -> Parsed<i64> {
        let at = self.at();
        let length = self
            .rest()
            .bytes()
            .enumerate()
            .take_while(|(index, byte)| byte.is_ascii_digit() || (*index == 0 && *byte == b'-'))
            .count();
        let text = &self.rest()[..length];
        if text.is_empty() || text == "-" {
            return Err(self.expected("a number"));
        }
        let value = text.parse().map_err(|_| self.error(at, "this number is too large"))?;
        self.skip(length);
        Ok(value)
    }

    /// The letters of an address, a network or a range.
    fn address_letters(&self) -> &'s str {
        let rest = self.rest();
        let end = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'/'))
            .count();
        &rest[..end]
    }

    /// One address.
    pub(super) fn address_literal(&mut self) -> Parsed<IpAddr> {
        let text = self.address_letters();
        let at = self.at();
        if text.is_empty() {
            return Err(self.expected("an address, without quotes"));
        }
        if text.contains('/') {
            return Err(self.error(at, "a network cannot be compared for equality: write in {192.0.2.0/24}"));
        }
        let address: IpAddr = text.parse().map_err(|_| self.error(at, format!("{text:?} is no address")))?;
        self.skip(text.len());
        Ok(address.to_canonical())
    }

    fn address_range(&mut self) -> Parsed<AddressRange> {
        let (text, at) = (self.address_letters(), self.at());
        if text.is_empty() {
            return Err(self.expected("an address, a network such as 192.0.2.0/24, or a range"));
        }
        let range = match text.split_once("..") {
            Some((first, last)) => first
                .parse()
                .ok()
                .zip(last.parse().ok())
                .and_then(|(first, last)| AddressRange::new(first, last)),
            None => AddressRange::parse(text),
        };
        let range =
            range.ok_or_else(|| self.error(at, format!("{text:?} is no address, network or range")))?;
        self.skip(text.len());
        Ok(range)
    }

    fn number_range(&mut self) -> Parsed<(i64, i64)> {
        let at = self.at();
        let first = self.number()?;
        if !self.rest().starts_with("..") {
            return Ok((first, first));
        }
        self.skip(2);
        let last = self.number()?;
        if last < first { Err(self.error(at, "this range ends before it begins")) } else { Ok((first, last)) }
    }

    /// What stands after `in`: the items between braces.
    fn set<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        if !self.take("{") {
            return Err(self.expected("{ or the name of a list such as $office"));
        }
        let mut items = Vec::new();
        loop {
            self.blank();
            if self.take("}") {
                break;
            }
            if self.rest().starts_with(',') {
                return Err(self.error(self.at(), "items of a set are separated by blanks, not by commas"));
            }
            if self.rest().is_empty() {
                return Err(self.expected("} at the end of the set"));
            }
            items.push(item(self)?);
            if !self.rest().starts_with(['}', ' ', '\t', '\r', '\n', ',']) {
                return Err(self.expected("a blank or }"));
            }
        }
        if items.is_empty() { Err(self.error(self.at() - 1, "this set is empty")) } else { Ok(items) }
    }

    /// The name of a list, of one of the kinds that fit.
    fn list(&mut self, fits: &[ListKind]) -> Parsed<Option<ListIndex>> {
        let at = self.at();
        let Some(rest) = self.rest().strip_prefix('$') else { return Ok(None) };
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let name = &rest[..length];
        let (index, kind) = self.lists.find(name).ok_or_else(|| {
            let known: Vec<&str> = self.lists.names().take(8).collect();
            let known = if known.is_empty() {
                "there are none".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            };
            self.error(at, format!("no list is called {name:?}; {known}"))
        })?;
        if !fits.contains(&kind) {
            return Err(self.error(at, format!("${name} is a list of {kind}, which this field cannot be in")));
        }
        self.skip(length + 1);
        Ok(Some(index))
    }

    pub(super) fn text_set(&mut self) -> Parsed<TextTest> {
        if let Some(list) = self.list(&[ListKind::Country, ListKind::Host])? {
            return Ok(TextTest::Listed(list));
        }
        let mut items = self.set(Self::string)?;
        items.sort_unstable();
        items.dedup();
        Ok(TextTest::OneOf(items.into()))
    }

    pub(super) fn integer_set(&mut self) -> Parsed<IntegerTest> {
        if let Some(list) = self.list(&[ListKind::Asn])? {
            return Ok(IntegerTest::Listed(list));
        }
        let mut ranges = self.set(Self::number_range)?;
        ranges.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1 => before.1 = before.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Ok(IntegerTest::Within(merged.into()))
    }

    pub(super) fn address_set(&mut self) -> Parsed<AddressTest> {
        if let Some(list) = self.list(&[ListKind::Address])? {
            return Ok(AddressTest::Listed(list));
        }
        self.set(Self::address_range).map(|ranges| AddressTest::Within(AddressSet::of(ranges)))
    }
}

/// `{3}` and what follows it.
fn reference(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let inside = bytes.strip_prefix(b"{")?;
    let end = inside.iter().position(|byte| *byte == b'}').filter(|end| *end <= 2)?;
    let number = std::str::from_utf8(&inside[..end]).ok()?.parse().ok()?;
    Some((number, &inside[end + 1..]))
}
