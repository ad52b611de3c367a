//! Small files made from a table of networks: for tests and rehearsals, which must not depend on foreign data.

use crate::location::Location;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A file of these networks, such as `("127.1.0.0/16", location)`, with records of 24 bits; the longest prefix
/// that meets an address has the word. Panics where a network is none.
#[allow(clippy::expect_used, reason = "a test's own table")]
pub fn file(networks: &[(&str, Location)]) -> Vec<u8> {
    file_of(24, networks)
}

/// The same with records of 24, 28 or 32 bits.
pub fn file_of(record_bits: u16, networks: &[(&str, Location)]) -> Vec<u8> {
    let mut tree = Tree { nodes: vec![[Child::Nothing; 2]] };
    let mut values = Vec::new();
    let mut known = BTreeMap::new();
    let mut sorted: Vec<_> = networks.iter().map(|(network, location)| (bits(network), location)).collect();
    sorted.sort_by_key(|((_, length), _)| *length);
    for ((bits, length), location) in sorted {
        let value = record(location);
        let at = *known.entry(value.clone()).or_insert_with(|| {
            values.extend_from_slice(&value);
            values.len() - value.len()
        });
        tree.insert(bits, length, Child::Value(u32::try_from(at).unwrap_or(u32::MAX)));
    }
    let mut out = tree.bytes(record_bits);
    out.extend([0; 16]);
    out.extend(values);
    out.extend(ending(record_bits, u32::try_from(tree.nodes.len()).unwrap_or(u32::MAX)));
    out
}

/// What stands behind the values of a file with this many nodes: the mark, and the description.
pub fn ending(record_bits: u16, nodes: u32) -> Vec<u8> {
    let mut out = b"\xab\xcd\xefMaxMind.com".to_vec();
    out.extend(metadata(record_bits, nodes));
    out
}

#[derive(Clone, Copy)]
enum Child {
    Nothing,
    Node(usize),
    Value(u32),
}

struct Tree {
    nodes: Vec<[Child; 2]>,
}

impl Tree {
    /// Puts a value under the first `length` bits; what lies in between keeps the value of the shorter prefix.
    fn insert(&mut self, bits: u128, length: u8, value: Child) {
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                self.nodes[node][side] = value;
                return;
            }
            node = match self.nodes[node][side] {
                Child::Node(next) => next,
                shorter => {
                    self.nodes.push([shorter; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[node][side] = Child::Node(next);
                    next
                }
            };
        }
    }

    fn bytes(&self, record_bits: u16) -> Vec<u8> {
        let count = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let number = |child: Child| match child {
            Child::Nothing => count,
            Child::Node(node) => u32::try_from(node).unwrap_or(u32::MAX),
            Child::Value(at) => count + 16 + at,
        };
        let mut out = Vec::new();
        for [left, right] in &self.nodes {
            let (left, right) = (number(*left).to_be_bytes(), number(*right).to_be_bytes());
            match record_bits {
                24 => {
                    out.extend(&left[1..]);
                    out.extend(&right[1..]);
                }
                28 => {
                    out.extend(&left[1..]);
                    out.push(left[0] << 4 | right[0]);
                    out.extend(&right[1..]);
                }
                _ => {
                    out.extend(left);
                    out.extend(right);
                }
            }
        }
        out
    }
}

/// The address's bits in a tree of IPv6 addresses, and the length of the prefix there.
#[allow(clippy::expect_used, reason = "a test's own table")]
fn bits(network: &str) -> (u128, u8) {
    let (address, length) = network.split_once('/').expect("a network with its length");
    let length: u8 = length.parse().expect("a length");
    match address.parse().expect("an address") {
        IpAddr::V4(address) => (u128::from(address.to_bits()), length + 96),
        IpAddr::V6(address) => (address.to_bits(), length),
    }
}

fn record(location: &Location) -> Vec<u8> {
    let mut pairs = Vec::new();
    if let Some(continent) = location.continent {
        pairs.push((text("continent"), map(&[(text("code"), letters(continent))])));
    }
    if let Some(country) = location.country {
        pairs.push((text("country"), map(&[(text("iso_code"), letters(country))])));
    }
    if let Some(asn) = location.asn {
        pairs.push((text("autonomous_system_number"), number(6, asn)));
    }
    map(&pairs)
}

fn metadata(record_bits: u16, nodes: u32) -> Vec<u8> {
    map(&[
        (text("binary_format_major_version"), number(5, 2)),
        (text("binary_format_minor_version"), number(5, 0)),
        (text("build_epoch"), number(6, 1_700_000_000)),
        (text("database_type"), text("Rehearsal")),
        (text("description"), map(&[(text("en"), text("made for a rehearsal"))])),
        (text("ip_version"), number(5, 6)),
        // An array without elements.
        (text("languages"), vec![0, 4]),
        (text("node_count"), number(6, nodes)),
        (text("record_size"), number(5, u32::from(record_bits))),
    ])
}

fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![7 << 5 | u8::try_from(pairs.len()).unwrap_or(28)];
    for (key, value) in pairs {
        out.extend(key);
        out.extend(value);
    }
    out
}

fn text(text: &str) -> Vec<u8> {
    letters(text.as_bytes())
}

fn letters(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut out = vec![2 << 5 | u8::try_from(bytes.len()).unwrap_or(28)];
    out.extend(bytes);
    out
}

/// Of type 5 (16 bits) or 6 (32 bits), without leading zeros.
fn number(kind: u8, number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(4);
    let mut out = vec![kind << 5 | u8::try_from(4 - first).unwrap_or(4)];
    out.extend(&bytes[first..]);
    out
}
