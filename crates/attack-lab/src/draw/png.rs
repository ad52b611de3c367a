//! A picture of few colours as a PNG (RFC 2083), packed by runs (RFC 1951 with its fixed codes).

/// Four bits a pixel, rows from the top.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture of the palette's first colour.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![0; width * height] }
    }

    /// Sets a pixel; outside there is none to set.
    pub(crate) fn set(&mut self, x: i64, y: i64, colour: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            self.pixels[y * self.width + x] = colour;
        }
    }

    /// The file; the palette has sixteen colours at most.
    pub(crate) fn png(&self, palette: &[[u8; 3]]) -> Vec<u8> {
        let mut rows = Vec::new();
        let mut above = vec![0; self.width.div_ceil(2)];
        for row in self.pixels.chunks(self.width) {
            // Each byte less the one above it: most rows repeat the last one, which leaves a run of zeros.
            rows.push(2);
            for (above, pair) in above.iter_mut().zip(row.chunks(2)) {
                let byte = pair[0] << 4 | pair.get(1).copied().unwrap_or(0);
                rows.push(byte.wrapping_sub(*above));
                *above = byte;
            }
        }
        let size = |side: usize| u32::try_from(side).unwrap_or(0).to_be_bytes();
        let mut header = [size(self.width), size(self.height)].concat();
        // Four bits, palette, deflate, adaptive filters, not interlaced.
        header.extend([4, 3, 0, 0, 0]);
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut out, b"IHDR", &header);
        chunk(&mut out, b"PLTE", &palette.concat());
        chunk(&mut out, b"IDAT", &zlib(&rows));
        chunk(&mut out, b"IEND", &[]);
        out
    }
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    out.extend(u32::try_from(content.len()).unwrap_or(0).to_be_bytes());
    let from = out.len();
    out.extend(kind);
    out.extend(content);
    let check = crc(&out[from..]);
    out.extend(check.to_be_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ sum >> 1 } else { sum >> 1 },
        )
    };
    !bytes.iter().fold(u32::MAX, step)
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    out.extend(deflate(bytes));
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    out.extend((high << 16 | low).to_be_bytes());
    out
}

/// One block with the fixed codes; runs of one byte become matches at distance one.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0b011, 3);
    let mut at = 0;
    while at < bytes.len() {
        bits.literal(bytes[at]);
        let run = bytes[at + 1..].iter().take_while(|byte| **byte == bytes[at]).count();
        at += 1 + bits.run(run);
    }
    bits.code(0, 7);
    bits.finish()
}

#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    /// The lowest bit first, as numbers are written.
    fn put(&mut self, value: u32, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.held.to_le_bytes()[0]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// The highest bit first, as codes are written.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn literal(&mut self, byte: u8) {
        match byte {
            0..=143 => self.code(0x30 + u32::from(byte), 8),
            144..=255 => self.code(0x190 + u32::from(byte) - 144, 9),
        }
    }

    /// Repeats the last byte; says how often, since the rest of a run may be too short to say.
    fn run(&mut self, length: usize) -> usize {
        let mut left = length;
        while left >= 3 {
            // Lengths 3 to 10 and 258 have codes without further bits.
            let (code, bits, said) = if left >= 258 { (0xc5, 8, 258) } else { short(left.min(10)) };
            self.code(code, bits);
            self.code(0, 5);
            left -= said;
        }
        length - left
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0, 7);
        self.out
    }
}

/// The code of a length from 3 to 10, its bits, and the length.
fn short(length: usize) -> (u32, u32, usize) {
    (u32::try_from(length).unwrap_or(3) - 2, 7, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_the_standards() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!(zlib(b"Wikipedia")[zlib(b"Wikipedia").len() - 4..], 0x11e6_0398_u32.to_be_bytes());
    }

    #[test]
    fn a_long_run_takes_few_bytes() {
        assert!(deflate(&[0; 10_000]).len() < 100);
    }
}
