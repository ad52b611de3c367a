//! Malformed input out of well-formed input.

use vocabulary::SeededRandom;

/// Changes inputs in ways that parsers get wrong: bytes flipped, pieces removed, doubled or swapped, and
/// words put in that mean something to the parser.
pub struct Mutator<'a> {
    random: SeededRandom,
    words: &'a [&'a [u8]],
}

impl<'a> Mutator<'a> {
    /// The same seed and words give the same changes.
    pub fn new(seed: u64, words: &'a [&'a [u8]]) -> Self {
        Self { random: SeededRandom::new(seed), words }
    }

    /// One of the inputs, changed in one to four places.
    pub fn next(&self, inputs: &[&[u8]]) -> Vec<u8> {
        let mut bytes = inputs[self.below(inputs.len())].to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, inputs);
        }
        bytes
    }

    /// A number below a bound, from the same source.
    pub fn below(&self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    fn change(&self, bytes: &mut Vec<u8>, inputs: &[&[u8]]) {
        let at = self.below(bytes.len() + 1);
        let span = self.below(bytes.len() - at + 1).min(24);
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.drain(at..at + span)),
            2 => {
                let piece = bytes[at..at + span].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let other = inputs[self.below(inputs.len())];
                let from = self.below(other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let word = self.words[self.below(self.words.len())];
                bytes.splice(at..at, word.iter().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_changes() {
        let words: &[&[u8]] = &[b"\r\n", b"0"];
        let (one, two) = (Mutator::new(5, words), Mutator::new(5, words));
        let inputs: &[&[u8]] = &[b"GET / HTTP/1.1\r\n\r\n", b"x"];
        let made: Vec<_> = (0..200).map(|_| one.next(inputs)).collect();
        assert!((0..200).all(|place| two.next(inputs) == made[place]));
        assert!(made.iter().any(|input| !inputs.contains(&input.as_slice())));
    }
}
