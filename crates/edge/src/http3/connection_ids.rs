//! Connection ids that say whose connection it is.
//!
//! The first byte is the generation of the process, the second the worker within it; then come six random bytes and a
//! checksum. A process that takes over a socket from another can tell by it whose packets arrive there, without knowing
//! any of its connections. The checksum tells those ids from the ones that visitors choose for their first packets: one
//! of those is taken for ours once in 65,536 times, where it has our length at all. All connections of one worker share
//! two bytes, so they tell nobody which ids belong together (RFC 9000 §5.1).

use quinn::{ConnectionId, ConnectionIdGenerator};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Random;

/// The length of an id, in bytes.
const LENGTH: usize = 10;
/// What of it the checksum is over.
const CHECKED: usize = LENGTH - 2;
/// The bit of a packet's first byte that marks a long header (RFC 8999 §5.1).
const LONG_HEADER: u8 = 0x80;

/// Which process, and which worker of it, a connection belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) generation: u8,
    pub(crate) worker: u8,
}

impl Owner {
    /// Whose connection a datagram is for; none where it may be the first of a new one: its id is then the visitor's
    /// own choice.
    pub(super) fn of(datagram: &[u8]) -> Option<Self> {
        let id = match datagram {
            [first, rest @ ..] if first & LONG_HEADER == 0 => rest.first_chunk::<LENGTH>()?,
            // The version comes before the id's length (RFC 8999 §5.1).
            [_, _, _, _, _, length, rest @ ..] if usize::from(*length) == LENGTH => rest.first_chunk()?,
            _ => return None,
        };
        let [generation, worker, ..] = *id;
        (id[CHECKED..] == checksum(&id[..CHECKED])).then_some(Self { generation, worker })
    }
}

/// Fletcher's, of 16 bits. No secret: whoever makes up an id that passes gets no further than the endpoint it names.
fn checksum(bytes: &[u8]) -> [u8; LENGTH - CHECKED] {
    let add = |(low, high): (u16, u16), byte: &u8| {
        let low = (low + u16::from(*byte)) % 255;
        (low, (high + low) % 255)
    };
    let (low, high) = bytes.iter().fold((1, 0), add);
    [low as u8, high as u8]
}

/// Makes the ids of one endpoint's connections.
pub(super) struct ConnectionIds {
    pub(super) owner: Owner,
    pub(super) random: Arc<dyn Random>,
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LENGTH];
        self.random.fill(&mut id[2..CHECKED]);
        [id[0], id[1]] = [self.owner.generation, self.owner.worker];
        let sum = checksum(&id[..CHECKED]);
        id[CHECKED..].copy_from_slice(&sum);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use vocabulary::SeededRandom;

    #[test]
    fn a_datagram_says_whose_connection_it_is_for() {
        let owner = Owner { generation: 7, worker: 3 };
        let mut ids = ConnectionIds { owner, random: Arc::new(SeededRandom::new(1)) };
        let ids: HashSet<_> = (0..1000).map(|_| ids.generate_cid().to_vec()).collect();
        assert_eq!(ids.len(), 1000);
        for id in &ids {
            let short = [&[0x41], &id[..], &[0; 20]].concat();
            assert_eq!(Owner::of(&short), Some(owner));
            let long = |id: &[u8]| [&[0xe1, 0, 0, 0, 1, id.len() as u8], id, &[0; 20]].concat();
            assert_eq!(Owner::of(&long(id)), Some(owner), "the rest of a handshake");
            let mut theirs = id.clone();
            theirs[5] ^= 1;
            assert_eq!(Owner::of(&long(&theirs)), None, "an id of the visitor's choice");
            assert_eq!(Owner::of(&long(&id[..8])), None, "one of another length");
        }
        for short in [&[][..], &[0x41], &[0x41, 7, 3]] {
            assert_eq!(Owner::of(short), None);
        }
    }
}
