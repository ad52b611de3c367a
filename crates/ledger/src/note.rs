//! Signed notes (C2SP signed-note): a text, an empty line, signature lines.
//!
//! Wraps the crate `signed_note` so that a note is read back only in its one spelling. Whether a
//! signature counts is for [`crate::tlog_policy`] and [`crate::witness`] to say.

use crate::base64_text;
use crate::key::{SignerKey, VerifierKey};
use std::fmt;

/// Most bytes of a note. Sized for the text and 16 ML-DSA-44 cosignatures, 3.5 kB each.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signature lines of a note; signed-note asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// A note whose signatures are not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: u32,
    signature: Vec<u8>,
}

/// Why bytes are no note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Over a bound.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes and {NOTE_SIGNATURES_MAX} signatures")]
    TooLong,
    /// Not text, an empty line, and signature lines.
    #[error("not a signed note: a text ending in a newline, an empty line and signature lines are needed")]
    Malformed,
}

impl NoteSignature {
    /// Reads a line `— name base64(id ‖ signature)`, without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let read = signed_note::Signature::from_bytes(line.as_bytes()).map_err(|_| NoteError::Malformed)?;
        let read = Self { name: read.name().to_owned(), id: read.id(), signature: read.signature().to_vec() };
        if read.to_string() == line { Ok(read) } else { Err(NoteError::Malformed) }
    }

    /// A signature by this key; `bytes` as the key's algorithm makes them.
    pub(crate) fn by(key: &SignerKey, bytes: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.verifier().id(), signature: bytes }
    }

    /// Whether this line claims to be by this key.
    pub fn claims(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }

    /// Name of the key that it claims.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signature without the key id.
    pub fn bytes(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes(), self.signature.as_slice()].concat();
        write!(f, "— {} {}", self.name, base64_text::encode(&bytes))
    }
}

impl Note {
    /// A note without signatures yet; the text ends in a newline.
    pub fn unsigned(text: &str) -> Result<Self, NoteError> {
        signed_note::Note::new(text.as_bytes(), &[]).map_err(|_| NoteError::Malformed)?;
        Ok(Self { text: text.to_owned(), signatures: Vec::new() })
    }

    /// Reads a note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let mut read = Self::unsigned(&format!("{text}\n"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        for line in lines.split('\n') {
            if read.signatures.len() == NOTE_SIGNATURES_MAX {
                return Err(NoteError::TooLong);
            }
            read.signatures.push(NoteSignature::parse(line)?);
        }
        Ok(read)
    }

    /// What is signed, final newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature, in place of an earlier one by the same key.
    #[must_use]
    pub fn with(mut self, signature: NoteSignature) -> Self {
        self.signatures.retain(|other| (&other.name, other.id) != (&signature.name, signature.id));
        self.signatures.push(signature);
        self
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of C2SP signed-note: its text holds an empty line.
    const EXAMPLE: &str = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
        — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";

    #[test]
    fn the_documents_example_round_trips() {
        let note = Note::parse(EXAMPLE).expect("note");
        assert!(note.text().ends_with("\n\ned è subito sera.\n"));
        assert_eq!(note.signatures().len(), 1);
        assert_eq!(note.to_string(), EXAMPLE);
    }

    #[test]
    fn other_shapes_are_refused() {
        let many = format!("x\n\n{}", "— n AAAAAAA=\n".repeat(NOTE_SIGNATURES_MAX + 1));
        for text in [
            "",
            "\n\n",
            "x\n",
            "x\n\n",
            "x\n\n— n AAAAAAA=",
            "x\n\n- n AAAAAAA=\n",
            "x\n\n— n AAAAAAB=\n",
            "x\n\n— n AAAAAAA\n",
            "x\n\n— n+m AAAAAAA=\n",
            "x\n\n— n  AAAAAAA=\n",
            "x\r\n\n— n AAAAAAA=\n",
            "x\n\n— n AAAAAAA=\n\n",
            &many,
        ] {
            assert!(Note::parse(text).is_err(), "{text:?}");
        }
        assert!(Note::parse("x\n\n— n AAAAAAA=\n").is_ok());
    }
}
