//! Version 2: a block of bytes with fields behind the addresses (section 2.2).

use super::{Announced, BLOCK_BYTES_MAX, HeaderError, Step, canonical};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first twelve bytes.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED_BYTES: usize = 16;
/// `PP2_TYPE_CRC32C` (section 2.2.3).
const TYPE_CRC32C: u8 = 0x03;
/// Type and length of a field.
const FIELD_HEAD_BYTES: usize = 3;

/// Reads a block that begins with the signature.
pub(super) fn read(header: &[u8]) -> Result<Step, HeaderError> {
    let Some((&[version, family, high, low], block)) =
        header.get(SIGNATURE.len()..).and_then(<[u8]>::split_first_chunk)
    else {
        return Ok(Step::Take(FIXED_BYTES - header.len()));
    };
    let local = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err(HeaderError::Version),
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED_BYTES + length > BLOCK_BYTES_MAX {
        return Err(HeaderError::Length);
    }
    match length.checked_sub(block.len()) {
        None => return Err(HeaderError::Length),
        Some(0) => {}
        Some(missing) => return Ok(Step::Take(missing)),
    }
    // Whatever else stands in it is to be discarded.
    if local { Ok(Step::Done(Announced::Proxy)) } else { announced(family, header, block).map(Step::Done) }
}

fn announced(family: u8, header: &[u8], block: &[u8]) -> Result<Announced, HeaderError> {
    let (who, fields) = match family {
        0x00 => (Announced::Proxy, block),
        0x11 => {
            let (addresses, fields) = block.split_first_chunk::<12>().ok_or(HeaderError::Length)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            let source = (Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]));
            (Announced::Visitor(SocketAddr::from(source)), fields)
        }
        0x21 => {
            let (source, rest) = block.split_first_chunk::<16>().ok_or(HeaderError::Length)?;
            let (_, rest) = rest.split_first_chunk::<16>().ok_or(HeaderError::Length)?;
            let (&[high, low, _, _], fields) = rest.split_first_chunk().ok_or(HeaderError::Length)?;
            let source = (Ipv6Addr::from(*source), u16::from_be_bytes([high, low]));
            (Announced::Visitor(canonical(SocketAddr::from(source))), fields)
        }
        _ => return Err(HeaderError::Family),
    };
    if let Some(at) = checksum(fields)? {
        let at = header.len() - fields.len() + at;
        verify(header, at)?;
    }
    Ok(who)
}

/// Goes through the fields, which fill the block, and finds where the checksum's value stands among them.
fn checksum(fields: &[u8]) -> Result<Option<usize>, HeaderError> {
    let (mut at, mut found) = (0, None);
    while at < fields.len() {
        let head = fields.get(at..at + FIELD_HEAD_BYTES).ok_or(HeaderError::Fields)?;
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        let value = at + FIELD_HEAD_BYTES;
        if value + length > fields.len() {
            return Err(HeaderError::Fields);
        }
        if head[0] == TYPE_CRC32C && (length != 4 || found.replace(value).is_some()) {
            return Err(HeaderError::Checksum);
        }
        at = value + length;
    }
    Ok(found)
}

/// The checksum is that of the whole header with zeros in its own place.
fn verify(header: &[u8], at: usize) -> Result<(), HeaderError> {
    let (before, rest) = header.split_at(at);
    let (said, after) = rest.split_first_chunk::<4>().ok_or(HeaderError::Fields)?;
    let parts = [before, [0; 4].as_slice(), after];
    let sum = !parts.iter().flat_map(|part| part.iter()).fold(!0, |sum, byte| crc32c(sum, *byte));
    if sum == u32::from_be_bytes(*said) { Ok(()) } else { Err(HeaderError::Checksum) }
}

/// One byte more of a CRC-32c (RFC 9260, appendix A), bit by bit: headers are short and few carry one.
fn crc32c(sum: u32, byte: u8) -> u32 {
    (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg()))
}

/// The checksum of a whole header, for those who write one.
#[cfg(test)]
pub(super) fn checksum_of(header: &[u8]) -> u32 {
    !header.iter().fold(!0, |sum, byte| crc32c(sum, *byte))
}
