//! Connection ids that say whose connection it is.
//!
//! The first byte is the generation of the process, the second the worker within it; the rest is random. A process that
//! takes over a socket from another can tell by it whose packets arrive there, without knowing any of its connections.
//! All connections of one worker share those two bytes, so they tell nobody which ids belong together (RFC 9000 §5.1).

use quinn::{ConnectionId, ConnectionIdGenerator};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Random;

/// The length of an id, in bytes.
const LENGTH: usize = 10;
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
        match datagram {
            [first, generation, worker, ..] if first & LONG_HEADER == 0 && datagram.len() > LENGTH => {
                Some(Self { generation: *generation, worker: *worker })
            }
            _ => None,
        }
    }
}

/// Makes the ids of one endpoint's connections.
pub(super) struct ConnectionIds {
    pub(super) owner: Owner,
    pub(super) random: Arc<dyn Random>,
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; LENGTH];
        self.random.fill(&mut id[2..]);
        [id[0], id[1]] = [self.owner.generation, self.owner.worker];
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
            let long = [&[0xc1], &id[..], &[0; 20]].concat();
            assert_eq!(Owner::of(&long), None, "an id of a long header may be the visitor's");
        }
        for short in [&[][..], &[0x41], &[0x41, 7, 3]] {
            assert_eq!(Owner::of(short), None);
        }
    }
}
