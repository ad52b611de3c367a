//! One file: a search tree over the bits of addresses, whose leaves point into a section of values.

use crate::location::Location;
use crate::values::Walk;
use std::net::IpAddr;
use std::ops::Range;

/// Stands before the description of the file, at its end.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
/// How far from its end the description may begin.
const METADATA_BYTES_MAX: usize = 128 * 1024;
/// Zeros between tree and values.
const GAP: usize = 16;
/// Leading zero bits of IPv4 addresses in a tree of IPv6 addresses.
const V4_BITS_BEFORE: u32 = 96;

/// A file that was read.
pub struct Database {
    bytes: Vec<u8>,
    tree: Tree,
    values: Range<usize>,
    kind: String,
    built: u64,
}

/// The bytes are no database that can be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The mark before the description is not there.
    #[error("is no MaxMind database, or not a whole one")]
    NoMarker,
    /// The description lacks something.
    #[error("its description has no {0}")]
    Undescribed(&'static str),
    /// Another version of the format.
    #[error("is of version {0} of the format; only version 2 is known")]
    Version(u64),
    /// Records of another size than 24, 28 or 32 bits.
    #[error("has records of {0} bits; only 24, 28 and 32 are known")]
    RecordSize(u64),
    /// Neither IPv4 nor IPv6.
    #[error("is of IP version {0}")]
    IpVersion(u64),
    /// The tree does not fit in the file.
    #[error("ends before its search tree does")]
    Cut,
}

#[derive(Clone, Copy)]
struct Tree {
    nodes: u32,
    record_bits: RecordBits,
    /// The record at which IPv4 addresses begin.
    v4: u32,
    has_v6: bool,
}

#[derive(Clone, Copy)]
enum RecordBits {
    Of24,
    Of28,
    Of32,
}

impl RecordBits {
    fn node_bytes(self) -> usize {
        match self {
            Self::Of24 => 6,
            Self::Of28 => 7,
            Self::Of32 => 8,
        }
    }
}

impl Database {
    /// Takes a file's bytes.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DatabaseError> {
        let marker = last_marker(&bytes).ok_or(DatabaseError::NoMarker)?;
        let about = Metadata::read(&bytes[marker + MARKER.len()..])?;
        let tree_bytes = usize::try_from(about.nodes)
            .ok()
            .and_then(|nodes| nodes.checked_mul(about.record_bits.node_bytes()));
        let values = tree_bytes.and_then(|bytes| bytes.checked_add(GAP)).ok_or(DatabaseError::Cut)?;
        if values > marker {
            return Err(DatabaseError::Cut);
        }
        let tree = Tree { nodes: about.nodes, record_bits: about.record_bits, v4: 0, has_v6: about.has_v6 };
        let mut database = Self { bytes, tree, values: values..marker, kind: about.kind, built: about.built };
        if about.has_v6 {
            database.tree.v4 = database.descend(0, 0, V4_BITS_BEFORE);
        }
        Ok(database)
    }

    /// What its maker calls it, such as `GeoLite2-ASN`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// When it was made, in seconds since 1970.
    pub fn built(&self) -> u64 {
        self.built
    }

    /// What the file says of an address; nothing known where it says nothing. IPv4-mapped IPv6 addresses count
    /// as IPv4.
    pub fn locate(&self, address: IpAddr) -> Location {
        let leaf = match address.to_canonical() {
            IpAddr::V4(address) => self.descend(self.tree.v4, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(_) if !self.tree.has_v6 => return Location::default(),
            IpAddr::V6(address) => self.descend(0, address.to_bits(), 128),
        };
        // A record that is the number of nodes says that nothing is known; above it, it points to a value.
        let Some(past) = leaf.checked_sub(self.tree.nodes).filter(|past| *past > 0) else {
            return Location::default();
        };
        let offset = (past as usize).checked_sub(GAP);
        let values = self.bytes.get(self.values.clone()).unwrap_or_default();
        offset.map_or_else(Location::default, |at| Location::read(&Walk::new(values), at))
    }

    /// The record reached from `record` by the first `count` bits of `bits`, or the leaf met before that.
    fn descend(&self, record: u32, bits: u128, count: u32) -> u32 {
        let mut record = record;
        for depth in 0..count {
            if record >= self.tree.nodes {
                break;
            }
            record = self.child(record, bits >> (127 - depth) & 1 == 1);
        }
        record
    }

    /// The left or the right record of a node.
    fn child(&self, node: u32, right: bool) -> u32 {
        let size = self.tree.record_bits.node_bytes();
        let at = node as usize * size;
        // The tree was measured when the file was taken.
        let Some(node) = self.bytes.get(at..at + size) else { return self.tree.nodes };
        let number =
            |range: Range<usize>| node[range].iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
        match (self.tree.record_bits, right) {
            (RecordBits::Of24, false) => number(0..3),
            (RecordBits::Of24, true) => number(3..6),
            (RecordBits::Of28, false) => number(0..3) | u32::from(node[3] >> 4) << 24,
            (RecordBits::Of28, true) => number(4..7) | u32::from(node[3] & 0x0f) << 24,
            (RecordBits::Of32, false) => number(0..4),
            (RecordBits::Of32, true) => number(4..8),
        }
    }
}

fn last_marker(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(METADATA_BYTES_MAX);
    bytes[from..].windows(MARKER.len()).rposition(|window| window == MARKER).map(|at| from + at)
}

/// What a file says of itself.
struct Metadata {
    nodes: u32,
    record_bits: RecordBits,
    has_v6: bool,
    kind: String,
    built: u64,
}

impl Metadata {
    fn read(section: &[u8]) -> Result<Self, DatabaseError> {
        let walk = Walk::new(section);
        let (mut version, mut nodes, mut bits, mut ip) = (None, None, None, None);
        let (mut kind, mut built) = (String::new(), 0);
        for (key, at) in walk.pairs(0) {
            match key {
                b"binary_format_major_version" => version = walk.number(at),
                b"node_count" => nodes = walk.number(at),
                b"record_size" => bits = walk.number(at),
                b"ip_version" => ip = walk.number(at),
                b"build_epoch" => built = walk.number(at).unwrap_or(0),
                b"database_type" => {
                    let text = walk.text(at).unwrap_or_default();
                    kind = String::from_utf8_lossy(&text[..text.len().min(64)]).into_owned();
                }
                _ => {}
            }
        }
        match version.ok_or(DatabaseError::Undescribed("version"))? {
            2 => {}
            other => return Err(DatabaseError::Version(other)),
        }
        let nodes = nodes.and_then(|nodes| u32::try_from(nodes).ok());
        Ok(Self {
            nodes: nodes.ok_or(DatabaseError::Undescribed("number of nodes"))?,
            record_bits: match bits.ok_or(DatabaseError::Undescribed("size of records"))? {
                24 => RecordBits::Of24,
                28 => RecordBits::Of28,
                32 => RecordBits::Of32,
                other => return Err(DatabaseError::RecordSize(other)),
            },
            has_v6: match ip.ok_or(DatabaseError::Undescribed("version of addresses"))? {
                4 => false,
                6 => true,
                other => return Err(DatabaseError::IpVersion(other)),
            },
            kind,
            built,
        })
    }
}
