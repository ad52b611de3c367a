//! The functions that make texts.

use super::ast::{Address, Integer, Replacement, ReplacementPart, Text, UrlDecoding};
use super::evaluate::{Piece, Run};
use super::scratch::Overrun;
use regex::bytes::Regex;
use std::io::Write;
use std::ops::Range;

/// How often recursive decoding begins anew, at most.
const DECODINGS_MAX: usize = 8;

type Made<'a> = Result<Option<Piece<'a>>, Overrun>;

impl<'a> Run<'a, '_> {
    pub(super) fn recased(&mut self, inner: &'a Text, change: fn(&mut [u8])) -> Made<'a> {
        let Some(piece) = self.text(inner)? else { return Ok(None) };
        let range = self.copied(piece)?;
        change(self.scratch.at_mut(range.clone()));
        Ok(Some(built(range)))
    }

    pub(super) fn concat(&mut self, all: &'a [Text]) -> Made<'a> {
        // Parts are built first and copied together afterwards, since they may build themselves.
        let mut pieces = [None; super::functions::ARGUMENTS_MAX];
        for (slot, text) in pieces.iter_mut().zip(all) {
            *slot = self.text(text)?;
        }
        let start = self.scratch.mark();
        for piece in pieces.into_iter().flatten() {
            self.copied(piece)?;
        }
        Ok(Some(Piece::Built(start, self.scratch.mark())))
    }

    pub(super) fn substring(&mut self, inner: &'a Text, start: i64, end: Option<i64>) -> Made<'a> {
        let Some(piece) = self.text(inner)? else { return Ok(None) };
        let length = self.bytes(piece).len();
        let start = from_either_end(start, length);
        let end = end.map_or(length, |end| from_either_end(end, length)).max(start);
        Ok(Some(match piece {
            Piece::Held(bytes) => Piece::Held(&bytes[start..end]),
            Piece::Built(from, _) => Piece::Built(from + start, from + end),
        }))
    }

    pub(super) fn without(&mut self, inner: &'a Text, without: &[bool; 256]) -> Made<'a> {
        let Some(piece) = self.text(inner)? else { return Ok(None) };
        let range = self.copied(piece)?;
        let mut end = range.start;
        let bytes = self.scratch.at_mut(0..range.end);
        for index in range.clone() {
            let byte = bytes[index];
            if !without[usize::from(byte)] {
                bytes[end] = byte;
                end += 1;
            }
        }
        Ok(Some(Piece::Built(range.start, end)))
    }

    pub(super) fn integer_text(&mut self, integer: &'a Integer) -> Made<'a> {
        let Some(value) = self.integer(integer)? else { return Ok(None) };
        self.printed(format_args!("{value}"))
    }

    pub(super) fn address_text(&mut self, address: &Address) -> Made<'a> {
        let value = self.address(address);
        self.printed(format_args!("{value}"))
    }

    fn printed(&mut self, what: std::fmt::Arguments<'_>) -> Made<'a> {
        let mut room = [0u8; 64];
        let left = {
            let mut rest = &mut room[..];
            rest.write_fmt(what).map_err(|_| Overrun)?;
            rest.len()
        };
        let start = self.scratch.mark();
        self.scratch.extend(&room[..room.len() - left])?;
        Ok(Some(Piece::Built(start, self.scratch.mark())))
    }

    pub(super) fn url_decoded(&mut self, inner: &'a Text, how: UrlDecoding) -> Made<'a> {
        let Some(piece) = self.text(inner)? else { return Ok(None) };
        if !self.bytes(piece).iter().any(|byte| matches!(byte, b'%' | b'+')) {
            return Ok(Some(piece));
        }
        let mut range = self.copied(piece)?;
        let times = if how.recursive { DECODINGS_MAX } else { 1 };
        for _ in 0..times {
            let (decoded, changed) = self.decoded_once(range, how.unicode);
            range = decoded;
            if !changed {
                break;
            }
        }
        Ok(Some(built(range)))
    }

    /// Decodes in place, which works because nothing decodes to more bytes than it had.
    fn decoded_once(&mut self, range: Range<usize>, unicode: bool) -> (Range<usize>, bool) {
        let (mut at, mut end, mut changed) = (range.start, range.start, false);
        while at < range.end {
            let (decoded, taken) = self.decode_at(at, range.end, unicode);
            changed |= taken > 1 || decoded.first() != self.scratch.byte(at).as_ref();
            let room = self.scratch.at_mut(end..end + decoded.len());
            room.copy_from_slice(decoded.as_slice());
            end += decoded.len();
            at += taken;
        }
        (range.start..end, changed)
    }

    fn decode_at(&self, at: usize, end: usize, unicode: bool) -> (Decoded, usize) {
        let byte = self.scratch.byte(at).unwrap_or_default();
        match byte {
            b'+' => (Decoded::byte(b' '), 1),
            b'%' if unicode && at + 6 <= end && matches!(self.scratch.byte(at + 1), Some(b'u' | b'U')) => {
                match self.hex(at + 2, 4).and_then(char::from_u32) {
                    Some(letter) => (Decoded::char(letter), 6),
                    None => (Decoded::byte(byte), 1),
                }
            }
            b'%' if at + 3 <= end => match self.hex(at + 1, 2).and_then(|value| u8::try_from(value).ok()) {
                Some(value) => (Decoded::byte(value), 3),
                None => (Decoded::byte(byte), 1),
            },
            _ => (Decoded::byte(byte), 1),
        }
    }

    fn hex(&self, at: usize, digits: usize) -> Option<u32> {
        self.scratch
            .at(at..at + digits)
            .iter()
            .try_fold(0, |value, digit| char::from(*digit).to_digit(16).map(|digit| value * 16 + digit))
    }

    /// Only in values, which are made once a rule has matched: finding groups allocates.
    pub(super) fn replaced(&mut self, inner: &'a Text, regex: &Regex, with: &Replacement) -> Made<'a> {
        let Some(piece) = self.text(inner)? else { return Ok(None) };
        let from = self.bytes(piece).to_vec();
        let Some(groups) = regex.captures(&from) else { return Ok(Some(piece)) };
        let Some(whole) = groups.get(0) else { return Ok(Some(piece)) };
        let start = self.scratch.mark();
        self.scratch.extend(&from[..whole.start()])?;
        for part in &with.0 {
            match part {
                ReplacementPart::Literal(bytes) => self.scratch.extend(bytes)?,
                ReplacementPart::Group(number) => {
                    self.scratch.extend(groups.get(*number).map_or(&[][..], |group| group.as_bytes()))?;
                }
            }
        }
        self.scratch.extend(&from[whole.end()..])?;
        Ok(Some(Piece::Built(start, self.scratch.mark())))
    }
}

fn built<'a>(range: Range<usize>) -> Piece<'a> {
    Piece::Built(range.start, range.end)
}

/// An index that counts from the end when it is negative, brought into the text.
fn from_either_end(index: i64, length: usize) -> usize {
    let distance = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    if index < 0 { length.saturating_sub(distance) } else { distance.min(length) }
}

/// Up to three bytes: the most that `%uXXXX` becomes in UTF-8.
struct Decoded([u8; 4], usize);

impl Decoded {
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    fn char(letter: char) -> Self {
        let mut bytes = [0; 4];
        let length = letter.encode_utf8(&mut bytes).len();
        Self(bytes, length)
    }

    fn as_slice(&self) -> &[u8] {
        &self.0[..self.1]
    }

    fn len(&self) -> usize {
        self.1
    }

    fn first(&self) -> Option<&u8> {
        self.as_slice().first()
    }
}
