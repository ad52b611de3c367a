//! Integers with a prefix (RFC 7541 §5.1; RFC 9204 §4.1.1).

use super::Malformed;
use bytes::{Buf, BufMut};

/// Numbers that are any use here have fewer bits; more are refused before they can overflow.
const BITS_MAX: u32 = 56;

/// Takes an integer whose first byte keeps `prefix` bits for it; the byte's other bits are the caller's.
pub(super) fn decode(prefix: u32, from: &mut impl Buf) -> Result<u64, Malformed> {
    let mask = (1_u64 << prefix) - 1;
    let first = u64::from(from.try_get_u8().map_err(|_| Malformed)?) & mask;
    if first < mask {
        return Ok(first);
    }
    let (mut value, mut shift) = (mask, 0);
    loop {
        let byte = from.try_get_u8().map_err(|_| Malformed)?;
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
        shift += 7;
        if shift >= BITS_MAX {
            return Err(Malformed);
        }
    }
}

/// Writes an integer behind the `flags` of its first byte.
pub(super) fn encode(prefix: u32, flags: u8, value: usize, into: &mut impl BufMut) {
    let mask = (1_usize << prefix) - 1;
    if value < mask {
        into.put_u8(flags | low(value));
        return;
    }
    into.put_u8(flags | low(mask));
    let mut left = value - mask;
    while left >= 0x80 {
        into.put_u8(low(left & 0x7f) | 0x80);
        left >>= 7;
    }
    into.put_u8(low(left));
}

/// The lowest eight bits.
fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7541, Appendix C.1.
    #[test]
    fn the_examples_of_the_rfc_are_read_and_written() {
        for (prefix, value, bytes) in
            [(5, 10, vec![10]), (5, 1337, vec![31, 154, 10]), (8, 42, vec![42]), (6, 63, vec![63, 0])]
        {
            let mut written = Vec::new();
            encode(prefix, 0, value, &mut written);
            assert_eq!(written, bytes);
            assert_eq!(decode(prefix, &mut &bytes[..]), Ok(value as u64));
        }
    }

    #[test]
    fn an_integer_that_does_not_end_is_refused() {
        for bytes in [vec![], vec![31], vec![31, 128], [vec![31], vec![255; 20]].concat()] {
            assert_eq!(decode(5, &mut &bytes[..]), Err(Malformed), "{bytes:?}");
        }
    }
}
