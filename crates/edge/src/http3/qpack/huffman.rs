//! The Huffman code of string literals (RFC 7541, Appendix B; RFC 9204 §4.1.2).
//!
//! Pure. The code is canonical: codes of one length are consecutive numbers, shorter ones come first, so that the
//! number of codes of each length and the order of the symbols say all of it.

use super::Malformed;

/// The shortest code, in bits.
const BITS_MIN: u32 = 5;
/// How many codes there are of each length, from the shortest up; the last one of the longest is the end of string.
const COUNTS: [u16; 26] =
    [10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4];
/// The symbols in the order of their codes.
#[rustfmt::skip]
const SYMBOLS: [u8; 256] = [
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51, 52, 53, 54, 55,
    56, 57, 61, 65, 95, 98, 100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58, 66, 67, 68,
    69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89,
    106, 107, 113, 118, 119, 120, 121, 122, 38, 42, 44, 59, 88, 90, 33, 34, 40, 41, 63, 39,
    43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94, 125, 60, 96, 123, 92, 195, 208, 128, 130,
    131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230, 129,
    132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
    196, 198, 228, 232, 233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157,
    158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142, 144, 145, 148, 159,
    171, 206, 215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219,
    238, 240, 242, 243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250,
    251, 252, 253, 254, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20,
    21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249, 10, 13, 22,
];

/// Decodes a whole string. Padding is the beginning of the end of string, and shorter than a byte.
pub(super) fn decode(coded: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::with_capacity(coded.len() + coded.len() / 2);
    let mut bytes = coded.iter();
    // The next bits, from the highest down.
    let (mut window, mut filled) = (0_u64, 0_u32);
    loop {
        while filled <= 56
            && let Some(byte) = bytes.next()
        {
            window |= u64::from(*byte) << (56 - filled);
            filled += 8;
        }
        match symbol(window) {
            Some((symbol, bits)) if bits <= filled => {
                text.push(symbol);
                window <<= bits;
                filled -= bits;
            }
            // What is left is no code: it must be padding.
            _ if filled < 8 && window == !(u64::MAX.checked_shr(filled).unwrap_or(0)) => return Ok(text),
            _ => return Err(Malformed),
        }
    }
}

/// The symbol whose code the window begins with, and the length of that code.
fn symbol(window: u64) -> Option<(u8, u32)> {
    // The first code of each length, and how many symbols have shorter codes.
    let (mut first, mut before) = (0_u64, 0_usize);
    for (bits, count) in (BITS_MIN..).zip(COUNTS) {
        let place = (window >> (64 - bits)).wrapping_sub(first);
        if place < u64::from(count) {
            let place = before + usize::try_from(place).ok()?;
            return SYMBOLS.get(place).map(|symbol| (*symbol, bits));
        }
        before += usize::from(count);
        first = (first + u64::from(count)) << 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// RFC 7541, Appendix C.4 and C.6.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        for (coded, text) in [
            ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
            ("a8eb10649cbf", "no-cache"),
            ("25a849e95ba97d7f", "custom-key"),
            ("25a849e95bb8e8b4bf", "custom-value"),
            ("6402", "302"),
            ("aec3771a4b", "private"),
            ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("9d29ad171863c78f0b97c8e9ae82ae43d3", "https://www.example.com"),
            ("", ""),
        ] {
            assert_eq!(decode(&bytes(coded)), Ok(text.as_bytes().to_vec()), "{coded}");
        }
    }

    #[test]
    fn wrong_padding_and_the_end_of_string_are_refused() {
        for coded in ["f1e3c2e5f23a6ba0ab90f4fe", "ff", "ffff", "ffffffff", "ffffffffffffffff", "1fff", "18"]
        {
            assert_eq!(decode(&bytes(coded)), Err(Malformed), "{coded}");
        }
    }

    #[test]
    fn every_symbol_has_one_code() {
        assert_eq!(COUNTS.iter().map(|count| usize::from(*count)).sum::<usize>(), SYMBOLS.len() + 1);
        let mut sorted = SYMBOLS;
        sorted.sort_unstable();
        assert!((0..=255).eq(sorted));
        // Kraft: nothing is left over, so no bits are without a meaning.
        let sum: u64 = (BITS_MIN..).zip(COUNTS).map(|(bits, count)| u64::from(count) << (30 - bits)).sum();
        assert_eq!(sum, 1 << 30);
    }
}
