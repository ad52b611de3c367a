//! Reading a journal back.

use super::MAGIC;
use super::record::{Base, FRAME_BYTES, Told, checksum};
use std::io;
use std::path::Path;

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) base: Base,
    /// Bytes at the end that belong to no whole record.
    pub(crate) torn_bytes: u64,
}

/// Why a journal cannot be used.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Io(io::Error),
    /// Something in it is not what was written.
    Damaged {
        at: u64,
    },
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
            Self::Damaged { at } => write!(f, "it is damaged at byte {at}"),
        }
    }
}

/// Reads a journal: its base, with all that has happened since.
pub(crate) fn read(path: &Path, secret: [u8; 16]) -> Result<Replayed, Unreadable> {
    let bytes = std::fs::read(path).map_err(Unreadable::Io)?;
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else { return Err(Unreadable::Damaged { at: 0 }) };
    let mut replayed = Replayed::default();
    let mut first = true;
    while !rest.is_empty() {
        let Some((payload, after)) = whole(rest, secret) else {
            if first || !is_torn(rest) {
                let at = (bytes.len() - rest.len()) as u64;
                return Err(Unreadable::Damaged { at });
            }
            replayed.torn_bytes = rest.len() as u64;
            break;
        };
        let told = Told::decode(payload).filter(|told| matches!(told, Told::Base(_)) == first);
        let Some(told) = told else {
            return Err(Unreadable::Damaged { at: (bytes.len() - rest.len()) as u64 });
        };
        replayed.base.follow(told);
        (rest, first) = (after, false);
    }
    if first { Err(Unreadable::Damaged { at: MAGIC.len() as u64 }) } else { Ok(replayed) }
}

/// The payload of the first record, and what comes after it.
fn whole(bytes: &[u8], secret: [u8; 16]) -> Option<(&[u8], &[u8])> {
    let (frame, rest) = bytes.split_first_chunk::<FRAME_BYTES>()?;
    let (length, stated) = frame.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (payload, rest) = rest.split_at_checked(length)?;
    (checksum(secret, payload).to_le_bytes() == *stated).then_some((payload, rest))
}

/// Whether a record that is not whole is the last thing in the file: cut short, or not filled in to its end.
fn is_torn(bytes: &[u8]) -> bool {
    let Some((length, _)) = bytes.split_first_chunk::<4>() else { return true };
    let end = FRAME_BYTES as u64 + u64::from(u32::from_le_bytes(*length));
    let filled = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    end >= filled
}

impl Base {
    fn follow(&mut self, told: Told) {
        match told {
            Told::Base(base) => *self = base,
            Told::Purged(window) => drop(self.epochs.apply_window(&window)),
            Told::Invalidated { site, host, port, target } => {
                self.epochs.invalidate(site, &host, port, &target);
            }
            Told::Outdated(hash, least) => self.least.push((hash, least)),
        }
    }
}
