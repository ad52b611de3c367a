//! Proofs that an entry was logged and witnessed, in the text form of C2SP tlog-proof.

use crate::base64_text;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::merkle::PROOF_HASHES_MAX;
use crate::note::{Note, NoteError};
use std::fmt;
use vocabulary::Digest;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Most bytes of the opaque extra data we take.
const EXTRA_BYTES_MAX: usize = 16 * 1024;

/// Index, inclusion proof and checkpoint of one entry. Nothing in it is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque data, authenticated by nothing.
    pub extra: Option<Vec<u8>>,
    /// Place of the entry in the log, from 0.
    pub index: u64,
    /// Inclusion proof, the leaf's sibling first (RFC 6962 §2.1.1).
    pub hashes: Vec<Digest>,
    /// The checkpoint, with its signatures.
    pub checkpoint: Note,
}

/// Why a text is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// Another format or version.
    #[error("not a tlog-proof: the first line must be {HEADER}")]
    Header,
    /// A line that should not be there, or is missing.
    #[error("not a tlog-proof: {0}")]
    Line(&'static str),
    /// Over a bound.
    #[error("a tlog-proof has at most {PROOF_HASHES_MAX} hashes and {EXTRA_BYTES_MAX} bytes of extra data")]
    TooLong,
    /// The checkpoint is no signed note.
    #[error("the checkpoint of the tlog-proof cannot be read")]
    Note(#[source] NoteError),
    /// The note's text is no checkpoint.
    #[error("the tlog-proof ends in a note that is no checkpoint")]
    Checkpoint(#[source] CheckpointError),
}

impl TlogProof {
    /// Reads a proof; only the one spelling of each value is taken.
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::Line("no checkpoint"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(TlogProofError::Header);
        }
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(encoded) => {
                lines.next();
                Some(extra(encoded)?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(base64_text::decimal);
        let index = index.ok_or(TlogProofError::Line("a line \"index N\" is needed"))?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(TlogProofError::TooLong);
            }
            let hash = base64_text::decode_hash(line);
            hashes.push(hash.ok_or(TlogProofError::Line("a hash of the inclusion proof cannot be read"))?);
        }
        let checkpoint = Note::parse(checkpoint).map_err(TlogProofError::Note)?;
        Checkpoint::parse(checkpoint.text()).map_err(TlogProofError::Checkpoint)?;
        Ok(Self { extra, index, hashes, checkpoint })
    }
}

fn extra(encoded: &str) -> Result<Vec<u8>, TlogProofError> {
    let bytes = base64_text::decode(encoded).ok_or(TlogProofError::Line("the extra data is not base64"))?;
    if bytes.len() <= EXTRA_BYTES_MAX { Ok(bytes) } else { Err(TlogProofError::TooLong) }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", base64_text::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", base64_text::encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    const NOTE: &str = "example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n\
        — example.com/fancylog Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    /// The example of C2SP tlog-proof, with a whole signature line.
    fn example(extra: &str) -> String {
        format!(
            "c2sp.org/tlog-proof@v1\n{extra}index 73894\n\
             gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\
             B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n{NOTE}"
        )
    }

    #[test]
    fn proofs_are_read_and_written_back() {
        for extra in ["", "extra YWdl\n", "extra \n"] {
            let text = example(extra);
            let proof = TlogProof::parse(&text).expect(extra);
            assert_eq!((proof.index, proof.hashes.len()), (73_894, 2));
            assert_eq!(proof.extra.is_some(), !extra.is_empty());
            assert_eq!(proof.to_string(), text);
        }
        let alone = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}");
        assert_eq!(TlogProof::parse(&alone).expect("a tree of one leaf").to_string(), alone);
    }

    #[test]
    fn other_shapes_are_refused() {
        let good = example("");
        for text in [
            String::new(),
            good.replace("@v1", "@v2"),
            good.replace("index 73894", "index 073894"),
            good.replace("index 73894", "index +73894"),
            good.replace("index 73894\n", ""),
            good.replace("\ngSKy", "\n\ngSKy"),
            good.replace("XmA=\n", "XmA\n"),
            good.replace("XmA=\n", "XmB=\n"),
            good.replace("\n\nexample", "\nexample"),
            example("extra YWd\n"),
            example("extra YWdl\nextra YWdl\n"),
            example(&"gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n".repeat(3)),
        ] {
            assert!(TlogProof::parse(&text).is_err(), "{text}");
        }
        let long = good.replace(
            "index 73894\n",
            &format!("index 1\n{}", format!("{}\n", "A".repeat(43) + "=").repeat(70)),
        );
        assert_eq!(TlogProof::parse(&long), Err(TlogProofError::TooLong));
    }

    #[test]
    fn mutated_proofs_never_panic_and_have_one_spelling() {
        let random = SeededRandom::new(8);
        let good = example("extra YWdl\n").into_bytes();
        for _ in 0..5000 {
            let mut bytes = good.clone();
            for _ in 0..=random.below(2) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Ok(proof) = TlogProof::parse(&text) {
                assert_eq!(proof.to_string(), text);
            }
        }
    }
}
