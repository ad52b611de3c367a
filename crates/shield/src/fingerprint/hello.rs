//! The fingerprint of a ClientHello (RFC 8446 §4.1.2), as JA4 writes it (the published technical details of its TLS
//! client fingerprint): what is offered, without the random values that programs strew in (GREASE, RFC 8701), and sorted,
//! since browsers shuffle it.

use super::Carrier;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write as _;

/// The longest hello that is looked at, in bytes.
pub const HELLO_BYTES_MAX: usize = 16 * 1024;

/// The kind of a record, and that of a message in it.
const HANDSHAKE: usize = 22;
const CLIENT_HELLO: u8 = 1;
/// Extensions (RFC 6066, RFC 7301, RFC 8446).
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
/// The most that two digits tell.
const COUNT_MAX: usize = 99;

/// The fingerprint of a hello, from the handshake message with its head; none where it cannot be read.
pub fn of_hello(message: &[u8], carrier: Carrier) -> Option<String> {
    let message = message.get(..message.len().min(HELLO_BYTES_MAX))?;
    Some(Hello::read(message)?.text(carrier))
}

/// The same of a hello as it comes over TCP: in TLS records (RFC 8446 §5.1), of which other things may follow.
pub fn of_records(bytes: &[u8], carrier: Carrier) -> Option<String> {
    let (mut records, mut message) = (Reader(bytes), Vec::with_capacity(bytes.len().min(HELLO_BYTES_MAX)));
    while message.len() < HELLO_BYTES_MAX {
        // The last one may not be all there.
        let Some(kind) = records.number(1) else { break };
        records.take(2)?;
        let Some(content) = records.vector(2).filter(|_| kind == HANDSHAKE) else { break };
        message.extend_from_slice(content.0);
    }
    of_hello(&message, carrier)
}

/// What a hello offers, without GREASE.
#[derive(Default)]
struct Hello {
    legacy_version: u16,
    suites: Vec<u16>,
    extensions: Vec<u16>,
    signatures: Vec<u16>,
    versions: Vec<u16>,
    /// The first protocol offered.
    protocol: Vec<u8>,
}

impl Hello {
    fn read(message: &[u8]) -> Option<Self> {
        let mut message = Reader(message);
        if message.number(1)? != usize::from(CLIENT_HELLO) {
            return None;
        }
        let length = message.number(3)?;
        let mut body = Reader(message.take(length)?);
        let legacy_version = body.short()?;
        // The random, and the session.
        body.take(32)?;
        body.vector(1)?;
        let suites = body.vector(2)?.shorts();
        body.vector(1)?;
        let mut hello = Self { legacy_version, suites, ..Self::default() };
        // A hello may end here.
        let mut extensions = body.vector(2).unwrap_or(Reader(&[]));
        while !extensions.0.is_empty() {
            let (kind, content) = (extensions.short()?, extensions.vector(2)?);
            hello.take(kind, content);
        }
        Some(hello)
    }

    fn take(&mut self, kind: u16, mut content: Reader<'_>) {
        if is_grease(kind) {
            return;
        }
        self.extensions.push(kind);
        match kind {
            SIGNATURE_ALGORITHMS => {
                self.signatures = content.vector(2).map(Reader::shorts).unwrap_or_default()
            }
            SUPPORTED_VERSIONS => self.versions = content.vector(1).map(Reader::shorts).unwrap_or_default(),
            ALPN => {
                let first = content.vector(2).and_then(|mut names| names.vector(1));
                self.protocol = first.map(|name| name.0.to_vec()).unwrap_or_default();
            }
            _ => {}
        }
    }

    fn text(mut self, carrier: Carrier) -> String {
        let mut text = String::with_capacity(36);
        let carrier = if carrier == Carrier::Quic { 'q' } else { 't' };
        let named = if self.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
        let [first, last] = self.protocol_ends();
        let (suites, extensions) = (self.suites.len().min(COUNT_MAX), self.extensions.len().min(COUNT_MAX));
        // Writing to a String cannot fail.
        let _ = write!(text, "{carrier}{}{named}{suites:02}{extensions:02}{first}{last}_", self.version());
        self.suites.sort_unstable();
        self.extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        self.extensions.sort_unstable();
        text.push_str(&hashed(&listed(&self.suites)));
        text.push('_');
        let mut offered = listed(&self.extensions);
        if !self.signatures.is_empty() {
            offered.push('_');
            offered.push_str(&listed(&self.signatures));
        }
        text.push_str(&hashed(&offered));
        text
    }

    fn version(&self) -> &'static str {
        match self.versions.iter().copied().max().unwrap_or(self.legacy_version) {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            0x0300 => "s3",
            _ => "00",
        }
    }

    /// The first and the last sign of the first protocol; in hexadecimal where they are no letters or digits.
    fn protocol_ends(&self) -> [char; 2] {
        let (Some(first), Some(last)) = (self.protocol.first(), self.protocol.last()) else {
            return ['0'; 2];
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            return [char::from(*first), char::from(*last)];
        }
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
        [digit(first >> 4), digit(last & 15)]
    }
}

/// RFC 8701 §2.
fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn listed(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(numbers.len() * 5 + 1);
    for (place, number) in numbers.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let _ = write!(text, "{comma}{number:04x}");
    }
    text
}

/// The first twelve digits of the SHA-256; zeros of nothing.
fn hashed(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let hash = digest(&SHA256, text.as_bytes());
    let mut digits = String::with_capacity(12);
    for byte in &hash.as_ref()[..6] {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn short(&mut self) -> Option<u16> {
        u16::try_from(self.number(2)?).ok()
    }

    /// What follows its own length, which has so many bytes.
    fn vector(&mut self, length_bytes: usize) -> Option<Reader<'a>> {
        let length = self.number(length_bytes)?;
        self.take(length).map(Reader)
    }

    /// All numbers of two bytes, without GREASE.
    fn shorts(self) -> Vec<u16> {
        let pairs = self.0.as_chunks::<2>().0.iter();
        pairs.map(|pair| u16::from_be_bytes(*pair)).filter(|number| !is_grease(*number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello that offers these, in this order.
    fn hello(suites: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let bytes =
            |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(0);
        body.extend(u16::try_from(suites.len() * 2).expect("short").to_be_bytes());
        body.extend(bytes(suites));
        body.extend([1, 0]);
        let mut listed = Vec::new();
        for (kind, content) in extensions {
            listed.extend(kind.to_be_bytes());
            listed.extend(u16::try_from(content.len()).expect("short").to_be_bytes());
            listed.extend(content);
        }
        body.extend(u16::try_from(listed.len()).expect("short").to_be_bytes());
        body.extend(listed);
        let mut message = vec![CLIENT_HELLO];
        message.extend(&u32::try_from(body.len()).expect("short").to_be_bytes()[1..]);
        message.extend(body);
        message
    }

    const SUITES: [u16; 15] = [
        0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
        0x009d, 0x002f, 0x0035,
    ];

    /// The worked example of JA4's technical details.
    fn example() -> Vec<(u16, Vec<u8>)> {
        let signatures = vec![0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1];
        let mut extensions: Vec<_> =
            [0x1b, 0x00, 0x33, 0x4469, 0x17, 0x2d, 0x05, 0x23, 0x12, 0x0b, 0x0a, 0xff01, 0x15]
                .map(|kind| (kind, vec![]))
                .into();
        extensions.push((SIGNATURE_ALGORITHMS, signatures));
        extensions.push((ALPN, vec![0, 3, 2, b'h', b'2']));
        extensions.push((SUPPORTED_VERSIONS, vec![6, 0x2a, 0x2a, 3, 4, 3, 3]));
        extensions
    }

    #[test]
    fn the_published_example_has_its_published_fingerprint() {
        let text = of_hello(&hello(&SUITES, &example()), Carrier::Tcp);
        assert_eq!(text.as_deref(), Some("t13d1516h2_8daaf6152771_e5627efa2ab1"));
        let mut records = Vec::new();
        for piece in hello(&SUITES, &example()).chunks(100) {
            let length = u8::try_from(piece.len()).expect("short");
            records.extend([22, 3, 1, 0, length]);
            records.extend(piece);
        }
        assert_eq!(of_records(&records, Carrier::Tcp), text);
        records.extend([23, 3, 3, 0, 200, 1]);
        assert_eq!(of_records(&records, Carrier::Tcp), text);
    }

    #[test]
    fn what_a_program_strews_in_and_shuffles_makes_no_difference() {
        let usual = of_hello(&hello(&SUITES, &example()), Carrier::Tcp);
        let (mut suites, mut extensions) = (SUITES.to_vec(), example());
        suites.reverse();
        suites.insert(0, 0x7a7a);
        extensions.reverse();
        extensions.insert(3, (0xeaea, vec![0]));
        assert_eq!(of_hello(&hello(&suites, &extensions), Carrier::Tcp), usual);
        suites.pop();
        assert_ne!(of_hello(&hello(&suites, &extensions), Carrier::Tcp), usual);
    }

    #[test]
    fn a_hello_with_little_in_it_has_a_fingerprint_and_what_is_none_has_none() {
        let bare = of_hello(&hello(&[], &[]), Carrier::Quic);
        assert_eq!(bare.as_deref(), Some("q12i000000_000000000000_000000000000"));
        let whole = hello(&SUITES, &example());
        for length in 0..whole.len() {
            assert_eq!(of_hello(&whole[..length], Carrier::Tcp), None, "{length}");
        }
        assert_eq!(of_hello(&[2, 0, 0, 0], Carrier::Tcp), None);
        let strange =
            [(ALPN, vec![0, 2, 1, 0xff]), (SUPPORTED_VERSIONS, vec![200]), (SIGNATURE_ALGORITHMS, vec![])];
        let strange = of_hello(&hello(&[1], &strange), Carrier::Tcp).expect("a fingerprint");
        assert!(strange.starts_with("t12i0103ff_"), "{strange}");
    }
}
