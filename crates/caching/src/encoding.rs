//! `Accept-Encoding`, reduced to what matters here (RFC 9110 §12.5.3; RFC 9111 §4.1).

use crate::fields::{elements, is_token_byte, trim};

/// Which of zstd, br, gzip a client takes, and whether it refuses identity.
///
/// The text of this value, never the client's own, is in the key and goes to the origin, so at most 16
/// spellings exist however many clients send. Preferences among codings are given up for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AcceptedEncodings(u8);

const ZSTD: u8 = 1;
const BR: u8 = 2;
const GZIP: u8 = 4;
const NOT_IDENTITY: u8 = 8;

const TEXTS: [&str; 16] = [
    "identity",
    "zstd",
    "br",
    "zstd, br",
    "gzip",
    "zstd, gzip",
    "br, gzip",
    "zstd, br, gzip",
    "identity;q=0",
    "zstd, identity;q=0",
    "br, identity;q=0",
    "zstd, br, identity;q=0",
    "gzip, identity;q=0",
    "zstd, gzip, identity;q=0",
    "br, gzip, identity;q=0",
    "zstd, br, gzip, identity;q=0",
];

/// Lines as nearly all visitors send them.
const USUAL: [(&[u8], u8); 2] =
    [(b"gzip, deflate, br, zstd", ZSTD | BR | GZIP), (b"gzip, deflate, br", BR | GZIP)];

/// What a list said about each coding so far; an element that names a coding beats `*`.
#[derive(Default)]
pub(crate) struct Reading {
    named: u8,
    accepted: u8,
    star: Option<bool>,
}

impl Reading {
    /// Takes one line of the field. What browsers send is known at a glance.
    pub(crate) fn line(&mut self, line: &[u8]) {
        if let Some((_, bits)) = USUAL.iter().find(|(usual, _)| *usual == line) {
            self.named |= bits;
            self.accepted |= bits;
            return;
        }
        for element in elements(line) {
            self.element(element);
        }
    }

    fn element(&mut self, element: &[u8]) {
        let (coding, parameters) = match element.iter().position(|byte| *byte == b';') {
            Some(at) => (trim(&element[..at]), &element[at + 1..]),
            None => (element, &[][..]),
        };
        let welcome = !weight_is_zero(parameters);
        let bit = match coding {
            b"*" => {
                self.star = Some(welcome);
                return;
            }
            c if c.eq_ignore_ascii_case(b"zstd") => ZSTD,
            c if c.eq_ignore_ascii_case(b"br") => BR,
            // RFC 9110 §8.4.1.3: x-gzip is gzip.
            c if c.eq_ignore_ascii_case(b"gzip") || c.eq_ignore_ascii_case(b"x-gzip") => GZIP,
            c if c.eq_ignore_ascii_case(b"identity") => NOT_IDENTITY,
            _ => return,
        };
        self.named |= bit;
        let on = if bit == NOT_IDENTITY { !welcome } else { welcome };
        self.accepted = if on { self.accepted | bit } else { self.accepted & !bit };
    }

    pub(crate) fn finish(self) -> AcceptedEncodings {
        let unnamed = !self.named;
        let by_star = match self.star {
            Some(true) => ZSTD | BR | GZIP,
            Some(false) => NOT_IDENTITY,
            None => 0,
        };
        AcceptedEncodings((self.accepted | (by_star & unnamed)) & 15)
    }
}

/// Whether `q` is written as zero (RFC 9110 §12.4.2).
fn weight_is_zero(parameters: &[u8]) -> bool {
    parameters.split(|byte| *byte == b';').any(|parameter| {
        let parameter = trim(parameter);
        let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
        value.is_some_and(|value| {
            let digits = value.iter().filter(|byte| is_token_byte(**byte) && **byte != b'.');
            !value.is_empty() && digits.clone().count() > 0 && digits.clone().all(|byte| *byte == b'0')
        })
    })
}

impl AcceptedEncodings {
    /// The one text for this set: a valid `Accept-Encoding` value.
    pub fn as_str(self) -> &'static str {
        TEXTS[usize::from(self.0 & 15)]
    }
}
