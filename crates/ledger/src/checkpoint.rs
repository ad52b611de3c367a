//! Checkpoints (C2SP tlog-checkpoint), signed by the log and cosigned by witnesses
//! (C2SP tlog-cosignature, Ed25519 `cosignature/v1`).

use crate::base64_text;
use crate::key::{Algorithm, KeyError, SignerKey, VerifierKey};
use crate::note::{Note, NoteSignature};
use std::fmt;
use vocabulary::{Digest, Timestamp};

/// The head of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's identity.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Digest,
    /// Extension lines, each with its newline; empty in our own log.
    pub extension: String,
}

/// The text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: lines for origin, tree size and root hash are needed")]
pub struct CheckpointError;

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: &str, size: u64, root: Digest) -> Self {
        Self { origin: origin.to_owned(), size, root, extension: String::new() }
    }

    /// Reads a note's text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.splitn(4, '\n');
        let (Some(origin), Some(size), Some(root), Some(extension)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CheckpointError);
        };
        let size = base64_text::decimal(size).ok_or(CheckpointError)?;
        let root = base64_text::decode_hash(root).ok_or(CheckpointError)?;
        let lines = extension.is_empty() || extension.ends_with('\n');
        if origin.is_empty() || !lines || extension.starts_with('\n') || extension.contains("\n\n") {
            return Err(CheckpointError);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extension: extension.to_owned() })
    }

    /// The log's signed note. The key's name must be the origin.
    pub fn sign(&self, key: &SignerKey) -> Result<Note, KeyError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(KeyError::Algorithm(key.algorithm() as u8));
        }
        if key.name() != self.origin {
            return Err(KeyError::Name(self.origin.chars().take(80).collect()));
        }
        let text = self.to_string();
        let signature = NoteSignature::by(key, key.sign_message(text.as_bytes()).to_vec());
        let note = Note::unsigned(&text).map_err(|_| KeyError::Malformed)?;
        Ok(note.with(signature))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = base64_text::encode(self.root.as_bytes());
        write!(f, "{}\n{}\n{root}\n{}", self.origin, self.size, self.extension)
    }
}

/// A witness's statement that, at `time`, this note's tree was the largest consistent one it had seen.
///
/// Only [`crate::witness`] may call it: a cosignature without its checks is worth nothing.
pub(crate) fn cosign(note_text: &str, key: &SignerKey, time: Timestamp) -> NoteSignature {
    let seconds = u64::try_from(time.as_secs()).unwrap_or(0);
    let signature = key.sign_message(cosigned_message(note_text, seconds).as_bytes());
    NoteSignature::by(key, [&seconds.to_be_bytes(), signature.as_slice()].concat())
}

/// The time of a valid cosignature by `key` on this note text; none if it does not verify.
pub fn cosigned_at(note_text: &str, line: &NoteSignature, key: &VerifierKey) -> Option<Timestamp> {
    if key.algorithm() != Algorithm::CosignatureV1 || !line.claims(key) {
        return None;
    }
    let (time, signature) = line.bytes().split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*time);
    let time = i64::try_from(seconds).ok().map(Timestamp::from_secs)?;
    key.signed(cosigned_message(note_text, seconds).as_bytes(), signature).then_some(time)
}

/// Whether `line` is a valid signature by the log `key` on this note text.
pub fn signed_by_log(note_text: &str, line: &NoteSignature, key: &VerifierKey) -> bool {
    key.algorithm() == Algorithm::Ed25519
        && line.claims(key)
        && key.signed(note_text.as_bytes(), line.bytes())
}

fn cosigned_message(note_text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{note_text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    /// The example of C2SP tlog-cosignature.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

    #[test]
    fn the_documents_example_is_read_and_written_back() {
        let note = Note::parse(EXAMPLE).expect("note");
        let checkpoint = Checkpoint::parse(note.text()).expect("checkpoint");
        assert_eq!(
            (checkpoint.origin.as_str(), checkpoint.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.to_string(), note.text());
        assert_eq!(note.to_string(), EXAMPLE);
        let cosignature = note.signatures()[1].bytes();
        assert_eq!(cosignature.len(), 72);
        assert_eq!(u64::from_be_bytes(cosignature[..8].try_into().expect("8 bytes")), 1_679_315_147);
    }

    #[test]
    fn other_texts_are_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for text in [
            String::new(),
            format!("o\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            "o\n1\nAAAA\n".to_owned(),
            format!("o\n1\n{root}\n\n"),
            format!("o\n1\n{root}\nx"),
            format!("o\n1\n{root}\nx\n\ny\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
        let extended = format!("o\n1\n{root}\nx\ny\n");
        assert_eq!(Checkpoint::parse(&extended).expect("extension").to_string(), extended);
    }

    #[test]
    fn cosignatures_bind_text_time_and_key() {
        let random = SeededRandom::new(3);
        let log = SignerKey::for_log(&random, "log.test").expect("key");
        let witness = SignerKey::for_witness(&random, "witness.test").expect("key");
        let other = SignerKey::for_witness(&random, "witness.test").expect("key");
        let note = Checkpoint::new("log.test", 7, Digest::of(b"root")).sign(&log).expect("note");
        assert!(signed_by_log(note.text(), &note.signatures()[0], &log.verifier()));
        assert!(!signed_by_log("log.test\n8\n", &note.signatures()[0], &log.verifier()));

        let time = Timestamp::from_millis(1_700_000_000_999);
        let line = cosign(note.text(), &witness, time);
        let second = Timestamp::from_secs(1_700_000_000);
        assert_eq!(cosigned_at(note.text(), &line, &witness.verifier()), Some(second));
        assert_eq!(cosigned_at(note.text(), &line, &other.verifier()), None);
        assert_eq!(cosigned_at("another\n", &line, &witness.verifier()), None);
        let mut later = line.bytes().to_vec();
        later[7] ^= 1;
        let later = NoteSignature::by(&witness, later);
        assert_eq!(cosigned_at(note.text(), &later, &witness.verifier()), None);
    }

    #[test]
    fn only_the_logs_own_key_signs_its_checkpoint() {
        let random = SeededRandom::new(4);
        let checkpoint = Checkpoint::new("log.test", 0, crate::merkle::empty_root());
        assert!(checkpoint.sign(&SignerKey::for_log(&random, "else.test").expect("key")).is_err());
        assert!(checkpoint.sign(&SignerKey::for_witness(&random, "log.test").expect("key")).is_err());
    }
}
