//! One record: its length, a keyed checksum, and what it says.

use caching::{Epochs, KeyRef, PurgeWindow};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use vocabulary::SiteId;

/// Length and checksum.
pub(super) const FRAME_BYTES: usize = 4 + 8;

/// Everything that is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Base {
    /// What was purged.
    pub(crate) epochs: Epochs,
    /// Which stamp was current when each process opened the store: its number, then the stamp.
    pub(crate) opened: Vec<(u32, u64)>,
    /// The least fill whose record of a key may still be used: the key's hash, then the fill's number.
    pub(crate) least: Vec<(u64, u64)>,
}

/// Something that has happened.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// Purges came in.
    Purged(&'a PurgeWindow),
    /// A state-changing request went to an address.
    Invalidated(&'a KeyRef<'a>),
    /// Earlier records of a key are outdated.
    Outdated { hash: u64, least: u64 },
}

/// The same, read back.
#[derive(Debug)]
pub(super) enum Told {
    Base(Base),
    Purged(PurgeWindow),
    Invalidated { site: SiteId, host: String, port: Option<u16>, target: Vec<u8> },
    Outdated(u64, u64),
}

const BASE: u8 = 0;
const PURGED: u8 = 1;
const INVALIDATED: u8 = 2;
const OUTDATED: u8 = 3;

impl Base {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(BASE);
        json(out, self);
    }
}

impl Event<'_> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Purged(window) => {
                out.push(PURGED);
                json(out, window);
            }
            Self::Invalidated(key) => {
                out.push(INVALIDATED);
                out.extend_from_slice(key.site.as_bytes());
                out.extend_from_slice(&key.port.unwrap_or(0).to_le_bytes());
                // Request heads are far shorter than 4 GiB.
                out.extend_from_slice(&u32::try_from(key.host.len()).unwrap_or(u32::MAX).to_le_bytes());
                out.extend_from_slice(key.host.as_bytes());
                out.extend_from_slice(&crate::purges::target(key));
            }
            Self::Outdated { hash, least } => {
                out.push(OUTDATED);
                out.extend_from_slice(&hash.to_le_bytes());
                out.extend_from_slice(&least.to_le_bytes());
            }
        }
    }
}

impl Told {
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let (kind, mut rest) = payload.split_first()?;
        let told = match *kind {
            BASE => return serde_json::from_slice(rest).ok().map(Self::Base),
            PURGED => return serde_json::from_slice(rest).ok().map(Self::Purged),
            OUTDATED => {
                Self::Outdated(u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?))
            }
            INVALIDATED => {
                let site = SiteId::from_bytes(take(&mut rest)?);
                let port = u16::from_le_bytes(take(&mut rest)?);
                let length = usize::try_from(u32::from_le_bytes(take(&mut rest)?)).ok()?;
                let (host, target) = rest.split_at_checked(length)?;
                let host = String::from_utf8(host.to_vec()).ok()?;
                let target = target.to_vec();
                return Some(Self::Invalidated { site, host, port: (port != 0).then_some(port), target });
            }
            _ => return None,
        };
        rest.is_empty().then_some(told)
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*first)
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) {
    // Writing to memory does not fail, and these types have no map with keys other than text.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// A whole record around a payload.
pub(super) fn framed(secret: [u8; 16], payload: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut record = vec![0; FRAME_BYTES];
    payload(&mut record);
    let length = u32::try_from(record.len() - FRAME_BYTES).unwrap_or(u32::MAX);
    let checksum = checksum(secret, &record[FRAME_BYTES..]);
    record[..4].copy_from_slice(&length.to_le_bytes());
    record[4..FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
    record
}

/// Keyed, so that another node's journal is as good as none.
pub(crate) fn checksum(secret: [u8; 16], bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&secret);
    hasher.write(bytes);
    hasher.finish()
}
