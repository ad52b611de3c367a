//! One kept value with its seal: a header that dates it and a digest that shows damage.
//!
//! Layout: `"wmr1"`, sequence (8 bytes, big-endian), revision (8), SHA-256 of sequence, revision and
//! body (32), body.

use vocabulary::{Digest, Hasher};

const MAGIC: &[u8; 4] = b"wmr1";
const HEADER: usize = 4 + 8 + 8 + 32;

/// The header of a kept value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seal {
    /// Rises with each write of the pair: the higher one is the newer.
    pub(crate) sequence: u64,
    /// The parcel's revision; 0 for a value that has none.
    pub(crate) revision: u64,
}

/// A value that is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// The sequence its header claims, if that can be read: a hint, not a fact.
    pub(crate) claimed: Option<u64>,
    /// What is wrong.
    pub(crate) reason: String,
}

impl Seal {
    /// The bytes to keep.
    pub(crate) fn close(self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + body.len());
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.revision.to_be_bytes());
        out.extend_from_slice(self.digest(body).as_bytes());
        out.extend_from_slice(body);
        out
    }

    /// Reads the header and checks the digest.
    pub(crate) fn open(kept: &[u8]) -> Result<(Self, &[u8]), Broken> {
        let broken = |claimed, reason: &str| Broken { claimed, reason: reason.to_owned() };
        let Some((header, body)) = kept.split_at_checked(HEADER) else {
            return Err(broken(None, "it is shorter than its header"));
        };
        if &header[..4] != MAGIC {
            return Err(broken(None, "it does not begin as a kept value does"));
        }
        let number =
            |at: usize| header[at..at + 8].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let seal = Self { sequence: number(4), revision: number(12) };
        if header[20..] != seal.digest(body).as_bytes()[..] {
            return Err(broken(Some(seal.sequence), "its bytes do not have the digest they were kept with"));
        }
        Ok((seal, body))
    }

    fn digest(self, body: &[u8]) -> Digest {
        Hasher::domain("wardmote/replica/v1")
            .part(&self.sequence.to_be_bytes())
            .part(&self.revision.to_be_bytes())
            .part(body)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_anywhere_breaks_the_seal() {
        let seal = Seal { sequence: 7, revision: 9 };
        let kept = seal.close(b"some body");
        assert_eq!(Seal::open(&kept), Ok((seal, b"some body".as_slice())));
        for place in 0..kept.len() {
            let mut changed = kept.clone();
            changed[place] ^= 1;
            assert!(Seal::open(&changed).is_err(), "byte {place}");
        }
        for length in 0..kept.len() {
            assert!(Seal::open(&kept[..length]).is_err(), "cut to {length}");
        }
    }
}
