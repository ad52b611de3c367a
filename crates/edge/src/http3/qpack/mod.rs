//! Field sections (RFC 9204) without a dynamic table.
//!
//! Pure. The edge tells every visitor that its table holds nothing (`SETTINGS_QPACK_MAX_TABLE_CAPACITY` is 0 unless
//! told otherwise), so a section is read from its own bytes alone: no stream waits for another, and no visitor decides
//! over memory that outlives its request. What the edge writes refers to the static table only, and is not Huffman
//! coded: its heads are short, and the bytes saved cost more than they weigh.

mod huffman;
mod integer;
mod static_table;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::borrow::Cow;

/// What each line weighs besides its name and value (RFC 9114 §4.2.2).
const LINE_OVERHEAD: usize = 32;
/// The bit that marks a coded string, and those that mark a line, from the highest down.
const INDEXED: u8 = 0x80;
const INDEXED_STATIC: u8 = 0x40;
const NAME_REFERENCE: u8 = 0x40;
const NAME_REFERENCE_STATIC: u8 = 0x10;
const LITERAL_NAME: u8 = 0x20;

/// Bytes that are no field section, or one that refers to a dynamic table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Why a section gives no lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Not QPACK as it was agreed on.
    Malformed,
    /// Its lines weigh more than the bound.
    TooLarge,
}

impl From<Malformed> for Unread {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// One field line, as bytes that may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: Cow<'static, [u8]>,
    pub(super) value: Cow<'static, [u8]>,
}

/// Reads a whole section, whose lines may weigh `bytes_max`.
pub(super) fn decode(mut section: Bytes, bytes_max: usize) -> Result<Vec<Line>, Unread> {
    prefix(&mut section)?;
    let (mut lines, mut weight) = (Vec::with_capacity(16), 0);
    while section.has_remaining() {
        let line = line(&mut section)?;
        weight += line.name.len() + line.value.len() + LINE_OVERHEAD;
        if weight > bytes_max {
            return Err(Unread::TooLarge);
        }
        lines.push(line);
    }
    Ok(lines)
}

/// RFC 9204 §4.5.1. Nothing can be required of a table that holds nothing, and no base stands before its beginning.
fn prefix(section: &mut Bytes) -> Result<(), Malformed> {
    let required = integer::decode(8, section)?;
    let negative = section.first().is_none_or(|first| first & 0x80 != 0);
    integer::decode(7, section)?;
    if required == 0 && !negative { Ok(()) } else { Err(Malformed) }
}

/// RFC 9204 §4.5.2 to §4.5.6.
fn line(section: &mut Bytes) -> Result<Line, Malformed> {
    let first = *section.first().ok_or(Malformed)?;
    if first & INDEXED != 0 {
        let (name, value) = known(integer::decode(6, section)?, first & INDEXED_STATIC)?;
        return Ok(Line { name: name.as_bytes().into(), value: value.as_bytes().into() });
    }
    if first & NAME_REFERENCE != 0 {
        let (name, _) = known(integer::decode(4, section)?, first & NAME_REFERENCE_STATIC)?;
        return Ok(Line { name: name.as_bytes().into(), value: string(7, section)?.into() });
    }
    if first & LITERAL_NAME != 0 {
        return Ok(Line { name: string(3, section)?.into(), value: string(7, section)?.into() });
    }
    // An index behind a base that there is not.
    Err(Malformed)
}

fn known(index: u64, is_static: u8) -> Result<(&'static str, &'static str), Malformed> {
    let line = usize::try_from(index).ok().and_then(|index| static_table::LINES.get(index));
    line.filter(|_| is_static != 0).copied().ok_or(Malformed)
}

/// RFC 9204 §4.1.2: a string whose length has `prefix` bits; the bit before them says whether it is coded.
fn string(prefix: u32, section: &mut Bytes) -> Result<Vec<u8>, Malformed> {
    let coded = section.first().is_some_and(|first| first & (1 << prefix) != 0);
    let length = usize::try_from(integer::decode(prefix, section)?).map_err(|_| Malformed)?;
    if length > section.len() {
        return Err(Malformed);
    }
    let bytes = section.split_to(length);
    if coded { huffman::decode(&bytes) } else { Ok(bytes.to_vec()) }
}

/// Writes sections.
pub(super) struct Encoder {
    section: BytesMut,
}

impl Encoder {
    pub(super) fn new() -> Self {
        let mut section = BytesMut::with_capacity(512);
        // Nothing is required, and the base is 0.
        section.put_slice(&[0, 0]);
        Self { section }
    }

    /// Adds a line. `name` is in lower case.
    pub(super) fn line(&mut self, name: &str, value: &[u8]) {
        let into = &mut self.section;
        match static_table::BY_NAME.get(name) {
            Some(first) => match static_table::index_of(*first, name, value) {
                Some(index) => {
                    integer::encode(6, INDEXED | INDEXED_STATIC, index.into(), into);
                    return;
                }
                None => integer::encode(4, NAME_REFERENCE | NAME_REFERENCE_STATIC, (*first).into(), into),
            },
            None => {
                integer::encode(3, LITERAL_NAME, name.len(), into);
                into.put_slice(name.as_bytes());
            }
        }
        integer::encode(7, 0, value.len(), into);
        into.put_slice(value);
    }

    pub(super) fn finish(self) -> Bytes {
        self.section.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(section: &[u8]) -> Result<Vec<(String, String)>, Unread> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let lines = decode(Bytes::copy_from_slice(section), 4096)?;
        Ok(lines.iter().map(|line| (text(&line.name), text(&line.value))).collect())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = [
            (":status", "200"),
            (":status", "451"),
            ("content-type", "text/html; charset=utf-8"),
            ("content-type", "image/webp"),
            ("x-frame-options", "sameorigin"),
            (
                "x-unheard-of",
                "a value longer than what fits in the first byte of its length: it goes on and on, and \
              on, until a hundred and twenty-seven bytes are over",
            ),
            ("a", ""),
        ];
        let mut encoder = Encoder::new();
        all.iter().for_each(|(name, value)| encoder.line(name, value.as_bytes()));
        let read = lines(&encoder.finish()).expect("read");
        assert_eq!(read, all.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    /// RFC 9204, Appendix B.1.
    #[test]
    fn the_example_of_the_rfc_is_read() {
        let section = b"\x00\x00\x51\x0b/index.html";
        assert_eq!(lines(section), Ok(vec![(":path".to_owned(), "/index.html".to_owned())]));
    }

    #[test]
    fn what_needs_a_dynamic_table_and_what_breaks_off_is_refused() {
        let cases: [&[u8]; 12] = [
            b"",
            b"\x00",
            b"\x02\x00\x80",
            b"\x00\x80\xd1",
            b"\x00\x00\x80",
            b"\x00\x00\x10",
            b"\x00\x00\x40\x00",
            b"\x00\x00\x00\x00",
            b"\x00\x00\xff\x24",
            b"\x00\x00\x51",
            b"\x00\x00\x51\x05/",
            b"\x00\x00\x27\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ];
        for section in cases {
            assert_eq!(lines(section), Err(Unread::Malformed), "{section:?}");
        }
    }

    #[test]
    fn a_section_may_weigh_so_much_and_no_more() {
        // One byte each that stands for many.
        let section = [vec![0, 0], vec![0xd1; 100]].concat();
        let weight = 100 * (":method".len() + "GET".len() + LINE_OVERHEAD);
        assert!(decode(section.clone().into(), weight).is_ok());
        assert_eq!(decode(section.into(), weight - 1), Err(Unread::TooLarge));
    }
}
