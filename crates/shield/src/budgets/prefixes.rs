//! Connections of a network, and who goes first when they run short.
//!
//! Networks are /24 and /48. They are counted in a table of fixed size whose cells may be shared by
//! networks that collide under a secret hash: a cell then says too much, never too little, and since
//! nobody is refused without scarcity, and then only above a fair share, that costs little.

use crate::lists::network;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::net::IpAddr;

/// The network that an address is counted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(IpAddr);

impl Prefix {
    /// The /24 or /48 of an address.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self(network(address, if address.is_ipv4() { 24 } else { 48 }))
    }

    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.0
    }

    pub(crate) fn hash(self, key: &[u8; 16]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(key);
        match self.0 {
            IpAddr::V4(v4) => hasher.write(&v4.octets()[..3]),
            IpAddr::V6(v6) => hasher.write(&v6.octets()[..6]),
        }
        hasher.finish()
    }
}

/// How short a resource is: connections, memory, or places for handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarcity {
    /// Below three quarters of the whole.
    None,
    /// Above; this many are left.
    Short {
        /// Connections that can still be taken.
        left: u32,
    },
}

impl Scarcity {
    /// From what is used of a whole.
    pub fn of(used: u32, whole: u32) -> Self {
        if u64::from(used) * 4 < u64::from(whole) * 3 {
            Self::None
        } else {
            Self::Short { left: whole.saturating_sub(used) }
        }
    }
}

/// Connections by network.
#[derive(Debug)]
pub struct PrefixCounts {
    cells: Box<[u32]>,
    key: [u8; 16],
}

impl PrefixCounts {
    /// Cells: 64 KiB of memory.
    pub const CELLS: usize = 16_384;

    /// An empty table.
    pub fn new(random: &dyn vocabulary::Random) -> Self {
        Self { cells: vec![0; Self::CELLS].into(), key: random.bytes() }
    }

    /// Connections of a network: at least as many as there are.
    pub fn of(&self, prefix: Prefix) -> u32 {
        self.cells[self.cell(prefix)]
    }

    /// Takes a connection, unless connections are short and its network already has its share. Under
    /// scarcity a network may hold as many as are still left, but always one.
    pub fn open(&mut self, prefix: Prefix, scarcity: Scarcity) -> bool {
        let cell = self.cell(prefix);
        let own = &mut self.cells[cell];
        let taken = match scarcity {
            Scarcity::None => true,
            Scarcity::Short { left: 0 } => false,
            Scarcity::Short { left } => *own < left.max(1),
        };
        if taken {
            *own = own.saturating_add(1);
        }
        taken
    }

    /// Gives a connection back.
    pub fn close(&mut self, prefix: Prefix) {
        let cell = self.cell(prefix);
        self.cells[cell] = self.cells[cell].saturating_sub(1);
    }

    fn cell(&self, prefix: Prefix) -> usize {
        (prefix.hash(&self.key) % Self::CELLS as u64) as usize
    }
}
