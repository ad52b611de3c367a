//! Receipt codes: eight words that only the reporter has.
//!
//! 512 words, 9 bits each: 72 bits. Even against the slow hash's table of every kept code (2^20 reports), a guess
//! hits once in 2^52 tries, and tries are slowed. Only a slow hash is kept; the words are told apart by their first
//! four letters, so that a misspelled ending does not lock anybody out.

use crate::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Words of a code.
pub const CODE_WORDS: usize = 8;
/// How many words there are to choose from.
pub const WORDS: usize = 512;
/// Longest text that is looked at as a code, in bytes.
const TEXT_MAX: usize = 200;
/// So many letters tell the words of the list apart.
const TELLING: usize = 4;

const LIST: &str = include_str!("words.txt");

/// A receipt code.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<[u16; CODE_WORDS]>);

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Not eight words.
    #[error("a code has {CODE_WORDS} words")]
    Count,
    /// A word that is not on the list.
    #[error("word {0} is not one of ours; look for a slip in it")]
    Word(usize),
}

/// What is kept of a code: a slow hash, cut into a part to find it by and a part to compare.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiptHash([u8; Self::BYTES]);

impl Code {
    /// A code from 9 bytes of randomness, of which all 72 bits are used.
    pub fn from_bytes(bytes: [u8; 9]) -> Self {
        let mut words = Zeroizing::new([0u16; CODE_WORDS]);
        let mut number = bytes.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte));
        for word in words.iter_mut() {
            *word = (number % WORDS as u128) as u16;
            number /= WORDS as u128;
        }
        Self(words)
    }

    /// Reads a code as people type it: any case, any signs between the words, at least the first four letters
    /// of each word (or the whole of a shorter one).
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        if text.len() > TEXT_MAX {
            return Err(CodeError::Count);
        }
        let lower = Zeroizing::new(text.to_lowercase());
        let typed: Vec<&str> =
            lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
        if typed.len() != CODE_WORDS {
            return Err(CodeError::Count);
        }
        let mut words = Zeroizing::new([0u16; CODE_WORDS]);
        for (place, (word, typed)) in words.iter_mut().zip(typed).enumerate() {
            *word = word_number(typed).ok_or(CodeError::Word(place + 1))?;
        }
        Ok(Self(words))
    }

    /// The words, to be shown once.
    pub fn words(&self) -> Vec<&'static str> {
        let list: Vec<&'static str> = LIST.lines().collect();
        self.0.iter().filter_map(|word| list.get(usize::from(*word)).copied()).collect()
    }

    /// The code in one line, as it is hashed.
    pub fn to_secret(&self) -> Secret {
        Secret::new(self.words().join(" "))
    }
}

fn word_number(typed: &str) -> Option<u16> {
    let same = |word: &str| {
        typed == word
            || (word.len() > TELLING && typed.len() >= TELLING && word.get(..TELLING) == typed.get(..TELLING))
    };
    LIST.lines().position(same).and_then(|place| u16::try_from(place).ok())
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

impl ReceiptHash {
    /// Its length: 16 bytes to find it by, 32 to compare.
    pub const BYTES: usize = 48;

    /// Takes what a slow hash gave.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The part that a store finds it by. It is as slow to make as the rest, and says nothing about it.
    pub fn locator(&self) -> [u8; 16] {
        std::array::from_fn(|place| self.0[place])
    }

    /// Whether both are of one code, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for ReceiptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptHash(…)")
    }
}

impl From<ReceiptHash> for String {
    fn from(hash: ReceiptHash) -> Self {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for ReceiptHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let refused = "a receipt hash has 96 hex digits";
        if text.len() != 2 * Self::BYTES {
            return Err(refused);
        }
        let mut bytes = [0; Self::BYTES];
        for (place, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * place..2 * place + 2).ok_or(refused)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| refused)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use vocabulary::{Random, SeededRandom};

    #[test]
    fn the_list_has_512_short_words_told_apart_by_four_letters() {
        let words: Vec<&str> = LIST.lines().collect();
        assert_eq!(words.len(), WORDS);
        let heads: BTreeSet<&str> = words.iter().map(|word| word.get(..TELLING).unwrap_or(word)).collect();
        assert_eq!(heads.len(), WORDS, "two words begin alike");
        assert!(words.iter().all(|word| (3..=8).contains(&word.len())));
        assert!(words.iter().all(|word| word.bytes().all(|letter| letter.is_ascii_lowercase())));
        // 8 words of 512 are 72 bits; the design asks for no less than 64.
        assert_eq!(CODE_WORDS as u32 * (WORDS as u32).ilog2(), 72);
    }

    #[test]
    fn codes_survive_how_people_write_them_down() {
        let random: Box<dyn Random> = Box::new(SeededRandom::new(3));
        for _ in 0..200 {
            let code = Code::from_bytes(random.bytes());
            let words = code.words();
            assert_eq!(words.len(), CODE_WORDS);
            let shouted = words.join("-").to_uppercase();
            let short: Vec<_> = words.iter().map(|word| word.get(..TELLING).unwrap_or(word)).collect();
            let slipped: Vec<_> = words
                .iter()
                .map(|word| if word.len() > 4 { format!("{}x", &word[..4]) } else { (*word).into() })
                .collect();
            for text in
                [words.join(" "), shouted, format!(" 1. {} ", short.join(", 2. ")), slipped.join("\n")]
            {
                assert_eq!(Code::parse(&text).as_ref(), Ok(&code), "{text}");
            }
        }
    }

    #[test]
    fn every_bit_of_the_randomness_counts() {
        let whole = Code::from_bytes([0; 9]);
        for bit in 0..72 {
            let mut bytes = [0u8; 9];
            bytes[bit / 8] |= 1 << (bit % 8);
            assert_ne!(Code::from_bytes(bytes), whole, "bit {bit}");
        }
    }

    #[test]
    fn other_texts_are_no_codes() {
        assert_eq!(Code::parse(""), Err(CodeError::Count));
        assert_eq!(Code::parse("acorn acorn"), Err(CodeError::Count));
        assert_eq!(Code::parse(&"acorn ".repeat(9)), Err(CodeError::Count));
        assert_eq!(Code::parse(&"x".repeat(10_000)), Err(CodeError::Count));
        assert_eq!(Code::parse("acid acid acid acid acid acid acid zzzz"), Err(CodeError::Word(8)));
        assert_eq!(format!("{:?}", Code::from_bytes([7; 9])), "Code(…)");
    }
}
