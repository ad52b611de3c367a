//! A listed URL: one address of a site, in the one spelling that all its spellings lead to.
//!
//! What servers take to be the same address counts as the same here: escapes are decoded, however often they were
//! escaped; letters are folded; `\` is `/`; empty and dot segments, parameters of a segment (`;x`), dots and spaces
//! at its end and control characters go; the order and the number of a query's pairs do not matter. So a few addresses
//! fall under a listed one that a server with finer eyes would tell apart, above all by the case of letters. The other
//! way round, a changed spelling would be a way past the measure. Where servers differ in what an address says (what
//! follows a script's name, `;` between pairs, names as PHP changes them), each of their readings is held against the
//! list ([`AskedUrl`]).
//!
//! Invariant: a canonical text is its own canonical text, and a text is read in one pass, whatever it holds.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

mod readings;
#[cfg(test)]
mod tests;

/// Longest text that is read, in bytes.
const TEXT_MAX: usize = 4_096;

/// An address below a site's hosts: a path and, where they are listed with it, pairs of a query.
///
/// Without a query it stands for its path with any query; with one, for every address of that path whose query holds
/// at least these pairs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListedUrl(Canonical);

/// An address that is asked for, read once, in each way in which servers read it, to be held against many listed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedUrl {
    paths: BTreeSet<Vec<u8>>,
    pairs: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Canonical {
    path: Vec<u8>,
    query: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

/// The text is no address of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListedUrlError {
    /// It does not begin with a slash.
    #[error("an address in scope is a path below the site's hosts and begins with a slash")]
    NoPath,
    /// Over the bound.
    #[error("an address in scope has at most {TEXT_MAX} bytes")]
    TooLong,
    /// A signed list spells it otherwise.
    #[error("an address in scope must stand in its canonical form")]
    NotCanonical,
}

impl ListedUrl {
    /// Whether an address that is asked for is this one.
    pub fn covers(&self, asked: &AskedUrl) -> bool {
        let Canonical { path, query } = &self.0;
        asked.paths.contains(path)
            && (query.is_subset(&asked.pairs) || readings::php(query).is_subset(&asked.pairs))
    }

    /// Whether it stands for everything that one program serves: a script's path, or the root, without a query. Where
    /// that program serves every page of a site, every page is meant; who proposes it has to know.
    pub fn is_whole_program(&self) -> bool {
        let Canonical { path, query } = &self.0;
        query.is_empty() && (path.is_empty() || readings::is_script(path))
    }
}

impl AskedUrl {
    /// The path and query of a request, as they came.
    pub fn of(target: &str) -> Self {
        let (path, query) = parts(target.as_bytes());
        Self { paths: readings::paths(path), pairs: readings::pairs(query) }
    }
}

impl Canonical {
    fn of(text: &[u8]) -> Self {
        let (path, query) = parts(text);
        Self { path: path_of(path), query: query.split(|byte| *byte == b'&').filter_map(pair_of).collect() }
    }
}

/// Path and query, without a fragment.
fn parts(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.split(|byte| *byte == b'#').next().unwrap_or_default();
    match text.iter().position(|byte| *byte == b'?') {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (text, &[]),
    }
}

/// A text as it reads once its escapes are decoded, however often they were escaped; for guards that look for words.
pub fn unescaped(text: &str) -> String {
    String::from_utf8_lossy(&decoded(text.as_bytes())).into_owned()
}

/// Decodes escapes until none is left, in one pass: what an escape gives may end another one. Control characters go as they
/// come, since what stands on either side of one may be an escape without it.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    for byte in text {
        out.push(*byte);
        while end_decoded(&mut out) {}
        if out.last().is_some_and(u8::is_ascii_control) {
            out.pop();
        }
    }
    out
}

/// Decodes the escape that a text ends with, if it does: `%70`, or `%u0070` as some servers write it.
fn end_decoded(out: &mut Vec<u8>) -> bool {
    if let [.., b'%', high, low] = out[..]
        && let (Some(high), Some(low)) = (hex(high), hex(low))
    {
        out.truncate(out.len() - 3);
        out.push(high << 4 | low);
        return true;
    }
    let [.., b'%', b'u' | b'U', a, b, c, d] = out[..] else { return false };
    let digits = [a, b, c, d].map(hex);
    let code = digits.into_iter().try_fold(0, |code, digit| Some(code << 4 | u32::from(digit?)));
    let Some(letter) = code.and_then(char::from_u32) else { return false };
    out.truncate(out.len() - 6);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    true
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Decoded, in lower case; bytes that are no text stay as they are, and change nothing about the text beside them.
fn folded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in decoded(text).utf8_chunks() {
        out.extend(chunk.valid().to_lowercase().into_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}

/// Segments without slashes at either end; empty for the root.
fn path_of(text: &[u8]) -> Vec<u8> {
    segments(&folded(text), Empty::GoesFirst).join(&b'/')
}

/// What becomes of an empty segment before `..`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// It goes first, and `..` takes the one before it away.
    GoesFirst,
    /// `..` takes it away (RFC 3986 §5.2.4).
    IsTaken,
}

fn segments(text: &[u8], empty: Empty) -> Vec<&[u8]> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for (place, segment) in text.split(|byte| matches!(byte, b'/' | b'\\')).enumerate() {
        let segment = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        if segment == b".." {
            kept.pop();
            continue;
        }
        let dots = segment.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |last| last + 1);
        let taken = empty == Empty::IsTaken && segment.is_empty() && place > 0;
        if dots > 0 || taken {
            kept.push(&segment[..dots]);
        }
    }
    kept.retain(|segment| !segment.is_empty());
    kept
}

fn pair_of(pair: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let spaced: Vec<u8> = pair.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let (name, value) = match spaced.iter().position(|byte| *byte == b'=') {
        Some(place) => (&spaced[..place], &spaced[place + 1..]),
        None => (&spaced[..], &[][..]),
    };
    let (name, value) = (folded(name), folded(value));
    (!name.is_empty() || !value.is_empty()).then_some((name, value))
}

impl FromStr for ListedUrl {
    type Err = ListedUrlError;

    fn from_str(text: &str) -> Result<Self, ListedUrlError> {
        if text.len() > TEXT_MAX {
            return Err(ListedUrlError::TooLong);
        }
        if !text.starts_with('/') {
            return Err(ListedUrlError::NoPath);
        }
        Ok(Self(Canonical::of(text.as_bytes())))
    }
}

impl fmt::Display for ListedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Canonical { path, query } = &self.0;
        f.write_str("/")?;
        escaped(f, path, b"/")?;
        for (place, (name, value)) in query.iter().enumerate() {
            f.write_str(if place == 0 { "?" } else { "&" })?;
            escaped(f, name, b"")?;
            f.write_str("=")?;
            escaped(f, value, b"")?;
        }
        Ok(())
    }
}

/// Everything but unreserved characters (RFC 3986 §2.3) and those in `plain` is escaped.
fn escaped(f: &mut fmt::Formatter<'_>, text: &[u8], plain: &[u8]) -> fmt::Result {
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                write!(f, "{}", char::from(*byte))?;
            }
            byte if plain.contains(byte) => write!(f, "{}", char::from(*byte))?,
            byte => write!(f, "%{byte:02X}")?,
        }
    }
    Ok(())
}

impl Serialize for ListedUrl {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ListedUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let read: Self = text.parse().map_err(de::Error::custom)?;
        if read.to_string() == text { Ok(read) } else { Err(de::Error::custom(ListedUrlError::NotCanonical)) }
    }
}
