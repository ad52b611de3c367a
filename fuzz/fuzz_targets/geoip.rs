//! A file that says where addresses are: whatever its tree and its values hold, looking an address up ends.

#![no_main]

use geo::{Database, testing};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|input: (u8, u8, u128, Vec<u8>)| {
    let (size, nodes, address, mut bytes) = input;
    let record_bits = [24, 28, 32][usize::from(size % 3)];
    bytes.extend(testing::ending(record_bits, u32::from(nodes)));
    if let Ok(database) = Database::parse(bytes) {
        database.locate(IpAddr::V6(Ipv6Addr::from_bits(address)));
        database.locate(IpAddr::V4(Ipv4Addr::from_bits(address as u32)));
    }
});
