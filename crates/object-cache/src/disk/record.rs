//! A record on disk: the responses of one address, or one slice.
//!
//! foyer puts a checksum over record and whole key and compares both when it reads; here is what is inside:
//! a version, then the parts with their lengths. What does not read exactly as it was written is
//! [`Payload::Unreadable`].

use super::room::Taken;
use crate::body::{Body, ObjectId};
use crate::held::HeldKey;
use crate::response::StoredResponse;
use crate::variants::Variants;
use bytes::Bytes;
use caching::Stored;
use foyer::{Code, Error, Result};
use http::{HeaderName, HeaderValue};
use std::io::{Read, Write};
use std::sync::Arc;

/// Changes with every change of the form.
const VERSION: u8 = 1;
const RESPONSES: u8 = 0;
const SLICE: u8 = 1;
const WHOLE: u8 = 0;
const SLICED: u8 = 1;
/// Most fields and variants that are read back; requests and responses are bounded far below.
const COUNT_MAX: u32 = 4096;

/// What a record holds.
#[derive(Clone)]
pub(crate) enum Payload {
    Responses(Variants),
    Slice(Bytes),
    /// Bytes of another version, or damaged ones.
    Unreadable,
}

/// A record on its way to the disk or back.
pub(crate) struct Record {
    /// The fill that wrote it.
    pub(crate) written: u64,
    pub(crate) payload: Payload,
    /// The room it takes up while it waits to be written.
    pub(crate) _taken: Option<Taken>,
}

impl Record {
    fn decoded(bytes: Vec<u8>) -> Self {
        let unreadable = Self { written: 0, payload: Payload::Unreadable, _taken: None };
        decode(Bytes::from(bytes)).unwrap_or(unreadable)
    }
}

impl Payload {
    /// Bytes of a record with this payload.
    pub(crate) fn encoded_len(&self) -> usize {
        HEAD_BYTES
            + match self {
                Self::Responses(variants) => {
                    4 + variants.each().map(|each| response_len(each)).sum::<usize>()
                }
                Self::Slice(bytes) => bytes.len(),
                Self::Unreadable => 0,
            }
    }
}

/// Version, kind, fill.
const HEAD_BYTES: usize = 1 + 1 + 8;

impl Code for Record {
    fn encode(&self, writer: &mut impl Write) -> Result<()> {
        self.write(writer).map_err(Error::io_error)
    }

    fn decode(reader: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(Error::io_error)?;
        Ok(Self::decoded(bytes))
    }

    fn estimated_size(&self) -> usize {
        self.payload.encoded_len()
    }
}

impl Code for HeldKey {
    fn encode(&self, writer: &mut impl Write) -> Result<()> {
        writer.write_all(self.as_bytes()).map_err(Error::io_error)
    }

    fn decode(reader: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(Error::io_error)?;
        Ok(Self::new(&bytes))
    }

    fn estimated_size(&self) -> usize {
        self.as_bytes().len()
    }
}

impl Record {
    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        to.write_all(&[VERSION])?;
        match &self.payload {
            Payload::Responses(variants) => {
                to.write_all(&[RESPONSES])?;
                to.write_all(&self.written.to_le_bytes())?;
                number(to, variants.each().count())?;
                variants.each().try_for_each(|response| write_response(to, response))
            }
            Payload::Slice(bytes) => {
                to.write_all(&[SLICE])?;
                to.write_all(&self.written.to_le_bytes())?;
                to.write_all(bytes)
            }
            Payload::Unreadable => Ok(()),
        }
    }
}

fn write_response(to: &mut impl Write, response: &StoredResponse) -> std::io::Result<()> {
    to.write_all(&response.standing().sequence().to_le_bytes())?;
    to.write_all(&response.standing().fetched().to_le_bytes())?;
    let mut stored = Vec::with_capacity(128);
    response.stored().encode(&mut stored);
    text(to, &stored)?;
    number(to, response.fields().len())?;
    for (name, value) in response.fields() {
        text(to, name.as_str().as_bytes())?;
        text(to, value.as_bytes())?;
    }
    match response.body() {
        Body::Whole(bytes) => {
            to.write_all(&[WHOLE])?;
            text(to, bytes)
        }
        Body::Sliced { object, length } => {
            to.write_all(&[SLICED])?;
            to.write_all(&object.0.to_le_bytes())?;
            to.write_all(&length.to_le_bytes())
        }
    }
}

/// As [`write_response`] writes it.
fn response_len(response: &StoredResponse) -> usize {
    let mut stored = Vec::with_capacity(128);
    response.stored().encode(&mut stored);
    let fields = response.fields().iter();
    let fields: usize = fields.map(|(name, value)| 8 + name.as_str().len() + value.len()).sum();
    let body = match response.body() {
        Body::Whole(bytes) => 4 + bytes.len(),
        Body::Sliced { .. } => 16,
    };
    16 + 4 + stored.len() + 4 + fields + 1 + body
}

fn decode(bytes: Bytes) -> Option<Record> {
    let mut from = Reader { bytes: &bytes, at: 0 };
    if from.byte()? != VERSION {
        return None;
    }
    let kind = from.byte()?;
    let written = from.u64()?;
    let payload = match kind {
        RESPONSES => Payload::Responses(read_responses(&mut from)?),
        SLICE => Payload::Slice(from.rest()),
        _ => return None,
    };
    (from.at == bytes.len()).then_some(Record { written, payload, _taken: None })
}

fn read_responses(from: &mut Reader<'_>) -> Option<Variants> {
    let count = from.count()?;
    // One body may share the block that was read; several would keep it alive for each other.
    let share = count == 1;
    let responses = (0..count).map(|_| read_response(from, share).map(Arc::new));
    Variants::of(responses.collect::<Option<Vec<_>>>()?)
}

fn read_response(from: &mut Reader<'_>, share: bool) -> Option<StoredResponse> {
    let (sequence, fetched) = (from.u64()?, from.u64()?);
    let stored = Stored::decode(&from.text()?)?;
    let count = from.count()?;
    let mut fields = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let name = HeaderName::from_bytes(&from.text()?).ok()?;
        fields.push((name, HeaderValue::from_maybe_shared(from.text()?).ok()?));
    }
    let body = match from.byte()? {
        WHOLE => {
            let bytes = from.text()?;
            Body::Whole(if share { bytes } else { Bytes::copy_from_slice(&bytes) })
        }
        SLICED => Body::Sliced { object: ObjectId(from.u64()?), length: from.u64()? },
        _ => return None,
    };
    if body.len() != stored.length() {
        return None;
    }
    let response = StoredResponse::of_parts(stored, fields, body);
    response.standing().set_fill(sequence, fetched);
    Some(response)
}

fn number(to: &mut impl Write, count: usize) -> std::io::Result<()> {
    // Longer ones are no record: the room for one is far smaller.
    to.write_all(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes())
}

fn text(to: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    number(to, bytes.len())?;
    to.write_all(bytes)
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let taken = self.bytes.slice(self.at..end);
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u64(&mut self) -> Option<u64> {
        let bytes = self.take(8)?;
        Some(u64::from_le_bytes(bytes[..].try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?;
        Some(u32::from_le_bytes(bytes[..].try_into().ok()?))
    }

    fn count(&mut self) -> Option<u32> {
        self.u32().filter(|count| *count <= COUNT_MAX)
    }

    fn text(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.u32()?).ok()?;
        self.take(length)
    }

    fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.at..);
        self.at = self.bytes.len();
        rest
    }
}
